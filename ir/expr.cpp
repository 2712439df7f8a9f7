#include <sinter/ir/expr.h>

#include <array>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>

namespace sinter::ir {

std::string_view to_string(Direction direction) {
  constexpr std::array<std::string_view, 6> names = {"eq", "ne", "lt", "le", "gt", "ge"};
  return names[static_cast<std::size_t>(direction)];
}

Expr detail::append(Graph& graph, std::string_view op, Attributes attributes, std::span<const Expr> operands) {
  std::vector<Value> values;
  for (const Expr& e : operands) {
    if (!e) internal_error(op, ": an operand is empty");
    if (&e.graph() != &graph) user_error(where(graph.path(), op), ": operands belong to different graphs");
    values.push_back(e.value());
  }
  const std::optional<OpKind> kind = find_op(op);
  check(kind.has_value(), "unknown op ", op);
  return {graph, Value{graph.add(*kind, std::move(attributes), std::move(values))}};
}

Expr constant(Graph& graph, DType dtype, double value) { return constant(graph, TensorData::scalar(dtype, value)); }

Expr full_like(const Expr& x, double value) {
  const Expr scalar = constant(x.graph(), x.dtype(), value);
  return x.rank() == 0 ? scalar : broadcast(scalar, x.shape());
}

Expr broadcast(const Expr& x, const Shape& shape, const Ints& dims) { return apply<Broadcast>({shape, dims}, {x}); }
Expr broadcast(const Expr& scalar, const Shape& shape) { return broadcast(scalar, shape, {}); }
Expr reshape(const Expr& x, const Shape& shape) { return x.shape() == shape ? x : apply<Reshape>({shape}, {x}); }
Expr transpose(const Expr& x, const Ints& permutation) { return apply<Transpose>({permutation}, {x}); }
Expr reduce_sum(const Expr& x, const Ints& axes) { return axes.empty() ? x : apply<ReduceSum>({axes}, {x}); }
Expr select(const Expr& c, const Expr& a, const Expr& b) { return apply<Select>({c, a, b}); }
Expr compare(const Expr& a, Direction d, const Expr& b) { return apply<Compare>({std::string(to_string(d))}, {a, b}); }
Expr compare(const Expr& a, Direction d, double b) { return compare(a, d, full_like(a, b)); }
Expr convert(const Expr& x, DType dtype) { return x.dtype() == dtype ? x : apply<Convert>({dtype}, {x}); }
Expr log(const Expr& x) { return apply<Log>({x}); }
Expr logistic(const Expr& x) { return apply<Logistic>({x}); }
Expr sin(const Expr& x) { return apply<Sin>({x}); }
Expr cos(const Expr& x) { return apply<Cos>({x}); }
Expr exp(const Expr& x) { return apply<Exp>({x}); }
Expr sign(const Expr& x) { return apply<Sign>({x}); }
Expr pow(const Expr& x, const Expr& y) { return apply<Pow>({x, y}); }

Expr operator+(const Expr& a, const Expr& b) { return apply<Add>({a, b}); }
Expr operator-(const Expr& a, const Expr& b) { return apply<Sub>({a, b}); }
Expr operator*(const Expr& a, const Expr& b) { return apply<Mul>({a, b}); }
Expr operator/(const Expr& a, const Expr& b) { return apply<Div>({a, b}); }
Expr operator-(const Expr& a) { return apply<Neg>({a}); }
Expr operator+(const Expr& a, double b) { return a + full_like(a, b); }
Expr operator+(double a, const Expr& b) { return full_like(b, a) + b; }
Expr operator-(const Expr& a, double b) { return a - full_like(a, b); }
Expr operator-(double a, const Expr& b) { return full_like(b, a) - b; }
Expr operator*(const Expr& a, double b) { return a * full_like(a, b); }
Expr operator*(double a, const Expr& b) { return full_like(b, a) * b; }
Expr operator/(const Expr& a, double b) { return a / full_like(a, b); }
Expr operator/(double a, const Expr& b) { return full_like(b, a) / b; }

}  // namespace sinter::ir
