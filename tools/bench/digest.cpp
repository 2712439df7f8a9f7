// The same bits, whatever the team, the passes and the vectors: a number to compare.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "training_graph.h"

namespace sinter::bench {

void digest(const StepArguments& arguments, int steps) {
  Workload workload(find_config(arguments.config));
  TrainingGraph graph = workload.trace();
  Storage storage;
  fill_storage(storage, workload.batches(), graph);
  const std::size_t batches = workload.batches().size();
  BoundProgram bound(compile_program(graph.graph, arguments.compile), storage, arguments.compile, batches);
  for (int k = 0; k < steps; ++k) bound.run(static_cast<std::size_t>(k) % batches);
  const nlohmann::ordered_json line = {{"config", arguments.config},
                                       {"threads", arguments.compile.threads},
                                       {"target", arguments.compile.level.empty() ? "all" : arguments.compile.level},
                                       {"disabled", arguments.compile.disabled},
                                       {"steps", steps},
                                       {"sha256", states_digest(storage, bound.signature())}};
  fmt::print("{}\n", line.dump());
}

}  // namespace sinter::bench
