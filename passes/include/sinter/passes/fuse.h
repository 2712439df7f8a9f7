#pragma once
// Joins nodes into kernels.

#include <sinter/ir/graph.h>

namespace sinter::passes {

/// Replaces groups of nodes that one loop nest can compute by `fused` nodes whose bodies hold them.
SINTER_API ir::Graph fuse(const ir::Graph& graph);

}  // namespace sinter::passes
