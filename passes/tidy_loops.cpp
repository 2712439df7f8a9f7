// Loops after differentiation. The gradient rule of a loop cannot change the loop that stands in the graph already, so
// it writes a second one that saves what the backward turns read. Both do the same work: here they become one.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include <sinter/ir/node_space.h>
#include <sinter/ir/region.h>
#include <sinter/passes/rewrites.h>

#include "rebuild.h"

namespace sinter::passes {

namespace {

using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Repetition;
using ir::Value;

/// Loops that can be one, and what the body of that one returns.
struct Family {
  NodeId first = 0;
  std::vector<ir::Output> outputs;
};

bool same_carries(const Graph& a, const Graph& b, const Repetition& loop) {
  for (std::size_t k = 0; k < loop.carries; ++k)
    if (a.outputs()[k].value != b.outputs()[k].value) return false;
  return true;
}

bool same_loop(const Node& a, const Node& b, const Repetition& loop) {
  return a.kind == b.kind && a.operands == b.operands && a.attributes == b.attributes && same_nodes(*a.body, *b.body) &&
         same_carries(*a.body, *b.body, loop);
}

/// Where each result of `node` stands among the results of its family, which grows by those that are new.
std::vector<std::uint32_t> join(Family& family, const Node& node, const Repetition& loop) {
  std::vector<std::uint32_t> places;
  for (std::uint32_t r = 0; r < node.results.size(); ++r) {
    const ir::Output& output = node.body->outputs()[r];
    auto known = family.outputs.begin() + r;
    if (r >= loop.carries)
      known = std::find_if(family.outputs.begin() + static_cast<std::ptrdiff_t>(loop.carries), family.outputs.end(),
                           [&](const ir::Output& o) { return o.value == output.value; });
    places.push_back(static_cast<std::uint32_t>(known - family.outputs.begin()));
    if (known == family.outputs.end()) family.outputs.push_back({str("r", places.back()), output.value});
  }
  return places;
}

std::shared_ptr<const Graph> with_outputs(const Graph& body, const std::vector<ir::Output>& outputs) {
  auto copy = std::make_shared<Graph>(body.name());
  for (const Node& node : body.nodes()) copy->add_unchecked(node);
  for (const ir::Output& o : outputs) copy->add_output(o.name, o.value);
  return copy;
}

/// Each family becomes its widest member, where its first member stood.
Graph merged(const Graph& graph) {
  std::vector<Family> families;
  std::map<NodeId, std::pair<std::size_t, std::vector<std::uint32_t>>> member;  // loop -> its family, its results
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& n = graph.node(id);
    const std::optional<Repetition> loop = repetition_of(n);
    if (!loop) continue;
    auto family = std::find_if(families.begin(), families.end(),
                               [&](const Family& f) { return same_loop(graph.node(f.first), n, *loop); });
    if (family == families.end()) family = families.insert(family, {id, n.body->outputs()});
    const auto number = static_cast<std::size_t>(family - families.begin());
    member[id] = {number, join(*family, n, *loop)};
  }
  Rebuild rebuild(graph);
  std::map<std::size_t, NodeId> made;  // family -> its loop
  for (NodeId id = 0; id < graph.size(); ++id) {
    const auto found = member.find(id);
    if (found == member.end()) {
      rebuild.keep(id);
      continue;
    }
    const auto& [number, places] = found->second;
    if (!made.contains(number)) {
      Node node = graph.node(id);
      for (Value& v : node.operands) v = rebuild.of(v);
      node.body = with_outputs(*node.body, families[number].outputs);
      node.results = region_results(node.kind, node.attributes, *node.body, operand_types(rebuild.graph(), node));
      made[number] = rebuild.graph().add_unchecked(std::move(node));
    }
    std::vector<Value> results;
    for (const std::uint32_t place : places) results.push_back({made.at(number), place});
    rebuild.replace(id, std::move(results));
  }
  return rebuild.finish();
}

/// Which results of each node are read.
std::vector<std::vector<char>> read_results(const Graph& graph) {
  std::vector<std::vector<char>> read;
  for (const Node& n : graph.nodes()) read.emplace_back(n.results.size(), 0);
  const auto mark = [&](Value v) { read[v.node][v.result] = 1; };
  for (const Node& n : graph.nodes()) std::ranges::for_each(n.operands, mark);
  for (const ir::Output& o : graph.outputs()) mark(o.value);
  for (const ir::Update& u : graph.updates()) mark(u.value);
  return read;
}

/// The loop without the stacks that nobody reads and the operands that no turn reads. `read` names the results that
/// stay: with them go those of the carries.
class Trimmed {
 public:
  Trimmed(const Node& node, const Repetition& loop, const std::vector<char>& read) : node_(node), loop_(loop) {
    for (std::size_t r = 0; r < read.size(); ++r)
      if (r < loop.carries || read[r] != 0) kept_.push_back(r);
  }

  /// Operands are those of the old graph.
  Node run() {
    Node trimmed = node_;
    trimmed.body = body(trimmed);
    return trimmed;
  }

  /// For each old result its new number; the old one's where it is gone.
  std::vector<std::uint32_t> places() const {
    std::vector<std::uint32_t> found(node_.results.size(), 0);
    for (std::uint32_t k = 0; k < kept_.size(); ++k) found[kept_[k]] = k;
    return found;
  }

 private:
  std::vector<char> needed() const {
    const Graph& body = *node_.body;
    std::vector<char> marks(body.size(), 0);
    for (const std::size_t r : kept_) marks[body.outputs()[r].value.node] = 1;
    const std::vector<NodeId> inputs = body.inputs();
    for (std::size_t k = 0; k < loop_.carries; ++k) marks[inputs[k]] = 1;
    for (auto id = static_cast<NodeId>(body.size()); id-- > 0;)
      if (marks[id] != 0)
        for (const Value v : body.node(id).operands) marks[v.node] = 1;
    return marks;
  }

  std::shared_ptr<const Graph> body(Node& trimmed) const {
    const Graph& body = *node_.body;
    const std::vector<char> marks = needed();
    const std::vector<NodeId> inputs = body.inputs();
    trimmed.operands.clear();
    std::int64_t sequences = 0;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (marks[inputs[k]] == 0) continue;
      trimmed.operands.push_back(node_.operands[k]);
      if (k >= loop_.carries && k < loop_.carries + loop_.sequences) ++sequences;
    }
    trimmed.attributes.set("sequences", sequences);
    Rebuild rebuild(body);
    for (NodeId id = 0; id < body.size(); ++id)
      if (marks[id] != 0) rebuild.keep(id);
    for (const std::size_t r : kept_)
      rebuild.graph().add_output(body.outputs()[r].name, rebuild.of(body.outputs()[r].value));
    return std::make_shared<const Graph>(std::move(rebuild.graph()));
  }

  const Node& node_;
  Repetition loop_;
  std::vector<std::size_t> kept_;  // results
};

Graph trimmed(const Graph& graph) {
  const std::vector<std::vector<char>> read = read_results(graph);
  Rebuild rebuild(graph);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& n = graph.node(id);
    const std::optional<Repetition> loop = repetition_of(n);
    if (!loop) {
      rebuild.keep(id);
      continue;
    }
    Trimmed trim(n, *loop, read[id]);
    Node node = trim.run();
    for (Value& v : node.operands) v = rebuild.of(v);
    node.results = region_results(node.kind, node.attributes, *node.body, operand_types(rebuild.graph(), node));
    const NodeId now = rebuild.graph().add_unchecked(std::move(node));
    std::vector<Value> results;
    for (const std::uint32_t place : trim.places()) results.push_back({now, place});
    rebuild.replace(id, std::move(results));
  }
  return rebuild.finish();
}

}  // namespace

Graph tidy_loops(const Graph& graph) {
  if (std::ranges::none_of(graph.nodes(), [](const Node& n) { return repetition_of(n).has_value(); })) return graph;
  return dce(trimmed(dce(merged(graph))));
}

}  // namespace sinter::passes
