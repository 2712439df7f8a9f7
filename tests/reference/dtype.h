#pragma once
// What the element types mean, said a second time: memory formats, rounding, flushing, conversion. Nothing here uses
// ir::Num. Every float dtype's values are doubles (which hold them exactly), every integer dtype's are std::int64_t.
//
// The caller must not have denormals flushed by the processor.

#include <cstddef>
#include <cstdint>
#include <string>

#include <sinter/ir/type.h>

namespace sinter::reference {

using ir::DType;

/// One element: `real` for float dtypes, `integer` for the others.
struct Cell {
  double real = 0.0;
  std::int64_t integer = 0;
};

/// Reads one element from memory.
Cell decode(DType dtype, const std::byte* from);
/// Denormals of the format in which `dtype` is computed (f64, else f32) become zeros of the same sign.
double flush(DType dtype, double value);
/// What an operation gives whose exact result is `value`: rounded to the format of computation, flushed, then rounded
/// to bf16 or f16.
double round_to(DType dtype, double value);
/// The low bits of `value`, in the range of `dtype`.
std::int64_t wrap(DType dtype, std::uint64_t value);
/// The number `value` written in an attribute, as an element.
Cell element(DType dtype, double value);
Cell convert(const Cell& value, DType from, DType to);
/// True for two NaNs and for equal bits.
bool same(DType dtype, const Cell& a, const Cell& b);
/// |a - b| in units of the last place of `a` in `dtype`; 0 when same, infinite when one is NaN or they differ by an
/// infinity. Results that may be flushed count as near each other.
double ulps_between(DType dtype, double a, double b);
std::string show(DType dtype, const Cell& value);

}  // namespace sinter::reference
