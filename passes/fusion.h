#pragma once
// The pass `fuse` in parts: how groups grow (fuse.cpp), the body of a group and the graph of kernels (fuse_bodies.cpp),
// what is computed again instead of being kept (fuse_recompute.cpp).

#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/kernel.h>
#include <sinter/ir/op.h>
#include <sinter/passes/fuse.h>

#include "fuse_roles.h"
#include "rebuild.h"

namespace sinter::passes {

/// Nodes that one kernel computes.
struct FusionGroup {
  std::vector<ir::NodeId> members;  // increasing
  std::string stop;                 // why it grew no further
};

/// What takes what: the groups of one kind grow before those of the next.
struct Growth {
  bool (*starts)(const ir::OpInfo&);
  bool takes_producers;  // all of them, or those alone that cost no memory
  bool takes_siblings;   // groups that read what it reads
  const char* reason;
};

/// The body of a kernel and what it is bound to.
struct FusedKernel {
  ir::Graph body = ir::Graph();
  std::vector<ir::Value> inputs;   // values of the graph
  std::vector<ir::Value> outputs;  // values of the graph, in the order of the body's outputs
};

class Fusion {
 public:
  Fusion(const ir::Graph& graph, const RecomputeLimits& limits);
  ir::Graph run();

 private:
  static constexpr int none = -1;
  static std::size_t at(int k) { return static_cast<std::size_t>(k); }

  // ---- Who needs what ----
  void collect(ir::NodeId id, std::set<ir::Value>& found) const;
  void find_needs(ir::NodeId member);
  void forget_needs(ir::NodeId member);
  void find_outside();
  std::set<int> consumers(int group) const;
  std::set<int> producers(int group) const;
  std::set<int> siblings(int group) const;
  bool holds(const FusionGroup& group, const Growth& growth) const;
  bool is_read_elsewhere(ir::NodeId member) const;
  bool is_kept(ir::NodeId member) const { return outside_[member] || is_read_elsewhere(member); }

  // ---- Growing (fuse.cpp) ----
  bool is_convex(int a, int b) const;
  std::string refusal(int a, int b);
  std::string refusal(const std::vector<ir::NodeId>& members) const;
  bool is_computed_by(const std::set<ir::NodeId>& inside, const ir::Value& v) const;
  std::string computed_again(const std::vector<ir::NodeId>& members) const;
  std::string sizes(const std::vector<ir::NodeId>& members, const ir::KernelShape& shape) const;
  void merge(int into, int from);
  std::vector<int> neighbours(int group, const Growth& growth) const;
  void grow(int group, const Growth& growth);
  bool reads_no_tensor(int group) const;
  bool belongs_to_reduction(int group) const;
  void grow_from(const Growth& growth);

  // ---- What is computed again (fuse_recompute.cpp) ----
  struct Remake;
  void drop_recomputed();
  Remake remake_of(ir::NodeId member) const;
  void visit(ir::Value v, ir::NodeId root, Remake& remake) const;
  bool reads_little(ir::NodeId member, const Remake& remake) const;
  bool readers_can(ir::NodeId member, const Remake& remake) const;
  bool fits(int group, ir::NodeId member, const Remake& remake) const;
  void let_readers_compute(const std::set<ir::NodeId>& nodes);

  // ---- Bodies and the result (fuse_bodies.cpp) ----
  struct BodyBuilder;
  FusedKernel kernel_of(const std::vector<ir::NodeId>& members, const std::set<ir::NodeId>& copied = {}) const;
  std::string note_of(const FusionGroup& group) const;
  std::string name_of(const std::vector<ir::NodeId>& members) const;
  const std::string& path_of(const std::vector<ir::NodeId>& members) const;
  void emit(int group, Rebuild& out, std::set<ir::NodeId>& views) const;
  void emit_views(ir::Value v, Rebuild& out, std::set<ir::NodeId>& done) const;
  ir::Graph rebuilt() const;

  /// What came of looking at the union of two groups.
  struct Union {
    std::array<std::size_t, 2> sizes;  // of the groups then
    std::string refusal;
  };

  const ir::Graph& graph_;
  RecomputeLimits limits_;
  Roles roles_;
  std::vector<int> group_of_;
  std::vector<FusionGroup> groups_;
  std::vector<std::set<ir::Value>> needs_;
  std::vector<std::set<ir::NodeId>> users_;
  std::map<std::pair<int, int>, Union> unions_;
  std::map<ir::Value, std::set<ir::NodeId>> readers_;  // of a value that is computed elsewhere
  std::vector<bool> outside_;                          // outputs and new states
};

}  // namespace sinter::passes
