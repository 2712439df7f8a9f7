#include "tile_sums.h"

#include <numeric>

namespace sinter::runtime {

namespace {

ir::DType sum_type(const KernelJob& job, ir::NodeId node) { return job.emit.body().node(node).results[0].dtype; }

}  // namespace

void add_to_totals(const KernelJob& job, ir::NodeId node, std::span<const LlvmValue> chunk, llvm::Value* totals,
                   llvm::Value* number) {
  llvm::IRBuilder<>& b = job.builder();
  const LlvmValue is_first(job.context, ir::DType::i1, b.CreateICmpEQ(number, job.i64(0)));
  for (std::size_t k = 0; k < chunk.size(); ++k) {
    llvm::Type* vector = chunk[k].value()->getType();
    llvm::Value* place = b.CreateGEP(vector, totals, job.i64(static_cast<std::int64_t>(k)));
    const LlvmValue total(job.context, chunk[k].dtype(), b.CreateLoad(vector, place));
    const LlvmValue sum =
        job.emit.ops(node).combine(std::vector<LlvmValue>{total}, std::vector<LlvmValue>{chunk[k]})[0];
    b.CreateStore(select(is_first, chunk[k], sum).value(), place);
  }
}

void store_sums(const KernelJob& job, ir::NodeId node, Point& point, const LlvmValue& sum) {
  point.finish(node, job.emit.ops(node).finish(std::vector<LlvmValue>{sum}, sum_type(job, node)));
  std::vector<std::size_t> outputs(job.emit.body().outputs().size());
  std::iota(outputs.begin(), outputs.end(), std::size_t{0});
  job.emit.store_outputs(outputs, point);
}

void store_tile(const KernelJob& job, ir::NodeId node, std::span<Point> columns, std::int64_t rows, llvm::Type* vector,
                llvm::Value* memory, const std::function<void(llvm::Value* row, Point& point)>& place_row) {
  llvm::IRBuilder<>& b = job.builder();
  const auto count = static_cast<std::int64_t>(columns.size());
  emit_loop(b, job.i64(0), job.i64(rows), 1, [&](llvm::Value* row, llvm::Instruction* entry) {
    for (std::size_t j = 0; j < columns.size(); ++j) {
      Point p;
      p.parent = &columns[j];
      p.entry = entry;
      place_row(row, p);
      llvm::Value* at = b.CreateNSWAdd(b.CreateNSWMul(row, job.i64(count)), job.i64(static_cast<std::int64_t>(j)));
      const LlvmValue sum(job.context, sum_type(job, node), b.CreateLoad(vector, b.CreateGEP(vector, memory, at)));
      store_sums(job, node, p, sum);
    }
  });
}

}  // namespace sinter::runtime
