#include <sinter/ir/node_space.h>

namespace sinter::ir {

std::vector<TensorType> operand_types(const Graph& graph, const Node& node) {
  std::vector<TensorType> types;
  types.reserve(node.operands.size());
  for (const Value& v : node.operands) types.push_back(graph.type(v));
  return types;
}

Space node_space(const Graph& graph, const Node& node) {
  return info(node.kind).space(node.attributes, operand_types(graph, node));
}

namespace {

bool may_be_view(const Node& node) {
  return node.operands.size() == 1 && info(node.kind).form == Form::map && !info(node.kind).reads_axes;
}

}  // namespace

bool is_view(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  return may_be_view(node) && is_view(graph, node, node_space(graph, node));
}

bool is_view(const Graph& graph, const Node& node, const Space& space) {
  return may_be_view(node) && space.reads.size() == 1 &&
         is_relabelling(space.reads[0], space, graph.type(node.operands[0]).shape);
}

}  // namespace sinter::ir
