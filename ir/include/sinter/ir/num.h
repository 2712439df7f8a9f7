#pragma once
// The interpreter's value: a dtype and a payload. Every operation rounds to the dtype, so that results equal the
// compiled code's bit for bit. A *wide* Num computes float dtypes in double and never rounds: it judges accuracy.
// See scalar_value.h for the meaning of each operation.
//
// Denormals are flushed here in software, so that a forgotten FlushDenormals (fp_environment.h) cannot be seen, save
// where the exact result lies within half an ulp below the least normal number. Constants and conversions flush as
// arithmetic does; bf16 and f16 to f32, loads and stores keep every bit. f64 and integers reach bf16 and f16 through
// f32.

#include <bit>
#include <cstdint>
#include <string>

#include <sinter/ir/export.h>
#include <sinter/ir/type.h>

namespace sinter::ir {

class SINTER_API Num {
 public:
  Num() : Num(DType::f32, false) {}

  /// A float value, rounded to `dtype` (kept as it is when wide), or an integer made from it as by `convert`.
  static Num from_double(DType dtype, double value, bool wide = false);
  /// An integer value wrapped to `dtype`, or a float made from it (one rounding).
  static Num from_integer(DType dtype, std::int64_t value, bool wide = false);
  /// Reads / writes one element in memory.
  static Num load(DType dtype, const void* address, bool wide = false);
  void store(void* address) const;

  DType dtype() const { return dtype_; }
  bool wide() const { return wide_; }
  double as_double() const;
  std::int64_t as_integer() const;
  bool as_bool() const;

 private:
  Num(DType dtype, bool wide) : dtype_(dtype), wide_(wide), integer_(0) {}
  friend struct NumOps;

  DType dtype_;
  bool wide_;
  union {
    float f32_;             // f32, bf16, f16
    double f64_;            // f64, and every float dtype when wide
    std::int64_t integer_;  // i32, i64, u32, u8, i1
  };
};

inline DType dtype_of(const Num& a) { return a.dtype(); }
inline bool is_wide(const Num& a) { return a.wide(); }
/// fn applied in double to wide values.
SINTER_API Num apply_wide(const Num& a, double (*fn)(double));
SINTER_API Num apply_wide(const Num& a, const Num& b, double (*fn)(double, double));
inline Num constant_like(const Num& a, DType dtype, double value) { return Num::from_double(dtype, value, a.wide()); }
inline Num integer_like(const Num& a, DType dtype, std::int64_t v) { return Num::from_integer(dtype, v, a.wide()); }

SINTER_API Num operator+(const Num& a, const Num& b);
SINTER_API Num operator-(const Num& a, const Num& b);
SINTER_API Num operator*(const Num& a, const Num& b);
SINTER_API Num operator/(const Num& a, const Num& b);
SINTER_API Num operator-(const Num& a);
SINTER_API Num fma(const Num& a, const Num& b, const Num& c);
SINTER_API Num sqrt(const Num& a);
SINTER_API Num abs(const Num& a);
SINTER_API Num floor(const Num& a);
SINTER_API Num round_even(const Num& a);
SINTER_API Num lt(const Num& a, const Num& b);
SINTER_API Num le(const Num& a, const Num& b);
SINTER_API Num gt(const Num& a, const Num& b);
SINTER_API Num ge(const Num& a, const Num& b);
SINTER_API Num eq(const Num& a, const Num& b);
SINTER_API Num ne(const Num& a, const Num& b);
SINTER_API Num select(const Num& condition, const Num& a, const Num& b);
SINTER_API Num bit_and(const Num& a, const Num& b);
SINTER_API Num bit_or(const Num& a, const Num& b);
SINTER_API Num bit_xor(const Num& a, const Num& b);
SINTER_API Num bit_not(const Num& a);
SINTER_API Num shl(const Num& a, const Num& b);
SINTER_API Num shr(const Num& a, const Num& b);
SINTER_API Num convert(const Num& a, DType dtype);
SINTER_API Num bitcast(const Num& a, DType dtype);
SINTER_API Num mul_high(const Num& a, const Num& b);

/// f32 rounded to the nearest bf16 / f16 (ties to even) and back. bf16 denormals are flushed, f16 denormals kept.
SINTER_API float round_to_bf16(float value);
SINTER_API float round_to_f16(float value);
SINTER_API std::uint16_t f32_to_f16_bits(float value);
SINTER_API float f16_bits_to_f32(std::uint16_t bits);
SINTER_API std::uint16_t f32_to_bf16_bits(float value);
SINTER_API float bf16_bits_to_f32(std::uint16_t bits);

/// Same bits, except that any NaN equals any NaN of the dtype. Both must have one dtype.
SINTER_API bool identical(const Num& a, const Num& b);

}  // namespace sinter::ir
