// How a contraction's result is cut into tiles, and how much scratch memory that takes.

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>

#include "contract_emitter.h"

namespace sinter::runtime {

namespace {

bool reads_axis(const ir::IndexMap& map, int axis) {
  return std::any_of(map.coordinates.begin(), map.coordinates.end(),
                     [&](const ir::Coordinate& c) { return c.scale_of(axis) != 0; });
}

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// The axes of a side from the innermost on that every access treats as one long axis.
AxisSplit split_side(const ir::Kernel& kernel, const ir::KernelShape& shape, const std::vector<int>& axes) {
  const bool neighbours = !axes.empty() && axes.back() - axes.front() + 1 == static_cast<int>(axes.size());
  return neighbours ? split_axes(*kernel.body, shape, axes.front(), axes.back() + 1) : AxisSplit{};
}

std::int64_t extent_of(const ir::KernelShape& shape, const std::vector<int>& axes) {
  std::int64_t extent = 1;
  for (const int k : axes) extent *= shape.outer[static_cast<std::size_t>(k)];
  return extent;
}

/// Axes of a side that are not one axis with those further in, if these are long enough: each of their places gets a
/// product of its own, between whose rows and columns the distances are the same.
void move_outer_axes_to_batch(const ir::KernelShape& shape, const AxisSplit& split, std::int64_t enough,
                              std::vector<int>& axes, std::vector<int>& batch) {
  if (split.loops.empty() || split.group_extent < enough) return;
  axes = split.group;
  const auto added = batch.insert(batch.end(), split.loops.begin(), split.loops.end());
  std::stable_partition(added, batch.end(),
                        [&](int k) { return shape.outer[static_cast<std::size_t>(k)] > 1; });  // strips cut the first
}

/// Whether threads should share column tiles rather than groups of rows. What is not shared, every thread packs for
/// itself, so the side whose packing costs more is shared where its pieces divide well; else the side of more pieces.
bool pays_to_share_columns(const ir::Schedule& s, const ContractRoles& roles, const ContractTiles& t) {
  // Any few threads divide `many` pieces well; of fewer, two threads share an even number.
  constexpr std::int64_t many = 8;
  const std::int64_t packed_by_all_with_columns = s.pack_rows ? roles.row_count : 0;
  const std::int64_t packed_by_all_with_rows = s.pack_vectors ? roles.column_count : 0;
  if (packed_by_all_with_columns < packed_by_all_with_rows &&
      (t.column_tiles >= many || (t.column_tiles % 2 == 0 && t.row_groups <= many)))
    return true;
  if (packed_by_all_with_rows < packed_by_all_with_columns && t.row_groups >= many) return false;
  return t.column_tiles >= t.row_groups;
}

}  // namespace

ContractRoles contract_roles(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const ir::Space space = ir::node_space(*kernel.body, kernel.body->node(shape.anchors.front()));
  const std::size_t vector_side = kernel.schedule.swap ? 0 : 1;
  ContractRoles roles;
  for (std::size_t k = 0; k < shape.outer.size(); ++k) {
    const int axis = static_cast<int>(k);
    const bool in_vectors = reads_axis(space.reads[vector_side], axis);
    const bool in_rows = reads_axis(space.reads[1 - vector_side], axis);
    (in_vectors && in_rows ? roles.batch : in_vectors ? roles.columns : roles.rows).push_back(axis);
  }
  const AxisSplit rows = split_side(kernel, shape, roles.rows);
  const AxisSplit columns = split_side(kernel, shape, roles.columns);
  const ir::Schedule& s = kernel.schedule;
  if (!s.strip_terms) {
    std::vector<int> batch;
    move_outer_axes_to_batch(shape, rows, 2 * s.tile_rows, roles.rows, batch);
    roles.cut_batch = s.strips > 1 && extent_of(shape, batch) > 1;
    move_outer_axes_to_batch(shape, columns, s.lanes, roles.columns, batch);
    roles.batch.insert(roles.batch.begin(), batch.begin(), batch.end());
  }
  roles.row_count = extent_of(shape, roles.rows);
  roles.column_count = extent_of(shape, roles.columns);
  if (rows.group_extent == roles.row_count) roles.one_row_axis = rows.group;
  if (columns.group_extent == roles.column_count) roles.one_column_axis = columns.group;
  if (!s.strip_terms && !roles.cut_batch) roles.row_count /= s.strips;
  return roles;
}

ContractTiles contract_tiles(const ir::Schedule& s, const ContractRoles& roles) {
  ContractTiles t;
  if (s.swap) t.tiles = std::max<std::int64_t>(1, s.lanes / s.tile_rows);
  t.height = t.tiles * s.tile_rows;
  t.row_groups = divide_up(roles.row_count, t.height);
  t.column_tiles = block_count(roles.column_count, s.lanes, s.tile_vectors);
  t.share_columns = pays_to_share_columns(s, roles, t);
  return t;
}

ContractWorkspace contract_workspace(const ir::Schedule& s, const ContractTiles& tiles, const ChunkWalk& walk,
                                     ir::DType dtype) {
  constexpr std::int64_t rows_budget = std::int64_t{512} * 1024;    // a block of the row side stays in L2 ...
  constexpr std::int64_t read_budget = std::int64_t{128} * 1024;    // with its results, where nothing is packed,
  constexpr std::int64_t read_at_once = std::int64_t{1024} * 1024;  // unless all rows stay there
  constexpr std::int64_t panels_budget =
      std::int64_t{4096} * 1024;  // ... while panels stream through it, if rows are packed
  constexpr std::int64_t totals_budget = std::int64_t{8192} * 1024;
  ContractWorkspace w;
  if (walk.count() == 0) return w;
  const std::int64_t bytes = ir::size_of(dtype);
  if (s.part > 0) w.part = s.part;
  w.in_blocks = s.pack_vectors || s.pack_rows || s.part > 0;
  w.in_parts = w.in_blocks && (walk.count() > 1 || s.part > 0);
  const std::int64_t terms = std::min(walk.total, walk.count() > 1 || w.in_parts ? w.part : walk.length);
  const std::int64_t tile = terms * s.tile_rows * bytes;
  const std::int64_t groups = std::max<std::int64_t>(1, tiles.row_groups);
  const std::int64_t group = std::max<std::int64_t>(1, tile * tiles.tiles);
  w.block = std::clamp<std::int64_t>((w.in_blocks ? rows_budget : read_budget) / group, 1, groups);
  if (!w.in_blocks && group * groups <= read_at_once) w.block = groups;
  if (!w.in_blocks) return w;
  if (s.block_rows > 0) w.block = std::clamp<std::int64_t>(s.block_rows / tiles.height, 1, groups);
  const std::int64_t whole = divide_up(terms, s.lanes) * s.lanes;  // transposes write whole blocks of terms
  if (s.pack_vectors) w.panel = whole_lines(whole * s.tile_vectors * s.lanes * bytes);
  const std::int64_t all_panels = std::max<std::int64_t>(1, tiles.column_tiles);
  const std::int64_t budget = s.pack_rows ? panels_budget : ContractWorkspace::hot_panels;
  w.panels =
      s.part > 0 ? all_panels : std::clamp<std::int64_t>(budget / std::max<std::int64_t>(w.panel, 1), 1, all_panels);
  // The last vector of a packed tile reaches past its end.
  if (s.pack_rows) w.rows = whole_lines(tile + s.lanes * bytes);
  if (w.in_parts) {
    const std::int64_t capacity = s.swap ? divide_up(tiles.height, s.lanes) * s.lanes : tiles.height;
    w.group = 2 * whole_lines(capacity * s.tile_vectors * s.lanes * bytes);
    w.total_groups = std::clamp<std::int64_t>(totals_budget / (w.group * w.panels), 1, groups);
  }
  return w;
}

std::int64_t ContractWorkspace::rows_bytes(const ContractTiles& tiles) const { return rows * block * tiles.tiles; }

}  // namespace sinter::runtime
