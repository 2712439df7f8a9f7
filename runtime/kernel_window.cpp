// Contract form with a window: convolution in each of its roles, from the index maps alone. A register tile is a few
// places along one axis of the result times vectors of columns. Nothing is copied beside the input and nothing is
// padded: where the place of the tile decides which terms exist, the code of each place along the border is its own and
// holds only those; where a loop decides, the loop's bounds do.

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/node_space.h>
#include <sinter/ir/sum_order.h>
#include <sinter/ir/window_nest.h>

#include "tile_sums.h"
#include "window_emitter.h"

namespace sinter::runtime {

WindowEmitter::WindowEmitter(KernelJob& job, const WindowPlan& plan, Point& batch)
    : job_(job),
      plan_(plan),
      batch_(batch),
      node_(job.emit.shape().anchors.front()),
      dtype_(job.emit.body().node(node_).results[0].dtype),
      outer_(static_cast<int>(job.emit.shape().outer.size())) {
  const ir::Value operand = job.emit.body().node(node_).operands[0];
  operand_ = job.emit.body().type(operand).shape;
  job_.emit.trust_reads(node_);
}

void WindowEmitter::run() {
  if (plan_.shares_chunks) return shared_chunks();
  if (plan_.nest.chunked && plan_.chunks > 1)
    return each_columns(batch_, [&](std::span<Point> columns) { chunks(columns); });
  // All columns of a tile before the next: they lie side by side.
  if (plan_.nest.shared_columns && !job_.schedule.pack_vectors) {
    return each_tile({&batch_, 1}, own_tiles(),
                     [&](std::span<Point> at, llvm::Value*, llvm::Value* start, const TileGroup& group) {
                       each_columns(at[0], [&](std::span<Point> columns) { tile(columns, start, group); });
                     });
  }
  each_columns(batch_, [&](std::span<Point> columns) {
    if (job_.schedule.pack_vectors) pack(columns, job_.i64(0), job_.i64(plan_.space.reduced_elements()));
    each_tile(columns, own_tiles(), [&](std::span<Point> at, llvm::Value*, llvm::Value* start, const TileGroup& group) {
      tile(at, start, group);
    });
  });
}

std::size_t WindowEmitter::tile_size(std::span<Point> at, const TileGroup& group) {
  return static_cast<std::size_t>(group.rows) * at.size();
}

llvm::Value* WindowEmitter::zero() const {
  return splat(job_.emit.ops(node_).identity(integer(job_.context, dtype_, 0))[0]).value();
}

llvm::Value* WindowEmitter::slot(llvm::Value* memory, std::size_t k) const {
  return b().CreateGEP(vector_type(), memory, job_.i64(static_cast<std::int64_t>(k)));
}

std::vector<Point> WindowEmitter::inside(std::span<Point> at, llvm::Instruction* entry,
                                         const std::map<int, llvm::Value*>& axes) {
  std::vector<Point> regions(at.size());
  for (std::size_t j = 0; j < at.size(); ++j) {
    regions[j].parent = &at[j];
    regions[j].entry = entry;
    regions[j].axes = axes;
  }
  return regions;
}

std::map<int, llvm::Value*> WindowEmitter::digits(std::span<const int> axes, llvm::Value* flat) const {
  std::map<int, llvm::Value*> result;
  for (std::size_t k = axes.size(); k-- > 0;) {
    const std::int64_t extent = plan_.space.extent(axes[k]);
    if (extent == 1) {
      result[axes[k]] = job_.i64(0);
      continue;
    }
    result[axes[k]] = b().CreateURem(flat, job_.i64(extent));
    flat = b().CreateUDiv(flat, job_.i64(extent));
  }
  return result;
}

void WindowEmitter::each_columns(Point& parent, const std::function<void(std::span<Point> columns)>& emit) {
  const std::int64_t extent = plan_.space.extent(plan_.nest.columns);
  const std::int64_t blocks = block_count(extent, job_.schedule.lanes, job_.schedule.tile_vectors);
  sweep_vectors(
      job_, extent, job_.schedule.tile_vectors, job_.i64(0), job_.i64(blocks), parent,
      [&](Point& p) { p.group = {plan_.nest.columns}; }, emit);
}

WindowEmitter::Tiles WindowEmitter::tiles_between(llvm::Value* begin, llvm::Value* end) const {
  llvm::Value* tiles = job_.i64(plan_.tiles);
  llvm::Value* stop = b().CreateNSWAdd(end, job_.i64(plan_.tiles - 1));
  return {b().CreateUDiv(begin, tiles), b().CreateUDiv(stop, tiles), begin, end};
}

WindowEmitter::Tiles WindowEmitter::own_tiles() const {
  if (plan_.shares_tiles) return tiles_between(job_.begin, job_.end);
  return {job_.share_begin(plan_.units), job_.share_end(plan_.units), nullptr, nullptr};
}

void WindowEmitter::each_tile(std::span<Point> outside, const Tiles& which, const TileEmitter& emit) {
  emit_loop(b(), which.units_begin, which.units_end, 1, [&](llvm::Value* unit, llvm::Instruction* entry) {
    std::vector<Point> at = inside(outside, entry, digits(plan_.nest.units, unit));
    llvm::Value* of_unit = b().CreateNSWMul(unit, job_.i64(plan_.tiles));
    for (const TileGroup& group : plan_.groups) {
      llvm::Value* first = b().CreateNSWAdd(of_unit, job_.i64(group.first));
      llvm::Value* begin = job_.i64(0);
      llvm::Value* end = job_.i64(group.count);
      if (which.begin != nullptr) {
        begin = larger(b().CreateNSWSub(which.begin, first), begin);
        end = smaller(b().CreateNSWSub(which.end, first), end);
      }
      emit_loop(b(), begin, end, 1, [&](llvm::Value* k, llvm::Instruction* tile_entry) {
        if (group.count == 1) k = job_.i64(0);
        llvm::Value* start = b().CreateNSWAdd(job_.i64(group.start), b().CreateNSWMul(k, job_.i64(group.rows)));
        std::vector<Point> tile = inside(at, tile_entry, {});
        emit(tile, b().CreateNSWAdd(first, k), start, group);
      });
    }
  });
}

void WindowEmitter::tile(std::span<Point> at, llvm::Value* start, const TileGroup& group) {
  if (job_.schedule.prefetch) prefetch(at, start, group.rows);
  if (plan_.chunks > 1) return epilogue(at, start, group.rows, sum_of_chunks(at, start, group));
  const Tile sum = nest(0, at, start, group, Tile(tile_size(at, group), zero()));
  llvm::Value* scratch = stack_memory(b(), vector_type(), static_cast<std::int64_t>(sum.size()));
  for (std::size_t k = 0; k < sum.size(); ++k) b().CreateStore(sum[k], slot(scratch, k));
  epilogue(at, start, group.rows, scratch);
}

// ---- Fetched ahead, where few terms leave no time to wait for memory ----

void WindowEmitter::prefetch(std::span<Point> columns, llvm::Value* start, std::int64_t rows) {
  std::map<int, llvm::Value*> ahead;
  for (const int axis : plan_.nest.units)
    if (plan_.space.extent(axis) > 1) ahead = {{axis, b().CreateNSWAdd(columns[0].axis(axis), job_.i64(1))}};
  for (std::int64_t i = 0; i < rows; ++i) {
    ahead[plan_.nest.tile] = b().CreateNSWAdd(start, job_.i64(i));
    for (Point& p : inside(columns, nullptr, ahead)) job_.emit.prefetch_outputs(p, CacheLevel::second);
    prefetch_terms(outer_, columns, ahead);
  }
}

void WindowEmitter::prefetch_terms(int axis, std::span<Point> columns, std::map<int, llvm::Value*>& axes) {
  if (axis == plan_.space.axes()) {
    for (Point& p : inside(columns, nullptr, axes)) job_.emit.prefetch(node_, 0, p, CacheLevel::second);
    return;
  }
  for (const std::int64_t q : fresh_terms(plan_, axis)) {
    axes[axis] = job_.i64(q);
    prefetch_terms(axis + 1, columns, axes);
  }
}

// ---- The second operand, packed: vectors of one term lie side by side ----

void WindowEmitter::pack(std::span<Point> columns, llvm::Value* begin, llvm::Value* end) {
  packed_from_ = begin;
  emit_loop(b(), begin, end, 1, [&](llvm::Value* term, llvm::Instruction* entry) {
    for (std::size_t j = 0; j < columns.size(); ++j) {
      Point p;
      p.parent = &columns[j];
      p.entry = entry;
      place_inner(job_, term, p);
      const LlvmValue value = splat(read(1, p));
      b().CreateStore(value.value(), panel(term, j, columns.size()));
    }
  });
}

llvm::Value* WindowEmitter::panel(llvm::Value* term, std::size_t column, std::size_t columns) const {
  llvm::Value* number = b().CreateNSWSub(term, packed_from_);
  llvm::Value* at = b().CreateNSWMul(number, job_.i64(static_cast<std::int64_t>(columns)));
  llvm::Value* panels = b().CreateGEP(b().getInt8Ty(), job_.workspace, job_.i64(plan_.totals_bytes()));
  return b().CreateGEP(vector_type(), panels, b().CreateNSWAdd(at, job_.i64(static_cast<std::int64_t>(column))));
}

llvm::Value* WindowEmitter::term_number(const Point& p) const {
  llvm::Value* number = job_.i64(0);
  for (std::size_t k = 0; k < plan_.space.reduced.size(); ++k)
    number = b().CreateNSWAdd(b().CreateNSWMul(number, job_.i64(plan_.space.reduced[k])),
                              p.axis(outer_ + static_cast<int>(k)));
  return number;
}

// ---- What the kernel makes of the sums ----

void WindowEmitter::epilogue(std::span<Point> at, llvm::Value* start, std::int64_t rows, llvm::Value* memory) {
  store_tile(job_, node_, at, rows, vector_type(), memory,
             [&](llvm::Value* row, Point& p) { p.axes[plan_.nest.tile] = b().CreateNSWAdd(start, row); });
}

// ---- The form ----

std::int64_t window_parallel_extent(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const WindowPlan plan = window_plan(kernel, shape);
  if (plan.shares_chunks) return plan.chunks;
  return plan.shares_tiles ? plan.units * plan.tiles : plan.units;
}

std::int64_t window_workspace(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const WindowPlan plan = window_plan(kernel, shape);
  return plan.totals_bytes() + (kernel.schedule.pack_vectors ? plan.panel_bytes() : 0);
}

std::int64_t window_kept_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const WindowPlan plan = window_plan(kernel, shape);
  return plan.shares_chunks ? whole_lines(plan.kept_bytes()) : 0;
}

void emit_window(KernelJob& job) {
  const WindowPlan plan = window_plan(job.emit.kernel(), job.emit.shape());
  const std::int64_t sums = plan.units * plan.tiles * plan.column_blocks;
  start_ahead(job, sums * plan.space.reduced_elements() / terms_per_trip / job.schedule.strips);
  loop_axes(job, plan.nest.batch, false, job.root, [&](Point& batch) { WindowEmitter(job, plan, batch).run(); });
}

}  // namespace sinter::runtime
