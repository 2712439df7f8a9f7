#include "object_glue.h"

#include <llvm/IR/Constants.h>

namespace sinter::runtime {

llvm::GlobalVariable* ObjectModule::bytes(std::string_view contents) {
  const auto known = constants_.find(contents);
  if (known != constants_.end()) return known->second;
  llvm::Constant* value = llvm::ConstantDataArray::getString(
      context(), llvm::StringRef(contents.data(), contents.size()), /*AddNull=*/false);
  auto* made = new llvm::GlobalVariable(module_, value->getType(), /*isConstant=*/true,  // owned by the module
                                        llvm::GlobalValue::PrivateLinkage, value, "bytes");
  made->setAlignment(llvm::Align(object_alignment));
  return constants_.emplace(std::string(contents), made).first->second;
}

llvm::GlobalVariable* ObjectModule::visible(const std::string& symbol, llvm::Constant* contents,
                                            std::uint64_t alignment) {
  auto* made = new llvm::GlobalVariable(module_, contents->getType(), /*isConstant=*/true,  // owned by the module
                                        llvm::GlobalValue::ExternalLinkage, contents, symbol);
  made->setAlignment(llvm::Align(alignment));
  return made;
}

GlueFunction::GlueFunction(ObjectModule& object, const std::string& symbol, Visibility visibility,
                           const std::vector<llvm::Type*>& parameters, llvm::Type* result)
    : b_(object.context()) {
  auto* type = llvm::FunctionType::get(result == nullptr ? b_.getInt32Ty() : result, parameters, false);
  const auto linkage =
      visibility == Visibility::visible ? llvm::GlobalValue::ExternalLinkage : llvm::GlobalValue::InternalLinkage;
  function_ = llvm::Function::Create(type, linkage, symbol, object.module());
  b_.SetInsertPoint(block("entry"));
}

llvm::Value* GlueFunction::at(llvm::Value* base, std::int64_t bytes) {
  return bytes == 0 ? base : b_.CreateGEP(b_.getInt8Ty(), base, i64(static_cast<std::uint64_t>(bytes)));
}

llvm::AllocaInst* GlueFunction::addresses(std::size_t count) {
  llvm::BasicBlock& entry = function_->getEntryBlock();
  llvm::IRBuilder<> first(&entry, entry.begin());  // elsewhere an alloca would move the stack pointer
  return first.CreateAlloca(llvm::ArrayType::get(first.getPtrTy(), count));
}

llvm::Value* GlueFunction::is_wrong(llvm::Value* address, std::int64_t alignment) {
  llvm::Value* number = b_.CreatePtrToInt(address, b_.getInt64Ty());
  llvm::Value* off = b_.CreateAnd(number, i64(static_cast<std::uint64_t>(alignment - 1)));
  return b_.CreateOr(b_.CreateICmpEQ(number, i64(0)), b_.CreateICmpNE(off, i64(0)));
}

void GlueFunction::return_if(llvm::Value* condition, int code) {
  llvm::BasicBlock* leave = block("leave");
  llvm::BasicBlock* next = block("next");
  b_.CreateCondBr(condition, leave, next);
  b_.SetInsertPoint(leave);
  return_code(code);
  b_.SetInsertPoint(next);
}

void GlueFunction::call_or_return(llvm::Function* callee, const std::vector<llvm::Value*>& arguments) {
  llvm::Value* result = b_.CreateCall(callee, arguments);
  llvm::BasicBlock* leave = block("failed");
  llvm::BasicBlock* next = block("next");
  b_.CreateCondBr(b_.CreateICmpNE(result, i32(object_ok)), leave, next);
  b_.SetInsertPoint(leave);
  b_.CreateRet(result);
  b_.SetInsertPoint(next);
}

void GlueFunction::repeat(llvm::Value* count, const std::function<void(llvm::Value*)>& body) {
  llvm::BasicBlock* before = b_.GetInsertBlock();
  llvm::BasicBlock* loop = block("loop");
  llvm::BasicBlock* next = block("behind_loop");
  b_.CreateBr(loop);
  b_.SetInsertPoint(loop);
  llvm::PHINode* index = b_.CreatePHI(b_.getInt64Ty(), 2);
  index->addIncoming(i64(0), before);
  body(index);
  llvm::Value* following = b_.CreateAdd(index, i64(1));
  index->addIncoming(following, b_.GetInsertBlock());
  b_.CreateCondBr(b_.CreateICmpULT(following, count), loop, next);
  b_.SetInsertPoint(next);
}

void GlueFunction::copy(llvm::Value* to, llvm::Value* from, std::int64_t bytes) {
  b_.CreateMemCpy(to, llvm::MaybeAlign(1), from, llvm::MaybeAlign(1), static_cast<std::uint64_t>(bytes));
}

void GlueFunction::clear(llvm::Value* to, std::int64_t bytes) {
  b_.CreateMemSet(to, b_.getInt8(0), static_cast<std::uint64_t>(bytes), llvm::MaybeAlign(1));
}

}  // namespace sinter::runtime
