// List scheduling over the graph plus its anti-dependences. Two candidates are made, the graph's own order with updates
// pulled forward, and a greedy one that always runs what frees most bytes; the one with the lower peak is kept. Greedy
// alone is not enough: it is short-sighted where a chain first grows and then shrinks.

#include <sinter/passes/schedule_order.h>

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>

#include <boost/graph/strong_components.hpp>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>

#include "anti_dependence.h"
#include "graph_view.h"

namespace sinter::passes {

using ir::Graph;
using ir::NodeId;
using ir::Value;

namespace {

/// A state whose in-place write takes part in a cycle; the smallest one, the first of equals.
const InPlaceWrite* on_a_cycle(const Graph& graph, const Storage& storage, const std::vector<InPlaceWrite>& writes) {
  const std::vector<Precedence> before = anti_dependences(graph, storage, writes);
  const GraphView view(graph, before);
  std::vector<std::size_t> component(graph.size());
  const auto by_node = boost::make_iterator_property_map(component.begin(), get(boost::vertex_index, view));
  boost::strong_components(view, by_node);

  const InPlaceWrite* smallest = nullptr;
  for (const InPlaceWrite& w : writes) {
    const bool cyclic = std::ranges::any_of(before, [&](const Precedence& p) {
      return p.after == w.writer && component[p.before] == component[w.writer] &&
             std::ranges::any_of(graph.node(p.before).operands, [&](Value v) { return storage.of(v).node == w.state; });
    });
    const auto bytes = [&](const InPlaceWrite& write) { return graph.type(Value{write.state}).bytes(); };
    if (cyclic && (smallest == nullptr || bytes(w) < bytes(*smallest))) smallest = &w;
  }
  return smallest;
}

/// Bytes that come and go while nodes run. Views and values that are bound, outputs or written in place take none.
class LiveBytes {
 public:
  LiveBytes(const Graph& graph, const Storage& storage, const std::vector<InPlaceWrite>& writes)
      : graph_(graph), storage_(storage), pending_(graph.size()), bytes_(graph.size()) {
    for (NodeId id = 0; id < graph.size(); ++id) {
      for (const Value v : graph.node(id).operands) ++pending_[root(v)];
      if (is_bound(graph.node(id)) || storage.is_view(id)) continue;
      for (const ir::TensorType& type : graph.node(id).results) bytes_[id] += type.bytes();
    }
    for (const ir::Update& u : graph.updates()) ++pending_[root(u.value)];  // never freed
    std::set<Value> elsewhere;
    for (const ir::Output& o : graph.outputs()) elsewhere.insert(storage.of(o.value));
    for (const InPlaceWrite& w : writes) elsewhere.insert(storage.of(*graph.update_of(w.state)));
    for (const Value v : elsewhere)
      if (bytes_[v.node] > 0) bytes_[v.node] -= graph.type(v).bytes();
  }

  /// Bytes after running the node, less bytes before.
  std::int64_t change(NodeId id) const {
    std::int64_t delta = bytes_[id];
    std::vector<NodeId> roots;
    for (const Value v : graph_.node(id).operands) roots.push_back(root(v));
    std::ranges::sort(roots);
    for (auto from = roots.begin(); from != roots.end();) {
      const auto to = std::upper_bound(from, roots.end(), *from);
      if (to - from == pending_[*from]) delta -= bytes_[*from];
      from = to;
    }
    return delta;
  }

  void run(NodeId id) {
    peak_ = std::max(peak_, live_ + bytes_[id]);
    live_ += change(id);
    for (const Value v : graph_.node(id).operands) --pending_[root(v)];
  }

  std::int64_t peak() const { return peak_; }

 private:
  NodeId root(Value v) const { return storage_.of(v).node; }

  const Graph& graph_;
  const Storage& storage_;
  std::vector<std::int64_t> pending_;  // uses still to come of the node's bytes
  std::vector<std::int64_t> bytes_;
  std::int64_t live_ = 0;
  std::int64_t peak_ = 0;
};

/// Smaller runs first.
using Priority = std::tuple<std::int64_t, std::int64_t, NodeId>;
using PriorityOf = std::function<Priority(NodeId, const LiveBytes&)>;

class ListScheduler {
 public:
  ListScheduler(const GraphView& view, const LiveBytes& bytes) : view_(view), bytes_(bytes) {}

  /// Runs ready nodes by priority; returns the order and the most bytes alive.
  std::pair<std::vector<NodeId>, std::int64_t> run(const PriorityOf& priority) const {
    LiveBytes bytes = bytes_;
    std::vector<NodeId> order, ready;
    std::vector<std::size_t> missing(view_.size());
    for (NodeId id = 0; id < view_.size(); ++id) {
      missing[id] = view_.in(id).size();
      if (missing[id] == 0) ready.push_back(id);
    }
    while (!ready.empty()) {
      const auto next = std::ranges::min_element(ready, {}, [&](NodeId id) { return priority(id, bytes); });
      const NodeId id = *next;
      ready.erase(next);
      order.push_back(id);
      bytes.run(id);
      for (const ViewEdge& e : view_.out(id))
        if (--missing[e.user] == 0) ready.push_back(e.user);
    }
    check(order.size() == view_.size(), "schedule: a cycle is left among ", view_.size() - order.size(), " nodes");
    return {std::move(order), bytes.peak()};
  }

 private:
  const GraphView& view_;
  const LiveBytes& bytes_;  // before anything runs
};

std::vector<NodeId> best_order(const Graph& graph, const Storage& storage, const std::vector<InPlaceWrite>& writes) {
  const GraphView view(graph, anti_dependences(graph, storage, writes));
  std::vector<char> writes_state(graph.size(), 0);
  for (const InPlaceWrite& w : writes) writes_state[w.writer] = 1;
  const auto rank = [&](NodeId id) {
    return is_bound(graph.node(id)) ? 0 : storage.is_view(id) || writes_state[id] ? 1 : 2;
  };
  const PriorityOf as_written = [&](NodeId id, const LiveBytes&) { return Priority(rank(id), 0, id); };
  const PriorityOf greedy = [&](NodeId id, const LiveBytes& bytes) {
    const int r = rank(id);
    return Priority(r, r == 2 ? bytes.change(id) : 0, id);
  };
  const LiveBytes bytes_at_start(graph, storage, writes);
  const ListScheduler scheduler(view, bytes_at_start);
  auto [order, peak] = scheduler.run(as_written);
  auto [greedy_order, greedy_peak] = scheduler.run(greedy);
  return greedy_peak < peak ? greedy_order : order;
}

}  // namespace

Order order_nodes(const Graph& graph) {
  KernelShapes shapes;
  return order_nodes(graph, shapes);
}

Order order_nodes(const Graph& graph, KernelShapes& shapes) {
  const Storage storage(graph);
  InPlacePlan plan = plan_in_place(graph, storage, shapes);
  while (const InPlaceWrite* cyclic = on_a_cycle(graph, storage, plan.writes)) {
    plan.copied.push_back(cyclic->state);
    plan.writes.erase(plan.writes.begin() + (cyclic - plan.writes.data()));
  }
  std::ranges::sort(plan.copied);
  return {best_order(graph, storage, plan.writes), plan.copied};
}

std::vector<std::string> violations(const Order& order, const Graph& graph) {
  std::vector<std::string> found;
  std::vector<std::size_t> position(graph.size(), graph.size());
  for (std::size_t k = 0; k < order.nodes.size(); ++k) {
    const NodeId id = order.nodes[k];
    if (id >= graph.size() || position[id] != graph.size()) {
      found.push_back(str("node %", id, " is unknown or runs twice"));
      return found;
    }
    position[id] = k;
  }
  const Storage storage(graph);
  KernelShapes shapes;
  InPlacePlan plan = plan_in_place(graph, storage, shapes);
  const auto is_copied = [&](NodeId state) { return std::ranges::count(order.copied_states, state) > 0; };
  for (const NodeId state : plan.copied)
    if (!is_copied(state)) found.push_back(str("state ", name_of(graph.node(state)), " cannot be written in place"));
  std::erase_if(plan.writes, [&](const InPlaceWrite& w) { return is_copied(w.state); });
  const std::vector<Precedence> before = anti_dependences(graph, storage, plan.writes);
  const GraphView view(graph, before);
  for (const ViewEdge& e : view.edges())
    if (position[e.from] >= position[e.user])
      found.push_back(e.slot == ViewEdge::no_slot
                          ? str("node %", e.from, " reads a state after node %", e.user, " has overwritten it")
                          : str("node %", e.user, " runs before its operand %", e.from));
  for (NodeId id = 0; id < graph.size(); ++id)
    if (position[id] == graph.size()) found.push_back(str("node %", id, " never runs"));
  return found;
}

}  // namespace sinter::passes
