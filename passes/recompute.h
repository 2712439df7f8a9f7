#pragma once
// Writes a graph anew in which some kernels run a second time, and trims kernels to the results that are read.

#include <span>
#include <vector>

#include <sinter/ir/graph.h>

#include "timeline.h"

namespace sinter::passes {

/// The graph, its nodes in the timeline's order, with copies of the nodes that `again` marks (by node): what reads them
/// after the moment reads the copies, each of which stands just before the first of its readers. Then trimmed.
ir::Graph recompute_after(const ir::Graph& graph, const Timeline& line, std::size_t moment,
                          std::span<const char> again);

/// Without kernels, and results of kernels, that nobody reads. Inputs and states stay.
ir::Graph trim_kernels(const ir::Graph& graph);

}  // namespace sinter::passes
