// Extern form: a call of a user's function by one thread, with the interface of ir/extern_abi.h. The lists that it gets
// are written onto the stack for each call, so that an exported object needs no addresses in its data.

#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/Module.h>

#include <algorithm>

#include <sinter/ir/extern.h>
#include <sinter/ir/ops.h>

#include "codegen.h"
#include "kernel_forms.h"

namespace sinter::runtime {

std::string extern_symbol(std::string_view name) { return "extern." + std::string(name); }

namespace {

class ExternEmitter {
 public:
  explicit ExternEmitter(KernelJob& job)
      : job_(job),
        body_(job.emit.body()),
        node_(body_.nodes().back()),
        b_(job.builder()),
        module_(*b_.GetInsertBlock()->getModule()) {}

  void run() {
    std::vector<llvm::Value*> inputs, outputs;
    std::vector<ir::TensorType> types;
    for (const ir::Value operand : node_.operands) {
      inputs.push_back(job_.emit.pointer(job_.emit.input_position(operand.node)));
      types.push_back(body_.type(operand));
    }
    for (std::size_t r = 0; r < node_.results.size(); ++r) {
      outputs.push_back(job_.emit.pointer(body_.inputs().size() + r));
      types.push_back(node_.results[r]);
    }
    llvm::Value* const shapes = shapes_of(types);
    b_.CreateCall(function(), {list(inputs, "inputs"), list(outputs, "outputs"), shapes});
  }

 private:
  llvm::FunctionCallee function() {
    llvm::Type* pointer = b_.getPtrTy();
    auto* type = llvm::FunctionType::get(b_.getVoidTy(), {pointer, pointer, pointer}, false);
    const std::string name = ir::unpack<ir::Extern::Attrs>(node_.attributes).symbol;
    llvm::FunctionCallee callee = module_.getOrInsertFunction(extern_symbol(name), type);
    llvm::cast<llvm::Function>(callee.getCallee())->addFnAttr(llvm::Attribute::NoUnwind);
    return callee;
  }

  void store(llvm::Value* value, llvm::Value* to, std::size_t word) {
    b_.CreateStore(value, b_.CreateConstGEP1_64(b_.getInt64Ty(), to, word));
  }

  llvm::Value* list(const std::vector<llvm::Value*>& addresses, const char* name) {
    llvm::Value* memory = b_.CreateAlloca(llvm::ArrayType::get(b_.getPtrTy(), addresses.size()), nullptr, name);
    for (std::size_t k = 0; k < addresses.size(); ++k) store(addresses[k], memory, k);
    return memory;
  }

  /// One sinter_shape after the other: three words each.
  llvm::Value* shapes_of(const std::vector<ir::TensorType>& types) {
    llvm::Value* memory = b_.CreateAlloca(llvm::ArrayType::get(b_.getInt64Ty(), 3 * types.size()), nullptr, "shapes");
    for (std::size_t k = 0; k < types.size(); ++k) {
      store(job_.i64(types[k].elements()), memory, 3 * k);
      store(job_.i64(types[k].rank()), memory, 3 * k + 1);
      store(extents_of(types[k]), memory, 3 * k + 2);
    }
    return memory;
  }

  llvm::Constant* extents_of(const ir::TensorType& type) {
    if (type.rank() == 0) return llvm::ConstantPointerNull::get(b_.getPtrTy());
    std::vector<std::uint64_t> extents;
    for (const std::int64_t d : type.shape) extents.push_back(static_cast<std::uint64_t>(d));
    llvm::Constant* contents = llvm::ConstantDataArray::get(b_.getContext(), extents);
    return new llvm::GlobalVariable(module_, contents->getType(), /*isConstant=*/true,  // owned by the module
                                    llvm::GlobalValue::PrivateLinkage, contents, "extents");
  }

  KernelJob& job_;
  const ir::Graph& body_;
  const ir::Node& node_;
  llvm::IRBuilder<>& b_;
  llvm::Module& module_;
};

}  // namespace

void emit_extern(KernelJob& job) { ExternEmitter(job).run(); }

}  // namespace sinter::runtime
