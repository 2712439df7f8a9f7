#pragma once
// Turns a node into callable bodies over a value type V by a fold over the op list. The interpreter instantiates this
// with Num, the code generator with its LLVM value: both run the same declarations.

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <sinter/ir/error.h>
#include <sinter/ir/graph.h>
#include <sinter/ir/ops.h>

namespace sinter::ir {

/// The computational parts of one node. Members that its form does not use are empty.
template <class V>
struct NodeBody {
  using Values = std::span<const V>;
  /// One element from the values read and the i64 numbers of the parallel axes. Empty for plain movement.
  std::function<V(Values x, Values axes)> scalar;
  /// Reductions: the carry before the first term. `zero` is any value of the operand's dtype.
  std::function<std::vector<V>(const V& zero)> identity;
  /// Adds one term to the carry; `reduced` are the i64 numbers of the reduced axes.
  std::function<std::vector<V>(Values carry, Values x, Values reduced)> accumulate;
  std::function<std::vector<V>(Values a, Values b)> combine;
  /// One value per result of the op.
  std::function<std::vector<V>(Values carry, DType result)> finish;
};

namespace detail {

template <class V, std::size_t... I>
std::array<V, sizeof...(I)> to_array(std::span<const V> values, std::index_sequence<I...>) {
  return {values[I]...};
}

template <int N, class V>
Carry<V, N> to_carry(std::span<const V> values) {
  return to_array(values, std::make_index_sequence<static_cast<std::size_t>(N)>());
}

template <class V, std::size_t N>
std::vector<V> to_vector(const std::array<V, N>& carry) {
  return std::vector<V>(carry.begin(), carry.end());
}

template <class Op, class V, std::size_t... I>
V call_scalar(const typename Op::Attrs& attrs, std::span<const V> x, std::span<const V> axes,
              std::index_sequence<I...>) {
  if constexpr (requires { requires Op::reads_axes; })
    return Op::template scalar<V>(attrs, x, axes);
  else if constexpr (requires { Op::scalar(attrs, x[I]...); })
    return Op::scalar(attrs, x[I]...);
  else
    return Op::scalar(x[I]...);
}

/// How many values `scalar` takes: the reads of the op's space.
template <class Op>
constexpr std::size_t scalar_arity() {
  if constexpr (Op::form == Form::scatter) return 2;
  return Op::arity < 0 ? 0 : static_cast<std::size_t>(Op::arity);
}

template <class Op>
constexpr bool has_scalar() {
  return (Op::form == Form::pointwise || Op::form == Form::scatter) || requires { requires Op::reads_axes; };
}

/// One more term: the op's own chain step (a fused multiply-add) where it has one.
template <class Op, class V>
Carry<V, Op::accumulators> add_term(const typename Op::Attrs& attrs, const Carry<V, Op::accumulators>& carry,
                                    std::span<const V> x, std::span<const V> reduced) {
  if constexpr (Op::form == Form::contract)
    return static_cast<void>(reduced), Op::template accumulate<V>(attrs, carry, x[0], x[1]);
  else
    return Op::template combine<V>(carry, Op::template term<V>(attrs, x, reduced));
}

template <class Op, class V>
NodeBody<V> make_body(const Node& node) {
  using Values = std::span<const V>;
  const auto attrs = unpack<typename Op::Attrs>(node.attributes);
  NodeBody<V> body;
  if constexpr (has_scalar<Op>())
    body.scalar = [attrs](Values x, Values axes) {
      return call_scalar<Op, V>(attrs, x, axes, std::make_index_sequence<scalar_arity<Op>()>());
    };
  if constexpr (requires { Op::accumulators; }) {
    constexpr int n = Op::accumulators;
    body.identity = [attrs](const V& zero) { return to_vector(Op::template identity<V>(attrs, zero)); };
    body.accumulate = [attrs](Values carry, Values x, Values reduced) {
      return to_vector(add_term<Op, V>(attrs, to_carry<n>(carry), x, reduced));
    };
    body.combine = [](Values a, Values b) {
      return to_vector(Op::template combine<V>(to_carry<n>(a), to_carry<n>(b)));
    };
    body.finish = [attrs](Values carry, DType result) {
      if constexpr (requires { Op::results; })
        return to_vector(Op::template finish<V>(attrs, to_carry<n>(carry), result));
      else
        return std::vector<V>{Op::template finish<V>(attrs, to_carry<n>(carry), result)};
    };
  }
  return body;
}

}  // namespace detail

/// The bodies of `node`.
template <class V>
NodeBody<V> body_of(const Node& node) {
  NodeBody<V> body;
  AllOps::for_each([&]<class Op>() {
    if (node.kind == kind_of<Op>()) body = detail::make_body<Op, V>(node);
  });
  return body;
}

}  // namespace sinter::ir
