// Broadcasting and the elementwise functions of tensor.h.

#include <sinter/frontend/tensor.h>
#include <sinter/ir/ops/elementwise.h>

#include <algorithm>

#include "broadcasting.h"

namespace sinter {
namespace detail {

ir::Expr stretch(const ir::Expr& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  // Axes of extent 1 that grow are dropped first; the others keep their place, counted from the right.
  ir::Ints kept, dims;
  const int offset = shape.rank() - x.rank();
  for (int k = 0; k < x.rank(); ++k) {
    if (x.shape()[k] != shape[offset + k]) continue;
    kept.push_back(x.shape()[k]);
    dims.push_back(offset + k);
  }
  return ir::broadcast(ir::reshape(x, Shape(kept)), shape, dims);
}

std::pair<ir::Expr, ir::Expr> broadcast_pair(std::string_view function, const Operand& a, const Operand& b) {
  const auto [x, y] = unify(function, a, b);
  if (x.shape() == y.shape()) return {x.expr(), y.expr()};
  const Shape shape = broadcast_shapes(where(x, function), x.shape(), y.shape());
  return {stretch(x.expr(), shape), stretch(y.expr(), shape)};
}

int axis_of(const Tensor& x, Dim axis, std::string_view function) {
  return static_cast<int>(Axes(axis).resolve(x.rank(), where(x, function))[0]);
}

void expect_float(const Tensor& x, std::string_view function) {
  if (!ir::is_float(x.dtype()))
    user_error(where(x, function), ": expected a float tensor, got ", x.type(), "; use cast(x, DType::f32) first");
}

}  // namespace detail

Shape broadcast_shapes(std::string_view where, const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  ir::Ints dims(static_cast<std::size_t>(rank), 1);
  for (int k = 1; k <= rank; ++k) {
    const std::int64_t x = k <= a.rank() ? a[a.rank() - k] : 1;
    const std::int64_t y = k <= b.rank() ? b[b.rank() - k] : 1;
    if (x != y && x != 1 && y != 1)
      user_error(where, ": shapes ", a, " and ", b, " do not broadcast: axis ", rank - k, " has extents ", x, " and ",
                 y, "; extents must be equal or 1, counted from the last axis");
    dims[static_cast<std::size_t>(rank - k)] = x == 1 ? y : x;
  }
  return Shape(std::move(dims));
}

namespace {

template <class F>
Tensor binary(std::string_view function, const Operand& a, const Operand& b, F f) {
  const auto [x, y] = detail::broadcast_pair(function, a, b);
  return Tensor(f(x, y));
}

template <class F>
Tensor unary(std::string_view function, const Operand& a, F f) {
  const Tensor x = a.tensor();
  detail::expect_float(x, function);
  return Tensor(f(x.expr()));
}

Tensor compared(std::string_view function, const Operand& a, ir::Direction direction, const Operand& b) {
  return binary(function, a, b, [=](const ir::Expr& x, const ir::Expr& y) { return ir::compare(x, direction, y); });
}

}  // namespace

Tensor operator+(const Operand& a, const Operand& b) {
  return binary("add", a, b, [](const ir::Expr& x, const ir::Expr& y) { return x + y; });
}
Tensor operator-(const Operand& a, const Operand& b) {
  return binary("subtract", a, b, [](const ir::Expr& x, const ir::Expr& y) { return x - y; });
}
Tensor operator*(const Operand& a, const Operand& b) {
  return binary("multiply", a, b, [](const ir::Expr& x, const ir::Expr& y) { return x * y; });
}
Tensor operator/(const Operand& a, const Operand& b) {
  return binary("divide", a, b, [](const ir::Expr& x, const ir::Expr& y) { return x / y; });
}
Tensor operator-(const Operand& x) { return Tensor(-x.tensor().expr()); }

Tensor maximum(const Operand& a, const Operand& b) {
  return binary("maximum", a, b, [](const ir::Expr& x, const ir::Expr& y) { return ir::max(x, y); });
}
Tensor minimum(const Operand& a, const Operand& b) {
  return binary("minimum", a, b, [](const ir::Expr& x, const ir::Expr& y) { return ir::min(x, y); });
}
Tensor pow(const Operand& x, const Operand& exponent) {
  return binary("pow", x, exponent, [](const ir::Expr& a, const ir::Expr& b) { return ir::pow(a, b); });
}
Tensor clip(const Operand& x, const Operand& low, const Operand& high) { return minimum(maximum(x, low), high); }

Tensor abs(const Operand& x) { return Tensor(ir::abs(x.tensor().expr())); }
Tensor sign(const Operand& x) { return Tensor(ir::sign(x.tensor().expr())); }
Tensor square(const Operand& x) {
  const Tensor t = x.tensor();
  return Tensor(t.expr() * t.expr());
}
Tensor floor(const Operand& x) {
  return unary("floor", x, [](const ir::Expr& e) { return ir::floor(e); });
}
Tensor exp(const Operand& x) {
  return unary("exp", x, [](const ir::Expr& e) { return ir::exp(e); });
}
Tensor log(const Operand& x) {
  return unary("log", x, [](const ir::Expr& e) { return ir::log(e); });
}
Tensor sqrt(const Operand& x) {
  return unary("sqrt", x, [](const ir::Expr& e) { return ir::sqrt(e); });
}
Tensor rsqrt(const Operand& x) {
  return unary("rsqrt", x, [](const ir::Expr& e) { return ir::rsqrt(e); });
}
Tensor tanh(const Operand& x) {
  return unary("tanh", x, [](const ir::Expr& e) { return ir::tanh(e); });
}
Tensor softplus(const Operand& x) {
  return unary("softplus", x, [](const ir::Expr& e) { return ir::softplus(e); });
}
Tensor sin(const Operand& x) {
  return unary("sin", x, [](const ir::Expr& e) { return ir::sin(e); });
}
Tensor cos(const Operand& x) {
  return unary("cos", x, [](const ir::Expr& e) { return ir::cos(e); });
}
Tensor erf(const Operand& x) {
  return unary("erf", x, [](const ir::Expr& e) { return ir::erf(e); });
}
Tensor sigmoid(const Operand& x) {
  const Tensor logits = x.tensor();
  return unary("sigmoid", logits, [](const ir::Expr& e) { return ir::logistic(e); })
      .with_logits(Tensor::Probabilities::sigmoid, logits);
}

Tensor equal(const Operand& a, const Operand& b) { return compared("equal", a, ir::Direction::eq, b); }
Tensor not_equal(const Operand& a, const Operand& b) { return compared("not_equal", a, ir::Direction::ne, b); }
Tensor less(const Operand& a, const Operand& b) { return compared("less", a, ir::Direction::lt, b); }
Tensor less_equal(const Operand& a, const Operand& b) { return compared("less_equal", a, ir::Direction::le, b); }
Tensor greater(const Operand& a, const Operand& b) { return compared("greater", a, ir::Direction::gt, b); }
Tensor greater_equal(const Operand& a, const Operand& b) { return compared("greater_equal", a, ir::Direction::ge, b); }

Tensor logical_and(const Operand& a, const Operand& b) {
  return binary("logical_and", a, b, [](const ir::Expr& x, const ir::Expr& y) { return ir::logical_and(x, y); });
}
Tensor logical_or(const Operand& a, const Operand& b) {
  return binary("logical_or", a, b, [](const ir::Expr& x, const ir::Expr& y) { return ir::logical_or(x, y); });
}
Tensor logical_not(const Operand& x) { return Tensor(ir::logical_not(x.tensor().expr())); }

Tensor where(const Operand& condition, const Operand& on_true, const Operand& on_false) {
  ir::Graph* graph = condition.graph() != nullptr ? condition.graph() : &detail::traced_graph("where");
  const Tensor c = condition.in(*graph, DType::i1);
  const DType* dtype = on_true.dtype() != nullptr ? on_true.dtype() : on_false.dtype();
  const DType chosen = dtype != nullptr ? *dtype : DType::f32;
  const auto [a, b] = detail::broadcast_pair("where", on_true.in(*graph, chosen), on_false.in(*graph, chosen));
  const Shape shape = broadcast_shapes(detail::where(graph, "where"), c.shape(), a.shape());
  return Tensor(ir::select(detail::stretch(c.expr(), shape), detail::stretch(a, shape), detail::stretch(b, shape)));
}

Tensor cast(const Operand& x, DType dtype) {
  if (x.number() != nullptr) return x.in(detail::traced_graph("cast"), dtype);
  const Tensor t = x.tensor();
  return t.dtype() == dtype ? t : Tensor(ir::convert(t.expr(), dtype));
}
Tensor stop_gradient(const Operand& x) { return Tensor(ir::stop_gradient(x.tensor().expr())); }
Tensor full_like(const Operand& x, double value) { return Tensor(ir::full_like(x.tensor().expr(), value)); }
Tensor zeros_like(const Operand& x) { return full_like(x, 0.0); }
Tensor ones_like(const Operand& x) { return full_like(x, 1.0); }

}  // namespace sinter
