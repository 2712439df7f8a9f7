#pragma once
// Passes see one graph at a time; this takes them into the bodies of its loops.

#include <sinter/passes/registry.h>

namespace sinter::passes {

/// Runs a pass on the bodies of all loops, the innermost first, then on the graph.
ir::Graph run_pass(const Pass& pass, const ir::Graph& graph);

}  // namespace sinter::passes
