#include "reference/dtype.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <sinter/ir/error.h>

namespace sinter::reference {

namespace {

template <class T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// A float of 1 sign bit, `exponent_bits` and `mantissa_bits`, by the definition of IEEE 754.
double decode_float(std::uint32_t bits, int exponent_bits, int mantissa_bits) {
  const double sign = (bits >> (exponent_bits + mantissa_bits)) != 0 ? -1.0 : 1.0;
  const int top = (1 << exponent_bits) - 1;
  const int bias = top / 2;
  const int exponent = static_cast<int>(bits >> mantissa_bits) & top;
  const auto mantissa = static_cast<double>(bits & ((1U << mantissa_bits) - 1));
  const double unit = std::ldexp(1.0, -mantissa_bits);
  if (exponent == top)
    return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(mantissa * unit, 1 - bias);
  return sign * std::ldexp(1.0 + mantissa * unit, exponent - bias);
}

/// To `digits` significant bits, ties to even; never finer than 2^finest.
double round_digits(double value, int digits, int finest) {
  if (value == 0.0 || !std::isfinite(value)) return value;
  int exponent = 0;
  std::frexp(value, &exponent);
  const int quantum = std::max(exponent - digits, finest);
  return std::ldexp(std::nearbyint(std::ldexp(value, -quantum)), quantum);
}

double overflow_beyond(double value, double largest) {
  return std::fabs(value) > largest ? std::copysign(std::numeric_limits<double>::infinity(), value) : value;
}

/// From a value that f32 holds.
double round_half(DType dtype, double value) {
  if (dtype == DType::bf16) return overflow_beyond(round_digits(value, 8, -133), 0x1.FEp127);
  if (dtype == DType::f16) return overflow_beyond(round_digits(value, 11, -24), 65504.0);
  return value;
}

double least_normal(DType dtype) { return dtype == DType::f64 ? 0x1p-1022 : 0x1p-126; }

}  // namespace

Cell decode(DType dtype, const std::byte* from) {
  switch (dtype) {
    case DType::f32: return {decode_float(read<std::uint32_t>(from), 8, 23), 0};
    case DType::f64: return {read<double>(from), 0};
    case DType::bf16: return {decode_float(read<std::uint16_t>(from), 8, 7), 0};
    case DType::f16: return {decode_float(read<std::uint16_t>(from), 5, 10), 0};
    case DType::i32: return {0.0, read<std::int32_t>(from)};
    case DType::i64: return {0.0, read<std::int64_t>(from)};
    case DType::u32: return {0.0, read<std::uint32_t>(from)};
    case DType::u8: return {0.0, read<std::uint8_t>(from)};
    case DType::i1: return {0.0, read<std::uint8_t>(from) != 0 ? 1 : 0};
  }
  internal_error("unknown dtype");
}

double flush(DType dtype, double value) {
  return std::fabs(value) < least_normal(dtype) ? std::copysign(0.0, value) : value;
}

double round_to(DType dtype, double value) {
  if (dtype == DType::f64) return flush(dtype, value);
  return round_half(dtype, flush(dtype, static_cast<double>(static_cast<float>(value))));
}

std::int64_t wrap(DType dtype, std::uint64_t value) {
  const int bits = ir::bit_width(dtype);
  if (bits == 64) return static_cast<std::int64_t>(value);
  const std::uint64_t range = std::uint64_t{1} << bits;
  const auto low = static_cast<std::int64_t>(value % range);
  const bool negative = ir::is_signed_integer(dtype) && low >= static_cast<std::int64_t>(range / 2);
  return negative ? low - static_cast<std::int64_t>(range) : low;
}

namespace {

std::int64_t truncate(DType dtype, double value) {
  if (dtype == DType::i1) return value != 0.0 ? 1 : 0;
  if (std::isnan(value)) return 0;
  const bool is_signed = ir::is_signed_integer(dtype);
  const int bits = ir::bit_width(dtype) - (is_signed ? 1 : 0);
  const double beyond = std::ldexp(1.0, bits);  // one more than the highest
  if (value >= beyond) return static_cast<std::int64_t>((std::uint64_t{1} << bits) - 1);
  if (!is_signed) return value < 0.0 ? 0 : static_cast<std::int64_t>(value);
  if (value < -beyond) return wrap(dtype, std::uint64_t{1} << bits);
  return static_cast<std::int64_t>(value);
}

}  // namespace

Cell element(DType dtype, double value) {
  if (ir::is_integer(dtype)) return {0.0, truncate(dtype, value)};
  return {round_to(dtype, value), 0};
}

Cell convert(const Cell& value, DType from, DType to) {
  if (from == to) return value;
  if (ir::is_integer(from)) {
    if (to == DType::i1) return {0.0, value.integer != 0 ? 1 : 0};
    if (ir::is_integer(to)) return {0.0, wrap(to, static_cast<std::uint64_t>(value.integer))};
    if (to == DType::f64) return {static_cast<double>(value.integer), 0};
    return {round_half(to, static_cast<double>(static_cast<float>(value.integer))), 0};
  }
  if (ir::is_half(from) && to == DType::f32) return value;  // keeps denormals
  const double flushed = flush(from, value.real);
  if (ir::is_integer(to)) return {0.0, truncate(to, flushed)};
  return {round_to(to, flushed), 0};
}

bool same(DType dtype, const Cell& a, const Cell& b) {
  if (ir::is_integer(dtype)) return a.integer == b.integer;
  if (std::isnan(a.real) || std::isnan(b.real)) return std::isnan(a.real) && std::isnan(b.real);
  return std::bit_cast<std::uint64_t>(a.real) == std::bit_cast<std::uint64_t>(b.real);
}

double ulps_between(DType dtype, double a, double b) {
  if (std::isnan(a) && std::isnan(b)) return 0.0;
  if (a == b) return 0.0;
  int digits = 24;
  double largest = std::numeric_limits<float>::max();
  double smallest = 0x1p-126;
  if (dtype == DType::f64) digits = 53, largest = std::numeric_limits<double>::max(), smallest = 0x1p-1022;
  if (dtype == DType::bf16) digits = 8, largest = 0x1.FEp127;
  if (dtype == DType::f16) digits = 11, largest = 65504.0, smallest = 0x1p-14;
  if (std::fabs(a) < smallest && dtype != DType::f16) return std::fabs(b) <= smallest * 1.000001 ? 0.0 : HUGE_VAL;
  if (std::isinf(b) && std::fabs(a) >= largest && std::signbit(a) == std::signbit(b)) return 0.0;
  if (!std::isfinite(a) || !std::isfinite(b)) return HUGE_VAL;
  int exponent = 0;
  std::frexp(std::max(std::fabs(a), smallest), &exponent);
  const double ulp = std::ldexp(1.0, std::max(exponent - digits, -1074));
  const double distance = std::fabs(a - b) / ulp;
  // Just above the least normal number the result may have been flushed.
  const bool flushed = b == 0.0 && std::fabs(a) < smallest * 1.000001 && dtype != DType::f16;
  return flushed ? 0.0 : distance;
}

std::string show(DType dtype, const Cell& value) {
  if (ir::is_integer(dtype)) return std::to_string(value.integer);
  char text[64];
  std::snprintf(text, sizeof text, "%.17g (%a)", value.real, value.real);
  return text;
}

}  // namespace sinter::reference
