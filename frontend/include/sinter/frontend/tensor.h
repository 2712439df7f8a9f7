#pragma once
// Symbolic tensors: what a layer's `call` computes with. A Tensor is one value of a graph under construction; nothing
// is computed until a model or a step built from it runs. Semantics are numpy's: shapes broadcast, negative axes count
// from the end, numbers take the tensor's dtype. Dtypes never mix silently: use cast().
//
// Everything here throws UserError naming the layer, the function, what was expected and what it got.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <sinter/ir/error.h>
#include <sinter/ir/expr.h>

namespace sinter {

using ir::DType;
using ir::Shape;
using ir::TensorType;

class Array;     // array.h: numbers on the host
class Variable;  // variable.h: a weight

/// An extent, an axis or a count: takes any integer type, refuses what does not fit, and refuses bool and floats.
class Dim {
 public:
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  constexpr Dim(T value) : value_(static_cast<std::int64_t>(value)) {  // NOLINT: implicit by design
    if (!std::in_range<std::int64_t>(value)) throw UserError("a dimension does not fit 64 bits");
  }
  template <class T>
    requires(std::same_as<T, bool> || std::floating_point<T>)
  Dim(T) = delete;
  constexpr operator std::int64_t() const { return value_; }  // NOLINT: implicit by design
  constexpr std::int64_t value() const { return value_; }

 private:
  std::int64_t value_;
};

/// A list of extents: `{28, 28}`, a Shape, or a vector of any integers. reshape() takes -1 for "what is left".
class SINTER_API Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<Dim> dims) : values_(dims.begin(), dims.end()) {}
  Dims(const Shape& shape) : values_(shape.ints()) {}  // NOLINT: implicit by design
  template <std::integral T>
  Dims(const std::vector<T>& dims) {  // NOLINT: implicit by design
    for (const T d : dims) values_.push_back(Dim(d));
  }
  const ir::Ints& values() const { return values_; }
  /// As a shape. Throws UserError for a negative extent; `where` starts the message.
  Shape shape(std::string_view where = "shape") const;

 private:
  ir::Ints values_;
};

/// Which axes a reduction runs over: one axis, a list, or all of them (the default).
class SINTER_API Axes {
 public:
  Axes() = default;
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Axes(T axis) : all_(false), axes_{static_cast<std::int64_t>(axis)} {}  // NOLINT: implicit by design
  Axes(Dim axis) : all_(false), axes_{axis.value()} {}                   // NOLINT: implicit by design
  Axes(std::initializer_list<Dim> axes) : all_(false), axes_(axes.begin(), axes.end()) {}
  explicit Axes(ir::Ints axes) : all_(false), axes_(std::move(axes)) {}
  template <class T>
    requires(std::same_as<T, bool> || std::floating_point<T>)
  Axes(T) = delete;  // max(x, 0.0)? The elementwise one is maximum(x, 0.0)
  bool all() const { return all_; }
  /// Increasing, distinct and non-negative for a tensor of `rank`. Throws UserError.
  ir::Ints resolve(int rank, std::string_view where) const;

 private:
  bool all_ = true;
  ir::Ints axes_;
};

inline const Axes all_axes;

struct ReduceOptions {
  bool keepdims = false;  // reduced axes stay, with extent 1
};

/// A value of a graph under construction. Cheap to copy; an empty one may only be assigned to.
class SINTER_API Tensor {
 public:
  Tensor() = default;
  explicit Tensor(const ir::Expr& expr);

  const Shape& shape() const { return expr().shape(); }
  /// Extent of an axis; negative ones count from the end.
  std::int64_t dim(int axis) const;
  int rank() const { return shape().rank(); }
  DType dtype() const { return expr().dtype(); }
  const TensorType& type() const { return expr().type(); }
  /// The node behind it. Throws UserError for an empty tensor and for one whose tracing is over.
  /// Inside a turn of a loop (scan.h) a tensor from outside is seen as an input of the turn.
  ir::Expr expr() const;
  ir::Graph& graph() const { return expr().graph(); }
  bool empty() const { return !static_cast<bool>(expr_); }

  /// A tensor is symbolic: it has no truth value while a model is described. Use where(condition, a, b).
  explicit operator bool() const = delete;

  /// How a tensor of probabilities came about, so that a cross-entropy can start from the logits and stay exact.
  enum class Probabilities : std::uint8_t { no, softmax, sigmoid };
  Probabilities probabilities() const { return probabilities_; }
  /// x, if this tensor is softmax(x) over its last axis or sigmoid(x), as it left that function.
  Tensor logits() const;
  /// This tensor, remembered as probabilities made from `logits`.
  Tensor with_logits(Probabilities kind, const Tensor& logits) const;

  /// Which positions count: i1, false where there is padding, with the first axes of this tensor ([n, steps] for a
  /// sequence). Empty: all count. Layers that support masking hand it on (layer.h); functions of tensors do not.
  Tensor mask() const;
  /// This tensor with a mask, of i1 or of numbers that are 0 where false; an empty one takes the mask away. Throws
  /// UserError unless the mask has the first axes of this tensor.
  Tensor with_mask(const Tensor& mask) const;

 private:
  ir::Expr expr_;
  ir::Expr logits_;
  ir::Expr mask_;
  std::uint64_t trace_ = 0;  // the tracing that made it; 0: none, the graph was built by hand
  Probabilities probabilities_ = Probabilities::no;
};

using Tensors = std::vector<Tensor>;

/// Whatever may stand in an expression: a Tensor, a Variable, a number (which takes the dtype of the tensor beside it),
/// or an Array (which becomes a constant).
class SINTER_API Operand {
 public:
  Operand(const Tensor& tensor) : value_(tensor) {}  // NOLINT: implicit by design
  Operand(const Variable& variable);                 // NOLINT: implicit by design
  Operand(const Array& array);                       // NOLINT: implicit by design
  template <class T>
    requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>)
  Operand(T number) : value_(static_cast<double>(number)) {}  // NOLINT: implicit by design

  /// The graph this operand belongs to, or nullptr (numbers, arrays).
  ir::Graph* graph() const;
  /// The number it is, or nullptr.
  const double* number() const { return std::get_if<double>(&value_); }
  /// As a tensor of `graph`; a number becomes a scalar of `dtype`.
  Tensor in(ir::Graph& graph, DType dtype = DType::f32) const;
  /// As a tensor of its own graph, else of the one that is being traced. Throws UserError when there is none.
  Tensor tensor() const;
  /// dtype, unless it is a number.
  const DType* dtype() const;

 private:
  std::variant<Tensor, ir::TensorData, double> value_;
};

// Arithmetic, with broadcasting.
SINTER_API Tensor operator+(const Operand& a, const Operand& b);
SINTER_API Tensor operator-(const Operand& a, const Operand& b);
SINTER_API Tensor operator*(const Operand& a, const Operand& b);
SINTER_API Tensor operator/(const Operand& a, const Operand& b);
SINTER_API Tensor operator-(const Operand& x);
/// Larger / smaller of each pair; NaN wins. Of equal operands the second gets the gradient.
SINTER_API Tensor maximum(const Operand& a, const Operand& b);
SINTER_API Tensor minimum(const Operand& a, const Operand& b);
SINTER_API Tensor pow(const Operand& x, const Operand& exponent);
/// x limited to [low, high].
SINTER_API Tensor clip(const Operand& x, const Operand& low, const Operand& high);

// Elementwise functions.
SINTER_API Tensor abs(const Operand& x);
SINTER_API Tensor sign(const Operand& x);
SINTER_API Tensor floor(const Operand& x);
SINTER_API Tensor exp(const Operand& x);
SINTER_API Tensor log(const Operand& x);
SINTER_API Tensor sqrt(const Operand& x);
SINTER_API Tensor rsqrt(const Operand& x);  // 1 / sqrt(x)
SINTER_API Tensor square(const Operand& x);
SINTER_API Tensor tanh(const Operand& x);
SINTER_API Tensor sigmoid(const Operand& x);   // 1 / (1 + exp(-x)); remembers x as its logits
SINTER_API Tensor softplus(const Operand& x);  // log(1 + exp(x))
SINTER_API Tensor sin(const Operand& x);
SINTER_API Tensor cos(const Operand& x);
SINTER_API Tensor erf(const Operand& x);

// Comparisons give i1; logic works on i1 (and bitwise on integers).
SINTER_API Tensor equal(const Operand& a, const Operand& b);
SINTER_API Tensor not_equal(const Operand& a, const Operand& b);
SINTER_API Tensor less(const Operand& a, const Operand& b);
SINTER_API Tensor less_equal(const Operand& a, const Operand& b);
SINTER_API Tensor greater(const Operand& a, const Operand& b);
SINTER_API Tensor greater_equal(const Operand& a, const Operand& b);
SINTER_API Tensor logical_and(const Operand& a, const Operand& b);
SINTER_API Tensor logical_or(const Operand& a, const Operand& b);
SINTER_API Tensor logical_not(const Operand& x);
/// on_true where the i1 condition holds, else on_false. All three broadcast.
SINTER_API Tensor where(const Operand& condition, const Operand& on_true, const Operand& on_false);

// Reductions: sum(x), sum(x, -1), sum(x, {0, 1}), sum(x, -1, {.keepdims = true}).
SINTER_API Tensor sum(const Operand& x, const Axes& axes = {}, ReduceOptions options = {});
SINTER_API Tensor mean(const Operand& x, const Axes& axes = {}, ReduceOptions options = {});
SINTER_API Tensor max(const Operand& x, const Axes& axes = {}, ReduceOptions options = {});
SINTER_API Tensor min(const Operand& x, const Axes& axes = {}, ReduceOptions options = {});
SINTER_API Tensor prod(const Operand& x, const Axes& axes = {}, ReduceOptions options = {});
/// Whether any / all elements are true (i1) or not 0.
SINTER_API Tensor any(const Operand& x, const Axes& axes = {}, ReduceOptions options = {});
SINTER_API Tensor all(const Operand& x, const Axes& axes = {}, ReduceOptions options = {});
/// Biased (divides by the count).
SINTER_API Tensor variance(const Operand& x, const Axes& axes = {}, ReduceOptions options = {});
/// log(sum(exp(x))) without overflow.
SINTER_API Tensor logsumexp(const Operand& x, const Axes& axes = {}, ReduceOptions options = {});
/// i32 position of the largest / smallest element; the first of equals.
SINTER_API Tensor argmax(const Operand& x, Dim axis = -1);
SINTER_API Tensor argmin(const Operand& x, Dim axis = -1);

/// numpy's matmul: the last two axes are matrices, leading axes are batches and broadcast, rank 1 is a vector.
SINTER_API Tensor matmul(const Operand& a, const Operand& b);
/// Probabilities over `axis`; over the last one it remembers x as its logits.
SINTER_API Tensor softmax(const Operand& x, Dim axis = -1);
SINTER_API Tensor log_softmax(const Operand& x, Dim axis = -1);
/// [...] of integers -> [..., classes]; a label outside gives a row of zeros.
SINTER_API Tensor one_hot(const Operand& labels, Dim classes, DType dtype = DType::f32);

// Shape. One extent of reshape may be -1.
SINTER_API Tensor reshape(const Operand& x, const Dims& shape);
/// All axes but the first become one.
SINTER_API Tensor flatten(const Operand& x);
/// Result axis k is axis permutation[k]; without one the axes are reversed.
SINTER_API Tensor transpose(const Operand& x, const Dims& permutation = {});
SINTER_API Tensor expand_dims(const Operand& x, Dim axis);
/// Drops axes of extent 1; without axes, all of them.
SINTER_API Tensor squeeze(const Operand& x, const Axes& axes = {});
SINTER_API Tensor broadcast_to(const Operand& x, const Dims& shape);
SINTER_API Tensor concatenate(const std::vector<Operand>& parts, Dim axis = -1);
/// Puts tensors of one shape beside each other along a new axis.
SINTER_API Tensor stack(const std::vector<Operand>& parts, Dim axis = 0);
/// Elements start, start + stride, ... below limit along each axis (as x[start:limit:stride] with positive strides);
/// lists shorter than the rank leave the last axes whole; negative positions count from the end.
SINTER_API Tensor slice(const Operand& x, const Dims& start, const Dims& limit, const Dims& stride = {});
/// `before` and `after` elements of `value` around each axis.
SINTER_API Tensor pad(const Operand& x, const Dims& before, const Dims& after, double value = 0.0);
SINTER_API Tensor flip(const Operand& x, const Axes& axes = {});
/// x[..., indices, ...] along `axis`: numpy's take. An index outside gives NaN (0 for integers).
SINTER_API Tensor gather(const Operand& x, const Operand& indices, Dim axis = 0);

SINTER_API Tensor cast(const Operand& x, DType dtype);
/// The value itself; no gradient flows through.
SINTER_API Tensor stop_gradient(const Operand& x);
SINTER_API Tensor full_like(const Operand& x, double value);
SINTER_API Tensor zeros_like(const Operand& x);
SINTER_API Tensor ones_like(const Operand& x);
/// 0, 1, 2, ... along the last axis of `shape`, in the graph being traced.
SINTER_API Tensor arange(Dim count, DType dtype = DType::i32);
SINTER_API Tensor constant(const Array& value);

/// Marks an intermediate: Model::trace_values() shows it under `name`. Returns x.
SINTER_API Tensor tap(const Tensor& x, const std::string& name);

/// Operands brought to one graph and one dtype: for functions on tensors written outside a layer.
SINTER_API std::pair<Tensor, Tensor> unify(std::string_view where, const Operand& a, const Operand& b);
/// The shape two shapes broadcast to. Throws UserError starting with `where`.
SINTER_API Shape broadcast_shapes(std::string_view where, const Shape& a, const Shape& b);

}  // namespace sinter
