#pragma once
// Reverse-mode differentiation by the ops' own rules.

#include <span>
#include <string>
#include <vector>

#include <sinter/ir/expr.h>
#include <sinter/ir/graph.h>

namespace sinter::passes {

/// Appends the gradients of a scalar float `loss` with respect to `parameters` to their graph and returns them, one
/// per parameter; a parameter that the loss does not depend on gets a constant zero of its type. Gradients are ordinary
/// nodes, so they can be differentiated again. Throws UserError naming layer path and op where an op on the way is not
/// differentiable.
SINTER_API std::vector<ir::Expr> gradients(const ir::Expr& loss, std::span<const ir::Expr> parameters);

/// Pass form: differentiates the output named "loss" with respect to the named states (empty: every float state) and
/// adds an output "grad/NAME" for each.
SINTER_API ir::Graph differentiate(const ir::Graph& graph, const std::vector<std::string>& states = {});

}  // namespace sinter::passes
