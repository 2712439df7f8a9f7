#include "timeline.h"

#include <algorithm>

#include <sinter/ir/region.h>
#include <sinter/passes/memory_plan.h>

#include "anti_dependence.h"

namespace sinter::passes {

using ir::Graph;
using ir::NodeId;
using ir::Value;

namespace {

std::int64_t aligned(std::int64_t bytes) { return (bytes + arena_alignment - 1) / arena_alignment * arena_alignment; }

/// What the turns of a loop keep between their kernels lives as long as the loop.
std::int64_t bytes_inside(const ir::Node& node) {
  if (!ir::repetition_of(node)) return 0;
  std::int64_t sum = 0;
  for (const ir::Node& inner : node.body->nodes()) {
    if (is_bound(inner)) continue;
    for (const ir::TensorType& type : inner.results) sum += aligned(type.bytes());
    sum += bytes_inside(inner);
  }
  return sum;
}

class TimelineBuilder {
 public:
  TimelineBuilder(const Graph& graph, KernelShapes& shapes)
      : graph_(graph), storage_(graph), order_(order_nodes(graph, shapes)) {}

  Timeline run() {
    line_.nodes = order_.nodes;
    for (NodeId id = 0; id < graph_.size(); ++id) line_.roots.push_back(storage_.of({id}));
    place();
    find_bytes();
    find_last_reads();
    find_alive();
    return std::move(line_);
  }

 private:
  void place() {
    line_.position.resize(graph_.size());
    for (std::size_t k = 0; k < line_.nodes.size(); ++k) line_.position[line_.nodes[k]] = k;
  }

  bool is_copied(NodeId state) const { return std::ranges::count(order_.copied_states, state) > 0; }
  std::int64_t& bytes_of(Value v) { return line_.bytes[v.node][v.result]; }

  void find_bytes() {
    line_.bytes.resize(graph_.size());
    line_.overwritten.assign(graph_.size(), Timeline::never);
    for (NodeId id = 0; id < graph_.size(); ++id)
      for (const ir::TensorType& type : graph_.node(id).results)
        line_.bytes[id].push_back(is_bound(graph_.node(id)) || storage_.is_view(id) ? 0 : aligned(type.bytes()));
    for (const ir::Output& o : graph_.outputs()) bytes_of(storage_.of(o.value)) = 0;
    for (const ir::Update& u : graph_.updates()) {
      const Value made = storage_.of(u.value);
      if (is_copied(u.state) || made.node == u.state) continue;
      bytes_of(made) = 0;
      line_.overwritten[u.state] = line_.position[made.node];
    }
  }

  void find_last_reads() {
    for (NodeId id = 0; id < graph_.size(); ++id)
      line_.last_read.emplace_back(graph_.node(id).results.size(), line_.position[id]);
    const auto read = [&](Value v, std::size_t when) {
      const Value root = storage_.of(v);
      std::size_t& last = line_.last_read[root.node][root.result];
      last = std::max(last, when);
    };
    for (NodeId id = 0; id < graph_.size(); ++id)
      if (!storage_.is_view(id))
        for (const Value v : graph_.node(id).operands) read(v, line_.position[id]);
    const std::size_t end = line_.nodes.size() - (line_.nodes.empty() ? 0 : 1);
    for (const ir::Output& o : graph_.outputs()) read(o.value, end);
    for (const ir::Update& u : graph_.updates()) read(u.value, end);
  }

  void find_alive() {
    std::vector<std::int64_t> change(line_.nodes.size() + 1, 0);
    const auto add = [&](std::int64_t bytes, std::size_t first, std::size_t last) {
      change[first] += bytes;
      change[last + 1] -= bytes;
    };
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const std::size_t made = line_.position[id];
      // Results that will take the place of an operand (in_place.h) count beside it while they are made: the search
      // finds more ways than with exact numbers, and a budget is judged by the arena that lowering plans.
      for (std::size_t r = 0; r < line_.bytes[id].size(); ++r) add(line_.bytes[id][r], made, line_.last_read[id][r]);
      add(bytes_inside(graph_.node(id)), made, made);
    }
    std::int64_t now = 0;
    for (std::size_t k = 0; k < line_.nodes.size(); ++k) line_.alive.push_back(now += change[k]);
  }

  const Graph& graph_;
  Storage storage_;
  Order order_;
  Timeline line_;
};

}  // namespace

std::int64_t Timeline::peak() const { return alive.empty() ? 0 : *std::ranges::max_element(alive); }

std::size_t Timeline::moment_of_peak() const {
  return static_cast<std::size_t>(std::ranges::max_element(alive) - alive.begin());
}

Timeline timeline_of(const Graph& graph, KernelShapes& shapes) { return TimelineBuilder(graph, shapes).run(); }

}  // namespace sinter::passes
