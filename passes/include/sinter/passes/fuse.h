#pragma once
// Joins nodes into kernels.

#include <cstdint>

#include <sinter/ir/graph.h>

namespace sinter::passes {

/// Where computing a value again in each kernel that reads it is better than keeping it in memory.
struct RecomputeLimits {
  /// Smaller tensors stay in the caches, where writing them costs less than computing them again.
  std::int64_t least_elements = std::int64_t{1} << 16;
  /// What takes more operations is worth keeping.
  int most_operations = 4;
  /// Operands with this many times fewer elements than the value cost nothing to read.
  std::int64_t little = 8;
};

/// Replaces groups of nodes that one loop nest can compute by `fused` nodes whose bodies hold them.
SINTER_API ir::Graph fuse(const ir::Graph& graph, const RecomputeLimits& limits = {});

}  // namespace sinter::passes
