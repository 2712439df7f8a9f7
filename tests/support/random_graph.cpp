#include "support/random_graph.h"

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/text.h>

#include "support/graph_maker.h"

namespace sinter::test {

namespace {

using ir::Expr;

/// Updates for some states that have none, outputs for what nobody uses and for some of the rest.
void finish(GraphMaker& m) {
  for (const ir::NodeId state : m.graph.states()) {
    if (m.graph.update_of(state) || m.random.chance(0.4)) continue;
    std::vector<Expr> fitting;
    for (const Expr& e : m.pool())
      if (e.type() == m.graph.node(state).results[0] && (e.value().node != state || m.random.chance(0.1)))
        fitting.push_back(e);
    if (!fitting.empty()) m.graph.set_update(state, m.random.pick(fitting).value());
  }
  std::vector<bool> used(m.graph.size(), false);
  for (const ir::Node& n : m.graph.nodes())
    for (const ir::Value& v : n.operands) used[v.node] = true;
  for (const ir::Update& u : m.graph.updates()) used[u.value.node] = true;
  int names = 0;
  for (const Expr& e : m.pool()) {
    const ir::Form form = ir::info(m.graph.node(e.value()).kind).form;
    const double chance = form == ir::Form::source ? 0.03 : used[e.value().node] ? 0.12 : 0.9;
    if (m.random.chance(chance)) m.graph.add_output(str("y", names++), e.value());
  }
  if (names == 0) m.graph.add_output("y0", m.pool().back().value());
}

RandomGraph result_of(std::uint64_t seed, GraphMaker& m) {
  return {seed, std::move(m.graph), std::move(m.environment)};
}

const OpGenerator& generator_of(std::string_view op) {
  for (const OpGenerator& g : op_generators())
    if (g.op == op) return g;
  user_error("no generator of random operands for op '", op, "'; add one to tests/support/random_ops.cpp");
}

/// Ops that only carry integers or have no place in a differentiable graph.
bool fit_for_smooth(const ir::OpInfo& op) { return op.differentiable && op.name != "convert"; }

}  // namespace

RandomGraph random_graph(std::uint64_t seed, const GraphOptions& options) {
  GraphMaker m(seed, options);
  std::vector<const OpGenerator*> ops;
  for (const OpGenerator& g : op_generators())
    if ((!options.smooth || fit_for_smooth(ir::info(*ir::find_op(g.op)))) && (options.loops || g.op != ir::Scan::name))
      ops.push_back(&g);
  std::vector<const Pattern*> chains;
  for (const Pattern& p : patterns())
    if ((!options.smooth || p.smooth) && (options.training || p.name != "training")) chains.push_back(&p);
  const auto wanted =
      static_cast<std::size_t>(std::max<std::int64_t>(2, m.random.between(options.nodes / 2, options.nodes * 3 / 2)));
  while (m.graph.size() < wanted && !m.exhausted()) {
    ir::PathScope scope(m.graph, str("layer_", m.graph.size() % 7));
    if (m.random.chance(0.12))
      m.random.pick(chains)->make(m);
    else
      m.keep(m.random.pick(ops)->make(m));
  }
  finish(m);
  return result_of(seed, m);
}

RandomGraph random_node(std::string_view op, std::uint64_t seed, const GraphOptions& options) {
  GraphMaker m(seed, options);
  m.fresh = true;
  const Expr y = m.keep(generator_of(op).make(m));
  for (std::uint32_t k = 0; k < m.graph.node(y.value().node).results.size(); ++k)
    m.graph.add_output(str("y", k), {y.value().node, k});
  return result_of(seed, m);
}

std::vector<std::string> ops_without_generator() {
  std::vector<std::string> missing;
  for (const ir::OpInfo& op : ir::all_ops()) {
    const bool found = std::any_of(op_generators().begin(), op_generators().end(),
                                   [&](const OpGenerator& g) { return g.op == op.name; });
    if (!found && op.name != ir::Fused::name) missing.emplace_back(op.name);
  }
  return missing;
}

void count_ops(const ir::Graph& graph, OpCounts& counts) {
  for (const ir::Node& n : graph.nodes()) {
    ++counts[std::string(ir::info(n.kind).name)];
    if (n.body) count_ops(*n.body, counts);
  }
}

std::string describe(const RandomGraph& graph) {
  return str("random graph of seed ", graph.seed, ":\n", ir::print(graph.graph));
}

}  // namespace sinter::test
