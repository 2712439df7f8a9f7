#pragma once
// Among strips, kernels that compute much and kernels that only move memory take turns, and neither uses what the other
// does. So contractions fetch, while they compute, what kernels behind them touch first: in this strip, or in the next
// if the cache holds that beside this one.

#include <sinter/ir/program.h>
#include <sinter/ir/target.h>

namespace sinter::passes {

/// Chooses what the contractions of each group of strips fetch ahead.
void fetch_ahead_in_strips(ir::Program& program, const ir::Target& target);

}  // namespace sinter::passes
