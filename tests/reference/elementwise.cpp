// References of the elementwise ops. Arithmetic is exact in double before its one rounding (for f32: the double result
// of two floats rounded to float is the float result), transcendental functions are the C++ library's in long double.

#include <cmath>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>

#include "reference/reference.h"

namespace sinter::reference {

namespace {

std::uint64_t u(std::int64_t v) { return static_cast<std::uint64_t>(v); }

/// Results cell by cell: fn(dtype, cells...) with the dtype of the first operand.
template <Cell (*fn)(DType, const Cell&)>
std::vector<Tensor> each(const ir::Node&, std::span<const Tensor> x) {
  Tensor t{x[0].type, {}};
  for (const Cell& c : x[0].cells) t.cells.push_back(fn(x[0].type.dtype, c));
  return {t};
}

template <Cell (*fn)(DType, const Cell&, const Cell&)>
std::vector<Tensor> each(const ir::Node&, std::span<const Tensor> x) {
  Tensor t{x[0].type, {}};
  for (std::size_t k = 0; k < x[0].cells.size(); ++k)
    t.cells.push_back(fn(x[0].type.dtype, x[0].cells[k], x[1].cells[k]));
  return {t};
}

/// -1, 0 or 1, and 2 when a NaN is involved.
int order(DType dtype, const Cell& a, const Cell& b) {
  if (ir::is_integer(dtype)) return (a.integer > b.integer) - (a.integer < b.integer);
  const double x = flush(dtype, a.real);
  const double y = flush(dtype, b.real);
  if (std::isnan(x) || std::isnan(y)) return 2;
  return (x > y) - (x < y);
}

Cell neg(DType d, const Cell& a) { return ir::is_integer(d) ? Cell{0.0, wrap(d, 0 - u(a.integer))} : Cell{-a.real, 0}; }

Cell abs(DType d, const Cell& a) {
  if (ir::is_integer(d)) return a.integer < 0 ? neg(d, a) : a;
  return {std::fabs(a.real), 0};
}

Cell sign(DType d, const Cell& a) {
  const int s = order(d, a, Cell{});
  if (s == 0 || s == 2) return a;
  return ir::is_integer(d) ? Cell{0.0, s} : Cell{static_cast<double>(s), 0};
}

Cell floor(DType d, const Cell& a) { return {round_to(d, std::floor(flush(d, a.real))), 0}; }
Cell sqrt(DType d, const Cell& a) { return {round_to(d, std::sqrt(flush(d, a.real))), 0}; }

Cell rsqrt(DType d, const Cell& a) {
  const DType wide = d == DType::f64 ? d : DType::f32;
  return {round_to(d, 1.0 / round_to(wide, std::sqrt(flush(d, a.real)))), 0};
}

Cell add(DType d, const Cell& a, const Cell& b) {
  if (ir::is_integer(d)) return {0.0, wrap(d, u(a.integer) + u(b.integer))};
  return {round_to(d, flush(d, a.real) + flush(d, b.real)), 0};
}
Cell sub(DType d, const Cell& a, const Cell& b) {
  if (ir::is_integer(d)) return {0.0, wrap(d, u(a.integer) - u(b.integer))};
  return {round_to(d, flush(d, a.real) - flush(d, b.real)), 0};
}
Cell mul(DType d, const Cell& a, const Cell& b) {
  if (ir::is_integer(d)) return {0.0, wrap(d, u(a.integer) * u(b.integer))};
  return {round_to(d, flush(d, a.real) * flush(d, b.real)), 0};
}
Cell div(DType d, const Cell& a, const Cell& b) {
  if (!ir::is_integer(d)) return {round_to(d, flush(d, a.real) / flush(d, b.real)), 0};
  if (b.integer == 0) return {};
  if (b.integer == -1) return neg(d, a);
  return {0.0, a.integer / b.integer};
}

Cell maximum(DType d, const Cell& a, const Cell& b) {
  const int o = order(d, a, b);
  if (o == 2) return {NAN, 0};
  return o > 0 ? a : b;
}
Cell minimum(DType d, const Cell& a, const Cell& b) {
  const int o = order(d, a, b);
  if (o == 2) return {NAN, 0};
  return o < 0 ? a : b;
}

Cell bit_and(DType, const Cell& a, const Cell& b) { return {0.0, a.integer & b.integer}; }
Cell bit_or(DType, const Cell& a, const Cell& b) { return {0.0, a.integer | b.integer}; }
Cell bit_not(DType d, const Cell& a) { return {0.0, wrap(d, ~u(a.integer))}; }
Cell itself(DType, const Cell& a) { return a; }

std::vector<Tensor> compare(const ir::Node& node, std::span<const Tensor> x) {
  const std::string direction = ir::unpack<ir::Compare::Attrs>(node.attributes).direction;
  Tensor t{{DType::i1, x[0].type.shape}, {}};
  for (std::size_t k = 0; k < x[0].cells.size(); ++k) {
    const int o = order(x[0].type.dtype, x[0].cells[k], x[1].cells[k]);
    const bool yes = direction == "eq"   ? o == 0
                     : direction == "ne" ? o != 0
                     : direction == "lt" ? o == -1
                     : direction == "le" ? o == -1 || o == 0
                     : direction == "gt" ? o == 1
                                         : o == 1 || o == 0;
    t.cells.push_back({0.0, yes ? 1 : 0});
  }
  return {t};
}

std::vector<Tensor> select(const ir::Node&, std::span<const Tensor> x) {
  Tensor t{x[1].type, {}};
  for (std::size_t k = 0; k < x[0].cells.size(); ++k) t.cells.push_back(x[x[0].cells[k].integer != 0 ? 1 : 2].cells[k]);
  return {t};
}

std::vector<Tensor> converted(const ir::Node& node, std::span<const Tensor> x) {
  const DType to = ir::unpack<ir::Convert::Attrs>(node.attributes).to;
  Tensor t{{to, x[0].type.shape}, {}};
  for (const Cell& c : x[0].cells) t.cells.push_back(convert(c, x[0].type.dtype, to));
  return {t};
}

/// The exact value rounded to double; the rounding to the dtype is left to the tolerance.
template <long double (*fn)(long double)>
Cell oracle(DType d, const Cell& a) {
  return {static_cast<double>(fn(flush(d, a.real))), 0};
}

long double exp_of(long double x) { return std::exp(x); }
long double log_of(long double x) { return std::log(x); }
long double tanh_of(long double x) { return std::tanh(x); }
long double erf_of(long double x) { return std::erf(x); }
long double sin_of(long double x) { return std::sin(x); }
long double cos_of(long double x) { return std::cos(x); }
long double logistic_of(long double x) { return 1.0L / (1.0L + std::exp(-x)); }
long double softplus_of(long double x) { return (x > 0 ? x : 0.0L) + std::log1p(std::exp(-std::fabs(x))); }

Cell pow_of(DType d, const Cell& a, const Cell& b) {
  const auto x = static_cast<long double>(flush(d, a.real));
  const auto y = static_cast<long double>(flush(d, b.real));
  return {static_cast<double>(std::pow(x, y)), 0};
}

/// Hundredths of an ulp allowed in f32 and in f64: our stated bound, for f64 and half an ulp for the oracle's own
/// rounding to double. bf16 and f16 are f32 results rounded once more.
template <int Hundredths32, int Hundredths64>
bool within(DType dtype, std::span<const Cell>, const Cell& expected, const Cell& got) {
  const double allowed = dtype == DType::f64 ? 0.01 * Hundredths64 : dtype == DType::f32 ? 0.01 * Hundredths32 : 0.501;
  const bool zeros = expected.real == 0.0 && got.real == 0.0;
  if (zeros) return std::signbit(expected.real) == std::signbit(got.real);
  return ulps_between(dtype, expected.real, got.real) <= allowed;
}

/// Beyond 2^46 (f64: 2^30) only -1..1 is promised.
bool within_trigonometric(DType dtype, std::span<const Cell> x, const Cell& expected, const Cell& got) {
  const double range = dtype == DType::f64 ? 0x1p30 : 0x1p46;
  if (std::fabs(x[0].real) >= range && std::isfinite(x[0].real)) return std::fabs(got.real) <= 1.0;
  // Near a zero of the function the error is that of the reduced argument, not of the result.
  if (std::fabs(expected.real - got.real) <= std::ldexp(1.0, dtype == DType::f64 ? -100 : -60)) return true;
  return within<176, 226>(dtype, x, expected, got);
}

}  // namespace

std::vector<Definition> elementwise_definitions() {
  return {{"neg", each<neg>},
          {"abs", each<abs>},
          {"sign", each<sign>},
          {"floor", each<floor>},
          {"exp", each<oracle<exp_of>>, within<105, 155>},
          {"log", each<oracle<log_of>>, within<101, 151>},
          {"tanh", each<oracle<tanh_of>>, within<151, 201>},
          {"erf", each<oracle<erf_of>>, within<176, 201>},
          {"sqrt", each<sqrt>},
          {"rsqrt", each<rsqrt>},
          {"sin", each<oracle<sin_of>>, within_trigonometric},
          {"cos", each<oracle<cos_of>>, within_trigonometric},
          {"logistic", each<oracle<logistic_of>>, within<251, 301>},
          {"softplus", each<oracle<softplus_of>>, within<201, 251>},
          {"add", each<add>},
          {"sub", each<sub>},
          {"mul", each<mul>},
          {"div", each<div>},
          {"pow", each<pow_of>, within<56, 201>},
          {"max", each<maximum>},
          {"min", each<minimum>},
          {"compare", compare},
          {"and", each<bit_and>},
          {"or", each<bit_or>},
          {"not", each<bit_not>},
          {"select", select},
          {"convert", converted},
          {"stop_gradient", each<itself>}};
}

}  // namespace sinter::reference
