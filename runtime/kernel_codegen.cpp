// One function per kernel: signature, aliasing facts, and the emitter of its form.

#include "kernel_codegen.h"

#include <algorithm>

#include <llvm/IR/Function.h>
#include <llvm/IR/IRBuilder.h>

#include <sinter/ir/error.h>
#include "kernel_forms.h"

namespace sinter::runtime {

namespace {

ir::KernelShape shape_of(const ir::Kernel& kernel) {
  std::variant<ir::KernelShape, std::string> shape = ir::kernel_shape(*kernel.body);
  if (const auto* why = std::get_if<std::string>(&shape))
    internal_error("kernel '", kernel.name, "' has no loop nest: ", *why);
  return std::get<ir::KernelShape>(std::move(shape));
}

bool is_empty(const ir::Kernel& kernel) {
  return std::all_of(kernel.body->outputs().begin(), kernel.body->outputs().end(),
                     [&](const ir::Output& o) { return kernel.body->type(o.value).elements() == 0; });
}

/// Buffers that appear once are reached through one argument only.
void mark_aliasing(llvm::Function& function, const ir::Kernel& kernel) {
  std::vector<ir::BufferId> buffers = kernel.inputs;
  buffers.insert(buffers.end(), kernel.outputs.begin(), kernel.outputs.end());
  for (std::size_t k = 0; k < buffers.size(); ++k) {
    llvm::Argument* argument = function.getArg(static_cast<unsigned>(k));
    if (std::count(buffers.begin(), buffers.end(), buffers[k]) == 1) argument->addAttr(llvm::Attribute::NoAlias);
    if (k < kernel.inputs.size())
      argument->setName("in" + std::to_string(k));
    else
      argument->setName("out" + std::to_string(k - kernel.inputs.size()));
  }
}

std::size_t pointer_count(const ir::Kernel& kernel) { return kernel.inputs.size() + kernel.outputs.size(); }

void emit_contraction(KernelJob& job) {
  return ir::runs_as_window(job.emit.body(), job.emit.shape(), job.schedule) ? emit_window(job) : emit_contract(job);
}

void emit_form(KernelJob& job, ir::KernelForm form) {
  switch (form) {
    case ir::KernelForm::pointwise: return emit_pointwise(job);
    case ir::KernelForm::row: return emit_row(job);
    case ir::KernelForm::column: return emit_column(job);
    case ir::KernelForm::contract: return emit_contraction(job);
    case ir::KernelForm::scatter: return emit_scatter(job);
    case ir::KernelForm::external: return emit_extern(job);
  }
}

bool exchanges(const ir::Kernel& kernel) { return shared_workspace_bytes(kernel) > 0; }
bool meets_inside(const ir::Kernel& kernel) { return exchanges(kernel) && !has_phases(kernel); }

}  // namespace

bool has_phases(const ir::Kernel& kernel) { return kernel.schedule.strips > 1 && kernel.schedule.strip_terms; }

llvm::Function* declare_kernel(llvm::Module& module, const ir::Kernel& kernel, const std::string& symbol) {
  llvm::LLVMContext& context = module.getContext();
  std::vector<llvm::Type*> arguments(pointer_count(kernel), llvm::PointerType::getUnqual(context));
  arguments.insert(arguments.end(), 2, llvm::Type::getInt64Ty(context));
  const std::size_t shared = meets_inside(kernel) ? 3 : exchanges(kernel) ? 1 : 0;
  arguments.insert(arguments.end(), 1 + shared + kernel.ahead.size(), llvm::PointerType::getUnqual(context));
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), arguments, false);
  auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  mark_aliasing(*function, kernel);
  return function;
}

llvm::Function* emit_kernel(llvm::Module& module, const ir::Kernel& kernel, const CompileOptions& options,
                            const std::string& symbol, KernelPhase phase) {
  llvm::LLVMContext& context = module.getContext();
  const std::size_t pointers = pointer_count(kernel);
  llvm::Function* function = declare_kernel(module, kernel, symbol);
  function->setLinkage(llvm::GlobalValue::InternalLinkage);
  llvm::IRBuilder<> builder(context);
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  if (!is_empty(kernel)) {
    const ir::KernelShape shape = shape_of(kernel);
    const EmitContext emit_context{builder, static_cast<int>(kernel.schedule.lanes)};
    std::vector<llvm::Value*> addresses;
    for (std::size_t k = 0; k < pointers; ++k) addresses.push_back(function->getArg(static_cast<unsigned>(k)));
    BodyEmitter emitter(emit_context, kernel, shape, addresses, options.checked);
    KernelJob job{emit_context,
                  emitter,
                  kernel.schedule,
                  {},
                  function->getArg(static_cast<unsigned>(pointers)),
                  function->getArg(static_cast<unsigned>(pointers + 1))};
    job.workspace = function->getArg(static_cast<unsigned>(pointers + 2));
    job.phase = phase;
    if (exchanges(kernel)) job.exchange = function->getArg(static_cast<unsigned>(pointers + 3));
    for (std::size_t k = 0; k < kernel.ahead.size() && phase != KernelPhase::combine; ++k) {
      const std::size_t at = function->arg_size() - kernel.ahead.size() + k;
      job.ahead.push_back({function->getArg(static_cast<unsigned>(at)), kernel.ahead[k].bytes});
    }
    if (meets_inside(kernel)) {
      job.barrier = function->getArg(static_cast<unsigned>(pointers + 4));
      job.barrier_argument = function->getArg(static_cast<unsigned>(pointers + 5));
    }
    emit_form(job, shape.form);
  }
  builder.CreateRetVoid();
  return function;
}

std::int64_t workspace_bytes(const ir::Kernel& kernel) {
  if (is_empty(kernel) || kernel.schedule.form != ir::KernelForm::contract) return 0;
  const ir::KernelShape shape = shape_of(kernel);
  return ir::runs_as_window(*kernel.body, shape, kernel.schedule) ? window_workspace(kernel, shape)
                                                                  : contract_workspace_bytes(kernel, shape);
}

std::int64_t shared_workspace_bytes(const ir::Kernel& kernel) {
  if (is_empty(kernel) || !kernel.schedule.parallel || kernel.schedule.form == ir::KernelForm::pointwise) return 0;
  const ir::KernelShape shape = shape_of(kernel);
  if (shape.form == ir::KernelForm::contract)
    return ir::runs_as_window(*kernel.body, shape, kernel.schedule) ? window_kept_bytes(kernel, shape)
                                                                    : contract_kept_bytes(kernel, shape);
  if (shares_one_row(kernel.schedule, shape)) return whole_lines(row_kept_bytes(kernel, shape));
  return shares_chunks(kernel, shape) ? whole_lines(column_kept_bytes(kernel, shape)) : 0;
}

std::int64_t parallel_extent(const ir::Kernel& kernel) {
  if (is_empty(kernel)) return 0;
  if (kernel.schedule.strips > 1) return kernel.schedule.strips;
  const ir::KernelShape shape = shape_of(kernel);
  if (shape.form == ir::KernelForm::contract)
    return ir::runs_as_window(*kernel.body, shape, kernel.schedule) ? window_parallel_extent(kernel, shape)
                                                                    : contract_parallel_extent(kernel, shape);
  if (shape.form == ir::KernelForm::scatter || shape.form == ir::KernelForm::external) return 1;
  if (shares_one_row(kernel.schedule, shape)) return row_pieces(shape);
  if (shares_chunks(kernel, shape)) return column_chunks(shape);
  // The first real loop: an outer axis that is not part of the vector, or else the vector's blocks.
  const AxisSplit split = split_axes(*kernel.body, shape, 0, static_cast<int>(shape.outer.size()));
  const bool row = shape.form == ir::KernelForm::row;
  for (std::size_t k = 0; k < shape.outer.size(); ++k) {
    const bool in_group = std::find(split.group.begin(), split.group.end(), static_cast<int>(k)) != split.group.end();
    if (shape.outer[k] > 1 && (row || !in_group)) return shape.outer[k];
  }
  return row ? 1 : block_count(split.group_extent, kernel.schedule.lanes, kernel.schedule.unroll);
}

}  // namespace sinter::runtime
