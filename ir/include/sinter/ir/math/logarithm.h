#pragma once
// log and softplus. Both reduce to log1p on [sqrt(1/2) - 1, sqrt(2) - 1]:
//
//   x = 2^k (1 + f),  sqrt(1/2) <= 1 + f < sqrt(2);   log(x) = k ln2 + log1p(f)

#include <sinter/ir/math/exponential.h>
#include <sinter/ir/math/format.h>

namespace sinter::ir::math {

namespace detail {

template <class Format>
struct Logarithm;

/// log1p(f) = f + f^2 (-1/2 + f q(f)); q is a minimax fit of relative error 2^-27 (f32) and 2^-56 (f64) in log1p(f).
template <>
struct Logarithm<Single> {
  static constexpr std::array q{0.3333333,  -0.25000823, 0.20001261, -0.16623335,
                                0.14200947, -0.13159509, 0.1276662,  -0.076422736};
  /// The bits of sqrt(1/2), rounded.
  static constexpr std::int64_t root_half = 0x3F3504F3;
  /// k + bias or'ed into these bits, that is 2^mantissa_bits, is a float that carries k.
  static constexpr std::int64_t integer_carrier = 0x4B000000;
};

template <>
struct Logarithm<Double> {
  static constexpr std::array q{0.3333333333333314,  -0.24999999999987976,  0.20000000000066617, -0.1666666666982576,
                                0.14285714280092632, -0.12499999691451917,  0.11111111147498061, -0.10000015205959215,
                                0.09090923930781175, -0.08332913545525279,  0.07691529839848296, -0.07149439481313072,
                                0.06684588903098025, -0.06196678336760922,  0.05668378677303975, -0.056777860610818326,
                                0.06503490099366667, -0.059816972361935096, 0.02615089202024162};
  static constexpr std::int64_t root_half = 0x3FE6A09E667F3BCD;
  static constexpr std::int64_t integer_carrier = 0x4330000000000000;
};

/// x = 2^k (1 + f), with k as a float.
template <ScalarValue V>
struct Split {
  V k;
  V f;
};

/// Splits a positive finite x. Adding 1 - root_half to the bits carries into the exponent when the significand is at
/// least sqrt(2), so that one addition both picks k and recentres f.
template <class Format, ScalarValue V>
Split<V> split_exponent(const V& x) {
  constexpr std::int64_t one = static_cast<std::int64_t>(Format::bias) << Format::mantissa_bits;
  constexpr std::int64_t mantissa = (std::int64_t{1} << Format::mantissa_bits) - 1;
  constexpr std::int64_t root_half = Logarithm<Format>::root_half;
  const V shifted = to_bits<Format>(x) + bits_like<Format>(x, one - root_half);
  const V biased = shr(shifted, bits_like<Format>(x, Format::mantissa_bits));
  const V carrier = from_bits<Format>(bit_or(biased, bits_like<Format>(x, Logarithm<Format>::integer_carrier)));
  const V k = carrier - like(x, std::ldexp(1.0, Format::mantissa_bits) + Format::bias);
  const V significand = bit_and(shifted, bits_like<Format>(x, mantissa)) + bits_like<Format>(x, root_half);
  return {k, from_bits<Format>(significand) - like(x, 1)};
}

/// k ln2 + log1p(f) for sqrt(1/2) <= 1 + f <= sqrt(2).
template <class Format, ScalarValue V>
V log_of_split(const Split<V>& split) {
  const auto& [k, f] = split;
  const V bend = fma(f, polynomial(f, Logarithm<Format>::q), like(f, -0.5));
  const V low = fma(f * f, bend, k * like(f, Format::ln2_low));
  return fma(k, like(f, Format::ln2_high), f + low);
}

/// log(x) for any x from log(x) for a positive finite x.
template <ScalarValue V>
V log_special_cases(const V& x, const V& value) {
  const V not_positive = select(eq(x, like(x, 0)), like(x, -infinity), like(x, not_a_number));
  // inf and NaN are their own logarithms; NaN is not greater than 0 but not equal to it either.
  return select(gt(x, like(x, 0)), select(lt(x, like(x, infinity)), value, x), not_positive);
}

template <class Format, ScalarValue V>
V log(const V& x) {
  return log_special_cases(x, log_of_split<Format>(split_exponent<Format>(x)));
}

/// log(1 + e) for 0 <= e <= 1, relative to a small e too: (e - 1) / 2 and e are known without rounding 1 + e.
template <class Format, ScalarValue V>
V log1p_of_unit(const V& e) {
  const V upper = gt(e, like(e, 0.41421356237309503));
  const V f = select(upper, fma(e, like(e, 0.5), like(e, -0.5)), e);
  return log_of_split<Format>(Split<V>{select(upper, like(e, 1), like(e, 0)), f});
}

template <class Format, ScalarValue V>
V softplus(const V& x) {
  const V zero = like(x, 0);
  return select(gt(x, zero), x, zero) + log1p_of_unit<Format>(exp<Format>(-abs(x)));
}

}  // namespace detail

/// Natural logarithm, within 1.0 ULP (f32, f64). log(+-0) = -inf, log(inf) = inf, NaN below 0. Denormals count as 0.
template <ScalarValue V>
V log(const V& x) {
  return detail::evaluate(
      x, [](double v) { return std::log(v); }, []<class Format>(Format, const V& v) { return detail::log<Format>(v); });
}

/// log(1 + e^x) = max(x, 0) + log1p(e^-|x|), within 2.0 ULP (f32, f64), where it tends to 0 too. softplus(-inf) = 0,
/// softplus(inf) = inf.
template <ScalarValue V>
V softplus(const V& x) {
  return detail::evaluate(
      x, [](double v) { return (v > 0.0 ? v : 0.0) + std::log1p(std::exp(-std::fabs(v))); },
      []<class Format>(Format, const V& v) { return detail::softplus<Format>(v); });
}

}  // namespace sinter::ir::math
