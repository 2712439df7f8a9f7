#pragma once
// A program with memory for everything it names, ready to run.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/memory.h>
#include <sinter/ir/program.h>
#include <sinter/runtime/executable.h>

#include "training_graph.h"

namespace sinter::bench {

/// Memory by name: blocks that start as zeros.
class Storage {
 public:
  std::byte* get(const std::string& name, std::int64_t bytes);
  void fill(const std::string& name, const Array& contents);

 private:
  std::map<std::string, ir::AlignedBytes> blocks_;
};

/// Names of blocks: "input 0 x" of batch 0, "state dense/kernel", "output loss".
std::string input_block(std::size_t batch, const std::string& name);
std::string state_block(const std::string& name);
std::string output_block(const std::string& name);

/// What is chosen at the command line.
struct CompileChoices {
  int threads = 1;
  std::vector<std::string> disabled = {};          // graph passes
  std::string level = {};                          // of restrict_target; empty: all that this machine has
  bool cached = false;                             // measure what finding the step on disk takes
  std::optional<std::int64_t> memory_budget = {};  // of the arena, in bytes

  ir::Target target() const;
};

ir::Program compile_program(const ir::Graph& graph, const CompileChoices& choices);

class BoundProgram {
 public:
  /// `storage` outlives it; `batches`: how many sets of inputs there are.
  BoundProgram(const ir::Program& program, Storage& storage, const CompileChoices& choices, std::size_t batches = 1);
  const runtime::Signature& signature() const { return session_.executable().signature(); }
  /// Allocates nothing.
  void run(std::size_t batch = 0) { session_.run({inputs_[batch], states_, outputs_}); }

 private:
  runtime::Session session_;
  std::vector<std::vector<const void*>> inputs_;
  std::vector<void*> states_, outputs_;
};

/// The SHA-256 of all states.
std::string states_digest(Storage& storage, const runtime::Signature& signature);

/// What a program waits for that starts again and finds the step of this graph on disk: median of 9.
double milliseconds_from_cache(const ir::Graph& graph, const CompileChoices& choices);

/// Copies batches and initial states; the graph's handles to the weights are let go of one by one.
void fill_storage(Storage& storage, const std::vector<Batch>& batches, TrainingGraph& graph);

}  // namespace sinter::bench
