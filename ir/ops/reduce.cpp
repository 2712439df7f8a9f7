#include <sinter/ir/ops/reduce.h>

#include <sinter/ir/ops.h>

namespace sinter::ir {

namespace {

bool contains(const Ints& axes, std::int64_t axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); }

/// Axes of `shape` that survive reducing `axes`.
Ints kept(const Shape& shape, const Ints& axes) {
  Ints result;
  for (std::int64_t k = 0; k < shape.rank(); ++k)
    if (!contains(axes, k)) result.push_back(k);
  return result;
}

Ints extents(const Shape& shape, const Ints& axes) {
  Ints result;
  for (const std::int64_t k : axes) result.push_back(shape[static_cast<int>(k)]);
  return result;
}

/// The reduced value repeated over the operand's shape.
Expr stretch(const Expr& reduced, const VjpContext& c) {
  const Shape& shape = c.operand(0).shape();
  return broadcast(reduced, shape, kept(shape, c.attributes<ReduceSum>().axes));
}

/// Gradient of max and min: shared equally between the elements that attain it.
Gradients extremum_vjp(const VjpContext& c) {
  const Expr x = c.operand(0);
  const Ints axes = c.attributes<ReduceMax>().axes;
  const Expr attains = compare(x, Direction::eq, stretch(c.result(), c));
  const Expr ones = select(attains, full_like(x, 1.0), full_like(x, 0.0));
  const Expr share = c.grad() / reduce_sum(ones, axes);
  return {select(attains, stretch(share, c), full_like(x, 0.0))};
}

}  // namespace

std::vector<TensorType> Reduction::infer(const Attrs& a, Types types) {
  detail::expect_number(types[0]);
  detail::expect_axes(a.axes, types[0].rank(), "reduction");
  if (!std::is_sorted(a.axes.begin(), a.axes.end())) user_error("axes ", to_string(a.axes), " must increase");
  return {TensorType{types[0].dtype, Shape(extents(types[0].shape, kept(types[0].shape, a.axes)))}};
}

Space Reduction::space(const Attrs& a, Types types) {
  const Shape& x = types[0].shape;
  const Ints parallel = kept(x, a.axes);
  Space s;
  s.parallel = extents(x, parallel);
  s.reduced = extents(x, a.axes);
  Ints source(static_cast<std::size_t>(x.rank()));
  for (std::size_t k = 0; k < parallel.size(); ++k)
    source[static_cast<std::size_t>(parallel[k])] = static_cast<std::int64_t>(k);
  for (std::size_t k = 0; k < a.axes.size(); ++k)
    source[static_cast<std::size_t>(a.axes[k])] = static_cast<std::int64_t>(parallel.size() + k);
  s.reads = {IndexMap::select(source)};
  return s;
}

Order Reduction::order(const Attrs& a, Types types) {
  return contains(a.axes, types[0].rank() - 1) ? Order::lanes : Order::chain;
}

Expr ReduceSum::stacked_sum(const Attrs& a, std::span<const Expr> x) {
  if (!a.axes.empty() && a.axes[0] == 0) return reduce_sum(detail::unstacked(x[0]), a.axes);
  Ints axes = {0};
  for (const std::int64_t axis : a.axes) axes.push_back(axis + 1);
  return reduce_sum(x[0], axes);
}

Gradients ReduceSum::vjp(const VjpContext& c) { return {stretch(c.grad(), c)}; }

Gradients ReduceProd::vjp(const VjpContext& c) {
  // The product of the other elements: without zeros product / x; with one zero only that element has a gradient.
  const Expr x = c.operand(0);
  const Ints axes = c.attributes<ReduceProd>().axes;
  const Expr zero = full_like(x, 0.0);
  const Expr one = full_like(x, 1.0);
  const Expr is_zero = compare(x, Direction::eq, zero);
  const Expr safe = select(is_zero, one, x);
  const Expr product = stretch(reduce_prod(safe, axes), c);
  const Expr zeros = stretch(reduce_sum(select(is_zero, one, zero), axes), c);
  const Expr at_zero = select(compare(zeros, Direction::eq, 1.0), product, zero);
  const Expr elsewhere = select(compare(zeros, Direction::eq, 0.0), product / safe, zero);
  return {stretch(c.grad(), c) * select(is_zero, at_zero, elsewhere)};
}

Gradients ReduceMax::vjp(const VjpContext& c) { return extremum_vjp(c); }
Gradients ReduceMin::vjp(const VjpContext& c) { return extremum_vjp(c); }

std::vector<TensorType> Argmax::infer(const Attrs& a, Types types) {
  detail::expect_number(types[0]);
  detail::expect_axes({a.axis}, types[0].rank(), "argmax");
  if (types[0].shape[static_cast<int>(a.axis)] == 0) user_error("axis ", a.axis, " of ", types[0], " is empty");
  return {TensorType{DType::i32, Reduction::infer(ReduceAttrs{{a.axis}}, types)[0].shape}};
}

}  // namespace sinter::ir
