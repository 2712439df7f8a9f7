// Evaluates what only depends on constants, with the interpreter, whose bits are those of compiled code (it runs with
// denormals flushed, as the step does). Contents may only shrink: a broadcast of 0.5 to a million elements is better
// stretched when it is read. Big contractions of constants are left alone too: the interpreter is slow and this is done
// at every compilation.

#include <numeric>

#include <sinter/ir/interpreter.h>
#include <sinter/ir/ops.h>
#include <sinter/passes/rewrites.h>

#include "rebuild.h"

namespace sinter::passes {

namespace {

using ir::Graph;
using ir::Node;

constexpr std::int64_t most_points = 1 << 16;  // of the iteration space: some milliseconds at most

const ir::TensorData* contents_of(const Node& node) {
  const bool constant = node.kind == ir::kind_of<ir::Constant>();
  return constant ? std::get_if<ir::TensorData>(node.attributes.find("value")) : nullptr;
}

std::int64_t bytes_of(std::span<const ir::TensorType> types) {
  return std::accumulate(types.begin(), types.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& t) { return sum + t.bytes(); });
}

/// Operands of a node, if all are constants and evaluating it is worth it.
std::vector<ir::NumArray> foldable_operands(const Graph& graph, const Node& node) {
  const ir::OpInfo& op = info(node.kind);
  std::vector<ir::NumArray> operands;
  std::vector<ir::TensorType> types;
  if (!op.foldable || op.form == ir::Form::region) return {};
  for (const ir::Value v : node.operands) {
    const ir::TensorData* data = contents_of(graph.node(v));
    if (data == nullptr) return {};
    types.push_back(data->type);
  }
  const bool scalar = node.results.size() == 1 && node.results[0].elements() == 1;
  if (!scalar && bytes_of(node.results) > bytes_of(types)) return {};
  const ir::Space space = op.space(node.attributes, types);
  if (space.parallel_elements() * space.reduced_elements() > most_points) return {};
  for (const ir::Value v : node.operands) operands.push_back(ir::NumArray::from(*contents_of(graph.node(v))));
  return operands;
}

}  // namespace

ir::Graph constant_fold(const Graph& graph) {
  Rebuild rebuild(graph);
  for (ir::NodeId id = 0; id < graph.size(); ++id) {
    const ir::NodeId copy = rebuild.keep(id);
    Graph& made = rebuild.graph();
    const std::vector<ir::NumArray> operands = foldable_operands(made, made.node(copy));
    if (operands.empty()) continue;
    made.set_path(made.node(copy).path);
    std::vector<ir::Value> results;
    for (const ir::NumArray& value : interpret_node(made.node(copy), operands))
      results.push_back(ir::constant(made, value.to_data()).value());
    rebuild.replace(id, std::move(results));
  }
  return dce(rebuild.finish());
}

}  // namespace sinter::passes
