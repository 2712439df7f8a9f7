// Memory for time: what the curve promises, what it must leave alone, and what it says when a budget is too small.

#include <sinter/passes/rematerialise.h>

#include <algorithm>

#include <sinter/ir/extern.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/plan_checker.h>
#include <sinter/ir/verify.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/differentiate.h>
#include <sinter/passes/pipeline.h>
#include <sinter/passes/schedule_order.h>

#include "passes/recompute.h"
#include "support/catch.h"
#include "support/compare.h"
#include "support/test_externs.h"

using namespace sinter;
using ir::DType;
using ir::Expr;
using ir::Graph;
using passes::MemoryPoint;

namespace {

passes::Options options() {
  passes::Options o;
  o.target.triple = "x86_64-unknown-linux-gnu";
  o.verify = true;
  return o;
}

/// A training step of a chain of dense layers, with momentum; `middle` is put between the halves.
Graph chain(int layers, Expr (*middle)(const Expr&) = nullptr) {
  Graph g("chain");
  Expr h = input(g, "x", {DType::f32, {24, 8}});
  std::vector<Expr> weights;
  for (int k = 0; k < layers; ++k) {
    weights.push_back(state(g, "w" + std::to_string(k), {DType::f32, {8, 8}}));
    h = ir::tanh(matmul(h, weights.back()));
    if (middle != nullptr && k == layers / 2) h = middle(h);
  }
  const Expr loss = reduce_sum(h * h, {0, 1}) * (1.0 / 192);
  const std::vector<Expr> gradients = passes::gradients(loss, weights);
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const Expr slot = state(g, "m" + std::to_string(k), {DType::f32, {8, 8}});
    const Expr velocity = slot * 0.9 - gradients[k] * 0.1;
    g.set_update(slot.value().node, velocity.value());
    g.set_update(weights[k].value().node, (weights[k] + velocity).value());
  }
  g.add_output("loss", loss.value());
  return passes::optimize(g, options());
}

std::vector<MemoryPoint> curve_of(const Graph& graph) { return passes::memory_curve(graph, options().target); }

std::size_t count_op(const Graph& graph, std::string_view op) {
  std::size_t count = 0;
  for (const ir::Node& node : graph.nodes())
    count += (ir::info(node.kind).name == op ? 1 : 0) + (node.body ? count_op(*node.body, op) : 0);
  return count;
}

std::string message_of(const Graph& graph, std::int64_t budget) {
  try {
    (void)passes::rematerialise(graph, budget, options().target);
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("along the curve the arena falls and the step gets slower", "[remat]") {
  const Graph graph = chain(8);
  const std::vector<MemoryPoint> curve = curve_of(graph);
  REQUIRE(curve.size() >= 4);
  CHECK(curve.front().graph == graph);
  for (std::size_t k = 0; k < curve.size(); ++k) {
    INFO("point " << k);
    const ir::Program program = passes::lower(curve[k].graph, options());
    CHECK(program.arena_bytes == curve[k].arena_bytes);
    CHECK(program.arena_lower_bound == curve[k].arena_lower_bound);
    CHECK(ir::plan_violations(program).empty());
    CHECK(passes::difference(graph, curve[k].graph, 5) == std::nullopt);
    if (k == 0) continue;
    CHECK(curve[k].arena_bytes < curve[k - 1].arena_bytes);
    CHECK(curve[k].milliseconds > curve[k - 1].milliseconds);
    CHECK(count_op(curve[k].graph, "dot") > count_op(graph, "dot"));
  }
  CHECK(curve.back().arena_bytes * 2 <= curve.front().arena_bytes);
}

TEST_CASE("deep chains need much less than their depth", "[remat]") {
  const std::vector<MemoryPoint> curve = curve_of(chain(20));
  const MemoryPoint& quarter = passes::fastest_within(curve, curve.front().arena_bytes / 4);
  CHECK(quarter.milliseconds < 2 * curve.front().milliseconds);
}

TEST_CASE("the same graph gives the same curve", "[remat]") {
  const std::vector<MemoryPoint> a = curve_of(chain(5)), b = curve_of(chain(5));
  CHECK(passes::to_string(a) == passes::to_string(b));
  REQUIRE(a.size() == b.size());
  for (std::size_t k = 0; k < a.size(); ++k) CHECK(a[k].graph == b[k].graph);
}

TEST_CASE("with room enough nothing is computed again", "[remat]") {
  const Graph graph = chain(6);
  const std::int64_t arena = passes::lower(graph, options()).arena_bytes;
  CHECK(passes::rematerialise(graph, std::int64_t{1} << 40, options().target) == graph);
  CHECK(passes::rematerialise(graph, arena, options().target) == graph);
  const Graph less = passes::rematerialise(graph, arena - 1, options().target);
  CHECK(less.size() > graph.size());
  CHECK(passes::lower(less, options()).arena_bytes < arena);
}

TEST_CASE("a budget is kept by the fastest point that keeps it", "[remat]") {
  const Graph graph = chain(8);
  const std::vector<MemoryPoint> curve = curve_of(graph);
  for (const MemoryPoint& point : {curve[1], curve[curve.size() / 2], curve.back()}) {
    const Graph made = passes::rematerialise(graph, point.arena_bytes, options().target);
    CHECK(passes::lower(made, options()).arena_bytes <= point.arena_bytes);
  }
  CHECK(&passes::fastest_within(curve, curve[1].arena_bytes) == &curve[1]);
  CHECK(&passes::fastest_within(curve, curve[1].arena_bytes - 1) == &curve[2]);
}

TEST_CASE("updates stay in place", "[remat]") {
  const Graph graph = chain(8);
  REQUIRE(passes::order_nodes(graph).copied_states.empty());
  for (const MemoryPoint& point : curve_of(graph)) CHECK(passes::order_nodes(point.graph).copied_states.empty());
}

TEST_CASE("a budget that cannot be kept is an error with the numbers that can", "[remat]") {
  const Graph graph = chain(6);
  const std::vector<MemoryPoint> curve = curve_of(graph);
  CHECK(
      message_of(graph, 100) ==
      str("memory budget of 'chain': 100 bytes are too few for what lies between its kernels; the smallest arena found "
          "takes ",
          curve.back().arena_bytes, " bytes, the one without a budget ", curve.front().arena_bytes,
          ". Give it more, or make the batch smaller"));
  CHECK(message_of(graph, -1) == "memory budget: expected bytes, 0 or more, got -1");
}

TEST_CASE("a user's function never runs twice", "[remat]") {
  const Graph graph = chain(7, [](const Expr& h) { return test::extern_twice(h); });
  REQUIRE(count_op(graph, "extern") >= 1);
  const std::vector<MemoryPoint> curve = curve_of(graph);
  CHECK(curve.size() > 1);
  for (const MemoryPoint& point : curve) CHECK(count_op(point.graph, "extern") == count_op(graph, "extern"));
}

TEST_CASE("a step without a backward pass has nothing to compute again", "[remat]") {
  Graph g("forward");
  const Expr x = input(g, "x", {DType::f32, {64, 64}});
  g.add_output("y", matmul(matmul(matmul(x, x), x), x).value());
  const Graph fused = passes::optimize(g, options());
  CHECK(curve_of(fused).size() == 1);
  Graph nothing("nothing");
  CHECK(curve_of(nothing).size() == 1);
  CHECK(passes::rematerialise(nothing, 0, options().target) == nothing);
}

TEST_CASE("the pipeline keeps a budget and reports the curve", "[remat]") {
  Graph g("long");
  const Expr w = state(g, "w", {DType::f32, {16, 16}});
  Expr h = input(g, "x", {DType::f32, {16, 16}});
  for (int k = 0; k < 8; ++k) h = ir::tanh(matmul(h, w));
  const Expr loss = reduce_sum(h, {0, 1});
  g.set_update(w.value().node, (w - passes::gradients(loss, std::vector<Expr>{w})[0]).value());
  passes::Options o = options();
  std::string table;
  o.memory_report = [&](std::string_view text) { table = text; };
  const std::int64_t whole = passes::compile(g, o).arena_bytes;
  CHECK(table.find("arena MB") != std::string::npos);
  o.memory_budget = whole * 3 / 4;
  const ir::Program less = passes::compile(g, o);
  CHECK(less.arena_bytes <= whole * 3 / 4);
  const ir::Environment environment = passes::random_environment(g, 3);
  CHECK(test::difference(ir::interpret(g, environment), ir::interpret(less, environment), environment).empty());
}

TEST_CASE("kernels are trimmed to what is read", "[remat]") {
  Graph body("body");
  const Expr p = input(body, "p0", {DType::f32, {8}}), q = input(body, "p1", {DType::f32, {8}});
  body.add_output("r0", exp(p).value());
  body.add_output("r1", (p + q).value());
  body.add_output("r2", tanh(p).value());
  Graph g("g");
  const Expr x = input(g, "x", {DType::f32, {8}}), y = input(g, "y", {DType::f32, {8}});
  const auto shared = std::make_shared<const Graph>(std::move(body));
  const ir::Attributes named = ir::pack(ir::Fused::Attrs{"exp+add+tanh", ""});
  const ir::NodeId kernel = g.add(ir::kind_of<ir::Fused>(), named, {x.value(), y.value()}, shared);
  (void)g.add(ir::kind_of<ir::Fused>(), named, {x.value(), y.value()}, shared);  // nobody reads it
  g.add_output("a", {kernel, 2});
  g.add_output("b", {kernel, 0});
  const Graph trimmed = passes::trim_kernels(g);
  CHECK(ir::violations(trimmed).empty());
  REQUIRE(trimmed.size() == 3);  // both inputs stay
  CHECK(trimmed.node(2).operands.size() == 1);
  CHECK(trimmed.node(2).results.size() == 2);
  CHECK(count_op(trimmed, "add") == 0);
  CHECK(passes::difference(g, trimmed, 1) == std::nullopt);
}
