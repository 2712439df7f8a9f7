// The verifier: valid graphs and programs pass, and each broken rule is named with node, layer and op.

#include <functional>

#include <sinter/ir/ops.h>
#include <sinter/ir/text.h>
#include <sinter/ir/verify.h>

#include "support/catch.h"

using namespace sinter;
using namespace sinter::ir;

namespace {

using Strings = std::vector<std::string>;

const TensorType two{DType::f32, {2}};
const TensorType three{DType::f32, {3}};

/// x, i, w and a dense layer's `add`, all valid: nodes 0 to 3.
Graph valid() {
  Graph g;
  const Expr x = input(g, "x", two);
  input(g, "i", {DType::i32, {2}});
  const Expr w = state(g, "w", two);
  const PathScope layer(g, "dense");
  const Expr y = x + w;
  g.add_output("y", y.value());
  g.set_update(w.value().node, y.value());
  return g;
}

Node plain(OpKind kind, std::vector<Value> operands, std::vector<TensorType> results) {
  Node n;
  n.kind = kind;
  n.operands = std::move(operands);
  n.results = std::move(results);
  n.path = "dense";
  return n;
}

/// What the verifier says about valid() after `breakage`.
Strings after(const std::function<void(Graph&)>& breakage) {
  Graph g = valid();
  breakage(g);
  return violations(g);
}

Strings after_adding(Node node) {
  return after([&](Graph& g) { g.add_unchecked(std::move(node)); });
}

std::shared_ptr<const Graph> neg_body() {
  auto body = std::make_shared<Graph>();
  body->add_output("r", (-input(*body, "p", two)).value());
  return body;
}

Node fused(std::shared_ptr<const Graph> body, std::vector<Value> operands, std::vector<TensorType> results) {
  Node n = plain(kind_of<Fused>(), std::move(operands), std::move(results));
  n.attributes = pack(Fused::Attrs{"f", ""});
  n.body = std::move(body);
  return n;
}

}  // namespace

TEST_CASE("a valid graph has no violations") {
  CHECK(violations(valid()).empty());
  CHECK(violations(Graph()).empty());
  CHECK(after_adding(fused(neg_body(), {{0, 0}}, {two})).empty());
  CHECK_NOTHROW(verify(valid(), "tracing"));
}

TEST_CASE("operands must be earlier nodes and exist") {
  CHECK(after_adding(plain(kind_of<Neg>(), {{4, 0}}, {two})) ==
        Strings{"%4 dense: neg: operand %4 is not an earlier node"});
  CHECK(after_adding(plain(kind_of<Neg>(), {{9, 0}}, {two})) ==
        Strings{"%4 dense: neg: operand %9 is not an earlier node"});
  CHECK(after_adding(plain(kind_of<Neg>(), {{0, 1}}, {two})) ==
        Strings{"%4 dense: neg: operand %0.1 does not exist, the node has 1 results"});
}

TEST_CASE("operand counts follow the op") {
  CHECK(after_adding(plain(kind_of<Add>(), {{0, 0}}, {two})) == Strings{"%4 dense: add: expected 2 operands, got 1"});
  CHECK(after_adding(plain(kind_of<Concat>(), {}, {two})) ==
        Strings{"%4 dense: concat: expected at least one operand"});
  CHECK(after_adding(plain(static_cast<OpKind>(250), {}, {two})) == Strings{"%4 dense: op 250: is not in the op list"});
}

TEST_CASE("result types are those that the op infers") {
  CHECK(after_adding(plain(kind_of<Neg>(), {{0, 0}}, {three})) ==
        Strings{"%4 dense: neg: expected results f32[2], got f32[3]"});
  CHECK(after_adding(plain(kind_of<Neg>(), {{0, 0}}, {two, two})) ==
        Strings{"%4 dense: neg: expected results f32[2], got (f32[2], f32[2])"});
  CHECK(after_adding(plain(kind_of<Neg>(), {{0, 0}}, {})) == Strings{"%4 dense: neg: expected results f32[2], got ()"});
  CHECK(after_adding(plain(kind_of<Add>(), {{0, 0}, {1, 0}}, {two})) ==
        Strings{"%4 dense: add: operands must have one type, got f32[2] and i32[2]; use broadcast or convert"});
}

TEST_CASE("attributes are those that the op declares") {
  Node n = plain(kind_of<ReduceSum>(), {{0, 0}}, {{DType::f32, {}}});
  CHECK(after_adding(n) == Strings{"%4 dense: reduce_sum: attribute 'axes' is missing"});
  n.attributes.set("axes", std::int64_t{0});
  CHECK(after_adding(n) == Strings{"%4 dense: reduce_sum: attribute 'axes' has the wrong type"});
  n.attributes.set("axes", Ints{0});
  CHECK(after_adding(n).empty());
  n.attributes.set("keep", true);
  CHECK(after_adding(n) == Strings{"%4 dense: reduce_sum: unknown attribute 'keep'"});
  n.attributes = Attributes({{"axes", Ints{0}}, {"axes", Ints{0}}});
  CHECK(after_adding(n) == Strings{"%4 dense: reduce_sum: an attribute is given twice"});
}

TEST_CASE("constants hold the bytes of their type") {
  Node n = plain(kind_of<Constant>(), {}, {two});
  n.attributes = pack(Constant::Attrs{TensorData{two, nullptr}});
  CHECK(after_adding(n) == Strings{"%4 dense: constant: attribute 'value': expected 8 bytes for f32[2], got 0"});
  n.attributes = pack(Constant::Attrs{TensorData{two, std::make_shared<std::vector<std::byte>>(4)}});
  CHECK(after_adding(n) == Strings{"%4 dense: constant: attribute 'value': expected 8 bytes for f32[2], got 4"});
}

TEST_CASE("inputs and states have names of their own") {
  CHECK(after([](Graph& g) { input(g, "w", two); }) == Strings{"%4 input: the name \"w\" is used twice"});
  CHECK(after([](Graph& g) { state(g, "x", two); }) == Strings{"%4 state: the name \"x\" is used twice"});
}

TEST_CASE("updates give a state a value of its type") {
  CHECK(after([](Graph& g) { g.set_update(0, {0, 0}); }) == Strings{"update of %0: %0 is not a state"});
  CHECK(after([](Graph& g) { g.set_update(77, {0, 0}); }) == Strings{"update of %77: %77 is not a state"});
  CHECK(after([](Graph& g) { g.set_update(2, {1, 0}); }) ==
        Strings{"update of %2: state %2 is f32[2], its new value i32[2]"});
  CHECK(after([](Graph& g) { g.set_update(2, {1, 3}); }) == Strings{"update of %2: value %1.3 does not exist"});
}

TEST_CASE("outputs exist and have names of their own") {
  CHECK(after([](Graph& g) { g.add_output("z", {99, 0}); }) == Strings{"output \"z\": value %99.0 does not exist"});
  CHECK(after([](Graph& g) { g.add_output("", {0, 0}); }) == Strings{"output \"\": an output needs a name"});
  CHECK(after([](Graph& g) { g.add_output("y", {0, 0}); }) == Strings{"output \"y\": the name \"y\" is used twice"});
}

TEST_CASE("bodies fit their node and are valid themselves") {
  CHECK(after_adding(fused(nullptr, {{0, 0}}, {two})) == Strings{"%4 dense: fused: expected a body"});
  CHECK(after_adding(fused(neg_body(), {{1, 0}}, {two})) ==
        Strings{"%4 dense: fused: operand 0 of the body: expected f32[2], got i32[2]"});
  CHECK(after_adding(fused(neg_body(), {}, {two})) == Strings{"%4 dense: fused: the body takes 1 operands, got 0"});
  CHECK(after_adding(fused(neg_body(), {{0, 0}}, {three})) ==
        Strings{"%4 dense: fused: expected results f32[2], got f32[3]"});
  Node n = plain(kind_of<Neg>(), {{0, 0}}, {two});
  n.body = neg_body();
  CHECK(after_adding(n) == Strings{"%4 dense: neg: has a body, but is no region op"});
}

TEST_CASE("a body is plain: no states, updates or regions") {
  auto holds_state = std::make_shared<Graph>();
  const Expr s = state(*holds_state, "s", two);
  holds_state->set_update(s.value().node, s.value());
  holds_state->add_output("r", s.value());
  CHECK(after_adding(fused(holds_state, {}, {two})) ==
        Strings{"%4 dense: fused: the body holds a state, %0", "%4 dense: fused: the body holds an update"});
  auto holds_region = std::make_shared<Graph>();
  const Expr p = input(*holds_region, "p", two);
  holds_region->add_unchecked(fused(neg_body(), {p.value()}, {two}));
  holds_region->add_output("r", {1, 0});
  CHECK(after_adding(fused(holds_region, {{0, 0}}, {two})) ==
        Strings{"%4 dense: fused: the body holds a region, %1 fused"});
}

TEST_CASE("violations inside a body carry both places") {
  auto body = std::make_shared<Graph>();
  const Expr p = input(*body, "p", two);
  body->add_unchecked(plain(kind_of<Neg>(), {p.value()}, {three}));
  body->add_output("r", {7, 0});
  CHECK(after_adding(fused(body, {{0, 0}}, {three})) ==
        Strings{"%4 dense: fused: body: %1 dense: neg: expected results f32[2], got f32[3]",
                "%4 dense: fused: body: output \"r\": value %7.0 does not exist"});
}

TEST_CASE("all violations are listed, and verify throws them with the pass that made them") {
  Graph g = valid();
  g.add_unchecked(plain(kind_of<Neg>(), {{0, 0}}, {three}));
  g.add_output("y", {0, 0});
  CHECK(violations(g).size() == 2);
  CHECK_THROWS_AS(verify(g, "simplify"), InternalError);
  CHECK_THROWS_WITH(verify(g, "simplify"),
                    "internal error: invalid graph after simplify:\n"
                    "  %4 dense: neg: expected results f32[2], got f32[3]\n"
                    "  output \"y\": the name \"y\" is used twice");
}

namespace {

Kernel negate(BufferId from, BufferId to) { return {"neg", "", neg_body(), {from}, {to}, {}}; }

/// x -> arena -> y, and a constant: buffers 0 to 3.
Program valid_program() {
  Program p;
  p.arena_bytes = 64;
  p.buffers.push_back({BufferKind::input, "x", two, 0, {}});
  p.buffers.push_back({BufferKind::arena, "", {DType::f32, {2, 1}}, 0, {}});
  p.buffers.push_back({BufferKind::output, "y", two, 0, {}});
  const float values[] = {1, 2};
  p.buffers.push_back({BufferKind::constant, "", two, 0, TensorData::copy(two, values)});
  p.items = {negate(0, 1), negate(1, 2)};
  return p;
}

Strings after(const std::function<void(Program&)>& breakage) {
  Program p = valid_program();
  breakage(p);
  return violations(p);
}

Kernel& first(Program& p) { return std::get<Kernel>(p.items[0]); }

}  // namespace

TEST_CASE("a valid program has no violations") {
  CHECK(violations(valid_program()).empty());
  CHECK(violations(Program()).empty());
  CHECK_NOTHROW(verify(valid_program(), "lower"));
}

TEST_CASE("kernels bind buffers that exist and fit") {
  CHECK(after([](Program& p) { first(p).inputs = {}; }) ==
        Strings{"kernel #0 \"neg\": the body takes 1 inputs, got 0 buffers"});
  CHECK(after([](Program& p) { first(p).outputs = {1, 2}; }) ==
        Strings{"kernel #0 \"neg\": the body has 1 outputs, got 2 buffers"});
  CHECK(after([](Program& p) { first(p).inputs = {9}; }) ==
        Strings{"kernel #0 \"neg\": input 0: buffer %b9 does not exist"});
  CHECK(after([](Program& p) { first(p).outputs = {9}; }) ==
        Strings{"kernel #0 \"neg\": output 0: buffer %b9 does not exist"});
  CHECK(after([](Program& p) { p.buffers[0].type = three; }) ==
        Strings{"kernel #0 \"neg\": input 0: expected the elements of f32[2], got %b0 of type f32[3]"});
  CHECK(after([](Program& p) { p.buffers[1].type.dtype = DType::i32; }) ==
        Strings{"kernel #0 \"neg\": output 0: expected the elements of f32[2], got %b1 of type i32[2,1]",
                "kernel #1 \"neg\": input 0: expected the elements of f32[2], got %b1 of type i32[2,1]"});
  CHECK(after([](Program& p) { first(p).body = nullptr; }) == Strings{"kernel #0 \"neg\": expected a body"});
}

TEST_CASE("kernels write only what may be written, once") {
  CHECK(after([](Program& p) { p.items.emplace_back(negate(2, 0)); }) ==
        Strings{"kernel #2 \"neg\": writes %b0, which is read only (input)"});
  CHECK(after([](Program& p) { p.items.emplace_back(negate(2, 3)); }) ==
        Strings{"kernel #2 \"neg\": writes %b3, which is read only (constant)"});
  auto both = std::make_shared<Graph>(*neg_body());
  both->add_output("again", {1, 0});
  CHECK(after([&](Program& p) {
          first(p).body = both;
          first(p).outputs = {1, 1};
        }) == Strings{"kernel #0 \"neg\": writes %b1 twice"});
}

TEST_CASE("kernel bodies, schedules and loops are checked") {
  auto broken = std::make_shared<Graph>(*neg_body());
  broken->add_output("r", {0, 0});
  CHECK(after([&](Program& p) { first(p).body = broken; }) ==
        Strings{"kernel #0 \"neg\": body: output \"r\": the name \"r\" is used twice"});
  CHECK(after([](Program& p) { first(p).schedule.lanes = 0; }) ==
        Strings{"kernel #0 \"neg\": the numbers of a schedule are at least 1, got 0"});
  CHECK(after([](Program& p) { p.items.emplace_back(std::make_shared<const Loop>(Loop{0, {negate(9, 2)}})); }) ==
        Strings{"loop before kernel #2: a loop runs at least once, got 0",
                "kernel #2 \"neg\": input 0: buffer %b9 does not exist"});
}

TEST_CASE("buffers have data and names where they need them") {
  CHECK(after([](Program& p) { p.buffers[3].data = {}; }) == Strings{"%b3 (constant): a constant needs data"});
  CHECK(after([](Program& p) { p.buffers[3].type = three; }) ==
        Strings{"%b3 (constant): expected data of type f32[3], got f32[2]"});
  CHECK(after([](Program& p) { p.buffers[2].name = ""; }) == Strings{"%b2 (output): an output needs a name"});
  CHECK(after([](Program& p) { p.buffers.push_back({BufferKind::state, "x", two, 0, {}}); }) ==
        Strings{"%b4 (state): the name \"x\" is used twice"});
}

TEST_CASE("the plan is part of what a program must obey") {
  CHECK(after([](Program& p) { p.buffers[1].offset = 32; }) == Strings{"%b1: offset 32 is not a multiple of 64"});
  CHECK_THROWS_WITH(
      verify(
          [] {
            Program p = valid_program();
            p.arena_bytes = 0;
            return p;
          }(),
          "plan"),
      "internal error: invalid program after plan:\n  %b1: 8 bytes at offset 0 leave the arena of 0 bytes");
}

namespace {

/// The valid program with a loop behind it that negates one half of x after the other into y.
Program with_slices(std::int64_t turns, std::int64_t stride, int depth) {
  Program p = valid_program();
  const TensorType whole{DType::f32, {4}};
  p.buffers.push_back({BufferKind::input, "long", whole, 0, {}});
  Buffer slice{BufferKind::slice, "", two, 0, {}};
  slice.of = 4, slice.stride = stride, slice.depth = depth;
  p.buffers.push_back(slice);
  p.items.emplace_back(std::make_shared<const Loop>(Loop{turns, {negate(5, 2)}}));
  return p;
}

}  // namespace

TEST_CASE("slices stay inside what they are slices of") {
  CHECK(violations(with_slices(2, 8, 0)).empty());
  CHECK(violations(with_slices(3, 8, 0)) == Strings{"kernel #2 \"neg\": input 0: %b5 leaves %b4 of 16 bytes"});
  CHECK(violations(with_slices(2, -8, 0)) == Strings{"kernel #2 \"neg\": input 0: %b5 leaves %b4 of 16 bytes"});
  CHECK(violations(with_slices(2, INT64_MAX, 0)).size() == 1);
  CHECK(violations(with_slices(2, 8, 1)) ==
        Strings{"kernel #2 \"neg\": input 0: %b5 moves with loop 1, but 1 are around the kernel"});
  Program outside = with_slices(2, 8, 0);
  outside.items.emplace_back(negate(5, 2));
  CHECK(violations(outside) ==
        Strings{"kernel #3 \"neg\": input 0: %b5 moves with loop 0, but 0 are around the kernel"});
  Program circular = with_slices(2, 8, 0);
  circular.buffers[5].of = 5;
  CHECK(violations(circular).front() == "%b5 (slice): is a slice of %b5, which is no earlier buffer");
  Program written = with_slices(2, 8, 0);
  written.items.emplace_back(std::make_shared<const Loop>(Loop{2, {negate(2, 5)}}));
  CHECK(violations(written) == Strings{"kernel #3 \"neg\": writes %b5, which is read only (input)"});
}

TEST_CASE("a loop's body, operands and results fit each other") {
  const auto loop = [](std::string_view attributes, std::string_view body, std::string_view operands) {
    const std::string text = str("graph @f { %0 = input \"x\" : f32[3,2] %1 = input \"c\" : f32[2] %2 = scan ",
                                 operands, " {", attributes, "} {", body, "} return %2 \"y\" }");
    try {
      (void)parse_graph(text, "t");
    } catch (const UserError& e) {
      return std::string(e.what());
    }
    return std::string("fine");
  };
  const std::string right = "length = 3, carries = 1, sequences = 1, reverse = false";
  const std::string add = "%0 = input \"c\" : f32[2] %1 = input \"s\" : f32[2] %2 = add %0, %1 return %2 \"c\"";
  CHECK(loop(right, add, "%1, %0") == "fine");
  const auto says = [&](const std::string& got, const char* what) {
    INFO(got);
    CHECK(got.find(what) != std::string::npos);
  };
  says(loop("length = 4, carries = 1, sequences = 1, reverse = false", add, "%1, %0"),
       "operand 1 is a sequence: expected 4 slices along axis 0, got f32[3,2]");
  says(loop("length = 0, carries = 1, sequences = 1, reverse = false", add, "%1, %0"), "expected at least one turn");
  says(loop("length = 3, carries = -1, sequences = 1, reverse = false", add, "%1, %0"), "expected counts of carries");
  says(loop("length = 3, carries = 1, sequences = 2, reverse = false", add, "%1, %0"), "expected at least 3 operands");
  says(loop(right, add, "%0, %0"), "operand 0 of the body: expected f32[2], got f32[3,2]");
  says(loop(right, "%0 = input \"c\" : f32[2] %1 = input \"s\" : f32[2]", "%1, %0"), "returns something");
  says(loop("length = 3, carries = 1, sequences = 1, reverse = false",
            "%0 = input \"c\" : f32[2] %1 = input \"s\" : f32[2] %2 = reduce_sum %0 {axes = [0]} return %2 \"c\"",
            "%1, %0"),
       "carry 0 is f32[2], but the body returns f32[]");
  says(loop(right, "%0 = input \"c\" : f32[2] %1 = state \"s\" : f32[2] %2 = add %0, %0 return %2 \"c\"", "%1, %0"),
       "the body");
}
