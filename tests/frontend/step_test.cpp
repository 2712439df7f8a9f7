// The level below Model: StepBuilder, gradients, compile_step.

#include <sinter/ir/ops/elementwise.h>
#include <sinter/ir/ops/source.h>

#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;

TEST_CASE("a step built by hand trains", "[step]") {
  StepBuilder b;
  const Tensor x = b.input("x", {6, 1}), y = b.input("y", {6, 1});
  const Variable w = b.variable("w", Array::zeros({1, 1})), bias = b.variable("bias", Array::zeros({1}));
  const Tensor loss = mean(square(matmul(x, w) + bias - y));
  const std::vector<Tensor> g = b.gradients(loss, {w, bias});
  b.update(w, w - 0.05 * g[0]);
  b.update(bias, bias - 0.05 * g[1]);
  b.output("loss", loss);
  b.output("dw", g[0]);
  Step step = b.compile();
  const Step::Inputs data{{"x", testing::line_x()}, {"y", testing::line_y()}};
  const StepResult first = step.run(data);
  CHECK(first["loss"].item() == Approx((9 + 1 + 1 + 9 + 25 + 49) / 6.0));
  CHECK(first["dw"].at(0, 0) == Approx(-2 * (3 + 0 + 1 + 6 + 15 + 28) / 6.0));
  for (int k = 0; k < 300; ++k) step.run(data);
  CHECK(step.state("w").item() == Approx(2.0).margin(0.01));
  CHECK(w.value().item() == step.state("w").item());
  CHECK(step.state_names() == std::vector<std::string>{"bias", "w"});
}

TEST_CASE("layers and optimizers work in a step", "[step]") {
  StepBuilder b({.name = "mine"});
  const Tensor x = b.input("x", {6, 1}), y = b.input("y", {6, 1});
  Dense hidden(4, "tanh"), out(1);
  const Tensor loss = mean(square(out(hidden(x)) - y));
  std::vector<Variable> weights = hidden.weights();
  for (const Variable& v : out.weights()) weights.push_back(v);
  b.minimize(loss, weights, Adam({.learning_rate = 0.05}));
  b.output("loss", loss);
  Step step = b.compile();
  const Step::Inputs data{{"x", testing::line_x()}, {"y", testing::line_y()}};
  const double first = step.run(data)["loss"].item();
  for (int k = 0; k < 200; ++k) step.run(data);
  CHECK(step.run(data)["loss"].item() < first / 10);
  CHECK(hidden.weights()[0].path() == "dense/kernel");
  CHECK(out.weights()[1].path() == "dense_1/bias");
  CHECK(step.state("adam/iteration").item() == 202.0);
}

TEST_CASE("gradients of gradients", "[step]") {
  StepBuilder b;
  const Tensor x = b.input("x", {3});
  const Tensor first = gradients(sum(x * x * x), {x})[0];
  b.output("second", gradients(sum(first), {x})[0]);
  const Array g = b.compile(testing::interpreted()).run({{"x", Array::from<float>({1, 2, -3})}})["second"];
  CHECK(g.at(0) == 6.0);
  CHECK(g.at(1) == 12.0);
  CHECK(g.at(2) == -18.0);
}

TEST_CASE("any graph can be compiled and run", "[step]") {
  ir::Graph graph("counter");
  const ir::Expr n = ir::state(graph, "n", {DType::i32, {}});
  const ir::Expr by = ir::input(graph, "by", {DType::i32, {}});
  graph.set_update(n.value().node, (n + by).value());
  graph.add_output("before", n.value());
  Step step = compile_step(graph, testing::interpreted());
  const auto run = [&] { return step.run({{"by", Array(3.0)}})["before"].item(); };
  CHECK(run() == 0.0);
  CHECK(run() == 3.0);
  step.set_state("n", Array(40.0));
  CHECK(run() == 40.0);
  CHECK(step.state("n").item() == 43.0);
}

TEST_CASE("inputs of a step are checked", "[step]") {
  StepBuilder b;
  b.output("y", b.input("x", {2}) * 2.0);
  CHECK_THROWS_WITH(b.input("x", {3}), "the name 'x' is taken by another input or state of this step");
  Step step = b.compile(testing::interpreted());
  CHECK_THROWS_WITH(step.run({}), "input 'x' of type f32[2] is missing");
  CHECK_THROWS_WITH(step.run({{"X", Array::zeros({2})}}), "unknown input 'X'; did you mean 'x'? Known: x");
  CHECK_THROWS_WITH(step.run({{"x", Array::zeros({3})}}), "input 'x': expected f32[2], got shape [3]");
  CHECK(step.run({{"x", Array::from({1, 2})}})["y"].at(1) == 4.0);
  CHECK_THROWS_AS(step.run({{"x", {1.0, 2.0}}})["z"], UserError);
}
