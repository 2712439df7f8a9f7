// Contract form: register tiles of rows x vectors. The side that supplies vectors (b, or a when swapped) is loaded
// along its free axes, the other side is broadcast; the rest of the body is the tile's epilogue, run row by row over a
// scratch copy of the tile.

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/sum_order.h>
#include "kernel_forms.h"

namespace sinter::runtime {

using ir::NodeId;

namespace {

/// Outer axes of a contraction by role.
struct Roles {
  std::vector<int> batch, rows, columns;
  std::int64_t row_count = 1;
  std::int64_t column_count = 1;
};

bool reads_axis(const ir::IndexMap& map, int axis) {
  return std::any_of(map.coordinates.begin(), map.coordinates.end(),
                     [&](const ir::Coordinate& c) { return c.scale_of(axis) != 0; });
}

Roles roles_of(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const ir::Node& n = kernel.body->node(shape.anchors.front());
  std::vector<ir::TensorType> types;
  for (const ir::Value& v : n.operands) types.push_back(kernel.body->type(v));
  const ir::Space space = ir::info(n.kind).space(n.attributes, types);
  const std::size_t vector_side = kernel.schedule.swap ? 0 : 1;
  Roles roles;
  for (std::size_t k = 0; k < shape.outer.size(); ++k) {
    const int axis = static_cast<int>(k);
    const bool in_vectors = reads_axis(space.reads[vector_side], axis);
    const bool in_rows = reads_axis(space.reads[1 - vector_side], axis);
    if (in_vectors && in_rows)
      roles.batch.push_back(axis);
    else if (in_vectors)
      roles.columns.push_back(axis), roles.column_count *= shape.outer[k];
    else
      roles.rows.push_back(axis), roles.row_count *= shape.outer[k];
  }
  return roles;
}

struct Tiles {
  std::int64_t row_tiles, column_tiles;
  bool share_columns;  // threads share column tiles (else row tiles)
};

Tiles tiles_of(const ir::Schedule& s, const Roles& roles) {
  Tiles t{};
  t.row_tiles = (roles.row_count + s.tile_rows - 1) / s.tile_rows;
  t.column_tiles = block_count(roles.column_count, s.lanes, s.tile_vectors);
  t.share_columns = t.column_tiles >= t.row_tiles && !s.pack_rows;
  return t;
}

std::int64_t round_up(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// Rows of a packed tile are padded to whole vectors.
std::int64_t packed_rows(const ir::Schedule& s) { return (s.tile_rows + s.lanes - 1) / s.lanes * s.lanes; }

/// Rows whose running totals are kept while chunks pass by.
constexpr std::int64_t block_rows = 256;

ContractWorkspace workspace_of(const ir::Schedule& s, const Tiles& tiles, const ChunkWalk& walk, ir::DType dtype) {
  constexpr std::int64_t row_budget = std::int64_t{512} * 1024;     // a block of packed rows stays in L2 ...
  constexpr std::int64_t panel_budget = std::int64_t{4096} * 1024;  // ... and panels stream through it
  ContractWorkspace w;
  if (!s.pack_vectors || walk.count == 0) return w;
  const std::int64_t terms = std::min(walk.total, walk.length);
  const std::int64_t bytes = ir::size_of(dtype);
  w.panel = round_up(terms * s.tile_vectors * s.lanes * bytes);
  if (walk.count > 1) {
    w.totals =
        round_up(std::max<std::int64_t>(1, block_rows / s.tile_rows) * s.tile_rows * s.tile_vectors * s.lanes * bytes);
  } else if (s.pack_rows) {
    w.rows = round_up(terms * packed_rows(s) * bytes);
    w.row_tiles = std::clamp<std::int64_t>(row_budget / w.rows, 1, tiles.row_tiles);
    w.panels = std::clamp<std::int64_t>(panel_budget / w.panel, 1, tiles.column_tiles);
  }
  return w;
}

class ContractEmitter {
 public:
  ContractEmitter(KernelJob& job, const ir::Kernel& kernel, Point& batch)
      : job_(job),
        batch_(batch),
        node_(job.emit.shape().anchors.front()),
        roles_(roles_of(kernel, job.emit.shape())),
        tiles_(tiles_of(job.schedule, roles_)),
        walk_(job.emit.shape().inner),
        dtype_(job.emit.body().node(node_).results[0].dtype),
        side_(job.schedule.swap ? 0 : 1),
        workspace_(workspace_of(job.schedule, tiles_, walk_, dtype_)) {
    for (std::size_t k = 0; k < job.emit.body().outputs().size(); ++k) outputs_.push_back(k);
    columns_in_order_ = columns_are_one_axis();
  }

  void run() {
    if (workspace_.row_tiles > 0) return blocks();
    llvm::Value* zero = job_.i64(0);
    llvm::Value* column_begin = tiles_.share_columns ? job_.begin : zero;
    llvm::Value* column_end = tiles_.share_columns ? job_.end : job_.i64(tiles_.column_tiles);
    const auto place = [&](Point& p) { place_columns(p); };
    sweep_vectors(job_, roles_.column_count, job_.schedule.tile_vectors, column_begin, column_end, batch_, place,
                  [&](std::span<Point> columns) { row_tiles(columns); });
  }

 private:
  bool columns_are_one_axis() const {
    int real = 0;
    for (const int k : roles_.columns) real += job_.emit.shape().outer[static_cast<std::size_t>(k)] > 1 ? 1 : 0;
    return real <= 1;
  }

  /// Axis numbers of `axes` from the flat number over them.
  void place_digits(std::span<const int> axes, llvm::Value* flat, Point& point) const {
    llvm::IRBuilder<>& b = job_.builder();
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

  void place_columns(Point& p) const {
    if (!columns_in_order_) return place_digits(roles_.columns, job_.context.lane_indices(p.counter), p);
    for (const int k : roles_.columns) {
      if (job_.emit.shape().outer[static_cast<std::size_t>(k)] > 1)
        p.group = {k};
      else
        p.axes[k] = job_.i64(0);
    }
  }

  void row_tiles(std::span<Point> columns) {
    llvm::Value* begin = tiles_.share_columns ? job_.i64(0) : job_.begin;
    llvm::Value* end = tiles_.share_columns ? job_.i64(tiles_.row_tiles) : job_.end;
    if (!job_.schedule.pack_vectors || walk_.count == 0)
      return each_tile(columns, begin, end, &ContractEmitter::tile_at);
    if (walk_.count > 1) return row_blocks(columns, begin, end);
    Panel panel = pack(columns, job_.i64(0), job_.i64(walk_.total), at_byte(job_.i64(0)));
    panel_ = &panel;
    each_tile(columns, begin, end, &ContractEmitter::tile_at);
    panel_ = nullptr;
  }

  using TileEmitter = void (ContractEmitter::*)(std::span<Point> columns, llvm::Value* tile, std::int64_t rows);

  /// Calls `emit` for the row tiles [begin, end): full ones in a loop, then what is left of the rows.
  void each_tile(std::span<Point> columns, llvm::Value* begin, llvm::Value* end, TileEmitter emit) {
    llvm::IRBuilder<>& b = job_.builder();
    const std::int64_t full = roles_.row_count / job_.schedule.tile_rows;
    const std::int64_t rest = roles_.row_count - full * job_.schedule.tile_rows;
    const auto in_region = [&](llvm::Value* tile, std::int64_t rows, llvm::Instruction* entry) {
      std::vector<Point> regions = inside(columns, entry);
      (this->*emit)(regions, tile, rows);
    };
    llvm::Value* stop = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, end, job_.i64(full));
    if (full > 0)
      emit_loop(b, begin, stop, 1,
                [&](llvm::Value* tile, llvm::Instruction* entry) { in_region(tile, job_.schedule.tile_rows, entry); });
    if (rest > 0) {
      llvm::Value* reached = b.CreateAnd(b.CreateICmpSLE(begin, job_.i64(full)), b.CreateICmpSGT(end, job_.i64(full)));
      emit_if(b, reached, [&](llvm::Instruction* entry) { in_region(job_.i64(full), rest, entry); });
    }
  }

  llvm::Value* first_row(llvm::Value* tile) const {
    return job_.builder().CreateNSWMul(tile, job_.i64(job_.schedule.tile_rows));
  }

  // ---- Packing ----

  /// A copy of the vector side for the terms from `begin` on: vectors of one term lie side by side.
  struct Panel {
    llvm::Value* memory = nullptr;
    llvm::Value* begin = nullptr;
  };

  llvm::Value* panel_slot(const Panel& panel, llvm::Value* term, std::size_t column, std::size_t columns) {
    llvm::IRBuilder<>& b = job_.builder();
    llvm::Value* row = b.CreateNSWMul(b.CreateNSWSub(term, panel.begin), job_.i64(static_cast<std::int64_t>(columns)));
    return b.CreateGEP(vector_type(), panel.memory, b.CreateNSWAdd(row, job_.i64(static_cast<std::int64_t>(column))));
  }

  llvm::Type* vector_type() const { return zero().value()->getType(); }

  /// Copies the terms [begin, end) of the vector side to `memory`.
  Panel pack(std::span<Point> columns, llvm::Value* begin, llvm::Value* end, llvm::Value* memory) {
    const Panel panel{memory, begin};
    emit_loop(job_.builder(), begin, end, 1, [&](llvm::Value* term, llvm::Instruction* entry) {
      std::vector<Point> regions = inside(columns, entry);
      for (std::size_t j = 0; j < columns.size(); ++j) {
        LlvmValue value = side_value(side_, term, job_.i64(0), regions[j]);
        if (columns_vary()) value = splat(value);
        job_.builder().CreateStore(value.value(), panel_slot(panel, term, j, columns.size()));
      }
    });
    return panel;
  }

  llvm::Value* at_byte(llvm::Value* offset) const {
    return job_.builder().CreateGEP(job_.builder().getInt8Ty(), job_.workspace, offset);
  }

  /// Both sides packed, for reductions of one chunk: blocks of columns, within them blocks of rows; the panels of a
  /// column block and the tiles of a row block are packed once and meet in every combination.
  void blocks() {
    llvm::IRBuilder<>& b = job_.builder();
    const auto place = [&](Point& p) { place_columns(p); };
    const auto smaller = [&](llvm::Value* x, llvm::Value* y) {
      return b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, x, y);
    };
    emit_loop(b, job_.i64(0), job_.i64(tiles_.column_tiles), workspace_.panels,
              [&](llvm::Value* first, llvm::Instruction* entry) {
                Point block;
                block.parent = &batch_;
                block.entry = entry;
                llvm::Value* last =
                    smaller(b.CreateNSWAdd(first, job_.i64(workspace_.panels)), job_.i64(tiles_.column_tiles));
                sweep_vectors(job_, roles_.column_count, job_.schedule.tile_vectors, first, last, block, place,
                              [&](std::span<Point> columns) {
                                pack(columns, job_.i64(0), job_.i64(walk_.total), panel_memory(columns, first));
                              });
                emit_loop(b, job_.begin, job_.end, workspace_.row_tiles,
                          [&](llvm::Value* tile, llvm::Instruction* rows_entry) {
                            Point rows;
                            rows.parent = &block;
                            rows.entry = rows_entry;
                            llvm::Value* tiles_end =
                                smaller(b.CreateNSWAdd(tile, job_.i64(workspace_.row_tiles)), job_.end);
                            block_first_ = tile;
                            pack_rows(rows, tile, tiles_end);
                            sweep_vectors(job_, roles_.column_count, job_.schedule.tile_vectors, first, last, rows,
                                          place, [&](std::span<Point> columns) {
                                            Panel panel{panel_memory(columns, first), job_.i64(0)};
                                            panel_ = &panel;
                                            rows_packed_ = true;
                                            each_tile(columns, tile, tiles_end, &ContractEmitter::tile_at);
                                            rows_packed_ = false;
                                            panel_ = nullptr;
                                          });
                          });
              });
  }

  /// Where the panel of these columns lies, when panels are held from column tile `first` on.
  llvm::Value* panel_memory(std::span<Point> columns, llvm::Value* first) {
    llvm::IRBuilder<>& b = job_.builder();
    llvm::Value* tile = b.CreateUDiv(columns[0].counter, job_.i64(job_.schedule.tile_vectors * job_.schedule.lanes));
    return at_byte(b.CreateNSWMul(b.CreateNSWSub(tile, first), job_.i64(workspace_.panel)));
  }

  // ---- Packed rows: the rows of a tile lie side by side, term after term ----

  llvm::Value* packed_tile(llvm::Value* tile) {
    llvm::IRBuilder<>& b = job_.builder();
    llvm::Value* offset = b.CreateNSWMul(b.CreateNSWSub(tile, block_first_), job_.i64(workspace_.rows));
    return at_byte(b.CreateNSWAdd(offset, job_.i64(workspace_.panel * workspace_.panels)));
  }

  llvm::Value* packed_row(llvm::Value* memory, llvm::Value* term, std::int64_t row) {
    llvm::IRBuilder<>& b = job_.builder();
    llvm::Value* index = b.CreateNSWAdd(b.CreateNSWMul(term, job_.i64(packed_rows(job_.schedule))), job_.i64(row));
    return job_.context.address(dtype_, memory, index);
  }

  /// Packs the row tiles [begin, end) with vectors along the rows.
  void pack_rows(Point& at, llvm::Value* begin, llvm::Value* end) {
    llvm::IRBuilder<>& b = job_.builder();
    const std::int64_t lanes = job_.context.lanes;
    emit_loop(b, begin, end, 1, [&](llvm::Value* tile, llvm::Instruction* entry) {
      Point region;
      region.parent = &at;
      region.entry = entry;
      llvm::Value* memory = packed_tile(tile);
      llvm::Value* first = first_row(tile);
      emit_loop(b, job_.i64(0), job_.i64(walk_.total), 1, [&](llvm::Value* term, llvm::Instruction* term_entry) {
        for (std::int64_t v = 0; v < packed_rows(job_.schedule); v += lanes) {
          Point p;
          p.parent = &region;
          p.entry = term_entry;
          place_inner(job_, term, p);
          for (const int k : roles_.columns) p.axes[k] = job_.i64(0);
          llvm::Value* row = b.CreateNSWAdd(first, job_.i64(v));
          p.counter = row;
          p.mask = job_.context.lane_mask(b.CreateNSWSub(job_.i64(roles_.row_count), row));
          if (roles_.rows.size() == 1)
            p.group = {roles_.rows[0]};
          else
            place_digits(roles_.rows, job_.context.lane_indices(row), p);
          LlvmValue value = job_.emit.evaluate_read(node_, 1 - side_, job_.emit.anchor_axes(node_, p), p);
          b.CreateAlignedStore(splat(value).value(), packed_row(memory, term, v), llvm::Align(4));
        }
      });
    });
  }

  /// Rows are taken in blocks, whose running totals stay in scratch memory while the chunks pass by: a panel is packed
  /// once per block and chunk.
  void row_blocks(std::span<Point> columns, llvm::Value* begin, llvm::Value* end) {
    llvm::IRBuilder<>& b = job_.builder();
    const std::int64_t tiles = std::max<std::int64_t>(1, block_rows / job_.schedule.tile_rows);
    totals_ = at_byte(job_.i64(workspace_.panel));
    emit_loop(b, begin, end, tiles, [&](llvm::Value* first, llvm::Instruction* entry) {
      std::vector<Point> block = inside(columns, entry);
      llvm::Value* last = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateNSWAdd(first, job_.i64(tiles)), end);
      block_first_ = first;
      emit_loop(b, job_.i64(0), job_.i64(walk_.count), 1, [&](llvm::Value* number, llvm::Instruction* chunk_entry) {
        std::vector<Point> regions = inside(block, chunk_entry);
        const auto [terms_begin, terms_end] = walk_.bounds(job_, number);
        Panel panel = pack(regions, terms_begin, terms_end, at_byte(job_.i64(0)));
        panel_ = &panel;
        chunk_number_ = number;
        chunk_end_ = terms_end;
        each_tile(regions, first, last, &ContractEmitter::add_chunk);
        panel_ = nullptr;
      });
      each_tile(block, first, last, &ContractEmitter::finish_tile);
    });
  }

  /// Where the totals of a tile begin, in vectors.
  llvm::Value* totals_of(llvm::Value* tile, std::size_t columns) {
    llvm::IRBuilder<>& b = job_.builder();
    const std::int64_t size = job_.schedule.tile_rows * static_cast<std::int64_t>(columns);
    return b.CreateGEP(vector_type(), totals_, b.CreateNSWMul(b.CreateNSWSub(tile, block_first_), job_.i64(size)));
  }

  void add_chunk(std::span<Point> columns, llvm::Value* tile, std::int64_t rows) {
    const Tile start(static_cast<std::size_t>(rows) * columns.size(), zero());
    const Tile chunk = chain(columns, first_row(tile), rows, panel_->begin, chunk_end_, 0, start);
    add_to_totals(chunk, totals_of(tile, columns.size()), chunk_number_);
  }

  void finish_tile(std::span<Point> columns, llvm::Value* tile, std::int64_t rows) {
    epilogue(columns, first_row(tile), rows, totals_of(tile, columns.size()));
  }

  using Tile = std::vector<LlvmValue>;  // rows x columns

  void tile_at(std::span<Point> columns, llvm::Value* tile, std::int64_t rows) {
    const Tile sum = sums(columns, first_row(tile), rows);
    llvm::Value* scratch = scratch_of(vector_type(), rows * static_cast<std::int64_t>(columns.size()));
    for (std::size_t k = 0; k < sum.size(); ++k) job_.builder().CreateStore(sum[k].value(), slot(scratch, k));
    epilogue(columns, first_row(tile), rows, scratch);
  }

  llvm::Value* slot(llvm::Value* memory, std::size_t k) const {
    return job_.builder().CreateGEP(vector_type(), memory, job_.i64(static_cast<std::int64_t>(k)));
  }

  /// Computes and stores the outputs of a tile whose sums lie at `memory`, row by row.
  void epilogue(std::span<Point> columns, llvm::Value* first, std::int64_t rows, llvm::Value* memory) {
    llvm::IRBuilder<>& b = job_.builder();
    const auto count = static_cast<std::int64_t>(columns.size());
    emit_loop(b, job_.i64(0), job_.i64(rows), 1, [&](llvm::Value* row, llvm::Instruction* entry) {
      for (std::size_t j = 0; j < columns.size(); ++j) {
        Point p;
        p.parent = &columns[j];
        p.entry = entry;
        place_digits(roles_.rows, b.CreateNSWAdd(first, row), p);
        llvm::Value* at = b.CreateNSWAdd(b.CreateNSWMul(row, job_.i64(count)), job_.i64(static_cast<std::int64_t>(j)));
        const LlvmValue sum(job_.context, dtype_, b.CreateLoad(vector_type(), b.CreateGEP(vector_type(), memory, at)));
        p.finish(node_, job_.emit.ops(node_).finish(std::vector<LlvmValue>{sum}, dtype_));
        job_.emit.store_outputs(outputs_, p);
      }
    });
  }

  /// A point per column inside the region that is entered through `entry`.
  static std::vector<Point> inside(std::span<Point> columns, llvm::Instruction* entry) {
    std::vector<Point> regions(columns.size());
    for (std::size_t j = 0; j < columns.size(); ++j) {
      regions[j].parent = &columns[j];
      regions[j].entry = entry;
    }
    return regions;
  }

  /// Stack space for a tile, in the function's entry block.
  llvm::Value* scratch_of(llvm::Type* vector, std::int64_t count) {
    llvm::IRBuilder<>::InsertPointGuard restore(job_.builder());
    llvm::BasicBlock& first = job_.builder().GetInsertBlock()->getParent()->getEntryBlock();
    job_.builder().SetInsertPoint(&first, first.begin());
    return job_.builder().CreateAlloca(vector, job_.i64(count));
  }

  LlvmValue zero() const {
    const LlvmValue z = job_.emit.ops(node_).identity(integer(job_.context, dtype_, 0))[0];
    return columns_vary() ? splat(z) : z;
  }

  bool columns_vary() const { return roles_.column_count > 1; }

  Tile sums(std::span<Point> columns, llvm::Value* first, std::int64_t rows) {
    Tile start(static_cast<std::size_t>(rows) * columns.size(), zero());
    if (walk_.count == 0) return start;
    if (walk_.count == 1) return chain(columns, first, rows, job_.i64(0), job_.i64(walk_.total), walk_.total, start);
    // Several chunks: the running total lives in memory, the chunk's chain in registers.
    llvm::Value* scratch = scratch_of(vector_type(), static_cast<std::int64_t>(start.size()));
    emit_loop(job_.builder(), job_.i64(0), job_.i64(walk_.count), 1,
              [&](llvm::Value* number, llvm::Instruction* entry) {
                const auto [begin, end] = walk_.bounds(job_, number);
                std::vector<Point> regions = inside(columns, entry);
                add_to_totals(chain(regions, first, rows, begin, end, 0, start), scratch, number);
              });
    Tile result;
    for (std::size_t k = 0; k < start.size(); ++k)
      result.emplace_back(job_.context, dtype_, job_.builder().CreateLoad(vector_type(), slot(scratch, k)));
    return result;
  }

  /// totals = chunk 0, then totals + chunk.
  void add_to_totals(const Tile& chunk, llvm::Value* totals, llvm::Value* number) {
    llvm::IRBuilder<>& b = job_.builder();
    const LlvmValue is_first(job_.context, ir::DType::i1, b.CreateICmpEQ(number, job_.i64(0)));
    for (std::size_t k = 0; k < chunk.size(); ++k) {
      const LlvmValue total(job_.context, dtype_, b.CreateLoad(vector_type(), slot(totals, k)));
      const LlvmValue sum =
          job_.emit.ops(node_).combine(std::vector<LlvmValue>{total}, std::vector<LlvmValue>{chunk[k]})[0];
      b.CreateStore(select(is_first, chunk[k], sum).value(), slot(totals, k));
    }
  }

  /// One chunk, four terms per trip. `terms` is its length when known, else 0.
  Tile chain(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows, llvm::Value* begin, llvm::Value* end,
             std::int64_t terms, const Tile& start) {
    llvm::IRBuilder<>& b = job_.builder();
    constexpr std::int64_t unroll = 4;
    Tile tile = start;
    llvm::Value* middle = begin;
    if (terms == 0 || terms >= unroll) {
      middle = b.CreateNSWAdd(begin, b.CreateAnd(b.CreateSub(end, begin), job_.i64(~(unroll - 1))));
      tile = terms_loop(columns, first_row, rows, begin, middle, unroll, tile);
    }
    if (terms != 0 && terms % unroll == 0) return tile;
    return terms_loop(columns, first_row, rows, middle, end, 1, tile);
  }

  Tile terms_loop(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows, llvm::Value* begin,
                  llvm::Value* end, std::int64_t step, const Tile& start) {
    std::vector<llvm::Value*> initial;
    for (const LlvmValue& v : start) initial.push_back(v.value());
    const std::vector<llvm::Value*> last =
        emit_loop(job_.builder(), begin, end, step, initial,
                  [&](llvm::Value* term, const std::vector<llvm::Value*>& carried, llvm::Instruction* entry) {
                    std::vector<Point> regions = inside(columns, entry);
                    Tile tile;
                    for (llvm::Value* v : carried) tile.emplace_back(job_.context, dtype_, v);
                    for (std::int64_t u = 0; u < step; ++u)
                      add_term(regions, first_row, rows, job_.builder().CreateNSWAdd(term, job_.i64(u)), tile);
                    std::vector<llvm::Value*> next;
                    for (const LlvmValue& v : tile) next.push_back(v.value());
                    return next;
                  });
    Tile result;
    for (llvm::Value* v : last) result.emplace_back(job_.context, dtype_, v);
    return result;
  }

  LlvmValue side_value(std::size_t side, llvm::Value* term, llvm::Value* row, Point& column) {
    Point p;
    p.parent = &column;
    place_inner(job_, term, p);
    place_digits(roles_.rows, row, p);
    return job_.emit.evaluate_read(node_, side, job_.emit.anchor_axes(node_, p), p);
  }

  LlvmValue row_value(llvm::Value* term, llvm::Value* first, std::int64_t row, Point& column) {
    if (!rows_packed_) return side_value(1 - side_, term, job_.builder().CreateNSWAdd(first, job_.i64(row)), column);
    llvm::Value* tile = job_.builder().CreateUDiv(first, job_.i64(job_.schedule.tile_rows));
    return load_element(job_.context, dtype_, packed_row(packed_tile(tile), term, row));
  }

  /// One term of every sum of the tile.
  void add_term(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows, llvm::Value* term, Tile& tile) {
    std::vector<LlvmValue> vectors;
    for (std::size_t j = 0; j < columns.size(); ++j) {
      if (panel_ == nullptr)
        vectors.push_back(side_value(side_, term, first_row, columns[j]));
      else
        vectors.emplace_back(job_.context, dtype_,
                             job_.builder().CreateLoad(vector_type(), panel_slot(*panel_, term, j, columns.size())));
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      const LlvmValue row = row_value(term, first_row, i, columns[0]);
      for (std::size_t j = 0; j < columns.size(); ++j) {
        LlvmValue& sum = tile[static_cast<std::size_t>(i) * columns.size() + j];
        const std::vector<LlvmValue> x =
            side_ == 1 ? std::vector<LlvmValue>{row, vectors[j]} : std::vector<LlvmValue>{vectors[j], row};
        sum = job_.emit.ops(node_).accumulate(std::vector<LlvmValue>{sum}, x, {})[0];
        if (columns_vary()) sum = splat(sum);
      }
    }
  }

  KernelJob& job_;
  Point& batch_;
  NodeId node_;
  Roles roles_;
  Tiles tiles_;
  ChunkWalk walk_;
  ir::DType dtype_;
  std::size_t side_;
  bool columns_in_order_ = true;
  std::vector<std::size_t> outputs_;

  ContractWorkspace workspace_;

  // Packing: the panel in use, the scratch memory, and where the block of rows stands.
  const Panel* panel_ = nullptr;
  bool rows_packed_ = false;
  llvm::Value* totals_ = nullptr;
  llvm::Value* block_first_ = nullptr;
  llvm::Value* chunk_number_ = nullptr;
  llvm::Value* chunk_end_ = nullptr;
};

}  // namespace

ContractWorkspace contract_workspace(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const ir::DType dtype = kernel.body->node(shape.anchors.front()).results[0].dtype;
  return workspace_of(kernel.schedule, tiles_of(kernel.schedule, roles_of(kernel, shape)), ChunkWalk(shape.inner),
                      dtype);
}

std::int64_t contract_parallel_extent(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const Tiles t = tiles_of(kernel.schedule, roles_of(kernel, shape));
  return t.share_columns ? t.column_tiles : t.row_tiles;
}

void emit_contract(KernelJob& job) {
  const Roles roles = roles_of(job.emit.kernel(), job.emit.shape());
  loop_axes(job, roles.batch, false, job.root,
            [&](Point& batch) { ContractEmitter(job, job.emit.kernel(), batch).run(); });
}

}  // namespace sinter::runtime
