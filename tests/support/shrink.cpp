#include "support/shrink.h"

#include <exception>
#include <set>

#include <sinter/ir/ops.h>

#include "support/catch.h"
#include "support/draws.h"

namespace sinter::test {

namespace {

/// What stays of a graph.
struct Cut {
  std::set<std::size_t> outputs, updates;  // dropped, by position
  std::set<ir::NodeId> nodes;              // replaced by inputs
};

bool is_bound(const ir::Node& n) { return n.kind == ir::kind_of<ir::Input>() || n.kind == ir::kind_of<ir::State>(); }

/// A name for the input that stands for node `id`; earlier cuts of a graph may have left inputs of their own.
std::string unused_name(const ir::Environment& environment, ir::NodeId id) {
  std::string name = str("cut", id);
  while (environment.contains(name)) name += "_";
  return name;
}

RandomGraph apply(const RandomGraph& from, const Cut& cut) {
  const ir::Graph& graph = from.graph;
  std::vector<bool> needed(graph.size(), false);
  for (std::size_t k = 0; k < graph.outputs().size(); ++k)
    if (!cut.outputs.contains(k)) needed[graph.outputs()[k].value.node] = true;
  for (std::size_t k = 0; k < graph.updates().size(); ++k)
    if (!cut.updates.contains(k)) needed[graph.updates()[k].value.node] = needed[graph.updates()[k].state] = true;
  for (std::size_t id = graph.size(); id-- > 0;)
    if (needed[id] && !cut.nodes.contains(static_cast<ir::NodeId>(id)))
      for (const ir::Value& v : graph.node(static_cast<ir::NodeId>(id)).operands) needed[v.node] = true;

  const auto values = ir::interpret_all(graph, from.environment);
  RandomGraph to{from.seed, ir::Graph(graph.name()), {}};
  std::vector<ir::NodeId> place(graph.size(), 0);
  for (ir::NodeId id = 0; id < graph.size(); ++id) {
    if (!needed[id]) continue;
    ir::Node node = graph.node(id);
    if (is_bound(node)) to.environment[name_of(node)] = from.environment.find(name_of(node))->second;
    if (cut.nodes.contains(id)) {
      const std::string name = unused_name(from.environment, id);
      place[id] = ir::input(to.graph, name, node.results[0]).value().node;
      to.environment[name] = values[id][0];
      continue;
    }
    for (ir::Value& v : node.operands) v.node = place[v.node];
    place[id] = to.graph.add_unchecked(std::move(node));
  }
  const auto moved = [&](const ir::Value& v) { return ir::Value{place[v.node], v.result}; };
  for (std::size_t k = 0; k < graph.outputs().size(); ++k)
    if (!cut.outputs.contains(k)) to.graph.add_output(graph.outputs()[k].name, moved(graph.outputs()[k].value));
  for (std::size_t k = 0; k < graph.updates().size(); ++k)
    if (!cut.updates.contains(k)) to.graph.set_update(place[graph.updates()[k].state], moved(graph.updates()[k].value));
  return to;
}

/// Steps that each make the graph a little smaller.
std::vector<Cut> candidates(const ir::Graph& graph) {
  std::vector<Cut> cuts;
  const std::size_t results = graph.outputs().size() + graph.updates().size();
  if (results > 1) {
    for (std::size_t k = 0; k < graph.outputs().size(); ++k) cuts.push_back({{k}, {}, {}});
    for (std::size_t k = 0; k < graph.updates().size(); ++k) cuts.push_back({{}, {k}, {}});
  }
  for (ir::NodeId id = 0; id < graph.size(); ++id)
    if (ir::info(graph.node(id).kind).form != ir::Form::source && graph.node(id).results.size() == 1)
      cuts.push_back({{}, {}, {id}});
  return cuts;
}

}  // namespace

std::string judged(const Judge& judge, const RandomGraph& graph) {
  try {
    return judge(graph);
  } catch (const std::exception& e) {
    return std::string("threw: ") + e.what();
  }
}

RandomGraph shrink(const RandomGraph& graph, const Judge& judge) {
  RandomGraph smallest = graph;
  int trials = 400;
  for (bool progress = true; progress;) {
    progress = false;
    for (const Cut& cut : candidates(smallest.graph)) {
      if (--trials < 0) return smallest;
      RandomGraph smaller = apply(smallest, cut);
      if (judged(judge, smaller).empty()) continue;
      smallest = std::move(smaller);
      progress = true;
      break;
    }
  }
  return smallest;
}

std::string verdict(const RandomGraph& graph, const Judge& judge) {
  const std::string objection = judged(judge, graph);
  if (objection.empty()) return {};
  const RandomGraph small = shrink(graph, judge);
  const std::string first_line = objection.substr(0, objection.find('\n'));
  return str("seed ", graph.seed, ": ", first_line, "\nshrunk: ", judged(judge, small), "\n", describe(small));
}

std::string verdicts(std::uint64_t first, std::uint64_t last, const GraphOptions& options, const Judge& judge) {
  std::string all;
  int count = 0;
  for (std::uint64_t seed = first; seed < last && count < 3; seed += draw_stride) {
    INFO("seed " << seed);  // shown when the test crashes
    const std::string found = verdict(random_graph(seed, options), judge);
    if (!found.empty()) ++count;
    all += found;
  }
  return all;
}

}  // namespace sinter::test
