#pragma once
// The order in which a reduction adds its terms. It belongs to the op and never depends on target, threads or fusion.
//
//  chain  Terms in row-major order of the reduced axes, cut into chunks; one chain per chunk starting from the
//         identity; chunk results combined left to right, starting from the first. A chunk is as many whole innermost
//         rows as fit 1024 terms, or a few less where those divide the axis that they would cut; longer rows are cut
//         every 1024.
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

/// Chunks of a chain over `reduced` extents: rows of `row` terms; a chunk is `rows` whole rows, or, when rows == 0, a
/// piece of `chain_chunk` terms of a single row.
struct ChainChunks {
  std::int64_t row = 1;
  std::int64_t rows = 0;
  std::int64_t total = 0;

  explicit ChainChunks(const Ints& reduced)
      : row(reduced.empty() ? 1 : reduced.back()), total(Shape(reduced).elements()) {
    rows = row == 0 ? 1 : row <= chain_chunk ? whole_rows(reduced, chain_chunk / row) : 0;
  }
  /// End of the chunk that begins at flat term `begin`.
  std::int64_t end(std::int64_t begin) const {
    if (rows > 0) return std::min(total, begin + rows * row);
    const std::int64_t row_end = (begin / row + 1) * row;
    return std::min(row_end, begin + chain_chunk);
  }

 private:
  /// `most` rows or, where those would cut an axis, as many as divide it, if that is more than half.
  static std::int64_t whole_rows(const Ints& reduced, std::int64_t most) {
    std::int64_t whole = 1;  // rows of the axes that a chunk holds whole
    for (std::size_t k = reduced.size(); k-- > 1;) {
      const std::int64_t extent = reduced[k - 1];
      const std::int64_t fit = most / whole;
      if (extent > fit) {
        std::int64_t divisor = fit;
        while (extent % divisor != 0) --divisor;
        return 2 * divisor > fit ? whole * divisor : most;
      }
      whole *= std::max<std::int64_t>(extent, 1);
    }
    return most;
  }
};

}  // namespace sinter::ir
