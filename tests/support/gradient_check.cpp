#include "support/gradient_check.h"

#include <cmath>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>

#include "support/random_values.h"

namespace sinter::test {

namespace {

using ir::DType;
using ir::Expr;
using ir::NumArray;

constexpr double step = 1e-5;
constexpr double tolerance = 2e-6;  // relative to the size of the terms
constexpr double too_big = 1e5;

/// What one check is made of: a graph whose last outputs are the loss and its gradients.
struct Problem {
  ir::Graph graph;
  ir::Environment environment;
  std::vector<std::string> names;  // of the f64 inputs and states
};

/// sum over terms of sum(x * random), with x squashed a little so that products of large numbers do not drown the rest.
Expr projection(ir::Graph& graph, const std::vector<Expr>& terms, bool squash, Random& random) {
  Expr total;
  for (const Expr& x : terms) {
    if (!x || x.dtype() != DType::f64) continue;
    const Expr weights = constant(graph, random_data(x.type(), {Domain::Kind::generic, 0}, random));
    Expr y = squash ? ir::tanh(x * 0.2) * weights : x * weights;
    ir::Ints axes;
    for (std::int64_t k = 0; k < y.rank(); ++k) axes.push_back(k);
    y = reduce_sum(y, axes);
    total = total ? total + y : y;
  }
  return total;
}

double loss_at(const Problem& p, const ir::Environment& direction, double distance) {
  ir::Environment moved = p.environment;
  for (const std::string& name : p.names) {
    NumArray& x = moved.find(name)->second;
    const NumArray& d = direction.find(name)->second;
    for (std::size_t k = 0; k < x.values.size(); ++k)
      x.values[k] = ir::Num::from_double(DType::f64, x.values[k].as_double() + distance * d.values[k].as_double());
  }
  return ir::interpret(p.graph, moved).outputs[0].values[0].as_double();
}

struct Derivative {
  double value = 0.0;  // along the direction
  double size = 0.0;   // sum of the magnitudes of its terms
};

Derivative along(const Problem& p, const ir::Environment& direction) {
  const ir::InterpreterResult result = ir::interpret(p.graph, p.environment);
  Derivative d;
  for (std::size_t k = 0; k < p.names.size(); ++k) {
    const NumArray& g = result.outputs[k + 1];
    const NumArray& u = direction.find(p.names[k])->second;
    for (std::size_t j = 0; j < g.values.size(); ++j) {
      const double term = g.values[j].as_double() * u.values[j].as_double();
      d.value += term;
      d.size += std::fabs(term);
    }
  }
  return d;
}

GradientReport judge(const Problem& p, Random& random) {
  for (int trial = 0; trial < 2; ++trial) {
    ir::Environment direction;
    for (const std::string& name : p.names)
      direction[name] =
          NumArray::from(random_data(p.environment.find(name)->second.type, {Domain::Kind::generic, 0}, random));
    const Derivative d = along(p, direction);
    const auto difference = [&](double h) { return (loss_at(p, direction, h) - loss_at(p, direction, -h)) / (2 * h); };
    const double coarse = difference(step);
    const double fine = difference(step / 4);
    const double scale = 1.0 + d.size + std::fabs(loss_at(p, direction, 0));
    if (!std::isfinite(coarse) || !std::isfinite(fine) || !(scale < too_big)) return {{}, false};
    // At a kink, or where higher derivatives are huge, the differences do not settle.
    if (std::fabs(coarse - fine) > tolerance * scale) return {{}, false};
    if (!(std::fabs(d.value - fine) <= tolerance * scale))
      return {str("gradient along a direction is ", d.value, ", the difference quotient ", fine), true};
  }
  return {};
}

}  // namespace

GradientReport check_gradient(const RandomGraph& random_graph, int order, const GradientsFn& gradients) {
  Problem p{ir::Graph("gradient_check"), random_graph.environment, {}};
  // The same nodes without outputs and updates.
  std::vector<Expr> parameters, terms;
  for (const ir::Node& n : random_graph.graph.nodes()) p.graph.add_unchecked(n);
  for (ir::NodeId id = 0; id < p.graph.size(); ++id) {
    const ir::Node& n = p.graph.node(id);
    const bool is_bound = n.kind == ir::kind_of<ir::Input>() || n.kind == ir::kind_of<ir::State>();
    if (!is_bound || n.results[0].dtype != DType::f64) continue;
    parameters.push_back({p.graph, {id, 0}});
    p.names.push_back(name_of(n));
  }
  for (const ir::Output& o : random_graph.graph.outputs()) terms.emplace_back(p.graph, o.value);
  for (const ir::Update& u : random_graph.graph.updates()) terms.emplace_back(p.graph, u.value);
  Random random(random_graph.seed + 77);
  // A single op is projected as it is: squashing would give even a linear one a second derivative.
  const bool squash = random_graph.graph.outputs().size() + random_graph.graph.updates().size() > 1 || order == 2;
  Expr loss = projection(p.graph, terms, squash, random);
  if (!loss || parameters.empty()) return {{}, false};
  std::vector<Expr> slopes = gradients(loss, parameters);
  if (order == 2) {
    loss = projection(p.graph, slopes, false, random);
    slopes = gradients(loss, parameters);
  }
  p.graph.add_output("loss", loss.value());
  for (const Expr& g : slopes) p.graph.add_output("g", g.value());
  return judge(p, random);
}

}  // namespace sinter::test
