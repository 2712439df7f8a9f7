#include "fuse_roles.h"

#include <algorithm>

#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>

namespace sinter::passes {

using ir::NodeId;
using ir::OpInfo;
using ir::Value;

namespace {

const OpInfo& op(const ir::Node& n) { return ir::info(n.kind); }

}  // namespace

bool reads_whole_operands(const ir::Node& node) {
  return op(node).form == ir::Form::region || op(node).form == ir::Form::external;
}

Roles::Roles(const ir::Graph& graph) : graph_(graph) {
  for (NodeId id = 0; id < graph.size(); ++id) roles_.push_back(first_role(id));
  for (const ir::Output& o : graph.outputs()) materialise(o.value.node);
  for (const ir::Update& u : graph.updates()) materialise(u.value.node);
  for (const ir::Node& n : graph.nodes())
    if (op(n).form == ir::Form::contract || op(n).form == ir::Form::prefix || reads_whole_operands(n))
      for (const Value& v : n.operands) materialise(v.node);
}

/// A contraction reads its operands many times, and outputs need memory: what stands there is computed once. Views are
/// only another name.
void Roles::materialise(NodeId id) {
  if (roles_[id] == Role::copied) roles_[id] = Role::member;
  if (roles_[id] == Role::view) materialise(graph_.node(id).operands[0].node);
}

Role Roles::first_role(NodeId id) const {
  const ir::Node& n = graph_.node(id);
  const OpInfo& o = op(n);
  if (n.kind == ir::kind_of<ir::Constant>()) return n.results[0].elements() == 1 ? Role::copied : Role::bound;
  if (o.form == ir::Form::source && !o.reads_axes) return Role::bound;
  if (reads_whole_operands(n)) return Role::member;
  if (is_view(graph_, id)) return Role::view;
  if (o.form == ir::Form::map && !o.reads_axes && is_plain_movement(n)) return Role::copied;
  return is_generated(id) ? Role::copied : Role::member;
}

bool Roles::is_plain_movement(const ir::Node& n) const {
  const ir::Space space = ir::node_space(graph_, n);
  return space.reads.size() == n.operands.size() && space.reads.size() == 1;
}

/// A tensor made from scalars and axis numbers alone, cheaper to make again than to keep.
bool Roles::is_generated(NodeId id) const {
  const ir::Node& n = graph_.node(id);
  if ((op(n).form != ir::Form::pointwise && !op(n).reads_axes) || op(n).expensive) return false;
  return n.results[0].elements() != 1 && comes_from_axes(n);
}

/// A copied node that reads no tensor.
bool Roles::is_free(NodeId id) const { return roles_[id] == Role::copied && comes_from_axes(graph_.node(id)); }

bool Roles::comes_from_axes(const ir::Node& n) const {
  return std::all_of(n.operands.begin(), n.operands.end(), [&](const Value& v) {
    return graph_.type(v).elements() == 1 || is_free(v.node) || (op(n).reads_axes && roles_[v.node] == Role::bound);
  });
}

}  // namespace sinter::passes
