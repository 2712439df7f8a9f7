#pragma once
// Checks every rule that a graph or program must obey and lists all violations, each with node, layer path and op.

#include <string>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/program.h>

namespace sinter::ir {

SINTER_API std::vector<std::string> violations(const Graph& graph);
SINTER_API std::vector<std::string> violations(const Program& program);
/// Throws InternalError listing all violations; `after` names the pass that made the graph.
SINTER_API void verify(const Graph& graph, const std::string& after);
SINTER_API void verify(const Program& program, const std::string& after);

}  // namespace sinter::ir
