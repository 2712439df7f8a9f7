#pragma once
// Seeing into the pipeline: stages written to files, passes checked against the interpreter, the guilty pass found.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sinter/ir/graph.h>
#include <sinter/ir/interpreter.h>
#include <sinter/ir/program.h>
#include <sinter/passes/pipeline.h>
#include <sinter/passes/registry.h>

namespace sinter::passes {

/// Runs passes by name, verified, timed and dumped as the options say.
SINTER_API ir::Graph run_passes(const ir::Graph& graph, std::span<const std::string> names, const Options& options);

/// Contents for every input and state, a function of name, type and seed alone. Floats lie in [-2, 2) for inputs and in
/// [0, 1) for states (many are variances); integers lie in 0..7.
SINTER_API ir::Environment random_environment(const ir::Graph& graph, std::uint64_t seed);
SINTER_API ir::Environment random_environment(const ir::Program& program, std::uint64_t seed);

/// The first value of `before` that differs in `after` in a bit (NaNs count as one value), in words; empty when all
/// agree. Outputs are matched by name, and `after` may have more of them.
SINTER_API std::optional<std::string> difference(const ir::Graph& before, const ir::Graph& after, std::uint64_t seed);

struct Culprit {
  std::size_t position = 0;  // in the list of passes
  std::string pass;
  std::string reason;
};

/// The first pass of the list that throws, makes an invalid graph, or (exact passes) changes a result of the
/// interpreter on random inputs; empty when all are fine. This is --verify-each and --bisect.
SINTER_API std::optional<Culprit> bisect(const ir::Graph& graph, std::span<const Pass> passes, std::uint64_t seed);
/// The same for passes by name.
SINTER_API std::optional<Culprit> bisect(const ir::Graph& graph, std::span<const std::string> names,
                                         std::uint64_t seed);

/// The part of a training graph that its outputs need, without updates and gradients: what the layers made.
SINTER_API ir::Graph forward_part(const ir::Graph& graph);

/// Where the environment variable SINTER_DUMP asks for every stage of what is compiled; empty when it is not set.
SINTER_API std::string dump_directory();
/// Writes DIR/NNNN-name-stage.sir with the next free number, if SINTER_DUMP=DIR is set. Never throws: a full disk must
/// not stop a training run, so a failure is reported on stderr.
SINTER_API void write_stage(std::string_view name, std::string_view stage, std::string_view text);

/// The graph as a picture in the language of Graphviz; updates are dashed edges.
SINTER_API std::string graphviz(const ir::Graph& graph);

}  // namespace sinter::passes
