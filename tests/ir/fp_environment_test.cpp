#include <sinter/ir/fp_environment.h>

#include <cfenv>
#include <limits>

#include "support/catch.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace sinter::test {

namespace {

// Not inlined and through volatile, so that the compiler neither folds it nor moves it across the guard.
[[gnu::noinline]] float multiply(float a, float b) {
  volatile float x = a;
  volatile float y = b;
  volatile float product = x * y;
  return product;
}

constexpr float least = std::numeric_limits<float>::min();

bool is_denormal_kept() { return multiply(least, 0.5F) * 2.0F == least; }

}  // namespace

#if defined(__SSE2__) || defined(__aarch64__)

TEST_CASE("denormals are flushed only inside the guard", "[fp_environment]") {
  REQUIRE(is_denormal_kept());
  {
    const ir::FlushDenormals flush;
    CHECK_FALSE(is_denormal_kept());
    CHECK(multiply(std::numeric_limits<float>::denorm_min(), 0x1p100F) == 0.0F);
    {
      const ir::FlushDenormals nested;
      CHECK_FALSE(is_denormal_kept());
    }
    CHECK_FALSE(is_denormal_kept());
  }
  CHECK(is_denormal_kept());
}

TEST_CASE("the guard rounds to nearest and gives the user's mode back", "[fp_environment]") {
  REQUIRE(std::fesetround(FE_UPWARD) == 0);
  const float up = multiply(1.0F + 0x1p-23F, 1.0F + 0x1p-23F);
  float nearest = 0;
  {
    const ir::FlushDenormals flush;
    nearest = multiply(1.0F + 0x1p-23F, 1.0F + 0x1p-23F);
  }
  const int mode = std::fegetround();
  REQUIRE(std::fesetround(FE_TONEAREST) == 0);
  CHECK(mode == FE_UPWARD);
  CHECK(up == 1.0F + 0x1.8p-22F);
  CHECK(nearest == 1.0F + 0x1p-22F);
}

#endif

#if defined(__SSE2__)

TEST_CASE("the control register comes back exactly", "[fp_environment]") {
  const unsigned before = _mm_getcsr();
  // Invalid operation unmasked, rounding down, one sticky flag set: all of it is the user's.
  const unsigned users = ((before & ~0x0080U) | 0x2000U) & ~0x3FU;
  const unsigned flagged = users | 0x20U;
  _mm_setcsr(flagged);
  unsigned inside = 0;
  {
    const ir::FlushDenormals flush;
    inside = _mm_getcsr();
    multiply(least, 0.5F);
  }
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  CHECK(after == flagged);
  CHECK((inside & 0x8040U) == 0x8040U);  // FTZ, DAZ
  CHECK((inside & 0x1F80U) == 0x1F80U);  // all masked
  CHECK((inside & 0x6000U) == 0U);       // to nearest
}

#endif

}  // namespace sinter::test
