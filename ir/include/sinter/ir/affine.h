#pragma once
// Sums of scaled loop axes: offset + sum_k scale_k * axis_k. Symbolic indices of the kernel analysis and of the loop
// builder; division and remainder are simplified away where the extents allow it (flatten, unflatten, strides).

#include <map>
#include <optional>
#include <span>
#include <string>

#include <sinter/ir/export.h>
#include <sinter/ir/index_map.h>
#include <sinter/ir/type.h>

namespace sinter::ir {

struct SINTER_API Affine {
  std::int64_t offset = 0;
  std::map<int, std::int64_t> scales;  // axis -> scale, never 0

  static Affine constant(std::int64_t value);
  static Affine axis(int axis, std::int64_t scale = 1);

  void add(int axis, std::int64_t scale);
  Affine scaled(std::int64_t factor) const;
  std::int64_t scale_of(int axis) const;
  bool is_constant() const { return scales.empty(); }
  /// Smallest and largest value when axis k runs over 0 .. extents[k]-1.
  CoordinateRange range(std::span<const std::int64_t> extents) const;
  /// floor(this / divisor) as an Affine, if it is one over these extents. divisor > 0.
  std::optional<Affine> divide_floor(std::int64_t divisor, std::span<const std::int64_t> extents) const;
  /// this mod modulus (in 0 .. modulus-1), if it is an Affine over these extents. modulus > 0.
  std::optional<Affine> modulo(std::int64_t modulus, std::span<const std::int64_t> extents) const;
  /// Removes axes of extent 1 (always 0).
  void drop_unit_axes(std::span<const std::int64_t> extents);

  friend SINTER_API Affine operator+(const Affine& a, const Affine& b);
  friend bool operator==(const Affine&, const Affine&) = default;
};

/// Row-major flat index of `indices` in `shape`.
SINTER_API Affine flatten(std::span<const Affine> indices, const Shape& shape);
/// "d0*4 + d1 + 2".
SINTER_API std::string to_string(const Affine& affine);

}  // namespace sinter::ir
