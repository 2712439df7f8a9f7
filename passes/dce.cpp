// Dead code. Other passes leave what they replaced behind and let this one sweep, which keeps them simple. Inputs and
// states stay even if nothing reads them: what a caller binds must not depend on how clever a pass was.

#include <sinter/ir/ops.h>
#include <sinter/passes/rewrites.h>

#include "rebuild.h"

namespace sinter::passes {

namespace {

/// Bound by the caller.
bool is_port(const ir::Node& node) {
  return node.kind == ir::kind_of<ir::Input>() || node.kind == ir::kind_of<ir::State>();
}

std::vector<char> needed_nodes(const ir::Graph& graph) {
  std::vector<char> needed(graph.size(), 0);
  for (const ir::Output& o : graph.outputs()) needed[o.value.node] = 1;
  for (const ir::Update& u : graph.updates()) needed[u.value.node] = 1;
  for (ir::NodeId id = static_cast<ir::NodeId>(graph.size()); id-- > 0;) {  // users come after operands
    if (is_port(graph.node(id))) needed[id] = 1;
    if (needed[id] == 0) continue;
    for (const ir::Value v : graph.node(id).operands) needed[v.node] = 1;
  }
  return needed;
}

}  // namespace

ir::Graph dce(const ir::Graph& graph) {
  const std::vector<char> needed = needed_nodes(graph);
  Rebuild rebuild(graph);
  for (ir::NodeId id = 0; id < graph.size(); ++id)
    if (needed[id] != 0) rebuild.keep(id);
  return rebuild.finish();
}

}  // namespace sinter::passes
