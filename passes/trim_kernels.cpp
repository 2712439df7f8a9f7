// A kernel that runs again makes only what is still to be read, and one whose results are made again elsewhere need not
// make them as well. A body that runs once is cut down to the results that somebody reads, and asks for no more
// operands than these need.

#include <algorithm>
#include <memory>
#include <optional>

#include <sinter/ir/kernel.h>
#include <sinter/ir/region.h>

#include "rebuild.h"
#include "recompute.h"

namespace sinter::passes {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Value;

namespace {

/// A node with some of its results.
struct Trimmed {
  Node node;
  std::vector<std::uint32_t> results;  // those of the old node that it has, in order
};

/// What the outputs need of a body; unlike dce it lets go of inputs as well.
Graph needed_part(const Graph& body, std::span<const std::uint32_t> outputs, std::vector<NodeId>& inputs) {
  std::vector<char> needed(body.size(), 0);
  for (const std::uint32_t k : outputs) needed[body.outputs()[k].value.node] = 1;
  for (auto id = static_cast<NodeId>(body.size()); id-- > 0;)
    if (needed[id] != 0)
      for (const Value v : body.node(id).operands) needed[v.node] = 1;
  Rebuild rebuild(body);
  for (NodeId id = 0; id < body.size(); ++id)
    if (needed[id] != 0) rebuild.keep(id);
  for (const NodeId input : body.inputs())
    if (needed[input] != 0) inputs.push_back(input);
  for (const std::uint32_t k : outputs)
    rebuild.graph().add_output(body.outputs()[k].name, rebuild.of(body.outputs()[k].value));
  return std::move(rebuild.graph());
}

Trimmed whole(const Node& node) {
  Trimmed all{node, {}};
  for (std::uint32_t r = 0; r < node.results.size(); ++r) all.results.push_back(r);
  return all;
}

Trimmed trimmed(const Node& node, std::span<const char> read) {
  Trimmed all = whole(node);
  const bool runs_once = node.body != nullptr && !ir::repetition_of(node);
  if (!runs_once || std::ranges::count(read, 0) == 0) return all;
  Trimmed some{node, {}};
  for (const std::uint32_t r : all.results)
    if (read[r] != 0) some.results.push_back(r);
  std::vector<NodeId> inputs;
  Graph body = needed_part(*node.body, some.results, inputs);
  if (!std::holds_alternative<ir::KernelShape>(ir::kernel_shape(body))) return all;
  const std::vector<NodeId> before = node.body->inputs();
  some.node.operands.clear();
  for (const NodeId input : inputs)
    some.node.operands.push_back(
        node.operands[static_cast<std::size_t>(std::ranges::find(before, input) - before.begin())]);
  some.node.results.clear();
  for (const std::uint32_t r : some.results) some.node.results.push_back(node.results[r]);
  some.node.body = std::make_shared<const Graph>(std::move(body));
  return some;
}

/// What is left of each node; nothing of one that nobody reads.
std::vector<std::optional<Trimmed>> trimmed_nodes(const Graph& graph) {
  std::vector<std::vector<char>> read;
  for (const Node& node : graph.nodes()) read.emplace_back(node.results.size(), 0);
  for (const ir::Output& o : graph.outputs()) read[o.value.node][o.value.result] = 1;
  for (const ir::Update& u : graph.updates()) read[u.value.node][u.value.result] = 1;
  for (const std::vector<NodeId>& ports : {graph.inputs(), graph.states()})
    for (const NodeId id : ports) read[id][0] = 1;
  std::vector<std::optional<Trimmed>> left(graph.size());
  for (auto id = static_cast<NodeId>(graph.size()); id-- > 0;) {  // users come after operands
    const Node& node = graph.node(id);
    if (std::ranges::count(read[id], 1) == 0) continue;
    left[id] = trimmed(node, read[id]);
    for (const Value v : left[id]->node.operands) read[v.node][v.result] = 1;
  }
  return left;
}

}  // namespace

Graph trim_kernels(const Graph& graph) {
  std::vector<std::optional<Trimmed>> left = trimmed_nodes(graph);
  Rebuild rebuild(graph);
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (!left[id]) continue;
    for (Value& v : left[id]->node.operands) v = rebuild.of(v);
    const NodeId now = rebuild.graph().add_unchecked(std::move(left[id]->node));
    std::vector<Value> results(graph.node(id).results.size());
    for (std::uint32_t k = 0; k < left[id]->results.size(); ++k) results[left[id]->results[k]] = {now, k};
    rebuild.replace(id, std::move(results));
  }
  return rebuild.finish();
}

}  // namespace sinter::passes
