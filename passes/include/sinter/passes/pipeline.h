#pragma once
// The way from a graph to a program: which passes run, in which order, and what is checked and shown between them.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/program.h>
#include <sinter/ir/target.h>

namespace sinter::passes {

/// Called after each pass with its name and the text of what it made.
using Dump = std::function<void(std::string_view pass, std::string_view text)>;

struct PassTime {
  std::string pass;
  double milliseconds = 0.0;
};

struct Options {
  ir::Target target;
  /// Passes of the default pipeline to leave out, by name ("fuse").
  std::vector<std::string> disabled;
  /// Verify the graph after every pass (always done in debug builds).
  bool verify = false;
  /// The most bytes that the arena may take (what lies between kernels; not inputs, outputs and states). What does not
  /// fit is computed again (rematerialise.h). Empty: as fast as can be.
  std::optional<std::int64_t> memory_budget = {};
  /// Called with the curve of memory against time as a table, budget or not. May be empty.
  std::function<void(std::string_view table)> memory_report = {};
  Dump dump;                               // may be empty
  std::vector<PassTime>* times = nullptr;  // appended to when set
};

/// Runs the default graph passes in order: simplification, cse, dce, constant folding, fusion; then, with a memory
/// budget, rematerialisation. Throws UserError when the budget cannot be kept.
SINTER_API ir::Graph optimize(const ir::Graph& graph, const Options& options);
/// Schedules, plans memory and chooses loop schedules for an optimized (or any valid) graph.
SINTER_API ir::Program lower(const ir::Graph& graph, const Options& options);
/// optimize, then lower.
SINTER_API ir::Program compile(const ir::Graph& graph, const Options& options);

}  // namespace sinter::passes
