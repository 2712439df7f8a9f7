#pragma once
// pow(x, y) = 2^(y log2|x|), with signs and special cases, and rsqrt.

#include <sinter/ir/math/exponential.h>
#include <sinter/ir/math/format.h>
#include <sinter/ir/math/logarithm.h>

namespace sinter::ir::math {

namespace detail {

/// An unevaluated sum of two floats, |low| at most about an ulp of high: twice the precision.
template <ScalarValue V>
struct Pair {
  V high;
  V low;
};

/// a + b where |a| >= |b| or a = 0.
template <ScalarValue V>
Pair<V> fast_sum(const V& a, const V& b) {
  const V high = a + b;
  return {high, (a - high) + b};
}

/// a * b without its last, negligible product.
template <ScalarValue V>
Pair<V> product(const Pair<V>& a, const Pair<V>& b) {
  const V high = a.high * b.high;
  const V rest = fma(a.high, b.high, -high);
  return {high, rest + fma(a.high, b.low, a.low * b.high)};
}

template <ScalarValue V>
Pair<V> pair_like(const V& x, double high, double low) {
  return {like(x, high), like(x, low)};
}

/// |x|^y of f32 through f64: the relative error 2^-38 of log2 is at most 2^-31 of the result, which is rounded to f32
/// once. log2(1 + f) = f l(f), 2^r = 1 + r e(r).
template <ScalarValue V>
V pow_of_magnitude(Single, const V& ax, const V& y) {
  constexpr std::array l{1.4426950408865744,  -0.721347520327543,   0.48089834880298193, -0.3606737931387233,
                         0.28853879571685426, -0.24044643349800773, 0.2061071234437801,  -0.18043675255064323,
                         0.16021666160192755, -0.1424986163293706,  0.13027565442607392, -0.1346294138439831,
                         0.13251192586135568, -0.06973889372984737};
  constexpr std::array e{0.6931471807047684,   0.24022651067001266,    0.055504103653721576,  0.009618038027241167,
                         0.001333393451833865, 0.00015466774349974044, 1.5196337617032145e-05};
  constexpr double limit = 1000;  // 2^+-limit leaves f32's range, not f64's
  const V x = convert(ax, DType::f64);
  const auto [k, f] = split_exponent<Double>(x);
  const V finite_log = fma(f, polynomial(f, l), k);
  const V log_or_special = select(lt(x, like(x, infinity)), finite_log, x);
  const V log = select(eq(x, like(x, 0)), like(x, -infinity), log_or_special);
  // 1^y is 1 for an infinite and a NaN y too.
  const V zero = like(x, 0);
  const V exponent = select(eq(log, zero), zero, log * convert(y, DType::f64));
  const V clamped = at_most(at_least(exponent, -limit), limit);
  const V magic = like(x, Double::round_magic);
  const V rounded = clamped + magic;
  const V r = clamped - (rounded - magic);
  const V shifted = shl(to_bits<Double>(rounded), bits_like<Double>(x, Double::mantissa_bits));
  const V significand = fma(r, polynomial(r, e), like(x, 1));
  return convert(significand * power_of_two<Double>(shifted), DType::f32);
}

/// log2(x) of a positive finite f64 with a relative error of about 2^-65:
/// s = f / (2 + f), log(1 + f) = 2 atanh(s), atanh(s) = s + s u (1/3 + u q(u)), u = s^2 <= 0.0295.
template <ScalarValue V>
Pair<V> log2_pair(const V& x) {
  constexpr std::array q{0.1999999999999999,  0.14285714285721926, 0.11111111108892582, 0.09090909422360986,
                         0.07692279185049689, 0.06668133505249929, 0.05837862707048934, 0.05991121825547719};
  const auto [k, f] = split_exponent<Double>(x);
  const Pair<V> divisor = fast_sum(like(x, 2), f);
  const V reciprocal = like(x, 1) / divisor.high;
  const V quotient = f * reciprocal;
  const V remainder = fma(-quotient, divisor.low, fma(-quotient, divisor.high, f));
  const Pair<V> s{quotient, remainder * reciprocal};
  const Pair<V> u = product(s, s);
  const Pair<V> third = pair_like(x, 0.3333333333333333, 1.850371707708594e-17);
  const Pair<V> leading = fast_sum(third.high, u.high * polynomial(u.high, q));
  const Pair<V> bend = product(s, product(u, Pair<V>{leading.high, leading.low + third.low}));
  const Pair<V> sum = fast_sum(s.high, bend.high);
  const Pair<V> atanh{sum.high, sum.low + (s.low + bend.low)};
  const Pair<V> log2 = product(atanh, pair_like(x, 2.8853900817779268, 4.0710547481862066e-17));
  const Pair<V> shifted = fast_sum(k, log2.high);
  return fast_sum(shifted.high, shifted.low + log2.low);
}

/// 2^(high + low) for any exponent; NaN for NaN. The scale is applied in two steps because 2^1024 is not finite.
template <ScalarValue V>
V exp2_of_pair(const Pair<V>& exponent) {
  constexpr double limit = 1100;
  const V zero = like(exponent.high, 0);
  const V high = at_most(at_least(exponent.high, -limit), limit);
  const V low = select(lt(abs(exponent.high), like(high, limit)), exponent.low, zero);
  const V magic = like(high, Double::round_magic);
  const V rounded = high + magic;
  const V r = (high - (rounded - magic)) + low;
  const V significand = like(high, 1) + expm1_reduced<Double>(r * like(high, Double::ln2_high));
  const V n = to_bits<Double>(rounded) - to_bits<Double>(magic);
  const V half = shr(n, bits_like<Double>(high, 1));
  const V places = bits_like<Double>(high, Double::mantissa_bits);
  const V partial = significand * power_of_two<Double>(shl(half, places));
  return partial * power_of_two<Double>(shl(n - half, places));
}

/// |x|^y of f64.
template <ScalarValue V>
V pow_of_magnitude(Double, const V& ax, const V& y) {
  const V zero = like(ax, 0);
  const V inf = like(ax, infinity);
  // From 2^70 on any x but 1 gives 0 or inf; the clamp keeps the products below finite.
  const V bounded = at_most(at_least(y, -0x1p70), 0x1p70);
  const Pair<V> log2 = log2_pair(ax);
  const V high = bounded * log2.high;
  const V low = fma(bounded, log2.low, fma(bounded, log2.high, -high));
  // 1^y is 1 for a NaN y too.
  const Pair<V> exponent{select(eq(log2.high, zero), zero, high), select(eq(log2.high, zero), zero, low)};
  const V finite = exp2_of_pair(exponent);
  const V is_zero = eq(ax, zero);
  const V from_zero = select(gt(y, zero), zero, inf);
  const V from_infinity = select(gt(y, zero), inf, zero);
  const V special = select(is_zero, from_zero, from_infinity);
  const V value = select(bit_or(is_zero, eq(ax, inf)), special, finite);
  return select(bit_or(ne(ax, ax), ne(y, y)), select(eq(ax, like(ax, 1)), value, ax + y), value);
}

/// x^y from |x|^y: the sign of an odd power, NaN for a fractional power of a negative number, 1 for y = 0.
template <class Format, ScalarValue V>
V pow(const V& x, const V& y) {
  const V magnitude = pow_of_magnitude(Format{}, abs(x), y);
  const V is_integer = eq(floor(y), y);
  const V half = y * like(y, 0.5);
  const V is_odd = bit_and(is_integer, ne(floor(half), half));
  const V signed_value = select(is_odd, copy_sign<Format>(magnitude, x), magnitude);
  const V negative = bit_and(lt(x, like(x, 0)), gt(x, like(x, -infinity)));
  const V value = select(bit_and(negative, bit_not(is_integer)), like(x, not_a_number), signed_value);
  return select(eq(y, like(y, 0)), like(y, 1), value);
}

}  // namespace detail

/// x to the power y, within 0.55 ULP (f32) and 1.5 ULP (f64) over the whole range. Special cases are those of C:
/// pow(x, +-0) = 1 for any x, NaN included, and pow(1, y) = 1 for any y; a negative finite x gives NaN unless y is an
/// integer, and a negative result when it is odd; pow(+-0, y < 0) = inf and pow(+-0, y > 0) = 0, with the sign of x for
/// odd y; pow(-1, +-inf) = 1.
template <ScalarValue V>
V pow(const V& x, const V& y) {
  return detail::evaluate(
      x, y, [](double v, double w) { return std::pow(v, w); },
      []<class Format>(Format, const V& v, const V& w) { return detail::pow<Format>(v, w); });
}

/// 1 / sqrt(x), each rounded, never the processor's estimate: within 1.5 ULP. rsqrt(+-0) = +-inf, rsqrt(inf) = 0, NaN
/// below 0.
template <ScalarValue V>
V rsqrt(const V& x) {
  return detail::evaluate(
      x, [](double v) { return 1.0 / std::sqrt(v); }, [](auto, const V& v) { return like(v, 1) / sqrt(v); });
}

}  // namespace sinter::ir::math
