#pragma once
// What exported code asks the processor before it runs.

#include <llvm/IR/Module.h>

#include <span>

#include <sinter/ir/target.h>

namespace sinter::runtime {

/// Emits `i32 ()`: the number of the first target whose features the processor and the system have, or the number of
/// targets when there is none. Uses nothing beyond the least processor of the architecture.
llvm::Function* emit_cpu_choice(llvm::Module& module, std::span<const ir::Target> targets);

bool is_x86(const ir::Target& target);

/// What every processor of the target's architecture can run.
ir::Target least_target(const ir::Target& target);

/// The features with "+" that the choice asks for, without the sign and with commas between.
std::string checked_features(const ir::Target& target);

}  // namespace sinter::runtime
