#include "in_place.h"

#include <algorithm>
#include <set>

#include <sinter/ir/region.h>

namespace sinter::passes {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Value;

namespace {

class Places {
 public:
  Places(const Graph& graph, const Storage& storage, std::span<const NodeId> order, KernelShapes& shapes)
      : graph_(graph), storage_(storage), shapes_(shapes) {
    for (const NodeId id : order)
      if (!storage_.is_view(id))
        for (const Value& v : graph_.node(id).operands) last_reader_[storage_.of(v)] = id;
    for (const ir::Output& o : graph_.outputs()) elsewhere_.insert(storage_.of(o.value));
    for (const ir::Update& u : graph_.updates()) elsewhere_.insert(storage_.of(u.value));
    for (const NodeId id : order)
      if (!is_bound(graph_.node(id)) && !storage_.is_view(id) && !ir::repetition_of(graph_.node(id))) add_kernel(id);
  }

  std::map<Value, Value> taken;  // by result

 private:
  /// Whether operand `slot` of a kernel is a value that nobody needs after it.
  bool is_used_up(NodeId id, std::size_t slot) const {
    const std::vector<Value>& operands = graph_.node(id).operands;
    const Value value = storage_.of(operands[slot]);
    return !is_bound(graph_.node(value.node)) && !elsewhere_.contains(value) && last_reader_.at(value) == id &&
           std::ranges::count(operands, value, [&](const Value& v) { return storage_.of(v); }) == 1;
  }

  bool fits(NodeId id, std::size_t slot, std::uint32_t result) {
    const Node& node = graph_.node(id);
    if (graph_.type(node.operands[slot]).dtype != node.results[result].dtype) return false;
    return may_overwrite(graph_, id, slot, result, shapes_);
  }

  void add_kernel(NodeId id) {
    const Node& node = graph_.node(id);
    std::vector<bool> free;
    for (std::size_t slot = 0; slot < node.operands.size(); ++slot) free.push_back(is_used_up(id, slot));
    for (std::uint32_t r = 0; r < node.results.size(); ++r) {
      if (elsewhere_.contains({id, r})) continue;
      for (std::size_t slot = 0; slot < node.operands.size(); ++slot) {
        if (!free[slot] || !fits(id, slot, r)) continue;
        taken[{id, r}] = storage_.of(node.operands[slot]);
        free[slot] = false;
        break;
      }
    }
  }

  const Graph& graph_;
  const Storage& storage_;
  KernelShapes& shapes_;
  std::map<Value, NodeId> last_reader_;
  std::set<Value> elsewhere_;
};

}  // namespace

std::map<Value, Value> places_taken(const Graph& graph, const Storage& storage, std::span<const NodeId> order,
                                    KernelShapes& shapes) {
  return Places(graph, storage, order, shapes).taken;
}

}  // namespace sinter::passes
