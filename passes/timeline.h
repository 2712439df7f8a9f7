#pragma once
// When each kernel of a graph runs, and which bytes of the arena are alive then. Kernels are nodes, as for the order.

#include <cstdint>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/passes/schedule_order.h>

namespace sinter::passes {

struct Timeline {
  static constexpr std::size_t never = static_cast<std::size_t>(-1);

  std::vector<ir::NodeId> nodes;      // in the order in which they run
  std::vector<std::size_t> position;  // by node: its place in that order
  /// By node: bytes of the arena that each result takes; 0 for what lies elsewhere (views, outputs, states).
  std::vector<std::vector<std::int64_t>> bytes;
  /// By node and result: the position of the last kernel that reads it, views followed; its own if nothing does.
  std::vector<std::vector<std::size_t>> last_read;
  /// By node: when this state is written over; `never` for other nodes and for states that keep their old value.
  std::vector<std::size_t> overwritten;
  /// By node: the value whose bytes a view shows; the node's own first result for others.
  std::vector<ir::Value> roots;
  /// By position: bytes of the arena that are alive.
  std::vector<std::int64_t> alive;

  bool is_view(ir::NodeId node) const { return roots[node].node != node; }
  /// Follows views to the value that holds the bytes.
  ir::Value storage_of(ir::Value v) const { return is_view(v.node) ? roots[v.node] : v; }
  std::int64_t peak() const;
  /// The first position at which most bytes are alive.
  std::size_t moment_of_peak() const;
};

class KernelShapes;

/// The timeline of the order that lowering will choose.
Timeline timeline_of(const ir::Graph& graph, KernelShapes& shapes);

}  // namespace sinter::passes
