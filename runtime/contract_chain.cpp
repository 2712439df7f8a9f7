// Contract form: the sums of a register tile.

#include <algorithm>

#include "contract_emitter.h"
#include "tile_sums.h"

namespace sinter::runtime {

LlvmValue ContractEmitter::zero() const {
  const LlvmValue z = job_.emit.ops(node_).identity(integer(job_.context, dtype_, 0))[0];
  return columns_vary() ? splat(z) : z;
}

llvm::Value* ContractEmitter::slot(llvm::Value* memory, llvm::Value* k) const {
  return job_.builder().CreateGEP(vector_type(), memory, k);
}

llvm::Value* ContractEmitter::slot(llvm::Value* memory, std::size_t k) const {
  return slot(memory, job_.i64(static_cast<std::int64_t>(k)));
}

std::vector<llvm::Value*> ContractEmitter::values_of(const Tile& tile) {
  std::vector<llvm::Value*> values;
  for (const LlvmValue& v : tile) values.push_back(v.value());
  return values;
}

ContractEmitter::Tile ContractEmitter::tile_of(std::span<llvm::Value* const> values) const {
  Tile tile;
  for (llvm::Value* v : values) tile.emplace_back(job_.context, dtype_, v);
  return tile;
}

ContractEmitter::Tile ContractEmitter::sums(std::span<Point> columns, llvm::Value* first, std::int64_t rows) {
  Tile start(static_cast<std::size_t>(rows) * columns.size(), zero());
  if (walk_.count() == 0) return start;
  if (walk_.count() == 1) return chain(columns, first, rows, job_.i64(0), job_.i64(walk_.total), walk_.total, start);
  // Several chunks: the running total lives in memory, the chunk's chain in registers.
  llvm::Value* scratch = stack_memory(job_.builder(), vector_type(), static_cast<std::int64_t>(start.size()));
  emit_loop(job_.builder(), job_.i64(0), job_.i64(walk_.count()), 1,
            [&](llvm::Value* number, llvm::Instruction* entry) {
              const auto [begin, end] = walk_.bounds(job_, number);
              std::vector<Point> regions = inside(columns, entry);
              add_to_totals(job_, node_, chain(regions, first, rows, begin, end, 0, start), scratch, number);
            });
  Tile result;
  for (std::size_t k = 0; k < start.size(); ++k)
    result.emplace_back(job_.context, dtype_, job_.builder().CreateLoad(vector_type(), slot(scratch, k)));
  return result;
}

/// One chunk, four terms per trip. `terms` is its length when known, else 0.
ContractEmitter::Tile ContractEmitter::chain(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows,
                                             llvm::Value* begin, llvm::Value* end, std::int64_t terms,
                                             const Tile& start) {
  llvm::IRBuilder<>& b = job_.builder();
  constexpr std::int64_t unroll = terms_per_trip;
  Tile tile = start;
  llvm::Value* middle = begin;
  if (terms == 0 || terms >= unroll) {
    middle = b.CreateNSWAdd(begin, b.CreateAnd(b.CreateSub(end, begin), job_.i64(~(unroll - 1))));
    tile = terms_loop(columns, first_row, rows, begin, middle, unroll, tile);
  }
  if (terms != 0 && terms % unroll == 0) return tile;
  return terms_loop(columns, first_row, rows, middle, end, 1, tile);
}

/// The rows are spread evenly over the trips: one or more of them, then some trips, and so on.
ContractEmitter::Tile ContractEmitter::chain_and_outputs(std::span<Point> columns, llvm::Value* first,
                                                         llvm::Value* before, llvm::Value* memory) {
  llvm::IRBuilder<>& b = job_.builder();
  const std::int64_t rows = tiles_.height;
  const std::int64_t trips = walk_.total / terms_per_trip;
  std::int64_t at_once = (rows + trips - 1) / trips;
  while (rows % at_once != 0) ++at_once;
  const std::int64_t rounds = rows / at_once;
  const std::int64_t terms = trips / rounds * terms_per_trip;  // of a round
  const Tile start(static_cast<std::size_t>(rows) * columns.size(), zero());
  const std::vector<llvm::Value*> sums =
      emit_loop(b, job_.i64(0), job_.i64(rounds), 1, values_of(start),
                [&](llvm::Value* round, const std::vector<llvm::Value*>& carried, llvm::Instruction* entry) {
                  std::vector<Point> regions = inside(columns, entry);
                  llvm::Value* row = b.CreateNSWMul(round, job_.i64(at_once));
                  llvm::Value* vectors = b.CreateNSWMul(row, job_.i64(static_cast<std::int64_t>(columns.size())));
                  finish_memory(regions, b.CreateNSWAdd(before, row), at_once, slot(memory, vectors));
                  llvm::Value* begin = b.CreateNSWMul(round, job_.i64(terms));
                  llvm::Value* end = b.CreateNSWAdd(begin, job_.i64(terms));
                  return values_of(chain(regions, first, rows, begin, end, terms, tile_of(carried)));
                });
  const std::int64_t done = rounds * terms;
  if (done == walk_.total) return tile_of(sums);
  return chain(columns, first, rows, job_.i64(done), job_.i64(walk_.total), walk_.total - done, tile_of(sums));
}

ContractEmitter::Tile ContractEmitter::terms_loop(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows,
                                                  llvm::Value* begin, llvm::Value* end, std::int64_t step,
                                                  const Tile& start) {
  const std::vector<llvm::Value*> last =
      emit_loop(job_.builder(), begin, end, step, values_of(start),
                [&](llvm::Value* term, const std::vector<llvm::Value*>& carried, llvm::Instruction* entry) {
                  std::vector<Point> regions = inside(columns, entry);
                  Tile tile = tile_of(carried);
                  if (step > 1) fetch_ahead(job_);
                  if (step > 1) prefetch_outputs(regions, first_row, rows, term, step);
                  if (step > 1) prefetch_rows(first_row, rows, term, step);
                  if (step > 1) prefetch_part(regions, first_row, term, step);
                  for (std::int64_t u = 0; u < step; ++u)
                    add_term(regions, first_row, rows, job_.builder().CreateNSWAdd(term, job_.i64(u)), tile);
                  return values_of(tile);
                });
  return tile_of(last);
}

/// Fetches a part of what the outputs read and of what they write, another one with each trip through the terms, so
/// that all of the tile's have come when the last term is added.
void ContractEmitter::prefetch_outputs(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows,
                                       llvm::Value* term, std::int64_t step) {
  if (!job_.schedule.prefetch || transposes_ || walk_.count() != 1 || workspace_.in_parts) return;
  llvm::IRBuilder<>& b = job_.builder();
  const std::int64_t parts = rows * static_cast<std::int64_t>(columns.size());
  const std::int64_t trips = std::max<std::int64_t>(1, walk_.total / step);
  llvm::Value* first = b.CreateUDiv(b.CreateNSWMul(term, job_.i64(parts)), job_.i64(walk_.total));
  for (std::int64_t k = 0; k < (parts + trips - 1) / trips; ++k)
    prefetch_vector(columns, first_row, b.CreateNSWAdd(first, job_.i64(k)));
}

/// Fetches the lines of vector number `part` of a tile, in the inputs that outputs read and in the outputs. Past the
/// last vector that is harmless.
void ContractEmitter::prefetch_vector(std::span<Point> columns, llvm::Value* first_row, llvm::Value* part) {
  llvm::IRBuilder<>& b = job_.builder();
  const auto vectors = static_cast<std::int64_t>(columns.size());
  llvm::Value* column = b.CreateNSWMul(b.CreateURem(part, job_.i64(vectors)), job_.i64(job_.context.lanes));
  Point p;
  p.parent = &batch_;
  place_digits(roles_.columns, b.CreateNSWAdd(first_column(columns[0]), column), p);
  place_digits(roles_.rows, b.CreateNSWAdd(first_row, b.CreateUDiv(part, job_.i64(vectors))), p);
  job_.emit.prefetch_outputs(p);
}

/// Fetches the terms that the next group of rows will need. Where a row's terms are neighbours, of one row in some with
/// each trip, a line each; where the rows of a term are, the line that a group reaches first, of each term.
void ContractEmitter::prefetch_rows(llvm::Value* first_row, std::int64_t rows, llvm::Value* term, std::int64_t step) {
  if (!job_.schedule.prefetch || rows_packed_) return;
  llvm::IRBuilder<>& b = job_.builder();
  const auto fetch = [&](llvm::Value* at_term, llvm::Value* row) {
    Point p;
    p.parent = &batch_;
    place_inner(job_, at_term, p);
    place_digits(roles_.columns, job_.i64(0), p);
    place_digits(roles_.rows, b.CreateNSWAdd(first_row, row), p);
    job_.emit.prefetch(node_, 1 - side_, p);
  };
  if (rows_are_neighbours()) {
    for (std::int64_t u = 0; u < step; ++u)
      fetch(b.CreateNSWAdd(term, job_.i64(u)), job_.i64(tiles_.height + rows - 1));
    return;
  }
  const std::int64_t trips = std::max<std::int64_t>(1, job_.context.lanes / step);  // that one line lasts
  llvm::Value* turn = b.CreateAnd(b.CreateUDiv(term, job_.i64(step)), job_.i64(trips - 1));
  for (std::int64_t row = 0; row < rows; row += trips) fetch(term, b.CreateNSWAdd(turn, job_.i64(tiles_.height + row)));
}

/// Whether the next row of a term lies behind it in memory.
bool ContractEmitter::rows_are_neighbours() const {
  const auto read = ir::operand_read(job_.emit.body(), job_.emit.shape(), node_, 1 - side_);
  return read && !roles_.rows.empty() && read->address.scale_of(roles_.rows.back()) == 1;
}

/// Fetches what the next part of the sum packs and reads: of the vector side a part, each group of rows another one,
/// of the row side the tile's own. Both come from beyond the cache, row by row, where nothing else fetches them in
/// time.
void ContractEmitter::prefetch_part(std::span<Point> columns, llvm::Value* first_row, llvm::Value* term,
                                    std::int64_t step) {
  if (chunk_.number == nullptr || !job_.schedule.prefetch || panel_ == nullptr || !workspace_.is_hot()) return;
  llvm::IRBuilder<>& b = job_.builder();
  llvm::Value* ahead = b.CreateNSWAdd(term, b.CreateNSWSub(chunk_.end, chunk_.begin));
  const auto fetch = [&](std::size_t side, llvm::Value* at_term, llvm::Value* column, llvm::Value* row) {
    Point p;
    p.parent = &batch_;
    place_inner(job_, at_term, p);
    place_digits(roles_.columns, column, p);
    place_digits(roles_.rows, row, p);
    job_.emit.prefetch(node_, side, p, CacheLevel::second);
  };
  const auto vectors = static_cast<std::int64_t>(columns.size());
  const std::int64_t share = (step * vectors + tiles_.row_groups - 1) / tiles_.row_groups;
  const std::int64_t shares = (step * vectors + share - 1) / share;
  llvm::Value* group = b.CreateUDiv(first_row, job_.i64(tiles_.height));
  llvm::Value* part = b.CreateNSWMul(b.CreateURem(group, job_.i64(shares)), job_.i64(share));
  for (std::int64_t k = 0; k < share; ++k) {
    llvm::Value* line = b.CreateNSWAdd(part, job_.i64(k));
    llvm::Value* column = b.CreateNSWMul(b.CreateURem(line, job_.i64(vectors)), job_.i64(job_.context.lanes));
    fetch(side_, b.CreateNSWAdd(ahead, b.CreateUDiv(line, job_.i64(vectors))),
          b.CreateNSWAdd(first_column(columns[0]), column), job_.i64(0));
  }
  for (std::int64_t u = 0; u < step; ++u) fetch(1 - side_, b.CreateNSWAdd(ahead, job_.i64(u)), job_.i64(0), first_row);
}

LlvmValue ContractEmitter::side_value(std::size_t side, llvm::Value* term, llvm::Value* row, Point& column) {
  Point p;
  p.parent = &column;
  place_inner(job_, term, p);
  place_digits(roles_.rows, row, p);
  return job_.emit.evaluate_read(node_, side, job_.emit.anchor_axes(node_, p), p);
}

LlvmValue ContractEmitter::row_value(llvm::Value* term, llvm::Value* first, std::int64_t row, Point& column) {
  if (!rows_packed_) return side_value(1 - side_, term, job_.builder().CreateNSWAdd(first, job_.i64(row)), column);
  llvm::Value* packed_term = job_.builder().CreateNSWSub(term, chunk_.begin);
  return load_element(job_.context, dtype_, packed_row(packed_tile(first), packed_term, row));
}

/// One term of every sum of the tile.
void ContractEmitter::add_term(std::span<Point> columns, llvm::Value* first_row, std::int64_t rows, llvm::Value* term,
                               Tile& tile) {
  std::vector<LlvmValue> vectors;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    if (panel_ == nullptr) {
      vectors.push_back(side_value(side_, term, first_row, columns[j]));
      continue;
    }
    llvm::Value* place = panel_slot(*panel_, term, job_.i64(static_cast<std::int64_t>(j)), columns.size());
    vectors.emplace_back(job_.context, dtype_, job_.builder().CreateLoad(vector_type(), place));
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

}  // namespace sinter::runtime
