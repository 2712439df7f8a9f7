// Contract form: what happens to the sums of a tile. The rest of the body is evaluated at the tile's elements.

#include <algorithm>

#include <sinter/ir/ops.h>

#include "contract_emitter.h"
#include "tile_sums.h"
#include "transpose.h"

namespace sinter::runtime {

/// Few enough operations to write them out for every vector of a tile.
bool ContractEmitter::is_light() const {
  constexpr int most = 3;
  int operations = 0;
  for (const ir::Node& n : job_.emit.body().nodes()) {
    const ir::OpInfo& op = ir::info(n.kind);
    if (op.form == ir::Form::pointwise) operations += op.expensive ? most + 1 : 1;
  }
  return operations <= most && job_.emit.body().outputs().size() == 1;
}

void ContractEmitter::finish_registers(std::span<Point> columns, llvm::Value* first, std::int64_t rows,
                                       const Tile& sum) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns.size(); ++j) {
      Point p;
      p.parent = &columns[j];
      place_digits(roles_.rows, job_.builder().CreateNSWAdd(first, job_.i64(i)), p);
      store_sums(job_, node_, p, sum[static_cast<std::size_t>(i) * columns.size() + j]);
    }
  }
}

void ContractEmitter::finish_memory(std::span<Point> columns, llvm::Value* first, std::int64_t rows,
                                    llvm::Value* memory) {
  if (transposes_) return finish_transposed(columns, first, rows, memory);
  store_tile(job_, node_, columns, rows, vector_type(), memory, [&](llvm::Value* row, Point& p) {
    place_digits(roles_.rows, job_.builder().CreateNSWAdd(first, row), p);
  });
}

/// Lanes run along the columns, but neighbours in memory are the rows: blocks of a vector's rows are transposed, then
/// each column's piece is handled as one vector.
void ContractEmitter::finish_transposed(std::span<Point> columns, llvm::Value* first, std::int64_t rows,
                                        llvm::Value* memory) {
  llvm::IRBuilder<>& b = job_.builder();
  const std::int64_t lanes = job_.context.lanes;
  const auto count = static_cast<std::int64_t>(columns.size());
  llvm::Value* block = is_light() ? nullptr : stack_memory(b, vector_type(), lanes);
  const auto handle = [&](llvm::Instruction* entry, llvm::Value* row, llvm::Value* column, llvm::Value* sum) {
    Point p;
    p.parent = &columns[0];
    p.entry = entry;
    place_digits(roles_.columns, column, p);
    llvm::Value* place = b.CreateNSWAdd(first, row);
    place_rows(place, b.CreateNSWSub(b.CreateNSWAdd(first, job_.i64(rows)), place), p);
    store_sums(job_, node_, p, LlvmValue(job_.context, dtype_, sum));
  };
  emit_loop(b, job_.i64(0), job_.i64(count), 1, [&](llvm::Value* j, llvm::Instruction* entry) {
    llvm::Value* start = b.CreateNSWAdd(first_column(columns[0]), b.CreateNSWMul(j, job_.i64(lanes)));
    llvm::Value* left = b.CreateNSWSub(job_.i64(roles_.column_count), start);
    emit_loop(b, job_.i64(0), job_.i64(rows), lanes, [&](llvm::Value* row, llvm::Instruction*) {
      const auto sums_of = [&](llvm::Value* i) {
        llvm::Value* place = b.CreateNSWAdd(b.CreateNSWMul(b.CreateNSWAdd(row, i), job_.i64(count)), j);
        return static_cast<llvm::Value*>(b.CreateLoad(vector_type(), slot(memory, place)));
      };
      emit_transpose(job_.context, vector_type(), sums_of, [&](llvm::Value* k, llvm::Value* v) {
        if (block != nullptr) {
          b.CreateStore(v, slot(block, k));
          return;
        }
        emit_if(b, b.CreateICmpSLT(k, left),
                [&](llvm::Instruction*) { handle(entry, row, b.CreateNSWAdd(start, k), v); });
      });
      if (block == nullptr) return;
      llvm::Value* present = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, left, job_.i64(lanes));
      emit_loop(b, job_.i64(0), present, 1, [&](llvm::Value* k, llvm::Instruction*) {
        handle(entry, row, b.CreateNSWAdd(start, k), b.CreateLoad(vector_type(), slot(block, k)));
      });
    });
  });
}

}  // namespace sinter::runtime
