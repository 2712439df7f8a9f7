#pragma once
// Float helpers behind LlvmValue: flushing, rounding to bf16 and f16, and their bits in memory. All of them take
// scalars and vectors.

#include <llvm/IR/IRBuilder.h>

#include <sinter/ir/type.h>

namespace sinter::runtime {

/// The same scalar or vector shape as `like`, with another element.
llvm::Type* shaped(llvm::Type* element, llvm::Type* like);
/// Integer type as wide as the elements of the float type `like`.
llvm::Type* bits_type(llvm::Type* like);
llvm::Constant* int_constant(llvm::Type* type, std::uint64_t value);

// Hardware flushes what arithmetic reads and writes. What is left to us: constants (folded without the hardware), and
// operations such as x * 1.0 that LLVM knows to be x and removes, and the flushing with them.

/// Denormals become zeros of the same sign; made of integer operations, which nobody optimises away.
llvm::Value* flush(llvm::IRBuilder<>& b, llvm::Value* v);
/// The same for constants; other values pass through.
llvm::Value* flush_constant(llvm::Value* v);
/// v + 0: as `flush`, but every zero is positive.
llvm::Value* plus_positive_zero(llvm::IRBuilder<>& b, llvm::Value* v);
/// True when v is the constant `expected`, sign of zero included.
bool is_constant(llvm::Value* v, double expected);

llvm::Value* fabs(llvm::IRBuilder<>& b, llvm::Value* v);
llvm::Value* is_nan(llvm::IRBuilder<>& b, llvm::Value* v);

/// A float without denormals (every result of arithmetic) rounded to bf16 or f16; other dtypes pass through. Follows
/// ir::round_to_bf16 and round_to_f16.
llvm::Value* round_to(llvm::IRBuilder<>& b, ir::DType dtype, llvm::Value* v);
/// Bits (i16) of a value that is already rounded to `dtype`, a half type.
llvm::Value* half_to_bits(llvm::IRBuilder<>& b, ir::DType dtype, llvm::Value* v);
llvm::Value* half_from_bits(llvm::IRBuilder<>& b, ir::DType dtype, llvm::Value* half);

}  // namespace sinter::runtime
