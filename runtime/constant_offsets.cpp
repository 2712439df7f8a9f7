#include "constant_offsets.h"

#include <cstdint>
#include <map>
#include <vector>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>

namespace sinter::runtime {

namespace {

/// A value as the sum of a variable part and a constant.
struct Parts {
  llvm::Value* variable = nullptr;  // null: none
  std::int64_t constant = 0;
};

class Separator {
 public:
  void run(llvm::Function& function) {
    std::vector<llvm::GetElementPtrInst*> addresses;
    for (llvm::BasicBlock& block : function)
      for (llvm::Instruction& i : block)
        if (auto* gep = llvm::dyn_cast<llvm::GetElementPtrInst>(&i)) addresses.push_back(gep);
    for (llvm::GetElementPtrInst* gep : addresses) rewrite(*gep);
  }

 private:
  static void rewrite_to(llvm::GetElementPtrInst& gep, llvm::Value* pointer, std::int64_t constant) {
    llvm::IRBuilder<> b(&gep);
    llvm::Value* offset = b.getInt64(static_cast<std::uint64_t>(constant));
    gep.replaceAllUsesWith(b.CreateGEP(gep.getSourceElementType(), pointer, offset));
    gep.eraseFromParent();
  }

  void rewrite(llvm::GetElementPtrInst& gep) {
    if (gep.getNumIndices() != 1 || !gep.getOperand(1)->getType()->isIntegerTy(64)) return;
    const Parts parts = split(gep.getOperand(1));
    if (parts.constant == 0 || parts.variable == nullptr) return;
    llvm::IRBuilder<> b(&gep);
    llvm::Value* near = b.CreateGEP(gep.getSourceElementType(), gep.getPointerOperand(), parts.variable);
    rewrite_to(gep, near, parts.constant);
  }

  Parts split(llvm::Value* value) {
    if (const auto* number = llvm::dyn_cast<llvm::ConstantInt>(value)) return {nullptr, number->getSExtValue()};
    auto* operation = llvm::dyn_cast<llvm::BinaryOperator>(value);
    if (operation == nullptr) return {value, 0};
    if (const auto found = known_.find(value); found != known_.end()) return found->second;
    const Parts parts = split(*operation);
    known_[value] = parts;
    return parts;
  }

  Parts split(llvm::BinaryOperator& operation) {
    const unsigned code = operation.getOpcode();
    if (code != llvm::Instruction::Add && code != llvm::Instruction::Sub && code != llvm::Instruction::Mul)
      return {&operation, 0};
    const Parts x = split(operation.getOperand(0));
    const Parts y = split(operation.getOperand(1));
    if (x.constant == 0 && y.constant == 0) return {&operation, 0};
    llvm::IRBuilder<> b(operation.getNextNode());
    if (code == llvm::Instruction::Mul) return product(b, operation, x, y);
    const bool subtract = code == llvm::Instruction::Sub;
    const std::int64_t constant = subtract ? x.constant - y.constant : x.constant + y.constant;
    if (y.variable == nullptr) return {x.variable, constant};
    if (x.variable == nullptr) return {subtract ? b.CreateNeg(y.variable) : y.variable, constant};
    return {subtract ? b.CreateSub(x.variable, y.variable) : b.CreateAdd(x.variable, y.variable), constant};
  }

  /// One factor has to be a number.
  static Parts product(llvm::IRBuilder<>& b, llvm::BinaryOperator& operation, const Parts& x, const Parts& y) {
    const Parts& number = x.variable == nullptr ? x : y;
    const Parts& other = x.variable == nullptr ? y : x;
    if (number.variable != nullptr) return {&operation, 0};
    if (other.variable == nullptr) return {nullptr, number.constant * other.constant};
    if (other.constant == 0) return {&operation, 0};
    llvm::Value* factor = b.getInt64(static_cast<std::uint64_t>(number.constant));
    return {b.CreateMul(other.variable, factor), number.constant * other.constant};
  }

  std::map<llvm::Value*, Parts> known_;
};

}  // namespace

void separate_constant_offsets(llvm::Module& module) {
  for (llvm::Function& function : module)
    if (!function.isDeclaration()) Separator().run(function);
}

}  // namespace sinter::runtime
