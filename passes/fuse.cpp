// Joins nodes into kernels. What one loop nest can compute is decided by ir::kernel_shape, the same analysis that the
// loop builder runs, so that nothing here knows an op: legality is "the union has a kernel shape, and no path leaves it
// and comes back".
//
// Order: contractions take their consumers as epilogue, and what only that needs; reductions along rows take their
// whole sweep; reductions across rows take their consumers and private producers; then what is left joins elementwise.
// Nodes that only move elements, or that make them cheaply from axis numbers and scalars, are copied into every user
// instead; last of all, what kernels keep for others is looked at again (fuse_recompute.cpp).

#include <sinter/passes/fuse.h>

#include <algorithm>
#include <array>

#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>

#include "fusion.h"

namespace sinter::passes {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpInfo;
using ir::Value;

namespace {

constexpr Growth contractions = {[](const OpInfo& o) { return o.form == ir::Form::contract; }, false, false,
                                 "a contraction and what is made of its result in the register tile"};
constexpr Growth growths[] = {
    contractions,
    {[](const OpInfo& o) { return o.form == ir::Form::reduce; }, true, true, "what one visit to the operands can give"},
    {[](const OpInfo& o) { return o.form == ir::Form::pointwise || o.form == ir::Form::map; }, true, true,
     "elements that need no others"},
};

}  // namespace

Fusion::Fusion(const Graph& graph, const RecomputeLimits& limits)
    : graph_(graph),
      limits_(limits),
      roles_(graph),
      group_of_(graph.size(), none),
      needs_(graph.size()),
      users_(graph.size()),
      outside_(graph.size(), false) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (roles_.of(id) != Role::member) continue;
    group_of_[id] = static_cast<int>(groups_.size());
    groups_.push_back({{id}, {}});
    find_needs(id);
  }
  find_outside();
}

Graph Fusion::run() {
  for (const Growth& growth : growths) grow_from(growth);
  drop_recomputed();
  return rebuilt();
}

// ---- Who needs what ----

/// Member and bound values that a node's computation reads, seen through copied nodes.
void Fusion::collect(NodeId id, std::set<Value>& found) const {
  for (const Value& v : graph_.node(id).operands) {
    const Role role = roles_.of(v.node);
    if (role == Role::member || role == Role::bound)
      found.insert(v);
    else
      collect(v.node, found);
  }
}

/// The nearest values that a member reads, and itself among their readers.
void Fusion::find_needs(NodeId member) {
  collect(member, needs_[member]);
  for (const Value& v : needs_[member]) {
    readers_[v].insert(member);
    if (roles_.of(v.node) == Role::member) users_[v.node].insert(member);
  }
}

void Fusion::forget_needs(NodeId member) {
  for (const Value& v : needs_[member]) {
    readers_[v].erase(member);
    users_[v.node].erase(member);
  }
  needs_[member].clear();
}

void Fusion::find_outside() {
  const auto mark = [&](Value v) {
    while (roles_.of(v.node) == Role::view) v = graph_.node(v.node).operands[0];
    outside_[v.node] = true;
  };
  for (const ir::Output& o : graph_.outputs()) mark(o.value);
  for (const ir::Update& u : graph_.updates()) mark(u.value);
}

bool Fusion::is_read_elsewhere(NodeId member) const {
  return std::any_of(users_[member].begin(), users_[member].end(),
                     [&](NodeId u) { return group_of_[u] != group_of_[member]; });
}

std::set<int> Fusion::consumers(int group) const {
  std::set<int> found;
  for (const NodeId m : groups_[at(group)].members)
    for (const NodeId u : users_[m])
      if (group_of_[u] != group) found.insert(group_of_[u]);
  return found;
}

std::set<int> Fusion::producers(int group) const {
  std::set<int> found;
  for (const NodeId m : groups_[at(group)].members)
    for (const Value& v : needs_[m])
      if (group_of_[v.node] != none && group_of_[v.node] != group) found.insert(group_of_[v.node]);
  return found;
}

/// Groups that read a tensor which this one reads as well: a visit to it may serve both. Contractions visit their
/// operands in an order of their own, and nothing that they read can be updated in place.
std::set<int> Fusion::siblings(int group) const {
  std::set<int> found;
  for (const NodeId m : groups_[at(group)].members)
    for (const Value& v : needs_[m])
      if (graph_.type(v).elements() > 1)
        for (const NodeId r : readers_.at(v))
          if (group_of_[r] != group && !holds(groups_[at(group_of_[r])], contractions)) found.insert(group_of_[r]);
  return found;
}

/// Whether a member is of the kind with which `growth` starts.
bool Fusion::holds(const FusionGroup& group, const Growth& growth) const {
  return std::any_of(group.members.begin(), group.members.end(),
                     [&](NodeId m) { return growth.starts(ir::info(graph_.node(m).kind)); });
}

// ---- Growing ----

/// True when joining a and b leaves no path from the union through another group back into it.
bool Fusion::is_convex(int a, int b) const {
  std::vector<bool> seen(groups_.size(), false);
  std::vector<int> open = {a, b};
  while (!open.empty()) {
    const int g = open.back();
    open.pop_back();
    for (const NodeId m : groups_[at(g)].members)
      for (const NodeId u : users_[m]) {
        const int c = group_of_[u];
        const bool inside = c == a || c == b;
        if (inside && g != a && g != b) return false;
        if (inside || seen[at(c)]) continue;
        seen[at(c)] = true;
        open.push_back(c);
      }
  }
  return true;
}

/// Why the union of two groups is no kernel; empty when it is one.
std::string Fusion::refusal(int a, int b) {
  if (!is_convex(a, b)) return "a value between them is computed elsewhere";
  // Groups only grow, so their sizes tell whether they are what they were when the union was last looked at.
  const auto [low, high] = std::minmax(a, b);
  const std::array<std::size_t, 2> sizes = {groups_[at(low)].members.size(), groups_[at(high)].members.size()};
  const auto found = unions_.find({low, high});
  if (found != unions_.end() && found->second.sizes == sizes) return found->second.refusal;
  std::vector<NodeId> members = groups_[at(a)].members;
  members.insert(members.end(), groups_[at(b)].members.begin(), groups_[at(b)].members.end());
  std::sort(members.begin(), members.end());
  const std::string why = refusal(members);
  unions_[{low, high}] = {sizes, why};
  return why;
}

std::string Fusion::refusal(const std::vector<NodeId>& members) const {
  const FusedKernel kernel = kernel_of(members);
  if (kernel.body.outputs().empty()) return "nothing is left to write";
  const auto shape = ir::kernel_shape(kernel.body);
  if (const auto* why = std::get_if<std::string>(&shape)) return *why;
  const std::string again = computed_again(members);
  return again.empty() ? sizes(members, std::get<ir::KernelShape>(shape)) : again;
}

/// Whether a member stands behind `v`, seen through copied nodes.
bool Fusion::is_computed_by(const std::set<NodeId>& inside, const Value& v) const {
  if (roles_.of(v.node) == Role::member) return inside.contains(v.node);
  if (roles_.of(v.node) == Role::bound) return false;
  const std::vector<Value>& operands = graph_.node(v.node).operands;
  return std::any_of(operands.begin(), operands.end(), [&](const Value& o) { return is_computed_by(inside, o); });
}

/// What a contraction or a window reads several times is computed before it, once.
std::string Fusion::computed_again(const std::vector<NodeId>& members) const {
  const std::set<NodeId> inside(members.begin(), members.end());
  for (const NodeId m : members) {
    const Node& n = graph_.node(m);
    const OpInfo& op = ir::info(n.kind);
    if (op.accumulators == 0) continue;
    const ir::Space space = ir::node_space(graph_, n);
    const std::int64_t terms = space.parallel_elements() * space.reduced_elements();
    for (std::size_t k = 0; k < space.reads.size(); ++k) {
      const Value& v = n.operands[static_cast<std::size_t>(space.operand_of(k))];
      if (terms > graph_.type(v).elements() && is_computed_by(inside, v))
        return "'" + std::string(op.name) + "' would compute its operand again for every term";
    }
  }
  return {};
}

/// A member that is smaller than the loop nest would be computed again and again.
std::string Fusion::sizes(const std::vector<NodeId>& members, const ir::KernelShape& shape) const {
  const std::int64_t outer = ir::Shape(shape.outer).elements();
  const std::int64_t all = outer * ir::Shape(shape.inner).elements();
  for (const NodeId m : members) {
    const std::int64_t n = graph_.type({m, 0}).elements();
    if (n != outer && n != all)
      return "'" + std::string(ir::info(graph_.node(m).kind).name) + "' has another number of elements";
  }
  return {};
}

void Fusion::merge(int into, int from) {
  auto& members = groups_[at(into)].members;
  for (const NodeId m : groups_[at(from)].members) {
    members.push_back(m);
    group_of_[m] = into;
  }
  std::sort(members.begin(), members.end());
  groups_[at(from)].members.clear();
}

/// What a group may take, the nearest first.
std::vector<int> Fusion::neighbours(int group, const Growth& growth) const {
  std::set<int> around = consumers(group);
  if (!growth.takes_producers) std::erase_if(around, [&](int c) { return belongs_to_reduction(c); });
  for (const int p : producers(group))
    if (growth.takes_producers || reads_no_tensor(p) || consumers(p).size() == 1) around.insert(p);
  std::vector<int> found(around.begin(), around.end());
  if (growth.takes_siblings)
    for (const int s : siblings(group))
      if (!around.contains(s)) found.push_back(s);
  return found;
}

/// Takes neighbours as long as one fits.
void Fusion::grow(int group, const Growth& growth) {
  bool grown = true;
  std::set<int> refused;
  while (grown) {
    grown = false;
    for (const int other : neighbours(group, growth)) {
      if (refused.contains(other)) continue;
      const std::string why = refusal(group, other);
      if (!why.empty()) {
        refused.insert(other);
        groups_[at(group)].stop = "stops at " + name_of(groups_[at(other)].members) + ": " + why;
        continue;
      }
      merge(group, other);
      refused.clear();
      grown = true;
      break;
    }
  }
}

bool Fusion::reads_no_tensor(int group) const {
  const std::vector<NodeId>& members = groups_[at(group)].members;
  return std::all_of(members.begin(), members.end(), [&](NodeId m) {
    return std::all_of(needs_[m].begin(), needs_[m].end(), [&](const Value& v) {
      return graph_.type(v).elements() == 1 || ir::info(graph_.node(m).kind).reads_axes || group_of_[v.node] == group;
    });
  });
}

/// Results that only reductions read are best computed there: they then need no memory at all.
bool Fusion::belongs_to_reduction(int group) const {
  const std::set<int> readers = consumers(group);
  if (readers.empty()) return false;
  for (const NodeId m : groups_[at(group)].members)
    if (outside_[m]) return false;
  return std::all_of(readers.begin(), readers.end(), [&](int r) {
    return ir::info(graph_.node(groups_[at(r)].members.front()).kind).form == ir::Form::reduce;
  });
}

void Fusion::grow_from(const Growth& growth) {
  for (NodeId id = 0; id < graph_.size(); ++id)
    if (group_of_[id] != none && !reads_whole_operands(graph_.node(id)) &&
        growth.starts(ir::info(graph_.node(id).kind)))
      grow(group_of_[id], growth);
}

/// Why it is one kernel, and why it is no larger.
std::string Fusion::note_of(const FusionGroup& group) const {
  const auto growth =
      std::find_if(std::begin(growths), std::end(growths), [&](const Growth& g) { return holds(group, g); });
  std::string note = group.members.size() > 1 && growth != std::end(growths) ? growth->reason : "";
  if (!note.empty() && !group.stop.empty()) note += "; ";
  return note + group.stop;
}

Graph fuse(const Graph& graph, const RecomputeLimits& limits) { return Fusion(graph, limits).run(); }

}  // namespace sinter::passes
