#pragma once
// What an op's `scalar` body may do with its values. Bodies are templates over a value type V; two types model this
// concept: `Num` (the interpreter's) and the runtime's LLVM value. Both must give the same bits, so every operation
// here is pinned down:
//
//  * + - * / on floats round once, to the value's dtype; bf16/f16 are computed in f32 and rounded to storage.
//  * denormal inputs and results of arithmetic and compares are zero (FTZ and DAZ are on wherever bodies run), sign
//    kept; negation, abs, select and bitcast only move bits.
//  * fma(a, b, c) is one rounding (in f32 for bf16/f16, then rounded to storage). Integers: a * b + c.
//  * integers wrap; x / 0 = 0; lowest / -1 = lowest; i1 behaves as an unsigned one-bit integer.
//  * lt, le, gt, ge, eq are false when a NaN is involved, ne is true; the result is i1.
//  * shl and shr by >= the width give 0 (shr of a negative signed value gives -1); shr is arithmetic for signed types.
//  * convert: float to integer truncates, saturates, and gives 0 for NaN; integer to float rounds to nearest even;
//    to i1 is `x != 0`; integer to integer wraps.
//  * bitcast keeps the bits (f32 <-> i32/u32, f64 <-> i64).
//  * mul_high is the upper 32 bits of a u32 product.

#include <concepts>

#include <sinter/ir/type.h>

namespace sinter::ir {

template <class V>
concept ScalarValue = requires(const V a, const V b, const V c, DType dtype, double d, std::int64_t i) {
  { dtype_of(a) } -> std::same_as<DType>;
  /// A constant of `dtype` in the same context (wide mode, LLVM builder) as `a`. Floats round d to the dtype.
  { constant_like(a, dtype, d) } -> std::same_as<V>;
  { integer_like(a, dtype, i) } -> std::same_as<V>;
  { a + b } -> std::same_as<V>;
  { a - b } -> std::same_as<V>;
  { a * b } -> std::same_as<V>;
  { a / b } -> std::same_as<V>;
  { -a } -> std::same_as<V>;
  { fma(a, b, c) } -> std::same_as<V>;
  { sqrt(a) } -> std::same_as<V>;
  { abs(a) } -> std::same_as<V>;
  { floor(a) } -> std::same_as<V>;
  { round_even(a) } -> std::same_as<V>;
  { lt(a, b) } -> std::same_as<V>;
  { le(a, b) } -> std::same_as<V>;
  { gt(a, b) } -> std::same_as<V>;
  { ge(a, b) } -> std::same_as<V>;
  { eq(a, b) } -> std::same_as<V>;
  { ne(a, b) } -> std::same_as<V>;
  { select(a, b, c) } -> std::same_as<V>;
  { bit_and(a, b) } -> std::same_as<V>;
  { bit_or(a, b) } -> std::same_as<V>;
  { bit_xor(a, b) } -> std::same_as<V>;
  { bit_not(a) } -> std::same_as<V>;
  { shl(a, b) } -> std::same_as<V>;
  { shr(a, b) } -> std::same_as<V>;
  { convert(a, dtype) } -> std::same_as<V>;
  { bitcast(a, dtype) } -> std::same_as<V>;
  { mul_high(a, b) } -> std::same_as<V>;
};

/// The constant d in the dtype of `a`.
template <class V>
V like(const V& a, double d) {
  return constant_like(a, dtype_of(a), d);
}

/// Propagates NaN; of equal operands (so of +0 and -0) the second is returned.
template <class V>
V max_propagating(const V& a, const V& b) {
  return select(bit_or(gt(a, b), ne(a, a)), a, b);
}

/// Propagates NaN; of equal operands the second is returned.
template <class V>
V min_propagating(const V& a, const V& b) {
  return select(bit_or(lt(a, b), ne(a, a)), a, b);
}

}  // namespace sinter::ir
