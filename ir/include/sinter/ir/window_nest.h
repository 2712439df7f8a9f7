#pragma once
// The loop nest of a contraction with a window (convolution in any role), or of one with many chunks, read off its
// index maps: which axis of the result lies along the vector, which one is held in registers beside it, and where the
// window may leave the operand.

#include <optional>
#include <span>
#include <vector>

#include <sinter/ir/index_map.h>

namespace sinter::ir {

/// Axes are those of the space: parallel first, then reduced.
struct WindowNest {
  std::vector<int> batch;       // of both operands: outermost loops
  std::vector<int> units;       // of the first operand only: loops, shared between threads
  int tile = 0;                 // of the first operand only, the innermost: rows of the register tile
  int columns = 0;              // of the second operand only, or (depthwise) the innermost of both: vectors
  bool shared_columns = false;  // of both
  int partner = -1;             // the reduced axis that shares a coordinate with `tile`
  /// Of every tile a chunk before the next: where the innermost reduced axis moves a window (filter gradients), and
  /// where there are several chunks without any window. Else a tile is finished before the next.
  bool chunked = false;
};

/// Empty when the contraction has another shape: more than one axis of vectors, a window over the second operand.
SINTER_API std::optional<WindowNest> window_nest(const Space& space, std::span<const TensorType> operands);

/// The axes of extent above 1 that a coordinate depends on.
SINTER_API std::vector<int> moving_axes(const Coordinate& coordinate, const Space& space);
/// Whether the coordinate lies inside `extent` where its axes are at `values` (by axis number).
SINTER_API bool is_inside(const Coordinate& coordinate, std::span<const std::int64_t> values, std::int64_t extent);

}  // namespace sinter::ir
