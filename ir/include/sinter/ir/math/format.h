#pragma once
// What the transcendental functions know about f32 and f64, and how a function is brought to one of them: bf16 and f16
// go through f32, a wide value goes to the C++ library in double.

#include <array>
#include <cmath>
#include <cstdint>

#include <sinter/ir/scalar_value.h>

namespace sinter::ir::math::detail {

struct Single {
  static constexpr DType dtype = DType::f32;
  static constexpr DType integer = DType::i32;
  static constexpr int bits = 32;
  static constexpr int mantissa_bits = 23;
  static constexpr int bias = 127;
  /// 1.5 * 2^mantissa_bits: x + round_magic rounds x to an integer, which the low mantissa bits then hold. That is one
  /// addition where round_even and a conversion would be two operations, and it needs no range check.
  static constexpr double round_magic = 0x1.8p23;
  static constexpr double ln2_high = 0.693147182464599609375;
  static constexpr double ln2_low = -1.9046542121259336e-09;
};

struct Double {
  static constexpr DType dtype = DType::f64;
  static constexpr DType integer = DType::i64;
  static constexpr int bits = 64;
  static constexpr int mantissa_bits = 52;
  static constexpr int bias = 1023;
  static constexpr double round_magic = 0x1.8p52;
  static constexpr double ln2_high = 0.6931471805599453;
  static constexpr double ln2_low = 2.3190468138462996e-17;
};

inline constexpr double log2_e = 1.4426950408889634;
inline constexpr double infinity = __builtin_huge_val();
inline constexpr double not_a_number = __builtin_nan("");

/// c[0] + c[1] x + c[2] x^2 + ... by Horner's rule: the fewest operations. Its latency is hidden by the other vectors
/// of a loop.
template <ScalarValue V, std::size_t N>
V polynomial(const V& x, const std::array<double, N>& c) {
  V sum = like(x, c[N - 1]);
  for (std::size_t i = N - 1; i > 0; --i) sum = fma(sum, x, like(x, c[i - 1]));
  return sum;
}

template <class Format, ScalarValue V>
V to_bits(const V& x) {
  return bitcast(x, Format::integer);
}

template <class Format, ScalarValue V>
V from_bits(const V& bits) {
  return bitcast(bits, Format::dtype);
}

template <class Format, ScalarValue V>
V bits_like(const V& x, std::int64_t value) {
  return integer_like(x, Format::integer, value);
}

/// The sign bit of x, as an integer.
template <class Format, ScalarValue V>
V sign_bit(const V& x) {
  return bit_and(to_bits<Format>(x), shl(bits_like<Format>(x, 1), bits_like<Format>(x, Format::bits - 1)));
}

/// `magnitude`, which is not negative, with the sign of x.
template <class Format, ScalarValue V>
V copy_sign(const V& magnitude, const V& x) {
  return from_bits<Format>(bit_or(to_bits<Format>(magnitude), sign_bit<Format>(x)));
}

/// min(x, limit), NaN for NaN.
template <ScalarValue V>
V at_most(const V& x, double limit) {
  return select(gt(x, like(x, limit)), like(x, limit), x);
}

/// max(x, limit), NaN for NaN.
template <ScalarValue V>
V at_least(const V& x, double limit) {
  return select(lt(x, like(x, limit)), like(x, limit), x);
}

/// 2^n for the integer n held in `shifted` = n << mantissa_bits, times 2^offset. The product must be a normal number.
template <class Format, ScalarValue V>
V power_of_two(const V& shifted, int offset = 0) {
  const std::int64_t exponent = static_cast<std::int64_t>(Format::bias + offset) << Format::mantissa_bits;
  return from_bits<Format>(shifted + bits_like<Format>(shifted, exponent));
}

/// in_format(x..., Single or Double) in the dtype of the arguments, or wide_fn in double when they are wide.
template <ScalarValue V, class WideFn, class Fn>
V evaluate(const V& x, WideFn wide_fn, Fn in_format) {
  if constexpr (requires { is_wide(x); }) {
    if (is_wide(x)) return apply_wide(x, +wide_fn);
  }
  const DType dtype = dtype_of(x);
  if (dtype == DType::f64) return in_format(Double{}, x);
  if (dtype == DType::f32) return in_format(Single{}, x);
  return convert(in_format(Single{}, convert(x, DType::f32)), dtype);
}

template <ScalarValue V, class WideFn, class Fn>
V evaluate(const V& x, const V& y, WideFn wide_fn, Fn in_format) {
  if constexpr (requires { is_wide(x); }) {
    if (is_wide(x)) return apply_wide(x, y, +wide_fn);
  }
  const DType dtype = dtype_of(x);
  if (dtype == DType::f64) return in_format(Double{}, x, y);
  if (dtype == DType::f32) return in_format(Single{}, x, y);
  return convert(in_format(Single{}, convert(x, DType::f32), convert(y, DType::f32)), dtype);
}

}  // namespace sinter::ir::math::detail
