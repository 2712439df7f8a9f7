#pragma once
// Program -> LLVM module. No LLVM header is needed to include this.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

/// The kernels of a program that need code of their own: kernels with equal bodies, schedules and aliasing share it.
/// Refers to the program.
class DistinctKernels {
 public:
  struct Entry {
    const ir::Kernel* kernel;
    std::string symbol;
  };

  DistinctKernels(const ir::Program& program, bool checked);

  const std::vector<Entry>& entries() const { return entries_; }
  /// The numbers of all entries.
  std::vector<std::size_t> all() const;
  /// Which entry a kernel of the program shares; `kernel` is the program's own object.
  std::size_t number(const ir::Kernel& kernel) const { return numbers_.at(&kernel); }

 private:
  std::vector<Entry> entries_;
  std::map<const ir::Kernel*, std::size_t> numbers_;
};

/// Some of the kernels, by number, and the step function if it is given a name: a step can be generated and compiled in
/// parts, on several threads. The step calls the kernels of other parts by their symbols.
GeneratedModule generate_part(const ir::Program& program, const DistinctKernels& kernels,
                              std::span<const std::size_t> numbers, const CompileOptions& options,
                              std::string_view entry_name = {});

/// The symbol under which modules call a user's function. No C function and no kernel has such a name.
std::string extern_symbol(std::string_view name);

/// Scratch memory that each thread of a step needs.
std::int64_t step_workspace_bytes(const ir::Program& program);
/// Scratch memory through which its threads exchange values: a part for each kernel that does so.
std::int64_t step_shared_bytes(const ir::Program& program);

}  // namespace sinter::runtime
