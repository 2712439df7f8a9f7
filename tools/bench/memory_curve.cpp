// What less memory costs: the step at every point of its curve, compiled and run.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sinter/passes/pipeline.h>
#include <sinter/passes/rematerialise.h>

#include "commands.h"
#include "protocol.h"

namespace sinter::bench {

namespace {

/// After so many steps the weights are compared: every resident batch was seen twice.
constexpr std::size_t compared_steps = 8;

struct Measured {
  Timing timing;
  std::string digest;
};

Measured measured(const ir::Program& program, const StepArguments& arguments) {
  Workload workload(find_config(arguments.config));
  TrainingGraph graph = workload.trace();
  Storage storage;
  fill_storage(storage, workload.batches(), graph);
  const std::size_t batches = workload.batches().size();
  BoundProgram bound(program, storage, arguments.compile, batches);
  const auto* loss = reinterpret_cast<const float*>(storage.get(output_block("loss"), sizeof(float)));
  for (std::size_t k = 0; k < compared_steps; ++k) bound.run(k % batches);
  std::string digest = states_digest(storage, bound.signature());
  const auto step = [&](std::size_t batch) {
    bound.run(batch);
    return static_cast<double>(*loss);
  };
  return {measure(step, batches, arguments.seconds), std::move(digest)};
}

}  // namespace

void bench_memory_curve(const StepArguments& arguments) {
  passes::Options options;
  options.target = arguments.compile.target();
  options.disabled = arguments.compile.disabled;
  Workload workload(find_config(arguments.config));
  const ir::Graph graph = passes::optimize(workload.trace().graph, options);
  std::string first;
  for (const passes::MemoryPoint& point :
       passes::memory_curve(graph, options.target, arguments.compile.memory_budget)) {
    const Measured run = measured(passes::lower(point.graph, options), arguments);
    if (first.empty()) first = run.digest;
    const nlohmann::ordered_json line = {{"config", arguments.config},
                                         {"threads", arguments.compile.threads},
                                         {"arena_bytes", point.arena_bytes},
                                         {"arena_lower_bound", point.arena_lower_bound},
                                         {"kernels", point.kernels},
                                         {"estimated_ms", rounded(point.milliseconds, 3)},
                                         {"step_ms", rounded(run.timing.median_ms, 3)},
                                         {"min_ms", rounded(run.timing.min_ms, 3)},
                                         {"same_bits", run.digest == first}};
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
  }
}

}  // namespace sinter::bench
