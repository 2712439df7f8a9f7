// A state's new value is best written over the old one: no second buffer, no copy, and an optimizer update touches each
// weight once. SSA says nothing about that, so this file finds out where it is legal and which reads must come first.

#include "anti_dependence.h"

#include <algorithm>
#include <set>

#include <sinter/ir/node_space.h>

namespace sinter::passes {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpInfo;
using ir::Value;

namespace {

/// Whether the kernel that makes `made` may write it over `state`, as far as its own reads go.
bool may_write(const Graph& graph, const Storage& storage, Value made, NodeId state, KernelShapes& shapes) {
  const Node& node = graph.node(made);
  std::vector<std::size_t> slots;
  for (std::size_t slot = 0; slot < node.operands.size(); ++slot)
    if (storage.of(node.operands[slot]) == Value{state}) slots.push_back(slot);
  if (slots.empty()) return true;

  return std::ranges::all_of(
      slots, [&](std::size_t slot) { return may_overwrite(graph, made.node, slot, made.result, shapes); });
}

}  // namespace

bool is_bound(const Node& node) {
  const OpInfo& op = info(node.kind);
  return op.form == ir::Form::source && !op.reads_axes;
}

Value storage_of(const Graph& graph, Value value) {
  while (is_view(graph, value.node)) value = graph.node(value).operands[0];
  return value;
}

Storage::Storage(const Graph& graph) {
  for (NodeId id = 0; id < graph.size(); ++id)
    roots_.push_back(ir::is_view(graph, id) ? of(graph.node(id).operands[0]) : Value{id});
}

const KernelShapes::Shape& KernelShapes::of(const std::shared_ptr<const Graph>& body) {
  const auto known = found_.find(body);
  return known != found_.end() ? known->second : found_.emplace(body, kernel_shape(*body)).first->second;
}

bool may_overwrite(const Graph& graph, NodeId kernel, std::size_t slot, std::size_t result, KernelShapes& shapes) {
  const auto allows = [&](const Graph& body, const KernelShapes::Shape& shape) {
    const auto* known = std::get_if<ir::KernelShape>(&shape);
    return known != nullptr && ir::may_overwrite(body, *known, slot, result);
  };
  const Node& node = graph.node(kernel);
  if (node.body) return allows(*node.body, shapes.of(node.body));
  const Graph single = single_node_body(graph, kernel);
  return allows(single, kernel_shape(single));
}

InPlacePlan plan_in_place(const Graph& graph, const Storage& storage, KernelShapes& shapes) {
  InPlacePlan plan;
  std::set<Value> given;      // new values that already have a home
  std::set<NodeId> old_kept;  // states whose old value is needed when all kernels have run
  for (const ir::Update& u : graph.updates()) {
    const Value source = storage.of(u.value);
    if (source.node != u.state && is_bound(graph.node(source))) old_kept.insert(source.node);
  }
  for (const ir::Update& u : graph.updates()) {
    const Value source = storage.of(u.value);
    if (source.node == u.state) continue;
    const bool own_kernel = !is_bound(graph.node(source)) && given.insert(source).second;
    if (own_kernel && !old_kept.contains(u.state) && may_write(graph, storage, source, u.state, shapes))
      plan.writes.push_back({u.state, source.node});
    else
      plan.copied.push_back(u.state);
  }
  return plan;
}

std::vector<Precedence> anti_dependences(const Graph& graph, const Storage& storage,
                                         const std::vector<InPlaceWrite>& writes) {
  std::vector<NodeId> writer_of(graph.size(), 0xFFFFFFFF);
  for (const InPlaceWrite& w : writes) writer_of[w.state] = w.writer;
  std::vector<Precedence> found;
  for (NodeId reader = 0; reader < graph.size(); ++reader)
    for (const Value v : graph.node(reader).operands) {
      const NodeId writer = writer_of[storage.of(v).node];
      if (writer != 0xFFFFFFFF && writer != reader) found.push_back({reader, writer});
    }
  std::ranges::sort(found);
  const auto repeated = std::ranges::unique(found);
  found.erase(repeated.begin(), repeated.end());
  return found;
}

}  // namespace sinter::passes
