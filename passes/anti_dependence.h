#pragma once
// What writing states in place asks of an order.

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/kernel.h>
#include <sinter/passes/schedule_order.h>

#include "graph_view.h"

namespace sinter::passes {

/// storage_of for every value, computed once; views are many lookups otherwise.
class Storage {
 public:
  explicit Storage(const ir::Graph& graph);
  ir::Value of(ir::Value value) const { return is_view(value.node) ? roots_[value.node] : value; }
  bool is_view(ir::NodeId node) const { return roots_[node].node != node; }

 private:
  std::vector<ir::Value> roots_;
};

/// A state and the node that overwrites it.
struct InPlaceWrite {
  ir::NodeId state = 0;
  ir::NodeId writer = 0;
};

struct InPlacePlan {
  std::vector<InPlaceWrite> writes;
  std::vector<ir::NodeId> copied;  // updated states that cannot be written in place, whatever the order
};

/// Shapes of kernel bodies, each found once: whoever orders many graphs of mostly the same kernels keeps one of these.
class KernelShapes {
 public:
  using Shape = std::variant<ir::KernelShape, std::string>;
  const Shape& of(const std::shared_ptr<const ir::Graph>& body);

 private:
  std::map<std::shared_ptr<const ir::Graph>, Shape> found_;
};

/// ir::may_overwrite for operand `slot` and a result of a kernel, as far as its own reads go.
bool may_overwrite(const ir::Graph& graph, ir::NodeId kernel, std::size_t slot, std::size_t result,
                   KernelShapes& shapes);
/// Decides for each update whether its producer may write the state. Cycles are not looked at.
InPlacePlan plan_in_place(const ir::Graph& graph, const Storage& storage, KernelShapes& shapes);
/// order_nodes() for a graph whose kernels may be known already.
Order order_nodes(const ir::Graph& graph, KernelShapes& shapes);
/// For each write, every other node that reads the old value before it, views included.
std::vector<Precedence> anti_dependences(const ir::Graph& graph, const Storage& storage,
                                         const std::vector<InPlaceWrite>& writes);

/// Inputs, states and constants: values that exist before the first kernel runs.
bool is_bound(const ir::Node& node);

}  // namespace sinter::passes
