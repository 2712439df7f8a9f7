// The op that calls a user's function: how calls are made, read, bound and refused, and what the interpreter finds out
// about a function that does not keep its promises.

#include <sinter/ir/extern.h>
#include <sinter/ir/interpreter.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/text.h>
#include <sinter/ir/verify.h>

#include "support/catch.h"
#include "support/test_externs.h"

using namespace sinter;
using namespace sinter::ir;
using Catch::Matchers::Contains;

namespace {

const TensorType two{DType::f32, {2}};

ExternPointer function_named(std::string name, sinter_extern_function address) {
  ExternFunction function;
  function.name = std::move(name);
  function.address = address;
  return std::make_shared<const ExternFunction>(std::move(function));
}

void copies(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
  for (std::int64_t k = 0; k < shapes[0].elements; ++k)
    static_cast<float*>(outputs[0])[k] = static_cast<const float*>(inputs[0])[k];
}
void writes_behind(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
  copies(inputs, outputs, shapes);
  static_cast<float*>(outputs[0])[shapes[0].elements] = 1.0F;
}
void writes_before(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
  copies(inputs, outputs, shapes);
  static_cast<float*>(outputs[0])[-1] = 1.0F;
}
void writes_operand(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
  copies(inputs, outputs, shapes);
  static_cast<float*>(const_cast<void*>(inputs[0]))[0] += 1.0F;
}
void forgets_an_element(const void* const* inputs, void* const* outputs, const sinter_shape*) {
  static_cast<float*>(outputs[0])[0] = static_cast<const float*>(inputs[0])[0];
}
int calls = 0;
void counts_calls(const void* const*, void* const* outputs, const sinter_shape* shapes) {
  for (std::int64_t k = 0; k < shapes[0].elements; ++k) static_cast<float*>(outputs[0])[k] = static_cast<float>(calls);
  ++calls;
}
/// rank and extents of the second operand.
void tells_shape(const void* const*, void* const* outputs, const sinter_shape* shapes) {
  auto* y = static_cast<std::int32_t*>(outputs[0]);
  y[0] = static_cast<std::int32_t>(shapes[0].rank);
  y[1] = static_cast<std::int32_t>(shapes[1].rank);
  y[2] = static_cast<std::int32_t>(shapes[1].extents[0]);
  y[3] = static_cast<std::int32_t>(shapes[1].extents[1]);
  y[4] = static_cast<std::int32_t>(shapes[2].elements);
}

/// y = function(x) for x of two elements.
Graph graph_of(const ExternPointer& function) {
  Graph g;
  const PathScope layer(g, "sensor");
  const Expr x = input(g, "x", two);
  g.add_output("y", extern_call(function, std::vector{x}).front().value());
  return g;
}

std::vector<double> interpreted(const Graph& graph) {
  const float values[] = {1.5F, -2.0F};
  std::vector<double> result;
  const InterpreterResult run = interpret(graph, {{"x", NumArray::from(TensorData::copy(two, values))}});
  for (const Num& n : run.outputs[0].values) result.push_back(n.as_double());
  return result;
}

std::string message_of(const ExternPointer& function) {
  try {
    interpreted(graph_of(function));
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

/// What reading "%1 = extern REST" says.
std::string reading(const std::string& rest) {
  try {
    (void)parse_graph("graph @g {\n  %0 = input \"x\" : f32[2]\n  %1 = extern " + rest + "\n  return %1 \"y\"\n}\n",
                      "g.sir");
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a user's function is called by the interpreter", "[extern]") {
  const Graph graph = graph_of(function_named("copies", &copies));
  CHECK(violations(graph).empty());
  CHECK(interpreted(graph) == std::vector<double>{1.5, -2.0});
}

TEST_CASE("a function sees the shapes of operands and results", "[extern]") {
  Graph g;
  const Expr scalar = input(g, "x", {DType::f32, {}}), matrix = input(g, "m", {DType::f32, {3, 7}});
  ExternFunction function;
  function.name = "tells_shape";
  function.address = &tells_shape;
  function.results = [](std::span<const TensorType>) { return std::vector{TensorType{DType::i32, {5}}}; };
  const auto shared = std::make_shared<const ExternFunction>(std::move(function));
  g.add_output("y", extern_call(shared, std::vector{scalar, matrix}).front().value());
  const auto zeros = [](const TensorType& type) {
    const std::vector<float> values(static_cast<std::size_t>(type.elements()));
    return NumArray::from(TensorData::copy(type, values.data()));
  };
  const auto result = interpret(g, {{"x", zeros(scalar.type())}, {"m", zeros(matrix.type())}});
  std::vector<std::int64_t> got;
  for (const Num& n : result.outputs[0].values) got.push_back(n.as_integer());
  CHECK(got == std::vector<std::int64_t>{0, 2, 3, 7, 5});
}

TEST_CASE("the interpreter finds out what a function must not do", "[extern]") {
  CHECK(message_of(function_named("f", &writes_behind)) ==
        "sensor: extern 'f' writes outside of result 0 of type f32[2]");
  CHECK(message_of(function_named("f", &writes_before)) ==
        "sensor: extern 'f' writes outside of result 0 of type f32[2]");
  CHECK(message_of(function_named("f", &writes_operand)) ==
        "sensor: extern 'f' writes to operand 0 of type f32[2]; it may only read it");
  const std::string other_bits =
      "sensor: extern 'f' gives other bits for result 0 of type f32[2] when it is called again; it has to write every "
      "element, and the same for the same operands";
  CHECK(message_of(function_named("f", &forgets_an_element)) == other_bits);
  CHECK(message_of(function_named("f", &counts_calls)) == other_bits);
}

TEST_CASE("functions that do not fit are refused when they are called", "[extern]") {
  Graph g;
  g.set_path("sensor");
  const Expr x = input(g, "x", two);
  const auto calling = [&](const ExternPointer& f) { (void)extern_call(f, std::vector{x}); };
  CHECK_THROWS_WITH(calling(function_named("a-b", &copies)),
                    "extern: expected a name that C takes, letters, digits and underscores, got 'a-b'");
  CHECK_THROWS_WITH(calling(function_named("1st", &copies)), Contains("got '1st'"));
  CHECK_THROWS_WITH(calling(function_named("", &copies)), Contains("got ''"));
  CHECK_THROWS_WITH(calling(function_named("f", nullptr)), "extern 'f': its function is null");
  CHECK_THROWS_WITH((void)extern_call(function_named("f", &copies), {}), "extern 'f': expected at least one operand");
  ExternFunction picky;
  picky.name = "picky";
  picky.address = &copies;
  picky.results = [](std::span<const TensorType> types) -> std::vector<TensorType> {
    if (types[0].rank() != 2) user_error("expected a matrix, got ", types[0]);
    return {};
  };
  const auto shared = std::make_shared<const ExternFunction>(picky);
  CHECK_THROWS_WITH(calling(shared), "sensor: extern 'picky': expected a matrix, got f32[2]");
  const Expr matrix = input(g, "m", {DType::f32, {2, 2}});
  CHECK_THROWS_WITH((void)extern_call(shared, std::vector{matrix}),
                    "sensor: extern 'picky': its rule gives no results for operands (f32[2,2])");
  Graph other;
  const Expr elsewhere = input(other, "x", two);
  CHECK_THROWS_WITH((void)extern_call(function_named("f", &copies), std::vector{x, elsewhere}),
                    "sensor: extern 'f': operands belong to different graphs");
}

TEST_CASE("calls print and read back", "[extern][text]") {
  Graph g;
  const Expr x = input(g, "x", {DType::f32, {2, 3}});
  const auto [z, count] = sinter::test::extern_product(x, x);
  g.add_output("z", z.value());
  g.add_output("n", count.value());
  const std::string text = print(g);
  CHECK_THAT(text, Contains("%1 = extern %0, %0 {symbol = \"test_product_f32\"} : (f32[2,3], i32[])\n"));
  const Graph back = parse_graph(text);
  CHECK(back == g);
  CHECK(print(back) == text);
  CHECK(violations(back).empty());
}

TEST_CASE("a text says what is wrong with a call", "[extern][text]") {
  CHECK(reading("%0 {symbol = \"f\"} : f32[2]") == "no error");
  CHECK(reading("%0 {symbol = \"f\"}") ==
        "g.sir:3:8: extern: expected the types of the results of 'f', as in ': f32[2,3]'");
  CHECK_THAT(reading("%0 {symbol = \"f\"} : ()"), Contains("expected the types of the results"));
  CHECK(reading("%0 {symbol = \"a b\"} : f32[2]") ==
        "g.sir:3:8: extern: expected a symbol that C takes as a name, got 'a b'");
  CHECK(reading("{symbol = \"f\"} : f32[2]") == "g.sir:3:8: extern: expected at least one operand");
  CHECK(reading("%0 : f32[2]") == "g.sir:3:8: extern: attribute 'symbol' is missing");
}

TEST_CASE("functions are bound by name, in bodies too", "[extern]") {
  const Graph graph = parse_graph(R"(graph @g {
  %0 = input "x" : f32[4,2]
  %1 = input "c" : f32[2]
  %2 = scan %1, %0 {length = 4, carries = 1, sequences = 1, reverse = false} {
    %0 = input "c" : f32[2]
    %1 = input "s" : f32[2]
    %2 = extern %1 {symbol = "test_twice_f32"} : f32[2] at "cell"
    %3 = add %0, %2
    return %3 "c"
  }
  return %2 "y"
})");
  const std::vector<ExternPointer> functions = sinter::test::test_externs();
  const Graph bound = bind_externs(graph, functions);
  CHECK(bound == graph);  // what the text shows
  const float c[] = {1, 2}, x[] = {1, 2, 3, 4, 5, 6, 7, 8};
  const Environment environment = {{"c", NumArray::from(TensorData::copy(two, c))},
                                   {"x", NumArray::from(TensorData::copy({DType::f32, {4, 2}}, x))}};
  const auto result = interpret(bound, environment);
  CHECK(result.outputs[0].values[0].as_double() == 1 + 2 * (1 + 3 + 5 + 7));
  CHECK(result.outputs[0].values[1].as_double() == 2 + 2 * (2 + 4 + 6 + 8));
  CHECK_THROWS_WITH(interpret(graph, environment),
                    Contains("cell: extern 'test_twice_f32': no function of that name is registered; "
                             "ir::bind_externs(graph, functions)"));
  const std::vector<ExternCall> calls = extern_calls(bound);
  REQUIRE(calls.size() == 1);
  CHECK(calls[0].name == "test_twice_f32");
  CHECK(calls[0].path == "cell");
  CHECK(bound_externs(calls).at("test_twice_f32")->address == functions[0]->address);
  CHECK_THROWS_WITH(bound_externs(extern_calls(graph)), Contains("no function of that name is registered"));
}

TEST_CASE("what is bound has to fit", "[extern]") {
  const Graph graph = parse_graph(
      "graph @g {\n  %0 = input \"x\" : f32[2]\n  %1 = extern %0 {symbol = \"test_twice_f32\"} : i32[5] at \"cell\"\n  "
      "return %1 \"y\"\n}\n");
  CHECK_THROWS_WITH(bind_externs(graph, sinter::test::test_externs()),
                    "cell: extern: 'test_twice_f32' gives (f32[2]) for operands (f32[2]), not (i32[5])");
  const std::vector<ExternPointer> same_name = {function_named("f", &copies), function_named("f", &writes_behind)};
  CHECK_THROWS_WITH(bind_externs(graph, same_name), "bind_externs: two functions are named 'f'");
}

TEST_CASE("two functions of one name are told apart", "[extern]") {
  const Graph first = graph_of(function_named("f", &copies)), second = graph_of(function_named("f", &writes_behind));
  CHECK_FALSE(first == second);
  CHECK(first == graph_of(function_named("f", &copies)));
  std::vector<ExternCall> calls = extern_calls(first);
  calls.push_back(extern_calls(second).front());
  calls.back().path = "other";
  CHECK_THROWS_WITH(bound_externs(calls),
                    "other: extern 'f' is another function than sensor: extern 'f'; give each a name of its own");
}

TEST_CASE("the verifier looks at calls", "[extern]") {
  Graph g = graph_of(function_named("f", &copies));
  Node broken = g.nodes().back();
  broken.results = {{DType::i32, {3}}};
  ExternFunction strict;
  strict.name = "f";
  strict.address = &copies;
  strict.results = [](std::span<const TensorType> types) { return std::vector{types[0]}; };
  broken.callee = std::make_shared<const ExternFunction>(strict);
  g.add_unchecked(broken);
  broken.callee = function_named("other", &copies);
  g.add_unchecked(broken);
  CHECK(violations(g) ==
        std::vector<std::string>{"%2 sensor: extern: 'f' gives (f32[2]) for operands (f32[2]), not (i32[3])",
                                 "%3 sensor: extern: the function of 'f' calls itself 'other'"});
}

TEST_CASE("a wide run rounds what a function gets", "[extern]") {
  Graph g;
  const Expr x = input(g, "x", {DType::f32, {}});
  g.add_output("y", extern_call(function_named("copies", &copies), std::vector{x / 3.0}).front().value());
  const double one = 1.0;
  const NumArray wide = NumArray::from(TensorData::scalar(DType::f32, one), true);
  CHECK(interpret(g, {{"x", wide}}, {.wide = true}).outputs[0].values[0].as_double() ==
        static_cast<double>(1.0F / 3.0F));
}
