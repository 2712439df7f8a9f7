#pragma once
// The window form in parts: the walk over units and tiles (kernel_window.cpp), the sums of a tile (window_sums.cpp),
// sums of several chunks (window_chunks.cpp); what is known while the code is made: window_plan.h.

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "kernel_forms.h"
#include "window_plan.h"

namespace sinter::runtime {

class WindowEmitter {
 public:
  WindowEmitter(KernelJob& job, const WindowPlan& plan, Point& batch);
  void run();

 private:
  using Tile = std::vector<llvm::Value*>;  // rows x columns
  using TileEmitter =
      std::function<void(std::span<Point> at, llvm::Value* number, llvm::Value* start, const TileGroup& group)>;

  llvm::IRBuilder<>& b() const { return job_.builder(); }
  static std::size_t tile_size(std::span<Point> at, const TileGroup& group);
  llvm::Value* zero() const;
  llvm::Type* vector_type() const { return zero()->getType(); }
  llvm::Value* slot(llvm::Value* memory, std::size_t k) const;
  /// A point per column inside the region that is entered through `entry`, with axes set.
  static std::vector<Point> inside(std::span<Point> at, llvm::Instruction* entry,
                                   const std::map<int, llvm::Value*>& axes);
  /// Axis numbers from the flat number over `axes`.
  std::map<int, llvm::Value*> digits(std::span<const int> axes, llvm::Value* flat) const;
  /// Runs over the columns, so many vectors at once.
  void each_columns(Point& parent, const std::function<void(std::span<Point> columns)>& emit);
  /// Whole units, or tiles in the order of their numbers (null: all tiles of the units).
  struct Tiles {
    llvm::Value* units_begin = nullptr;
    llvm::Value* units_end = nullptr;
    llvm::Value* begin = nullptr;
    llvm::Value* end = nullptr;
  };
  Tiles all_tiles() const { return {job_.i64(0), job_.i64(plan_.units), nullptr, nullptr}; }
  Tiles tiles_between(llvm::Value* begin, llvm::Value* end) const;
  /// What this thread does.
  Tiles own_tiles() const;
  /// Runs over tiles, unit by unit.
  void each_tile(std::span<Point> outside, const Tiles& which, const TileEmitter& emit);
  /// A tile from the first term to its outputs.
  void tile(std::span<Point> at, llvm::Value* start, const TileGroup& group);

  // ---- Fetched ahead, where few terms leave no time to wait for memory ----

  /// What the next unit reads first, and its outputs read and write: into the second cache, since the first would not
  /// hold a row of all until then.
  void prefetch(std::span<Point> columns, llvm::Value* start, std::int64_t rows);
  /// The terms from reduced axis `axis` on that the step of `axes` reads first.
  void prefetch_terms(int axis, std::span<Point> columns, std::map<int, llvm::Value*>& axes);

  // ---- The second operand, packed: vectors of one term lie side by side ----

  /// Those of the terms from `begin` to `end`.
  void pack(std::span<Point> columns, llvm::Value* begin, llvm::Value* end);
  llvm::Value* panel(llvm::Value* term, std::size_t column, std::size_t columns) const;
  /// Row-major number of the term at `p`.
  llvm::Value* term_number(const Point& p) const;

  // ---- Sums ----

  LlvmValue read(std::size_t side, Point& p);
  /// A coordinate before its division, without the term of one axis.
  llvm::Value* coordinate_rest(const ir::Coordinate& c, int without, const Point& p) const;
  llvm::Value* smaller(llvm::Value* x, llvm::Value* y) const;
  llvm::Value* larger(llvm::Value* x, llvm::Value* y) const;
  /// max(x, 0) / divisor, rounded up.
  llvm::Value* divide_up(llvm::Value* x, std::int64_t divisor) const;
  /// The terms of `axis` for which every coordinate that it shares with a loop outside stays inside.
  struct Bounds {
    llvm::Value* low = nullptr;
    llvm::Value* high = nullptr;
  };
  Bounds bounds_of(int axis, const Point& p) const;
  /// Those of `bounds` that lie in the box as well.
  Bounds in_box(int axis, Bounds bounds) const;
  /// What has to hold for the terms at `p` to exist, of the coordinates that `wanted` picks (null: nothing).
  llvm::Value* condition(const Point& p, const std::function<bool(const ir::Coordinate&)>& wanted, bool division_only);
  /// `body` where the condition holds, else the sums as they are.
  Tile guarded(llvm::Value* condition, std::span<Point> at, const Tile& tile,
               const std::function<Tile(std::span<Point>, const Tile&)>& body);
  /// The terms of the reduced axes from number `level` on.
  Tile nest(std::size_t level, std::span<Point> at, llvm::Value* start, const TileGroup& group, const Tile& tile);
  bool needs_test(const ir::Coordinate& c) const;
  Tile axis_loop(std::size_t level, std::span<Point> at, llvm::Value* start, const TileGroup& group, const Tile& tile);
  using Step = std::function<Tile(llvm::Value* value, std::span<Point> at, llvm::Instruction* entry, const Tile& tile)>;

  /// Trips of `unroll` steps, then single ones.
  Tile unrolled_loop(llvm::Value* low, llvm::Value* high, std::int64_t unroll, std::span<Point> at, Tile tile,
                     const Step& step);
  Tile partner_loop(std::size_t level, std::span<Point> at, llvm::Value* start, const TileGroup& group, Tile tile);
  /// One term of every sum whose row has it.
  Tile add_term(std::span<Point> at, llvm::Value* start, const TileGroup&, const Tile& tile);

  // ---- Chunks: boxes of terms (ir/sum_order.h) ----

  /// The sums over a chunk.
  Tile chunk(llvm::Value* number, std::span<Point> at, llvm::Value* start, const TileGroup& group);
  void pack_chunk(std::span<Point> columns, llvm::Value* number);
  /// Where a chunk lies: bounds of the reduced axes up to the one that is cut.
  std::map<int, Bounds> box_of(llvm::Value* number) const;
  /// The total of a tile over all chunks, one after the other, in memory.
  llvm::Value* sum_of_chunks(std::span<Point> at, llvm::Value* start, const TileGroup& group);
  /// All tiles of one chunk before the next: what a chunk reads stays in the cache. Totals wait in the workspace.
  void chunks(std::span<Point> columns);
  /// Few tiles: threads share the chunks instead. Each keeps the sums of its own, all columns of a chunk before the
  /// next; then each adds up all chunks, first to last, for its share of the tiles.
  void shared_chunks();
  void keep_chunks();
  void combine_chunks();
  /// The total of a tile over all chunks, in memory.
  llvm::Value* sum_of_kept(std::span<Point> at, llvm::Value* tile, std::size_t size);
  /// Where the sums of a chunk wait, for a tile and the columns at its points.
  llvm::Value* kept(llvm::Value* chunk, llvm::Value* tile, std::span<Point> at) const;
  llvm::Value* vectors_at(llvm::Value* memory, llvm::Value* vector) const {
    return b().CreateGEP(vector_type(), memory, vector);
  }
  void add(const Tile& chunk, llvm::Value* totals, llvm::Value* number);

  // ---- What the kernel makes of the sums ----

  void epilogue(std::span<Point> at, llvm::Value* start, std::int64_t rows, llvm::Value* memory);

  KernelJob& job_;
  const WindowPlan& plan_;
  Point& batch_;
  ir::NodeId node_;
  ir::DType dtype_;
  int outer_;
  ir::Shape operand_;
  llvm::Value* packed_from_ = nullptr;               // the first term that is packed
  std::map<int, Bounds> box_;                        // of the chunk whose terms are being emitted
  const std::vector<std::int64_t>* rows_ = nullptr;  // of the tile, that the terms being emitted have
};

}  // namespace sinter::runtime
