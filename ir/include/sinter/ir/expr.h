#pragma once
// A handle to a value under construction, with operators. The builder functions live beside their ops (ops/*.h); the
// few that gradient rules need everywhere are declared here. Nothing broadcasts implicitly: operands of a pointwise op
// have one type, and a number takes the other operand's type.

#include <sinter/ir/graph.h>

namespace sinter::ir {

class SINTER_API Expr {
 public:
  Expr() = default;
  Expr(Graph& graph, Value value) : graph_(&graph), value_(value) {}

  /// False for the symbolic zero that gradients use.
  explicit operator bool() const { return graph_ != nullptr; }
  Graph& graph() const { return *graph_; }
  Value value() const { return value_; }
  const TensorType& type() const { return graph_->type(value_); }
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  int rank() const { return shape().rank(); }

 private:
  Graph* graph_ = nullptr;
  Value value_;
};

/// Appends the gradients of `outputs`, weighted by `seeds`, with respect to `parameters` to their graph; an empty Expr
/// is zero. It is what a region's gradient rule applies to a copy of its body.
using ReverseMode = std::vector<Expr> (*)(std::span<const Expr> outputs, std::span<const Expr> seeds,
                                          std::span<const Expr> parameters);

/// What a gradient rule sees: the node, its operands and results, and the gradients of the results.
class SINTER_API VjpContext {
 public:
  VjpContext(Graph& graph, NodeId node, std::vector<Expr> gradients, std::vector<bool> wanted, ReverseMode reverse)
      : graph_(graph), node_(node), gradients_(std::move(gradients)), wanted_(std::move(wanted)), reverse_(reverse) {}

  Graph& graph() const { return graph_; }
  const Node& node() const { return graph_.node(node_); }
  Expr operand(std::size_t k) const { return {graph_, node().operands[k]}; }
  std::size_t operands() const { return node().operands.size(); }
  Expr result(std::uint32_t k = 0) const { return {graph_, Value{node_, k}}; }
  /// Gradient of result k; empty when nothing depends on it.
  Expr grad(std::size_t k = 0) const { return gradients_[k]; }
  /// Whether anybody asks for the gradient of operand k.
  bool wants(std::size_t k) const { return wanted_[k]; }
  /// Reverse mode, for bodies.
  ReverseMode reverse_mode() const { return reverse_; }
  template <class Op>
  typename Op::Attrs attributes() const {
    return unpack<typename Op::Attrs>(node().attributes);
  }

 private:
  Graph& graph_;
  NodeId node_;
  std::vector<Expr> gradients_;
  std::vector<bool> wanted_;
  ReverseMode reverse_;
};

enum class Direction : std::uint8_t { eq, ne, lt, le, gt, ge };
SINTER_API std::string_view to_string(Direction direction);

/// A scalar constant of `dtype`.
SINTER_API Expr constant(Graph& graph, DType dtype, double value);
/// The number `value` in the type of `like` (a scalar constant, broadcast).
SINTER_API Expr full_like(const Expr& like, double value);
/// Stretches extent-free: operand axis k becomes result axis dims[k]; other result axes repeat.
SINTER_API Expr broadcast(const Expr& x, const Shape& shape, const Ints& dims);
/// A scalar to any shape.
SINTER_API Expr broadcast(const Expr& scalar, const Shape& shape);
SINTER_API Expr reshape(const Expr& x, const Shape& shape);
/// Result axis k is operand axis permutation[k].
SINTER_API Expr transpose(const Expr& x, const Ints& permutation);
/// Sums over `axes` (removed from the shape).
SINTER_API Expr reduce_sum(const Expr& x, const Ints& axes);
SINTER_API Expr select(const Expr& condition, const Expr& on_true, const Expr& on_false);
SINTER_API Expr compare(const Expr& a, Direction direction, const Expr& b);
SINTER_API Expr compare(const Expr& a, Direction direction, double b);
SINTER_API Expr convert(const Expr& x, DType dtype);
SINTER_API Expr log(const Expr& x);
SINTER_API Expr logistic(const Expr& x);
SINTER_API Expr sin(const Expr& x);
SINTER_API Expr cos(const Expr& x);
SINTER_API Expr exp(const Expr& x);
SINTER_API Expr sign(const Expr& x);
SINTER_API Expr pow(const Expr& x, const Expr& y);

SINTER_API Expr operator+(const Expr& a, const Expr& b);
SINTER_API Expr operator-(const Expr& a, const Expr& b);
SINTER_API Expr operator*(const Expr& a, const Expr& b);
SINTER_API Expr operator/(const Expr& a, const Expr& b);
SINTER_API Expr operator-(const Expr& a);
SINTER_API Expr operator+(const Expr& a, double b);
SINTER_API Expr operator+(double a, const Expr& b);
SINTER_API Expr operator-(const Expr& a, double b);
SINTER_API Expr operator-(double a, const Expr& b);
SINTER_API Expr operator*(const Expr& a, double b);
SINTER_API Expr operator*(double a, const Expr& b);
SINTER_API Expr operator/(const Expr& a, double b);
SINTER_API Expr operator/(double a, const Expr& b);

namespace detail {
/// Appends a node by op name; used by the templates below and by the functions above.
SINTER_API Expr append(Graph& graph, std::string_view op, Attributes attributes, std::span<const Expr> operands);
}  // namespace detail

/// Appends Op to the graph of its first operand. Throws UserError when the operands do not fit.
template <class Op>
Expr apply(const typename Op::Attrs& attrs, std::initializer_list<Expr> operands) {
  return detail::append(operands.begin()->graph(), Op::name, pack(attrs), {operands.begin(), operands.size()});
}
template <class Op>
Expr apply(std::initializer_list<Expr> operands) {
  return apply<Op>(typename Op::Attrs{}, operands);
}

}  // namespace sinter::ir
