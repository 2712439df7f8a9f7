#pragma once
// Graphs are append-only, so a pass writes a new one. This keeps track of which new value stands for which old one.

#include <utility>
#include <vector>

#include <sinter/ir/error.h>
#include <sinter/ir/graph.h>

namespace sinter::passes {

class Rebuild {
 public:
  explicit Rebuild(const ir::Graph& from) : from_(from), to_(from.name()), values_(from.size()) {}

  ir::Graph& graph() { return to_; }

  /// The new value that stands for an old one.
  ir::Value of(ir::Value old) const {
    check(old.result < values_[old.node].size(), "rebuild: node %", old.node, " was dropped, but is used");
    return values_[old.node][old.result];
  }

  /// Copies an old node, its operands replaced by what stands for them. Returns the new id.
  ir::NodeId keep(ir::NodeId old) {
    ir::Node node = from_.node(old);
    for (ir::Value& v : node.operands) v = of(v);
    return put(old, std::move(node));
  }

  /// Lets a new node with as many results, whose operands are new values, stand for an old one. Returns its id.
  ir::NodeId put(ir::NodeId old, ir::Node node) {
    const ir::NodeId id = to_.add_unchecked(std::move(node));
    std::vector<ir::Value> results;
    for (std::uint32_t k = 0; k < to_.node(id).results.size(); ++k) results.push_back({id, k});
    replace(old, std::move(results));
    return id;
  }

  /// Lets new values stand for the results of an old node.
  void replace(ir::NodeId old, std::vector<ir::Value> results) { values_[old] = std::move(results); }

  /// Outputs and updates follow; then the new graph is ready.
  ir::Graph finish() {
    for (const ir::Output& o : from_.outputs()) to_.add_output(o.name, of(o.value));
    for (const ir::Update& u : from_.updates()) to_.set_update(of({u.state, 0}).node, of(u.value));
    to_.set_path(from_.path());
    return std::move(to_);
  }

 private:
  const ir::Graph& from_;
  ir::Graph to_;
  std::vector<std::vector<ir::Value>> values_;
};

}  // namespace sinter::passes
