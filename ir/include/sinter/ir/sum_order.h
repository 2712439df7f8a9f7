#pragma once
// The order in which a reduction adds its terms. It belongs to the op and never depends on target, threads or fusion.
//
//  chain  Terms in row-major order of the reduced axes, cut into chunks; one chain per chunk starting from the
//         identity; chunk results combined left to right, starting from the first. A chunk is a box: of one axis a few
//         values, the axes inside whole, those outside at one value. That axis is the innermost that does not fit 1024
//         terms with all inside it, and as many of its values as fit are taken, or a few less where those divide it.
//  lanes  Terms in row-major order; term j goes to lane j mod 64; lanes start from the identity; then
//         lane[i] = combine(lane[i], lane[i + w]) for w = 32, 16, 8, 4, 2, 1 and i < w. Sequences longer than 65536
//         terms are cut into chunks of that length, combined left to right starting from the first.

#include <algorithm>
#include <cstdint>

#include <sinter/ir/type.h>

namespace sinter::ir {

inline constexpr std::int64_t chain_chunk = 1024;
inline constexpr std::int64_t lane_count = 64;
inline constexpr std::int64_t lanes_chunk = 65536;

/// Chunks of a chain over `reduced` extents.
struct ChainChunks {
  std::size_t axis = 0;     // the reduced axis that is cut
  std::int64_t step = 1;    // values of it in a chunk, fewer in the last one
  std::int64_t length = 1;  // terms of a chunk: step * those inside
  std::int64_t slab = 1;    // terms of the whole axis and those inside
  std::int64_t total = 1;   // terms of the sum

  explicit ChainChunks(const Ints& reduced) : total(Shape(reduced).elements()) {
    if (total == 0) return;
    for (axis = reduced.size(); axis-- > 0;) {
      const std::int64_t inside = slab;
      slab *= reduced[axis];
      if (slab <= chain_chunk && axis > 0) continue;
      step = inside == 1 ? std::min(reduced[axis], chain_chunk) : even_step(reduced[axis], chain_chunk / inside);
      length = step * inside;
      return;
    }
    axis = 0;
  }
  std::int64_t pieces_of_slab() const { return (slab + length - 1) / length; }
  std::int64_t count() const { return total / slab * pieces_of_slab(); }
  /// End of the chunk that begins at flat term `begin`.
  std::int64_t end(std::int64_t begin) const { return std::min((begin / slab + 1) * slab, begin + length); }

 private:
  /// `most` or, where those do not divide the extent, the next that do, if that is more than half.
  static std::int64_t even_step(std::int64_t extent, std::int64_t most) {
    if (extent <= most) return extent;
    std::int64_t divisor = most;
    while (extent % divisor != 0) --divisor;
    return 2 * divisor > most ? divisor : most;
  }
};

}  // namespace sinter::ir
