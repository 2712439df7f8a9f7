// Gradients against central differences in f64, for every differentiable op and for compositions, of first and second
// order.

#include <cstdio>

#include <sinter/ir/ops.h>
#include <sinter/passes/differentiate.h>

#include "support/catch.h"
#include "support/draws.h"
#include "support/gradient_check.h"
#include "support/shrink.h"

namespace sinter::test {

namespace {

std::vector<ir::Expr> true_gradients(const ir::Expr& loss, std::span<const ir::Expr> parameters) {
  return passes::gradients(loss, parameters);
}

/// At least half of the samples must have a derivative that can be judged.
void check_ops(int order, std::uint64_t seeds) {
  for (const ir::OpInfo& op : ir::all_ops()) {
    if (!op.differentiable) continue;
    std::uint64_t judged_samples = 0;
    for (std::uint64_t seed = 0; seed < seeds; seed += draw_stride) {
      const RandomGraph random = random_node(op.name, seed, {.smooth = true});
      const GradientReport report = check_gradient(random, order, true_gradients);
      judged_samples += report.judged;
      INFO(describe(random));
      REQUIRE(report.objection == "");
    }
    INFO(op.name);
    CHECK(judged_samples * draw_stride >= seeds / 2);
  }
}

void check_compositions(int order, std::uint64_t seeds, int nodes) {
  std::uint64_t judged_samples = 0;
  OpCounts counts;
  const Judge judge = [order](const RandomGraph& g) { return check_gradient(g, order, true_gradients).objection; };
  for (std::uint64_t seed = 0; seed < seeds; seed += draw_stride) {
    const RandomGraph random = random_graph(seed, {.nodes = nodes, .elements = 60, .work = 2000, .smooth = true});
    const GradientReport report = check_gradient(random, order, true_gradients);
    judged_samples += report.judged;
    if (report.judged) count_ops(random.graph, counts);
    if (!report.objection.empty()) FAIL(verdict(random, judge));
  }
  std::printf("gradients of order %d: %d of %d random graphs judged\n", order, static_cast<int>(judged_samples),
              static_cast<int>(seeds));
  CHECK(judged_samples * draw_stride >= seeds * 6 / 10);
  for (const char* op : {"conv", "max_pool", "window_sum", "scan"})
    CHECK(std::pair(op, counts[op] > 0 || draw_stride > 1) == std::pair(op, true));
}

}  // namespace

TEST_CASE("every op's gradient equals differences", "[gradient]") { check_ops(1, 60); }
TEST_CASE("every op's second derivative equals differences", "[gradient]") { check_ops(2, 40); }
TEST_CASE("gradients of random graphs equal differences", "[gradient]") { check_compositions(1, 300, 10); }
TEST_CASE("second derivatives of random graphs equal differences", "[gradient]") { check_compositions(2, 150, 7); }

TEST_CASE("ops of zero gradient have a zero gradient", "[gradient]") {
  for (const ir::OpInfo& op : ir::all_ops()) {
    if (!op.zero_gradient || op.arity == 0) continue;
    RandomGraph random = random_node(op.name, 3, {.smooth = true});
    const ir::Expr y(random.graph, random.graph.outputs()[0].value);
    if (y.dtype() != ir::DType::f64) continue;
    ir::Ints axes;
    for (std::int64_t k = 0; k < y.rank(); ++k) axes.push_back(k);
    const ir::Expr x(random.graph, {random.graph.inputs()[0], 0});
    const ir::Expr g = passes::gradients(reduce_sum(y, axes), std::vector{x})[0];
    random.graph.add_output("gradient", g.value());
    INFO(op.name);
    const ir::InterpreterResult result = ir::interpret(random.graph, random.environment);
    for (const ir::Num& v : result.outputs.back().values) CHECK(v.as_double() == 0.0);
  }
}

TEST_CASE("the gradient of a product with zeros equals differences", "[gradient]") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    RandomGraph random = random_node("reduce_prod", seed, {.smooth = true});
    for (auto& [name, x] : random.environment)
      for (std::size_t k = 0; k < x.values.size(); ++k)
        if ((k + seed) % 3 == 0) x.values[k] = ir::Num::from_double(ir::DType::f64, 0.0);
    const GradientReport report = check_gradient(random, 1, true_gradients);
    INFO(describe(random));
    CHECK(report.objection == "");
  }
}

}  // namespace sinter::test
