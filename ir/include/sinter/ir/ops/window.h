#pragma once
// Ops that slide a window: convolutions and pooling. Reads outside the operand (padding) are absent: skipped, never
// multiplied by zero. Their strides are exact divisions in the gradients, so no tensor is ever stuffed with zeros.

#include <limits>
#include <utility>

#include <sinter/ir/ops/common.h>
#include <sinter/ir/ops/contraction.h>
#include <sinter/ir/ops/reduce.h>

namespace sinter::ir {

/// Convolution as a trilinear form in x, w and y, with 1 to 3 spatial axes. The role says which two are given:
///
///     forward          x, w -> y     y[n, o, g, f] = sum over k, c    of x[n, stride*o + dilation*k - low, g, c] *
///     w[k, c, g, f] input_gradient   y, w -> x     x[n, i, g, c] = sum over k, f    of y[n, (i - dilation*k + low) /
///     stride, g, f] * w[k, c, g, f] filter_gradient  x, y -> w     w[k, c, g, f] = sum over n, o    of x[n, stride*o +
///     dilation*k - low, g, c] * y[n, o, g, f]
///
/// Shapes: x [N, spatial..., G, C], w [spatial..., C, G, F], y [N, spatial..., G, F]. Groups are an axis of their own,
/// so that all index maps stay affine; this order makes [spatial..., C, G * F], the usual layout of a kernel, and [N,
/// spatial..., G * C] the same bytes, and a depthwise convolution is C = 1. `extents` are the spatial extents of the
/// result: they hold the padding at the high end, and what a gradient cannot infer. The gradient of any role is the
/// other two.
struct SINTER_API Conv {
  static constexpr std::string_view name = "conv";
  static constexpr int arity = 2;
  static constexpr Form form = Form::contract;
  static constexpr int accumulators = 1;
  struct Attrs {
    std::string role = "forward";
    Ints stride, dilation, low, extents;  // one entry per spatial axis
    static constexpr auto fields() {
      return std::tuple(Field{"role", &Attrs::role}, Field{"stride", &Attrs::stride},
                        Field{"dilation", &Attrs::dilation}, Field{"low", &Attrs::low},
                        Field{"extents", &Attrs::extents});
    }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Order order(const Attrs&, Types) { return Order::chain; }
  template <class V>
  static Carry<V, 1> identity(const Attrs&, const V& zero) {
    return Dot::identity({}, zero);
  }
  template <class V>
  static Carry<V, 1> accumulate(const Attrs&, const Carry<V, 1>& carry, const V& a, const V& b) {
    return Dot::accumulate({}, carry, a, b);
  }
  template <class V>
  static Carry<V, 1> combine(const Carry<V, 1>& a, const Carry<V, 1>& b) {
    return Dot::combine(a, b);
  }
  template <class V>
  static V finish(const Attrs&, const Carry<V, 1>& carry, DType) {
    return carry[0];
  }
  static Gradients vjp(const VjpContext& c);
};

/// A window over every axis (1 where it does not reach): result element o sees the operand's elements
/// stride*o + k - low for k below `window`. `shape` is the result's.
struct WindowAttrs {
  Ints window, stride, low;
  Shape shape;
  static constexpr auto fields() {
    return std::tuple(Field{"window", &WindowAttrs::window}, Field{"stride", &WindowAttrs::stride},
                      Field{"low", &WindowAttrs::low}, Field{"shape", &WindowAttrs::shape});
  }
};

namespace detail {
SINTER_API void expect_window(const WindowAttrs& a, int rank);
/// Each point of `shape` sees `count` operands through the window.
SINTER_API Space window_space(const WindowAttrs& a, std::size_t count);
/// The transposed view: operand elements (i - k + low) / stride, where that leaves no remainder.
SINTER_API Space unwindow_space(const WindowAttrs& a, std::size_t count);

/// Row-major number of a window's element, i32, from the i64 numbers of the reduced axes.
template <class V>
V window_element(const WindowAttrs& a, std::span<const V> reduced) {
  V number = integer_like(reduced[0], DType::i64, 0);
  for (std::size_t k = 0; k < a.window.size(); ++k)
    number = number * integer_like(number, DType::i64, a.window[k]) + reduced[k];
  return convert(number, DType::i32);
}
}  // namespace detail

/// The largest element of each window, and its i32 number within the window: the first of equals; a NaN counts as
/// largest. A window without any element gives -Inf (or the lowest integer) and -1.
struct SINTER_API MaxPool {
  static constexpr std::string_view name = "max_pool";
  static constexpr int arity = 1;
  static constexpr Form form = Form::reduce;
  static constexpr int accumulators = 2;  // value, number
  static constexpr int results = 2;
  using Attrs = WindowAttrs;
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types) { return detail::window_space(a, 1); }
  static Order order(const Attrs&, Types) { return Order::chain; }
  template <class V>
  static Carry<V, 2> identity(const Attrs&, const V& zero) {
    return {like(zero, -std::numeric_limits<double>::infinity()), integer_like(zero, DType::i32, -1)};
  }
  template <class V>
  static Carry<V, 2> term(const Attrs& a, std::span<const V> x, std::span<const V> reduced) {
    return {x[0], detail::window_element(a, reduced)};
  }
  /// b comes later, and wins only where it is larger or where a stands for no element.
  template <class V>
  static Carry<V, 2> combine(const Carry<V, 2>& a, const Carry<V, 2>& b) {
    const V none = lt(a[1], integer_like(a[1], DType::i32, 0));
    const V keeps = bit_and(bit_not(none), bit_or(bit_not(lt_or_nan(a[0], b[0])), ne(a[0], a[0])));
    return {select(keeps, a[0], b[0]), select(keeps, a[1], b[1])};
  }
  template <class V>
  static Carry<V, 2> finish(const Attrs&, const Carry<V, 2>& carry, DType) {
    return carry;
  }
  static Gradients vjp(const VjpContext& c);

 private:
  template <class V>
  static V lt_or_nan(const V& a, const V& b) {
    return bit_or(lt(a, b), ne(b, b));
  }
};

/// Of each window the element whose number the i32 second operand names; 0 where it names none.
struct SINTER_API WindowPick {
  static constexpr std::string_view name = "window_pick";
  static constexpr int arity = 2;
  static constexpr Form form = Form::reduce;
  static constexpr int accumulators = 1;
  using Attrs = WindowAttrs;
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Order order(const Attrs&, Types) { return Order::chain; }
  template <class V>
  static Carry<V, 1> identity(const Attrs&, const V& zero) {
    return {like(Reduction::widen(zero), 0.0)};
  }
  /// -0 adds nothing to any number.
  template <class V>
  static Carry<V, 1> term(const Attrs& a, std::span<const V> x, std::span<const V> reduced) {
    const V value = Reduction::widen(x[0]);
    return {select(eq(x[1], detail::window_element(a, reduced)), value, like(value, -0.0))};
  }
  template <class V>
  static Carry<V, 1> combine(const Carry<V, 1>& a, const Carry<V, 1>& b) {
    return {a[0] + b[0]};
  }
  template <class V>
  static V finish(const Attrs&, const Carry<V, 1>& carry, DType result) {
    return convert(carry[0], result);
  }
  /// max_unpool.
  static Gradients vjp(const VjpContext& c);
};

/// The reverse of window_pick: every element of the first operand is added where the i32 second operand says, within
/// the window that it stands for. `shape` is the result's, the operand of the pooling.
struct SINTER_API MaxUnpool : WindowPick {
  static constexpr std::string_view name = "max_unpool";
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types) { return detail::unwindow_space(a, 2); }
  /// window_pick.
  static Gradients vjp(const VjpContext& c);
};

/// The sum of each window (role forward), or its transpose: each element of the operand is added to every element of
/// the window that it stands for (role gradient; `shape` is the result's). Each is the gradient of the other.
struct SINTER_API WindowSum {
  static constexpr std::string_view name = "window_sum";
  static constexpr int arity = 1;
  static constexpr Form form = Form::reduce;
  static constexpr int accumulators = 1;
  struct Attrs {
    std::string role = "forward";
    Ints window, stride, low;
    Shape shape;
    static constexpr auto fields() {
      return std::tuple(Field{"role", &Attrs::role}, Field{"window", &Attrs::window}, Field{"stride", &Attrs::stride},
                        Field{"low", &Attrs::low}, Field{"shape", &Attrs::shape});
    }
    WindowAttrs geometry() const { return {window, stride, low, shape}; }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Order order(const Attrs&, Types) { return Order::chain; }
  template <class V>
  static Carry<V, 1> identity(const Attrs&, const V& zero) {
    return {like(Reduction::widen(zero), 0.0)};
  }
  template <class V>
  static Carry<V, 1> term(const Attrs&, std::span<const V> x, std::span<const V>) {
    return {Reduction::widen(x[0])};
  }
  template <class V>
  static Carry<V, 1> combine(const Carry<V, 1>& a, const Carry<V, 1>& b) {
    return {a[0] + b[0]};
  }
  template <class V>
  static V finish(const Attrs&, const Carry<V, 1>& carry, DType result) {
    return convert(carry[0], result);
  }
  static Gradients vjp(const VjpContext& c);
};

inline Expr conv(const Expr& a, const Expr& b, const Conv::Attrs& attrs) { return apply<Conv>(attrs, {a, b}); }
/// Value and number within the window.
inline std::pair<Expr, Expr> max_pool(const Expr& x, const WindowAttrs& attrs) {
  const Expr value = apply<MaxPool>(attrs, {x});
  return {value, Expr(value.graph(), Value{value.value().node, 1})};
}
inline Expr window_pick(const Expr& x, const Expr& number, const WindowAttrs& attrs) {
  return apply<WindowPick>(attrs, {x, number});
}
inline Expr max_unpool(const Expr& x, const Expr& number, const WindowAttrs& attrs) {
  return apply<MaxUnpool>(attrs, {x, number});
}
inline Expr window_sum(const Expr& x, const WindowSum::Attrs& attrs) { return apply<WindowSum>(attrs, {x}); }

}  // namespace sinter::ir
