// Contract form: the walk over blocks of packed panels, blocks of rows, panels and register tiles.
//
// Packed, outermost first: as many panels as fit the cache; blocks of rows whose totals are held, with the chunks of
// the sum inside (when there are several); blocks of rows that stay in the cache while they meet every panel; panels;
// groups of rows. Part by part of a sum without panels: the same. Else: blocks of rows that stay in the cache, columns,
// then rows.

#include <algorithm>

#include <sinter/ir/error.h>

#include "contract_emitter.h"
#include "tile_sums.h"

namespace sinter::runtime {

Point region_of(Point& parent, llvm::Instruction* entry) {
  Point p;
  p.parent = &parent;
  p.entry = entry;
  return p;
}

ContractEmitter::ContractEmitter(KernelJob& job, Point& batch, llvm::Value* first_row)
    : job_(job),
      batch_(batch),
      strip_first_row_(first_row),
      node_(job.emit.shape().anchors.front()),
      roles_(contract_roles(job.emit.kernel(), job.emit.shape())),
      tiles_(contract_tiles(job.schedule, roles_)),
      walk_(job.emit.shape().inner),
      dtype_(job.emit.body().node(node_).results[0].dtype),
      side_(job.schedule.swap ? 0 : 1),
      transposes_(job.schedule.swap && roles_.column_count > 1 && roles_.row_count > 1 && job.context.lanes > 1),
      workspace_(contract_workspace(job.schedule, tiles_, walk_, dtype_)),
      keeps_chunks_(job.schedule.strip_terms) {}

void ContractEmitter::run() {
  if (keeps_chunks_) return in_phases(job_, [&] { blocks(); }, [&] { combine_chunks(); });
  if (workspace_.in_blocks) return blocks();
  const Range columns = share(tiles_.share_columns, tiles_.column_tiles);
  const Range groups = share(!tiles_.share_columns, tiles_.row_groups);
  const auto tiles_of = [&](Point& at, Range rows) {
    sweep_columns(columns, at, [&](std::span<Point> vectors) { each_group(vectors, rows); });
  };
  if (workspace_.block >= tiles_.row_groups || tiles_.column_tiles == 1) return tiles_of(batch_, groups);
  emit_pieces(job_.builder(), groups.begin, groups.end, workspace_.block,
              [&](llvm::Value* first, llvm::Value* last, llvm::Instruction* entry) {
                Point block = region_of(batch_, entry);
                tiles_of(block, {first, last});
              });
}

// ---- Axes ----

void ContractEmitter::place_digits(std::span<const int> axes, llvm::Value* flat, Point& point) const {
  llvm::IRBuilder<>& b = job_.builder();
  if (axes.size() > 1 && !flat->getType()->isVectorTy()) point.flat.push_back({{axes.begin(), axes.end()}, flat});
  const auto constant = [&](std::int64_t v) {
    return flat->getType()->isVectorTy() ? job_.context.splat(job_.i64(v)) : job_.i64(v);
  };
  std::int64_t stride = 1;
  for (std::size_t k = axes.size(); k-- > 0;) {
    const std::int64_t extent = job_.emit.shape().outer[static_cast<std::size_t>(axes[k])];
    llvm::Value* digit = stride == 1 ? flat : b.CreateUDiv(flat, constant(stride));
    stride *= extent;
    point.axes[axes[k]] = k == 0 ? digit : b.CreateURem(digit, constant(extent));
  }
}

void ContractEmitter::place_columns(Point& p) const {
  if (!columns_in_order()) return place_digits(roles_.columns, job_.context.lane_indices(p.counter), p);
  p.group = roles_.one_column_axis;
  for (const int k : roles_.columns)
    if (std::ranges::find(p.group, k) == p.group.end()) p.axes[k] = job_.i64(0);
}

void ContractEmitter::place_rows(llvm::Value* first, llvm::Value* count, Point& p) const {
  p.counter = first;
  p.mask = job_.context.lane_mask(count);
  if (roles_.one_row_axis.empty()) return place_digits(roles_.rows, job_.context.lane_indices(first), p);
  p.group = roles_.one_row_axis;
  for (const int k : roles_.rows)
    if (std::ranges::find(p.group, k) == p.group.end()) p.axes[k] = job_.i64(0);
}

llvm::Value* ContractEmitter::first_column(const Point& column) {
  const Point* p = &column;
  while (p->counter == nullptr) p = p->parent;
  return p->counter;
}

ContractEmitter::Range ContractEmitter::share(bool shared, std::int64_t count) const {
  return shared && job_.schedule.strips == 1 ? Range{job_.begin, job_.end} : Range{job_.i64(0), job_.i64(count)};
}

void ContractEmitter::sweep_columns(Range tiles, Point& at, const std::function<void(std::span<Point>)>& body) {
  sweep_vectors(
      job_, roles_.column_count, job_.schedule.tile_vectors, tiles.begin, tiles.end, at,
      [&](Point& p) { place_columns(p); }, body);
}

std::vector<Point> ContractEmitter::inside(std::span<Point> columns, llvm::Instruction* entry) {
  std::vector<Point> regions(columns.size());
  for (std::size_t j = 0; j < columns.size(); ++j) {
    regions[j].parent = &columns[j];
    regions[j].entry = entry;
  }
  return regions;
}

llvm::Value* ContractEmitter::first_row(llvm::Value* group) const {
  llvm::Value* row = job_.builder().CreateNSWMul(group, job_.i64(tiles_.height));
  return strip_first_row_ == nullptr ? row : job_.builder().CreateNSWAdd(row, strip_first_row_);
}

// ---- Blocks ----

void ContractEmitter::blocks() {
  const Range columns = share(tiles_.share_columns, tiles_.column_tiles);
  const Range groups = share(!tiles_.share_columns, tiles_.row_groups);
  emit_pieces(job_.builder(), columns.begin, columns.end, workspace_.panels,
              [&](llvm::Value* first, llvm::Value* last, llvm::Instruction* entry) {
                Point block = region_of(batch_, entry);
                if (workspace_.in_parts) return chunk_blocks(block, {first, last}, groups);
                chunk_ = {nullptr, job_.i64(0), job_.i64(walk_.total)};
                pack_panels(block, {first, last}, chunk_.begin, chunk_.end);
                row_blocks(block, {first, last}, groups);
              });
}

ContractEmitter::Range ContractEmitter::own_chunks() const {
  if (!keeps_chunks_) return {job_.i64(0), job_.i64(walk_.count())};
  return {job_.share_begin(walk_.count()), job_.share_end(walk_.count())};
}

void ContractEmitter::combine_chunks() {
  llvm::IRBuilder<>& b = job_.builder();
  const auto share = [&](llvm::Value* strip) {
    return b.CreateUDiv(b.CreateNSWMul(strip, job_.i64(tiles_.row_groups)), job_.i64(job_.schedule.strips));
  };
  const Range groups = {share(job_.begin), share(job_.end)};
  combining_ = true;
  sweep_columns({job_.i64(0), job_.i64(tiles_.column_tiles)}, batch_,
                [&](std::span<Point> columns) { each_group(columns, groups); });
  combining_ = false;
}

void ContractEmitter::combine_group(std::span<Point> columns, llvm::Value* group, std::int64_t rows) {
  llvm::IRBuilder<>& b = job_.builder();
  const std::int64_t vectors = rows * static_cast<std::int64_t>(columns.size());
  llvm::Value* totals = stack_memory(b, vector_type(), vectors);
  emit_loop(b, job_.i64(0), job_.i64(walk_.count()), 1, [&](llvm::Value* number, llvm::Instruction*) {
    llvm::Value* memory = kept(number, columns, group);
    Tile sums;
    for (std::int64_t k = 0; k < vectors; ++k)
      sums.emplace_back(job_.context, dtype_, b.CreateLoad(vector_type(), slot(memory, static_cast<std::size_t>(k))));
    add_to_totals(job_, node_, sums, totals, number);
  });
  finish_memory(columns, first_row(group), rows, totals);
}

llvm::Value* ContractEmitter::kept(llvm::Value* chunk, std::span<Point> columns, llvm::Value* group) const {
  llvm::IRBuilder<>& b = job_.builder();
  llvm::Value* tile =
      b.CreateUDiv(first_column(columns[0]), job_.i64(job_.schedule.tile_vectors * job_.schedule.lanes));
  llvm::Value* number = b.CreateNSWAdd(b.CreateNSWMul(chunk, job_.i64(tiles_.column_tiles)), tile);
  number = b.CreateNSWAdd(b.CreateNSWMul(number, job_.i64(tiles_.row_groups)), group);
  return b.CreateGEP(b.getInt8Ty(), job_.exchange, b.CreateNSWMul(number, job_.i64(workspace_.kept_group())));
}

void ContractEmitter::chunk_blocks(Point& columns, Range panels, Range groups) {
  emit_pieces(job_.builder(), groups.begin, groups.end, workspace_.total_groups,
              [&](llvm::Value* first, llvm::Value* last, llvm::Instruction* entry) {
                Point held = region_of(columns, entry);
                totals_first_ = first;
                const Range chunks = own_chunks();
                emit_loop(job_.builder(), chunks.begin, chunks.end, 1,
                          [&](llvm::Value* number, llvm::Instruction* chunk_entry) {
                            Point at = region_of(held, chunk_entry);
                            chunk_parts(at, number, panels, {first, last});
                          });
              });
}

/// A chunk part by part: the chains go on where the part before left them.
void ContractEmitter::chunk_parts(Point& chunk, llvm::Value* number, Range panels, Range groups) {
  llvm::IRBuilder<>& b = job_.builder();
  const auto [chunk_begin, chunk_end] = walk_.bounds(job_, number);
  llvm::Value* start = chunk_begin;
  llvm::Value* stop = chunk_end;
  emit_pieces(job_.builder(), start, stop, workspace_.part,
              [&](llvm::Value* begin, llvm::Value* end, llvm::Instruction* entry) {
                Point at = region_of(chunk, entry);
                chunk_ = {number, begin, end, b.CreateICmpEQ(begin, start), b.CreateICmpEQ(end, stop)};
                pack_panels(at, panels, begin, end);
                row_blocks(at, panels, groups);
              });
}

void ContractEmitter::row_blocks(Point& at, Range panels, Range groups) {
  if (workspace_.block >= tiles_.row_groups && workspace_.rows == 0) return panel_tiles(at, panels, groups);
  emit_pieces(job_.builder(), groups.begin, groups.end, workspace_.block,
              [&](llvm::Value* first, llvm::Value* last, llvm::Instruction* entry) {
                Point block = region_of(at, entry);
                block_first_ = first;
                if (workspace_.rows > 0) pack_rows(block, {first, last}, chunk_.begin, chunk_.end);
                rows_packed_ = workspace_.rows > 0;
                panel_tiles(block, panels, {first, last});
                rows_packed_ = false;
              });
}

void ContractEmitter::panel_tiles(Point& at, Range panels, Range groups) {
  sweep_columns(panels, at, [&](std::span<Point> columns) {
    const Panel panel{panel_memory(columns, panels.begin), chunk_.begin};
    if (job_.schedule.pack_vectors) panel_ = &panel;
    llvm::Value* tile =
        job_.builder().CreateUDiv(first_column(columns[0]), job_.i64(job_.schedule.tile_vectors * job_.schedule.lanes));
    totals_panel_ = job_.builder().CreateNSWSub(tile, panels.begin);
    each_group(columns, groups);
    panel_ = nullptr;
  });
}

// ---- Groups and tiles ----

void ContractEmitter::each_group(std::span<Point> columns, Range groups) {
  llvm::IRBuilder<>& b = job_.builder();
  const std::int64_t full = roles_.row_count / tiles_.height;
  const std::int64_t rest = roles_.row_count - full * tiles_.height;
  const auto in_region = [&](llvm::Value* group, std::int64_t rows, llvm::Instruction* entry) {
    std::vector<Point> regions = inside(columns, entry);
    tile_at(regions, group, rows);
  };
  llvm::Value* stop = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, groups.end, job_.i64(full));
  if (full > 1 && trails())
    trailing_groups(columns, groups.begin, stop);
  else if (full > 0)
    emit_loop(b, groups.begin, stop, 1,
              [&](llvm::Value* group, llvm::Instruction* entry) { in_region(group, tiles_.height, entry); });
  if (rest > 0) {
    llvm::Value* reached =
        b.CreateAnd(b.CreateICmpSLE(groups.begin, job_.i64(full)), b.CreateICmpSGT(groups.end, job_.i64(full)));
    emit_if(b, reached, [&](llvm::Instruction* entry) { in_region(job_.i64(full), rest, entry); });
  }
}

bool ContractEmitter::trails() const {
  return job_.schedule.trail && tiles_.tiles == 1 && !transposes_ && !combining_ && chunk_.number == nullptr &&
         walk_.count() == 1 && walk_.total >= terms_per_trip;
}

void ContractEmitter::trailing_groups(std::span<Point> columns, llvm::Value* begin, llvm::Value* end) {
  llvm::IRBuilder<>& b = job_.builder();
  const std::int64_t rows = tiles_.height;
  llvm::Value* memory = stack_memory(b, vector_type(), rows * static_cast<std::int64_t>(columns.size()));
  const auto keep = [&](const Tile& sum) {
    for (std::size_t k = 0; k < sum.size(); ++k) b.CreateStore(sum[k].value(), slot(memory, k));
  };
  emit_if(b, b.CreateICmpSLT(begin, end), [&](llvm::Instruction* entry) {
    std::vector<Point> at = inside(columns, entry);
    keep(sums(at, first_row(begin), rows));
    llvm::Value* second = b.CreateNSWAdd(begin, job_.i64(1));
    emit_loop(b, second, end, 1, [&](llvm::Value* group, llvm::Instruction* group_entry) {
      std::vector<Point> regions = inside(at, group_entry);
      llvm::Value* first = first_row(group);
      keep(chain_and_outputs(regions, first, b.CreateNSWSub(first, job_.i64(rows)), memory));
    });
    finish_memory(at, first_row(b.CreateNSWSub(end, job_.i64(1))), rows, memory);
  });
}

void ContractEmitter::each_tile(std::span<Point> columns, std::int64_t rows,
                                const std::function<void(std::span<Point>, llvm::Value*, std::int64_t)>& body) {
  const std::int64_t height = job_.schedule.tile_rows;
  const std::int64_t full = rows / height;
  const std::int64_t rest = rows - full * height;
  if (full == 1) body(columns, job_.i64(0), height);
  if (full > 1)
    emit_loop(job_.builder(), job_.i64(0), job_.i64(full), 1, [&](llvm::Value* tile, llvm::Instruction* entry) {
      std::vector<Point> regions = inside(columns, entry);
      body(regions, job_.builder().CreateNSWMul(tile, job_.i64(height)), height);
    });
  if (rest > 0) body(columns, job_.i64(full * height), rest);
}

void ContractEmitter::tile_at(std::span<Point> columns, llvm::Value* group, std::int64_t rows) {
  llvm::IRBuilder<>& b = job_.builder();
  if (combining_) return combine_group(columns, group, rows);
  if (chunk_.number != nullptr) return add_chunk(columns, group, rows);
  llvm::Value* first = first_row(group);
  if (!transposes_ && rows <= job_.schedule.tile_rows && is_light())
    return finish_registers(columns, first, rows, sums(columns, first, rows));
  const std::int64_t lanes = job_.context.lanes;
  const std::int64_t capacity = transposes_ ? (rows + lanes - 1) / lanes * lanes : rows;
  const auto count = static_cast<std::int64_t>(columns.size());
  llvm::Value* scratch = stack_memory(b, vector_type(), capacity * count);
  each_tile(columns, rows, [&](std::span<Point> regions, llvm::Value* offset, std::int64_t tile_rows) {
    const Tile sum = sums(regions, b.CreateNSWAdd(first, offset), tile_rows);
    llvm::Value* memory = slot(scratch, b.CreateNSWMul(offset, job_.i64(count)));
    for (std::size_t k = 0; k < sum.size(); ++k) b.CreateStore(sum[k].value(), slot(memory, k));
  });
  finish_memory(columns, first, rows, scratch);
}

/// Adds a chunk to the totals of a group; behind the last chunk they are handled. Among strips its sums are kept.
void ContractEmitter::add_chunk(std::span<Point> columns, llvm::Value* group, std::int64_t rows) {
  llvm::IRBuilder<>& b = job_.builder();
  const auto count = static_cast<std::int64_t>(columns.size());
  llvm::Value* number = b.CreateNSWAdd(b.CreateNSWMul(totals_panel_, job_.i64(workspace_.total_groups)),
                                       b.CreateNSWSub(group, totals_first_));
  llvm::Value* offset = b.CreateNSWAdd(b.CreateNSWMul(number, job_.i64(workspace_.group)),
                                       job_.i64(workspace_.panel * workspace_.panels + workspace_.rows_bytes(tiles_)));
  llvm::Value* totals = at_byte(offset);
  llvm::Value* first = first_row(group);
  llvm::Value* so_far = at_byte(b.CreateNSWAdd(offset, job_.i64(workspace_.group / 2)));
  each_tile(columns, rows, [&](std::span<Point> regions, llvm::Value* row, std::int64_t tile_rows) {
    llvm::Value* place = b.CreateNSWMul(row, job_.i64(count));
    const LlvmValue is_first(job_.context, DType::i1, chunk_.is_first_part);
    Tile start;
    for (std::size_t k = 0; k < static_cast<std::size_t>(tile_rows) * regions.size(); ++k) {
      const LlvmValue before(job_.context, dtype_, b.CreateLoad(vector_type(), slot(slot(so_far, place), k)));
      start.push_back(select(is_first, zero(), before));
    }
    const Tile sum = chain(regions, b.CreateNSWAdd(first, row), tile_rows, chunk_.begin, chunk_.end, 0, start);
    for (std::size_t k = 0; k < sum.size(); ++k) b.CreateStore(sum[k].value(), slot(slot(so_far, place), k));
    emit_if(b, chunk_.is_last_part, [&](llvm::Instruction*) {
      if (!keeps_chunks_) return add_to_totals(job_, node_, sum, slot(totals, place), chunk_.number);
      llvm::Value* memory = slot(kept(chunk_.number, columns, group), place);
      for (std::size_t k = 0; k < sum.size(); ++k) b.CreateStore(sum[k].value(), slot(memory, k));
    });
  });
  if (keeps_chunks_) return;
  llvm::Value* last_chunk = b.CreateICmpEQ(chunk_.number, job_.i64(walk_.count() - 1));
  emit_if(b, b.CreateAnd(last_chunk, chunk_.is_last_part), [&](llvm::Instruction* entry) {
    std::vector<Point> regions = inside(columns, entry);
    finish_memory(regions, first, rows, totals);
  });
}

// ---- The form ----

std::int64_t contract_workspace_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const ir::DType dtype = kernel.body->node(shape.anchors.front()).results[0].dtype;
  const ContractTiles tiles = contract_tiles(kernel.schedule, contract_roles(kernel, shape));
  return contract_workspace(kernel.schedule, tiles, ChunkWalk(shape.inner), dtype).bytes(tiles);
}

std::int64_t contract_kept_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  if (!has_phases(kernel)) return 0;
  const ir::DType dtype = kernel.body->node(shape.anchors.front()).results[0].dtype;
  const ContractTiles tiles = contract_tiles(kernel.schedule, contract_roles(kernel, shape));
  const ChunkWalk walk(shape.inner);
  const std::int64_t group = contract_workspace(kernel.schedule, tiles, walk, dtype).kept_group();
  return whole_lines(walk.count() * tiles.column_tiles * tiles.row_groups * group);
}

std::int64_t contract_parallel_extent(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const ContractTiles t = contract_tiles(kernel.schedule, contract_roles(kernel, shape));
  return t.share_columns ? t.column_tiles : t.row_groups;
}

void emit_contract(KernelJob& job) {
  const ContractRoles roles = contract_roles(job.emit.kernel(), job.emit.shape());
  const ContractTiles tiles = contract_tiles(job.schedule, roles);
  const std::int64_t terms = ir::Shape(job.emit.shape().inner).elements();
  const std::int64_t of_strip = job.schedule.strip_terms ? terms / job.schedule.strips : terms;
  start_ahead(job, tiles.row_groups * tiles.tiles * tiles.column_tiles * of_strip / terms_per_trip);
  loop_axes(job, roles.batch, roles.cut_batch, job.root, [&](Point& batch) {
    if (job.schedule.strips == 1 || job.schedule.strip_terms || roles.cut_batch)
      return ContractEmitter(job, batch).run();
    emit_loop(job.builder(), job.begin, job.end, 1, [&](llvm::Value* strip, llvm::Instruction* entry) {
      Point region = region_of(batch, entry);
      ContractEmitter(job, region, job.builder().CreateNSWMul(strip, job.i64(roles.row_count))).run();
    });
  });
}

}  // namespace sinter::runtime
