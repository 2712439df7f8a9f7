#pragma once
// What a convolution's nest knows while its code is made: which tiles there are and which terms exist in each.

#include <cstdint>
#include <vector>

#include <sinter/ir/kernel.h>
#include <sinter/ir/window_nest.h>

namespace sinter::runtime {

/// Terms [begin, end) of the axis that shares a coordinate with the tile, and the rows of the tile that have them.
struct Interval {
  std::int64_t begin = 0, end = 0;
  std::vector<std::int64_t> rows;
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Neighbouring tiles with the same code.
struct TileGroup {
  std::int64_t start = 0, rows = 0, count = 0;
  std::int64_t first = 0;  // number of its first tile
  std::vector<Interval> intervals;
};

struct WindowPlan {
  ir::Space space;
  ir::WindowNest nest;
  std::vector<TileGroup> groups;
  std::int64_t tiles = 0;  // of a unit
  std::int64_t units = 1;
  std::int64_t most_rows = 1;
  std::int64_t column_blocks = 1;  // tiles side by side
  std::int64_t tile_bytes = 0;     // sums of a tile
  std::int64_t chunks = 1;         // of a sum
  std::int64_t packed_terms = 1;   // at once, where the second operand is packed
  bool shares_tiles = false;       // threads share the tiles (else the units),
  bool shares_chunks = false;      // or where those are few too, the chunks, and meet inside the kernel

  /// Sums of tiles that wait for the next chunk, in this thread's memory; packed vectors lie behind them.
  std::int64_t totals_bytes() const;
  std::int64_t panel_bytes() const;
  /// What waits for the other threads where chunks are shared.
  std::int64_t kept_bytes() const { return chunks * units * tiles * column_blocks * tile_bytes; }
};

WindowPlan window_plan(const ir::Kernel& kernel, const ir::KernelShape& shape);

/// The terms of the reduced axis `reduced` that read what no term read one step of the parallel axis earlier, where
/// both move one window: the last row of a window that slides by a row.
std::vector<std::int64_t> fresh_terms(const WindowPlan& plan, int reduced);

}  // namespace sinter::runtime
