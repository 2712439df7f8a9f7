#pragma once
// Index spaces of nodes: what an op declares (op.h), seen at a node of a graph.

#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/index_map.h>
#include <sinter/ir/op.h>

namespace sinter::ir {

SINTER_API std::vector<TensorType> operand_types(const Graph& graph, const Node& node);

/// For every form but regions.
SINTER_API Space node_space(const Graph& graph, const Node& node);

/// True when the node only relabels its operand's elements (a reshape): element k stays element k, so that both can
/// share bytes.
SINTER_API bool is_view(const Graph& graph, NodeId node);
/// The same when its space is known.
SINTER_API bool is_view(const Graph& graph, const Node& node, const Space& space);

}  // namespace sinter::ir
