#pragma once
// Reductions over axes. The order of the terms is a contract: see sum_order.h and ir/README.md.

#include <limits>

#include <sinter/ir/ops/common.h>

namespace sinter::ir {

/// The named axes disappear.
struct ReduceAttrs {
  Ints axes;  // increasing
  static constexpr auto fields() { return std::tuple(Field{"axes", &ReduceAttrs::axes}); }
};

struct Reduction {
  static constexpr int arity = 1;
  static constexpr Form form = Form::reduce;
  static constexpr int accumulators = 1;
  using Attrs = ReduceAttrs;
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  /// lanes when the innermost axis is reduced, else chain.
  static Order order(const Attrs& a, Types types);
  /// bf16 and f16 accumulate in f32.
  template <class V>
  static V widen(const V& x) {
    return is_half(dtype_of(x)) ? convert(x, DType::f32) : x;
  }
  template <class V>
  static Carry<V, 1> term(const Attrs&, std::span<const V> x, std::span<const V>) {
    return {widen(x[0])};
  }
  template <class V>
  static V finish(const Attrs&, const Carry<V, 1>& carry, DType result) {
    return convert(carry[0], result);
  }
};

struct ReduceSum : Reduction {
  static constexpr std::string_view name = "reduce_sum";
  /// The carry before the first term; `zero` is any value of the operand's dtype.
  template <class V>
  static Carry<V, 1> identity(const Attrs&, const V& zero) {
    return {like(widen(zero), 0.0)};
  }
  template <class V>
  static Carry<V, 1> combine(const Carry<V, 1>& a, const Carry<V, 1>& b) {
    return {a[0] + b[0]};
  }
  /// The stacked axis is summed before the others; with a leading one it is one axis.
  static Expr stacked_sum(const Attrs& a, std::span<const Expr> x);
  static Gradients vjp(const VjpContext& c);
};

struct ReduceProd : Reduction {
  static constexpr std::string_view name = "reduce_prod";
  template <class V>
  static Carry<V, 1> identity(const Attrs&, const V& zero) {
    return {like(widen(zero), 1.0)};
  }
  template <class V>
  static Carry<V, 1> combine(const Carry<V, 1>& a, const Carry<V, 1>& b) {
    return {a[0] * b[0]};
  }
  /// The product of the other elements, also where the operand holds zeros.
  static Gradients vjp(const VjpContext& c);
};

/// Propagates NaN. An empty reduction gives -Inf or the lowest integer.
struct ReduceMax : Reduction {
  static constexpr std::string_view name = "reduce_max";
  template <class V>
  static Carry<V, 1> identity(const Attrs&, const V& zero) {
    return {like(widen(zero), -std::numeric_limits<double>::infinity())};
  }
  template <class V>
  static Carry<V, 1> combine(const Carry<V, 1>& a, const Carry<V, 1>& b) {
    return {max_propagating(a[0], b[0])};
  }
  /// Shared equally between the elements that attain the maximum.
  static Gradients vjp(const VjpContext& c);
};

/// Propagates NaN. An empty reduction gives +Inf or the highest integer.
struct ReduceMin : Reduction {
  static constexpr std::string_view name = "reduce_min";
  template <class V>
  static Carry<V, 1> identity(const Attrs&, const V& zero) {
    return {like(widen(zero), std::numeric_limits<double>::infinity())};
  }
  template <class V>
  static Carry<V, 1> combine(const Carry<V, 1>& a, const Carry<V, 1>& b) {
    return {min_propagating(a[0], b[0])};
  }
  static Gradients vjp(const VjpContext& c);
};

/// i32 position of the largest element along one axis; the first one of equals; a NaN counts as the largest.
struct Argmax {
  static constexpr std::string_view name = "argmax";
  static constexpr int arity = 1;
  static constexpr Form form = Form::reduce;
  static constexpr int accumulators = 2;  // value, position
  static constexpr bool not_differentiable = true;
  static constexpr bool integer_result = true;
  struct Attrs {
    std::int64_t axis = 0;
    static constexpr auto fields() { return std::tuple(Field{"axis", &Attrs::axis}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types) { return Reduction::space(ReduceAttrs{{a.axis}}, types); }
  static Order order(const Attrs& a, Types types) { return Reduction::order(ReduceAttrs{{a.axis}}, types); }
  template <class V>
  static Carry<V, 2> identity(const Attrs&, const V& zero) {
    return {like(zero, -std::numeric_limits<double>::infinity()),
            integer_like(zero, DType::i32, std::numeric_limits<std::int32_t>::max())};
  }
  /// `reduced` holds the i64 numbers of the reduced axes.
  template <class V>
  static Carry<V, 2> term(const Attrs&, std::span<const V> x, std::span<const V> reduced) {
    return {x[0], convert(reduced[0], DType::i32)};
  }
  template <class V>
  static Carry<V, 2> combine(const Carry<V, 2>& a, const Carry<V, 2>& b) {
    const V a_nan = ne(a[0], a[0]);
    const V b_nan = ne(b[0], b[0]);
    const V tie = bit_or(eq(a[0], b[0]), bit_and(a_nan, b_nan));
    const V greater = bit_or(gt(a[0], b[0]), bit_and(a_nan, bit_not(b_nan)));
    const V first = bit_or(greater, bit_and(tie, lt(a[1], b[1])));
    return {select(first, a[0], b[0]), select(first, a[1], b[1])};
  }
  template <class V>
  static V finish(const Attrs&, const Carry<V, 2>& carry, DType) {
    return carry[1];
  }
};

inline Expr reduce_max(const Expr& x, const Ints& axes) { return apply<ReduceMax>({axes}, {x}); }
inline Expr reduce_min(const Expr& x, const Ints& axes) { return apply<ReduceMin>({axes}, {x}); }
inline Expr reduce_prod(const Expr& x, const Ints& axes) { return apply<ReduceProd>({axes}, {x}); }
inline Expr argmax(const Expr& x, std::int64_t axis) { return apply<Argmax>({axis}, {x}); }

}  // namespace sinter::ir
