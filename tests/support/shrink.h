#pragma once
// Makes a failing random graph smaller while it still fails.

#include <functional>
#include <string>

#include "support/random_graph.h"

namespace sinter::test {

/// What is wrong with a graph; empty when nothing is.
using Judge = std::function<std::string(const RandomGraph&)>;

/// What `judge` says, or what it throws.
std::string judged(const Judge& judge, const RandomGraph& graph);
/// Drops outputs and updates, and puts inputs (bound to what the interpreter computed) in the place of nodes, as long
/// as `judge` still objects.
RandomGraph shrink(const RandomGraph& graph, const Judge& judge);
/// Empty when `judge` has no objection; else the objection and the shrunk graph.
std::string verdict(const RandomGraph& graph, const Judge& judge);
/// The verdicts on the random graphs of seeds first .. last-1 (under sanitizers of a part, see draws.h); stops after
/// the third that is not empty.
std::string verdicts(std::uint64_t first, std::uint64_t last, const GraphOptions& options, const Judge& judge);

}  // namespace sinter::test
