#pragma once
// Code of the `checked` mode.

#include <string>

#include "llvm_value.h"

namespace sinter::runtime {

/// Emits a test of an access that is about to happen: `index` (i64, one or a vector of them) counts elements of an
/// operand of `elements` elements; a null mask means all lanes. A violation is reported with the kernel's name, the
/// operand's number among the kernel's inputs and outputs, and the index. Returns the mask of the lanes that may go
/// ahead: give it to the load or store, so that a wrong program cannot crash.
llvm::Value* emit_bounds_check(const EmitContext& context, const std::string& kernel, std::int64_t operand,
                               llvm::Value* index, llvm::Value* mask, std::int64_t elements);

}  // namespace sinter::runtime
