#include "bounds_check.h"

#include "checked.h"

namespace sinter::runtime {

namespace {

/// void sinter_bounds_violation(const char*, int64, int64, int64), defined in checked.cpp.
llvm::FunctionCallee reporter(llvm::Module& module) {
  llvm::LLVMContext& c = module.getContext();
  llvm::Type* i64 = llvm::Type::getInt64Ty(c);
  return module.getOrInsertFunction(bounds_violation_symbol, llvm::Type::getVoidTy(c), llvm::PointerType::get(c, 0),
                                    i64, i64, i64);
}

/// The lowest lane of `bad` that is on, as its element of `index`.
llvm::Value* first_bad(llvm::IRBuilder<>& b, llvm::Value* index, llvm::Value* bad) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(index->getType());
  if (vector == nullptr) return index;
  llvm::Value* bits = b.CreateBitCast(bad, b.getIntNTy(vector->getNumElements()));
  bits = b.CreateZExtOrTrunc(bits, b.getInt64Ty());
  return b.CreateExtractElement(index, b.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, bits, b.getTrue()));
}

/// The function that reports if any lane is bad: (name, operand, index, bad, elements). A function, because a branch at
/// every access would cut the kernels' blocks into pieces.
llvm::Function* checker(llvm::Module& module, llvm::Type* index_type, llvm::Type* mask_type) {
  llvm::LLVMContext& c = module.getContext();
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(index_type);
  const std::string name = "sinter.check." + std::to_string(vector == nullptr ? 1 : vector->getNumElements());
  if (llvm::Function* existing = module.getFunction(name)) return existing;

  llvm::Type* i64 = llvm::Type::getInt64Ty(c);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(c),
                                       {llvm::PointerType::get(c, 0), i64, index_type, mask_type, i64}, false);
  auto* function = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoInline);
  auto* entry = llvm::BasicBlock::Create(c, "entry", function);
  auto* report = llvm::BasicBlock::Create(c, "report", function);
  auto* done = llvm::BasicBlock::Create(c, "done", function);
  llvm::IRBuilder<> b(entry);
  llvm::Value* bad = function->getArg(3);
  b.CreateCondBr(vector == nullptr ? bad : b.CreateOrReduce(bad), report, done);
  b.SetInsertPoint(report);
  b.CreateCall(reporter(module),
               {function->getArg(0), function->getArg(1), first_bad(b, function->getArg(2), bad), function->getArg(4)});
  b.CreateBr(done);
  b.SetInsertPoint(done);
  b.CreateRetVoid();
  return function;
}

llvm::Value* kernel_name(const EmitContext& context, const std::string& kernel) {
  const std::string symbol = "sinter.name." + kernel;
  if (llvm::GlobalVariable* existing = context.module().getNamedGlobal(symbol)) return existing;
  return context.builder.CreateGlobalString(kernel, symbol);
}

}  // namespace

llvm::Value* emit_bounds_check(const EmitContext& context, const std::string& kernel, std::int64_t operand,
                               llvm::Value* index, llvm::Value* mask, std::int64_t elements) {
  llvm::IRBuilder<>& b = context.builder;
  llvm::Value* limit = context.i64(elements);
  if (const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(index->getType())) {
    limit = b.CreateVectorSplat(vector->getElementCount(), limit);
    if (mask != nullptr && !mask->getType()->isVectorTy()) mask = b.CreateVectorSplat(vector->getElementCount(), mask);
  }
  llvm::Value* inside = b.CreateICmpULT(index, limit);  // unsigned: a negative index is a large one
  llvm::Value* allowed = mask == nullptr ? inside : b.CreateAnd(inside, mask);
  llvm::Value* bad = mask == nullptr ? b.CreateNot(inside) : b.CreateAnd(b.CreateNot(inside), mask);
  llvm::Function* check = checker(context.module(), index->getType(), inside->getType());
  b.CreateCall(check, {kernel_name(context, kernel), context.i64(operand), index, bad, context.i64(elements)});
  return allowed;
}

}  // namespace sinter::runtime
