// Functions that move elements.

#include <sinter/frontend/array.h>
#include <sinter/frontend/tensor.h>
#include <sinter/ir/ops/movement.h>
#include <sinter/ir/ops/source.h>

#include <algorithm>
#include <numeric>

#include "broadcasting.h"

namespace sinter {

Tensor reshape(const Operand& operand, const Dims& dims) {
  const Tensor x = operand.tensor();
  ir::Ints shape = dims.values();
  const auto elements =
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, [](auto a, auto b) { return b == -1 ? a : a * b; });
  const auto unknown = std::count(shape.begin(), shape.end(), -1);
  const bool divisible =
      unknown == 0 ? elements == x.shape().elements() : elements != 0 && x.shape().elements() % elements == 0;
  if (unknown > 1 || !divisible)
    user_error(detail::where(x, "reshape"), ": ", x.type(), " with ", x.shape().elements(),
               " elements cannot take the shape ", ir::to_string(std::span<const std::int64_t>(shape)),
               unknown > 1 ? "; at most one extent may be -1" : "");
  if (unknown == 1) *std::find(shape.begin(), shape.end(), -1) = x.shape().elements() / elements;
  const Shape result = Dims(shape).shape(detail::where(x, "reshape"));
  return result == x.shape() ? x : Tensor(ir::reshape(x.expr(), result));
}

Tensor flatten(const Operand& operand) {
  const Tensor x = operand.tensor();
  if (x.rank() == 0) user_error(detail::where(x, "flatten"), ": a scalar has no batch axis");
  const std::int64_t rows = x.shape()[0];
  std::int64_t columns = 1;
  for (int k = 1; k < x.rank(); ++k) columns *= x.shape()[k];
  return reshape(x, {rows, columns});
}

Tensor transpose(const Operand& operand, const Dims& permutation) {
  const Tensor x = operand.tensor();
  ir::Ints order = permutation.values();
  if (order.empty())
    for (int k = x.rank() - 1; k >= 0; --k) order.push_back(k);
  const ir::Ints sorted = Axes(order).resolve(x.rank(), detail::where(x, "transpose"));
  if (static_cast<int>(sorted.size()) != x.rank())
    user_error(detail::where(x, "transpose"), ": expected a permutation of ", x.rank(), " axes, got ",
               ir::to_string(std::span<const std::int64_t>(order)));
  for (std::int64_t& axis : order)
    if (axis < 0) axis += x.rank();
  return Tensor(ir::transpose(x.expr(), order));
}

Tensor expand_dims(const Operand& operand, Dim axis) {
  const Tensor x = operand.tensor();
  const auto place = Axes(axis).resolve(x.rank() + 1, detail::where(x, "expand_dims"))[0];
  ir::Ints shape = x.shape().ints();
  shape.insert(shape.begin() + place, 1);
  return Tensor(ir::reshape(x.expr(), Shape(std::move(shape))));
}

Tensor squeeze(const Operand& operand, const Axes& axes) {
  const Tensor x = operand.tensor();
  const ir::Ints named = axes.resolve(x.rank(), detail::where(x, "squeeze"));
  const bool all = axes.all();
  ir::Ints shape;
  for (int k = 0; k < x.rank(); ++k) {
    const bool drop = std::binary_search(named.begin(), named.end(), k);
    if (drop && !all && x.shape()[k] != 1)
      user_error(detail::where(x, "squeeze"), ": axis ", k, " of ", x.type(), " has extent ", x.shape()[k], ", not 1");
    if (!drop || x.shape()[k] != 1) shape.push_back(x.shape()[k]);
  }
  return reshape(x, Shape(std::move(shape)));
}

Tensor broadcast_to(const Operand& operand, const Dims& dims) {
  const Tensor x = operand.tensor();
  const Shape shape = dims.shape(detail::where(x, "broadcast_to"));
  if (broadcast_shapes(detail::where(x, "broadcast_to"), x.shape(), shape) != shape)
    user_error(detail::where(x, "broadcast_to"), ": ", x.type(), " does not stretch to ", shape);
  return Tensor(detail::stretch(x.expr(), shape));
}

namespace {

/// The parts as tensors of one graph and one dtype.
std::vector<ir::Expr> collected(std::string_view function, const std::vector<Operand>& parts) {
  if (parts.empty()) user_error(function, ": expected at least one tensor, got none");
  const auto known = std::find_if(parts.begin(), parts.end(), [](const Operand& p) { return p.graph() != nullptr; });
  ir::Graph& graph = known == parts.end() ? detail::traced_graph(function) : *known->graph();
  std::vector<ir::Expr> exprs;
  for (const Operand& part : parts) {
    exprs.push_back(part.in(graph).expr());
    if (exprs.back().dtype() != exprs.front().dtype() || exprs.back().rank() != exprs.front().rank())
      user_error(detail::where(&graph, function), ": expected tensors of one dtype and rank, got ",
                 exprs.front().type(), " and ", exprs.back().type());
  }
  return exprs;
}

}  // namespace

Tensor concatenate(const std::vector<Operand>& parts, Dim axis) {
  const std::vector<ir::Expr> exprs = collected("concatenate", parts);
  return Tensor(ir::concat(exprs, detail::axis_of(Tensor(exprs[0]), axis, "concatenate")));
}

Tensor stack(const std::vector<Operand>& parts, Dim axis) {
  const std::vector<ir::Expr> exprs = collected("stack", parts);
  std::vector<Operand> expanded;
  for (const ir::Expr& e : exprs) {
    if (e.shape() != exprs[0].shape())
      user_error(detail::where(Tensor(e), "stack"), ": expected tensors of one shape, got ", exprs[0].type(), " and ",
                 e.type());
    expanded.emplace_back(expand_dims(Tensor(e), axis));
  }
  return concatenate(expanded, axis);
}

Tensor slice(const Operand& operand, const Dims& start, const Dims& limit, const Dims& stride) {
  const Tensor x = operand.tensor();
  const std::string at = detail::where(x, "slice");
  const std::size_t n = start.values().size();
  if (limit.values().size() != n || static_cast<int>(n) > x.rank() ||
      (!stride.values().empty() && stride.values().size() != n))
    user_error(at, ": start, limit and stride name ", n, ", ", limit.values().size(), " and ", stride.values().size(),
               " axes of ", x.type());
  ir::Ints from, to, step;
  for (int k = 0; k < x.rank(); ++k) {
    const auto i = static_cast<std::size_t>(k);
    const std::int64_t extent = x.shape()[k];
    const auto position = [&](std::int64_t p) { return std::clamp(p < 0 ? p + extent : p, std::int64_t{0}, extent); };
    from.push_back(i < n ? position(start.values()[i]) : 0);
    to.push_back(std::max(from.back(), i < n ? position(limit.values()[i]) : extent));
    step.push_back(i < n && !stride.values().empty() ? stride.values()[i] : 1);
    if (step.back() < 1) user_error(at, ": strides must be positive, got ", step.back(), "; flip() reverses an axis");
  }
  return Tensor(ir::slice(x.expr(), from, to, step));
}

Tensor pad(const Operand& operand, const Dims& before, const Dims& after, double value) {
  const Tensor x = operand.tensor();
  if (static_cast<int>(before.values().size()) != x.rank() || static_cast<int>(after.values().size()) != x.rank())
    user_error(detail::where(x, "pad"), ": expected one number per axis of ", x.type());
  return Tensor(ir::pad(x.expr(), before.values(), after.values(), value));
}

Tensor flip(const Operand& operand, const Axes& axes) {
  const Tensor x = operand.tensor();
  return Tensor(ir::reverse(x.expr(), axes.resolve(x.rank(), detail::where(x, "flip"))));
}

Tensor gather(const Operand& operand, const Operand& indices, Dim axis) {
  ir::Graph* graph = operand.graph() != nullptr ? operand.graph() : indices.graph();
  if (graph == nullptr) graph = &detail::traced_graph("gather");
  const Tensor x = operand.in(*graph);
  return Tensor(ir::gather(x.expr(), indices.in(*graph, DType::i32).expr(), detail::axis_of(x, axis, "gather")));
}

Tensor arange(Dim count, DType dtype) {
  return Tensor(ir::iota(detail::traced_graph("arange"), dtype, Shape{count.value()}, 0));
}

Tensor constant(const Array& value) { return Operand(value).tensor(); }

}  // namespace sinter
