#pragma once
// From a config to the graph of its training step, through the layers that users have.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sinter/frontend/array.h>
#include <sinter/frontend/sequential.h>
#include <sinter/frontend/variable.h>
#include <sinter/ir/graph.h>

#include "workloads.h"

namespace sinter::bench {

/// The op of the first layer that cannot be built yet; empty: all can.
std::string first_missing_layer(const ModelSpec& spec);

using Batch = std::vector<std::pair<std::string, Array>>;

/// The graph of one step, and what its states begin with; states that are not listed begin with zeros.
struct TrainingGraph {
  ir::Graph graph{"main"};
  std::vector<std::pair<std::string, Variable>> weights;
  std::vector<std::pair<std::string, Array>> scalars;
};

/// A model with its weights, and batches of synthetic data.
class Workload {
 public:
  explicit Workload(const Config& config);

  /// Traces the step and lets go of the model.
  TrainingGraph trace();
  const std::vector<Batch>& batches() const { return batches_; }
  const Config& config() const { return config_; }
  const ModelSpec& spec() const { return spec_; }

 private:
  const Config& config_;
  ModelSpec spec_;
  std::unique_ptr<Sequential> model_;  // none for the elementwise workload
  std::vector<Batch> batches_;
};

}  // namespace sinter::bench
