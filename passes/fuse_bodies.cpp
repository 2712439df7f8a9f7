// The body of a group of nodes, and the graph of kernels.

#include <algorithm>
#include <memory>

#include <sinter/ir/ops.h>

#include "fusion.h"

namespace sinter::passes {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Value;

struct Fusion::BodyBuilder {
  const Fusion& fusion;
  const std::set<NodeId>& copied;  // beside those that every kernel copies
  FusedKernel kernel{};
  std::map<Value, Value> made{};  // graph value -> body value

  Value value(Value v) {
    if (const auto found = made.find(v); found != made.end()) return found->second;
    const Role role = fusion.roles_.of(v.node);
    if ((role == Role::member && !copied.contains(v.node)) || role == Role::bound) {
      kernel.inputs.push_back(v);
      const ir::Expr e = ir::input(kernel.body, "p" + std::to_string(kernel.inputs.size() - 1), fusion.graph_.type(v));
      return made[v] = e.value();
    }
    return copy(v.node), made.at(v);
  }

  void copy(NodeId id) {
    Node node = fusion.graph_.node(id);
    for (Value& v : node.operands) v = value(v);
    const NodeId now = kernel.body.add_unchecked(std::move(node));
    for (std::uint32_t r = 0; r < fusion.graph_.node(id).results.size(); ++r) made[Value{id, r}] = Value{now, r};
  }
};

/// Body of the kernel that computes exactly `members`.
FusedKernel Fusion::kernel_of(const std::vector<NodeId>& members, const std::set<NodeId>& copied) const {
  BodyBuilder builder{*this, copied};
  const std::set<NodeId> inside(members.begin(), members.end());
  for (const NodeId m : members) builder.copy(m);
  for (const NodeId m : members) {
    const bool needed =
        outside_[m] || std::any_of(users_[m].begin(), users_[m].end(), [&](NodeId u) { return !inside.contains(u); });
    if (!needed) continue;
    for (std::uint32_t r = 0; r < graph_.node(m).results.size(); ++r) {
      builder.kernel.body.add_output("r" + std::to_string(builder.kernel.outputs.size()), builder.made.at({m, r}));
      builder.kernel.outputs.push_back({m, r});
    }
  }
  return std::move(builder.kernel);
}

// ---- Names ----

std::string Fusion::name_of(const std::vector<NodeId>& members) const {
  constexpr std::size_t most = 6;
  std::string name;
  for (std::size_t k = 0; k < members.size() && k < most; ++k)
    name += (k == 0 ? "" : "+") + std::string(ir::info(graph_.node(members[k]).kind).name);
  if (members.size() > most) name += "+" + std::to_string(members.size() - most) + " more";
  return name;
}

/// Path of the contraction or reduction, else of the last member.
const std::string& Fusion::path_of(const std::vector<NodeId>& members) const {
  for (const NodeId m : members)
    if (ir::info(graph_.node(m).kind).accumulators > 0) return graph_.node(m).path;
  return graph_.node(members.back()).path;
}

// ---- The result ----

void Fusion::emit(int group, Rebuild& out, std::set<NodeId>& views) const {
  const std::vector<NodeId>& members = groups_[at(group)].members;
  const Node& first = graph_.node(members[0]);
  FusedKernel kernel = kernel_of(members);
  if (kernel.outputs.empty()) return;
  if (reads_whole_operands(first))
    for (const Value& v : first.operands) emit_views(v, out, views);
  const bool plain =
      members.size() == 1 && kernel.body.size() == kernel.inputs.size() + 1 && kernel.inputs == first.operands;
  if (plain || reads_whole_operands(first)) {
    out.keep(members[0]);
    return;
  }
  Node node;
  node.kind = ir::kind_of<ir::Fused>();
  node.attributes = ir::pack(ir::Fused::Attrs{name_of(members), note_of(groups_[at(group)])});
  for (const Value& v : kernel.inputs) node.operands.push_back(out.of(v));
  for (const Value& v : kernel.outputs) node.results.push_back(graph_.type(v));
  node.path = path_of(members);
  node.body = std::make_shared<const Graph>(std::move(kernel.body));
  const NodeId id = out.graph().add_unchecked(std::move(node));
  std::map<NodeId, std::vector<Value>> results;
  for (std::uint32_t k = 0; k < kernel.outputs.size(); ++k) results[kernel.outputs[k].node].push_back({id, k});
  for (auto& [old, values] : results) out.replace(old, std::move(values));
}

void Fusion::emit_views(Value v, Rebuild& out, std::set<NodeId>& done) const {
  if (roles_.of(v.node) != Role::view || !done.insert(v.node).second) return;
  emit_views(graph_.node(v.node).operands[0], out, done);
  out.keep(v.node);
}

Graph Fusion::rebuilt() const {
  Rebuild out(graph_);
  std::set<NodeId> views;  // already kept
  for (NodeId id = 0; id < graph_.size(); ++id)
    if (roles_.of(id) == Role::bound) out.keep(id);
  std::vector<std::size_t> missing(groups_.size());
  std::set<std::pair<NodeId, int>> ready;  // by first member: keeps the graph's own order where it can
  for (int g = 0; g < static_cast<int>(groups_.size()); ++g) {
    if (groups_[at(g)].members.empty()) continue;
    missing[at(g)] = producers(g).size();
    if (missing[at(g)] == 0) ready.insert({groups_[at(g)].members.front(), g});
  }
  while (!ready.empty()) {
    const int g = ready.begin()->second;
    ready.erase(ready.begin());
    emit(g, out, views);
    for (const int c : consumers(g))
      if (--missing[at(c)] == 0) ready.insert({groups_[at(c)].members.front(), c});
  }
  for (const ir::Output& o : graph_.outputs()) emit_views(o.value, out, views);
  for (const ir::Update& u : graph_.updates()) emit_views(u.value, out, views);
  return out.finish();
}

}  // namespace sinter::passes
