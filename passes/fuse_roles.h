#pragma once
// What fusion does with each node of a graph.

#include <cstdint>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/op.h>

namespace sinter::passes {

enum class Role : std::uint8_t {
  bound,   // input, state, tensor constant: read by kernels
  copied,  // recomputed inside every user
  view,    // relabels elements: copied into users, and kept where an output or update names it
  member,  // computed by exactly one kernel
};

/// Loops, kernels made before, and users' functions: nothing joins them, and what they read lies in memory.
bool reads_whole_operands(const ir::Node& node);

class Roles {
 public:
  /// `graph` outlives it.
  explicit Roles(const ir::Graph& graph);
  Role of(ir::NodeId id) const { return roles_[id]; }
  /// From now on every user computes the node.
  void copy(ir::NodeId id) { roles_[id] = Role::copied; }

 private:
  void materialise(ir::NodeId id);
  Role first_role(ir::NodeId id) const;
  bool is_plain_movement(const ir::Node& n) const;
  bool is_generated(ir::NodeId id) const;
  bool is_free(ir::NodeId id) const;
  bool comes_from_axes(const ir::Node& n) const;

  const ir::Graph& graph_;
  std::vector<Role> roles_;
};

}  // namespace sinter::passes
