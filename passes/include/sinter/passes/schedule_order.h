#pragma once
// The order in which a graph's nodes run. Every node is taken as one kernel.

#include <string>
#include <vector>

#include <sinter/ir/graph.h>

namespace sinter::passes {

struct Order {
  /// Every node of the graph, once. Inputs, states and constants come first.
  std::vector<ir::NodeId> nodes;
  /// Updated states whose new value may not be written over the old one by the node that makes it. Keep the new value
  /// in a buffer of its own; when every kernel has run, write the outputs, then copy it into the state. Every other
  /// updated state may be written in place (or keeps its value, when its update names the state itself). Outputs that
  /// are old values of states are written before the first kernel runs.
  ///
  /// A state is listed for one of these reasons:
  ///   * no kernel makes the new value for this state alone: it is an input, a constant, another state (or a view of
  ///     one), or it was given to a state before this one. If it is another updated state's old value, that state is
  ///     listed too; save such values before the first copy is written, so that two states can be swapped;
  ///   * the node that makes it reads the old value elsewhere than at the element it writes;
  ///   * a cycle: two updates each read what the other overwrites. The smaller state is listed.
  std::vector<ir::NodeId> copied_states;
};

/// Operands before users; the node that writes a state in place after every other reader of the old value. Of the legal
/// orders it looks for one with few live bytes, the graph's own first; updates run as early as legal. Deterministic.
SINTER_API Order order_nodes(const ir::Graph& graph);

/// What breaks the promises above, for tests and debug builds.
SINTER_API std::vector<std::string> violations(const Order& order, const ir::Graph& graph);

/// Follows views (ir::is_view) to the value whose bytes `value` shares.
SINTER_API ir::Value storage_of(const ir::Graph& graph, ir::Value value);

}  // namespace sinter::passes
