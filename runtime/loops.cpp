#include "loops.h"

namespace sinter::runtime {

std::vector<llvm::Value*> emit_loop(
    llvm::IRBuilder<>& b, llvm::Value* begin, llvm::Value* end, std::int64_t step, std::vector<llvm::Value*> initial,
    const std::function<std::vector<llvm::Value*>(llvm::Value*, std::vector<llvm::Value*>, llvm::Instruction*)>& body) {
  llvm::Function* function = b.GetInsertBlock()->getParent();
  llvm::LLVMContext& context = b.getContext();
  llvm::BasicBlock* before = b.GetInsertBlock();
  auto* loop = llvm::BasicBlock::Create(context, "loop", function);
  auto* after = llvm::BasicBlock::Create(context, "after", function);
  llvm::Instruction* entry = b.CreateCondBr(b.CreateICmpSLT(begin, end), loop, after);
  b.SetInsertPoint(loop);
  llvm::PHINode* index = b.CreatePHI(b.getInt64Ty(), 2, "i");
  index->addIncoming(begin, before);
  std::vector<llvm::PHINode*> phis;
  std::vector<llvm::Value*> carried;
  for (llvm::Value* v : initial) {
    phis.push_back(b.CreatePHI(v->getType(), 2));
    phis.back()->addIncoming(v, before);
    carried.push_back(phis.back());
  }
  const std::vector<llvm::Value*> next = body(index, carried, entry);
  llvm::BasicBlock* last = b.GetInsertBlock();
  llvm::Value* following = b.CreateNSWAdd(index, b.getInt64(static_cast<std::uint64_t>(step)));
  b.CreateCondBr(b.CreateICmpSLT(following, end), loop, after);
  index->addIncoming(following, last);
  for (std::size_t k = 0; k < phis.size(); ++k) phis[k]->addIncoming(next[k], last);
  b.SetInsertPoint(after);
  std::vector<llvm::Value*> results;
  for (std::size_t k = 0; k < phis.size(); ++k) {
    llvm::PHINode* result = b.CreatePHI(initial[k]->getType(), 2);
    result->addIncoming(initial[k], before);
    result->addIncoming(next[k], last);
    results.push_back(result);
  }
  return results;
}

void emit_loop(llvm::IRBuilder<>& b, llvm::Value* begin, llvm::Value* end, std::int64_t step,
               const std::function<void(llvm::Value*, llvm::Instruction*)>& body) {
  emit_loop(b, begin, end, step, {},
            [&](llvm::Value* index, const std::vector<llvm::Value*>&, llvm::Instruction* entry) {
              body(index, entry);
              return std::vector<llvm::Value*>{};
            });
}

std::vector<llvm::Value*> emit_if(llvm::IRBuilder<>& b, llvm::Value* condition,
                                  const std::vector<llvm::Value*>& initial,
                                  const std::function<std::vector<llvm::Value*>(llvm::Instruction*)>& body) {
  llvm::BasicBlock* before = b.GetInsertBlock();
  llvm::Function* function = before->getParent();
  auto* inside = llvm::BasicBlock::Create(b.getContext(), "if", function);
  auto* after = llvm::BasicBlock::Create(b.getContext(), "endif", function);
  llvm::Instruction* entry = b.CreateCondBr(condition, inside, after);
  b.SetInsertPoint(inside);
  const std::vector<llvm::Value*> made = body(entry);
  llvm::BasicBlock* last = b.GetInsertBlock();
  b.CreateBr(after);
  b.SetInsertPoint(after);
  std::vector<llvm::Value*> results;
  for (std::size_t k = 0; k < initial.size(); ++k) {
    llvm::PHINode* result = b.CreatePHI(initial[k]->getType(), 2);
    result->addIncoming(initial[k], before);
    result->addIncoming(made[k], last);
    results.push_back(result);
  }
  return results;
}

void emit_pieces(llvm::IRBuilder<>& builder, llvm::Value* begin, llvm::Value* end, std::int64_t step,
                 const std::function<void(llvm::Value* first, llvm::Value* last, llvm::Instruction* entry)>& body) {
  emit_loop(builder, begin, end, step, [&](llvm::Value* first, llvm::Instruction* entry) {
    llvm::Value* next = builder.CreateNSWAdd(first, builder.getInt64(static_cast<std::uint64_t>(step)));
    body(first, builder.CreateBinaryIntrinsic(llvm::Intrinsic::smin, next, end), entry);
  });
}

void emit_if(llvm::IRBuilder<>& b, llvm::Value* condition, const std::function<void(llvm::Instruction*)>& body) {
  emit_if(b, condition, {}, [&](llvm::Instruction* entry) {
    body(entry);
    return std::vector<llvm::Value*>{};
  });
}

llvm::Value* stack_memory(llvm::IRBuilder<>& builder, llvm::Type* type, std::int64_t count) {
  llvm::IRBuilder<>::InsertPointGuard restore(builder);
  llvm::BasicBlock& first = builder.GetInsertBlock()->getParent()->getEntryBlock();
  builder.SetInsertPoint(&first, first.begin());
  return builder.CreateAlloca(type, builder.getInt64(static_cast<std::uint64_t>(count)));
}

}  // namespace sinter::runtime
