// The wide interpreter judges accuracy: f32 results stay near those in double, and f64 results nearer.

#include <cmath>

#include <sinter/ir/ops.h>

#include "support/catch.h"
#include "support/random_graph.h"
#include "support/random_values.h"

namespace sinter::test {

namespace {

using ir::DType;
using ir::Expr;

/// A dense layer with softmax rows and a loss in `dtype`.
ir::Graph network(DType dtype, std::int64_t inner) {
  ir::Graph graph("network");
  const Expr x = ir::input(graph, "x", {dtype, {4, inner}});
  const Expr w = ir::input(graph, "w", {dtype, {inner, 10}});
  const Expr y = ir::tanh(ir::matmul(x, w) * 0.01);
  const Expr top = broadcast(ir::reduce_max(y, {1}), y.shape(), {0});
  const Expr e = exp(y - top);
  const Expr p = e / broadcast(reduce_sum(e, {1}), y.shape(), {0});
  graph.add_output("p", p.value());
  graph.add_output("loss", reduce_sum(-log(p), {0, 1}).value());
  return graph;
}

/// Largest relative distance between the plain and the wide run.
double error(DType dtype, std::int64_t inner) {
  const ir::Graph graph = network(dtype, inner);
  Random random(9);
  ir::Environment plain, wide;
  for (const ir::NodeId id : graph.inputs()) {
    const ir::TensorData data = random_data(graph.node(id).results[0], {Domain::Kind::tame, 0}, random);
    plain[name_of(graph.node(id))] = ir::NumArray::from(data);
    wide[name_of(graph.node(id))] = ir::NumArray::from(data, true);
  }
  const ir::InterpreterResult a = ir::interpret(graph, plain);
  const ir::InterpreterResult b = ir::interpret(graph, wide, {.wide = true});
  double worst = 0.0;
  for (std::size_t k = 0; k < a.outputs.size(); ++k)
    for (std::size_t j = 0; j < a.outputs[k].values.size(); ++j) {
      const double x = a.outputs[k].values[j].as_double();
      const double y = b.outputs[k].values[j].as_double();
      worst = std::max(worst, std::fabs(x - y) / std::max(1e-3, std::fabs(y)));
    }
  return worst;
}

}  // namespace

TEST_CASE("plain results stay near wide ones", "[wide]") {
  for (const std::int64_t inner : {1, 17, 300}) {
    CHECK(error(DType::f32, inner) < 1e-5);
    CHECK(error(DType::f32, inner) > 0.0);
    CHECK(error(DType::f64, inner) < 1e-13);
  }
}

}  // namespace sinter::test
