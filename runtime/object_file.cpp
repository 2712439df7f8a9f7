// make_object_file: steps and the functions around them in one module, and that module as an object.

#include <sinter/runtime/object_file.h>

#include <algorithm>

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <sinter/ir/error.h>

#include "codegen.h"
#include "jit.h"
#include "llvm_fma.h"
#include "object_cpu.h"
#include "object_glue.h"

namespace sinter::runtime {

namespace {

/// The steps, by step and target.
using CompiledSteps = std::vector<std::vector<llvm::Function*>>;

CompiledSteps emit_programs(GeneratedModule& generated, const ObjectPlan& plan) {
  CompiledSteps result(plan.steps.size());
  const std::vector<ir::Target>& targets = plan.options->targets;
  for (std::size_t k = 0; k < targets.size(); ++k) {
    CompileOptions options;
    options.target = targets[k];
    for (std::size_t s = 0; s < plan.steps.size(); ++s) {
      const ObjectStep& step = *plan.steps[s].step;
      const std::string entry = str("step_", step.name, "_", k);
      generate_into(*generated.module, step.programs[k], options, entry);
      llvm::Function* function = generated.module->getFunction(entry);
      function->setLinkage(llvm::GlobalValue::InternalLinkage);
      result[s].push_back(function);
    }
    if (is_x86(targets[k]) && !targets[k].has("fma")) expand_fma(*generated.module);
    attach_target(generated, targets[k]);  // to what this target's steps have brought
  }
  return result;
}

void emit_functions(ObjectModule& object, const CompiledSteps& compiled) {
  const ObjectPlan& plan = object.plan();
  llvm::Function* init = emit_init(object);
  emit_check_state(object);
  llvm::Function* prepare = emit_prepare(object, emit_cpu_choice(object.module(), plan.options->targets));
  std::vector<llvm::Function*> steps;
  for (std::size_t k = 0; k < plan.steps.size(); ++k) steps.push_back(emit_step(object, plan.steps[k], compiled[k]));
  emit_selftest(object, init, prepare, steps, expected_selftest(plan));
  emit_tables(object);
}

/// Gives users' functions the names by which linkers find them. Functions of ours that nobody sees make room.
void name_externs(llvm::Module& module, const ObjectPlan& plan) {
  for (const ObjectExtern& e : plan.externs) {
    llvm::Function* function = module.getFunction(extern_symbol(e.name));
    if (function == nullptr) continue;  // all its results are empty: nothing calls it
    if (llvm::GlobalValue* taken = module.getNamedValue(e.name)) {
      check(taken->hasLocalLinkage(), "export: extern '", e.name, "' has the name of an exported function");
      taken->setName("own." + e.name);
    }
    function->setName(e.name);
  }
}

/// Code of a target that lacks an instruction calls a library for it; an object file has none.
void check_symbols(const std::string& object, const ObjectPlan& plan) {
  const ObjectOptions& options = *plan.options;
  for (const std::string& symbol : undefined_symbols(object)) {
    if (symbol == "memcpy" || symbol == "memset") continue;
    if (std::ranges::find(plan.externs, symbol, &ObjectExtern::name) != plan.externs.end()) continue;
    user_error("export: for target ", options.targets.back().triple, " (", checked_features(options.targets.back()),
               ") the code would need '", symbol, "' from a library; choose a target that has the instruction");
  }
}

}  // namespace

ObjectFile make_object_file(const std::vector<ObjectStep>& steps, const StateImage& image,
                            const ObjectOptions& options) {
  const ObjectPlan plan = plan_object(steps, image, options);
  GeneratedModule generated;
  generated.context = std::make_unique<llvm::LLVMContext>();
  generated.module = std::make_unique<llvm::Module>(options.prefix, *generated.context);
  const CompiledSteps compiled = emit_programs(generated, plan);
  // The functions around the steps run before anyone knows what the processor can do.
  const ir::Target least = least_target(options.targets.front());
  prepare_module(generated, least);
  ObjectModule object(*generated.module, plan);
  emit_functions(object, compiled);
  name_externs(*generated.module, plan);
  optimize(generated, least);
  ObjectFile file{emit_object(std::move(generated), least, Sections::one_each), object_header(plan)};
  check_symbols(file.object, plan);
  return file;
}

}  // namespace sinter::runtime
