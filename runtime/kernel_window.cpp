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
#include "window_plan.h"

namespace sinter::runtime {

using ir::NodeId;

namespace {

class WindowEmitter {
 public:
  WindowEmitter(KernelJob& job, const WindowPlan& plan, Point& batch)
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

  void run() {
    if (plan_.shares_chunks) return shared_chunks();
    if (plan_.nest.chunked) return each_columns(batch_, [&](std::span<Point> columns) { chunks(columns); });
    if (plan_.nest.shared_columns) {  // all columns of a tile before the next: they lie side by side
      return each_tile({&batch_, 1}, own_tiles(),
                       [&](std::span<Point> at, llvm::Value*, llvm::Value* start, const TileGroup& group) {
                         each_columns(at[0], [&](std::span<Point> columns) { tile(columns, start, group); });
                       });
    }
    each_columns(batch_, [&](std::span<Point> columns) {
      if (job_.schedule.pack_vectors) pack(columns);
      each_tile(columns, own_tiles(),
                [&](std::span<Point> at, llvm::Value*, llvm::Value* start, const TileGroup& group) {
                  tile(at, start, group);
                });
    });
  }

 private:
  using Tile = std::vector<llvm::Value*>;  // rows x columns
  using TileEmitter =
      std::function<void(std::span<Point> at, llvm::Value* number, llvm::Value* start, const TileGroup& group)>;

  llvm::IRBuilder<>& b() const { return job_.builder(); }
  static std::size_t tile_size(std::span<Point> at, const TileGroup& group) {
    return static_cast<std::size_t>(group.rows) * at.size();
  }

  llvm::Value* zero() const {
    return splat(job_.emit.ops(node_).identity(integer(job_.context, dtype_, 0))[0]).value();
  }
  llvm::Type* vector_type() const { return zero()->getType(); }
  llvm::Value* slot(llvm::Value* memory, std::size_t k) const {
    return b().CreateGEP(vector_type(), memory, job_.i64(static_cast<std::int64_t>(k)));
  }

  /// A point per column inside the region that is entered through `entry`, with axes set.
  static std::vector<Point> inside(std::span<Point> at, llvm::Instruction* entry,
                                   const std::map<int, llvm::Value*>& axes) {
    std::vector<Point> regions(at.size());
    for (std::size_t j = 0; j < at.size(); ++j) {
      regions[j].parent = &at[j];
      regions[j].entry = entry;
      regions[j].axes = axes;
    }
    return regions;
  }

  /// Axis numbers from the flat number over `axes`.
  std::map<int, llvm::Value*> digits(std::span<const int> axes, llvm::Value* flat) const {
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

  /// Runs over the columns, so many vectors at once.
  void each_columns(Point& parent, const std::function<void(std::span<Point> columns)>& emit) {
    const std::int64_t extent = plan_.space.extent(plan_.nest.columns);
    const std::int64_t blocks = block_count(extent, job_.schedule.lanes, job_.schedule.tile_vectors);
    sweep_vectors(
        job_, extent, job_.schedule.tile_vectors, job_.i64(0), job_.i64(blocks), parent,
        [&](Point& p) { p.group = {plan_.nest.columns}; }, emit);
  }

  /// Whether threads share the units, or the tiles of the only one.
  bool shares_units() const { return plan_.units > 1; }

  /// Whole units, or tiles in the order of their numbers (null: all tiles of the units).
  struct Tiles {
    llvm::Value* units_begin = nullptr;
    llvm::Value* units_end = nullptr;
    llvm::Value* begin = nullptr;
    llvm::Value* end = nullptr;
  };
  Tiles all_tiles() const { return {job_.i64(0), job_.i64(plan_.units), nullptr, nullptr}; }
  Tiles tiles_between(llvm::Value* begin, llvm::Value* end) const {
    llvm::Value* tiles = job_.i64(plan_.tiles);
    llvm::Value* stop = b().CreateNSWAdd(end, job_.i64(plan_.tiles - 1));
    return {b().CreateUDiv(begin, tiles), b().CreateUDiv(stop, tiles), begin, end};
  }
  /// What this thread does.
  Tiles own_tiles() const {
    if (plan_.shares_tiles) return tiles_between(job_.begin, job_.end);
    return {job_.begin, job_.end, nullptr, nullptr};
  }

  /// Runs over tiles, unit by unit.
  void each_tile(std::span<Point> outside, const Tiles& which, const TileEmitter& emit) {
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

  /// A tile whose sums are one chain.
  void tile(std::span<Point> at, llvm::Value* start, const TileGroup& group) {
    if (job_.schedule.prefetch) prefetch(at, start, group.rows);
    const Tile sum = nest(0, at, start, group, Tile(tile_size(at, group), zero()));
    llvm::Value* scratch = stack_memory(b(), vector_type(), static_cast<std::int64_t>(sum.size()));
    for (std::size_t k = 0; k < sum.size(); ++k) b().CreateStore(sum[k], slot(scratch, k));
    epilogue(at, start, group.rows, scratch);
  }

  // ---- Fetched ahead, where few terms leave no time to wait for memory ----

  /// What the next unit reads first, and its outputs read and write: into the second cache, since the first would not
  /// hold a row of all until then.
  void prefetch(std::span<Point> columns, llvm::Value* start, std::int64_t rows) {
    std::map<int, llvm::Value*> ahead;
    for (const int axis : plan_.nest.units)
      if (plan_.space.extent(axis) > 1) ahead = {{axis, b().CreateNSWAdd(columns[0].axis(axis), job_.i64(1))}};
    for (std::int64_t i = 0; i < rows; ++i) {
      ahead[plan_.nest.tile] = b().CreateNSWAdd(start, job_.i64(i));
      for (Point& p : inside(columns, nullptr, ahead)) job_.emit.prefetch_outputs(p, CacheLevel::second);
      prefetch_terms(outer_, columns, ahead);
    }
  }

  /// The terms from reduced axis `axis` on that the step of `axes` reads first.
  void prefetch_terms(int axis, std::span<Point> columns, std::map<int, llvm::Value*>& axes) {
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

  void pack(std::span<Point> columns) {
    emit_loop(b(), job_.i64(0), job_.i64(plan_.space.reduced_elements()), 1,
              [&](llvm::Value* term, llvm::Instruction* entry) {
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

  llvm::Value* panel(llvm::Value* term, std::size_t column, std::size_t columns) const {
    llvm::Value* at = b().CreateNSWMul(term, job_.i64(static_cast<std::int64_t>(columns)));
    return b().CreateGEP(vector_type(), job_.workspace,
                         b().CreateNSWAdd(at, job_.i64(static_cast<std::int64_t>(column))));
  }

  /// Row-major number of the term at `p`.
  llvm::Value* term_number(const Point& p) const {
    llvm::Value* number = job_.i64(0);
    for (std::size_t k = 0; k < plan_.space.reduced.size(); ++k)
      number = b().CreateNSWAdd(b().CreateNSWMul(number, job_.i64(plan_.space.reduced[k])),
                                p.axis(outer_ + static_cast<int>(k)));
    return number;
  }

  // ---- Sums ----

  LlvmValue read(std::size_t side, Point& p) {
    return job_.emit.evaluate_read(node_, side, job_.emit.anchor_axes(node_, p), p);
  }

  /// A coordinate before its division, without the term of one axis.
  llvm::Value* coordinate_rest(const ir::Coordinate& c, int without, const Point& p) const {
    llvm::Value* rest = job_.i64(c.offset);
    for (const ir::AxisTerm& t : c.terms)
      if (t.axis != without && plan_.space.extent(t.axis) > 1)
        rest = b().CreateNSWAdd(rest, b().CreateNSWMul(p.axis(t.axis), job_.i64(t.scale)));
    return rest;
  }

  llvm::Value* smaller(llvm::Value* x, llvm::Value* y) const {
    return b().CreateBinaryIntrinsic(llvm::Intrinsic::smin, x, y);
  }
  llvm::Value* larger(llvm::Value* x, llvm::Value* y) const {
    return b().CreateBinaryIntrinsic(llvm::Intrinsic::smax, x, y);
  }
  /// max(x, 0) / divisor, rounded up.
  llvm::Value* divide_up(llvm::Value* x, std::int64_t divisor) const {
    llvm::Value* natural = larger(x, job_.i64(0));
    return divisor == 1 ? natural : b().CreateUDiv(b().CreateNSWAdd(natural, job_.i64(divisor - 1)), job_.i64(divisor));
  }

  /// The terms of `axis` for which every coordinate that it shares with a loop outside stays inside.
  struct Bounds {
    llvm::Value* low = nullptr;
    llvm::Value* high = nullptr;
  };
  Bounds bounds_of(int axis, const Point& p) const {
    Bounds bounds{job_.i64(0), job_.i64(plan_.space.extent(axis))};
    for (std::size_t k = 0; k < plan_.space.reads[0].coordinates.size(); ++k) {
      const ir::Coordinate& c = plan_.space.reads[0].coordinates[k];
      const std::int64_t scale = c.scale_of(axis);
      if (scale == 0 || c.scale_of(plan_.nest.tile) != 0 || ir::moving_axes(c, plan_.space).size() != 2) continue;
      // 0 <= rest + scale * q <= last
      llvm::Value* rest = coordinate_rest(c, axis, p);
      llvm::Value* last = job_.i64((operand_[static_cast<int>(k)] - 1) * c.divisor);
      if (scale > 0) {
        bounds.low = larger(bounds.low, divide_up(b().CreateNSWNeg(rest), scale));
        bounds.high =
            smaller(bounds.high, divide_up(b().CreateNSWAdd(b().CreateNSWSub(last, rest), job_.i64(1)), scale));
      } else {
        bounds.low = larger(bounds.low, divide_up(b().CreateNSWSub(rest, last), -scale));
        bounds.high = smaller(bounds.high, divide_up(b().CreateNSWAdd(rest, job_.i64(1)), -scale));
      }
    }
    return bounds;
  }

  /// What has to hold for the terms at `p` to exist, of the coordinates that `wanted` picks (null: nothing).
  llvm::Value* condition(const Point& p, const std::function<bool(const ir::Coordinate&)>& wanted, bool division_only) {
    llvm::Value* all = nullptr;
    for (std::size_t k = 0; k < plan_.space.reads[0].coordinates.size(); ++k) {
      const ir::Coordinate& c = plan_.space.reads[0].coordinates[k];
      if (c.scale_of(plan_.nest.tile) != 0 || !wanted(c)) continue;
      llvm::Value* value = coordinate_rest(c, -1, p);
      if (c.divisor != 1)
        all = job_.emit.both(all, b().CreateICmpEQ(b().CreateSRem(value, job_.i64(c.divisor)), job_.i64(0)));
      if (division_only) continue;
      llvm::Value* extent = job_.i64((operand_[static_cast<int>(k)] - 1) * c.divisor + 1);
      all = job_.emit.both(all, b().CreateICmpULT(value, extent));
    }
    return all;
  }

  /// `body` where the condition holds, else the sums as they are.
  Tile guarded(llvm::Value* condition, std::span<Point> at, const Tile& tile,
               const std::function<Tile(std::span<Point>, const Tile&)>& body) {
    if (condition == nullptr) return body(at, tile);
    return emit_if(b(), condition, tile, [&](llvm::Instruction* entry) {
      std::vector<Point> regions = inside(at, entry, {});
      return body(regions, tile);
    });
  }

  /// The terms of the reduced axes from number `level` on.
  Tile nest(std::size_t level, std::span<Point> at, llvm::Value* start, const TileGroup& group, const Tile& tile) {
    if (level == 0) {  // coordinates of the units alone: a window of one element
      const auto of_units = [&](const ir::Coordinate& c) {
        const std::vector<int> axes = ir::moving_axes(c, plan_.space);
        return axes.size() == 1 && axes[0] < outer_ && needs_test(c);
      };
      rows_ = plan_.nest.partner < 0 ? &group.intervals.front().rows : nullptr;
      return guarded(condition(at[0], of_units, false), at, tile,
                     [&](std::span<Point> inner, const Tile& now) { return axis_loop(0, inner, start, group, now); });
    }
    return axis_loop(level, at, start, group, tile);
  }

  bool needs_test(const ir::Coordinate& c) const {
    const auto k = static_cast<std::size_t>(&c - plan_.space.reads[0].coordinates.data());
    const ir::CoordinateRange range = ir::range_of(c, plan_.space);
    return c.divisor != 1 || range.low < 0 || range.high >= operand_[static_cast<int>(k)];
  }

  Tile axis_loop(std::size_t level, std::span<Point> at, llvm::Value* start, const TileGroup& group, const Tile& tile) {
    if (level == plan_.space.reduced.size()) return add_term(at, start, group, tile);
    const int axis = outer_ + static_cast<int>(level);
    const bool innermost = level + 1 == plan_.space.reduced.size();
    if (axis == plan_.nest.partner) return partner_loop(level, at, start, group, tile);
    if (plan_.space.extent(axis) == 1) {
      std::vector<Point> regions = inside(at, nullptr, {{axis, job_.i64(0)}});
      return axis_loop(level + 1, regions, start, group, tile);
    }
    Bounds bounds = bounds_of(axis, at[0]);
    if (innermost && piece_.low != nullptr) bounds = piece_;
    const auto step = [&](llvm::Value* value, std::span<Point> inner, llvm::Instruction* entry, const Tile& now) {
      std::vector<Point> regions = inside(inner, entry, {{axis, value}});
      const auto of_axis = [&](const ir::Coordinate& c) {
        return c.scale_of(axis) != 0 && ir::moving_axes(c, plan_.space).size() == 2;
      };
      return guarded(condition(regions[0], of_axis, true), regions, now, [&](std::span<Point> deeper, const Tile& t) {
        return axis_loop(level + 1, deeper, start, group, t);
      });
    };
    return unrolled_loop(bounds.low, bounds.high, innermost ? 4 : 1, at, tile, step);
  }

  using Step = std::function<Tile(llvm::Value* value, std::span<Point> at, llvm::Instruction* entry, const Tile& tile)>;

  /// Trips of `unroll` steps, then single ones.
  Tile unrolled_loop(llvm::Value* low, llvm::Value* high, std::int64_t unroll, std::span<Point> at, Tile tile,
                     const Step& step) {
    llvm::Value* middle = low;
    const auto loop = [&](llvm::Value* from, llvm::Value* to, std::int64_t steps) {
      tile = emit_loop(b(), from, to, steps, tile,
                       [&](llvm::Value* value, const std::vector<llvm::Value*>& carried, llvm::Instruction* entry) {
                         Tile now = carried;
                         for (std::int64_t u = 0; u < steps; ++u)
                           now = step(b().CreateNSWAdd(value, job_.i64(u)), at, entry, now);
                         return now;
                       });
    };
    if (unroll > 1) {
      llvm::Value* length = larger(b().CreateNSWSub(high, low), job_.i64(0));
      middle = b().CreateNSWAdd(low, b().CreateAnd(length, job_.i64(~(unroll - 1))));
      loop(low, middle, unroll);
    }
    loop(middle, high, 1);
    return tile;
  }

  Tile partner_loop(std::size_t level, std::span<Point> at, llvm::Value* start, const TileGroup& group, Tile tile) {
    const int axis = plan_.nest.partner;
    for (const Interval& run : group.intervals) {
      if (run.rows.empty()) continue;
      rows_ = &run.rows;
      const auto step = [&](llvm::Value* value, std::span<Point> inner, llvm::Instruction* entry, const Tile& now) {
        std::vector<Point> regions = inside(inner, entry, {{axis, value}});
        return axis_loop(level + 1, regions, start, group, now);
      };
      const std::int64_t unroll = level + 1 == plan_.space.reduced.size() ? 4 : 1;
      if (run.end - run.begin == 1)
        tile = step(job_.i64(run.begin), at, nullptr, tile);
      else
        tile = unrolled_loop(job_.i64(run.begin), job_.i64(run.end), unroll, at, tile, step);
    }
    return tile;
  }

  /// One term of every sum whose row has it.
  Tile add_term(std::span<Point> at, llvm::Value* start, const TileGroup&, const Tile& tile) {
    std::vector<LlvmValue> vectors;
    for (std::size_t j = 0; j < at.size(); ++j) {
      if (job_.schedule.pack_vectors && !plan_.nest.chunked)
        vectors.emplace_back(job_.context, dtype_,
                             b().CreateLoad(vector_type(), panel(term_number(at[j]), j, at.size())));
      else
        vectors.push_back(read(1, at[j]));
    }
    Tile next = tile;
    for (const std::int64_t i : *rows_) {
      std::vector<Point> row = inside(at.first(1), nullptr, {{plan_.nest.tile, b().CreateNSWAdd(start, job_.i64(i))}});
      LlvmValue value = read(0, row[0]);
      for (std::size_t j = 0; j < at.size(); ++j) {
        if (plan_.nest.shared_columns && j > 0) {  // a vector of its own
          row = inside(at.subspan(j, 1), nullptr, {{plan_.nest.tile, b().CreateNSWAdd(start, job_.i64(i))}});
          value = read(0, row[0]);
        }
        llvm::Value*& sum = next[static_cast<std::size_t>(i) * at.size() + j];
        const std::vector<LlvmValue> carry = {LlvmValue(job_.context, dtype_, sum)};
        sum = splat(job_.emit.ops(node_).accumulate(carry, std::vector{value, vectors[j]}, {})[0]).value();
      }
    }
    return next;
  }

  // ---- Chunks: whole rows of the innermost axis, or pieces of a long one ----

  /// Calls body(first, last) with the rows of a chunk.
  void in_chunk(llvm::Value* number, const std::function<void(llvm::Value* first, llvm::Value* last)>& body) {
    const ir::ChainChunks all(plan_.space.reduced);
    if (all.rows > 0) {
      llvm::Value* first = b().CreateNSWMul(number, job_.i64(all.rows));
      return body(first, smaller(b().CreateNSWAdd(first, job_.i64(all.rows)), job_.i64(all.total / all.row)));
    }
    const std::int64_t pieces = (all.row + ir::chain_chunk - 1) / ir::chain_chunk;
    llvm::Value* row = b().CreateUDiv(number, job_.i64(pieces));
    llvm::Value* low = b().CreateNSWMul(b().CreateURem(number, job_.i64(pieces)), job_.i64(ir::chain_chunk));
    piece_ = {low, smaller(b().CreateNSWAdd(low, job_.i64(ir::chain_chunk)), job_.i64(all.row))};
    body(row, b().CreateNSWAdd(row, job_.i64(1)));
    piece_ = {};
  }

  /// All tiles of one chunk before the next: what a chunk reads stays in the cache. Totals wait in the workspace.
  void chunks(std::span<Point> columns) {
    const auto own_totals = [&](std::span<Point> at, llvm::Value* number) {
      return vectors_at(b().CreateNSWMul(number, job_.i64(plan_.most_rows * static_cast<std::int64_t>(at.size()))));
    };
    emit_loop(b(), job_.i64(0), job_.i64(plan_.chunks), 1, [&](llvm::Value* number, llvm::Instruction* entry) {
      std::vector<Point> inner = inside(columns, entry, {});
      in_chunk(number, [&](llvm::Value* first, llvm::Value* last) {
        each_tile(inner, own_tiles(),
                  [&](std::span<Point> at, llvm::Value* tile, llvm::Value* start, const TileGroup& group) {
                    add(chunk(at, start, group, first, last), own_totals(at, tile), number);
                  });
      });
    });
    each_tile(columns, own_tiles(),
              [&](std::span<Point> at, llvm::Value* tile, llvm::Value* start, const TileGroup& group) {
                epilogue(at, start, group.rows, own_totals(at, tile));
              });
  }

  /// Few tiles: threads share the chunks instead. Each keeps the sums of its own, all columns of a chunk before the
  /// next; then each adds up all chunks, first to last, for its share of the tiles.
  void shared_chunks() {
    emit_loop(b(), job_.begin, job_.end, 1, [&](llvm::Value* number, llvm::Instruction* entry) {
      std::vector<Point> region = inside({&batch_, 1}, entry, {});
      in_chunk(number, [&](llvm::Value* first, llvm::Value* last) {
        each_columns(region[0], [&](std::span<Point> columns) {
          each_tile(columns, all_tiles(),
                    [&](std::span<Point> at, llvm::Value* tile, llvm::Value* start, const TileGroup& group) {
                      llvm::Value* memory = kept(number, tile, at);
                      const Tile sums = chunk(at, start, group, first, last);
                      for (std::size_t k = 0; k < sums.size(); ++k) b().CreateStore(sums[k], slot(memory, k));
                    });
        });
      });
    });
    meet(job_);
    const auto share = [&](llvm::Value* chunk) {
      return b().CreateUDiv(b().CreateNSWMul(chunk, job_.i64(plan_.units * plan_.tiles)), job_.i64(plan_.chunks));
    };
    const Tiles tiles = tiles_between(share(job_.begin), share(job_.end));
    each_columns(batch_, [&](std::span<Point> columns) {
      each_tile(columns, tiles,
                [&](std::span<Point> at, llvm::Value* tile, llvm::Value* start, const TileGroup& group) {
                  epilogue(at, start, group.rows, sum_of_kept(at, tile, tile_size(at, group)));
                });
    });
  }

  /// The total of a tile over all chunks, in memory.
  llvm::Value* sum_of_kept(std::span<Point> at, llvm::Value* tile, std::size_t size) {
    llvm::Value* scratch = stack_memory(b(), vector_type(), static_cast<std::int64_t>(size));
    emit_loop(b(), job_.i64(0), job_.i64(plan_.chunks), 1, [&](llvm::Value* number, llvm::Instruction*) {
      llvm::Value* memory = kept(number, tile, at);
      Tile sums;
      for (std::size_t k = 0; k < size; ++k) sums.push_back(b().CreateLoad(vector_type(), slot(memory, k)));
      add(sums, scratch, number);
    });
    return scratch;
  }

  /// Where the sums of a chunk wait, for a tile and the columns at its points.
  llvm::Value* kept(llvm::Value* chunk, llvm::Value* tile, std::span<Point> at) const {
    const Point* p = &at[0];
    while (p->counter == nullptr) p = p->parent;
    const std::int64_t vectors = job_.schedule.tile_vectors;
    llvm::Value* block = b().CreateUDiv(p->counter, job_.i64(vectors * job_.schedule.lanes));
    llvm::Value* number = b().CreateNSWAdd(b().CreateNSWMul(chunk, job_.i64(plan_.units * plan_.tiles)), tile);
    number = b().CreateNSWAdd(b().CreateNSWMul(number, job_.i64(plan_.column_blocks)), block);
    return vectors_at(b().CreateNSWMul(number, job_.i64(plan_.most_rows * vectors)));
  }

  Tile chunk(std::span<Point> at, llvm::Value* start, const TileGroup& group, llvm::Value* first, llvm::Value* last) {
    std::vector<int> axes;
    for (int k = outer_; k + 1 < plan_.space.axes(); ++k) axes.push_back(k);
    rows_ = plan_.nest.partner < 0 ? &group.intervals.front().rows : nullptr;
    return emit_loop(b(), first, last, 1, Tile(tile_size(at, group), zero()),
                     [&](llvm::Value* row, const std::vector<llvm::Value*>& carried, llvm::Instruction* entry) {
                       std::vector<Point> regions = inside(at, entry, digits(axes, row));
                       const auto of_rows = [&](const ir::Coordinate& c) {
                         return c.scale_of(plan_.space.axes() - 1) == 0 && needs_test(c);
                       };
                       return guarded(condition(regions[0], of_rows, false), regions, carried,
                                      [&](std::span<Point> inner, const Tile& now) {
                                        return axis_loop(axes.size(), inner, start, group, now);
                                      });
                     });
  }

  llvm::Value* vectors_at(llvm::Value* vector) const { return b().CreateGEP(vector_type(), job_.workspace, vector); }

  void add(const Tile& chunk, llvm::Value* totals, llvm::Value* number) {
    std::vector<LlvmValue> values;
    for (llvm::Value* v : chunk) values.emplace_back(job_.context, dtype_, v);
    add_to_totals(job_, node_, values, totals, number);
  }

  // ---- What the kernel makes of the sums ----

  void epilogue(std::span<Point> at, llvm::Value* start, std::int64_t rows, llvm::Value* memory) {
    store_tile(job_, node_, at, rows, vector_type(), memory,
               [&](llvm::Value* row, Point& p) { p.axes[plan_.nest.tile] = b().CreateNSWAdd(start, row); });
  }

  KernelJob& job_;
  const WindowPlan& plan_;
  Point& batch_;
  NodeId node_;
  ir::DType dtype_;
  int outer_;
  ir::Shape operand_;
  Bounds piece_;                                     // of the innermost axis, where chunks cut it
  const std::vector<std::int64_t>* rows_ = nullptr;  // of the tile, that the terms being emitted have
};

}  // namespace

bool is_window_contract(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const ir::Node& anchor = kernel.body->node(shape.anchors.front());
  const std::vector<ir::TensorType> types = ir::operand_types(*kernel.body, anchor);
  const ir::Space space = ir::node_space(*kernel.body, anchor);
  const std::optional<ir::WindowNest> nest = ir::window_nest(space, types);
  if (!nest || ir::is_windowed(space, types)) return nest.has_value();
  if (!nest->chunked || kernel.schedule.swap || kernel.schedule.pack_vectors) return false;
  // Terms that lie apart in both operands (weight gradients): all tiles of a chunk while it is in the cache.
  const int inner = space.axes() - 1;
  return std::ranges::all_of(space.reads,
                             [&](const ir::IndexMap& map) { return map.coordinates.back().scale_of(inner) == 0; });
}

std::int64_t window_parallel_extent(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const WindowPlan plan = window_plan(kernel, shape);
  if (plan.shares_chunks) return plan.chunks;
  return plan.shares_tiles ? plan.units * plan.tiles : plan.units;
}

std::int64_t window_workspace(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const WindowPlan plan = window_plan(kernel, shape);
  if (plan.shares_chunks) return 0;
  if (plan.nest.chunked) return whole_lines(plan.units * plan.tiles * plan.tile_bytes);
  const std::int64_t vectors = plan.tile_bytes / plan.most_rows;
  return kernel.schedule.pack_vectors ? whole_lines(plan.space.reduced_elements() * vectors) : 0;
}

std::int64_t window_kept_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const WindowPlan plan = window_plan(kernel, shape);
  return plan.shares_chunks ? whole_lines(plan.kept_bytes()) : 0;
}

void emit_window(KernelJob& job) {
  const WindowPlan plan = window_plan(job.emit.kernel(), job.emit.shape());
  loop_axes(job, plan.nest.batch, false, job.root, [&](Point& batch) { WindowEmitter(job, plan, batch).run(); });
}

}  // namespace sinter::runtime
