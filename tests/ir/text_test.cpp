// The text form: what is printed, that it reads back bit for bit, and what is said about text that cannot be read.

#include <bit>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>

#include <sinter/ir/ops.h>
#include <sinter/ir/text.h>
#include <sinter/ir/verify.h>

#include "ir/text/literals.h"
#include "support/catch.h"

using namespace sinter;
using namespace sinter::ir;

namespace {

template <class T>
TensorData data_of(DType dtype, Shape shape, const std::vector<T>& values) {
  return TensorData::copy(TensorType{dtype, std::move(shape)}, values.data());
}

void check_round_trip(const Graph& graph) {
  const std::string text = print(graph);
  INFO(text);
  const Graph back = parse_graph(text);
  CHECK(back == graph);
  CHECK(print(back) == text);
}

void check_round_trip(const Program& program) {
  const std::string text = print(program);
  INFO(text);
  const Program back = parse_program(text);
  CHECK(back == program);
  CHECK(print(back) == text);
}

/// A graph with an op of every kind of attribute.
Graph example_graph() {
  Graph g("train");
  const Expr x = input(g, "x", {DType::f32, {4, 3}});
  g.set_path("sequential/dense");
  const Expr w = state(g, "dense/kernel", {DType::f32, {3, 2}});
  const Expr y = dot(x, w, {{}, {}, {1}, {0}});
  const Expr half = constant(g, DType::f32, 0.5);
  const Expr z = max(y, broadcast(half, y.shape()));
  g.set_path("");
  const Expr low = pad(z, {0, 1}, {2, -1}, -0.0, {1, 0});
  const Expr top = argmax(low, 1);
  const Expr positive = compare(w, Direction::gt, 0.0);
  g.add_output("y", low.value());
  g.add_output("class", top.value());
  g.set_update(w.value().node, select(positive, w, -w).value());
  return g;
}

std::shared_ptr<const Graph> two_result_body() {
  auto body = std::make_shared<Graph>("main");
  const Expr a = input(*body, "p0", {DType::f32, {2}});
  body->add_output("r0", exp(a).value());
  body->add_output("r1", convert(a, DType::i32).value());
  return body;
}

Graph fused_graph() {
  Graph g;
  const Expr x = input(g, "x", {DType::f32, {2}});
  g.set_path("a \"quoted\"\npath\\");
  const NodeId fused = g.add(kind_of<Fused>(), pack(Fused::Attrs{"exp+convert", ""}), {x.value()}, two_result_body());
  g.set_path("");
  const Expr second(g, Value{fused, 1});
  g.add_output("y", Value{fused, 0});
  g.add_output("z", apply<And>({second, second}).value());
  return g;
}

Kernel example_kernel(std::vector<BufferId> inputs, std::vector<BufferId> outputs) {
  Graph body("body of k");
  const Expr a = input(body, "p0", {DType::f32, {4}});
  body.add_output("r0", (a + a).value());
  Schedule schedule;
  schedule.form = KernelForm::row;
  schedule.lanes = 16;
  schedule.tile_rows = 11;
  schedule.parallel = true;
  return {"add",   "why", std::make_shared<const Graph>(std::move(body)), std::move(inputs), std::move(outputs),
          schedule};
}

Program example_program() {
  Program p;
  p.name = "train";
  p.arena_bytes = 128;
  p.arena_lower_bound = 64;
  const TensorType four{DType::f32, {4}};
  p.buffers.push_back({BufferKind::input, "x", four, 0, {}});
  p.buffers.push_back({BufferKind::state, "w", {DType::f32, {2, 2}}, 0, {}});
  p.buffers.push_back({BufferKind::arena, "", four, 64, {}});
  p.buffers.push_back({BufferKind::output, "y", four, 0, {}});
  p.buffers.push_back({BufferKind::constant, "", four, 0, data_of<float>(DType::f32, {4}, {1, -0.0F, 1e-45F, 3e38F})});
  p.buffers.push_back({BufferKind::derived, "packed w", four, 0, {}});
  p.items.emplace_back(example_kernel({0}, {2}));
  p.items.emplace_back(Barrier{});
  Loop inner{2, {example_kernel({2}, {1})}};
  Loop outer{3, {std::make_shared<const Loop>(inner), Barrier{}}};
  p.items.emplace_back(std::make_shared<const Loop>(outer));
  Kernel last = example_kernel({4}, {3});
  last.note.clear();
  last.schedule = {};
  p.items.emplace_back(last);
  return p;
}

std::string message_of(const std::string& text) {
  try {
    parse(text, "t.sir");
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a graph prints as the README shows") {
  CHECK(print(example_graph()) == R"(// sinter 1
graph @train {
  %0 = input "x" : f32[4,3]
  %1 = state "dense/kernel" : f32[3,2] at "sequential/dense"
  %2 = dot %0, %1 {batch_a = [], batch_b = [], contract_a = [1], contract_b = [0]} : f32[4,2] at "sequential/dense"
  %3 = constant 0.5 : f32[] at "sequential/dense"
  %4 = broadcast %3 {shape = <4,2>, dims = []} : f32[4,2] at "sequential/dense"
  %5 = max %2, %4 : f32[4,2] at "sequential/dense"
  %6 = pad %5 {low = [0,1], high = [2,-1], interior = [1,0], value = -0.0} : f32[9,2]
  %7 = argmax %6 {axis = 1} : i32[9]
  %8 = constant 0 : f32[]
  %9 = broadcast %8 {shape = <3,2>, dims = []} : f32[3,2]
  %10 = compare %1, %9 {direction = "gt"} : i1[3,2]
  %11 = neg %1 : f32[3,2]
  %12 = select %10, %1, %11 : f32[3,2]
  update %1 = %12
  return %6 "y", %7 "class"
}
)");
}

TEST_CASE("regions print their bodies and results by number") {
  CHECK(print(fused_graph()) == R"(// sinter 1
graph @main {
  %0 = input "x" : f32[2]
  %1 = fused %0 {name = "exp+convert", note = ""} : (f32[2], i32[2]) at "a \"quoted\"\npath\\" {
    %0 = input "p0" : f32[2]
    %1 = exp %0 : f32[2]
    %2 = convert %0 {to = i32} : i32[2]
    return %1 "r0", %2 "r1"
  }
  %2 = and %1.1, %1.1 : i32[2]
  return %1.0 "y", %2 "z"
}
)");
}

TEST_CASE("a program prints as the README shows") {
  CHECK(print(example_program()) == R"(// sinter 1
program @train {
  arena 128 bytes, lower bound 64 bytes
  %b0 = input "x" : f32[4]
  %b1 = state "w" : f32[2,2]
  %b2 = arena offset 64 : f32[4]
  %b3 = output "y" : f32[4]
  %b4 = constant [1, -0, 1e-45, 3e+38] : f32[4]
  %b5 = derived "packed w" : f32[4]
  kernel "add" (%b0) -> (%b2) {form = row, lanes = 16, tile_rows = 11, parallel = true} note "why" @"body of k" {
    %0 = input "p0" : f32[4]
    %1 = add %0, %0 : f32[4]
    return %1 "r0"
  }
  barrier
  for 3 {
    for 2 {
      kernel "add" (%b2) -> (%b1) {form = row, lanes = 16, tile_rows = 11, parallel = true} note "why" @"body of k" {
        %0 = input "p0" : f32[4]
        %1 = add %0, %0 : f32[4]
        return %1 "r0"
      }
    }
    barrier
  }
  kernel "add" (%b4) -> (%b3) {form = pointwise} @"body of k" {
    %0 = input "p0" : f32[4]
    %1 = add %0, %0 : f32[4]
    return %1 "r0"
  }
}
)");
}

TEST_CASE("graphs and programs read back as they were") {
  check_round_trip(example_graph());
  check_round_trip(fused_graph());
  check_round_trip(example_program());
  check_round_trip(Graph("empty"));
  check_round_trip(Graph("a name, with spaces \x01 and \"quotes\""));
  check_round_trip(Graph(""));
  check_round_trip(Program{});
  CHECK(std::holds_alternative<Graph>(parse(print(example_graph()))));
  CHECK(std::holds_alternative<Program>(parse(print(example_program()))));
}

TEST_CASE("constants of every size and type read back as they were") {
  Graph g;
  const std::vector<float> many = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
  const std::vector<float> same(40, std::bit_cast<float>(0x7F800001U));
  constant(g, TensorData::scalar(DType::f64, 0.1));
  constant(g, data_of<float>(DType::f32, {2, 2}, {1, 2, 3, 4}));
  constant(g, data_of<float>(DType::f32, {1, 1, 1}, {-0.0F}));
  constant(g, data_of<float>(DType::f32, {0}, {}));
  constant(g, data_of<float>(DType::f32, {2, 0, 3}, {}));
  constant(g, data_of<float>(DType::f32, {17}, many));
  constant(g, data_of<float>(DType::f32, {5, 8}, same));
  constant(g, data_of<std::int64_t>(DType::i64, {2}, {std::numeric_limits<std::int64_t>::min(), 7}));
  constant(g, data_of<std::uint32_t>(DType::u32, {1}, {4294967295U}));
  constant(g, data_of<std::uint8_t>(DType::u8, {2}, {0, 255}));
  constant(g, data_of<std::uint8_t>(DType::i1, {2}, {0, 1}));
  constant(g, data_of<std::uint8_t>(DType::i1, {2}, {0, 2}));  // no spelling of its own, bytes kept all the same
  check_round_trip(g);
  const std::string text = print(g);
  CHECK_THAT(text, Catch::Contains("constant 0.1 : f64[]"));
  CHECK_THAT(text, Catch::Contains("constant [[1, 2], [3, 4]] : f32[2,2]"));
  CHECK_THAT(text, Catch::Contains("constant [[[-0]]] : f32[1,1,1]"));
  CHECK_THAT(text, Catch::Contains("constant [] : f32[2,0,3]"));
  CHECK_THAT(text, Catch::Contains("constant base64 \"AACAPwAAAEAAAEBA"));
  CHECK_THAT(text, Catch::Contains("constant splat 0x7f800001 : f32[5,8]"));
  CHECK_THAT(text, Catch::Contains("constant [-9223372036854775808, 7] : i64[2]"));
  CHECK_THAT(text, Catch::Contains("constant [false, true] : i1[2]"));
  CHECK_THAT(text, Catch::Contains("constant base64 \"AAI=\" : i1[2]"));
}

namespace {

template <class Bits>
bool survives(DType dtype, Bits bits) {
  std::byte before[sizeof bits];
  std::byte after[sizeof bits] = {};
  std::memcpy(before, &bits, sizeof bits);
  const std::string spelled = text::element_text(dtype, before);
  return !text::read_element(dtype, spelled, after) && std::memcmp(before, after, sizeof bits) == 0;
}

/// All signs and exponents, with the smallest, largest and some other mantissas.
template <class Bits>
void check_patterns(DType dtype, int mantissa_bits) {
  const Bits mantissa_mask = static_cast<Bits>((Bits{1} << mantissa_bits) - 1);
  std::size_t failed = 0;
  std::uint64_t random = 1;
  for (Bits high = 0; high < (Bits{1} << (8 * sizeof(Bits) - 1 - mantissa_bits)); ++high) {
    for (int k = 0; k < 8; ++k) {
      random = random * 6364136223846793005U + 1442695040888963407U;
      const Bits mantissa = k == 0   ? Bits{0}
                            : k == 1 ? Bits{1}
                            : k == 2 ? mantissa_mask
                            : k == 3 ? static_cast<Bits>(Bits{1} << (mantissa_bits - 1))
                                     : static_cast<Bits>((random >> 11U) & mantissa_mask);
      const Bits positive = static_cast<Bits>(high << mantissa_bits) | mantissa;
      const Bits sign = Bits{1} << (8 * sizeof(Bits) - 1);
      failed += survives(dtype, positive) && survives(dtype, static_cast<Bits>(positive | sign)) ? 0 : 1;
    }
  }
  CHECK(failed == 0);
}

}  // namespace

TEST_CASE("floats keep their bits") {
  check_patterns<std::uint32_t>(DType::f32, 23);
  check_patterns<std::uint64_t>(DType::f64, 52);
  for (const DType half : {DType::bf16, DType::f16}) {
    std::size_t failed = 0;
    for (std::uint32_t bits = 0; bits < 0x10000U; ++bits)
      failed += survives(half, static_cast<std::uint16_t>(bits)) ? 0 : 1;
    CHECK(failed == 0);
  }
}

TEST_CASE("attributes of type double keep their bits and differ from integers") {
  for (const double value : {0.0, -0.0, 1.0, -3.0, 1e300, 5e-324, std::numeric_limits<double>::max(),
                             std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::quiet_NaN(),
                             std::bit_cast<double>(0x7FF0000000000001U)}) {
    Graph g;
    pad(input(g, "x", {DType::f32, {2}}), {1}, {1}, value);
    check_round_trip(g);
  }
  const Graph g = parse_graph(R"(graph @f { %0 = input "x" : f32[2]
    %1 = pad %0 {low = [1], high = [0], interior = [0], value = 3} })");
  CHECK_THAT(print(g), Catch::Contains("value = 3.0"));
}

TEST_CASE("strings keep their bytes") {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  const std::string quoted = text::quote(all);
  CHECK(text::unquote(quoted.substr(1, quoted.size() - 2)) == all);
  Graph g;
  input(g, all, {DType::f32, {}});
  check_round_trip(g);
}

TEST_CASE("base64 reads back and refuses what it did not write") {
  for (std::size_t n = 0; n < 20; ++n) {
    std::vector<std::byte> bytes(n);
    for (std::size_t k = 0; k < n; ++k) bytes[k] = static_cast<std::byte>(k * 37 + 200);
    CHECK(text::from_base64(text::to_base64(bytes)) == bytes);
  }
  for (const std::string_view bad : {"A", "AA", "AAA", "AAAAA", "A===", "AA=A", "====", "AA==AAAA", "AA*A"})
    CHECK_FALSE(text::from_base64(bad).has_value());
}

TEST_CASE("hand-written text may number freely, leave types out and carry comments") {
  const Graph g = parse_graph(
      "graph @f { %70 = input \"x\" : f32[2] // first\r\n %3 = neg %70 %4 = add %3, %70.0 at \"p\" return %4 \"y\" }");
  CHECK(print(g) == R"(// sinter 1
graph @f {
  %0 = input "x" : f32[2]
  %1 = neg %0 : f32[2]
  %2 = add %1, %0 : f32[2] at "p"
  return %2 "y"
}
)");
}

TEST_CASE("attributes may come in any order; the op's own is printed") {
  const Graph g = parse_graph(R"(graph @f { %0 = iota {axis = 0, shape = <3>, dtype = i64} })");
  CHECK_THAT(print(g), Catch::Contains("iota {dtype = i64, shape = <3>, axis = 0} : i64[3]"));
}

TEST_CASE("equality sees every part that the text shows") {
  const auto differs = [](const std::string& from, const std::string& to) {
    const std::string text = print(example_program());
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    std::string changed = text;
    changed.replace(at, from.size(), to);
    INFO(changed);
    CHECK_FALSE(parse_program(changed) == parse_program(text));
  };
  differs("@train", "@other");
  differs("128 bytes", "192 bytes");
  differs("bound 64", "bound 0");
  differs("offset 64", "offset 0");
  differs("\"y\"", "\"z\"");
  differs("-0,", "0,");
  differs("lanes = 16", "lanes = 8");
  differs(", parallel = true", "");
  differs("note \"why\"", "");
  differs("@\"body of k\" ", "");
  differs("for 3", "for 4");
  differs("  barrier\n", "");
  differs("(%b0)", "(%b1)");
  differs("add %0, %0", "mul %0, %0");
  differs("\"r0\"", "\"r1\"");
  Graph a, b;
  pad(input(a, "x", {DType::f32, {2}}), {1}, {1}, 0.0);
  pad(input(b, "x", {DType::f32, {2}}), {1}, {1}, -0.0);
  CHECK_FALSE(a == b);
}

namespace {

struct Mistake {
  std::string text;
  std::string message;  // after "t.sir:"
};

/// Line 2 of a graph that begins with an input %0 of type f32[2,3] and an i32[2] input %1.
Mistake in_graph(const std::string& line, const std::string& message) {
  return {"graph @f { %0 = input \"x\" : f32[2,3] %1 = input \"i\" : i32[2]\n" + line + "\n}", message};
}

Mistake in_program(const std::string& line, const std::string& message) {
  return {
      "program @p { arena 64 bytes, lower bound 0 bytes %b0 = input \"x\" : f32[2] %b1 = arena offset 0 : f32[2]\n" +
          line + "\n}",
      message};
}

const std::string neg_body = "{%0 = input \"a\" : f32[2] %1 = neg %0 return %1 \"r\"}";

std::vector<Mistake> mistakes() {
  return {
      {"", "1:1: expected 'graph' or 'program', got end of file"},
      {"// sinter 2\ngraph @f {}", "1:11: expected text version 1, got '2'"},
      {"grph @f {}", "1:1: expected 'graph' or 'program', got 'grph'"},
      {"graph f {}", "1:7: expected the graph's name, like @main, got 'f'"},
      {"graph @ {}", "1:7: expected a name after '@'"},
      {"graph @f {", "1:11: expected a node, 'update', 'return' or '}', got end of file"},
      {"graph @f {} x", "1:13: expected end of file, got 'x'"},
      {"graph @f { $ }", "1:12: expected a token, got '$'"},
      {"graph @f { %0 = input \"x : f32[] }", "1:23: expected a closing '\"' on the same line"},
      {"graph @f { %0 = input \"\\q\" : f32[] }", "1:23: expected escapes \\\" \\\\ \\n \\t \\r or \\xNN, got \"\\q\""},
      in_graph("%2 = ad %0, %0", "2:6: unknown op 'ad'; did you mean 'add', 'and' or 'pad'?"),
      in_graph("%2 = reduce_sums %0", "2:6: unknown op 'reduce_sums'; did you mean 'reduce_sum'?"),
      in_graph("%2 = zzzzzzzzz %0", "2:6: unknown op 'zzzzzzzzz'"),
      in_graph("%2 = reduce_sum %0 {axe = [0]}", "2:21: unknown attribute 'axe' of reduce_sum; did you mean 'axes'?"),
      in_graph("%2 = reduce_sum %0 {axes = [0], axes = [0]}", "2:33: attribute 'axes' is given twice"),
      in_graph("%2 = reduce_sum %0 {axes = 0}", "2:6: reduce_sum: attribute 'axes' has the wrong type"),
      in_graph("%2 = reduce_sum %0", "2:6: reduce_sum: attribute 'axes' is missing"),
      in_graph("%2 = reduce_sum %0 {axes = [0}", "2:30: expected ']', got '}'"),
      in_graph("%2 = reduce_sum %0 {axes = [1.5]}", "2:29: expected an integer, got '1.5'"),
      in_graph("%2 = argmax %0 {axis = 99999999999999999999}",
               "2:24: expected an integer of 64 bits, got '99999999999999999999'"),
      in_graph("%2 = pad %0 {value = 1e999}", "2:22: expected a number in the range of f64, got '1e999'"),
      in_graph("%2 = pad %0 {value = 1.2.3}", "2:22: expected a number, got '1.2.3'"),
      in_graph("%2 = convert %0 {to = f31}", "2:23: expected a dtype, got 'f31'; did you mean 'f32'?"),
      in_graph("%2 = add %0, %5", "2:14: %5 is used before it is defined"),
      in_graph("%2 = neg %2", "2:10: %2 is used before it is defined"),
      in_graph("%2 = neg %0.1", "2:10: %0 has 1 results, got '%0.1'"),
      in_graph("%2 = neg %0.", "2:12: expected a token, got '.'"),
      in_graph("%2 = neg %x", "2:10: expected a value like %7 or %7.1, got '%x'"),
      in_graph("%2 = neg %99999999999999999999", "2:10: expected a value like %7 or %7.1, got '%99999999999999999999'"),
      in_graph("%1 = neg %0", "2:1: %1 is defined twice"),
      in_graph("%2.0 = neg %0", "2:1: expected a node, got one of its results"),
      in_graph("%2 = add %0", "2:6: add: expected 2 operands, got 1"),
      in_graph("%2 = concat {axis = 0}", "2:6: concat: expected at least one operand"),
      in_graph("%2 = add %0, %1",
               "2:6: add: operands must have one type, got f32[2,3] and i32[2]; use broadcast or convert"),
      in_graph("%2 = neg %0 : f32[3,2]", "2:15: neg: expected the type f32[2,3], got f32[3,2]"),
      in_graph("%2 = neg %0 : (f32[2,3], f32[])", "2:15: neg: expected the type f32[2,3], got (f32[2,3], f32[])"),
      in_graph("%2 = neg %0 : f32[2,-3]", "2:21: expected an integer from 0 to 9223372036854775807, got -3"),
      in_graph("%2 = neg %0 : f32[4294967296,4294967296]", "2:18: shape [4294967296,4294967296]: too many elements"),
      in_graph("%2 = input : f32[2]", "2:12: expected the name in quotes, got ':'"),
      in_graph("%2 = input \"x\" : f32[2]", "2:6: input: the name \"x\" is used twice"),
      in_graph("%2 = constant : f32[2]", "2:15: expected a number, got ':'"),
      in_graph("%2 = constant [1, 2, 3] : f32[2]", "2:15: expected 2 elements for f32[2], got 3"),
      in_graph("%2 = constant [[1, 2], [3]] : f32[2,2]", "2:25: expected a list of 2 elements, got 1"),
      in_graph("%2 = constant [[1, 2], 3] : f32[2,2]", "2:24: expected '[', got '3'"),
      in_graph("%2 = constant [1, [2]] : f32[2]", "2:19: expected a number, got '['"),
      in_graph("%2 = constant [[1, 2]] : f32[2,1]", "2:15: expected lists of shape [2,1], got [1,2]"),
      in_graph("%2 = constant [1] : f32[]", "2:15: expected a number for f32[], got a list"),
      in_graph("%2 = constant 1 : f32[1]", "2:15: expected a list, splat or base64 for f32[1], got '1'"),
      in_graph("%2 = constant 1.5 : i32[]", "2:15: expected an integer, got '1.5'"),
      in_graph("%2 = constant 256 : u8[]", "2:15: expected an integer in the range of u8, got '256'"),
      in_graph("%2 = constant -1 : u32[]", "2:15: expected an integer in the range of u32, got '-1'"),
      in_graph("%2 = constant 1 : i1[]", "2:15: expected true or false, got '1'"),
      in_graph("%2 = constant 1e39 : f32[]", "2:15: expected a number in the range of f32, got '1e39'"),
      in_graph("%2 = constant 70000 : f16[]", "2:15: expected a number in the range of f16, got '70000'"),
      in_graph("%2 = constant 0x1ffff : bf16[]", "2:15: expected the bits of bf16, got '0x1ffff'"),
      in_graph("%2 = constant big : f32[]", "2:15: expected a number, got 'big'"),
      in_graph("%2 = constant base64 \"AAA\" : f32[]", "2:22: expected base64, got \"AAA\""),
      in_graph("%2 = constant base64 \"AAAA\" : f32[]", "2:22: expected 4 bytes for f32[], got 3"),
      in_graph("%2 = constant splat 0 : f32[1000000,1000000]",
               "2:15: a splat holds at most 268435456 bytes, f32[1000000,1000000] has 4000000000000; use broadcast"),
      in_graph("%2 = constant [1] : f32[1000000,1000000]",
               "2:15: expected 1000000000000 elements for f32[1000000,1000000], got 1"),
      in_graph("update %0 = %0", "2:8: %0 is not a state"),
      in_graph("%2 = state \"s\" : f32[2] update %2 = %1", "2:32: state %2 is f32[2], its new value i32[2]"),
      in_graph("%2 = state \"s\" : i32[2] update %2 = %1 update %2 = %1", "2:47: state %2 is updated twice"),
      in_graph("return %0", "3:1: expected the output's name in quotes, got '}'"),
      in_graph("return %0 \"\"", "2:8: an output needs a name"),
      in_graph("return %0 \"y\", %1 \"y\"", "2:16: the name \"y\" is used twice"),
      in_graph("return %0 \"y\" %2 = neg %0", "2:15: expected '}', got '%2'"),
      in_graph("%2 = fused %1 {name = \"\", note = \"\"}", "3:1: expected '{', got '}'"),
      in_graph("%2 = fused %1 {name = \"\", note = \"\"} " + neg_body,
               "2:6: fused: operand 0 of the body: expected f32[2], got i32[2]"),
      in_graph("%2 = fused {name = \"\", note = \"\"} " + neg_body, "2:6: fused: the body takes 1 operands, got 0"),
      in_graph("%2 = fused {name = \"\", note = \"\"} { %0 = state \"s\" : f32[] }",
               "2:6: fused: the body holds a state, %0"),
      {"program p", "1:9: expected the program's name, like @main, got 'p'"},
      {"program @p { arena 3 }", "1:22: expected 'bytes', got '}'"},
      in_program("%b1 = arena offset 0 : f32[1]", "2:1: '%b1' is defined twice"),
      in_program("%b2 = arenas offset 0 : f32[1]", "2:7: unknown kind of buffer 'arenas'; did you mean 'arena'?"),
      in_program("%b2 = output : f32[1]", "2:7: an output needs a name"),
      in_program("%b2 = input \"x\" : f32[1]", "2:7: the name \"x\" is used twice"),
      in_program("%b2 = constant [1, 2] : f32[1]", "2:16: expected 1 elements for f32[1], got 2"),
      in_program("call", "2:1: expected 'kernel', 'barrier', 'strips', 'for' or '}', got 'call'"),
      in_program("for 0 {}", "2:5: expected an integer from 1 to 9223372036854775807, got 0"),
      in_program("for 2 {", "3:2: expected 'kernel', 'barrier', 'strips', 'for' or '}', got end of file"),
      in_program("kernel \"k\" (%b7) -> (%b1) {form = row} {}", "2:13: unknown buffer '%b7'"),
      in_program("kernel \"k\" (%b0) -> (%b1) {form = rows} {}", "2:35: unknown form 'rows'; did you mean 'row'?"),
      in_program("kernel \"k\" (%b0) -> (%b1) {lane = 4} {}", "2:28: unknown choice 'lane'; did you mean 'lanes'?"),
      in_program("kernel \"k\" (%b0) -> (%b1) {lanes = 0} {}",
                 "2:36: expected an integer from 1 to 9223372036854775807, got 0"),
      in_program("kernel \"k\" (%b0) -> (%b1) {swap = 1} {}", "2:35: expected 'false', got '1'"),
      in_program("kernel \"k\" () -> (%b1) {form = row} " + neg_body, "2:1: the body takes 1 inputs, got 0 buffers"),
      in_program("kernel \"k\" (%b0) -> () {form = row} " + neg_body, "2:1: the body has 1 outputs, got 0 buffers"),
      in_program("kernel \"k\" (%b0) -> (%b0) {form = row} " + neg_body, "2:1: writes %b0, which is read only (input)"),
      in_program("%b2 = arena offset 0 : f32[3] kernel \"k\" (%b2) -> (%b1) {form = row} " + neg_body,
                 "2:31: input 0: expected the elements of f32[2], got %b2 of type f32[3]"),
  };
}

}  // namespace

TEST_CASE("mistakes in text are named with their place") {
  for (const Mistake& m : mistakes()) {
    INFO(m.text);
    CHECK(message_of(m.text) == "t.sir:" + m.message);
  }
}

TEST_CASE("nesting is bounded") {
  const auto repeated = [](const std::string& part, int count) {
    std::string out;
    for (int k = 0; k < count; ++k) out += part;
    return out;
  };
  CHECK_THAT(message_of("graph @f { %0 = constant " + repeated("[", 100000)), Catch::Contains("nested too deeply"));
  CHECK_THAT(message_of("graph @f { " + repeated("%0 = fused {name = \"\", note = \"\"} { ", 100000)),
             Catch::Contains("nested bodies"));
  CHECK_THAT(message_of("program @f { " + repeated("for 2 { ", 100000)), Catch::Contains("nested loops"));
}

namespace {

/// Reads `text`; anything but success and UserError fails the test.
bool reads(const std::string& text) {
  try {
    parse(text);
    return true;
  } catch (const UserError&) {
    return false;
  }
}

}  // namespace

TEST_CASE("no prefix and no changed byte of a text does harm") {
  for (const std::string& text : {print(example_graph()), print(fused_graph()), print(example_program())}) {
    const std::size_t end = text.rfind('}');
    for (std::size_t n = 0; n <= end; ++n) {
      INFO(text.substr(0, n));
      CHECK_FALSE(reads(text.substr(0, n)));
    }
    std::size_t accepted = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (const char c : {'\0', '{', '}', '[', '"', '%', '9', '-', 'x', '\n', '\xFF'}) {
        std::string changed = text;
        changed[at] = c;
        accepted += reads(changed) ? 1 : 0;
      }
      std::string shorter = text;
      shorter.erase(at, 1);
      accepted += reads(shorter) ? 1 : 0;
    }
    CHECK(accepted > 0);  // inside names and comments
  }
}

namespace {

/// The indented blocks of the README that are whole files, without their indentation.
std::vector<std::string> readme_examples() {
  std::ifstream file(SINTER_SOURCE_DIR "/ir/README.md");
  std::vector<std::string> examples;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    const bool indented = line.starts_with("    ");
    if (indented && line == "    // sinter 1") examples.emplace_back();
    inside = indented && (inside || line == "    // sinter 1");
    if (inside) examples.back() += line.substr(4) + "\n";
  }
  return examples;
}

}  // namespace

TEST_CASE("the README's examples are printed as they stand there") {
  const std::vector<std::string> examples = readme_examples();
  CHECK(examples.size() == 2);
  for (const std::string& example : examples) {
    const std::variant<Graph, Program> read = parse(example);
    CHECK(std::visit([](const auto& x) { return print(x); }, read) == example);
    CHECK(std::visit([](const auto& x) { return violations(x); }, read).empty());
  }
}

TEST_CASE("every op has a name of its own that the parser finds") {
  std::set<std::string_view> names;
  for (const OpInfo& op : all_ops()) {
    CHECK(find_op(op.name) == op.kind);
    CHECK(names.insert(op.name).second);
  }
}
