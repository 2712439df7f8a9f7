#pragma once
// A ScalarValue that is only fast: the hardware's own operations, so that the functions of sinter/ir/math.h can be
// swept over tens of millions of points. Needs FlushDenormals in scope. It has the dtypes and conversions those
// functions use, no more, and no code in common with Num, to which it is compared.

#include <bit>
#include <cmath>
#include <cstdint>

#include <sinter/ir/error.h>
#include <sinter/ir/num.h>
#include <sinter/ir/scalar_value.h>

namespace sinter::test {

using ir::DType;

class FastValue {
 public:
  FastValue(float v) : dtype_(DType::f32), bits_(std::bit_cast<std::uint32_t>(v)) {}
  FastValue(double v) : dtype_(DType::f64), bits_(std::bit_cast<std::uint64_t>(v)) {}
  FastValue(std::int32_t v) : dtype_(DType::i32), bits_(static_cast<std::uint32_t>(v)) {}
  FastValue(std::int64_t v) : dtype_(DType::i64), bits_(static_cast<std::uint64_t>(v)) {}
  FastValue(std::uint32_t v) : dtype_(DType::u32), bits_(v) {}
  FastValue(bool v) : dtype_(DType::i1), bits_(v ? 1 : 0) {}
  /// A bf16 or f16; its value is kept as a float.
  FastValue(DType half, float v) : dtype_(half), bits_(std::bit_cast<std::uint32_t>(v)) {}

  DType dtype() const { return dtype_; }
  float f32() const { return std::bit_cast<float>(u32()); }
  double f64() const { return std::bit_cast<double>(bits_); }
  std::int32_t i32() const { return static_cast<std::int32_t>(u32()); }
  std::int64_t i64() const { return static_cast<std::int64_t>(bits_); }
  std::uint32_t u32() const { return static_cast<std::uint32_t>(bits_); }
  bool i1() const { return bits_ != 0; }

 private:
  DType dtype_;
  std::uint64_t bits_;
};

inline DType dtype_of(const FastValue& a) { return a.dtype(); }

[[noreturn]] inline void unsupported(DType dtype) { internal_error("FastValue: no such operation on ", dtype); }

inline FastValue constant_like(const FastValue&, DType dtype, double v) {
  if (dtype == DType::f32) return static_cast<float>(v);
  if (dtype == DType::f64) return v;
  unsupported(dtype);
}

inline FastValue integer_like(const FastValue&, DType dtype, std::int64_t v) {
  if (dtype == DType::i32) return static_cast<std::int32_t>(v);
  if (dtype == DType::i64) return v;
  if (dtype == DType::u32) return static_cast<std::uint32_t>(v);
  unsupported(dtype);
}

/// fn in the type of the floats, or integers(unsigned words).
template <class Fn, class IntFn>
FastValue arithmetic(const FastValue& a, const FastValue& b, Fn fn, IntFn integers) {
  switch (a.dtype()) {
    case DType::f32: return fn(a.f32(), b.f32());
    case DType::f64: return fn(a.f64(), b.f64());
    case DType::i32: return static_cast<std::int32_t>(integers(a.u32(), b.u32()));
    case DType::u32: return integers(a.u32(), b.u32());
    case DType::i64:
      return static_cast<std::int64_t>(
          integers(static_cast<std::uint64_t>(a.i64()), static_cast<std::uint64_t>(b.i64())));
    case DType::i1: return (integers(a.u32(), b.u32()) & 1U) != 0;
    default: unsupported(a.dtype());
  }
}

template <class Fn>
FastValue floats(const FastValue& a, const FastValue& b, Fn fn) {
  if (a.dtype() == DType::f32) return fn(a.f32(), b.f32());
  if (a.dtype() == DType::f64) return fn(a.f64(), b.f64());
  unsupported(a.dtype());
}

inline FastValue operator+(const FastValue& a, const FastValue& b) {
  const auto add = [](auto x, auto y) { return x + y; };
  return arithmetic(a, b, add, add);
}
inline FastValue operator-(const FastValue& a, const FastValue& b) {
  const auto subtract = [](auto x, auto y) { return x - y; };
  return arithmetic(a, b, subtract, subtract);
}
inline FastValue operator*(const FastValue& a, const FastValue& b) {
  const auto multiply = [](auto x, auto y) { return x * y; };
  return arithmetic(a, b, multiply, multiply);
}
inline FastValue operator/(const FastValue& a, const FastValue& b) {
  return floats(a, b, [](auto x, auto y) { return x / y; });
}
inline FastValue operator-(const FastValue& a) {
  return floats(a, a, [](auto x, auto) { return -x; });
}
inline FastValue fma(const FastValue& a, const FastValue& b, const FastValue& c) {
  if (a.dtype() == DType::f32) return std::fma(a.f32(), b.f32(), c.f32());
  if (a.dtype() == DType::f64) return std::fma(a.f64(), b.f64(), c.f64());
  unsupported(a.dtype());
}
inline FastValue sqrt(const FastValue& a) {
  return floats(a, a, [](auto x, auto) { return std::sqrt(x); });
}
inline FastValue abs(const FastValue& a) {
  return floats(a, a, [](auto x, auto) { return std::fabs(x); });
}
inline FastValue floor(const FastValue& a) {
  return floats(a, a, [](auto x, auto) { return std::floor(x); });
}
inline FastValue round_even(const FastValue& a) {
  return floats(a, a, [](auto x, auto) { return std::nearbyint(x); });
}

template <class Fn>
FastValue compare(const FastValue& a, const FastValue& b, Fn fn) {
  switch (a.dtype()) {
    case DType::f32: return fn(a.f32(), b.f32());
    case DType::f64: return fn(a.f64(), b.f64());
    case DType::i32: return fn(a.i32(), b.i32());
    case DType::i64: return fn(a.i64(), b.i64());
    default: unsupported(a.dtype());
  }
}
inline FastValue lt(const FastValue& a, const FastValue& b) {
  return compare(a, b, [](auto x, auto y) { return x < y; });
}
inline FastValue le(const FastValue& a, const FastValue& b) {
  return compare(a, b, [](auto x, auto y) { return x <= y; });
}
inline FastValue gt(const FastValue& a, const FastValue& b) {
  return compare(a, b, [](auto x, auto y) { return x > y; });
}
inline FastValue ge(const FastValue& a, const FastValue& b) {
  return compare(a, b, [](auto x, auto y) { return x >= y; });
}
inline FastValue eq(const FastValue& a, const FastValue& b) {
  return compare(a, b, [](auto x, auto y) { return x == y; });
}
inline FastValue ne(const FastValue& a, const FastValue& b) {
  return compare(a, b, [](auto x, auto y) { return x != y; });
}
inline FastValue select(const FastValue& condition, const FastValue& a, const FastValue& b) {
  return condition.i1() ? a : b;
}

template <class Fn>
FastValue bitwise(const FastValue& a, const FastValue& b, Fn fn) {
  if (ir::is_float(a.dtype())) unsupported(a.dtype());
  return arithmetic(a, b, [](auto x, auto) { return x; }, fn);
}
inline FastValue bit_and(const FastValue& a, const FastValue& b) {
  return bitwise(a, b, [](auto x, auto y) { return x & y; });
}
inline FastValue bit_or(const FastValue& a, const FastValue& b) {
  return bitwise(a, b, [](auto x, auto y) { return x | y; });
}
inline FastValue bit_xor(const FastValue& a, const FastValue& b) {
  return bitwise(a, b, [](auto x, auto y) { return x ^ y; });
}
inline FastValue bit_not(const FastValue& a) {
  return bitwise(a, a, [](auto x, auto) { return ~x; });
}
/// Only by less than the width.
inline FastValue shl(const FastValue& a, const FastValue& b) {
  return bitwise(a, b, [](auto x, auto y) { return x << y; });
}
inline FastValue shr(const FastValue& a, const FastValue& b) {
  if (a.dtype() == DType::i32) return a.i32() >> b.i32();
  if (a.dtype() == DType::i64) return a.i64() >> b.i64();
  return bitwise(a, b, [](auto x, auto y) { return x >> y; });
}
inline FastValue mul_high(const FastValue& a, const FastValue& b) {
  return static_cast<std::uint32_t>((std::uint64_t{a.u32()} * b.u32()) >> 32U);
}

inline FastValue bitcast(const FastValue& a, DType dtype) {
  switch (dtype) {
    case DType::f32: return a.f32();
    case DType::i32: return a.i32();
    case DType::f64: return a.f64();
    case DType::i64: return a.i64();
    default: unsupported(dtype);
  }
}

inline FastValue convert(const FastValue& a, DType dtype) {
  if (a.dtype() == DType::f32 && dtype == DType::f64) return static_cast<double>(a.f32());
  if (a.dtype() == DType::f64 && dtype == DType::f32) return static_cast<float>(a.f64());
  if (a.dtype() == DType::i64 && dtype == DType::i32) return static_cast<std::int32_t>(a.i64());
  if (ir::is_half(a.dtype()) && dtype == DType::f32) return a.f32();
  if (a.dtype() == DType::f32 && dtype == DType::bf16) return {dtype, ir::round_to_bf16(a.f32())};
  if (a.dtype() == DType::f32 && dtype == DType::f16) return {dtype, ir::round_to_f16(a.f32())};
  unsupported(dtype);
}

static_assert(ir::ScalarValue<FastValue>);

}  // namespace sinter::test
