#pragma once
// Chooses how the loop builder runs a contraction.

#include <sinter/ir/kernel.h>
#include <sinter/ir/program.h>
#include <sinter/ir/target.h>

namespace sinter::passes {

/// Fills in sides, register tile and packing; `schedule` has its lanes and knows whether threads share it.
void choose_contract_schedule(const ir::Graph& body, const ir::KernelShape& shape, const ir::Target& target,
                              ir::Schedule& schedule);

}  // namespace sinter::passes
