#pragma once
// The list of all graph passes.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/graph.h>

namespace sinter::passes {

/// A pure function from graph to graph.
struct Pass {
  std::string_view name;
  std::string_view summary;  // one sentence
  ir::Graph (*run)(const ir::Graph&) = nullptr;
  /// Keeps every bit of outputs and new states (NaNs as a class). A pass that does not is never run by default.
  bool exact = true;
  /// Runs on the bodies of loops as well.
  bool enters_loops = true;
};

SINTER_API std::span<const Pass> all_passes();
/// The pass named `name`. Throws UserError listing near matches if there is none.
SINTER_API const Pass& find_pass(std::string_view name);
/// Names of the passes that optimize() runs, in order; a pass may run more than once.
SINTER_API std::span<const std::string_view> default_passes();

}  // namespace sinter::passes
