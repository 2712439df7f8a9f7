#pragma once
// Less memory for more time: what the backward pass reads is computed again there instead of being kept.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/target.h>

namespace sinter::passes {

/// One way to run a step.
struct MemoryPoint {
  std::int64_t arena_bytes = 0;        // what lower() will plan for the graph: its peak
  std::int64_t arena_lower_bound = 0;  // most bytes alive at one moment
  double milliseconds = 0.0;           // estimated, of the whole step on one thread
  int kernels = 0;                     // that run, copies included
  ir::Graph graph;
};

/// The curve of peak bytes against time of a graph whose nodes are kernels (what optimize() makes): from the graph
/// itself to the smallest arena that was found. From point to point the arena gets smaller and the step slower (behind
/// the first it may stay as fast: a kernel that only runs later costs nothing). Every graph has the outputs, the new
/// states and the bits of the first. With a budget (bytes) the search also looks for points just below it.
/// Deterministic; some seconds for a hundred kernels.
SINTER_API std::vector<MemoryPoint> memory_curve(const ir::Graph& graph, const ir::Target& target,
                                                 std::optional<std::int64_t> budget = {});

/// The fastest point whose arena takes at most `budget` bytes. Throws UserError with the smallest arena of the curve
/// and the one without a budget when there is none, and for a budget below 0.
SINTER_API const MemoryPoint& fastest_within(std::span<const MemoryPoint> curve, std::int64_t budget);

/// Both: the graph itself if that fits.
SINTER_API ir::Graph rematerialise(const ir::Graph& graph, std::int64_t budget, const ir::Target& target);

/// The curve as a table in text, one line per point.
SINTER_API std::string to_string(std::span<const MemoryPoint> curve);

}  // namespace sinter::passes
