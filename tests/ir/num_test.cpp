// The interpreter's arithmetic: every rule that scalar_value.h states.

#include <sinter/ir/num.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include <sinter/ir/error.h>
#include <sinter/ir/fp_environment.h>
#include <sinter/ir/scalar_value.h>

#include "support/catch.h"

namespace sinter::test {

namespace {

using ir::DType;
using ir::Num;

static_assert(ir::ScalarValue<Num>);

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t lowest32 = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t lowest64 = std::numeric_limits<std::int64_t>::min();

Num real(DType dtype, double v) { return Num::from_double(dtype, v); }
Num whole(DType dtype, std::int64_t v) { return Num::from_integer(dtype, v); }
Num f32_of_bits(std::uint32_t bits) { return Num::load(DType::f32, &bits); }

std::uint32_t bits_of_f32(const Num& a) {
  std::uint32_t bits = 0;
  a.store(&bits);
  return bits;
}

std::uint16_t bits_of_half(const Num& a) {
  std::uint16_t bits = 0;
  a.store(&bits);
  return bits;
}

constexpr std::uint32_t denormal_bits = 0x807FFFFF;  // the largest negative one
constexpr std::uint32_t negative_zero_bits = 0x80000000;

}  // namespace

TEST_CASE("integers wrap", "[num]") {
  CHECK((whole(DType::i32, 2147483647) + whole(DType::i32, 1)).as_integer() == lowest32);
  CHECK((whole(DType::i32, 65536) * whole(DType::i32, 65536)).as_integer() == 0);
  CHECK((whole(DType::i64, lowest64) - whole(DType::i64, 1)).as_integer() == std::numeric_limits<std::int64_t>::max());
  CHECK((whole(DType::u32, 0) - whole(DType::u32, 1)).as_integer() == 4294967295);
  CHECK((whole(DType::u8, 200) + whole(DType::u8, 100)).as_integer() == 44);
  CHECK((-whole(DType::u8, 1)).as_integer() == 255);
  CHECK((-whole(DType::i32, lowest32)).as_integer() == lowest32);
  CHECK(abs(whole(DType::i32, lowest32)).as_integer() == lowest32);
  CHECK(abs(whole(DType::i64, -5)).as_integer() == 5);
  CHECK(abs(whole(DType::u32, 4294967295)).as_integer() == 4294967295);
  CHECK(fma(whole(DType::u8, 20), whole(DType::u8, 20), whole(DType::u8, 1)).as_integer() == 145);
  CHECK(whole(DType::u8, 300).as_integer() == 44);
}

TEST_CASE("i1 is an unsigned integer of one bit", "[num]") {
  const Num one = whole(DType::i1, 1);
  const Num zero = whole(DType::i1, 0);
  CHECK((one + one).as_integer() == 0);
  CHECK((zero - one).as_integer() == 1);
  CHECK((one * one).as_integer() == 1);
  CHECK(bit_not(one).as_integer() == 0);
  CHECK(bit_not(zero).as_integer() == 1);
  CHECK(gt(one, zero).as_bool());
  CHECK(convert(one, DType::i32).as_integer() == 1);
  CHECK(convert(one, DType::f32).as_double() == 1.0);
}

TEST_CASE("integer division is total", "[num]") {
  for (const DType dtype : {DType::i32, DType::i64, DType::u32, DType::u8, DType::i1})
    CHECK((whole(dtype, 1) / whole(dtype, 0)).as_integer() == 0);
  CHECK((whole(DType::i32, lowest32) / whole(DType::i32, -1)).as_integer() == lowest32);
  CHECK((whole(DType::i64, lowest64) / whole(DType::i64, -1)).as_integer() == lowest64);
  CHECK((whole(DType::i32, -7) / whole(DType::i32, 2)).as_integer() == -3);
  CHECK((whole(DType::u32, 4294967295) / whole(DType::u32, 2)).as_integer() == 2147483647);
}

TEST_CASE("shifts by the width and more", "[num]") {
  for (const DType dtype : {DType::i32, DType::i64, DType::u32, DType::u8, DType::i1}) {
    INFO(dtype);
    const Num width = whole(dtype, ir::bit_width(dtype));
    CHECK(shl(whole(dtype, 1), width).as_integer() == 0);
    CHECK(shr(whole(dtype, 1), width).as_integer() == 0);
  }
  CHECK(shr(whole(DType::i1, 1), whole(DType::i1, 0)).as_integer() == 1);
  CHECK(shl(whole(DType::i32, 1), whole(DType::i32, 31)).as_integer() == lowest32);
  CHECK(shr(whole(DType::i32, -8), whole(DType::i32, 1)).as_integer() == -4);
  CHECK(shr(whole(DType::i32, -8), whole(DType::i32, 40)).as_integer() == -1);
  CHECK(shr(whole(DType::i32, 8), whole(DType::i32, -1)).as_integer() == 0);
  CHECK(shl(whole(DType::i32, 8), whole(DType::i32, -1)).as_integer() == 0);
  CHECK(shr(whole(DType::u32, 0x80000000), whole(DType::u32, 31)).as_integer() == 1);
  CHECK(shl(whole(DType::u8, 0xFF), whole(DType::u8, 4)).as_integer() == 0xF0);
}

TEST_CASE("bit operations", "[num]") {
  CHECK(bit_and(whole(DType::u8, 0xCC), whole(DType::u8, 0xAA)).as_integer() == 0x88);
  CHECK(bit_or(whole(DType::u8, 0xCC), whole(DType::u8, 0xAA)).as_integer() == 0xEE);
  CHECK(bit_xor(whole(DType::u8, 0xCC), whole(DType::u8, 0xAA)).as_integer() == 0x66);
  CHECK(bit_not(whole(DType::u8, 0xCC)).as_integer() == 0x33);
  CHECK(bit_not(whole(DType::i64, 0)).as_integer() == -1);
  CHECK(mul_high(whole(DType::u32, 0xFFFFFFFF), whole(DType::u32, 0xFFFFFFFF)).as_integer() == 0xFFFFFFFE);
  CHECK_THROWS_AS(bit_and(real(DType::f32, 1), real(DType::f32, 1)), InternalError);
}

TEST_CASE("operands must agree", "[num]") {
  CHECK_THROWS_AS(real(DType::f32, 1) + real(DType::f64, 1), InternalError);
  CHECK_THROWS_AS(real(DType::f32, 1) * Num::from_double(DType::f32, 1, true), InternalError);
  CHECK_THROWS_AS(select(whole(DType::i1, 1), whole(DType::i32, 1), whole(DType::i64, 1)), InternalError);
}

TEST_CASE("floats to integers truncate and saturate", "[num]") {
  for (const DType from : {DType::f32, DType::f64}) {
    CHECK(convert(real(from, -2.75), DType::i32).as_integer() == -2);
    CHECK(convert(real(from, 2.75), DType::i32).as_integer() == 2);
    CHECK(convert(real(from, 1e20), DType::i32).as_integer() == 2147483647);
    CHECK(convert(real(from, -1e20), DType::i32).as_integer() == lowest32);
    CHECK(convert(real(from, inf), DType::i64).as_integer() == std::numeric_limits<std::int64_t>::max());
    CHECK(convert(real(from, -inf), DType::i64).as_integer() == lowest64);
    CHECK(convert(real(from, 0x1p63), DType::i64).as_integer() == std::numeric_limits<std::int64_t>::max());
    CHECK(convert(real(from, 300), DType::u8).as_integer() == 255);
    CHECK(convert(real(from, -0.5), DType::u8).as_integer() == 0);
    CHECK(convert(real(from, -3), DType::u32).as_integer() == 0);
    CHECK(convert(real(from, 3e9), DType::u32).as_integer() == 3000000000);
    for (const DType to : {DType::i32, DType::i64, DType::u32, DType::u8})
      CHECK(convert(real(from, nan), to).as_integer() == 0);
  }
  CHECK(convert(real(DType::f64, 2147483647.5), DType::i32).as_integer() == 2147483647);
}

TEST_CASE("to i1 is x != 0", "[num]") {
  CHECK(convert(real(DType::f32, nan), DType::i1).as_integer() == 1);
  CHECK(real(DType::i1, nan).as_integer() == 1);
  CHECK(convert(real(DType::f32, 0.25), DType::i1).as_integer() == 1);
  CHECK(convert(real(DType::f32, -0.0), DType::i1).as_integer() == 0);
  CHECK(convert(f32_of_bits(denormal_bits), DType::i1).as_integer() == 0);
  CHECK(convert(whole(DType::i32, 2), DType::i1).as_integer() == 1);
}

TEST_CASE("integers convert by wrapping, to floats by rounding to even", "[num]") {
  CHECK(convert(whole(DType::i32, -1), DType::u8).as_integer() == 255);
  CHECK(convert(whole(DType::i32, -1), DType::u32).as_integer() == 4294967295);
  CHECK(convert(whole(DType::u32, 4294967295), DType::i32).as_integer() == -1);
  CHECK(convert(whole(DType::u32, 4294967295), DType::i64).as_integer() == 4294967295);
  CHECK(convert(whole(DType::i32, 16777217), DType::f32).as_double() == 16777216);
  CHECK(convert(whole(DType::i32, 16777219), DType::f32).as_double() == 16777220);
  CHECK(convert(whole(DType::u32, 4294967295), DType::f32).as_double() == 4294967296);
  CHECK(convert(whole(DType::i64, (std::int64_t{1} << 53) + 1), DType::f64).as_double() == 0x1p53);
}

TEST_CASE("bitcast moves bits", "[num]") {
  CHECK(bitcast(real(DType::f32, 1), DType::i32).as_integer() == 0x3F800000);
  CHECK(bitcast(real(DType::f32, -1), DType::u32).as_integer() == 0xBF800000);
  CHECK(bitcast(real(DType::f64, 1), DType::i64).as_integer() == 0x3FF0000000000000);
  CHECK(bitcast(whole(DType::i64, 0x3FF0000000000000), DType::f64).as_double() == 1);
  CHECK(bits_of_f32(bitcast(whole(DType::u32, denormal_bits), DType::f32)) == denormal_bits);
  CHECK_THROWS_AS(bitcast(real(DType::f32, 1), DType::i64), InternalError);
}

TEST_CASE("f32 rounds once", "[num]") {
  CHECK((real(DType::f32, 0.1) + real(DType::f32, 0.2)).as_double() == static_cast<double>(0.1F + 0.2F));
  const Num a = real(DType::f32, 1 + 0x1p-12);
  const Num c = real(DType::f32, -1 - 0x1p-11);
  CHECK(fma(a, a, c).as_double() == 0x1p-24);
  CHECK((a * a + c).as_double() == 0);
  CHECK((real(DType::f32, 1) / real(DType::f32, 3)).as_double() == static_cast<double>(1.0F / 3.0F));
  CHECK(sqrt(real(DType::f32, 2)).as_double() == static_cast<double>(std::sqrt(2.0F)));
  CHECK(round_even(real(DType::f32, 2.5)).as_double() == 2);
  CHECK(round_even(real(DType::f64, 3.5)).as_double() == 4);
  CHECK(std::signbit(round_even(real(DType::f32, -0.25)).as_double()));
  CHECK(floor(real(DType::f32, -0.25)).as_double() == -1);
}

TEST_CASE("compares with NaN", "[num]") {
  const Num x = real(DType::f32, nan);
  const Num y = real(DType::f32, 1);
  for (const auto& [a, b] : {std::pair{x, y}, std::pair{y, x}, std::pair{x, x}}) {
    CHECK_FALSE(lt(a, b).as_bool());
    CHECK_FALSE(le(a, b).as_bool());
    CHECK_FALSE(gt(a, b).as_bool());
    CHECK_FALSE(ge(a, b).as_bool());
    CHECK_FALSE(eq(a, b).as_bool());
    CHECK(ne(a, b).as_bool());
  }
  CHECK(lt(x, y).dtype() == DType::i1);
  CHECK(std::isnan(max_propagating(x, y).as_double()));
  CHECK(std::isnan(max_propagating(y, x).as_double()));
  CHECK(std::isnan(min_propagating(x, y).as_double()));
  CHECK(std::isnan(min_propagating(y, x).as_double()));
  CHECK(std::signbit(max_propagating(real(DType::f32, 0.0), real(DType::f32, -0.0)).as_double()));
}

namespace {

/// What holds whether or not the hardware flushes.
void check_denormal_rules() {
  const Num denormal = f32_of_bits(denormal_bits);
  const Num one = real(DType::f32, 1);
  CHECK(bits_of_f32(denormal) == denormal_bits);
  CHECK(bits_of_f32(denormal * one) == negative_zero_bits);
  CHECK(bits_of_f32(denormal + denormal) == negative_zero_bits);
  CHECK(bits_of_f32(fma(denormal, real(DType::f32, 0x1p100), real(DType::f32, -0.0))) == negative_zero_bits);
  CHECK(bits_of_f32(sqrt(-denormal)) == 0);
  CHECK(bits_of_f32(floor(denormal)) == negative_zero_bits);
  CHECK(bits_of_f32(one / denormal) == 0xFF800000);
  CHECK(bits_of_f32(real(DType::f32, 0x1p-126) * real(DType::f32, -0.5)) == negative_zero_bits);
  CHECK(eq(denormal, real(DType::f32, 0)).as_bool());
  CHECK_FALSE(lt(denormal, real(DType::f32, 0)).as_bool());
  CHECK_FALSE(denormal.as_bool());
  // Only bits are moved.
  CHECK(bits_of_f32(-denormal) == (denormal_bits ^ 0x80000000U));
  CHECK(bits_of_f32(abs(denormal)) == (denormal_bits & 0x7FFFFFFFU));
  CHECK(bits_of_f32(select(whole(DType::i1, 1), denormal, one)) == denormal_bits);
  CHECK(bitcast(denormal, DType::u32).as_integer() == denormal_bits);
  CHECK(denormal.as_double() == -0x1.fffffcp-127);
  CHECK_FALSE(identical(denormal, real(DType::f32, -0.0)));
  // Constants and conversions are arithmetic.
  CHECK(bits_of_f32(real(DType::f32, -1e-40)) == negative_zero_bits);
  CHECK(identical(convert(denormal, DType::f64), real(DType::f64, -0.0)));
  CHECK(identical(convert(real(DType::f64, -1e-40), DType::f32), real(DType::f32, -0.0)));
  CHECK(bits_of_half(convert(denormal, DType::bf16)) == 0x8000);

  const std::uint64_t tiny_bits = 0x800FFFFFFFFFFFFF;
  const Num tiny = Num::load(DType::f64, &tiny_bits);
  CHECK(identical(tiny + tiny, real(DType::f64, -0.0)));
  CHECK(bitcast(-tiny, DType::i64).as_integer() == 0x000FFFFFFFFFFFFF);

  const std::uint16_t half_bits = 0x807F;
  const Num half = Num::load(DType::bf16, &half_bits);
  CHECK(bits_of_half(half) == half_bits);
  CHECK(bits_of_half(-half) == 0x007F);
  CHECK(bits_of_half(abs(half)) == 0x007F);
  CHECK(bits_of_half(half * real(DType::bf16, 1)) == 0x8000);
  CHECK(bits_of_f32(convert(half, DType::f32)) == 0x807F0000);

  const std::uint16_t f16_bits = 0x8001;
  const Num f16 = Num::load(DType::f16, &f16_bits);
  CHECK(f16.as_double() == -0x1p-24);
  CHECK(bits_of_half(f16 * real(DType::f16, 1)) == f16_bits);
  CHECK(bits_of_half(real(DType::f16, 0x1p-14) * real(DType::f16, 0.5)) == 0x0200);
}

}  // namespace

TEST_CASE("denormals are flushed with the hardware's help and without", "[num]") {
  check_denormal_rules();
  const ir::FlushDenormals flush;
  check_denormal_rules();
}

TEST_CASE("halves go round trip, all of them", "[num]") {
  for (std::uint32_t i = 0; i < 0x10000U; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    INFO("bits " << i);
    const float f16 = ir::f16_bits_to_f32(bits);
    const float bf16 = ir::bf16_bits_to_f32(bits);
    const bool f16_nan = (bits & 0x7C00U) == 0x7C00U && (bits & 0x3FFU) != 0;
    const bool bf16_nan = (bits & 0x7F80U) == 0x7F80U && (bits & 0x7FU) != 0;
    REQUIRE(std::isnan(f16) == f16_nan);
    REQUIRE(std::isnan(bf16) == bf16_nan);
    REQUIRE(std::isnan(ir::round_to_f16(f16)) == f16_nan);
    REQUIRE(std::isnan(ir::round_to_bf16(bf16)) == bf16_nan);
    if (!f16_nan) {
      REQUIRE(ir::f32_to_f16_bits(f16) == bits);
      REQUIRE(bits_of_half(Num::load(DType::f16, &bits)) == bits);
    }
    if (!bf16_nan) {
      const bool denormal = (bits & 0x7F80U) == 0;
      REQUIRE(ir::f32_to_bf16_bits(bf16) == (denormal ? bits & 0x8000U : bits));
      REQUIRE(bits_of_half(Num::load(DType::bf16, &bits)) == bits);
    }
    REQUIRE(std::isnan(Num::load(DType::f16, &bits).as_double()) == f16_nan);
  }
}

TEST_CASE("f16 values are what the format says", "[num]") {
  for (std::uint32_t i = 0; i < 0x7C00U; ++i) {
    const auto exponent = static_cast<int>(i >> 10U);
    const double fraction = i & 0x3FFU;
    const double value = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    REQUIRE(static_cast<double>(ir::f16_bits_to_f32(static_cast<std::uint16_t>(i))) == value);
    REQUIRE(static_cast<double>(ir::f16_bits_to_f32(static_cast<std::uint16_t>(i | 0x8000U))) == -value);
  }
  CHECK(ir::f16_bits_to_f32(0x7C00) == std::numeric_limits<float>::infinity());
}

TEST_CASE("halfway cases round to even", "[num]") {
  // Between neighbours a < b the middle goes to the even one, and its own neighbours to the nearer.
  for (std::uint32_t i = 0; i < 0x7BFFU; ++i) {
    const double a = static_cast<double>(ir::f16_bits_to_f32(static_cast<std::uint16_t>(i)));
    const double b = static_cast<double>(ir::f16_bits_to_f32(static_cast<std::uint16_t>(i + 1)));
    const auto middle = static_cast<float>((a + b) / 2);
    REQUIRE(ir::f32_to_f16_bits(middle) == i + (i & 1U));
    REQUIRE(ir::f32_to_f16_bits(std::nextafter(middle, 0.0F)) == i);
    REQUIRE(ir::f32_to_f16_bits(std::nextafter(middle, 1e9F)) == i + 1);
    REQUIRE(ir::f32_to_f16_bits(-middle) == ((i + (i & 1U)) | 0x8000U));
  }
  for (std::uint32_t i = 0x80U; i < 0x7F7FU; ++i) {
    const auto middle = std::bit_cast<float>((i << 16U) | 0x8000U);
    REQUIRE(ir::f32_to_bf16_bits(middle) == i + (i & 1U));
    REQUIRE(ir::f32_to_bf16_bits(std::nextafter(middle, 0.0F)) == i);
    REQUIRE(ir::f32_to_bf16_bits(-std::nextafter(middle, std::numeric_limits<float>::infinity())) ==
            ((i + 1) | 0x8000U));
  }
  CHECK(ir::f32_to_f16_bits(65519.996F) == 0x7BFF);
  CHECK(ir::f32_to_f16_bits(65520.0F) == 0x7C00);
  CHECK(ir::f32_to_f16_bits(-1e30F) == 0xFC00);
  CHECK(ir::f32_to_bf16_bits(3.4e38F) == 0x7F80);
  CHECK(ir::f32_to_f16_bits(0x1p-25F) == 0);
  CHECK(ir::f32_to_f16_bits(0x1.8p-25F) == 1);
}

TEST_CASE("arithmetic of halves is f32, then rounded", "[num]") {
  std::mt19937 random(3);
  for (const DType dtype : {DType::bf16, DType::f16}) {
    const auto round = [dtype](float v) { return dtype == DType::bf16 ? ir::round_to_bf16(v) : ir::round_to_f16(v); };
    for (int i = 0; i < 20000; ++i) {
      std::uint16_t bits[3];
      float v[3];
      for (int k = 0; k < 3; ++k) {
        bits[k] = static_cast<std::uint16_t>(random());
        if (dtype == DType::bf16 && (bits[k] & 0x7F80U) == 0) bits[k] &= 0x8000U;
        v[k] = dtype == DType::bf16 ? ir::bf16_bits_to_f32(bits[k]) : ir::f16_bits_to_f32(bits[k]);
      }
      const Num a = Num::load(dtype, &bits[0]);
      const Num b = Num::load(dtype, &bits[1]);
      const Num c = Num::load(dtype, &bits[2]);
      const auto same = [&](const Num& got, float expected) {
        return got.dtype() == dtype && identical(got, Num::from_double(dtype, static_cast<double>(round(expected))));
      };
      INFO(dtype << ' ' << v[0] << ' ' << v[1] << ' ' << v[2]);
      REQUIRE(same(a + b, v[0] + v[1]));
      REQUIRE(same(a - b, v[0] - v[1]));
      REQUIRE(same(a * b, v[0] * v[1]));
      REQUIRE(same(a / b, v[0] / v[1]));
      REQUIRE(same(fma(a, b, c), std::fma(v[0], v[1], v[2])));
      REQUIRE(same(sqrt(a), std::sqrt(v[0])));
    }
  }
}

TEST_CASE("f64 reaches halves through f32", "[num]") {
  // Just above the middle of two bf16: rounding to f32 first gives the middle, which goes to even.
  CHECK(convert(real(DType::f64, 1 + 0x1p-8 + 0x1p-40), DType::bf16).as_double() == 1);
  CHECK(real(DType::bf16, 1 + 0x1p-8 + 0x1p-40).as_double() == 1);
  CHECK(convert(real(DType::f32, 1 + 0x1p-8 + 0x1p-23), DType::bf16).as_double() == 1 + 0x1p-7);
}

TEST_CASE("wide values do not round", "[num]") {
  const Num a = Num::from_double(DType::bf16, 0.1, true);
  CHECK(a.as_double() == 0.1);
  CHECK((a * a).as_double() == 0.1 * 0.1);
  CHECK((a * a).wide());
  CHECK(convert(a, DType::f32).as_double() == 0.1);
  CHECK(convert(a, DType::f32).wide());
  CHECK(lt(a, a).wide());
  CHECK(bits_of_half(a) == ir::f32_to_bf16_bits(0.1F));
}

TEST_CASE("identical compares bits but not NaN payloads", "[num]") {
  CHECK(identical(real(DType::f32, nan), -real(DType::f32, nan)));
  CHECK_FALSE(identical(real(DType::f32, nan), real(DType::f32, 1)));
  CHECK_FALSE(identical(real(DType::f32, 0.0), real(DType::f32, -0.0)));
  CHECK(identical(whole(DType::u8, 255), whole(DType::u8, -1)));
}

TEST_CASE("memory keeps every dtype", "[num]") {
  for (const DType dtype : ir::all_dtypes) {
    INFO(dtype);
    unsigned char memory[8] = {};
    const Num value = real(dtype, 1);
    value.store(memory);
    CHECK(identical(Num::load(dtype, memory), value));
  }
  const unsigned char byte = 7;
  CHECK(Num::load(DType::i1, &byte).as_integer() == 1);
  CHECK(Num::load(DType::u8, &byte).as_integer() == 7);
}

}  // namespace sinter::test
