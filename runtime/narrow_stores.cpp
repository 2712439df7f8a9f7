#include "narrow_stores.h"

#include <vector>

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>

namespace sinter::runtime {

namespace {

/// The one lane that a constant mask lets through; -1 when there is none or more than one.
int only_lane(const llvm::Value* mask, unsigned lanes) {
  const auto* constant = llvm::dyn_cast<llvm::Constant>(mask);
  int found = -1;
  for (unsigned k = 0; constant != nullptr && k < lanes; ++k) {
    const llvm::Constant* lane = constant->getAggregateElement(k);
    if (lane == nullptr || (found >= 0 && !lane->isNullValue())) return -1;
    if (!lane->isNullValue()) found = static_cast<int>(k);
  }
  return found;
}

/// Operands of llvm.masked.store: value, pointer, [alignment,] mask; the mask is last in every version.
void write_element(llvm::IntrinsicInst& store) {
  auto* type = llvm::dyn_cast<llvm::FixedVectorType>(store.getArgOperand(0)->getType());
  if (type == nullptr || type->getNumElements() < 2 || type->getScalarSizeInBits() >= 32) return;
  const int lane = only_lane(store.getArgOperand(store.arg_size() - 1), type->getNumElements());
  if (lane < 0) return;
  llvm::IRBuilder<> builder(&store);
  llvm::Type* element = type->getElementType();
  llvm::Value* value = builder.CreateExtractElement(store.getArgOperand(0), static_cast<std::uint64_t>(lane));
  llvm::Value* place = builder.CreateConstGEP1_64(element, store.getArgOperand(1), static_cast<std::uint64_t>(lane));
  builder.CreateAlignedStore(value, place, llvm::Align(1));
  store.eraseFromParent();
}

}  // namespace

void write_single_narrow_lanes(llvm::Module& module) {
  std::vector<llvm::IntrinsicInst*> stores;
  for (llvm::Function& function : module)
    for (llvm::Instruction& instruction : llvm::instructions(function))
      if (auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction))
        if (call->getIntrinsicID() == llvm::Intrinsic::masked_store) stores.push_back(call);
  for (llvm::IntrinsicInst* store : stores) write_element(*store);
}

}  // namespace sinter::runtime
