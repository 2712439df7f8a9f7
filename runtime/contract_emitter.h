#pragma once
// The contraction form in parts: how the result is cut (contract_tiles.cpp), the walk over blocks, panels and tiles
// (kernel_contract.cpp), packing (contract_pack.cpp), the sums of a tile (contract_chain.cpp), what happens to them
// afterwards (contract_epilogue.cpp).
//
// One side of the contraction supplies vectors along its free axes (the *columns*): b, or a when swapped. The other
// side's free axes are the *rows*; its elements are broadcast. A register tile is rows x vectors of sums.

#include <optional>
#include <span>
#include <vector>

#include "kernel_forms.h"

namespace sinter::runtime {

/// Outer axes of a contraction by role.
struct ContractRoles {
  std::vector<int> batch, rows, columns;
  /// All real axes of the side, where every access treats them as one long axis; else empty.
  std::vector<int> one_column_axis, one_row_axis;
  bool cut_batch = false;      // strips are parts of the first batch axis, else of the rows
  std::int64_t row_count = 1;  // of a strip
  std::int64_t column_count = 1;
};
ContractRoles contract_roles(const ir::Kernel& kernel, const ir::KernelShape& shape);

/// How the result is cut. Swapped sides have their vectors across the result's rows; there several register tiles meet
/// in a *group* that is as high as a vector, so that it can be transposed and handled in whole vectors.
struct ContractTiles {
  std::int64_t tiles = 1;   // register tiles of a group
  std::int64_t height = 1;  // rows of a group
  std::int64_t row_groups = 1, column_tiles = 1;
  bool share_columns = false;  // threads share column tiles (else groups of rows)
};
ContractTiles contract_tiles(const ir::Schedule& schedule, const ContractRoles& roles);

/// Scratch memory of one thread, in bytes: panels, then packed rows, then running totals.
struct ContractWorkspace {
  std::int64_t panel = 0;         // one panel of the vector side: the terms of a chunk x the vectors of a tile
  std::int64_t panels = 1;        // panels held at once
  std::int64_t block = 1;         // groups of rows that meet the panels held, one after the other
  std::int64_t rows = 0;          // one packed register tile of the row side; 0: rows are read as they lie
  std::int64_t group = 0;         // sums of one group and panel: totals, then the chunk so far; 0: one chunk only
  std::int64_t total_groups = 0;  // groups whose totals are held

  bool in_blocks = false;   // the walk goes block by block: something is packed, or sums go part by part
  bool in_parts = false;    // sums wait in memory between parts of a chunk, and chunks are added there
  std::int64_t part = 256;  // terms of a part
  static constexpr std::int64_t hot_panels = std::int64_t{256} * 1024;  // bytes that are still close when they are used
  std::int64_t kept_group() const { return group / 2; }  // bytes of the sums of one chunk, of a group and panel
  bool is_hot() const { return panel * panels <= hot_panels; }
  std::int64_t rows_bytes(const ContractTiles& tiles) const;
  std::int64_t bytes(const ContractTiles& tiles) const {
    return panel * panels + rows_bytes(tiles) + group * total_groups * panels;
  }
};
ContractWorkspace contract_workspace(const ir::Schedule& schedule, const ContractTiles& tiles, const ChunkWalk& walk,
                                     ir::DType dtype);

/// A point inside the region that is entered through `entry`.
Point region_of(Point& parent, llvm::Instruction* entry);

class ContractEmitter {
 public:
  /// `first_row`: of the strip; null where the kernel is not cut into strips.
  ContractEmitter(KernelJob& job, Point& batch, llvm::Value* first_row = nullptr);
  void run();

 private:
  using Tile = std::vector<LlvmValue>;  // rows x columns

  /// A copy of the vector side for the terms from `begin` on: vectors of one term lie side by side.
  struct Panel {
    llvm::Value* memory = nullptr;
    llvm::Value* begin = nullptr;
  };
  /// The chunk of terms that is being added: all of them, or one of several whose totals lie in memory.
  struct Chunk {
    llvm::Value* number = nullptr;  // null: the only one
    llvm::Value* begin = nullptr;   // of the part of it that is added now
    llvm::Value* end = nullptr;
    llvm::Value* is_first_part = nullptr;
    llvm::Value* is_last_part = nullptr;
  };
  struct Range {
    llvm::Value* begin = nullptr;
    llvm::Value* end = nullptr;
  };

  // ---- The walk (kernel_contract.cpp) ----
  /// Axis numbers of `axes` from the flat number over them.
  void place_digits(std::span<const int> axes, llvm::Value* flat, Point& point) const;
  void place_columns(Point& p) const;
  void place_rows(llvm::Value* first, llvm::Value* mask_count, Point& p) const;
  /// Number of the first column that a point stands for.
  static llvm::Value* first_column(const Point& column);
  /// The part [begin, end) of a thread when this side is shared, else everything.
  Range share(bool shared, std::int64_t count) const;
  void sweep_columns(Range tiles, Point& at, const std::function<void(std::span<Point>)>& body);
  void blocks();
  /// The chunks that are added one after the other: all, or those of the strips.
  Range own_chunks() const;
  /// Behind the last strip: the chunks' sums that all threads kept, first to last, for a share of the groups.
  void combine_chunks();
  void combine_group(std::span<Point> columns, llvm::Value* group, std::int64_t rows);
  /// Where the sums of a chunk wait, for a group and the panel of the columns.
  llvm::Value* kept(llvm::Value* chunk, std::span<Point> columns, llvm::Value* group) const;
  void chunk_blocks(Point& columns, Range panels, Range groups);
  void chunk_parts(Point& chunk, llvm::Value* number, Range panels, Range groups);
  void row_blocks(Point& at, Range panels, Range groups);
  void panel_tiles(Point& at, Range panels, Range groups);
  /// Calls tile_at for the groups: full ones in a loop, then what is left of the rows.
  void each_group(std::span<Point> columns, Range groups);
  bool trails() const;
  /// The same where outputs trail behind the sums: those of a group are computed among the terms of the next one.
  void trailing_groups(std::span<Point> columns, llvm::Value* begin, llvm::Value* end);
  /// Calls `body` for the register tiles of a group of `rows` rows, with the first row's place in the group.
  void each_tile(std::span<Point> columns, std::int64_t rows,
                 const std::function<void(std::span<Point>, llvm::Value* offset, std::int64_t rows)>& body);
  void tile_at(std::span<Point> columns, llvm::Value* group, std::int64_t rows);
  void add_chunk(std::span<Point> columns, llvm::Value* group, std::int64_t rows);
  llvm::Value* first_row(llvm::Value* group) const;
  /// A point per column inside the region that is entered through `entry`.
  static std::vector<Point> inside(std::span<Point> columns, llvm::Instruction* entry);

  // ---- Packing (contract_pack.cpp) ----
  void pack_panels(Point& at, Range panels, llvm::Value* begin, llvm::Value* end);
  void pack_term(std::span<Point> columns, const Panel& panel, llvm::Value* term);
  void pack_transposed(std::span<Point> columns, const Panel& panel, llvm::Value* end);
  std::vector<int> neighbouring_terms() const;
  bool packs_transposed() const;
  llvm::Value* panel_slot(const Panel& panel, llvm::Value* term, llvm::Value* column, std::size_t columns) const;
  llvm::Value* panel_memory(std::span<Point> columns, llvm::Value* first) const;
  void pack_rows(Point& at, Range groups, llvm::Value* begin, llvm::Value* end);
  void pack_tile(Point& tile, llvm::Value* first, llvm::Value* begin, Range terms);
  llvm::Value* packed_tile(llvm::Value* first_row) const;
  llvm::Value* packed_row(llvm::Value* memory, llvm::Value* term, std::int64_t row) const;
  llvm::Value* at_byte(llvm::Value* offset) const;

  // ---- Sums (contract_chain.cpp) ----
  LlvmValue zero() const;
  llvm::Type* vector_type() const { return zero().value()->getType(); }
  bool columns_vary() const { return roles_.column_count > 1; }
  bool columns_in_order() const { return !columns_vary() || !roles_.one_column_axis.empty(); }
  static std::vector<llvm::Value*> values_of(const Tile& tile);
  Tile tile_of(std::span<llvm::Value* const> values) const;
  Tile sums(std::span<Point> columns, llvm::Value* first, std::int64_t rows);
  Tile chain(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows, llvm::Value* begin, llvm::Value* end,
             std::int64_t terms, const Tile& start);
  /// The only chunk; meanwhile the outputs of the rows from `before` on, whose sums lie at `memory`, are computed.
  Tile chain_and_outputs(std::span<Point> columns, llvm::Value* first, llvm::Value* before, llvm::Value* memory);
  Tile terms_loop(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows, llvm::Value* begin,
                  llvm::Value* end, std::int64_t step, const Tile& start);
  void add_term(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows, llvm::Value* term, Tile& tile);
  LlvmValue side_value(std::size_t side, llvm::Value* term, llvm::Value* row, Point& column);
  LlvmValue row_value(llvm::Value* term, llvm::Value* first, std::int64_t row, Point& column);
  void prefetch_outputs(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows, llvm::Value* term,
                        std::int64_t step);
  void prefetch_rows(llvm::Value* first_row, std::int64_t rows, llvm::Value* term, std::int64_t step);
  bool rows_are_neighbours() const;
  void prefetch_part(std::span<Point> columns, llvm::Value* first_row, llvm::Value* term, std::int64_t step);
  void prefetch_vector(std::span<Point> columns, llvm::Value* first_row, llvm::Value* part);
  llvm::Value* slot(llvm::Value* memory, std::size_t k) const;
  llvm::Value* slot(llvm::Value* memory, llvm::Value* k) const;

  // ---- Epilogue (contract_epilogue.cpp) ----
  bool is_light() const;
  /// Computes and stores the outputs of sums in registers.
  void finish_registers(std::span<Point> columns, llvm::Value* first, std::int64_t rows, const Tile& sum);
  /// The same for a group whose sums lie at `memory`, a row after the other.
  void finish_memory(std::span<Point> columns, llvm::Value* first, std::int64_t rows, llvm::Value* memory);
  void finish_transposed(std::span<Point> columns, llvm::Value* first, std::int64_t rows, llvm::Value* memory);

  KernelJob& job_;
  Point& batch_;
  llvm::Value* strip_first_row_;
  ir::NodeId node_;
  ContractRoles roles_;
  ContractTiles tiles_;
  ChunkWalk walk_;
  ir::DType dtype_;
  std::size_t side_;  // the operand that supplies vectors
  bool transposes_;   // results are transposed before they are handled
  ContractWorkspace workspace_;

  bool keeps_chunks_;  // their sums wait for the last strip
  bool combining_ = false;

  // Where the walk stands.
  const Panel* panel_ = nullptr;
  bool rows_packed_ = false;
  llvm::Value* block_first_ = nullptr;   // first group of the packed rows
  llvm::Value* totals_first_ = nullptr;  // first group whose totals are held
  llvm::Value* totals_panel_ = nullptr;  // number of the panel among those held
  Chunk chunk_;
};

}  // namespace sinter::runtime
