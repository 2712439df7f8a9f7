// What a graph computes, in numbers; forms alone decide.

#include <sinter/ir/node_space.h>
#include <sinter/ir/op.h>
#include <sinter/ir/region.h>

#include "model_state.h"

namespace sinter::detail {
namespace {

std::int64_t flops_of(const ir::Graph& graph, const ir::Node& node) {
  const ir::OpInfo& op = ir::info(node.kind);
  if (node.results.empty() || !ir::is_float(node.results[0].dtype)) return 0;
  if (op.form == ir::Form::pointwise) return node.results[0].elements();
  if (op.form != ir::Form::contract && op.form != ir::Form::reduce) return 0;
  const ir::Space space = ir::node_space(graph, node);
  return space.parallel_elements() * space.reduced_elements() * (op.form == ir::Form::contract ? 2 : 1);
}

}  // namespace

std::map<std::string, std::int64_t> count_flops(const ir::Graph& graph) {
  std::map<std::string, std::int64_t> result;
  for (const ir::Node& node : graph.nodes()) {
    const auto loop = ir::repetition_of(node);
    if (!loop) continue;
    for (const auto& [path, flops] : count_flops(*node.body)) result[path] += flops * loop->length;
  }
  for (ir::NodeId id = 0; id < graph.size(); ++id) {
    const ir::Node& node = graph.node(id);
    if (const std::int64_t flops = flops_of(graph, node); flops != 0) result[node.path] += flops;
  }
  return result;
}

}  // namespace sinter::detail
