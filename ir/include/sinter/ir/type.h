#pragma once
// Element types, static shapes and the type of a tensor value: `f32[32,128]`.

#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/export.h>

namespace sinter::ir {

/// Element type. bf16 and f16 are storage types: values are computed in f32 and rounded after each op.
enum class DType : std::uint8_t { f32, f64, bf16, f16, i32, i64, u32, u8, i1 };

inline constexpr DType all_dtypes[] = {DType::f32, DType::f64, DType::bf16, DType::f16, DType::i32,
                                       DType::i64, DType::u32, DType::u8,   DType::i1};

/// The spelling used in text: "f32", "i1", ...
SINTER_API std::string_view to_string(DType dtype);
/// The dtype spelled `name`, if there is one.
SINTER_API std::optional<DType> parse_dtype(std::string_view name);
/// Bytes per element in memory. i1 takes one byte (0 or 1).
SINTER_API std::int64_t size_of(DType dtype);

constexpr bool is_float(DType d) { return d == DType::f32 || d == DType::f64 || d == DType::bf16 || d == DType::f16; }
constexpr bool is_integer(DType d) { return !is_float(d); }
constexpr bool is_signed_integer(DType d) { return d == DType::i32 || d == DType::i64; }
/// bf16 and f16, whose arithmetic is done in f32.
constexpr bool is_half(DType d) { return d == DType::bf16 || d == DType::f16; }
/// Bits of an integer dtype as a value (1 for i1), or of a float's storage.
SINTER_API int bit_width(DType dtype);

using Ints = std::vector<std::int64_t>;

/// A static, row-major shape. Rank 0 is a scalar. Extents are never negative.
class SINTER_API Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : dims_(dims) { validate(); }
  explicit Shape(Ints dims) : dims_(std::move(dims)) { validate(); }

  int rank() const { return static_cast<int>(dims_.size()); }
  /// Extent of an axis; negative axes count from the end. Throws InternalError when out of range.
  std::int64_t operator[](int axis) const;
  std::span<const std::int64_t> dims() const { return dims_; }
  const Ints& ints() const { return dims_; }
  auto begin() const { return dims_.begin(); }
  auto end() const { return dims_.end(); }
  /// Number of elements (1 for a scalar).
  std::int64_t elements() const;
  /// Row-major strides in elements.
  Ints strides() const;

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  void validate() const;
  Ints dims_;
};

struct TensorType {
  DType dtype = DType::f32;
  Shape shape;

  std::int64_t elements() const { return shape.elements(); }
  std::int64_t bytes() const { return shape.elements() * size_of(dtype); }
  int rank() const { return shape.rank(); }
  friend bool operator==(const TensorType&, const TensorType&) = default;
};

/// "[32,128]"; "[]" for a scalar.
SINTER_API std::string to_string(const Shape& shape);
/// "f32[32,128]".
SINTER_API std::string to_string(const TensorType& type);
SINTER_API std::string to_string(std::span<const std::int64_t> ints);
SINTER_API std::ostream& operator<<(std::ostream& out, DType dtype);
SINTER_API std::ostream& operator<<(std::ostream& out, const Shape& shape);
SINTER_API std::ostream& operator<<(std::ostream& out, const TensorType& type);

}  // namespace sinter::ir
