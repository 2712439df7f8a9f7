#include "input_views.h"

#include <algorithm>
#include <map>
#include <optional>

#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>

#include "rebuild.h"

namespace sinter::passes {

namespace {

using ir::Graph;
using ir::NodeId;

/// The type of all that reads the input, when every reader is a view and all views agree.
std::optional<ir::TensorType> viewed_type(const Graph& body, NodeId input, const std::vector<ir::Use>& uses) {
  const bool returned = std::ranges::any_of(body.outputs(), [&](const ir::Output& o) { return o.value.node == input; });
  if (returned || uses.empty()) return std::nullopt;
  const ir::TensorType& type = body.node(uses.front().user).results[0];
  const bool agree = std::ranges::all_of(
      uses, [&](const ir::Use& use) { return is_view(body, use.user) && body.node(use.user).results[0] == type; });
  if (!agree || type == body.node(input).results[0]) return std::nullopt;
  return type;
}

}  // namespace

std::shared_ptr<const Graph> with_inputs_as_viewed(std::shared_ptr<const Graph> body) {
  const std::vector<std::vector<ir::Use>> uses = uses_of(*body);
  std::map<NodeId, ir::TensorType> types;
  for (const NodeId input : body->inputs())
    if (const auto type = viewed_type(*body, input, uses[input])) types.emplace(input, *type);
  if (types.empty()) return body;
  Rebuild rebuild(*body);
  for (NodeId id = 0; id < body->size(); ++id) {
    const ir::Node& n = body->node(id);
    if (const auto type = types.find(id); type != types.end())
      rebuild.replace(id, {ir::input(rebuild.graph(), name_of(n), type->second).value()});
    else if (!n.operands.empty() && types.contains(n.operands[0].node) && n.operands.size() == 1)
      rebuild.replace(id, {rebuild.of(n.operands[0])});
    else
      rebuild.keep(id);
  }
  return std::make_shared<const Graph>(rebuild.finish());
}

}  // namespace sinter::passes
