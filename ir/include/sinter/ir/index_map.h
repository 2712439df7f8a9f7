#pragma once
// How an op's iteration space reads its operands, as data, so that passes, printing, packing, border splitting and
// every target can look into it.
//
// A space has axes: first the parallel ones (one per coordinate of the result), then the reduced ones. Each coordinate
// of an operand is
//
//     ((offset + sum_k scale_k * axis_k  [+ scale * operand[map]]) / divisor) mod modulus
//
// "/ divisor" is either exact (the read is absent where it does not divide: strided convolution gradients) or a floor
// (reshape). A coordinate outside the operand makes the read *absent*: the op states its fill, or skips the term.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sinter/ir/type.h>

namespace sinter::ir {

struct AxisTerm {
  int axis = 0;
  std::int64_t scale = 1;
  friend bool operator==(const AxisTerm&, const AxisTerm&) = default;
};

struct IndexMap;

/// A term read from an integer operand at run time (gather, dynamic_slice).
struct IndirectTerm {
  int operand = 0;
  std::shared_ptr<const IndexMap> map;
  std::int64_t scale = 1;
};

enum class Division : std::uint8_t { floor, exact };

/// One coordinate of an operand as a function of the axes.
struct SINTER_API Coordinate {
  std::int64_t offset = 0;
  std::vector<AxisTerm> terms;
  std::optional<IndirectTerm> indirect;
  std::int64_t divisor = 1;
  Division division = Division::floor;
  std::int64_t modulus = 0;  // 0: none

  /// The coordinate that is just `axis`.
  static Coordinate of(int axis, std::int64_t scale = 1, std::int64_t offset = 0);
  /// A constant.
  static Coordinate constant(std::int64_t offset);
  /// True for offset + terms alone: no division, modulus or indirect term.
  bool is_affine() const;
  /// The scale of `axis` (0 when absent). Meaningful for affine coordinates.
  std::int64_t scale_of(int axis) const;
};

/// One Coordinate per axis of the operand.
struct SINTER_API IndexMap {
  std::vector<Coordinate> coordinates;

  /// axis 0, axis 1, ... axis rank-1.
  static IndexMap identity(int rank);
  /// Reads coordinate k at axis `axes[k]`.
  static IndexMap select(std::span<const std::int64_t> axes);
  bool is_affine() const;
  bool is_identity() const;
};

/// The iteration space of a node.
struct SINTER_API Space {
  Ints parallel;  // extents; equal to the result's shape (scatter: the updates' shape)
  Ints reduced;   // extents, row-major order of summation
  /// What scalar sees, in order; axes are numbered parallel first. Integer operands that only steer other reads
  /// (gather's indices) are named by IndirectTerm and have no entry.
  std::vector<IndexMap> reads;
  /// Which operand each read is of; empty: read k is of operand k.
  std::vector<int> read_operands;
  /// scatter: where in the result (of the first operand's shape) a point writes. The first read is the old value there.
  std::optional<IndexMap> write;

  int axes() const { return static_cast<int>(parallel.size() + reduced.size()); }
  int operand_of(std::size_t read) const {
    return read_operands.empty() ? static_cast<int>(read) : read_operands[read];
  }
  std::int64_t extent(int axis) const;
  std::int64_t parallel_elements() const;
  std::int64_t reduced_elements() const;
};

/// A parallel space of `shape` in which every one of `operands` operands is read at the identity.
SINTER_API Space pointwise_space(const Shape& shape, std::size_t operands);

/// Smallest and largest value of an affine coordinate over the space.
struct CoordinateRange {
  std::int64_t low, high;
};
SINTER_API CoordinateRange range_of(const Coordinate& coordinate, const Space& space);
/// True when a read through `map` can never leave `operand` (affine or divided coordinates; indirect ones are never
/// safe).
SINTER_API bool always_inside(const IndexMap& map, const Space& space, const Shape& operand);
/// True when a window moves over some operand (convolution, pooling): a coordinate depends on two axes, divides
/// exactly, or can leave its operand. `operands` are the types of the node's operands.
SINTER_API bool is_windowed(const Space& space, std::span<const TensorType> operands);
/// True when reading through `map` visits the operand's elements in its own row-major order, one by one: the node only
/// relabels its operand (reshape, transposes of extent-1 axes, whole slices), so both can share bytes.
SINTER_API bool is_relabelling(const IndexMap& map, const Space& space, const Shape& operand);

/// "d0, 2*d1 + 1, (d2 / 4) mod 8": axes are d0... in the order parallel, reduced.
SINTER_API std::string to_string(const Coordinate& coordinate);
SINTER_API std::string to_string(const IndexMap& map);

}  // namespace sinter::ir
