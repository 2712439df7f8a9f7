#pragma once
// The passes that tidy a graph. All are exact: every output and new state keeps its bits, denormals, signed zeros and
// infinities included; NaNs count as one value.

#include <string_view>
#include <vector>

#include <sinter/ir/graph.h>

namespace sinter::passes {

/// Applies local rewrite rules until none fits.
SINTER_API ir::Graph simplify(const ir::Graph& graph);
/// Makes equal nodes one node.
SINTER_API ir::Graph cse(const ir::Graph& graph);
/// Drops nodes that no output and no update needs. Inputs and states stay, so that the signature does.
SINTER_API ir::Graph dce(const ir::Graph& graph);
/// Evaluates nodes whose operands are constants, unless the result would be bigger than what it is made from.
SINTER_API ir::Graph constant_fold(const ir::Graph& graph);
/// Makes loops one loop where they run the same nodes over the same operands (a gradient rule writes the forward loop
/// again, with more results), and drops results that nobody reads and operands that no turn reads.
SINTER_API ir::Graph tidy_loops(const ir::Graph& graph);
/// Transposes what every turn of a loop multiplies by once before the loop, where the product's columns lie apart in
/// it. simplify and tidy_loops have to follow.
SINTER_API ir::Graph lay_out_factors(const ir::Graph& graph);
/// Drops nodes that only matter to differentiation. Not for graphs that are still to be differentiated.
SINTER_API ir::Graph erase_stop_gradient(const ir::Graph& graph);

/// A rule of simplify, for listings.
struct RuleInfo {
  std::string_view name;
  std::string_view why_exact;
};
SINTER_API std::vector<RuleInfo> simplify_rules();

}  // namespace sinter::passes
