#pragma once
// Chooses how the loop builder runs a kernel.

#include <sinter/ir/kernel.h>
#include <sinter/ir/program.h>
#include <sinter/ir/target.h>

namespace sinter::passes {

/// The schedule of a body on the target. The number of threads plays no part.
ir::Schedule choose_schedule(const ir::Graph& body, const ir::KernelShape& shape, const ir::Target& target);

}  // namespace sinter::passes
