#pragma once
// What a model is behind its handle.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sinter/frontend/model.h>

#include "bound_step.h"
#include "symbol_node.h"
#include "totals.h"
#include "trace.h"
#include "warn.h"

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
  std::vector<std::string> results;             // the outputs that matter: "loss", or the model's outputs
  std::vector<std::int64_t> classes;            // of each label: class numbers are below this; 0: it holds none
  std::vector<Trace::IndexRange> index_ranges;  // what look-ups expect of inputs
};

/// A compiled step for one mode, batch size and dtypes of the data.
struct ModelStep {
  ModelStep(TracedStep traced, const ExecutionOptions& options);
  BoundStep bound;
  std::vector<TracedMetric> metrics;
  std::vector<std::int64_t> classes;
  std::vector<Trace::IndexRange> index_ranges;
  std::vector<std::size_t> results;                      // numbers of the outputs "loss" or "y"
  std::vector<std::vector<std::size_t>> metric_outputs;  // numbers of the outputs that hold the sums
  std::vector<HostBuffer> x_rows, y_rows, w_rows;        // where shuffled samples are gathered
};

struct Compiled {
  CompileOptions options;
  std::optional<std::vector<Variable>> trainable;  // known once the weights are
};

/// An input or an output: its name, and one sample of it.
struct ModelPort {
  std::string name;
  TensorType sample;
  std::int64_t batch_size = 0;  // of every batch; 0: any
};

/// What is compared with the labels of one output.
struct Supervision {
  std::size_t output = 0;
  std::optional<AnyLoss> loss;
  double weight = 1.0;
  std::vector<AnyMetric> metrics, weighted_metrics;
};

/// A fit() under way, as a checkpoint has to know it.
struct RunningFit {
  const std::vector<AnyCallback>& callbacks;
  std::int64_t samples = 0, batch_size = 0;
  bool shuffle = false;
  std::int64_t steps_per_epoch = 0;
  int epoch = 0;  // the one under way, or the next one
  EpochProgress progress = {};
  bool stopping = false;
  History history = {};
};

struct ModelState {
  explicit ModelState(std::uint64_t model_seed) : seed(model_seed), random(RandomState::make(model_seed)) {}

  std::uint64_t seed;
  RandomState random;
  std::uint64_t epochs_trained = 0;  // counts on through several fits, so that each epoch has its own order
  std::function<Tensors(const Tensors&)> function;
  std::optional<SymbolGraph> symbols;
  std::vector<ModelPort> inputs;              // empty: not known yet
  std::vector<ModelPort> outputs;             // known once the model is built
  std::map<std::string, std::int64_t> flops;  // of inference on one sample, by the path of the layer; likewise
  std::optional<Compiled> compiled;
  std::vector<std::string> optimizer_order;
  VariableMap optimizer;
  bool averages_in_weights = false;  // the weights and their moving averages are exchanged
  std::map<std::string, std::shared_ptr<ModelStep>> steps;
  std::mutex busy;                     // held by whoever runs a step
  std::atomic<bool> training = false;  // by one that changes the weights
  const RunningFit* running = nullptr;

  /// The optimizer's state `name`, made with `initial` in every element the first time.
  const std::shared_ptr<VariableState>& optimizer_variable(const std::string& name, const TensorType& type,
                                                           double initial);
};

/// Fixes dtypes and shapes of the inputs. Throws UserError when they are fixed differently already.
void define_inputs(const Model& model, ModelState& state, std::vector<ModelPort> inputs);
/// The inputs with a name for each.
std::vector<ModelPort> ports_of(const Model& model, std::span<const Input> inputs);
std::vector<ModelPort> ports_of(const Model& model, const Symbols& inputs);
/// Types of whole batches.
std::vector<TensorType> batches_of(const std::vector<ModelPort>& ports, std::int64_t rows);
/// Labels for graph(): of the given type when there is one output, else of the type of each output.
std::vector<TensorType> label_types(const Model& model, const ModelState& state, Mode mode, std::int64_t rows,
                                    const TensorType& sample);
/// Traces both modes, so that every weight is made.
void build_model(Model& model, ModelState& state);
/// Floating-point operations of a graph by the paths of its nodes: two per term of a contraction, one per term of
/// another reduction, one per element of an elementwise function.
std::map<std::string, std::int64_t> count_flops(const ir::Graph& graph);
/// The outputs that have labels. Throws UserError for names that are no outputs.
std::vector<Supervision> supervision(const Model& model, const ModelState& state);
/// "x" of a graph or of the data: `what` itself, or what/name when there are several.
std::string port_name(std::string_view what, const std::vector<ModelPort>& ports, std::size_t k);

/// Traces the model in a graph of its own. `x`, `y` and `w` (weights of samples; may be empty) are types of whole
/// batches; y and w are not used by predict.
TracedStep trace_step(Model& model, ModelState& state, Mode mode, const std::vector<TensorType>& x,
                      const std::vector<TensorType>& y, const std::vector<TensorType>& w = {});
/// The compiled step, made on first use.
std::shared_ptr<ModelStep> step_for(Model& model, ModelState& state, Mode mode, const std::vector<TensorType>& x,
                                    const std::vector<TensorType>& y, const std::vector<TensorType>& w);

/// A batch of `rows` samples of each of these arrays.
std::vector<TensorType> batch_types(const std::vector<Array>& data, std::int64_t rows);

/// Data as the model takes them: order, dtype, rank, length. `prefix` is "" or "validation ".
std::vector<Array> checked_inputs(const Model& model, const ModelState& state, std::string_view prefix,
                                  const Data& data);
/// The arrays in the order of `names`, whichever way they were given.
std::vector<Array> in_order(const Model& model, const std::string& who, const Data& data,
                            const std::vector<std::string>& names);
/// Labels in the order of `outputs`.
std::vector<Array> checked_labels(const Model& model, const ModelState& state, std::string_view prefix,
                                  const Data& data, std::int64_t samples);
/// Class numbers and indices, before the first step.
void check_ranges(const Model& model, const ModelState& state, const ModelStep& step, std::string_view prefix,
                  const std::vector<Array>& x, const std::vector<Array>& y);
void check_finite(const ModelState& state, const std::vector<Array>& x);

/// What compile() was told. Throws UserError saying that it has to come before `what`.
Compiled& expect_compiled(const Model& model, ModelState& state, std::string_view what);

}  // namespace sinter::detail
