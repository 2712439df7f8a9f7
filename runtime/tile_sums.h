#pragma once
// The sums of a register tile in memory: running totals over the chunks of a sum, and what the kernel makes of them.

#include "kernel_forms.h"

namespace sinter::runtime {

/// Lies at `totals`, one vector behind the other: chunk 0, then totals + chunk.
void add_to_totals(const KernelJob& job, ir::NodeId node, std::span<const LlvmValue> chunk, llvm::Value* totals,
                   llvm::Value* number);

/// Computes and stores all outputs of the kernel from the sums of anchor `node` at a point.
void store_sums(const KernelJob& job, ir::NodeId node, Point& point, const LlvmValue& sum);

/// The same for a tile of sums at `memory`, row after row, a vector of type `vector` per column; `place_row` puts the
/// point of a column into the row.
void store_tile(const KernelJob& job, ir::NodeId node, std::span<Point> columns, std::int64_t rows, llvm::Type* vector,
                llvm::Value* memory, const std::function<void(llvm::Value* row, Point& point)>& place_row);

}  // namespace sinter::runtime
