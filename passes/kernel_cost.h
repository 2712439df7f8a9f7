#pragma once
// How long a kernel takes, about, from what its ops declare: enough to compare running one again with keeping what it
// made.

#include <sinter/ir/graph.h>
#include <sinter/ir/target.h>

namespace sinter::passes {

/// Estimated seconds on one thread of node `id` taken as one kernel. Bound nodes and views take none.
double estimated_seconds(const ir::Graph& graph, ir::NodeId id, const ir::Target& target);

}  // namespace sinter::passes
