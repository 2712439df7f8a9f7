#pragma once
// Transposes of square blocks in registers.

#include <functional>

#include "llvm_value.h"

namespace sinter::runtime {

/// Emits code that transposes a block of `context.lanes` vectors of type `vector`: `row(i)` gives row i (an i64 value)
/// and is asked in rising order; `store(k, v)` receives column k. Both are emitted inside loops, a few times each, so
/// that the code stays small: an unrolled block of 16 x 16 would cost the compiler many milliseconds.
void emit_transpose(const EmitContext& context, llvm::Type* vector,
                    const std::function<llvm::Value*(llvm::Value* i)>& row,
                    const std::function<void(llvm::Value* k, llvm::Value* v)>& store);

}  // namespace sinter::runtime
