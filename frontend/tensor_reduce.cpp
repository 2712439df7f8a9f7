// Reductions, matrix products and what is composed of them.

#include <sinter/frontend/tensor.h>
#include <sinter/ir/ops/contraction.h>
#include <sinter/ir/ops/reduce.h>
#include <sinter/ir/ops/source.h>

#include "broadcasting.h"

namespace sinter {
namespace {

/// The shape with the reduced axes set to 1.
Shape kept_shape(const Shape& shape, const ir::Ints& axes) {
  ir::Ints dims = shape.ints();
  for (const std::int64_t axis : axes) dims[static_cast<std::size_t>(axis)] = 1;
  return Shape(std::move(dims));
}

template <class F>
Tensor reduce(std::string_view function, const Operand& operand, const Axes& axes, ReduceOptions options, F f) {
  const Tensor x = operand.tensor();
  const ir::Ints resolved = axes.resolve(x.rank(), detail::where(x, function));
  if (resolved.empty()) return x;
  const ir::Expr result = f(x.expr(), resolved);
  return Tensor(options.keepdims ? ir::reshape(result, kept_shape(x.shape(), resolved)) : result);
}

std::int64_t count(const Tensor& x, const Axes& axes) {
  std::int64_t n = 1;
  for (const std::int64_t axis : axes.resolve(x.rank(), "mean")) n *= x.shape()[static_cast<int>(axis)];
  return n;
}

/// The largest element, a constant for differentiation: it only keeps exp() in range.
Tensor shift_of(const Tensor& x, const Axes& axes) { return stop_gradient(max(x, axes, {.keepdims = true})); }

bool is_last(const Tensor& x, Dim axis) { return axis == -1 || axis == x.rank() - 1; }

}  // namespace

Tensor sum(const Operand& x, const Axes& axes, ReduceOptions options) {
  return reduce("sum", x, axes, options, [](const ir::Expr& e, const ir::Ints& a) { return ir::reduce_sum(e, a); });
}
Tensor max(const Operand& x, const Axes& axes, ReduceOptions options) {
  return reduce("max", x, axes, options, [](const ir::Expr& e, const ir::Ints& a) { return ir::reduce_max(e, a); });
}
Tensor min(const Operand& x, const Axes& axes, ReduceOptions options) {
  return reduce("min", x, axes, options, [](const ir::Expr& e, const ir::Ints& a) { return ir::reduce_min(e, a); });
}
Tensor prod(const Operand& x, const Axes& axes, ReduceOptions options) {
  return reduce("prod", x, axes, options, [](const ir::Expr& e, const ir::Ints& a) { return ir::reduce_prod(e, a); });
}

namespace {

/// 1 where x is true or not 0.
Tensor as_count(const Operand& operand) {
  const Tensor x = operand.tensor();
  return cast(x.dtype() == DType::i1 ? x : not_equal(x, 0), DType::i32);
}

}  // namespace

Tensor any(const Operand& x, const Axes& axes, ReduceOptions options) {
  return not_equal(max(as_count(x), axes, options), 0);
}
Tensor all(const Operand& x, const Axes& axes, ReduceOptions options) {
  return not_equal(min(as_count(x), axes, options), 0);
}

Tensor mean(const Operand& operand, const Axes& axes, ReduceOptions options) {
  const Tensor x = operand.tensor();
  detail::expect_float(x, "mean");
  return sum(x, axes, options) / static_cast<double>(count(x, axes));
}

Tensor variance(const Operand& operand, const Axes& axes, ReduceOptions options) {
  const Tensor x = operand.tensor();
  return mean(square(x - mean(x, axes, {.keepdims = true})), axes, options);
}

Tensor logsumexp(const Operand& operand, const Axes& axes, ReduceOptions options) {
  const Tensor x = operand.tensor();
  detail::expect_float(x, "logsumexp");
  const Tensor shift = shift_of(x, axes);
  const Tensor result = log(sum(exp(x - shift), axes, {.keepdims = true})) + shift;
  if (options.keepdims) return result;
  return reshape(result, sum(x, axes).shape());
}

Tensor argmax(const Operand& operand, Dim axis) {
  const Tensor x = operand.tensor();
  return Tensor(ir::argmax(x.expr(), detail::axis_of(x, axis, "argmax")));
}

Tensor argmin(const Operand& operand, Dim axis) {
  Tensor x = operand.tensor();
  if (x.dtype() == DType::u8 || x.dtype() == DType::u32) x = cast(x, DType::i64);
  return argmax(-x, axis);
}

Tensor softmax(const Operand& operand, Dim axis) {
  const Tensor x = operand.tensor();
  detail::expect_float(x, "softmax");
  const int along = detail::axis_of(x, axis, "softmax");
  const Tensor e = exp(x - shift_of(x, along));
  const Tensor result = e / sum(e, along, {.keepdims = true});
  return is_last(x, axis) ? result.with_logits(Tensor::Probabilities::softmax, x) : result;
}

Tensor log_softmax(const Operand& operand, Dim axis) {
  const Tensor x = operand.tensor();
  detail::expect_float(x, "log_softmax");
  const int along = detail::axis_of(x, axis, "log_softmax");
  const Tensor shifted = x - shift_of(x, along);
  return shifted - log(sum(exp(shifted), along, {.keepdims = true}));
}

Tensor one_hot(const Operand& operand, Dim classes, DType dtype) {
  const Tensor labels = operand.tensor();
  if (!ir::is_integer(labels.dtype()))
    user_error(detail::where(labels, "one_hot"), ": expected integer labels, got ", labels.type(),
               "; use cast(labels, DType::i32)");
  ir::Ints dims = labels.shape().ints();
  dims.push_back(classes.value());
  const Tensor positions(ir::iota(labels.graph(), labels.dtype(), Shape(dims), labels.rank()));
  return cast(equal(expand_dims(labels, -1), positions), dtype);
}

namespace {

[[noreturn]] void product_error(const Tensor& a, const Tensor& b, std::string_view what) {
  user_error(detail::where(a, "matmul"), ": ", what, ": ", a.type(), " x ", b.type());
}

Shape leading(const Shape& shape) { return Shape(ir::Ints(shape.begin(), shape.end() - 2)); }

/// The matrices of x repeated over more batch axes.
ir::Expr with_batch(const Tensor& x, const Shape& batch) {
  ir::Ints dims = batch.ints();
  dims.push_back(x.dim(-2));
  dims.push_back(x.dim(-1));
  return detail::stretch(x.expr(), Shape(std::move(dims)));
}

}  // namespace

Tensor matmul(const Operand& first, const Operand& second) {
  const auto [a, b] = unify("matmul", first, second);
  if (a.rank() == 0 || b.rank() == 0) product_error(a, b, "expected vectors, matrices or batches of them");
  if (a.dim(-1) != b.dim(b.rank() == 1 ? 0 : -2)) product_error(a, b, "inner dimensions differ");
  if (b.rank() <= 2)  // any number of leading axes against one matrix
    return Tensor(
        ir::dot(a.expr(), b.expr(), {.batch_a = {}, .batch_b = {}, .contract_a = {a.rank() - 1}, .contract_b = {0}}));
  if (a.rank() == 1) return squeeze(matmul(expand_dims(a, 0), b), -2);
  const Shape batch = broadcast_shapes(detail::where(a, "matmul"), leading(a.shape()), leading(b.shape()));
  return Tensor(ir::matmul(with_batch(a, batch), with_batch(b, batch)));
}

}  // namespace sinter
