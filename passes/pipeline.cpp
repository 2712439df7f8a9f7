// The pipeline reads top to bottom in registry.cpp; here is what happens around each pass: time, verify, dump.

#include <sinter/passes/pipeline.h>

#include <algorithm>
#include <chrono>

#include <sinter/ir/text.h>
#include <sinter/ir/verify.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/registry.h>
#include <sinter/passes/rematerialise.h>

#include "loop_bodies.h"
#include "lower.h"

namespace sinter::passes {

namespace {

#ifdef NDEBUG
constexpr bool always_verify = false;
#else
constexpr bool always_verify = true;
#endif

/// Runs one step of the pipeline and does what the options ask around it.
template <class Run>
auto step(std::string_view name, const Options& options, Run run) {
  const auto start = std::chrono::steady_clock::now();
  auto made = run();
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  if (options.times != nullptr) options.times->push_back({std::string(name), taken.count()});
  if (options.verify || always_verify) ir::verify(made, std::string(name));
  if (options.dump) options.dump(name, ir::print(made));
  return made;
}

/// No pass of the registry: it asks for a target and a number of bytes.
ir::Graph within_budget(ir::Graph graph, const Options& options) {
  if (!options.memory_budget && !options.memory_report) return graph;
  return step("rematerialise", options, [&] {
    if (!options.memory_report) return rematerialise(graph, *options.memory_budget, options.target);
    const std::vector<MemoryPoint> curve = memory_curve(graph, options.target, options.memory_budget);
    options.memory_report(to_string(curve));
    return options.memory_budget ? fastest_within(curve, *options.memory_budget).graph : std::move(graph);
  });
}

}  // namespace

ir::Graph run_passes(const ir::Graph& graph, std::span<const std::string> names, const Options& options) {
  ir::Graph current = graph;
  for (const std::string& name : names) {
    const Pass& pass = find_pass(name);
    current = step(name, options, [&] { return run_pass(pass, current); });
  }
  return current;
}

ir::Graph optimize(const ir::Graph& graph, const Options& options) {
  for (const std::string& name : options.disabled) find_pass(name);  // a misspelt name must not pass silently
  std::vector<std::string> names;
  for (const std::string_view name : default_passes())
    if (std::ranges::count(options.disabled, name) == 0) names.emplace_back(name);
  return within_budget(run_passes(graph, names, options), options);
}

ir::Program lower(const ir::Graph& graph, const Options& options) {
  return step("lower", options, [&] { return lower_graph(graph, options.target); });
}

ir::Program compile(const ir::Graph& graph, const Options& options) {
  const bool dump = !dump_directory().empty();
  if (dump) write_stage(graph.name(), "graph", ir::print(forward_part(graph)));
  if (dump && !graph.updates().empty()) write_stage(graph.name(), "grad", ir::print(graph));
  const ir::Graph fused = optimize(graph, options);
  if (dump) write_stage(graph.name(), "fused", ir::print(fused));
  ir::Program program = lower(fused, options);
  if (dump) write_stage(graph.name(), "program", ir::print(program));
  return program;
}

}  // namespace sinter::passes
