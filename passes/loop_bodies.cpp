#include "loop_bodies.h"

#include <algorithm>
#include <memory>

#include <sinter/ir/ops.h>
#include <sinter/ir/region.h>

namespace sinter::passes {

namespace {

bool is_loop(const ir::Node& node) { return ir::repetition_of(node).has_value(); }

ir::Graph with_bodies_run(const Pass& pass, const ir::Graph& graph) {
  ir::Graph result(graph.name());
  for (ir::Node node : graph.nodes()) {
    if (is_loop(node)) node.body = std::make_shared<const ir::Graph>(run_pass(pass, *node.body));
    result.add_unchecked(std::move(node));
  }
  for (const ir::Output& o : graph.outputs()) result.add_output(o.name, o.value);
  for (const ir::Update& u : graph.updates()) result.set_update(u.state, u.value);
  result.set_path(graph.path());
  return result;
}

}  // namespace

ir::Graph run_pass(const Pass& pass, const ir::Graph& graph) {
  const bool enters = pass.enters_loops && std::ranges::any_of(graph.nodes(), is_loop);
  return pass.run(enters ? with_bodies_run(pass, graph) : graph);
}

}  // namespace sinter::passes
