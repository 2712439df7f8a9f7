// Arithmetic of the interpreter. Kept out of line: clarity over speed, this is the oracle.

#include <sinter/ir/num.h>

#include <cmath>
#include <cstring>
#include <limits>

#include <sinter/ir/error.h>

namespace sinter::ir {

namespace {

std::int64_t wrap(DType dtype, std::int64_t v) {
  switch (dtype) {
    case DType::i32: return static_cast<std::int32_t>(static_cast<std::uint32_t>(v));
    case DType::u32: return static_cast<std::int64_t>(static_cast<std::uint32_t>(v));
    case DType::u8: return static_cast<std::int64_t>(static_cast<std::uint8_t>(v));
    case DType::i1: return v & 1;
    default: return v;
  }
}

struct Range {
  std::int64_t low, high;
};

Range range_of(DType dtype) {
  switch (dtype) {
    case DType::i32: return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
    case DType::u32: return {0, std::numeric_limits<std::uint32_t>::max()};
    case DType::u8: return {0, 255};
    case DType::i1: return {0, 1};
    default: return {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  }
}

std::int64_t saturate(DType dtype, double v) {
  if (dtype == DType::i1) return v != 0.0;
  if (std::isnan(v)) return 0;
  const Range r = range_of(dtype);
  if (v <= static_cast<double>(r.low)) return r.low;
  if (v >= static_cast<double>(r.high)) return r.high;
  return static_cast<std::int64_t>(v);
}

// These look at bits: a comparison with 0 or with the least normal number depends on the control register.
float flush(float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  return (bits & 0x7F800000U) != 0 ? v : std::bit_cast<float>(bits & 0x80000000U);
}

double flush(double v) {
  const auto bits = std::bit_cast<std::uint64_t>(v);
  return (bits & 0x7FF0000000000000U) != 0 ? v : std::bit_cast<double>(bits & 0x8000000000000000U);
}

/// Exact even for a denormal v while denormals are flushed.
double widen(float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  if ((bits & 0x7F800000U) != 0) return static_cast<double>(v);
  return std::copysign(static_cast<double>(bits & 0x7FFFFFU) * 0x1p-149, v);
}

void same_dtype(const Num& a, const Num& b) {
  if (a.dtype() != b.dtype())
    internal_error("scalar operands differ: ", to_string(a.dtype()), ", ", to_string(b.dtype()));
  if (is_float(a.dtype()) && a.wide() != b.wide()) internal_error("a wide scalar meets one that is not");
}

}  // namespace

float bf16_bits_to_f32(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U); }

std::uint16_t f32_to_bf16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(flush(value));
  if (std::isnan(value)) return static_cast<std::uint16_t>((bits >> 16U) | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16U) & 1U)) >> 16U);
}

float f16_bits_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> 10U) & 0x1FU;
  const std::uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13U));
  if (exponent == 0) {
    const double magnitude = std::ldexp(static_cast<double>(mantissa), -24);
    return static_cast<float>(sign != 0 ? -magnitude : magnitude);
  }
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23U) | (mantissa << 13U));
}

std::uint16_t f32_to_f16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(flush(value));
  const std::uint32_t sign = (bits >> 16U) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U | ((magnitude >> 13U) & 0x3FFU));
  if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);  // rounds to 65536 or more
  if (magnitude < 0x38800000U) {                                                    // below 2^-14: denormal in f16
    const double scaled = std::fabs(static_cast<double>(std::bit_cast<float>(magnitude))) * 16777216.0;
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::nearbyint(scaled)));
  }
  const std::uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13U) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13U));
}

float round_to_bf16(float value) { return bf16_bits_to_f32(f32_to_bf16_bits(value)); }
float round_to_f16(float value) { return f16_bits_to_f32(f32_to_f16_bits(value)); }

/// Builds and unpacks Nums; the only code that touches the payload.
struct NumOps {
  /// The result of an operation computed in f32: flushed and rounded to storage.
  static Num f32(DType dtype, float v) {
    return raw_f32(dtype, dtype == DType::bf16 ? round_to_bf16(v) : dtype == DType::f16 ? round_to_f16(v) : flush(v));
  }
  /// Keeps the bits, denormals included: what movement and memory do.
  static Num raw_f32(DType dtype, float v) {
    Num n(dtype, false);
    n.f32_ = v;
    return n;
  }
  static Num f64(DType dtype, double v, bool wide) { return raw_f64(dtype, flush(v), wide); }
  static Num raw_f64(DType dtype, double v, bool wide) {
    Num n(dtype, wide);
    n.f64_ = v;
    return n;
  }
  static Num integer(DType dtype, std::int64_t v, bool wide) {
    Num n(dtype, wide);
    n.integer_ = wrap(dtype, v);
    return n;
  }
  static bool in_double(const Num& a) { return is_float(a.dtype_) && (a.wide_ || a.dtype_ == DType::f64); }
  static float get_f32(const Num& a) { return a.f32_; }

  static Num fma(const Num& a, const Num& b, const Num& c) {
    if (in_double(a)) return f64(a.dtype_, std::fma(flush(a.f64_), flush(b.f64_), flush(c.f64_)), a.wide_);
    return f32(a.dtype_, std::fma(flush(a.f32_), flush(b.f32_), flush(c.f32_)));
  }
  template <class FloatFn, class IntFn>
  static Num binary(const Num& a, const Num& b, FloatFn on_float, IntFn on_integer) {
    same_dtype(a, b);
    if (is_integer(a.dtype_)) return integer(a.dtype_, on_integer(a.integer_, b.integer_), a.wide_);
    if (in_double(a)) return f64(a.dtype_, on_float(flush(a.f64_), flush(b.f64_)), a.wide_);
    return f32(a.dtype_, on_float(flush(a.f32_), flush(b.f32_)));
  }
  template <class FloatFn, class IntFn>
  static Num unary(const Num& a, FloatFn on_float, IntFn on_integer) {
    if (is_integer(a.dtype_)) return integer(a.dtype_, on_integer(a.integer_), a.wide_);
    if (in_double(a)) return f64(a.dtype_, on_float(flush(a.f64_)), a.wide_);
    return f32(a.dtype_, on_float(flush(a.f32_)));
  }
  /// For what only changes the sign bit: no flush, no rounding.
  template <class FloatFn, class IntFn>
  static Num sign(const Num& a, FloatFn on_float, IntFn on_integer) {
    if (is_integer(a.dtype_)) return integer(a.dtype_, on_integer(a.integer_), a.wide_);
    if (in_double(a)) return raw_f64(a.dtype_, on_float(a.f64_), a.wide_);
    return raw_f32(a.dtype_, on_float(a.f32_));
  }
  template <class Fn>
  static Num compare(const Num& a, const Num& b, Fn fn) {
    same_dtype(a, b);
    const bool r = is_integer(a.dtype_) ? fn(a.integer_, b.integer_)
                   : in_double(a)       ? fn(flush(a.f64_), flush(b.f64_))
                                        : fn(flush(a.f32_), flush(b.f32_));
    return integer(DType::i1, r, a.wide_);
  }
};

namespace {

std::uint64_t u(std::int64_t v) { return static_cast<std::uint64_t>(v); }
std::int64_t s(std::uint64_t v) { return static_cast<std::int64_t>(v); }

std::int64_t divide(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return s(0U - u(a));
  return a / b;
}

}  // namespace

Num Num::from_double(DType dtype, double value, bool wide) {
  if (is_integer(dtype)) return NumOps::integer(dtype, saturate(dtype, value), wide);
  if (wide || dtype == DType::f64) return NumOps::f64(dtype, value, wide);
  return NumOps::f32(dtype, static_cast<float>(value));
}

Num Num::from_integer(DType dtype, std::int64_t value, bool wide) {
  if (is_integer(dtype)) return NumOps::integer(dtype, value, wide);
  if (wide || dtype == DType::f64) return NumOps::f64(dtype, static_cast<double>(value), wide);
  return NumOps::f32(dtype, static_cast<float>(value));
}

double Num::as_double() const {
  if (is_integer(dtype_)) return static_cast<double>(integer_);
  return NumOps::in_double(*this) ? f64_ : widen(f32_);
}

bool Num::as_bool() const {
  if (is_integer(dtype_)) return integer_ != 0;
  return NumOps::in_double(*this) ? flush(f64_) != 0.0 : flush(f32_) != 0.0F;
}

std::int64_t Num::as_integer() const { return is_integer(dtype_) ? integer_ : saturate(DType::i64, as_double()); }

Num Num::load(DType dtype, const void* address, bool wide) {
  const auto read = [address]<class T>(T value) {
    std::memcpy(&value, address, sizeof value);
    return value;
  };
  const auto of_f32 = [&](float value) {
    return wide ? NumOps::raw_f64(dtype, widen(value), true) : NumOps::raw_f32(dtype, value);
  };
  switch (dtype) {
    case DType::f32: return of_f32(read(float{}));
    case DType::f64: return NumOps::raw_f64(dtype, read(double{}), wide);
    case DType::bf16: return of_f32(bf16_bits_to_f32(read(std::uint16_t{})));
    case DType::f16: return of_f32(f16_bits_to_f32(read(std::uint16_t{})));
    case DType::i32: return from_integer(dtype, read(std::int32_t{}), wide);
    case DType::i64: return from_integer(dtype, read(std::int64_t{}), wide);
    case DType::u32: return from_integer(dtype, read(std::uint32_t{}), wide);
    case DType::u8: return from_integer(dtype, read(std::uint8_t{}), wide);
    case DType::i1: return from_integer(dtype, read(std::uint8_t{}) != 0 ? 1 : 0, wide);
  }
  internal_error("unknown dtype");
}

void Num::store(void* address) const {
  const auto in_f32 = [this] { return wide_ ? static_cast<float>(f64_) : f32_; };
  const auto write = [address](auto value) { std::memcpy(address, &value, sizeof value); };
  switch (dtype_) {
    case DType::f32: return write(in_f32());
    case DType::f64: return write(f64_);
    case DType::bf16:  // not wide: already rounded, and a denormal is kept
      return write(wide_ ? f32_to_bf16_bits(in_f32())
                         : static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(f32_) >> 16U));
    case DType::f16: return write(f32_to_f16_bits(in_f32()));
    case DType::i32: return write(static_cast<std::int32_t>(integer_));
    case DType::i64: return write(integer_);
    case DType::u32: return write(static_cast<std::uint32_t>(integer_));
    case DType::u8:
    case DType::i1: return write(static_cast<std::uint8_t>(integer_));
  }
}

Num apply_wide(const Num& a, double (*fn)(double)) { return NumOps::f64(a.dtype(), fn(a.as_double()), true); }

Num apply_wide(const Num& a, const Num& b, double (*fn)(double, double)) {
  same_dtype(a, b);
  return NumOps::f64(a.dtype(), fn(a.as_double(), b.as_double()), true);
}

Num operator+(const Num& a, const Num& b) {
  return NumOps::binary(a, b, [](auto x, auto y) { return x + y; }, [](auto x, auto y) { return s(u(x) + u(y)); });
}
Num operator-(const Num& a, const Num& b) {
  return NumOps::binary(a, b, [](auto x, auto y) { return x - y; }, [](auto x, auto y) { return s(u(x) - u(y)); });
}
Num operator*(const Num& a, const Num& b) {
  return NumOps::binary(a, b, [](auto x, auto y) { return x * y; }, [](auto x, auto y) { return s(u(x) * u(y)); });
}
Num operator/(const Num& a, const Num& b) {
  return NumOps::binary(a, b, [](auto x, auto y) { return x / y; }, divide);
}
Num operator-(const Num& a) {
  return NumOps::sign(a, [](auto x) { return -x; }, [](auto x) { return s(0U - u(x)); });
}

Num fma(const Num& a, const Num& b, const Num& c) {
  same_dtype(a, b);
  same_dtype(a, c);
  if (is_integer(a.dtype())) return a * b + c;
  return NumOps::fma(a, b, c);
}

Num sqrt(const Num& a) {
  return NumOps::unary(
      a, [](auto x) { return std::sqrt(x); },
      [](std::int64_t) -> std::int64_t { internal_error("sqrt of an integer"); });
}
Num abs(const Num& a) {
  return NumOps::sign(
      a, [](auto x) { return std::fabs(x); },
      [&a](auto x) { return is_signed_integer(a.dtype()) && x < 0 ? s(0U - u(x)) : x; });
}
Num floor(const Num& a) {
  return NumOps::unary(a, [](auto x) { return std::floor(x); }, [](auto x) { return x; });
}
Num round_even(const Num& a) {
  return NumOps::unary(a, [](auto x) { return std::nearbyint(x); }, [](auto x) { return x; });
}

Num lt(const Num& a, const Num& b) {
  return NumOps::compare(a, b, [](auto x, auto y) { return x < y; });
}
Num le(const Num& a, const Num& b) {
  return NumOps::compare(a, b, [](auto x, auto y) { return x <= y; });
}
Num gt(const Num& a, const Num& b) {
  return NumOps::compare(a, b, [](auto x, auto y) { return x > y; });
}
Num ge(const Num& a, const Num& b) {
  return NumOps::compare(a, b, [](auto x, auto y) { return x >= y; });
}
Num eq(const Num& a, const Num& b) {
  return NumOps::compare(a, b, [](auto x, auto y) { return x == y; });
}
Num ne(const Num& a, const Num& b) {
  return NumOps::compare(a, b, [](auto x, auto y) { return x != y; });
}

Num select(const Num& condition, const Num& a, const Num& b) {
  same_dtype(a, b);
  return condition.as_bool() ? a : b;
}

namespace {

template <class Fn>
Num bits(const Num& a, const Num& b, Fn fn) {
  check(is_integer(a.dtype()), "bit operation on ", to_string(a.dtype()));
  return NumOps::binary(a, b, [](auto x, auto) { return x; }, fn);
}

}  // namespace

Num bit_and(const Num& a, const Num& b) {
  return bits(a, b, [](auto x, auto y) { return x & y; });
}
Num bit_or(const Num& a, const Num& b) {
  return bits(a, b, [](auto x, auto y) { return x | y; });
}
Num bit_xor(const Num& a, const Num& b) {
  return bits(a, b, [](auto x, auto y) { return x ^ y; });
}
Num bit_not(const Num& a) { return bit_xor(a, NumOps::integer(a.dtype(), -1, a.wide())); }
Num shl(const Num& a, const Num& b) {
  const int width = bit_width(a.dtype());
  return bits(a, b, [width](auto x, auto y) { return y < 0 || y >= width ? 0 : s(u(x) << u(y)); });
}
Num shr(const Num& a, const Num& b) {
  const int width = bit_width(a.dtype());
  return bits(a, b, [width](auto x, auto y) { return y < 0 || y >= width ? (x < 0 ? -1 : 0) : x >> y; });
}

Num convert(const Num& a, DType dtype) {
  if (dtype == a.dtype()) return a;
  if (dtype == DType::i1) return NumOps::integer(dtype, a.as_bool(), a.wide());
  if (is_integer(a.dtype())) return Num::from_integer(dtype, a.as_integer(), a.wide());
  if (is_half(a.dtype()) && dtype == DType::f32 && !a.wide()) return NumOps::raw_f32(dtype, NumOps::get_f32(a));
  const double value = NumOps::in_double(a) ? flush(a.as_double()) : static_cast<double>(flush(NumOps::get_f32(a)));
  return Num::from_double(dtype, value, a.wide());
}

Num bitcast(const Num& a, DType dtype) {
  check(!a.wide() || (is_integer(a.dtype()) && is_integer(dtype)), "bitcast of a wide float");
  check(size_of(a.dtype()) == size_of(dtype), "bitcast between sizes");
  unsigned char memory[8] = {};
  a.store(memory);
  return Num::load(dtype, memory, a.wide());
}

Num mul_high(const Num& a, const Num& b) {
  check(a.dtype() == DType::u32 && b.dtype() == DType::u32, "mul_high needs u32");
  return NumOps::integer(DType::u32, s((u(a.as_integer()) * u(b.as_integer())) >> 32U), a.wide());
}

bool identical(const Num& a, const Num& b) {
  same_dtype(a, b);
  if (is_integer(a.dtype())) return a.as_integer() == b.as_integer();
  const double x = a.as_double();
  const double y = b.as_double();
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
  return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
}

}  // namespace sinter::ir
