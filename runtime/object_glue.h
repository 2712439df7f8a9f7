#pragma once
// Writing the small functions around the steps of an object file.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "object_plan.h"

namespace sinter::runtime {

/// The module of an object file, and its constants.
class ObjectModule {
 public:
  ObjectModule(llvm::Module& module, const ObjectPlan& plan) : module_(module), plan_(plan) {}

  llvm::Module& module() const { return module_; }
  const ObjectPlan& plan() const { return plan_; }
  llvm::LLVMContext& context() const { return module_.getContext(); }
  /// The address of these bytes, aligned to object_alignment. Equal contents are kept once.
  llvm::GlobalVariable* bytes(std::string_view contents);
  /// A constant that callers see by its name.
  llvm::GlobalVariable* visible(const std::string& symbol, llvm::Constant* contents, std::uint64_t alignment);

 private:
  llvm::Module& module_;
  const ObjectPlan& plan_;
  std::map<std::string, llvm::GlobalVariable*, std::less<>> constants_;
};

enum class Visibility : std::uint8_t { internal, visible };

/// A function under construction. Its result is one of ObjectError, unless said otherwise.
class GlueFunction {
 public:
  GlueFunction(ObjectModule& object, const std::string& symbol, Visibility visibility,
               const std::vector<llvm::Type*>& parameters, llvm::Type* result = nullptr);

  llvm::IRBuilder<>& builder() { return b_; }
  llvm::Function* function() const { return function_; }
  llvm::Value* argument(unsigned k) const { return function_->getArg(k); }
  llvm::Value* i64(std::uint64_t v) { return b_.getInt64(v); }
  llvm::Value* i32(std::int64_t v) { return b_.getInt32(static_cast<std::uint32_t>(v)); }
  /// base + bytes.
  llvm::Value* at(llvm::Value* base, std::int64_t bytes);
  /// Memory of this call for `count` addresses.
  llvm::AllocaInst* addresses(std::size_t count);
  /// Null, or not a multiple of `alignment`.
  llvm::Value* is_wrong(llvm::Value* address, std::int64_t alignment);

  void return_code(int code) { b_.CreateRet(i32(code)); }
  void return_if(llvm::Value* condition, int code);
  /// Calls and goes on when the result is object_ok, else returns it.
  void call_or_return(llvm::Function* callee, const std::vector<llvm::Value*>& arguments);
  /// body(index) for every index below `count`, which is at least 1.
  void repeat(llvm::Value* count, const std::function<void(llvm::Value*)>& body);

  void copy(llvm::Value* to, llvm::Value* from, std::int64_t bytes);
  void clear(llvm::Value* to, std::int64_t bytes);
  llvm::BasicBlock* block(const char* name) { return llvm::BasicBlock::Create(b_.getContext(), name, function_); }

 private:
  llvm::IRBuilder<> b_;
  llvm::Function* function_;
};

/// What the functions of the header are made of. The names are those in the header, without the prefix.
llvm::Function* emit_init(ObjectModule& object);
llvm::Function* emit_check_state(ObjectModule& object);
llvm::Function* emit_prepare(ObjectModule& object, llvm::Function* choose_target);
/// `steps`: one compiled step for each target, with the ABI of ir/program.h.
llvm::Function* emit_step(ObjectModule& object, const PlannedStep& planned, const std::vector<llvm::Function*>& steps);
llvm::Function* emit_selftest(ObjectModule& object, llvm::Function* init, llvm::Function* prepare,
                              const std::vector<llvm::Function*>& steps, std::uint64_t expected);
void emit_tables(ObjectModule& object);

/// What the self-test finds when all is well: found by running the steps in this process.
std::uint64_t expected_selftest(const ObjectPlan& plan);

}  // namespace sinter::runtime
