// Contract form: copying operands into the order in which the tiles read them. An operand is evaluated like any other
// value, so whatever computes it rides along.

#include <algorithm>

#include "contract_emitter.h"
#include "transpose.h"

namespace sinter::runtime {

namespace {

/// Terms ahead whose lines are fetched while a panel is copied: rows of a large matrix lie pages apart, where the
/// processor's own prefetch does not follow.
constexpr std::int64_t prefetch_distance = 16;

}  // namespace

llvm::Value* ContractEmitter::at_byte(llvm::Value* offset) const {
  return job_.builder().CreateGEP(job_.builder().getInt8Ty(), job_.workspace, offset);
}

// ---- The vector side: panels ----

llvm::Value* ContractEmitter::panel_slot(const Panel& panel, llvm::Value* term, llvm::Value* column,
                                         std::size_t columns) const {
  llvm::IRBuilder<>& b = job_.builder();
  llvm::Value* row = b.CreateNSWMul(b.CreateNSWSub(term, panel.begin), job_.i64(static_cast<std::int64_t>(columns)));
  return slot(panel.memory, b.CreateNSWAdd(row, column));
}

llvm::Value* ContractEmitter::panel_memory(std::span<Point> columns, llvm::Value* first) const {
  llvm::IRBuilder<>& b = job_.builder();
  llvm::Value* tile =
      b.CreateUDiv(first_column(columns[0]), job_.i64(job_.schedule.tile_vectors * job_.schedule.lanes));
  return at_byte(b.CreateNSWMul(b.CreateNSWSub(tile, first), job_.i64(workspace_.panel)));
}

void ContractEmitter::pack_panels(Point& at, Range panels, llvm::Value* begin, llvm::Value* end) {
  if (!job_.schedule.pack_vectors) return;
  const auto panel_of = [&](std::span<Point> columns) { return Panel{panel_memory(columns, panels.begin), begin}; };
  if (packs_transposed())
    return sweep_columns(panels, at,
                         [&](std::span<Point> columns) { pack_transposed(columns, panel_of(columns), end); });
  // Terms outside: the panels' pieces of a term are neighbours in memory.
  emit_loop(job_.builder(), begin, end, 1, [&](llvm::Value* term, llvm::Instruction* entry) {
    Point region;
    region.parent = &at;
    region.entry = entry;
    sweep_columns(panels, region, [&](std::span<Point> columns) { pack_term(columns, panel_of(columns), term); });
  });
}

/// The real reduced axes, where the terms of the vector side are neighbours in memory; else nothing.
std::vector<int> ContractEmitter::neighbouring_terms() const {
  const auto read = ir::operand_read(job_.emit.body(), job_.emit.shape(), node_, side_);
  if (!read) return {};
  const ir::KernelShape& shape = job_.emit.shape();
  std::vector<int> axes;
  std::int64_t distance = 1;
  for (std::size_t k = shape.inner.size(); k-- > 0;) {
    const int axis = static_cast<int>(shape.outer.size() + k);
    if (shape.inner[k] == 1) continue;
    if (read->address.scale_of(axis) != distance) return {};
    axes.insert(axes.begin(), axis);
    distance *= shape.inner[k];
  }
  return axes;
}

/// True when neighbouring columns lie apart but neighbouring terms do not.
bool ContractEmitter::packs_transposed() const {
  if (!columns_vary() || !columns_in_order() || job_.context.lanes == 1) return false;
  const auto read = ir::operand_read(job_.emit.body(), job_.emit.shape(), node_, side_);
  return read && read->address.scale_of(roles_.one_column_axis.back()) != 1 && !neighbouring_terms().empty();
}

/// One term of a panel, with vectors along the columns.
void ContractEmitter::pack_term(std::span<Point> columns, const Panel& panel, llvm::Value* term) {
  llvm::IRBuilder<>& b = job_.builder();
  for (std::size_t j = 0; j < columns.size(); ++j) {
    LlvmValue value = side_value(side_, term, job_.i64(0), columns[j]);
    if (columns_vary()) value = splat(value);
    b.CreateStore(value.value(), panel_slot(panel, term, job_.i64(static_cast<std::int64_t>(j)), columns.size()));
    Point ahead;
    ahead.parent = &columns[j];
    place_inner(job_, b.CreateNSWAdd(term, job_.i64(prefetch_distance)), ahead);
    place_digits(roles_.rows, job_.i64(0), ahead);
    job_.emit.prefetch(node_, side_, ahead);
  }
}

/// Vectors along the terms, for as many columns as a vector has lanes; then the block is transposed.
void ContractEmitter::pack_transposed(std::span<Point> columns, const Panel& panel, llvm::Value* end) {
  llvm::IRBuilder<>& b = job_.builder();
  const std::int64_t lanes = job_.context.lanes;
  const auto outer = static_cast<int>(job_.emit.shape().outer.size());
  const std::vector<int> inner = neighbouring_terms();
  emit_loop(b, panel.begin, end, lanes, [&](llvm::Value* term, llvm::Instruction* entry) {
    llvm::Value* mask = job_.context.lane_mask(b.CreateNSWSub(end, term));
    emit_loop(b, job_.i64(0), job_.i64(static_cast<std::int64_t>(columns.size())), 1,
              [&](llvm::Value* column, llvm::Instruction*) {
                llvm::Value* first = b.CreateNSWAdd(first_column(columns[0]), b.CreateNSWMul(column, job_.i64(lanes)));
                const auto terms_of = [&](llvm::Value* i) {
                  Point p;
                  p.parent = &columns[0];
                  p.entry = entry;
                  p.counter = term;
                  p.mask = mask;
                  p.group = inner;
                  for (int k = outer; k < outer + static_cast<int>(job_.emit.shape().inner.size()); ++k)
                    if (std::ranges::find(inner, k) == inner.end()) p.axes[k] = job_.i64(0);
                  // Past the last column the last one is read again.
                  llvm::Value* flat = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateNSWAdd(first, i),
                                                              job_.i64(roles_.column_count - 1));
                  place_digits(roles_.columns, flat, p);
                  place_digits(roles_.rows, job_.i64(0), p);
                  return splat(job_.emit.evaluate_read(node_, side_, job_.emit.anchor_axes(node_, p), p)).value();
                };
                emit_transpose(job_.context, vector_type(), terms_of, [&](llvm::Value* k, llvm::Value* v) {
                  b.CreateStore(v, panel_slot(panel, b.CreateNSWAdd(term, k), column, columns.size()));
                });
              });
  });
}

// ---- The row side: the rows of a tile lie side by side, term after term ----

llvm::Value* ContractEmitter::packed_tile(llvm::Value* first) const {
  llvm::IRBuilder<>& b = job_.builder();
  llvm::Value* tile = b.CreateUDiv(first, job_.i64(job_.schedule.tile_rows));
  llvm::Value* number = b.CreateNSWSub(tile, b.CreateNSWMul(block_first_, job_.i64(tiles_.tiles)));
  return at_byte(b.CreateNSWAdd(b.CreateNSWMul(number, job_.i64(workspace_.rows)),
                                job_.i64(workspace_.panel * workspace_.panels)));
}

llvm::Value* ContractEmitter::packed_row(llvm::Value* memory, llvm::Value* term, std::int64_t row) const {
  llvm::IRBuilder<>& b = job_.builder();
  llvm::Value* index = b.CreateNSWAdd(b.CreateNSWMul(term, job_.i64(job_.schedule.tile_rows)), job_.i64(row));
  return job_.context.address(dtype_, memory, index);
}

/// Packs the row groups with vectors along the rows, a few terms at a time: the rows of neighbouring tiles are
/// neighbours in memory, the terms of a tile in the copy.
void ContractEmitter::pack_rows(Point& at, Range groups, llvm::Value* begin, llvm::Value* end) {
  constexpr std::int64_t few = 8;
  llvm::IRBuilder<>& b = job_.builder();
  llvm::Value* stop = b.CreateBinaryIntrinsic(
      llvm::Intrinsic::smin, b.CreateNSWMul(groups.end, job_.i64(tiles_.height)), job_.i64(roles_.row_count));
  emit_pieces(b, begin, end, few, [&](llvm::Value* term, llvm::Value* last_term, llvm::Instruction* entry) {
    Point terms = region_of(at, entry);
    emit_loop(b, first_row(groups.begin), stop, job_.schedule.tile_rows,
              [&](llvm::Value* first, llvm::Instruction* tile_entry) {
                Point tile = region_of(terms, tile_entry);
                pack_tile(tile, first, begin, {term, last_term});
              });
  });
}

/// The rows of a tile for the given terms. What a vector writes past them, the next term overwrites.
void ContractEmitter::pack_tile(Point& tile, llvm::Value* first, llvm::Value* begin, Range terms) {
  llvm::IRBuilder<>& b = job_.builder();
  llvm::Value* memory = packed_tile(first);
  std::vector<Point> vectors;
  for (std::int64_t v = 0; v < job_.schedule.tile_rows; v += job_.context.lanes) {
    llvm::Value* row = b.CreateNSWAdd(first, job_.i64(v));
    Point& p = vectors.emplace_back();
    p.parent = &tile;
    for (const int k : roles_.columns) p.axes[k] = job_.i64(0);
    place_rows(row, b.CreateNSWSub(job_.i64(roles_.row_count), row), p);
  }
  emit_loop(b, terms.begin, terms.end, 1, [&](llvm::Value* term, llvm::Instruction* entry) {
    llvm::Value* packed_term = b.CreateNSWSub(term, begin);
    for (std::size_t v = 0; v < vectors.size(); ++v) {
      Point p = region_of(vectors[v], entry);
      place_inner(job_, term, p);
      const LlvmValue value = job_.emit.evaluate_read(node_, 1 - side_, job_.emit.anchor_axes(node_, p), p);
      llvm::Value* place = packed_row(memory, packed_term, static_cast<std::int64_t>(v) * job_.context.lanes);
      b.CreateAlignedStore(splat(value).value(), place, llvm::Align(static_cast<std::uint64_t>(ir::size_of(dtype_))));
      Point ahead = region_of(vectors[v], entry);
      place_inner(job_, b.CreateNSWAdd(term, job_.i64(prefetch_distance)), ahead);
      job_.emit.prefetch(node_, 1 - side_, ahead);
    }
  });
}

}  // namespace sinter::runtime
