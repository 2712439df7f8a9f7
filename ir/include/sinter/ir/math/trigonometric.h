#pragma once
// sin and cos: x = n pi/2 + r with |r| <= pi/4, then a polynomial for sin(r) or cos(r) and a sign, by n mod 4.

#include <sinter/ir/math/format.h>

namespace sinter::ir::math {

namespace detail {

template <class Format>
struct Trigonometric;

/// sin(r) = r + r u s(u), cos(r) = 1 - u/2 + u^2 c(u), u = r^2. Relative errors of the fits: 2^-28 and 2^-33 (f32),
/// 2^-58 and 2^-64 (f64).
template <>
struct Trigonometric<Single> {
  static constexpr std::array s{-0.16666655, 0.008332191, -0.00019518599};
  static constexpr std::array c{0.041666646, -0.001388731, 2.4432327e-05};
};

template <>
struct Trigonometric<Double> {
  static constexpr std::array s{-0.16666666666666632,  0.008333333333322472,    -0.00019841269829835677,
                                2.755731369733501e-06, -2.5050758488007537e-08, 1.589679622900532e-10};
  static constexpr std::array c{0.041666666666666595,    -0.0013888888888873325, 2.4801587288983695e-05,
                                -2.7557314210084736e-07, 2.0875704273021233e-09, -1.1358683470707883e-11};
};

/// x = n pi/2 + r; the low bits of `quadrant`, an i64, are n's.
template <ScalarValue V>
struct Quadrant {
  V r;
  V quadrant;
};

/// x is f64. pi/2 is three positive doubles (so that n = 0 keeps x = -0). The first fma is exact (its result is a
/// multiple of 2^-52 below 2), the others round a sum of the size of r. For |x| <= 2^46 the error of x * 2/pi moves the
/// border between quadrants by less than 0.01; beyond that r is only kept in a range where the polynomials are bounded.
template <ScalarValue V>
Quadrant<V> reduce_quadrant(const V& x) {
  constexpr double limit = 0.8;  // pi/4 and the border's error
  const V magic = like(x, Double::round_magic);
  const V rounded = fma(x, like(x, 0.6366197723675814), magic);
  const V n = rounded - magic;
  V r = fma(n, like(x, -1.5707963267948966), x);
  r = fma(n, like(x, -6.123233995736765e-17), r);
  r = fma(n, like(x, -1.082856673921914e-32), r);
  return {at_most(at_least(r, -limit), limit), to_bits<Double>(rounded)};
}

/// The sine of r + quadrant * pi/2; both in Format.
template <class Format, ScalarValue V>
V sin_of_quadrant(const V& r, const V& quadrant) {
  const V one = bits_like<Format>(r, 1);
  const V u = r * r;
  // u s(u) is negative; adding +0 makes it +0 at r = 0, and so sin(-0) = fma(+0, -0, -0) = -0.
  const V bend = fma(u, polynomial(u, Trigonometric<Format>::s), like(r, 0));
  const V sine = fma(bend, r, r);
  const V cosine = fma(u * u, polynomial(u, Trigonometric<Format>::c), fma(u, like(r, -0.5), like(r, 1)));
  const V odd = ne(bit_and(quadrant, one), bits_like<Format>(r, 0));
  const V sign = shl(bit_and(quadrant, bits_like<Format>(r, 2)), bits_like<Format>(r, Format::bits - 2));
  return from_bits<Format>(bit_xor(to_bits<Format>(select(odd, cosine, sine)), sign));
}

/// f32 is reduced in f64: four operations there cost less than a careful reduction in f32, and hold to
/// |x| = 2^46.
template <ScalarValue V>
V sin_shifted(Single, const V& x, std::int64_t quarter_turns) {
  const Quadrant<V> reduced = reduce_quadrant(convert(x, DType::f64));
  const V quadrant = convert(reduced.quadrant, DType::i32) + integer_like(x, DType::i32, quarter_turns);
  return sin_of_quadrant<Single>(convert(reduced.r, DType::f32), quadrant);
}

template <ScalarValue V>
V sin_shifted(Double, const V& x, std::int64_t quarter_turns) {
  const Quadrant<V> reduced = reduce_quadrant(x);
  const V quadrant = reduced.quadrant + integer_like(x, DType::i64, quarter_turns);
  return sin_of_quadrant<Double>(reduced.r, quadrant);
}

}  // namespace detail

/// Sine of x radians, within 1.75 ULP for |x| <= 2^46 (f32) and |x| <= 2^30 (f64). Beyond that the result has no
/// accuracy but stays within [-1, 1]. sin(+-0) = +-0, sin(+-inf) = NaN.
template <ScalarValue V>
V sin(const V& x) {
  return detail::evaluate(
      x, [](double v) { return std::sin(v); },
      [](auto format, const V& v) { return detail::sin_shifted(format, v, 0); });
}

/// Cosine of x radians, with the bounds and ranges of sin. cos(+-0) = 1, cos(+-inf) = NaN.
template <ScalarValue V>
V cos(const V& x) {
  return detail::evaluate(
      x, [](double v) { return std::cos(v); },
      [](auto format, const V& v) { return detail::sin_shifted(format, v, 1); });
}

}  // namespace sinter::ir::math
