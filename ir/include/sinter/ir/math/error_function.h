#pragma once
// erf.

#include <sinter/ir/math/exponential.h>
#include <sinter/ir/math/format.h>

namespace sinter::ir::math {

namespace detail {

/// f32: erf(a) = 1 - e^(-a Q(a)), by way of expm1, with Q(a) = -log(erfc(a)) / a smooth on the whole range, so that one
/// polynomial and no division serve small and large a alike. Q(a) = leading + tail(a); the leading coefficient is split
/// so that its rounding is corrected. The fit's relative error in erf is 2^-27.9.
template <ScalarValue V>
V erf(Single, const V& x) {
  constexpr double leading = 1.128379225730896;
  constexpr std::array tail{-5.411973e-08, 0.6366194,      0.10277777,     -0.019152898, -0.00016059454,
                            0.0016671165,  -0.00063282513, 0.000117620715, -9.251977e-06};
  constexpr double limit = 4;  // erf rounds to 1
  const V a = at_most(abs(x), limit);
  const V log_erfc = fma(a, like(a, -leading), -(a * polynomial(a, tail)));
  const Reduced<V> reduced = reduce_exponent<Single>(log_erfc);
  const V scale = power_of_two<Single>(reduced.shifted);
  return copy_sign<Single>(fma(-scale, reduced.expm1, like(x, 1) - scale), x);
}

/// f64: x + x P(x^2) below 1 and 1 - e^-R(|x|) with R = -log(erfc) above. Fits: 2^-55 relative, 2^-55.9 absolute.
template <ScalarValue V>
V erf(Double, const V& x) {
  constexpr std::array p{0.12837916709551256,     -0.37612638903183343,    0.1128379167093695,
                         -0.02686617064195914,    0.00522397759673589,     -0.0008548325484998302,
                         0.00012055280496468903,  -1.4924465634102656e-05, 1.6444150424295632e-06,
                         -1.6183989169395975e-07, 1.3616685357811487e-08,  -7.607773716100454e-10};
  constexpr std::array r{1.8496055099332482,      2.6389675142347757,      0.8431072563594125,
                         0.041561098025083586,    -0.010033825179163377,   0.0019779012161034643,
                         -0.00023731643612909668, -2.629632298581169e-05,  2.7198965102380817e-05,
                         -9.671366997291704e-06,  2.13193057810103e-06,    -2.0480578492634586e-07,
                         -5.8014537449050806e-08, 3.3392266340196765e-08,  -8.519013117239163e-09,
                         1.319141177292046e-09,   -1.1932950621894202e-10, 4.865175673312772e-12};
  constexpr double limit = 6;  // erf rounds to 1
  const V one = like(x, 1);
  const V a = at_most(abs(x), limit);
  const V small = fma(x, polynomial(x * x, p), x);
  const V large = one - exp_in_range<Double>(-polynomial(a - one, r));
  return select(ge(a, one), copy_sign<Double>(large, x), small);  // NaN takes `small`
}

}  // namespace detail

/// 2/sqrt(pi) times the integral of e^-t^2 from 0 to x, within 1.75 ULP (f32) and 1.5 ULP (f64). erf(+-0) = +-0;
/// exactly
/// +-1 from |x| = 4 (f32), 6 (f64) and at +-inf.
template <ScalarValue V>
V erf(const V& x) {
  return detail::evaluate(
      x, [](double v) { return std::erf(v); }, [](auto format, const V& v) { return detail::erf(format, v); });
}

}  // namespace sinter::ir::math
