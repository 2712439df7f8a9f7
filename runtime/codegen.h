#pragma once
// Program -> LLVM module. No LLVM header is needed to include this.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sinter/ir/program.h>
#include <sinter/runtime/executable.h>

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace sinter::runtime {

/// A module with the context that owns its types.
struct GeneratedModule {
  GeneratedModule();
  ~GeneratedModule();
  GeneratedModule(GeneratedModule&& other) noexcept;
  GeneratedModule& operator=(GeneratedModule&& other) noexcept;

  std::unique_ptr<llvm::LLVMContext> context;  // outlives the module
  std::unique_ptr<llvm::Module> module;
};

/// Emits the kernels of the program and a function `entry_name` that runs them, with the ABI of ir/program.h:
///
///   void step(void* const* buffers, int32_t thread, int32_t threads, void (*barrier)(void*), void* barrier_arg)
///
/// `buffers` holds one address per buffer of the program, in its order, arena buffers included, and then that of the
/// workspace: threads * step_workspace_bytes() bytes, then step_shared_bytes() more, aligned to 64.
GeneratedModule generate(const ir::Program& program, const CompileOptions& options, std::string_view entry_name);

/// The same into a module that holds other things already; kernels get names that are free.
void generate_into(llvm::Module& module, const ir::Program& program, const CompileOptions& options,
                   std::string_view entry_name);

/// The symbol under which modules call a user's function. No C function and no kernel has such a name.
std::string extern_symbol(std::string_view name);

/// Scratch memory that each thread of a step needs.
std::int64_t step_workspace_bytes(const ir::Program& program);
/// Scratch memory through which its threads exchange values: a part for each kernel that does so.
std::int64_t step_shared_bytes(const ir::Program& program);

}  // namespace sinter::runtime
