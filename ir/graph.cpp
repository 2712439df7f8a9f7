#include <sinter/ir/graph.h>

#include <sinter/ir/error.h>
#include <sinter/ir/expr.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/region.h>

namespace sinter::ir {

std::string where(const std::string& path, std::string_view op) {
  return path.empty() ? std::string(op) : path + ": " + std::string(op);
}

NodeId Graph::add(OpKind kind, Attributes attributes, std::vector<Value> operands, std::shared_ptr<const Graph> body) {
  const OpInfo& op = info(kind);
  if (op.arity >= 0 && operands.size() != static_cast<std::size_t>(op.arity))
    user_error(where(path_, op.name), ": expected ", op.arity, " operands, got ", operands.size());
  std::vector<TensorType> types;
  for (const Value& v : operands) {
    check(v.node < nodes_.size() && v.result < nodes_[v.node].results.size(), where(path_, op.name),
          ": operand is not in the graph");
    types.push_back(type(v));
  }
  Node node{kind, std::move(attributes), std::move(operands), {}, path_, std::move(body)};
  try {
    node.results = op.form == Form::region && node.body ? region_results(kind, node.attributes, *node.body, types)
                                                        : op.infer(node.attributes, types);
  } catch (const UserError& e) {
    throw UserError(where(path_, op.name) + ": " + e.what());
  }
  return add_unchecked(std::move(node));
}

NodeId Graph::add_unchecked(Node node) {
  nodes_.push_back(std::move(node));
  return static_cast<NodeId>(nodes_.size() - 1);
}

void Graph::set_update(NodeId state, Value value) {
  for (Update& u : updates_) {
    if (u.state != state) continue;
    u.value = value;
    return;
  }
  updates_.push_back({state, value});
}

std::optional<Value> Graph::update_of(NodeId state) const {
  for (const Update& u : updates_)
    if (u.state == state) return u.value;
  return std::nullopt;
}

namespace {

std::vector<NodeId> nodes_of(const Graph& graph, OpKind kind) {
  std::vector<NodeId> found;
  for (NodeId id = 0; id < graph.size(); ++id)
    if (graph.node(id).kind == kind) found.push_back(id);
  return found;
}

}  // namespace

std::vector<NodeId> Graph::inputs() const { return nodes_of(*this, kind_of<Input>()); }
std::vector<NodeId> Graph::states() const { return nodes_of(*this, kind_of<State>()); }

std::optional<NodeId> Graph::find(std::string_view name) const {
  for (NodeId id = 0; id < size(); ++id) {
    const Node& n = nodes_[id];
    if ((n.kind == kind_of<Input>() || n.kind == kind_of<State>()) && name_of(n) == name) return id;
  }
  return std::nullopt;
}

PathScope::PathScope(Graph& graph, const std::string& name) : graph_(graph), saved_(graph.path()) {
  graph.set_path(saved_.empty() ? name : saved_ + "/" + name);
}
PathScope::~PathScope() { graph_.set_path(saved_); }

const std::string& name_of(const Node& node) {
  const AttributeValue* name = node.attributes.find("name");
  check(name != nullptr && std::holds_alternative<std::string>(*name), "node has no name");
  return std::get<std::string>(*name);
}

std::vector<std::vector<Use>> uses_of(const Graph& graph) {
  std::vector<std::vector<Use>> uses(graph.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& n = graph.node(id);
    for (std::uint32_t slot = 0; slot < n.operands.size(); ++slot) uses[n.operands[slot].node].push_back({id, slot});
  }
  return uses;
}

}  // namespace sinter::ir
