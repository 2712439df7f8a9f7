// The step functions of an object file: arguments are looked at, addresses put into a table, the floating-point
// environment of steps is set, and restored.

#include <llvm/IR/IntrinsicsAArch64.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/TargetParser/Triple.h>

#include <algorithm>

#include <sinter/ir/error.h>

#include "object_glue.h"

namespace sinter::runtime {

namespace {

/// Round to nearest, masked exceptions, denormals are zeros: ir/fp_environment.cpp.
class FlushedArithmetic {
 public:
  FlushedArithmetic(GlueFunction& f, const llvm::Module& module)
      : b_(f.builder()), x86_(llvm::Triple(module.getTargetTriple()).isX86()) {
    if (x86_) {
      slot_ = f.addresses(1);
      changed_ = f.addresses(1);
    }
  }

  void begin() {
    if (x86_) {
      call(llvm::Intrinsic::x86_sse_stmxcsr, {slot_});
      llvm::Value* control = b_.CreateLoad(b_.getInt32Ty(), slot_);
      constexpr std::uint32_t rounding = 3U << 13U;
      constexpr std::uint32_t wanted = 1U << 6U | 0x3FU << 7U | 1U << 15U;
      b_.CreateStore(b_.CreateOr(b_.CreateAnd(control, b_.getInt32(~rounding)), b_.getInt32(wanted)), changed_);
      call(llvm::Intrinsic::x86_sse_ldmxcsr, {changed_});
    } else {
      saved_ = call(llvm::Intrinsic::aarch64_get_fpcr, {});
      constexpr std::uint64_t cleared = 0x9FU << 8U | 3U << 22U;
      constexpr std::uint64_t wanted = 1U << 24U;
      llvm::Value* flushing = b_.CreateOr(b_.CreateAnd(saved_, b_.getInt64(~cleared)), b_.getInt64(wanted));
      call(llvm::Intrinsic::aarch64_set_fpcr, {flushing});
    }
  }

  void end() {
    if (x86_)
      call(llvm::Intrinsic::x86_sse_ldmxcsr, {slot_});
    else
      call(llvm::Intrinsic::aarch64_set_fpcr, {saved_});
  }

 private:
  llvm::Value* call(llvm::Intrinsic::ID id, llvm::ArrayRef<llvm::Value*> arguments) {
    return b_.CreateIntrinsic(id, llvm::ArrayRef<llvm::Type*>(), arguments);
  }

  llvm::IRBuilder<>& b_;
  bool x86_;
  llvm::Value* slot_ = nullptr;     // x86: the control register as it was
  llvm::Value* changed_ = nullptr;  // x86: and as it is set
  llvm::Value* saved_ = nullptr;    // AArch64
};

/// Emits one step function with all parameters of the step ABI: (arguments, thread, threads, barrier, barrier_arg).
class StepWrapper {
 public:
  StepWrapper(ObjectModule& object, const PlannedStep& planned)
      : object_(object),
        planned_(planned),
        f_(object, object.plan().symbol(planned.step->name) + "_any", Visibility::internal, parameters(object)),
        b_(f_.builder()) {}

  llvm::Function* emit(const std::vector<llvm::Function*>& steps) {
    check_threads();
    load_arguments();
    check_work(steps.size());
    FlushedArithmetic arithmetic(f_, object_.module());
    llvm::AllocaInst* table = f_.addresses(most_buffers() + 1);
    llvm::BasicBlock* done = f_.block("done");
    llvm::SwitchInst* choice = b_.CreateSwitch(choice_, f_.block("none"), static_cast<unsigned>(steps.size()));
    b_.SetInsertPoint(choice->getDefaultDest());
    b_.CreateUnreachable();  // check_work has looked
    for (std::size_t k = 0; k < steps.size(); ++k) {
      llvm::BasicBlock* use = f_.block("use");
      choice->addCase(b_.getInt32(static_cast<std::uint32_t>(k)), use);
      b_.SetInsertPoint(use);
      fill(table, k);
      arithmetic.begin();
      b_.CreateCall(steps[k], {table, f_.argument(1), f_.argument(2), f_.argument(3), f_.argument(4)});
      arithmetic.end();
      b_.CreateBr(done);
    }
    b_.SetInsertPoint(done);
    f_.return_code(object_ok);
    return f_.function();
  }

  static std::vector<llvm::Type*> parameters(const ObjectModule& object) {
    llvm::Type* pointer = llvm::PointerType::get(object.context(), 0);
    llvm::Type* i32 = llvm::Type::getInt32Ty(object.context());
    return {pointer, i32, i32, pointer, pointer};
  }

 private:
  std::size_t most_buffers() const {
    std::size_t most = 0;
    for (const ir::Program& program : planned_.step->programs) most = std::max(most, program.buffers.size());
    return most;
  }

  void check_threads() {
    llvm::Value* thread = f_.argument(1);
    llvm::Value* threads = f_.argument(2);
    llvm::Value* most = f_.i32(object_.plan().options->threads);
    llvm::Value* outside = b_.CreateOr(b_.CreateICmpUGE(thread, threads), b_.CreateICmpUGT(threads, most));
    llvm::Value* needs_barrier = b_.CreateICmpUGT(threads, f_.i32(1));
    llvm::Value* has_none = b_.CreateIsNull(f_.argument(3));
    f_.return_if(b_.CreateOr(outside, b_.CreateAnd(needs_barrier, has_none)), object_error_argument);
  }

  llvm::Value* load_argument(std::size_t place) {
    return b_.CreateLoad(b_.getPtrTy(), f_.at(f_.argument(0), static_cast<std::int64_t>(place * 8)));
  }

  void load_arguments() {
    f_.return_if(f_.is_wrong(f_.argument(0), 8), object_error_argument);
    state_ = load_argument(0);
    work_ = load_argument(1);
    llvm::Value* wrong = b_.CreateOr(f_.is_wrong(state_, object_alignment), f_.is_wrong(work_, object_alignment));
    for (std::size_t k = 0; k < planned_.arguments.size(); ++k) {
      const ir::TensorType& type = planned_.arguments[k].type;
      arguments_.push_back(load_argument(k + 2));
      if (type.elements() == 0) continue;
      wrong = b_.CreateOr(wrong, f_.is_wrong(arguments_.back(), std::min<std::int64_t>(size_of(type.dtype), 4)));
    }
    f_.return_if(wrong, object_error_argument);
  }

  void check_work(std::size_t targets) {
    llvm::Value* identity = b_.CreateLoad(b_.getInt64Ty(), work_);
    f_.return_if(b_.CreateICmpNE(identity, f_.i64(object_.plan().identity)), object_error_not_prepared);
    choice_ = b_.CreateLoad(b_.getInt32Ty(), f_.at(work_, 8));
    f_.return_if(b_.CreateICmpUGE(choice_, f_.i32(static_cast<std::int64_t>(targets))), object_error_cpu);
  }

  /// One address per buffer of the program for target k, and that of the workspace.
  void fill(llvm::Value* table, std::size_t k) {
    const ir::Program& program = planned_.step->programs[k];
    std::int64_t derived = planned_.derived_begin[k];
    std::int64_t place = 0;
    for (const ir::Buffer& buffer : program.buffers) {
      b_.CreateStore(address_of(buffer, derived), f_.at(table, 8 * place++));
      if (buffer.kind == ir::BufferKind::derived) derived += aligned(buffer.type.bytes());
    }
    b_.CreateStore(f_.at(work_, object_.plan().workspace_begin), f_.at(table, 8 * place));
  }

  llvm::Value* address_of(const ir::Buffer& buffer, std::int64_t derived) {
    switch (buffer.kind) {
      case ir::BufferKind::arena: return f_.at(work_, object_.plan().arena_begin + buffer.offset);
      case ir::BufferKind::derived: return f_.at(work_, derived);
      case ir::BufferKind::state: return f_.at(state_, offset_of(buffer.name));
      case ir::BufferKind::constant: return contents_of(buffer.data);
      case ir::BufferKind::input:
        if (const auto fixed = planned_.step->fixed.find(buffer.name); fixed != planned_.step->fixed.end())
          return contents_of(fixed->second);
        return argument_of(buffer.name, false);
      case ir::BufferKind::output: return argument_of(buffer.name, true);
      case ir::BufferKind::slice:
      case ir::BufferKind::strip: return llvm::ConstantPointerNull::get(b_.getPtrTy());  // steps compute where it is
    }
    internal_error("unknown kind of buffer");
  }

  llvm::Value* contents_of(const ir::TensorData& data) {
    check(data.bytes != nullptr, "a constant has no contents");
    return object_.bytes({reinterpret_cast<const char*>(data.bytes->data()), data.bytes->size()});
  }
  std::int64_t offset_of(const std::string& name) const {
    const auto& states = object_.plan().image->states;
    return std::ranges::find(states, name, &ObjectState::name)->offset;  // plan_object has looked
  }
  llvm::Value* argument_of(const std::string& name, bool output) const {
    for (std::size_t k = 0; k < arguments_.size(); ++k)
      if (planned_.arguments[k].output == output && planned_.arguments[k].name == name) return arguments_[k];
    internal_error("no argument '", name, "'");
  }

  ObjectModule& object_;
  const PlannedStep& planned_;
  GlueFunction f_;
  llvm::IRBuilder<>& b_;
  std::vector<llvm::Value*> arguments_;
  llvm::Value* state_ = nullptr;
  llvm::Value* work_ = nullptr;
  llvm::Value* choice_ = nullptr;
};

}  // namespace

llvm::Function* emit_step(ObjectModule& object, const PlannedStep& planned, const std::vector<llvm::Function*>& steps) {
  llvm::Function* any = StepWrapper(object, planned).emit(steps);
  const std::string symbol = object.plan().symbol(planned.step->name);
  if (object.plan().options->threads > 1) {
    GlueFunction team(object, symbol + "_team", Visibility::visible, StepWrapper::parameters(object));
    std::vector<llvm::Value*> all;
    for (unsigned k = 0; k < 5; ++k) all.push_back(team.argument(k));
    team.builder().CreateRet(team.builder().CreateCall(any, all));
  }
  GlueFunction alone(object, symbol, Visibility::visible, {llvm::PointerType::get(object.context(), 0)});
  llvm::Value* nothing = llvm::ConstantPointerNull::get(llvm::PointerType::get(object.context(), 0));
  alone.builder().CreateRet(
      alone.builder().CreateCall(any, {alone.argument(0), alone.i32(0), alone.i32(1), nothing, nothing}));
  return alone.function();
}

}  // namespace sinter::runtime
