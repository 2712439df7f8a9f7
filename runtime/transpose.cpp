// A block is transposed by exchanging the off-diagonal halves of ever larger squares: 1 x 1 within 2 x 2, 2 x 2 within
// 4 x 4, ... Squares up to 4 x 4 only concern four neighbouring rows (first loop); the larger ones concern rows four
// apart (second loop). Between the loops the block lies on the stack, in L1.

#include "transpose.h"

#include <algorithm>

#include "loops.h"

namespace sinter::runtime {

namespace {

/// Exchanges squares of `size` between two rows: low keeps its even squares and gets high's, high the odd ones.
void exchange(llvm::IRBuilder<>& b, int lanes, int size, llvm::Value*& low, llvm::Value*& high) {
  llvm::SmallVector<int, 16> even;
  llvm::SmallVector<int, 16> odd;
  for (int k = 0; k < lanes; ++k) {
    const bool second = (k & size) != 0;
    even.push_back(second ? lanes + k - size : k);
    odd.push_back(second ? lanes + k : k + size);
  }
  llvm::Value* x = b.CreateShuffleVector(low, high, even);
  high = b.CreateShuffleVector(low, high, odd);
  low = x;
}

/// All exchanges among `rows`, which stand for rows `distance` apart.
void exchange_all(llvm::IRBuilder<>& b, int lanes, int distance, std::vector<llvm::Value*>& rows) {
  for (std::size_t step = 1; step < rows.size(); step *= 2)
    for (std::size_t r = 0; r < rows.size(); ++r)
      if ((r & step) == 0) exchange(b, lanes, distance * static_cast<int>(step), rows[r], rows[r + step]);
}

}  // namespace

void emit_transpose(const EmitContext& context, llvm::Type* vector,
                    const std::function<llvm::Value*(llvm::Value*)>& row,
                    const std::function<void(llvm::Value*, llvm::Value*)>& store) {
  llvm::IRBuilder<>& b = context.builder;
  const int lanes = context.lanes;
  const int near = std::min(lanes, 4);
  const int far = lanes / near;
  llvm::Value* scratch = far > 1 ? stack_memory(b, vector, lanes) : nullptr;
  const auto slot = [&](llvm::Value* k) { return b.CreateGEP(vector, scratch, k); };
  emit_loop(b, context.i64(0), context.i64(lanes), near, [&](llvm::Value* first, llvm::Instruction*) {
    std::vector<llvm::Value*> rows;
    for (int r = 0; r < near; ++r) rows.push_back(row(b.CreateNSWAdd(first, context.i64(r))));
    exchange_all(b, lanes, 1, rows);
    for (int r = 0; r < near; ++r) {
      llvm::Value* k = b.CreateNSWAdd(first, context.i64(r));
      if (far > 1)
        b.CreateStore(rows[static_cast<std::size_t>(r)], slot(k));
      else
        store(k, rows[static_cast<std::size_t>(r)]);
    }
  });
  if (far == 1) return;
  emit_loop(b, context.i64(0), context.i64(near), 1, [&](llvm::Value* first, llvm::Instruction*) {
    std::vector<llvm::Value*> rows;
    const auto place = [&](std::int64_t q) { return b.CreateNSWAdd(first, context.i64(q * near)); };
    for (int q = 0; q < far; ++q) rows.push_back(b.CreateLoad(vector, slot(place(q))));
    exchange_all(b, lanes, near, rows);
    for (int q = 0; q < far; ++q) store(place(q), rows[static_cast<std::size_t>(q)]);
  });
}

}  // namespace sinter::runtime
