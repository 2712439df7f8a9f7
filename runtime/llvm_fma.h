#pragma once
// Fused multiply-add on processors that have no instruction for it.

#include <llvm/IR/Module.h>

namespace sinter::runtime {

/// Replaces the fma of f32 and f64, scalars and vectors, in all functions of the module that have no target yet
/// (jit.h: attach_target) by arithmetic with the same bits. Expects denormals to be flushed, as in all steps.
void expand_fma(llvm::Module& module);

}  // namespace sinter::runtime
