#include "window_plan.h"

#include <algorithm>

#include <sinter/ir/node_space.h>
#include <sinter/ir/sum_order.h>

#include "kernel_forms.h"

namespace sinter::runtime {

namespace {

/// Which rows of the tile at `start` have which terms, as runs of the partner axis.
std::vector<Interval> intervals_of(const WindowPlan& plan, const ir::Shape& operand, std::int64_t start,
                                   std::int64_t rows) {
  const std::int64_t terms = plan.nest.partner < 0 ? 1 : plan.space.extent(plan.nest.partner);
  std::vector<std::int64_t> at(static_cast<std::size_t>(plan.space.axes()), 0);
  std::vector<Interval> intervals;
  for (std::int64_t q = 0; q < terms; ++q) {
    Interval here{q, q + 1, {}};
    if (plan.nest.partner >= 0) at[static_cast<std::size_t>(plan.nest.partner)] = q;
    for (std::int64_t i = 0; i < rows; ++i) {
      at[static_cast<std::size_t>(plan.nest.tile)] = start + i;
      bool inside = true;
      for (std::size_t k = 0; k < plan.space.reads[0].coordinates.size(); ++k) {
        const ir::Coordinate& c = plan.space.reads[0].coordinates[k];
        if (c.scale_of(plan.nest.tile) != 0) inside = inside && ir::is_inside(c, at, operand[static_cast<int>(k)]);
      }
      if (inside) here.rows.push_back(i);
    }
    if (!intervals.empty() && intervals.back().rows == here.rows)
      ++intervals.back().end;
    else
      intervals.push_back(std::move(here));
  }
  return intervals;
}

/// The parallel axis that shares a coordinate with the reduced one, and how far each moves it.
struct Slide {
  std::int64_t step = 0, term = 0;
};

std::optional<Slide> slide_of(const WindowPlan& plan, int reduced) {
  for (const ir::Coordinate& c : plan.space.reads[0].coordinates) {
    if (c.scale_of(reduced) == 0) continue;
    for (const int axis : ir::moving_axes(c, plan.space))
      if (axis != reduced) return Slide{c.scale_of(axis), c.scale_of(reduced)};
  }
  return std::nullopt;
}

/// Units are shared where there are many, else tiles, so that shares are even. Where a few tiles are sums over many
/// chunks (the filters of a depthwise convolution), the chunks are.
void choose_shares(const ir::Kernel& kernel, WindowPlan& plan) {
  constexpr std::int64_t many_units = 32, few_tiles = 16, least_chunks = 4;
  constexpr std::int64_t most_kept = std::int64_t{1024} * 1024;
  if (kernel.schedule.strips > 1) {
    plan.shares_chunks = kernel.schedule.strip_terms;
    return;
  }
  plan.shares_tiles = plan.units < many_units;
  const bool one_batch = std::ranges::all_of(plan.nest.batch, [&](int axis) { return plan.space.extent(axis) == 1; });
  plan.shares_chunks = plan.nest.chunked && kernel.schedule.parallel && one_batch &&
                       plan.units * plan.tiles < few_tiles && plan.chunks >= least_chunks &&
                       plan.kept_bytes() <= most_kept;
}

}  // namespace

WindowPlan window_plan(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  WindowPlan plan;
  const ir::Node& anchor = kernel.body->node(shape.anchors.front());
  const std::vector<ir::TensorType> types = ir::operand_types(*kernel.body, anchor);
  plan.space = ir::node_space(*kernel.body, anchor);
  plan.nest = *ir::window_nest(plan.space, types);
  for (const int k : plan.nest.units) plan.units *= plan.space.extent(k);
  const std::int64_t extent = plan.space.extent(plan.nest.tile);
  plan.tiles = (extent + kernel.schedule.tile_rows - 1) / kernel.schedule.tile_rows;
  std::int64_t start = 0;
  for (std::int64_t t = 0; t < plan.tiles; ++t) {
    const std::int64_t rows = extent / plan.tiles + (t < extent % plan.tiles ? 1 : 0);
    std::vector<Interval> intervals = intervals_of(plan, types[0].shape, start, rows);
    if (plan.groups.empty() || plan.groups.back().rows != rows || plan.groups.back().intervals != intervals)
      plan.groups.push_back({start, rows, 0, t, std::move(intervals)});
    ++plan.groups.back().count;
    plan.most_rows = std::max(plan.most_rows, rows);
    start += rows;
  }
  const std::int64_t vectors = kernel.schedule.tile_vectors;
  const std::int64_t vector_bytes = kernel.schedule.lanes * ir::size_of(anchor.results[0].dtype);
  plan.column_blocks = block_count(plan.space.extent(plan.nest.columns), kernel.schedule.lanes, vectors);
  plan.tile_bytes = plan.most_rows * vectors * vector_bytes;
  const ir::ChainChunks chunks(plan.space.reduced);
  plan.chunks = chunks.count();
  plan.packed_terms = plan.nest.chunked ? chunks.length : chunks.total;
  choose_shares(kernel, plan);
  return plan;
}

std::int64_t WindowPlan::totals_bytes() const {
  return nest.chunked && chunks > 1 && !shares_chunks ? whole_lines(units * tiles * tile_bytes) : 0;
}

std::int64_t WindowPlan::panel_bytes() const { return whole_lines(packed_terms * tile_bytes / most_rows); }

std::vector<std::int64_t> fresh_terms(const WindowPlan& plan, int reduced) {
  const std::optional<Slide> slide = slide_of(plan, reduced);
  if (!slide) return {0};
  const std::int64_t extent = plan.space.extent(reduced);
  std::vector<std::int64_t> fresh;
  for (std::int64_t q = 0; q < extent; ++q) {
    const std::int64_t place = slide->step + slide->term * q;
    const std::int64_t before = place / slide->term;
    if (place % slide->term != 0 || before < 0 || before >= extent) fresh.push_back(q);
  }
  return fresh;
}

}  // namespace sinter::runtime
