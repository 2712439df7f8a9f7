// The transcendental functions: the documented ULP bounds over dense sweeps, special values, and that every value type
// gives the same bits.

#include <sinter/ir/math.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>

#include <sinter/ir/fp_environment.h>
#include <sinter/ir/num.h>

#include "support/catch.h"
#include "support/fast_value.h"

namespace sinter::test {

namespace {

namespace math = ir::math;
using ir::FlushDenormals;
using ir::Num;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A function of one argument: the code under test for both value types, the truth, and what is promised.
struct Function {
  const char* name;
  FastValue (*fast)(const FastValue&);
  Num (*num)(const Num&);
  double (*truth)(double);                  // for f32
  long double (*long_truth)(long double);   // for f64
  double f32_bound, f64_bound;              // ULP
  double f32_range = inf, f64_range = inf;  // the bounds hold for |x| up to here
  double interesting;                       // f64 is sampled evenly over [-interesting, interesting] too
};

template <class T>
T logistic_truth(T x) {
  return 1 / (1 + std::exp(-x));
}

template <class T>
T softplus_truth(T x) {
  return (x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x)));
}

template <class T>
T rsqrt_truth(T x) {
  return 1 / std::sqrt(x);
}

#define SINTER_FUNCTION(name) #name, math::name<FastValue>, math::name<Num>
#define SINTER_STD(name) [](double x) { return std::name(x); }, [](long double x) { return std::name(x); }

constexpr Function functions[] = {
    {SINTER_FUNCTION(exp), SINTER_STD(exp), 1.05, 1.05, inf, inf, 720},
    {SINTER_FUNCTION(expm1), SINTER_STD(expm1), 1.5, 2.0, inf, inf, 40},
    {SINTER_FUNCTION(log), SINTER_STD(log), 1.0, 1.0, inf, inf, 4},
    {SINTER_FUNCTION(tanh), SINTER_STD(tanh), 1.5, 1.5, inf, inf, 20},
    {SINTER_FUNCTION(erf), SINTER_STD(erf), 1.75, 1.5, inf, inf, 6},
    {SINTER_FUNCTION(sin), SINTER_STD(sin), 1.75, 1.75, 0x1p46, 0x1p30, 100},
    {SINTER_FUNCTION(cos), SINTER_STD(cos), 1.75, 1.75, 0x1p46, 0x1p30, 100},
    {SINTER_FUNCTION(logistic), logistic_truth<double>, logistic_truth<long double>, 2.5, 2.5, inf, inf, 40},
    {SINTER_FUNCTION(softplus), softplus_truth<double>, softplus_truth<long double>, 2.0, 2.0, inf, inf, 40},
    {SINTER_FUNCTION(rsqrt), rsqrt_truth<double>, rsqrt_truth<long double>, 1.5, 1.5, inf, inf, 4},
};

#undef SINTER_FUNCTION
#undef SINTER_STD

/// |got - truth| in units of the last place of T at `truth`; 0 where both are the same special value. Truths that are
/// denormal in T may give 0 or the least normal number.
template <class T, class Truth>
double ulp_error(T got, Truth truth) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(truth)) return std::isnan(got) ? 0 : inf;
  if (std::isnan(got)) return inf;
  if (std::isinf(truth)) return static_cast<Truth>(got) == truth ? 0 : inf;
  if (std::signbit(got) != std::signbit(truth)) return inf;
  const Truth magnitude = std::fabs(truth);
  if (magnitude < static_cast<Truth>(Limits::min())) return std::fabs(got) <= Limits::min() ? 0 : inf;
  const int exponent = std::min(std::ilogb(truth), Limits::max_exponent - 1);
  // An infinite result is judged as 2^max_exponent, the number that rounds to it.
  const Truth value =
      std::isinf(got) ? std::copysign(std::ldexp(Truth{1}, Limits::max_exponent), truth) : static_cast<Truth>(got);
  if (std::isinf(got) && magnitude >= std::fabs(value)) return 0;
  return static_cast<double>(std::ldexp(std::fabs(value - truth), Limits::digits - 1 - exponent));
}

struct Worst {
  double ulp = 0;
  double at = 0;
  long points = 0;

  void note(double error, double x) {
    ++points;
    if (error > ulp) {
      ulp = error;
      at = x;
    }
  }
};

/// Every stride-th bit pattern of f32.
Worst sweep_f32(const Function& function, std::uint32_t stride) {
  const FlushDenormals flush;
  Worst worst;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32U); bits += stride) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::fabs(x) > function.f32_range) continue;
    if (std::fabs(x) < std::numeric_limits<float>::min() && x != 0.0F) continue;  // would be read as 0
    worst.note(ulp_error(function.fast(x).f32(), function.truth(static_cast<double>(x))), static_cast<double>(x));
  }
  return worst;
}

/// Random f64: half over all bit patterns of exponent -70 and more, half evenly over the interesting range.
Worst sweep_f64(const Function& function, int points) {
  const FlushDenormals flush;
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> even(-function.interesting, function.interesting);
  Worst worst;
  for (int i = 0; i < points; ++i) {
    const auto exponent = static_cast<int>(random() % 100) - 70;
    const double significand = std::ldexp(static_cast<double>(random() >> 11U), -52);
    const double wide_spread = std::ldexp((random() & 1U) != 0 ? significand : -significand, exponent);
    const double x = i % 2 == 0 ? even(random) : wide_spread;
    if (std::fabs(x) > function.f64_range) continue;
    worst.note(ulp_error(function.fast(x).f64(), function.long_truth(static_cast<long double>(x))), x);
  }
  return worst;
}

/// x > 0 over all of f32 and y such that the result is finite, for both; then integer y and negative x.
template <class T, class Truth>
Worst sweep_pow(int points) {
  using Limits = std::numeric_limits<T>;
  const FlushDenormals flush;
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> unit(-1.0, 1.0);
  Worst worst;
  for (int i = 0; i < points; ++i) {
    const double spread = i % 3 == 0 ? 1e-3 : i % 3 == 1 ? 2.0 : static_cast<double>(Limits::max_exponent) - 1.0;
    T x = static_cast<T>(std::exp2(unit(random) * spread));
    const double largest = 1.02 * Limits::max_exponent / std::max(std::fabs(std::log2(static_cast<double>(x))), 1e-9);
    T y = static_cast<T>(unit(random) * std::min(largest, 1e30));
    if (i % 4 == 0) {
      y = std::round(y);
      x = -x;
    }
    const FastValue got = math::pow(FastValue(x), FastValue(y));
    T value;
    if constexpr (sizeof(T) == 4) {
      value = got.f32();
    } else {
      value = got.f64();
    }
    worst.note(ulp_error(value, std::pow(static_cast<Truth>(x), static_cast<Truth>(y))), static_cast<double>(x));
  }
  return worst;
}

constexpr double pow_f32_bound = 0.55;
constexpr double pow_f64_bound = 1.5;

void check_bound(const char* name, const Worst& worst, double bound) {
  INFO(name << ": " << worst.ulp << " ULP at " << worst.at << " of " << worst.points << " points");
  CHECK(worst.points > 1000);
  CHECK(worst.ulp <= bound);
}

/// The value as it is stored.
std::array<unsigned char, 8> bytes(const FastValue& value) {
  std::array<unsigned char, 8> out{};
  const std::uint64_t bits = ir::size_of(value.dtype()) == 8 ? static_cast<std::uint64_t>(value.i64()) : value.u32();
  std::memcpy(out.data(), &bits, sizeof bits);
  return out;
}

}  // namespace

TEST_CASE("f32 functions keep their ULP bounds", "[math]") {
  for (const Function& function : functions) check_bound(function.name, sweep_f32(function, 2039), function.f32_bound);
  check_bound("pow", sweep_pow<float, double>(1'000'000), pow_f32_bound);
}

TEST_CASE("f64 functions keep their ULP bounds", "[math]") {
  for (const Function& function : functions)
    check_bound(function.name, sweep_f64(function, 400'000), function.f64_bound);
  check_bound("pow", sweep_pow<double, long double>(400'000), pow_f64_bound);
}

TEST_CASE("interpreter and hardware give the same bits", "[math]") {
  const FlushDenormals flush;
  std::mt19937_64 random(5);
  for (const Function& function : functions) {
    for (int i = 0; i < 4000; ++i) {
      const float single = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
      const double dual = std::bit_cast<double>(random());
      int exponent = 0;
      const float near = std::ldexp(std::frexp(single, &exponent), i % 16 - 8);
      INFO(function.name << " at " << single << ", " << dual << ", " << near);
      const auto same_f32 = [&](float x) {
        return identical(function.num(Num::load(DType::f32, &x)),
                         Num::load(DType::f32, bytes(function.fast(x)).data()));
      };
      REQUIRE(same_f32(single));
      REQUIRE(same_f32(near));
      const auto same_f64 = [&](double x) {
        return identical(function.num(Num::load(DType::f64, &x)),
                         Num::load(DType::f64, bytes(function.fast(x)).data()));
      };
      REQUIRE(same_f64(dual));
      REQUIRE(same_f64(static_cast<double>(near) * (1 + 0x1p-40)));
    }
  }
}

TEST_CASE("pow gives the same bits in the interpreter", "[math]") {
  const FlushDenormals flush;
  std::mt19937_64 random(6);
  std::uniform_real_distribution<double> unit(-4.0, 4.0);
  for (int i = 0; i < 10000; ++i) {
    double x = i % 2 == 0 ? unit(random) : std::bit_cast<double>(random());
    double y = i % 3 == 0 ? unit(random) : i % 3 == 1 ? std::round(10 * unit(random)) : std::bit_cast<double>(random());
    INFO(x << " to the " << y);
    REQUIRE(identical(math::pow(Num::load(DType::f64, &x), Num::load(DType::f64, &y)),
                      Num::load(DType::f64, bytes(math::pow(FastValue(x), FastValue(y))).data())));
    const auto single_x = static_cast<float>(x);
    const auto single_y = static_cast<float>(y);
    REQUIRE(identical(math::pow(Num::load(DType::f32, &single_x), Num::load(DType::f32, &single_y)),
                      Num::load(DType::f32, bytes(math::pow(FastValue(single_x), FastValue(single_y))).data())));
  }
}

TEST_CASE("halves are computed in f32 and rounded once", "[math]") {
  const FlushDenormals flush;
  for (const DType half : {DType::bf16, DType::f16}) {
    for (const Function& function : functions) {
      for (std::uint32_t bits = 0; bits < 0x10000U; bits += 37) {
        const auto stored = static_cast<std::uint16_t>(bits);
        const Num x = Num::load(half, &stored);
        INFO(function.name << "(" << x.as_double() << ") in " << half);
        const Num got = function.num(x);
        REQUIRE(got.dtype() == half);
        REQUIRE(identical(got, convert(function.num(convert(x, DType::f32)), half)));
        const FastValue fast = function.fast(FastValue(half, static_cast<float>(x.as_double())));
        REQUIRE(identical(got, Num::from_double(half, static_cast<double>(fast.f32()))));
      }
    }
    const Num cube = math::pow(Num::from_double(half, 1.5), Num::from_double(half, 3));
    CHECK(cube.dtype() == half);
    CHECK(cube.as_double() == 3.375);
  }
}

TEST_CASE("a wide value goes to the library", "[math]") {
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16}) {
    for (const Function& function : functions) {
      const Num got = function.num(Num::from_double(dtype, 0.7, true));
      CHECK(got.wide());
      CHECK(got.dtype() == dtype);
      CHECK(got.as_double() == Approx(function.truth(0.7)).epsilon(1e-15));
    }
    const Num power = math::pow(Num::from_double(dtype, 0.7, true), Num::from_double(dtype, -2.3, true));
    CHECK(power.wide());
    CHECK(power.as_double() == std::pow(0.7, -2.3));
  }
}

TEST_CASE("special values", "[math]") {
  const FlushDenormals flush;
  struct Case {
    Num (*function)(const Num&);
    const char* name;
    double x, expected;
  };
  const Case cases[] = {
      {math::exp, "exp", -inf, 0},
      {math::exp, "exp", inf, inf},
      {math::exp, "exp", 0.0, 1},
      {math::exp, "exp", -0.0, 1},
      {math::exp, "exp", 1e30, inf},
      {math::exp, "exp", -1e30, 0},
      {math::expm1, "expm1", -inf, -1},
      {math::expm1, "expm1", inf, inf},
      {math::expm1, "expm1", 0.0, 0.0},
      {math::expm1, "expm1", -0.0, -0.0},
      {math::expm1, "expm1", -1e30, -1},
      {math::expm1, "expm1", 1e30, inf},
      {math::log, "log", 0.0, -inf},
      {math::log, "log", -0.0, -inf},
      {math::log, "log", inf, inf},
      {math::log, "log", -inf, nan},
      {math::log, "log", -1.0, nan},
      {math::log, "log", 1.0, 0.0},
      {math::tanh, "tanh", inf, 1},
      {math::tanh, "tanh", -inf, -1},
      {math::tanh, "tanh", 0.0, 0.0},
      {math::tanh, "tanh", -0.0, -0.0},
      {math::tanh, "tanh", 1e30, 1},
      {math::tanh, "tanh", -1e30, -1},
      {math::erf, "erf", inf, 1},
      {math::erf, "erf", -inf, -1},
      {math::erf, "erf", 0.0, 0.0},
      {math::erf, "erf", -0.0, -0.0},
      {math::erf, "erf", 1e30, 1},
      {math::erf, "erf", -1e30, -1},
      {math::sin, "sin", inf, nan},
      {math::sin, "sin", -inf, nan},
      {math::sin, "sin", 0.0, 0.0},
      {math::sin, "sin", -0.0, -0.0},
      {math::cos, "cos", inf, nan},
      {math::cos, "cos", -inf, nan},
      {math::cos, "cos", 0.0, 1},
      {math::cos, "cos", -0.0, 1},
      {math::logistic, "logistic", inf, 1},
      {math::logistic, "logistic", -inf, 0},
      {math::logistic, "logistic", 0.0, 0.5},
      {math::logistic, "logistic", -1e30, 0},
      {math::softplus, "softplus", inf, inf},
      {math::softplus, "softplus", -inf, 0},
      {math::softplus, "softplus", 1e30, 1e30},
      {math::softplus, "softplus", -1e30, 0},
      {math::rsqrt, "rsqrt", 0.0, inf},
      {math::rsqrt, "rsqrt", -0.0, -inf},
      {math::rsqrt, "rsqrt", inf, 0},
      {math::rsqrt, "rsqrt", -1.0, nan},
  };
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const Case& c : cases) {
      INFO(c.name << "(" << c.x << ") in " << dtype);
      CHECK(identical(c.function(Num::from_double(dtype, c.x)), Num::from_double(dtype, c.expected)));
    }
    for (const Function& function : functions) {
      INFO(function.name << "(NaN) in " << dtype);
      CHECK(std::isnan(function.num(Num::from_double(dtype, nan)).as_double()));
      // A NaN of every payload bit, so that none leaks into an exponent.
      for (int bit = 0; bit < (dtype == DType::f32 ? 23 : 52); ++bit) {
        const auto single = std::uint32_t{0x7F800000} | std::uint32_t{1} << (bit % 23);
        const auto dual = std::uint64_t{0x7FF0000000000000} | std::uint64_t{1} << bit;
        const Num payload = dtype == DType::f32 ? Num::load(dtype, &single) : Num::load(dtype, &dual);
        CHECK(std::isnan(function.num(payload).as_double()));
        CHECK(std::isnan(function.num(-payload).as_double()));
      }
    }
  }
}

TEST_CASE("exp overflows and underflows where it should", "[math]") {
  const FlushDenormals flush;
  const auto exp32 = [](float x) { return math::exp(FastValue(x)).f32(); };
  const auto exp64 = [](double x) { return math::exp(FastValue(x)).f64(); };
  const float high = 88.72283F;
  CHECK(std::isfinite(exp32(high)));
  CHECK(exp32(std::nextafter(high, 100.0F)) == static_cast<float>(inf));
  const float low = -87.33654F;
  CHECK(exp32(low) >= std::numeric_limits<float>::min());
  CHECK(std::bit_cast<std::uint32_t>(exp32(std::nextafter(low, -100.0F))) == 0);  // == 0.0F would flush
  const double high64 = 709.782712893384;
  CHECK(std::isfinite(exp64(high64)));
  CHECK(exp64(std::nextafter(high64, 1000.0)) == inf);
  const double low64 = -708.3964185322641;
  CHECK(exp64(low64) >= std::numeric_limits<double>::min());
  CHECK(std::bit_cast<std::uint64_t>(exp64(std::nextafter(low64, -1000.0))) == 0);
}

TEST_CASE("sin and cos keep their bounds next to multiples of pi/2", "[math]") {
  const FlushDenormals flush;
  std::mt19937_64 random(9);
  Worst single;
  Worst dual;
  for (int i = 0; i < 100'000; ++i) {
    const auto n = static_cast<long double>(random() >> (35U + static_cast<unsigned>(i) % 29U));  // up to 2^29
    const auto x = static_cast<double>(n * 1.57079632679489661923L);
    const auto y = static_cast<float>(x);
    dual.note(ulp_error(math::sin(FastValue(x)).f64(), std::sin(static_cast<long double>(x))), x);
    dual.note(ulp_error(math::cos(FastValue(x)).f64(), std::cos(static_cast<long double>(x))), x);
    single.note(ulp_error(math::sin(FastValue(y)).f32(), std::sin(static_cast<double>(y))), static_cast<double>(y));
    single.note(ulp_error(math::cos(FastValue(y)).f32(), std::cos(static_cast<double>(y))), static_cast<double>(y));
  }
  check_bound("f32", single, 1.75);
  check_bound("f64", dual, 1.75);
}

TEST_CASE("saturating functions stay in their range", "[math]") {
  const FlushDenormals flush;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32U); bits += 40009) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isnan(x)) continue;
    INFO(x);
    REQUIRE(std::fabs(math::tanh(FastValue(x)).f32()) <= 1.0F);
    REQUIRE(std::fabs(math::erf(FastValue(x)).f32()) <= 1.0F);
    const float y = math::logistic(FastValue(x)).f32();
    REQUIRE((y >= 0.0F && y <= 1.0F));
    REQUIRE(math::softplus(FastValue(x)).f32() >= 0.0F);
    if (std::isinf(x)) continue;
    REQUIRE(std::fabs(math::sin(FastValue(x)).f32()) <= 1.0F);
    REQUIRE(std::fabs(math::cos(FastValue(x)).f32()) <= 1.0F);
    const double wide = std::ldexp(static_cast<double>(x), 800);
    REQUIRE(std::fabs(math::sin(FastValue(wide)).f64()) <= 1.0);
    REQUIRE(std::fabs(math::cos(FastValue(wide)).f64()) <= 1.0);
    REQUIRE(std::fabs(math::tanh(FastValue(wide)).f64()) <= 1.0);
    REQUIRE(std::fabs(math::erf(FastValue(wide)).f64()) <= 1.0);
  }
}

TEST_CASE("pow has the special cases of C", "[math]") {
  const FlushDenormals flush;
  const double values[] = {0.0, -0.0, 1.0,  -1.0,  2.0,   -2.0,   3.0,      -3.0,      0.5, -0.5, 1.5, -1.5,
                           2.5, -2.5, 1e30, -1e30, 1e-30, -1e-30, 16777215, -16777215, inf, -inf, nan};
  for (const double x : values) {
    for (const double y : values) {
      INFO("pow(" << x << ", " << y << ")");
      const auto single = [](double v) { return static_cast<float>(v); };
      const float got = math::pow(FastValue(single(x)), FastValue(single(y))).f32();
      const double truth = std::pow(static_cast<double>(single(x)), static_cast<double>(single(y)));
      // A truth beyond f32's range is inf or 0 in f32.
      const double limited = std::fabs(truth) > 0x1p128 ? std::copysign(inf, truth) : truth;
      CHECK(ulp_error(got, limited) <= pow_f32_bound);
      const long double long_truth = std::pow(static_cast<long double>(x), static_cast<long double>(y));
      const bool beyond = std::fabs(long_truth) > 0x1p1023L;
      CHECK(ulp_error(math::pow(FastValue(x), FastValue(y)).f64(),
                      beyond ? std::copysign(std::numeric_limits<long double>::infinity(), long_truth) : long_truth) <=
            pow_f64_bound);
    }
  }
}

// Every f32 there is: minutes per function, so only on demand.
TEST_CASE("f32 functions keep their ULP bounds exhaustively", "[.][exhaustive]") {
  for (const Function& function : functions) check_bound(function.name, sweep_f32(function, 1), function.f32_bound);
}

TEST_CASE("measured ULP errors", "[.][table]") {
  for (const Function& function : functions) {
    const Worst single = sweep_f32(function, 127);
    const Worst dual = sweep_f64(function, 4'000'000);
    std::printf("%-9s f32 %.3f at %.9g   f64 %.3f at %.17g\n", function.name, single.ulp, single.at, dual.ulp, dual.at);
    std::fflush(stdout);
  }
  const Worst single = sweep_pow<float, double>(20'000'000);
  const Worst dual = sweep_pow<double, long double>(4'000'000);
  std::printf("%-9s f32 %.3f at %.9g   f64 %.3f at %.17g\n", "pow", single.ulp, single.at, dual.ulp, dual.at);
}

}  // namespace sinter::test
