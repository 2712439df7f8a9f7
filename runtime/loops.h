#pragma once
// Loops of LLVM IR.

#include <functional>

#include <llvm/IR/IRBuilder.h>

namespace sinter::runtime {

/// Emits `for (i = begin; i < end; i += step) body(i)`; the builder stands after the loop afterwards. `entry` (when
/// given) receives the instruction through which the loop is entered: code in front of it runs once. The body may add
/// blocks. A loop whose constant bounds give one trip is emitted as straight code behind a branch; `step` > 0.
void emit_loop(llvm::IRBuilder<>& builder, llvm::Value* begin, llvm::Value* end, std::int64_t step,
               const std::function<void(llvm::Value* index, llvm::Instruction* entry)>& body);

/// The same with values carried from trip to trip: `body` gets the current ones and returns the next; the result are
/// the last ones (the initial ones when there is no trip).
std::vector<llvm::Value*> emit_loop(
    llvm::IRBuilder<>& builder, llvm::Value* begin, llvm::Value* end, std::int64_t step,
    std::vector<llvm::Value*> initial,
    const std::function<std::vector<llvm::Value*>(llvm::Value* index, std::vector<llvm::Value*> carried,
                                                  llvm::Instruction* entry)>& body);

/// Emits body(first, last) for pieces of `step` of [begin, end); the last one may be shorter.
void emit_pieces(llvm::IRBuilder<>& builder, llvm::Value* begin, llvm::Value* end, std::int64_t step,
                 const std::function<void(llvm::Value* first, llvm::Value* last, llvm::Instruction* entry)>& body);

/// Emits `if (condition) body()`.
void emit_if(llvm::IRBuilder<>& builder, llvm::Value* condition,
             const std::function<void(llvm::Instruction* entry)>& body);

/// The same for values: those that `body` makes of the initial ones where the condition holds, else the initial ones.
std::vector<llvm::Value*> emit_if(llvm::IRBuilder<>& builder, llvm::Value* condition,
                                  const std::vector<llvm::Value*>& initial,
                                  const std::function<std::vector<llvm::Value*>(llvm::Instruction* entry)>& body);

/// Memory for `count` elements of `type` on the stack, taken once, in the function's entry block.
llvm::Value* stack_memory(llvm::IRBuilder<>& builder, llvm::Type* type, std::int64_t count);

}  // namespace sinter::runtime
