// What a kernel keeps for others costs a write and memory. Where its readers can compute it again with a few operations
// from what lies in memory anyway, it is not kept: x - mean beside x, the sum before a relu beside what it was made
// from, a gradient times a scale beside the gradient. A reader then reads the one tensor instead of the other.

#include <algorithm>

#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>

#include "fusion.h"

namespace sinter::passes {

using ir::NodeId;
using ir::OpInfo;
using ir::Value;

namespace {

bool is_cheap(const OpInfo& op) { return op.form == ir::Form::pointwise && !op.expensive && !op.reads_axes; }

}  // namespace

/// How to compute a member again.
struct Fusion::Remake {
  std::set<NodeId> nodes;  // members that are computed again with it
  std::set<Value> leaves;  // what it is made from
  int operations = 0;
  bool possible = true;
};

void Fusion::drop_recomputed() {
  for (NodeId id = 0; id < graph_.size(); ++id) {
    if (roles_.of(id) != Role::member || graph_.node(id).results.size() != 1 || outside_[id]) continue;
    if (graph_.type({id, 0}).elements() < limits_.least_elements || !is_read_elsewhere(id)) continue;
    const Remake remake = remake_of(id);
    if (remake.possible && reads_little(id, remake) && readers_can(id, remake)) let_readers_compute(remake.nodes);
  }
}

Fusion::Remake Fusion::remake_of(NodeId member) const {
  Remake remake;
  visit({member, 0}, member, remake);
  remake.possible = remake.possible && remake.operations <= limits_.most_operations;
  return remake;
}

void Fusion::visit(Value v, NodeId root, Remake& remake) const {
  const Role role = roles_.of(v.node);
  const bool is_leaf = role == Role::bound || (role == Role::member && v.node != root &&
                                               (group_of_[v.node] != group_of_[root] || is_kept(v.node)));
  if (is_leaf) {
    remake.leaves.insert(v);
    return;
  }
  const OpInfo& op = ir::info(graph_.node(v.node).kind);
  if (op.form == ir::Form::pointwise) ++remake.operations;
  if (role == Role::member) {
    remake.possible = remake.possible && is_cheap(op) && graph_.node(v.node).results.size() == 1;
    remake.nodes.insert(v.node);
  }
  if (!remake.possible || remake.operations > limits_.most_operations) return;
  for (const Value& operand : graph_.node(v.node).operands) visit(operand, root, remake);
}

/// One tensor of the same size and no more bytes, and otherwise little things. It is no state: that would have to be
/// copied where its new value is written before the last reader has come.
bool Fusion::reads_little(NodeId member, const Remake& remake) const {
  const ir::TensorType& type = graph_.type({member, 0});
  int large = 0;
  for (const Value& leaf : remake.leaves) {
    const ir::TensorType& read = graph_.type(leaf);
    if (read.elements() * limits_.little <= type.elements()) continue;
    if (read.elements() != type.elements() || read.bytes() > type.bytes()) return false;
    if (graph_.node(leaf.node).kind == ir::kind_of<ir::State>()) return false;
    ++large;
  }
  return large == 1;
}

/// Whether every reader visits the element once, and still fits its kernel.
bool Fusion::readers_can(NodeId member, const Remake& remake) const {
  std::set<int> groups = {group_of_[member]};
  for (const NodeId u : users_[member]) {
    const ir::Node& n = graph_.node(u);
    const OpInfo& op = ir::info(n.kind);
    if (op.form != ir::Form::pointwise && op.form != ir::Form::reduce) return false;
    if (op.form == ir::Form::reduce) {
      const ir::Space space = ir::node_space(graph_, n);
      if (space.parallel_elements() * space.reduced_elements() > graph_.type({member, 0}).elements()) return false;
    }
    groups.insert(group_of_[u]);
  }
  return std::all_of(groups.begin(), groups.end(), [&](int g) { return fits(g, member, remake); });
}

bool Fusion::fits(int group, NodeId member, const Remake& remake) const {
  std::vector<NodeId> members = groups_[at(group)].members;
  std::erase_if(members, [&](NodeId m) { return remake.nodes.contains(m); });
  if (members.empty()) return true;
  const auto shape = ir::kernel_shape(kernel_of(members, remake.nodes).body);
  if (!std::holds_alternative<ir::KernelShape>(shape)) return false;
  const auto& s = std::get<ir::KernelShape>(shape);
  const std::int64_t outer = ir::Shape(s.outer).elements();
  const std::int64_t elements = graph_.type({member, 0}).elements();
  return elements == outer || elements == outer * ir::Shape(s.inner).elements();
}

void Fusion::let_readers_compute(const std::set<NodeId>& nodes) {
  std::set<NodeId> readers;
  for (const NodeId id : nodes) {
    readers.insert(users_[id].begin(), users_[id].end());
    std::erase(groups_[at(group_of_[id])].members, id);
    group_of_[id] = none;
    roles_.copy(id);
    forget_needs(id);
  }
  for (const NodeId reader : readers) {
    if (nodes.contains(reader)) continue;
    forget_needs(reader);
    find_needs(reader);
  }
}

}  // namespace sinter::passes
