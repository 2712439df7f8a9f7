#pragma once
// Gradients against differences.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include <sinter/ir/expr.h>

#include "support/random_graph.h"

namespace sinter::test {

/// passes::gradients, or something that a test puts in its place.
using GradientsFn = std::function<std::vector<ir::Expr>(const ir::Expr& loss, std::span<const ir::Expr> parameters)>;

struct GradientReport {
  std::string objection;  // empty: gradient and difference agree
  bool judged = true;     // false: not finite, or no derivative here
};

/// Compares the derivative of a smooth random graph along random directions of its f64 inputs and states with central
/// differences. `order` 2 does so for the gradient's own projection on a random direction.
GradientReport check_gradient(const RandomGraph& graph, int order, const GradientsFn& gradients);

}  // namespace sinter::test
