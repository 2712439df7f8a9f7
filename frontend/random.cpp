#include "random.h"

#include <cmath>

namespace sinter {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::uint64_t seed) {
  auto key0 = static_cast<std::uint32_t>(seed);
  auto key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ key0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ key1, static_cast<std::uint32_t>(a)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return c;
}

std::uint32_t RandomStream::bits(std::uint64_t position) const {
  const std::uint64_t block = position / 4;
  const auto words = philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                             static_cast<std::uint32_t>(name_), static_cast<std::uint32_t>(name_ >> 32)},
                            seed_);
  return words[position % 4];
}

double RandomStream::uniform(std::uint64_t position) const { return (bits(position) + 0.5) * 0x1p-32; }

double RandomStream::normal(std::uint64_t position) const { return normal_quantile(uniform(position)); }

double RandomStream::truncated_normal(std::uint64_t position) const {
  constexpr double below = 0.022750131948179195;  // P(X < -2)
  return normal_quantile(below + uniform(position) * (1.0 - 2.0 * below));
}

namespace {

/// Natural logarithm of a positive normal number: exponent plus the series of 2 atanh((m - 1) / (m + 1)).
double plain_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752) {
    m *= 2.0;
    --exponent;
  }
  const double s = (m - 1.0) / (m + 1.0);
  const double square = s * s;
  double sum = 0.0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return exponent * 0.69314718055994531 + 2.0 * s * sum;
}

template <std::size_t N>
double polynomial(const double (&coefficients)[N], double x) {
  double sum = 0.0;
  for (const double c : coefficients) sum = sum * x + c;
  return sum;
}

// Coefficients of PPND16, highest power first.
constexpr double a[] = {2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
                        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608};
constexpr double b[] = {5226.495278852854561,  28729.085735721942674, 39307.89580009271061,  21213.794301586595867,
                        5394.1960214247511077, 687.1870074920579083,  42.313330701600911252, 1.0};
constexpr double c[] = {7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177,
                        1.27045825245236838258,   3.64784832476320460504,   5.7694972214606914055,
                        4.6303378461565452959,    1.42343711074968357734};
constexpr double d[] = {
    1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
    0.68976733498510000455,    1.6763848301838038494,   2.05319162663775882187,   1.0};
constexpr double e[] = {2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386,
                        0.026532189526576123093,   0.29656057182850489123,    1.7848265399172913358,
                        5.4637849111641143699,     6.6579046435011037772};
constexpr double f[] = {
    2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
    0.0148753612908506148525,   0.13692988092273580531,   0.59983220655588793769,   1.0};

}  // namespace

double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(a, r) / polynomial(b, r);
  }
  const double tail = std::sqrt(-plain_log(q < 0.0 ? p : 1.0 - p));
  const double r = tail <= 5.0 ? tail - 1.6 : tail - 5.0;
  const double x = tail <= 5.0 ? polynomial(c, r) / polynomial(d, r) : polynomial(e, r) / polynomial(f, r);
  return q < 0.0 ? -x : x;
}

}  // namespace sinter
