#pragma once
// Contractions: products summed over shared axes.

#include <sinter/ir/ops/common.h>

namespace sinter::ir {

/// Any contraction of two operands. The result's axes are: batch axes, free axes of a, free axes of b, each in the
/// order of their operand (batch: in the order listed). Terms are summed as one FMA chain per chunk, in row-major order
/// of `contract_a`.
struct Dot {
  static constexpr std::string_view name = "dot";
  static constexpr int arity = 2;
  static constexpr Form form = Form::contract;
  static constexpr int accumulators = 1;
  struct Attrs {
    Ints batch_a, batch_b, contract_a, contract_b;
    static constexpr auto fields() {
      return std::tuple(Field{"batch_a", &Attrs::batch_a}, Field{"batch_b", &Attrs::batch_b},
                        Field{"contract_a", &Attrs::contract_a}, Field{"contract_b", &Attrs::contract_b});
    }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Order order(const Attrs&, Types) { return Order::chain; }
  template <class V>
  static Carry<V, 1> identity(const Attrs&, const V& zero) {
    return {like(zero, 0.0)};
  }
  /// One term added to the chain.
  template <class V>
  static Carry<V, 1> accumulate(const Attrs&, const Carry<V, 1>& carry, const V& a, const V& b) {
    return {fma(a, b, carry[0])};
  }
  template <class V>
  static Carry<V, 1> combine(const Carry<V, 1>& a, const Carry<V, 1>& b) {
    return {a[0] + b[0]};
  }
  template <class V>
  static V finish(const Attrs&, const Carry<V, 1>& carry, DType) {
    return carry[0];
  }
  static Gradients vjp(const VjpContext& c);
  /// The stacked axis is contracted before the others; with a leading one it is one axis.
  static Expr stacked_sum(const Attrs& a, std::span<const Expr> x);
};

SINTER_API Expr dot(const Expr& a, const Expr& b, const Dot::Attrs& attrs);
/// [..., m, k] x [..., k, n]: the matrix product of the last two axes, leading axes are batches; [k] is accepted on
/// either side as a vector.
SINTER_API Expr matmul(const Expr& a, const Expr& b);

}  // namespace sinter::ir
