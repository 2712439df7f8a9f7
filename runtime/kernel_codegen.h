#pragma once
// The code of one kernel: loop nests by form. step_codegen.cpp calls what is declared here.

#include <cstdint>
#include <string>

#include <sinter/ir/program.h>
#include <sinter/runtime/executable.h>

namespace llvm {
class Function;
class Module;
}  // namespace llvm

namespace sinter::runtime {

/// What a function holds of its kernel. A kernel among strips whose sums are combined behind the last strip has two
/// functions, `keep` and `combine`; both get shared_workspace_bytes() behind the thread's own, and no barrier. Last
/// come the addresses of the strips that the kernel fetches ahead.
enum class KernelPhase : std::uint8_t { whole, keep, combine };

/// Whether the kernel has two functions.
bool has_phases(const ir::Kernel& kernel);

/// Emits `void symbol(ptr in0, ..., ptr out0, ..., i64 begin, i64 end, ptr workspace)`: the addresses of the kernel's
/// inputs, then of its outputs (an in-place output repeats an input's address), the part of the outermost loop to run,
/// and workspace_bytes() of memory that nobody else uses meanwhile. A kernel with shared_workspace_bytes() gets those
/// instead, the same for all threads, and `ptr barrier, ptr barrier_arg` besides (barrier null: one thread). The
/// kernel's buffer ids tell which arguments alias; apart from that, the code depends on body and schedule only.
llvm::Function* emit_kernel(llvm::Module& module, const ir::Kernel& kernel, const CompileOptions& options,
                            const std::string& symbol, KernelPhase phase = KernelPhase::whole);

/// The same function without its code, for a module that only calls it.
llvm::Function* declare_kernel(llvm::Module& module, const ir::Kernel& kernel, const std::string& symbol);

/// Iterations of the outermost loop: what threads share, and the `end` of a kernel that is not shared.
std::int64_t parallel_extent(const ir::Kernel& kernel);

/// Scratch memory that one thread needs for the kernel (packed panels), a multiple of 64.
std::int64_t workspace_bytes(const ir::Kernel& kernel);

/// Scratch memory through which the threads exchange values inside the kernel, a multiple of 64; 0: they do not.
std::int64_t shared_workspace_bytes(const ir::Kernel& kernel);

}  // namespace sinter::runtime
