#pragma once
// numpy's broadcasting, made explicit: the IR has none.

#include <string>
#include <string_view>

#include <sinter/frontend/tensor.h>

namespace sinter::detail {

/// The graph being traced. Throws UserError naming `function` when there is none.
ir::Graph& traced_graph(std::string_view function);

/// x stretched to `shape`, which it is known to broadcast to.
ir::Expr stretch(const ir::Expr& x, const Shape& shape);
/// Both operands in one graph, dtype and shape.
std::pair<ir::Expr, ir::Expr> broadcast_pair(std::string_view function, const Operand& a, const Operand& b);
/// "sequential/dense: matmul" for the graph of x.
std::string where(const ir::Graph* graph, std::string_view function);
inline std::string where(const Tensor& x, std::string_view function) { return where(&x.graph(), function); }
/// A non-negative axis of x.
int axis_of(const Tensor& x, Dim axis, std::string_view function);
/// x in a float dtype, or a UserError.
void expect_float(const Tensor& x, std::string_view function);

}  // namespace sinter::detail
