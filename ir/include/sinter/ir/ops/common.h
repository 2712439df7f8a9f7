#pragma once
// Pieces shared by the op declarations: type checks and the bases of the families.

#include <algorithm>
#include <array>
#include <span>

#include <sinter/ir/error.h>
#include <sinter/ir/expr.h>
#include <sinter/ir/op.h>
#include <sinter/ir/scalar_value.h>

namespace sinter::ir {

using Types = std::span<const TensorType>;
/// The values that a reduction carries from term to term.
template <class V, int N>
using Carry = std::array<V, static_cast<std::size_t>(N)>;

namespace detail {

SINTER_API void expect_same(Types types);
SINTER_API void expect_float(const TensorType& type);
SINTER_API void expect_number(const TensorType& type);  // any dtype but i1
SINTER_API void expect_integer(const TensorType& type);
SINTER_API void expect_bool(const TensorType& type);
/// Axes must be in range and distinct.
SINTER_API void expect_axes(const Ints& axes, int rank, std::string_view what);

/// [t, n, ...] as [t * n, ...].
SINTER_API Expr unstacked(const Expr& x);

template <class T>
std::int64_t size(const T& items) {
  return static_cast<std::int64_t>(items.size());
}

}  // namespace detail

/// result[i] = scalar(a[i], ...) with one type for operands and result.
template <int Arity>
struct Pointwise {
  static constexpr int arity = Arity;
  static constexpr Form form = Form::pointwise;
  using Attrs = NoAttrs;
  static std::vector<TensorType> infer(const Attrs&, Types types) {
    detail::expect_same(types);
    detail::expect_number(types[0]);
    return {types[0]};
  }
  template <class A>
  static Space space(const A&, Types types) {
    return pointwise_space(types[0].shape, types.size());
  }
};

/// A pointwise op on floats only.
template <int Arity>
struct FloatPointwise : Pointwise<Arity> {
  static std::vector<TensorType> infer(const NoAttrs&, Types types) {
    detail::expect_same(types);
    detail::expect_float(types[0]);
    return {types[0]};
  }
};

}  // namespace sinter::ir
