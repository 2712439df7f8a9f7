// Orders are judged by running them: states are overwritten in place as the order says, and the results must be those
// of the graph.

#include <sinter/passes/schedule_order.h>

#include <algorithm>
#include <map>

#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/text.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/pipeline.h>

#include "support/catch.h"
#include "support/compare.h"
#include "support/random_graph.h"

using namespace sinter;
using ir::DType;
using ir::Expr;
using ir::Graph;
using ir::NodeId;
using ir::NumArray;
using ir::Value;

namespace {

bool is_copied(const passes::Order& order, NodeId state) { return std::ranges::count(order.copied_states, state) > 0; }

/// Runs the order with one array per state that in-place updates overwrite, and views that see what they share.
class InPlaceRun {
 public:
  InPlaceRun(const Graph& graph, const passes::Order& order, const ir::Environment& environment)
      : graph_(graph), order_(order), values_(graph.size()) {
    for (const NodeId id : order.nodes) run(id, environment);
  }

  ir::InterpreterResult result() {
    ir::InterpreterResult result;
    for (const ir::Output& o : graph_.outputs()) result.outputs.push_back(output(o.value));
    std::map<std::string, NumArray> states;
    for (const ir::Update& u : graph_.updates()) {
      const bool in_place = !is_copied(order_, u.state) && passes::storage_of(graph_, u.value).node != u.state;
      states[name_of(graph_.node(u.state))] = in_place ? values_[u.state][0] : read(u.value);
    }
    result.states = std::move(states);
    return result;
  }

 private:
  /// Old values of states leave before anything runs.
  NumArray output(Value v) const {
    const auto old = old_.find(passes::storage_of(graph_, v).node);
    return old == old_.end() ? read(v) : NumArray{graph_.type(v), old->second.values};
  }

  /// A view reads its root's bytes at the time it is read.
  NumArray read(Value v) const {
    const Value root = passes::storage_of(graph_, v);
    return {graph_.type(v), values_[root.node][root.result].values};
  }

  void run(NodeId id, const ir::Environment& environment) {
    const ir::Node& node = graph_.node(id);
    if (ir::is_view(graph_, id)) return;
    if (node.kind == ir::kind_of<ir::Input>() || node.kind == ir::kind_of<ir::State>()) {
      values_[id] = {environment.at(name_of(node))};
      old_[id] = values_[id][0];
      return;
    }
    std::vector<NumArray> operands;
    for (const Value v : node.operands) operands.push_back(read(v));
    values_[id] = interpret_node(node, operands);
    for (const ir::Update& u : graph_.updates()) {
      const Value made = passes::storage_of(graph_, u.value);
      if (made.node == id && !is_copied(order_, u.state))
        values_[u.state] = {NumArray{graph_.type({u.state, 0}), values_[id][made.result].values}};
    }
  }

  const Graph& graph_;
  const passes::Order& order_;
  std::vector<std::vector<NumArray>> values_;
  std::map<NodeId, NumArray> old_;  // inputs and states before the first kernel
};

std::string run_and_compare(const Graph& graph, const passes::Order& order, const ir::Environment& environment) {
  return test::difference(interpret(graph, environment), InPlaceRun(graph, order, environment).result(), environment);
}

std::string run_and_compare(const Graph& graph) {
  return run_and_compare(graph, passes::order_nodes(graph), passes::random_environment(graph, 1));
}

std::size_t position(const passes::Order& order, NodeId id) {
  return static_cast<std::size_t>(std::ranges::find(order.nodes, id) - order.nodes.begin());
}

Expr state(Graph& g, const std::string& name, const ir::Shape& shape = {4, 4}) {
  return ir::state(g, name, {DType::f32, shape});
}
void update(const Expr& state, const Expr& value) { state.graph().set_update(state.value().node, value.value()); }

/// dX of a layer reads W, which the layer's own update overwrites; the update comes first in the graph.
struct Layer {
  Graph g;
  Expr x = input(g, "x", {DType::f32, {8, 4}});
  Expr w = state(g, "w");
  Expr grad = dot(x, x, {{}, {}, {0}, {0}});
  Expr new_w = w - grad;
  Expr dx = matmul(x, w);
  Layer() {
    update(w, new_w);
    g.add_output("dx", dx.value());
  }
};

}  // namespace

TEST_CASE("an update comes after every other reader of the old value") {
  Layer layer;
  const passes::Order order = passes::order_nodes(layer.g);
  CHECK(position(order, layer.dx.value().node) < position(order, layer.new_w.value().node));
  CHECK(order.copied_states.empty());
  CHECK(violations(order, layer.g).empty());
  CHECK(run_and_compare(layer.g).empty());
}

TEST_CASE("a lost anti-dependence is caught") {
  Layer layer;
  passes::Order order = passes::order_nodes(layer.g);
  std::swap(order.nodes[position(order, layer.dx.value().node)],
            order.nodes[position(order, layer.new_w.value().node)]);
  const std::vector<std::string> found = violations(order, layer.g);
  REQUIRE(found.size() == 1);
  CHECK(found[0].find("after node") != std::string::npos);
  // Not only in words: the step computes something else.
  CHECK_FALSE(run_and_compare(layer.g, order, passes::random_environment(layer.g, 1)).empty());
}

TEST_CASE("a reader behind a view counts") {
  Graph g;
  const Expr w = state(g, "w");
  const Expr flat = reshape(w, {16});
  update(w, w * 0.5);
  g.add_output("y", exp(flat).value());
  CHECK(passes::order_nodes(g).copied_states.empty());
  CHECK(run_and_compare(g).empty());
}

TEST_CASE("updates run as early as they may") {
  Graph g;
  const Expr w = state(g, "w");
  const Expr early = w + 1.0;
  Expr chain = input(g, "x", {DType::f32, {4, 4}});
  for (int k = 0; k < 5; ++k) chain = exp(chain);
  const Expr late = w - 1.0;  // another reader
  update(w, early);
  g.add_output("y", chain.value());
  g.add_output("z", late.value());
  const passes::Order order = passes::order_nodes(g);
  CHECK(violations(order, g).empty());
  CHECK(position(order, late.value().node) < position(order, early.value().node));
}

TEST_CASE("a cycle costs one copy, of the smaller state") {
  Graph g;
  const Expr a = state(g, "a", {4});
  const Expr b = state(g, "b", {4, 4});
  const Expr from_b = reduce_sum(b, {0});
  update(a, a + from_b);                                // a' reads b
  update(b, b + broadcast(a, {4, 4}, {0}));             // b' reads a
  CHECK(passes::order_nodes(g).copied_states.empty());  // from_b can run first

  Graph h;
  const Expr c = state(h, "c", {4});
  const Expr d = state(h, "d", {4});
  update(c, c + d);
  update(d, d - c);
  const passes::Order order = passes::order_nodes(h);
  CHECK(order.copied_states == std::vector<NodeId>{c.value().node});
  CHECK(violations(order, h).empty());
  CHECK(run_and_compare(h).empty());
  CHECK_FALSE(violations(passes::Order{order.nodes, {}}, h).empty());
}

TEST_CASE("a reader that needs the old and the new value forces a copy") {
  Graph g;
  const Expr w = state(g, "w");
  const Expr next = w * 0.5;
  update(w, next);
  g.add_output("change", (w - next).value());
  CHECK(passes::order_nodes(g).copied_states == std::vector<NodeId>{w.value().node});
  CHECK(run_and_compare(g).empty());
}

TEST_CASE("states that no kernel of their own writes are copied") {
  Graph g;
  const Expr x = input(g, "x", {DType::f32, {4, 4}});
  const Expr a = state(g, "a");
  const Expr b = state(g, "b");
  const Expr c = state(g, "c");
  const Expr d = state(g, "d");
  const Expr e = state(g, "e");
  update(a, x);             // an input
  update(b, c);             // another state's old value ...
  update(c, c * 2.0);       // ... which must survive until then
  update(d, matmul(d, x));  // reads other elements than the one it writes
  update(e, e);             // nothing to do
  const passes::Order order = passes::order_nodes(g);
  CHECK(order.copied_states == std::vector<NodeId>{a.value().node, b.value().node, c.value().node, d.value().node});
  CHECK(run_and_compare(g).empty());
}

TEST_CASE("one new value for two states, and an old value as an output") {
  Graph g;
  const Expr a = state(g, "a");
  const Expr b = state(g, "b");
  const Expr c = state(g, "c");
  const Expr shared = a + b;
  update(a, shared);
  update(b, shared);
  update(c, c + 1.0);
  g.add_output("old", c.value());
  const passes::Order order = passes::order_nodes(g);
  CHECK(is_copied(order, b.value().node));
  CHECK_FALSE(is_copied(order, c.value().node));  // the output is written first
  CHECK(run_and_compare(g).empty());
}

TEST_CASE("ready nodes that free most bytes go first where that helps") {
  Graph g;
  const Expr x = input(g, "x", {DType::f32, {64}});
  std::vector<Expr> wide;
  for (int k = 0; k < 6; ++k) wide.push_back(broadcast(x * static_cast<double>(k + 1), {64, 64}, {1}));
  Expr sum = reduce_sum(exp(wide[0]), {0});
  for (std::size_t k = 1; k < wide.size(); ++k) sum = sum + reduce_sum(exp(wide[k]), {0});
  g.add_output("y", sum.value());
  const passes::Order order = passes::order_nodes(g);
  // In the order of the graph all six wide values are alive at once; here each is used up before the next is made.
  CHECK(violations(order, g).empty());
  std::vector<std::size_t> made;
  for (const Expr& w : wide) made.push_back(position(order, w.value().node));
  std::ranges::sort(made);
  CHECK(made.back() - made.front() > wide.size());
}

TEST_CASE("orders of random training graphs are legal and give the same bits") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const test::RandomGraph random = test::random_graph(seed);
    INFO(test::describe(random));
    const passes::Order order = passes::order_nodes(random.graph);
    CHECK(violations(order, random.graph).empty());
    CHECK(run_and_compare(random.graph, order, random.environment).empty());
    const Graph fused = passes::optimize(random.graph, {});
    const passes::Order fused_order = passes::order_nodes(fused);
    CHECK(violations(fused_order, fused).empty());
    CHECK(run_and_compare(fused, fused_order, random.environment).empty());
  }
}
