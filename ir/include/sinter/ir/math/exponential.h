#pragma once
// exp, expm1, tanh and logistic. All reduce to expm1 on [-ln2/2, ln2/2]:
//
//   x = n ln2 + r,  n = round(x / ln2);   e^x = 2^n (1 + expm1(r));   e^x - 1 = 2^n expm1(r) + (2^n - 1)

#include <sinter/ir/math/format.h>

namespace sinter::ir::math {

namespace detail {

template <class Format>
struct Exponential;

/// expm1(r) = r + r^2 q(r); q is a minimax fit on |r| <= ln2/2 of relative error 2^-28 (f32) and 2^-57 (f64) in e^r.
template <>
struct Exponential<Single> {
  static constexpr std::array q{0.49999994, 0.16666517, 0.041668102, 0.0083691655, 0.0013838003};
  /// Above it e^x rounds to infinity, below it e^x is denormal.
  static constexpr double high = 88.72283172607422;
  static constexpr double low = -87.33654022216797;
  /// tanh(x) = x + x u t(u), u = x^2, for |x| < 0.625; relative error 2^-26.8 (f32) and 2^-56 (f64).
  static constexpr std::array t{-0.3333328, 0.13331442, -0.053739715, 0.020639088, -0.0057049873};
  /// Here tanh rounds to 1.
  static constexpr double tanh_limit = 10;
  /// Here expm1 rounds to -1.
  static constexpr double expm1_low = -20;
};

template <>
struct Exponential<Double> {
  static constexpr std::array q{0.5000000000000011,     0.16666666666666435,   0.04166666666652579,
                                0.008333333333475829,   0.0013888888944851407, 0.00019841269554845786,
                                2.4801491786921172e-05, 2.75575331379719e-06,  2.763073944998085e-07,
                                2.5021135131621187e-08};
  static constexpr double high = 709.782712893384;
  static constexpr double low = -708.3964185322641;
  static constexpr std::array t{-0.33333333333332854,   0.13333333333262093,   -0.053968253931268535,
                                0.02186948757610948,    -0.00886322100278176,  0.003591989174754164,
                                -0.0014549588816669858, 0.0005863165494219682, -0.000228564224711696,
                                7.71443777613239e-05,   -1.607257340470102e-05};
  static constexpr double tanh_limit = 20;
  static constexpr double expm1_low = -40;
};

/// x = n ln2 + r: expm1(r), and n shifted to the place of the exponent.
template <ScalarValue V>
struct Reduced {
  V expm1;
  V shifted;
};

template <class Format, ScalarValue V>
V expm1_reduced(const V& r) {
  return fma(r * r, polynomial(r, Exponential<Format>::q), r);
}

/// x - n ln2. One FMA takes off n times ln2 as the format has it; where `exact`, a second one what ln2 lost on its way
/// to the format.
template <class Format, bool exact, ScalarValue V>
V remainder(const V& x, const V& n) {
  const V r = fma(n, like(x, -Format::ln2_high), x);
  if constexpr (exact) return fma(n, like(x, -Format::ln2_low), r);
  return r;
}

/// x = n ln2 + r, n in the low bits of `rounded`.
template <class Format, ScalarValue V>
Reduced<V> reduce_exponent(const V& x) {
  const V magic = like(x, Format::round_magic);
  const V rounded = fma(x, like(x, log2_e), magic);
  const V shifted = shl(to_bits<Format>(rounded), bits_like<Format>(x, Format::mantissa_bits));
  return {expm1_reduced<Format>(remainder<Format, true>(x, rounded - magic)), shifted};
}

/// 2^n (1 + expm1). The exponent is added to the bits, which reaches 2^128 (1 - eps) where a factor 2^128 would not
/// exist.
template <class Format, ScalarValue V>
V restored(const Reduced<V>& reduced) {
  const V significand = like(reduced.expm1, 1) + reduced.expm1;
  return from_bits<Format>(to_bits<Format>(significand) + reduced.shifted);
}

/// e^x for low <= x <= high; anything, NaN included, gives garbage elsewhere.
template <class Format, ScalarValue V>
V exp_in_range(const V& x) {
  return restored<Format>(reduce_exponent<Format>(x));
}

/// The same for low <= x <= 0 in an operation less: the number that rounds holds the exponent's bias, so that 2^n is a
/// shift. Below `low` it is 0 as long as n is above -128 (f32). Where not `exact`, for a result that is added to a
/// larger number, its relative error grows with |x|, to 2^-23 at 30 (f32).
template <class Format, bool exact = true, ScalarValue V>
V exp_of_negative(const V& x) {
  const V magic = like(x, Format::round_magic + Format::bias);
  const V rounded = fma(x, like(x, log2_e), magic);
  const V scale = from_bits<Format>(shl(to_bits<Format>(rounded), bits_like<Format>(x, Format::mantissa_bits)));
  return fma(scale, expm1_reduced<Format>(remainder<Format, exact>(x, rounded - magic)), scale);
}

template <class Format, ScalarValue V>
V exp(const V& x) {
  using Constants = Exponential<Format>;
  const V value = select(lt(x, like(x, Constants::low)), like(x, 0), exp_in_range<Format>(x));
  // x + inf is inf for a large x and NaN for NaN.
  return select(le(x, like(x, Constants::high)), value, x + like(x, infinity));
}

template <class Format, ScalarValue V>
V expm1(const V& x) {
  using Constants = Exponential<Format>;
  const V clamped = at_most(at_least(x, Constants::expm1_low), Constants::high + 0.1);
  const Reduced<V> reduced = reduce_exponent<Format>(clamped);
  // Half the value is computed, because 2^n is not finite at the upper end.
  const V scale = power_of_two<Format>(reduced.shifted, -1);
  const V half = fma(scale, reduced.expm1, scale - like(x, 0.5));
  // Where x^2/2 is beyond the last bit the value is x; this keeps -0 and what half the value would flush.
  return select(lt(abs(x), like(x, 0x1p-60)), x, half + half);
}

/// 1 / (1 + u), f32, by a polynomial y whose residual e = 1 - (1 + u) y is at most 1/T_4(z), T_4 the Chebyshev
/// polynomial and z the place of -1 when [0, most u] is [-1, 1]: (1 - T_4(...) / T_4(z)) / (1 + u). A division costs as
/// much as 6 to 30 multiplications, by processor.
template <ScalarValue V>
struct OnePlus {
  V y, e;
};

template <ScalarValue V>
OnePlus<V> estimate_of_one_plus(const V& u, const std::array<double, 4>& c) {
  const V y = polynomial(u, c);
  return {y, fma(-u, y, like(u, 1) - y)};  // 1 - y is exact, 1 + u would not be
}

/// For 0 <= u <= 1: e <= 1/577, and y (1 + e + e^2) leaves e^3 < 2^-27.
template <ScalarValue V>
V reciprocal_of_one_plus(const V& u) {
  constexpr std::array c{0.9982669, -0.9428076, 0.66551125, -0.22183709};
  const auto [y, e] = estimate_of_one_plus(u, c);
  return fma(y, fma(e, e, e), y);
}

/// For 0 <= u <= 0.2866: e <= 1/31906, and y (1 + e) leaves e^2 < 2^-29.
template <ScalarValue V>
V reciprocal_of_little_more_than_one(const V& u) {
  constexpr std::array c{0.999968659, -0.99646928, 0.935419399, -0.594596618};
  const auto [y, e] = estimate_of_one_plus(u, c);
  return fma(y, e, y);
}

template <ScalarValue V>
V tanh(Single, const V& x) {
  const V one = like(x, 1);
  const V magnitude = abs(x);
  const V squared = x * x;
  const V small = fma(squared * polynomial(squared, Exponential<Single>::t), magnitude, magnitude);
  // Doubled by additions: processors multiply in fewer places than they add.
  const V u = exp_of_negative<Single, false>(-at_most(magnitude + magnitude, 2 * Exponential<Single>::tanh_limit));
  const V large = fma(-reciprocal_of_little_more_than_one(u), u + u, one);
  // Through expm1 one formula would serve both ranges, but lose another ulp.
  return copy_sign<Single>(select(ge(magnitude, like(x, 0.625)), large, small), x);
}

template <ScalarValue V>
V tanh(Double, const V& x) {
  const V one = like(x, 1);
  const V a = at_most(abs(x), Exponential<Double>::tanh_limit);
  const V u = a * a;
  const V small = fma(u * polynomial(u, Exponential<Double>::t), a, a);
  const V large = one - like(x, 2) / (exp_in_range<Double>(a + a) + one);
  return copy_sign<Double>(select(ge(a, like(x, 0.625)), large, small), x);
}

/// By u = e^-|x|: 1 / (1 + u), or u / (1 + u) for a negative x. From |x| = 88 on u is denormal, which counts as 0.
template <ScalarValue V>
V logistic(Single, const V& x) {
  const V u = exp_of_negative<Single>(-at_most(abs(x), 88));
  const V positive = reciprocal_of_one_plus(u);
  const V negative = lt(to_bits<Single>(x), bits_like<Single>(x, 0));  // -0 too, where both are 1/2
  return select(negative, u * positive, positive);
}

template <ScalarValue V>
V logistic(Double, const V& x) {
  const V one = like(x, 1);
  return one / (one + exp<Double>(-x));
}

}  // namespace detail

/// e^x, within 1.05 ULP (f32, f64). exp(-inf) = 0, exp(inf) = inf, exp(+-0) = 1. Overflow gives inf exactly where e^x
/// rounds to it; denormal results are 0.
template <ScalarValue V>
V exp(const V& x) {
  return detail::evaluate(
      x, [](double v) { return std::exp(v); }, []<class Format>(Format, const V& v) { return detail::exp<Format>(v); });
}

/// e^x - 1, within 1.5 ULP (f32) and 2.0 ULP (f64), near 0 too. expm1(+-0) = +-0, expm1(-inf) = -1, expm1(inf) = inf.
template <ScalarValue V>
V expm1(const V& x) {
  return detail::evaluate(
      x, [](double v) { return std::expm1(v); },
      []<class Format>(Format, const V& v) { return detail::expm1<Format>(v); });
}

/// (e^2x - 1) / (e^2x + 1), within 1.5 ULP (f32, f64). tanh(+-0) = +-0; exactly +-1 from |x| = 10 (f32), 20 (f64) and
/// at +-inf.
template <ScalarValue V>
V tanh(const V& x) {
  return detail::evaluate(
      x, [](double v) { return std::tanh(v); }, [](auto format, const V& v) { return detail::tanh(format, v); });
}

/// 1 / (1 + e^-x), the sigmoid, within 2.5 ULP (f32, f64). logistic(-inf) = 0, logistic(inf) = 1; 0 and 1 are reached
/// without overflow being seen.
template <ScalarValue V>
V logistic(const V& x) {
  return detail::evaluate(
      x, [](double v) { return 1.0 / (1.0 + std::exp(-v)); },
      [](auto format, const V& v) { return detail::logistic(format, v); });
}

}  // namespace sinter::ir::math
