#pragma once
// Which kernels to run again, so that less has to be kept over one moment of a step: a minimum cut.

#include <cstdint>
#include <span>
#include <vector>

#include <sinter/ir/graph.h>

#include "timeline.h"

namespace sinter::passes {

struct CutRequest {
  std::size_t moment = 0;  // position in the timeline
  std::int64_t bytes = 0;  // at least so many fewer are to be alive at it
  /// By node: seconds to run it again. Negative: it may not be.
  std::span<const double> seconds;
  /// How much more a byte counts that has to be kept for long than one that is read again soon: 0 not at all, 1 up to
  /// twice as much. Among equal layers this is what makes some of them better to run again than others.
  double long_hold = 0.0;
};

/// The nodes to run again after the moment, by node; none when the bytes cannot be freed. Of the sets that minimum cuts
/// give at growing prices of a byte it is the first, so the cheapest, that frees enough.
std::vector<char> cut_recomputation(const ir::Graph& graph, const Timeline& line, const CutRequest& request);

}  // namespace sinter::passes
