// The step function: walks the program's tree and calls kernels. Identical kernels are emitted once.

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <span>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/strips.h>
#include <sinter/ir/text.h>

#include "codegen.h"
#include "kernel_codegen.h"
#include "loops.h"

namespace sinter::runtime {

namespace {

/// Buffers of the kernel's inputs, then of its outputs.
std::vector<ir::BufferId> operands_of(const ir::Kernel& kernel) {
  std::vector<ir::BufferId> operands = kernel.inputs;
  operands.insert(operands.end(), kernel.outputs.begin(), kernel.outputs.end());
  return operands;
}

/// The text of a body without what does not reach its code: layer paths, names of the graph, inputs and outputs.
std::string anonymous_text(const ir::Graph& body) {
  ir::Graph plain("kernel");
  for (ir::Node node : body.nodes()) {
    node.path.clear();
    if (ir::info(node.kind).name == ir::Input::name) node.attributes.set("name", str("in", plain.size()));
    plain.add_unchecked(std::move(node));
  }
  for (std::size_t k = 0; k < body.outputs().size(); ++k) plain.add_output(str("out", k), body.outputs()[k].value);
  return print(plain);
}

/// What decides the code of a kernel, besides its schedule.
std::string kernel_key(const ir::Kernel& kernel, bool checked) {
  std::string key = anonymous_text(*kernel.body);
  const std::vector<ir::BufferId> operands = operands_of(kernel);
  for (std::size_t k = 0; k < operands.size(); ++k) {  // which operands are one buffer
    const auto first = std::find(operands.begin(), operands.end(), operands[k]);
    key += str(first - operands.begin(), ' ');
  }
  for (const ir::Ahead& a : kernel.ahead) key += str("ahead ", a.bytes, ' ');
  if (checked) key += kernel.name;  // a violation shows it
  return key;
}

/// A symbol that assemblers and profilers accept.
std::string symbol_of(const ir::Kernel& kernel, std::size_t number) {
  std::string symbol = str("k", number, "_");
  for (const char c : kernel.name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    symbol += plain ? c : '_';
  }
  return symbol;
}

}  // namespace

DistinctKernels::DistinctKernels(const ir::Program& program, bool checked) {
  std::map<std::string, std::vector<std::size_t>> same_body;
  for_each_kernel(program.items, [&](const ir::Kernel& kernel) {
    std::vector<std::size_t>& candidates = same_body[kernel_key(kernel, checked)];
    const auto found = std::find_if(candidates.begin(), candidates.end(),
                                    [&](std::size_t k) { return entries_[k].kernel->schedule == kernel.schedule; });
    if (found != candidates.end()) {
      numbers_[&kernel] = *found;
      return;
    }
    numbers_[&kernel] = entries_.size();
    candidates.push_back(entries_.size());
    entries_.push_back({&kernel, symbol_of(kernel, entries_.size())});
  });
}

std::vector<std::size_t> DistinctKernels::all() const {
  std::vector<std::size_t> numbers(entries_.size());
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  return numbers;
}

namespace {

/// Scratch memory of the neediest kernel; behind it lie the strips of a thread.
std::int64_t kernels_workspace_bytes(const ir::Program& program) {
  std::int64_t most = 0;
  for_each_kernel(program.items, [&](const ir::Kernel& kernel) { most = std::max(most, workspace_bytes(kernel)); });
  return most;
}

std::int64_t strips_bytes(const ir::Program& program) {
  std::int64_t end = 0;
  for (const ir::Item& item : program.items) {
    const auto* strips = std::get_if<ir::Strips>(&item);
    if (strips == nullptr) continue;
    for (const ir::Kernel& kernel : strips->kernels)
      for (const ir::BufferId id : kernel.outputs)
        if (const ir::Buffer& buffer = program.buffers[id]; buffer.kind == ir::BufferKind::strip)
          end = std::max(end, buffer.offset + ir::strip_room(buffer, strips->count));
  }
  return end;
}

/// Of a distinct kernel: `combine` is null where one function does everything.
struct KernelFunctions {
  llvm::Function* main = nullptr;
  llvm::Function* combine = nullptr;
};

class StepEmitter {
 public:
  StepEmitter(llvm::Module& module, const ir::Program& program, const DistinctKernels& kernels, std::string_view name)
      : builder_(module.getContext()), program_(program), kernels_(kernels), addresses_(program.buffers.size()) {
    llvm::Type* i32 = builder_.getInt32Ty();
    llvm::Type* pointer = builder_.getPtrTy();
    auto* type = llvm::FunctionType::get(builder_.getVoidTy(), {pointer, i32, i32, pointer, pointer}, false);
    function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, std::string(name), module);
    const char* names[] = {"buffers", "thread", "threads", "barrier", "barrier_arg"};
    for (unsigned k = 0; k < 5; ++k) function_->getArg(k)->setName(names[k]);
    builder_.SetInsertPoint(new_block("entry"));
  }

  void emit(std::span<const KernelFunctions> functions) {
    functions_ = functions;
    load_addresses(program_);
    thread_ = builder_.CreateSExt(function_->getArg(1), builder_.getInt64Ty());
    threads_ = builder_.CreateSExt(function_->getArg(2), builder_.getInt64Ty());
    llvm::Value* slot = builder_.CreateConstGEP1_64(builder_.getPtrTy(), function_->getArg(0), addresses_.size());
    llvm::Value* workspace = builder_.CreateLoad(builder_.getPtrTy(), slot, "workspace");
    llvm::Value* part = i64(step_workspace_bytes(program_));
    workspace_ = builder_.CreateGEP(builder_.getInt8Ty(), workspace, builder_.CreateMul(thread_, part));
    exchange_ = builder_.CreateGEP(builder_.getInt8Ty(), workspace, builder_.CreateMul(threads_, part));
    llvm::Value* shared = builder_.CreateICmpSGT(threads_, i64(1));
    barrier_ = builder_.CreateSelect(shared, function_->getArg(3), llvm::ConstantPointerNull::get(builder_.getPtrTy()));
    emit(program_.items);
    builder_.CreateRetVoid();
  }

 private:
  llvm::BasicBlock* new_block(const char* name) {
    return llvm::BasicBlock::Create(builder_.getContext(), name, function_);
  }
  llvm::Value* i64(std::int64_t v) { return builder_.getInt64(static_cast<std::uint64_t>(v)); }

  /// Once, at the start; unused ones are removed by the passes. Slices have none of their own.
  void load_addresses(const ir::Program& program) {
    llvm::Type* pointer = builder_.getPtrTy();
    for (std::size_t k = 0; k < addresses_.size(); ++k) {
      if (program.buffers[k].kind == ir::BufferKind::slice || program.buffers[k].kind == ir::BufferKind::strip)
        continue;
      llvm::Value* slot = builder_.CreateConstGEP1_64(pointer, function_->getArg(0), k);
      addresses_[k] = builder_.CreateLoad(pointer, slot, program.buffers[k].name);
    }
  }

  /// Of a slice: in the turn that is being emitted.
  llvm::Value* address(ir::BufferId id) {
    const ir::Buffer& buffer = program_.buffers[id];
    if (buffer.kind == ir::BufferKind::strip) return strip_address(buffer);
    if (buffer.kind != ir::BufferKind::slice) return addresses_.at(id);
    llvm::Value* moved = builder_.CreateMul(turns_.at(static_cast<std::size_t>(buffer.depth)), i64(buffer.stride));
    return builder_.CreateGEP(builder_.getInt8Ty(), address(buffer.of), builder_.CreateAdd(moved, i64(buffer.offset)));
  }

  /// Where the whole buffer would begin if the strip at hand lies where it does.
  llvm::Value* strip_address(const ir::Buffer& buffer) {
    const std::int64_t begin = kernels_workspace_bytes(program_) + buffer.offset;
    llvm::Value* before = builder_.CreateMul(strip_, i64(ir::strip_bytes(buffer, strips_)));
    return builder_.CreateGEP(builder_.getInt8Ty(), workspace_, builder_.CreateSub(i64(begin), before));
  }

  llvm::Value* ahead_address(const ir::Ahead& ahead) {
    llvm::Value* strip = ahead.next ? builder_.CreateAdd(strip_, i64(1)) : strip_;
    llvm::Value* bytes = builder_.CreateMul(strip, i64(ahead.bytes));
    return builder_.CreateGEP(builder_.getInt8Ty(), address(ahead.buffer), bytes);
  }

  void emit(const std::vector<ir::Item>& items) {
    for (std::size_t k = 0; k < items.size();) {
      if (is_serial(items[k])) {
        k = emit_serial(items, k);
      } else if (const auto* kernel = std::get_if<ir::Kernel>(&items[k++])) {
        emit_shared(*kernel);
      } else if (std::holds_alternative<ir::Barrier>(items[k - 1])) {
        emit_barrier();
      } else if (const auto* strips = std::get_if<ir::Strips>(&items[k - 1])) {
        emit_strips(*strips);
      } else {
        emit_loop(*std::get<std::shared_ptr<const ir::Loop>>(items[k - 1]));
      }
    }
  }

  /// Of a kernel of one row there is nothing to share, whatever its schedule says.
  static bool is_serial(const ir::Item& item) {
    const auto* kernel = std::get_if<ir::Kernel>(&item);
    return kernel != nullptr && (!kernel->schedule.parallel || parallel_extent(*kernel) <= 1);
  }

  /// Consecutive kernels that are not shared: thread 0 runs them. Returns the index behind the last one.
  std::size_t emit_serial(const std::vector<ir::Item>& items, std::size_t k) {
    llvm::BasicBlock* alone = new_block("first_thread");
    llvm::BasicBlock* next = new_block("all_threads");
    builder_.CreateCondBr(builder_.CreateICmpEQ(thread_, i64(0)), alone, next);
    builder_.SetInsertPoint(alone);
    for (; k < items.size() && is_serial(items[k]); ++k) {
      const auto& kernel = std::get<ir::Kernel>(items[k]);
      call(kernel, i64(0), i64(parallel_extent(kernel)));
    }
    builder_.CreateBr(next);
    builder_.SetInsertPoint(next);
    return k;
  }

  /// Fixed shares: thread t runs [extent * t / threads, extent * (t + 1) / threads).
  void emit_shared(const ir::Kernel& kernel) {
    const std::int64_t extent = parallel_extent(kernel);
    // In a loop all have to be through with the values of the last turn.
    if (!turns_.empty() && shared_workspace_bytes(kernel) > 0) emit_barrier();
    call(kernel, share(extent, thread_), share(extent, next_thread()));
  }

  llvm::Value* next_thread() { return builder_.CreateAdd(thread_, i64(1)); }
  llvm::Value* share(std::int64_t extent, llvm::Value* thread) {
    return builder_.CreateSDiv(builder_.CreateMul(i64(extent), thread), threads_);
  }

  void call(const ir::Kernel& kernel, llvm::Value* begin, llvm::Value* end) {
    std::vector<llvm::Value*> arguments = arguments_of(kernel, begin, end);
    arguments.push_back(workspace_);
    if (shared_workspace_bytes(kernel) > 0) {
      arguments.push_back(exchange_of(kernel));
      arguments.push_back(barrier_);
      arguments.push_back(function_->getArg(4));
    }
    builder_.CreateCall(functions_[kernels_.number(kernel)].main, arguments);
  }

  std::vector<llvm::Value*> arguments_of(const ir::Kernel& kernel, llvm::Value* begin, llvm::Value* end) {
    std::vector<llvm::Value*> arguments;
    for (const ir::BufferId id : operands_of(kernel)) arguments.push_back(address(id));
    arguments.push_back(begin);
    arguments.push_back(end);
    return arguments;
  }

  /// Memory of its own for a kernel through which threads exchange values.
  llvm::Value* exchange_of(const ir::Kernel& kernel) {
    llvm::Value* memory = builder_.CreateGEP(builder_.getInt8Ty(), exchange_, i64(exchanged_));
    exchanged_ += shared_workspace_bytes(kernel);
    return memory;
  }

  /// Threads share the strips; behind the last one they combine the sums.
  void emit_strips(const ir::Strips& strips) {
    std::vector<llvm::Value*> exchanges;
    for (const ir::Kernel& kernel : strips.kernels)
      exchanges.push_back(has_phases(kernel) ? exchange_of(kernel) : nullptr);
    const auto call_at = [&](std::size_t k, llvm::Function* function, llvm::Value* begin, llvm::Value* end) {
      std::vector<llvm::Value*> arguments = arguments_of(strips.kernels[k], begin, end);
      arguments.push_back(workspace_);
      if (exchanges[k] != nullptr) arguments.push_back(exchanges[k]);
      for (const ir::Ahead& a : strips.kernels[k].ahead) arguments.push_back(ahead_address(a));
      builder_.CreateCall(function, arguments);
    };
    strips_ = strips.count;
    llvm::Value* first = share(strips.count, thread_);
    llvm::Value* last = share(strips.count, next_thread());
    runtime::emit_loop(builder_, first, last, 1, [&](llvm::Value* strip, llvm::Instruction*) {
      llvm::Value* following = builder_.CreateAdd(strip, i64(1));
      strip_ = strip;
      for (std::size_t k = 0; k < strips.kernels.size(); ++k)
        call_at(k, functions_[kernels_.number(strips.kernels[k])].main, strip, following);
    });
    if (std::ranges::none_of(strips.kernels, has_phases)) return;
    emit_barrier();
    strip_ = i64(0);
    for (std::size_t k = 0; k < strips.kernels.size(); ++k)
      if (llvm::Function* combine = functions_[kernels_.number(strips.kernels[k])].combine; combine != nullptr)
        call_at(k, combine, first, last);
  }

  void emit_barrier() {
    llvm::BasicBlock* meet = new_block("barrier");
    llvm::BasicBlock* next = new_block("behind_barrier");
    builder_.CreateCondBr(builder_.CreateICmpSGT(threads_, i64(1)), meet, next);
    builder_.SetInsertPoint(meet);
    auto* type = llvm::FunctionType::get(builder_.getVoidTy(), {builder_.getPtrTy()}, false);
    builder_.CreateCall(type, function_->getArg(3), {function_->getArg(4)});
    builder_.CreateBr(next);
    builder_.SetInsertPoint(next);
  }

  void emit_loop(const ir::Loop& loop) {
    if (loop.count <= 0) return;
    llvm::BasicBlock* before = builder_.GetInsertBlock();
    llvm::BasicBlock* body = new_block("loop");
    builder_.CreateBr(body);
    builder_.SetInsertPoint(body);
    llvm::PHINode* turn = builder_.CreatePHI(builder_.getInt64Ty(), 2, "turn");
    turn->addIncoming(i64(0), before);
    turns_.push_back(turn);
    emit(loop.items);
    turns_.pop_back();
    llvm::Value* following = builder_.CreateAdd(turn, i64(1));
    turn->addIncoming(following, builder_.GetInsertBlock());
    llvm::BasicBlock* behind = new_block("behind_loop");
    builder_.CreateCondBr(builder_.CreateICmpSLT(following, i64(loop.count)), body, behind);
    builder_.SetInsertPoint(behind);
  }

  llvm::IRBuilder<> builder_;
  const ir::Program& program_;
  const DistinctKernels& kernels_;
  std::span<const KernelFunctions> functions_;
  std::vector<llvm::Value*> addresses_;  // of the buffers
  llvm::Function* function_ = nullptr;
  llvm::Value* thread_ = nullptr;     // i64
  llvm::Value* threads_ = nullptr;    // i64
  llvm::Value* workspace_ = nullptr;  // of this thread
  llvm::Value* exchange_ = nullptr;   // of all threads together
  llvm::Value* barrier_ = nullptr;    // null for one thread
  std::int64_t exchanged_ = 0;        // bytes of it that earlier kernels use
  llvm::Value* strip_ = nullptr;      // at hand, of `strips_`
  std::int64_t strips_ = 1;
  std::vector<llvm::Value*> turns_;  // of the loops around the place where code is emitted, i64
};

}  // namespace

std::int64_t step_workspace_bytes(const ir::Program& program) {
  return kernels_workspace_bytes(program) + strips_bytes(program);
}

std::int64_t step_shared_bytes(const ir::Program& program) {
  std::int64_t sum = 0;
  for_each_kernel(program.items, [&](const ir::Kernel& kernel) { sum += shared_workspace_bytes(kernel); });
  return sum;
}

namespace {

std::string combine_symbol(const DistinctKernels::Entry& entry) { return entry.symbol + "_combine"; }

KernelFunctions emit_functions(llvm::Module& module, const DistinctKernels::Entry& entry,
                               const CompileOptions& options) {
  const ir::Kernel& kernel = *entry.kernel;
  if (!has_phases(kernel)) return {emit_kernel(module, kernel, options, entry.symbol), nullptr};
  return {emit_kernel(module, kernel, options, entry.symbol, KernelPhase::keep),
          emit_kernel(module, kernel, options, combine_symbol(entry), KernelPhase::combine)};
}

KernelFunctions declare_functions(llvm::Module& module, const DistinctKernels::Entry& entry) {
  const bool phases = has_phases(*entry.kernel);
  return {declare_kernel(module, *entry.kernel, entry.symbol),
          phases ? declare_kernel(module, *entry.kernel, combine_symbol(entry)) : nullptr};
}

void set_external(const KernelFunctions& functions) {
  functions.main->setLinkage(llvm::GlobalValue::ExternalLinkage);
  if (functions.combine != nullptr) functions.combine->setLinkage(llvm::GlobalValue::ExternalLinkage);
}

/// The kernels of these numbers, and the step unless it has no name. Kernels are seen by other modules if the step is
/// in one of those.
void emit_part(llvm::Module& module, const ir::Program& program, const DistinctKernels& kernels,
               std::span<const std::size_t> numbers, const CompileOptions& options, std::string_view entry_name) {
  std::optional<StepEmitter> step;
  if (!entry_name.empty()) step.emplace(module, program, kernels, entry_name);
  std::vector<KernelFunctions> functions(kernels.entries().size());
  for (const std::size_t k : numbers) {
    functions[k] = emit_functions(module, kernels.entries()[k], options);
    if (!step) set_external(functions[k]);
  }
  if (!step) return;
  for (std::size_t k = 0; k < functions.size(); ++k)
    if (functions[k].main == nullptr) functions[k] = declare_functions(module, kernels.entries()[k]);
  step->emit(functions);
}

}  // namespace

GeneratedModule generate_part(const ir::Program& program, const DistinctKernels& kernels,
                              std::span<const std::size_t> numbers, const CompileOptions& options,
                              std::string_view entry_name) {
  GeneratedModule generated;
  generated.context = std::make_unique<llvm::LLVMContext>();
  generated.module = std::make_unique<llvm::Module>(program.name, *generated.context);
  emit_part(*generated.module, program, kernels, numbers, options, entry_name);
  return generated;
}

GeneratedModule generate(const ir::Program& program, const CompileOptions& options, std::string_view entry_name) {
  const DistinctKernels kernels(program, options.checked);
  return generate_part(program, kernels, kernels.all(), options, entry_name);
}

void generate_into(llvm::Module& module, const ir::Program& program, const CompileOptions& options,
                   std::string_view entry_name) {
  const DistinctKernels kernels(program, options.checked);
  emit_part(module, program, kernels, kernels.all(), options, entry_name);
}

}  // namespace sinter::runtime
