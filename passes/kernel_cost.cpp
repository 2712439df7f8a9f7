#include "kernel_cost.h"

#include <algorithm>

#include <sinter/ir/node_space.h>
#include <sinter/ir/op.h>
#include <sinter/ir/region.h>

#include "anti_dependence.h"

namespace sinter::passes {

namespace {

// One vector FMA per cycle at 3.6 GHz, and what a core gets from memory: within a fifth of what was measured for the
// contractions (118 GFLOP/s with vectors of 512 bits) and the large elementwise kernels (40 to 50 GB/s) of a CNN. Only
// ratios of times matter, so a machine that differs in both alike gets the same choices.
constexpr double cycles_per_second = 3.6e9;
constexpr double bytes_per_second = 45e9;
/// Entering and leaving the loop nest.
constexpr double seconds_per_kernel = 2e-7;
/// Instructions of a transcendental function or a draw of random bits.
constexpr double expensive_instructions = 20.0;

double as_double(std::int64_t n) { return static_cast<double>(n); }

/// Of the terms of a gradient over strided windows only those exist whose places divide exactly.
double present_share(const ir::Space& space) {
  double share = 1.0;
  for (const ir::IndexMap& read : space.reads)
    for (const ir::Coordinate& c : read.coordinates)
      if (c.division == ir::Division::exact) share /= as_double(c.divisor);
  return share;
}

/// Instructions on one element each.
double instructions(const ir::Graph& graph, const ir::Node& node) {
  const ir::OpInfo& op = ir::info(node.kind);
  double sum = 0.0;
  if (node.body != nullptr) {
    const auto loop = ir::repetition_of(node);
    for (const ir::Node& inner : node.body->nodes()) sum += instructions(*node.body, inner);
    return sum * as_double(loop ? loop->length : 1);
  }
  if (op.accumulators > 0) {
    const ir::Space space = ir::node_space(graph, node);
    return as_double(space.parallel_elements()) * as_double(space.reduced_elements()) * present_share(space);
  }
  if (op.form != ir::Form::pointwise && !op.expensive) return 0.0;  // movement is counted by its bytes
  for (const ir::TensorType& type : node.results) sum += as_double(type.elements());
  return sum * (op.expensive ? expensive_instructions : 1.0);
}

double bytes_moved(const ir::Graph& graph, const ir::Node& node) {
  double sum = 0.0;
  for (const ir::Value v : node.operands) sum += as_double(graph.type(v).bytes());
  for (const ir::TensorType& type : node.results) sum += as_double(type.bytes());
  return sum;
}

}  // namespace

double estimated_seconds(const ir::Graph& graph, ir::NodeId id, const ir::Target& target) {
  const ir::Node& node = graph.node(id);
  if (is_bound(node) || ir::is_view(graph, id)) return 0.0;
  const std::int64_t element = node.results.empty() ? 4 : ir::size_of(node.results[0].dtype);
  const double rate = cycles_per_second * target.lanes(std::max<std::int64_t>(element, 4));
  return std::max(instructions(graph, node) / rate, bytes_moved(graph, node) / bytes_per_second) + seconds_per_kernel;
}

}  // namespace sinter::passes
