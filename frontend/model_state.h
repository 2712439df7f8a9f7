#pragma once
// What a model is behind its handle.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sinter/frontend/model.h>

#include "bound_step.h"
#include "trace.h"

namespace sinter::detail {

/// inspect: predict with every tap() as an output.
enum class Mode : std::uint8_t { train, evaluate, predict, inspect };
std::string_view to_string(Mode mode);

/// A metric as one step computes it: scalar sums.
struct TracedMetric {
  std::string name;
  std::shared_ptr<const Metric> metric;
  std::vector<std::string> outputs;
};

/// The graph of one step and what its parts mean.
struct TracedStep {
  ir::Graph graph{"main"};
  VariableMap variables;
  std::vector<TracedMetric> metrics;
  std::string result;        // the output that matters: "loss" or "y"
  std::int64_t classes = 0;  // labels are class numbers below this; 0: they are not
};

/// A compiled step for one mode, batch size and dtypes of the data.
struct ModelStep {
  ModelStep(TracedStep traced, const ExecutionOptions& options);
  BoundStep bound;
  std::vector<TracedMetric> metrics;
  std::int64_t classes = 0;
  std::size_t result = 0;                                // number of the output "loss" or "y"
  std::vector<std::vector<std::size_t>> metric_outputs;  // numbers of the outputs that hold the sums
  HostBuffer x_rows, y_rows;                             // where shuffled samples are gathered
};

struct Compiled {
  AnyOptimizer optimizer;
  AnyLoss loss;
  std::vector<AnyMetric> metrics;
  ExecutionOptions execution;
  std::optional<std::vector<Variable>> trainable;  // known once the weights are
};

struct ModelState {
  explicit ModelState(std::uint64_t model_seed) : seed(model_seed), random(RandomState::make(model_seed)) {}

  std::uint64_t seed;
  RandomState random;
  std::uint64_t epochs_trained = 0;  // counts on through several fits, so that each epoch has its own order
  std::function<Tensor(const Tensor&)> function;
  std::optional<TensorType> sample;  // dtype and shape of one input, without the batch
  Shape output;                      // of one sample
  std::optional<Compiled> compiled;
  std::vector<std::string> optimizer_order;
  VariableMap optimizer;
  std::map<std::string, std::shared_ptr<ModelStep>> steps;
  std::mutex busy;                     // held by whoever runs a step
  std::atomic<bool> training = false;  // by one that changes the weights

  /// The optimizer's state `name`, made with `initial` in every element the first time.
  const std::shared_ptr<VariableState>& optimizer_variable(const std::string& name, const TensorType& type,
                                                           double initial);
};

/// Fixes dtype and shape of one input. Throws UserError when they are fixed differently already.
void define_input(const Model& model, ModelState& state, const TensorType& sample);
/// Traces both modes, so that every weight is made.
void build_model(Model& model, ModelState& state);

/// Traces the model in a graph of its own. `x` and `y` are types of whole batches; y is not used by predict.
TracedStep trace_step(Model& model, ModelState& state, Mode mode, const TensorType& x, const TensorType& y);
/// The compiled step, made on first use.
std::shared_ptr<ModelStep> step_for(Model& model, ModelState& state, Mode mode, const TensorType& x,
                                    const TensorType& y);

/// A batch of `rows` samples of a whole data set.
TensorType batch_type(const Array& data, std::int64_t rows);

/// Data as the model takes them: dtype, rank, length. `who` is "x" or "validation x".
Array checked_inputs(const Model& model, const ModelState& state, std::string_view who, const Data& data);
Array checked_labels(std::string_view who, const Data& data, std::string_view other, std::int64_t samples);
void check_label_range(std::string_view who, const Array& labels, std::int64_t classes);
void check_finite(std::string_view who, const Array& data);

/// What compile() was told. Throws UserError saying that it has to come before `what`.
Compiled& expect_compiled(const Model& model, ModelState& state, std::string_view what);

/// A line on stderr: something is probably not what was meant, but work goes on.
void warn(const std::string& message);

}  // namespace sinter::detail
