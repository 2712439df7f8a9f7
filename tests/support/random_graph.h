#pragma once
// Random valid graphs drawn from the op list, with contents for their inputs and states. The same seed gives the same
// graph. A new op needs one entry in random_ops.cpp; `ops_without_generator` names those that lack it.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/interpreter.h>

namespace sinter::test {

struct GraphOptions {
  /// About how many nodes.
  int nodes = 20;
  /// Bound on the elements of one value.
  std::int64_t elements = 600;
  /// Bound on the terms of the whole graph (elements times reduced elements), for the interpreter's sake.
  std::int64_t work = 12'000;
  /// f64 only, operands in the ops' domains and away from kinks: gradients can be checked by differences.
  bool smooth = false;
  /// How often an extent is 0.
  double empty = 0.0;
  /// Training steps (forward, gradients, update) among the patterns.
  bool training = true;
  /// Loops among the ops.
  bool loops = true;
};

struct RandomGraph {
  std::uint64_t seed = 0;
  ir::Graph graph;
  ir::Environment environment;
};

/// A graph of many nodes: single ops and patterns that passes like to fuse.
RandomGraph random_graph(std::uint64_t seed, const GraphOptions& options = {});
/// A graph with one node of op `op`; its operands are inputs, its results outputs.
RandomGraph random_node(std::string_view op, std::uint64_t seed, const GraphOptions& options = {});
/// `fused` excepted: passes make it.
std::vector<std::string> ops_without_generator();

/// Occurrences by op name, bodies of region ops included.
using OpCounts = std::map<std::string, int, std::less<>>;
void count_ops(const ir::Graph& graph, OpCounts& counts);
/// Seed, text and a hint how to get it again: what a failing test shows.
std::string describe(const RandomGraph& graph);

}  // namespace sinter::test
