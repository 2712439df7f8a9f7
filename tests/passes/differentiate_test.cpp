// Differentiation: what is differentiated, what is left alone, what is refused. The ops' own rules are tested one by
// one in tests/property.

#include <sinter/passes/differentiate.h>

#include <cmath>
#include <functional>

#include <sinter/ir/interpreter.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/verify.h>
#include <sinter/passes/debug.h>

#include "support/catch.h"

using namespace sinter;
using ir::DType;
using ir::Expr;
using ir::Graph;

namespace {

using Function = std::function<Expr(const Expr&)>;

/// Value of output `name` with x (f64) replaced by `x`.
std::vector<double> evaluate(const Graph& g, std::size_t output, const std::vector<double>& x) {
  ir::Environment environment = passes::random_environment(g, 7);
  for (std::size_t k = 0; k < x.size(); ++k) environment.at("x").values[k] = ir::Num::from_double(DType::f64, x[k]);
  const ir::InterpreterResult result = interpret(g, environment);
  std::vector<double> values;
  for (const ir::Num& n : result.outputs[output].values) values.push_back(n.as_double());
  return values;
}

/// Compares outputs (value, gradient) of a graph by central differences in every coordinate of x.
void compare_with_differences(const Graph& g, const std::vector<double>& x) {
  const std::vector<double> gradient = evaluate(g, 1, x);
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double h = 1e-5;
    std::vector<double> up = x;
    std::vector<double> down = x;
    up[k] += h;
    down[k] -= h;
    const double difference = (evaluate(g, 0, up)[0] - evaluate(g, 0, down)[0]) / (2.0 * h);
    INFO("coordinate " << k);
    CHECK(gradient[k] == Approx(difference).epsilon(1e-6).margin(1e-8));
  }
}

/// f's gradient, then the gradient of |gradient|^2 / 2, against differences.
void check_two_orders(const Function& f, const std::vector<double>& x) {
  Graph first;
  const Expr p = input(first, "x", {DType::f64, {static_cast<std::int64_t>(x.size())}});
  const Expr loss = f(p);
  const Expr gradient = passes::gradients(loss, std::vector<Expr>{p})[0];
  Graph second = first;
  first.add_output("f", loss.value());
  first.add_output("gradient", gradient.value());
  ir::verify(first, "gradients");
  compare_with_differences(first, x);

  const Expr p2(second, p.value());
  const Expr g2(second, gradient.value());
  const Expr norm = reduce_sum(g2 * g2, {0}) * 0.5;
  second.add_output("norm", norm.value());
  second.add_output("gradient", passes::gradients(norm, std::vector<Expr>{p2})[0].value());
  ir::verify(second, "gradients of gradients");
  compare_with_differences(second, x);
}

Expr weight(Graph& g, const std::string& name, const ir::Shape& shape) {
  return ir::state(g, name, {DType::f64, shape});
}

}  // namespace

TEST_CASE("gradients of composite functions agree with differences, second order too") {
  SECTION("log-sum-exp") {
    check_two_orders(
        [](const Expr& x) {
          return log(reduce_sum(exp(x - broadcast(reduce_max(x, {0}), x.shape())), {0})) + reduce_max(x, {0});
        },
        {0.3, -1.2, 0.8, 0.1});
  }
  SECTION("a small network") {
    check_two_orders(
        [](const Expr& x) {
          const Expr w = weight(x.graph(), "w", {3, 5});
          const Expr h = tanh(matmul(reshape(x, {2, 3}), w));
          return reduce_sum(h * h, {0, 1});
        },
        {0.5, -0.2, 0.9, 1.1, -0.7, 0.05});
  }
  SECTION("quotients, roots and powers") {
    check_two_orders(
        [](const Expr& x) {
          const Expr squares = x * x + 1.0;
          return reduce_sum(sqrt(squares) / (2.0 + cos(x)) + pow(squares, full_like(x, 1.7)), {0});
        },
        {0.4, -0.6, 1.3});
  }
  SECTION("moves: every element is used twice") {
    check_two_orders(
        [](const Expr& x) {
          const Expr both = ir::concat({x, reverse(x, {0})}, 0);
          return reduce_sum(sin(slice(both, {1}, {6}, {2}) * pad(slice(x, {0}, {2}), {0}, {1})), {0});
        },
        {0.4, -0.6, 1.3});
  }
}

TEST_CASE("a value that is used twice gets the sum of both gradients") {
  Graph g;
  const Expr x = input(g, "x", {DType::f64, {2}});
  const Expr y = x * x;
  const Expr loss = reduce_sum(y * y, {0});
  const auto found = passes::gradients(loss, std::vector<Expr>{x, y});
  g.add_output("f", loss.value());
  g.add_output("dx", found[0].value());
  g.add_output("dy", found[1].value());
  CHECK(evaluate(g, 1, {2.0, 3.0}) == std::vector<double>{32.0, 108.0});  // 4 x^3
  CHECK(evaluate(g, 2, {2.0, 3.0}) == std::vector<double>{8.0, 18.0});    // 2 y
}

TEST_CASE("parameters that do not matter get a zero of their type") {
  Graph g;
  const Expr x = input(g, "x", {DType::f64, {2}});
  const Expr stopped = input(g, "s", {DType::f64, {2}});
  const Expr loss = reduce_sum(x * stop_gradient(stopped), {0});
  const Expr late = input(g, "late", {DType::f32, {3, 2}});
  const auto found = passes::gradients(loss, std::vector<Expr>{stopped, late});
  CHECK(found[0].type() == stopped.type());
  CHECK(found[1].type() == late.type());
  g.add_output("s", found[0].value());
  CHECK(evaluate(g, 0, {1.0, 1.0}) == std::vector<double>{0.0, 0.0});
}

TEST_CASE("new nodes carry the path of the layer they come from, and the path is restored") {
  Graph g;
  const Expr x = input(g, "x", {DType::f64, {2}});
  Expr y;
  {
    const ir::PathScope scope(g, "dense_1");
    y = tanh(x);
  }
  const Expr loss = reduce_sum(y, {0});
  const std::size_t before = g.size();
  g.set_path("here");
  const std::vector<Expr> found = passes::gradients(loss, std::vector<Expr>{x});
  CHECK(g.path() == "here");
  CHECK(g.size() > before);
  CHECK(g.node(found[0].value()).path == "dense_1");
}

TEST_CASE("an op without a gradient is refused only on the way") {
  Graph g;
  const Expr x = input(g, "x", {DType::f64, {2}});
  auto body = std::make_shared<Graph>("body");
  const Expr p = input(*body, "p0", x.type());
  body->add_output("r0", (p * p).value());
  g.set_path("dense_1");
  const ir::Attributes attributes = ir::pack(ir::Fused::Attrs{"mul", ""});
  const Expr fused(g, {g.add(ir::kind_of<ir::Fused>(), attributes, {x.value()}, body), 0});
  const Expr other = input(g, "other", x.type());
  const Expr loss = reduce_sum(fused + other, {0});
  CHECK_NOTHROW(passes::gradients(loss, std::vector<Expr>{other}));
  try {
    passes::gradients(loss, std::vector<Expr>{x});
    FAIL("expected an error");
  } catch (const UserError& e) {
    CHECK(std::string(e.what()).starts_with("dense_1: fused is not differentiable"));
  }
}

TEST_CASE("what cannot be asked for") {
  Graph g;
  const Expr x = input(g, "x", {DType::f64, {2}});
  const Expr n = input(g, "n", {DType::i32, {2}});
  const Expr loss = reduce_sum(x, {0});
  Graph other;
  const Expr foreign = input(other, "y", {DType::f64, {2}});
  CHECK_THROWS_AS(passes::gradients(x, std::vector<Expr>{x}), UserError);
  CHECK_THROWS_AS(passes::gradients(reduce_sum(n, {0}), std::vector<Expr>{x}), UserError);
  CHECK_THROWS_AS(passes::gradients(loss, std::vector<Expr>{n}), UserError);
  CHECK_THROWS_AS(passes::gradients(loss, std::vector<Expr>{foreign}), UserError);
  CHECK_THROWS_AS(passes::gradients(loss, std::vector<Expr>{Expr()}), UserError);
}

TEST_CASE("the pass adds one output for each wanted state") {
  Graph g;
  const Expr w = weight(g, "w", {2});
  const Expr v = weight(g, "v", {2});
  const Expr step = ir::state(g, "step", {DType::u32, {}});
  g.add_output("loss", reduce_sum(w * v, {0}).value());
  g.set_update(step.value().node, (step + 1.0).value());
  CHECK(passes::differentiate(g).outputs().size() == 3);
  const Graph one = passes::differentiate(g, {"v"});
  REQUIRE(one.outputs().size() == 2);
  CHECK(one.outputs()[1].name == "grad/v");
  CHECK_THROWS_AS(passes::differentiate(g, {"u"}), UserError);
}
