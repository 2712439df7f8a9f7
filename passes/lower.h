#pragma once
// The last step: from a graph whose nodes are kernels to a program.

#include <sinter/ir/graph.h>
#include <sinter/ir/program.h>
#include <sinter/ir/target.h>

namespace sinter::passes {

/// Orders the nodes, plans memory and chooses loop schedules for the target.
ir::Program lower_graph(const ir::Graph& graph, const ir::Target& target);

}  // namespace sinter::passes
