// Joins nodes into kernels. What one loop nest can compute is decided by ir::kernel_shape, the same analysis that the
// loop builder runs, so that nothing here knows an op: legality is "the union has a kernel shape, and no path leaves it
// and comes back".
//
// Order: contractions take their consumers as epilogue, and what only that needs; reductions along rows take their
// whole sweep; reductions across rows take their consumers and private producers; then what is left joins elementwise.
// Nodes that only move elements, or that make them cheaply from axis numbers and scalars, are copied into every user
// instead.

#include <sinter/passes/fuse.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include <sinter/ir/error.h>
#include <sinter/ir/kernel.h>
#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>

#include "fuse_roles.h"
#include "rebuild.h"

namespace sinter::passes {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpInfo;
using ir::Value;

namespace {

constexpr int none = -1;

struct Group {
  std::vector<NodeId> members;  // increasing
  std::string stop;             // why it grew no further
};

/// What takes what: the groups of one kind grow before those of the next.
struct Growth {
  bool (*starts)(const OpInfo&);
  bool takes_producers;  // all of them, or those alone that cost no memory
  bool takes_siblings;   // groups that read what it reads
  const char* reason;
};

constexpr Growth contractions = {[](const OpInfo& o) { return o.form == ir::Form::contract; }, false, false,
                                 "a contraction and what is made of its result in the register tile"};
constexpr Growth growths[] = {
    contractions,
    {[](const OpInfo& o) { return o.form == ir::Form::reduce; }, true, true, "what one visit to the operands can give"},
    {[](const OpInfo& o) { return o.form == ir::Form::pointwise || o.form == ir::Form::map; }, true, true,
     "elements that need no others"},
};

/// The body of a kernel and what it is bound to.
struct Kernel {
  Graph body = Graph();
  std::vector<Value> inputs;   // values of the graph
  std::vector<Value> outputs;  // values of the graph, in the order of the body's outputs
};

class Fusion {
 public:
  explicit Fusion(const Graph& graph) : graph_(graph), roles_(graph), group_of_(graph.size(), none) {
    for (NodeId id = 0; id < graph.size(); ++id) {
      if (roles_.of(id) != Role::member) continue;
      group_of_[id] = static_cast<int>(groups_.size());
      groups_.push_back({{id}, {}});
    }
    find_needs();
  }

  Graph run() {
    for (const Growth& growth : growths) grow_from(growth);
    return rebuilt();
  }

 private:
  // ---- Who needs what ----

  /// Member and bound values that a node's computation reads, seen through copied nodes.
  void collect(NodeId id, std::set<Value>& found) const {
    for (const Value& v : graph_.node(id).operands) {
      const Role role = roles_.of(v.node);
      if (role == Role::member || role == Role::bound)
        found.insert(v);
      else
        collect(v.node, found);
    }
  }

  void find_needs() {
    needs_.resize(graph_.size());
    users_.resize(graph_.size());
    outside_.resize(graph_.size(), false);
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (roles_.of(id) != Role::member) continue;
      collect(id, needs_[id]);
      for (const Value& v : needs_[id]) {
        readers_[v].insert(id);
        if (roles_.of(v.node) == Role::member) users_[v.node].insert(id);
      }
    }
    const auto mark = [&](Value v) {
      while (roles_.of(v.node) == Role::view) v = graph_.node(v.node).operands[0];
      outside_[v.node] = true;
    };
    for (const ir::Output& o : graph_.outputs()) mark(o.value);
    for (const ir::Update& u : graph_.updates()) mark(u.value);
  }

  std::set<int> consumers(int group) const {
    std::set<int> found;
    for (const NodeId m : groups_[at(group)].members)
      for (const NodeId u : users_[m])
        if (group_of_[u] != group) found.insert(group_of_[u]);
    return found;
  }

  std::set<int> producers(int group) const {
    std::set<int> found;
    for (const NodeId m : groups_[at(group)].members)
      for (const Value& v : needs_[m])
        if (group_of_[v.node] != none && group_of_[v.node] != group) found.insert(group_of_[v.node]);
    return found;
  }

  /// Groups that read a tensor which this one reads as well: a visit to it may serve both. Contractions visit their
  /// operands in an order of their own, and nothing that they read can be updated in place.
  std::set<int> siblings(int group) const {
    std::set<int> found;
    for (const NodeId m : groups_[at(group)].members)
      for (const Value& v : needs_[m])
        if (graph_.type(v).elements() > 1)
          for (const NodeId r : readers_.at(v))
            if (group_of_[r] != group && !holds(groups_[at(group_of_[r])], contractions)) found.insert(group_of_[r]);
    return found;
  }

  /// Whether a member is of the kind with which `growth` starts.
  bool holds(const Group& group, const Growth& growth) const {
    return std::any_of(group.members.begin(), group.members.end(),
                       [&](NodeId m) { return growth.starts(ir::info(graph_.node(m).kind)); });
  }

  static std::size_t at(int k) { return static_cast<std::size_t>(k); }

  // ---- Bodies ----

  struct BodyBuilder {
    const Fusion& fusion;
    Kernel kernel{};
    std::map<Value, Value> made{};  // graph value -> body value

    Value value(Value v) {
      if (const auto found = made.find(v); found != made.end()) return found->second;
      const Role role = fusion.roles_.of(v.node);
      if (role == Role::member || role == Role::bound) {
        kernel.inputs.push_back(v);
        const ir::Expr e =
            ir::input(kernel.body, "p" + std::to_string(kernel.inputs.size() - 1), fusion.graph_.type(v));
        return made[v] = e.value();
      }
      return copy(v.node), made.at(v);
    }

    void copy(NodeId id) {
      Node node = fusion.graph_.node(id);
      for (Value& v : node.operands) v = value(v);
      const NodeId now = kernel.body.add_unchecked(std::move(node));
      for (std::uint32_t r = 0; r < fusion.graph_.node(id).results.size(); ++r) made[Value{id, r}] = Value{now, r};
    }
  };

  /// Body of the kernel that computes exactly `members`.
  Kernel kernel_of(const std::vector<NodeId>& members) const {
    BodyBuilder builder{*this};
    const std::set<NodeId> inside(members.begin(), members.end());
    for (const NodeId m : members) builder.copy(m);
    for (const NodeId m : members) {
      const bool needed =
          outside_[m] || std::any_of(users_[m].begin(), users_[m].end(), [&](NodeId u) { return !inside.contains(u); });
      if (!needed) continue;
      for (std::uint32_t r = 0; r < graph_.node(m).results.size(); ++r) {
        builder.kernel.body.add_output("r" + std::to_string(builder.kernel.outputs.size()), builder.made.at({m, r}));
        builder.kernel.outputs.push_back({m, r});
      }
    }
    return std::move(builder.kernel);
  }

  // ---- Growing ----

  /// True when joining a and b leaves no path from the union through another group back into it.
  bool is_convex(int a, int b) const {
    std::set<int> seen;
    std::vector<int> open;
    for (const int g : {a, b})
      for (const int c : consumers(g))
        if (c != a && c != b && seen.insert(c).second) open.push_back(c);
    while (!open.empty()) {
      const int g = open.back();
      open.pop_back();
      for (const int c : consumers(g)) {
        if (c == a || c == b) return false;
        if (seen.insert(c).second) open.push_back(c);
      }
    }
    return true;
  }

  /// Why the union of two groups is no kernel; empty when it is one.
  std::string refusal(int a, int b) const {
    if (!is_convex(a, b)) return "a value between them is computed elsewhere";
    std::vector<NodeId> members = groups_[at(a)].members;
    members.insert(members.end(), groups_[at(b)].members.begin(), groups_[at(b)].members.end());
    std::sort(members.begin(), members.end());
    const Kernel kernel = kernel_of(members);
    if (kernel.body.outputs().empty()) return "nothing is left to write";
    const auto shape = ir::kernel_shape(kernel.body);
    if (const auto* why = std::get_if<std::string>(&shape)) return *why;
    const std::string again = computed_again(members);
    return again.empty() ? sizes(members, std::get<ir::KernelShape>(shape)) : again;
  }

  /// Whether a member stands behind `v`, seen through copied nodes.
  bool is_computed_by(const std::set<NodeId>& inside, const Value& v) const {
    if (roles_.of(v.node) == Role::member) return inside.contains(v.node);
    if (roles_.of(v.node) == Role::bound) return false;
    const std::vector<Value>& operands = graph_.node(v.node).operands;
    return std::any_of(operands.begin(), operands.end(), [&](const Value& o) { return is_computed_by(inside, o); });
  }

  /// What a contraction or a window reads several times is computed before it, once.
  std::string computed_again(const std::vector<NodeId>& members) const {
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
  std::string sizes(const std::vector<NodeId>& members, const ir::KernelShape& shape) const {
    const std::int64_t outer = ir::Shape(shape.outer).elements();
    const std::int64_t all = outer * ir::Shape(shape.inner).elements();
    for (const NodeId m : members) {
      const std::int64_t n = graph_.type({m, 0}).elements();
      if (n != outer && n != all)
        return "'" + std::string(ir::info(graph_.node(m).kind).name) + "' has another number of elements";
    }
    return {};
  }

  void merge(int into, int from) {
    auto& members = groups_[at(into)].members;
    for (const NodeId m : groups_[at(from)].members) {
      members.push_back(m);
      group_of_[m] = into;
    }
    std::sort(members.begin(), members.end());
    groups_[at(from)].members.clear();
  }

  /// What a group may take, the nearest first.
  std::vector<int> neighbours(int group, const Growth& growth) const {
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
  void grow(int group, const Growth& growth) {
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

  bool reads_no_tensor(int group) const {
    const std::vector<NodeId>& members = groups_[at(group)].members;
    return std::all_of(members.begin(), members.end(), [&](NodeId m) {
      return std::all_of(needs_[m].begin(), needs_[m].end(), [&](const Value& v) {
        return graph_.type(v).elements() == 1 || ir::info(graph_.node(m).kind).reads_axes || group_of_[v.node] == group;
      });
    });
  }

  /// Results that only reductions read are best computed there: they then need no memory at all.
  bool belongs_to_reduction(int group) const {
    const std::set<int> readers = consumers(group);
    if (readers.empty()) return false;
    for (const NodeId m : groups_[at(group)].members)
      if (outside_[m]) return false;
    return std::all_of(readers.begin(), readers.end(), [&](int r) {
      return ir::info(graph_.node(groups_[at(r)].members.front()).kind).form == ir::Form::reduce;
    });
  }

  void grow_from(const Growth& growth) {
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (group_of_[id] != none && !reads_whole_operands(graph_.node(id)) &&
          growth.starts(ir::info(graph_.node(id).kind)))
        grow(group_of_[id], growth);
  }

  /// Why it is one kernel, and why it is no larger.
  std::string note_of(const Group& group) const {
    const auto growth =
        std::find_if(std::begin(growths), std::end(growths), [&](const Growth& g) { return holds(group, g); });
    std::string note = group.members.size() > 1 && growth != std::end(growths) ? growth->reason : "";
    if (!note.empty() && !group.stop.empty()) note += "; ";
    return note + group.stop;
  }

  // ---- Result ----

  std::string name_of(const std::vector<NodeId>& members) const {
    constexpr std::size_t most = 6;
    std::string name;
    for (std::size_t k = 0; k < members.size() && k < most; ++k)
      name += (k == 0 ? "" : "+") + std::string(ir::info(graph_.node(members[k]).kind).name);
    if (members.size() > most) name += "+" + std::to_string(members.size() - most) + " more";
    return name;
  }

  /// Path of the contraction or reduction, else of the last member.
  const std::string& path_of(const std::vector<NodeId>& members) const {
    for (const NodeId m : members)
      if (ir::info(graph_.node(m).kind).accumulators > 0) return graph_.node(m).path;
    return graph_.node(members.back()).path;
  }

  void emit(int group, Rebuild& out, std::set<NodeId>& views) const {
    const std::vector<NodeId>& members = groups_[at(group)].members;
    const Node& first = graph_.node(members[0]);
    Kernel kernel = kernel_of(members);
    if (kernel.outputs.empty()) return;
    if (reads_whole_operands(first))
      for (const Value& v : first.operands) emit_views(v, out, views);
    const bool plain =
        members.size() == 1 && kernel.body.size() == kernel.inputs.size() + 1 && kernel.inputs == first.operands;
    if (plain || reads_whole_operands(first)) {
      out.keep(members[0]);
      return;
    }
    Node node;
    node.kind = ir::kind_of<ir::Fused>();
    node.attributes = ir::pack(ir::Fused::Attrs{name_of(members), note_of(groups_[at(group)])});
    for (const Value& v : kernel.inputs) node.operands.push_back(out.of(v));
    for (const Value& v : kernel.outputs) node.results.push_back(graph_.type(v));
    node.path = path_of(members);
    node.body = std::make_shared<const Graph>(std::move(kernel.body));
    const NodeId id = out.graph().add_unchecked(std::move(node));
    std::map<NodeId, std::vector<Value>> results;
    for (std::uint32_t k = 0; k < kernel.outputs.size(); ++k) results[kernel.outputs[k].node].push_back({id, k});
    for (auto& [old, values] : results) out.replace(old, std::move(values));
  }

  void emit_views(Value v, Rebuild& out, std::set<NodeId>& done) const {
    if (roles_.of(v.node) != Role::view || !done.insert(v.node).second) return;
    emit_views(graph_.node(v.node).operands[0], out, done);
    out.keep(v.node);
  }

  Graph rebuilt() const {
    Rebuild out(graph_);
    std::set<NodeId> views;  // already kept
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (roles_.of(id) == Role::bound) out.keep(id);
    std::vector<std::size_t> missing(groups_.size());
    std::set<std::pair<NodeId, int>> ready;  // by first member: keeps the graph's own order where it can
    for (int g = 0; g < static_cast<int>(groups_.size()); ++g) {
      if (groups_[at(g)].members.empty()) continue;
      missing[at(g)] = producers(g).size();
      if (missing[at(g)] == 0) ready.insert({groups_[at(g)].members.front(), g});
    }
    while (!ready.empty()) {
      const int g = ready.begin()->second;
      ready.erase(ready.begin());
      emit(g, out, views);
      for (const int c : consumers(g))
        if (--missing[at(c)] == 0) ready.insert({groups_[at(c)].members.front(), c});
    }
    for (const ir::Output& o : graph_.outputs()) emit_views(o.value, out, views);
    for (const ir::Update& u : graph_.updates()) emit_views(u.value, out, views);
    return out.finish();
  }

  const Graph& graph_;
  Roles roles_;
  std::vector<int> group_of_;
  std::vector<Group> groups_;
  std::vector<std::set<Value>> needs_;
  std::vector<std::set<NodeId>> users_;
  std::map<Value, std::set<NodeId>> readers_;  // of a value that is computed elsewhere
  std::vector<bool> outside_;
};

}  // namespace

Graph fuse(const Graph& graph) { return Fusion(graph).run(); }

}  // namespace sinter::passes
