#include "recompute.h"

#include <string>

namespace sinter::passes {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Value;

namespace {

constexpr NodeId nothing = 0xFFFFFFFF;

/// A kernel that has a note says in it why it is there twice.
void remark(Node& node) {
  const std::string text = "runs again, so that less is kept";
  const ir::AttributeValue* note = node.attributes.find("note");
  if (note == nullptr || std::get<std::string>(*note).starts_with(text)) return;
  node.attributes.set("note", text + "; " + std::get<std::string>(*note));
}

class Recomputation {
 public:
  Recomputation(const Graph& graph, const Timeline& line, std::size_t moment, std::span<const char> again)
      : graph_(graph),
        line_(line),
        moment_(moment),
        again_(again.begin(), again.end()),
        first_(graph.size(), nothing),
        second_(graph.size(), nothing),
        made_(graph.name()) {
    mark_views();
  }

  Graph run() {
    for (std::size_t k = 0; k < line_.nodes.size(); ++k) {
      const NodeId id = line_.nodes[k];
      const bool late = k > moment_;
      if (late && again_[id] != 0) continue;  // a view of what is made again: when it is read
      if (late)
        for (const Value v : graph_.node(id).operands) make_again(v.node);
      first_[id] = made_.add_unchecked(node_reading(id, late));
    }
    return finish();
  }

 private:
  /// Views show what is made again only if they are copied too; other copies of views would serve nothing.
  void mark_views() {
    for (const NodeId id : line_.nodes)
      if (line_.is_view(id)) again_[id] = again_[graph_.node(id).operands[0].node];
  }

  /// What late readers read for `node`.
  NodeId late(NodeId node) const { return second_[node] != nothing ? second_[node] : first_[node]; }

  Node node_reading(NodeId id, bool late_values) const {
    Node node = graph_.node(id);
    for (Value& v : node.operands) v.node = late_values ? late(v.node) : first_[v.node];
    return node;
  }

  void make_again(NodeId id) {
    if (again_[id] == 0 || second_[id] != nothing) return;
    for (const Value v : graph_.node(id).operands) make_again(v.node);
    Node node = node_reading(id, true);
    remark(node);
    second_[id] = made_.add_unchecked(std::move(node));
  }

  Graph finish() {
    const auto value = [&](Value v) {
      if (first_[v.node] == nothing) make_again(v.node);
      return Value{first_[v.node] != nothing ? first_[v.node] : second_[v.node], v.result};
    };
    for (const ir::Output& o : graph_.outputs()) made_.add_output(o.name, value(o.value));
    for (const ir::Update& u : graph_.updates()) made_.set_update(first_[u.state], value(u.value));
    made_.set_path(graph_.path());
    return std::move(made_);
  }

  const Graph& graph_;
  const Timeline& line_;
  std::size_t moment_;
  std::vector<char> again_;
  std::vector<NodeId> first_, second_;
  Graph made_;
};

}  // namespace

Graph recompute_after(const Graph& graph, const Timeline& line, std::size_t moment, std::span<const char> again) {
  return trim_kernels(Recomputation(graph, line, moment, again).run());
}

}  // namespace sinter::passes
