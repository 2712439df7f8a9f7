// From layers to the graph of one step: forward, loss, metrics, gradients, update.

#include <sinter/ir/ops/source.h>
#include <sinter/passes/differentiate.h>

#include <algorithm>

#include "model_state.h"

namespace sinter::detail {

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::train: return "train";
    case Mode::evaluate: return "evaluate";
    case Mode::predict: return "predict";
    case Mode::inspect: return "inspect";
  }
  return "?";
}

const std::shared_ptr<VariableState>& ModelState::optimizer_variable(const std::string& name, const TensorType& type,
                                                                     double initial) {
  auto& variable = optimizer[name];
  if (variable == nullptr) variable = make_variable(name, Array::full(type.shape, initial, type.dtype));
  return variable;
}

namespace {

/// The values that a step reports leave it as f32 (f64 in a model of doubles).
Tensor reported(const Tensor& x) {
  return ir::is_float(x.dtype()) && !ir::is_half(x.dtype()) ? x : cast(x, DType::f32);
}

Tensor output_loss(Trace& trace, const AnyLoss& loss, const Tensor& y, const Tensor& prediction, const Tensor& weight) {
  const ir::PathScope scope(trace.graph(), "loss");
  Tensor value = weight.empty() ? loss(y, prediction) : loss(y, prediction, weight);
  if (value.rank() != 0)
    user_error("loss '", loss->name(), "' gives ", value.type(),
               " instead of one number; choose a reduction other than Reduction::none");
  return value;
}

/// Adds the outputs that a metric is worked out from.
void add_metric(TracedStep& step, TracedMetric traced, const Tensors& sums) {
  for (const Tensor& s : sums) {
    traced.outputs.push_back(str("metric_", step.metrics.size(), "/", traced.name, "/", traced.outputs.size()));
    step.graph.add_output(traced.outputs.back(), reported(s).expr().value());
  }
  step.metrics.push_back(std::move(traced));
}

/// Those that are among `unweighted` as well get a name of their own.
void trace_metrics(TracedStep& step, const std::vector<AnyMetric>& metrics, const std::vector<AnyMetric>& unweighted,
                   const std::string& prefix, const Tensor& y, const Tensor& prediction, const Tensor& weight) {
  const ir::PathScope scope(step.graph, "metrics");
  for (const AnyMetric& any : metrics) {
    const ir::PathScope own(step.graph, any.name());
    const auto metric = any.resolve(y.type(), prediction.type());
    const bool again = std::any_of(unweighted.begin(), unweighted.end(),
                                   [&](const AnyMetric& other) { return other.name() == any.name(); });
    add_metric(step, {str(prefix, again ? "weighted_" : "", any.name()), metric, {}},
               metric->accumulate(y, prediction, apply_mask(weight, prediction, Reduction::sum)));
  }
}

/// The loss of one of several outputs, as it is reported: a mean over batches weighted by size.
class OutputLoss : public Metric {
 public:
  explicit OutputLoss(std::string name) : Metric(std::move(name)) {}
  Tensors accumulate(const Tensor&, const Tensor& loss, const Tensor& batch) const override {
    return {loss * batch, batch};
  }
  double result(std::span<const double> sums) const override { return sums[1] == 0.0 ? 0.0 : sums[0] / sums[1]; }
};

/// Gradients and the update of the weights that are trained.
void trace_update(Trace& trace, ModelState& state, TracedStep& step, const Tensor& loss) {
  const Compiled& compiled = *state.compiled;
  std::vector<ir::Expr> weights;
  for (const Variable& v : *compiled.trainable) weights.push_back(trace.read(v.state()));
  const std::vector<ir::Expr> gradients =
      weights.empty() ? std::vector<ir::Expr>() : passes::gradients(loss.expr(), weights);
  std::vector<Parameter> parameters;
  for (std::size_t k = 0; k < weights.size(); ++k)
    parameters.push_back({(*compiled.trainable)[k].path(), Tensor(weights[k]), Tensor(gradients[k]),
                          (*compiled.trainable)[k].state()->constraint});
  OptimizerStates states(step.graph);
  compiled.options.optimizer->apply(parameters, states);
  state.optimizer_order.clear();
  for (const OptimizerState& s : states.list()) {
    step.variables[s.name] = state.optimizer_variable(s.name, s.type, s.initial);
    state.optimizer_order.push_back(s.name);
  }
}

/// The labels of an output beside its prediction.
struct Supervised {
  Supervision how;
  std::string prefix;            // of the names in the logs: "" or "decoded_"
  Tensor y, prediction, weight;  // empty weight: all samples count the same
};

std::vector<Supervised> supervised(const Model& model, const ModelState& state, TracedStep& step,
                                   const std::vector<TensorType>& y_types, const std::vector<TensorType>& w_types,
                                   const Tensors& predictions) {
  std::vector<Supervised> result;
  for (Supervision& how : supervision(model, state)) {
    const bool several = state.outputs.size() > 1;
    const std::string port = port_name("y", state.outputs, how.output);
    const Tensor y(ir::input(step.graph, port, y_types.at(result.size())));
    Tensor weight;
    if (!w_types.empty()) {
      const std::string weight_port = port_name("sample_weight", state.outputs, how.output);
      weight = Tensor(ir::input(step.graph, weight_port, w_types.at(result.size())));
    }
    const Tensor& prediction = predictions[how.output];
    step.classes.push_back(how.loss ? (*how.loss)->classes(prediction.type()) : 0);
    std::string prefix = several ? state.outputs[how.output].name + "_" : "";
    result.push_back({std::move(how), std::move(prefix), y, prediction, weight});
  }
  return result;
}

/// What the weights that may be trained add to the loss.
Tensors penalties(Trace& trace, const Model& model) {
  Tensors terms;
  for (const Variable& v : model.trainable_weights()) {
    if (!v.state()->regularizer.given()) continue;
    const ir::PathScope scope(trace.graph(), str("loss/", v.path()));
    terms.push_back(v.state()->regularizer(Tensor(trace.read(v.state()))));
  }
  return terms;
}

Tensor total_loss(Trace& trace, const Model& model, TracedStep& step, const std::vector<Supervised>& outputs) {
  Tensor total;
  const auto add = [&](const Tensor& term) { total = total.empty() ? term : total + term; };
  for (const Supervised& o : outputs) {
    if (!o.how.loss) continue;
    const Tensor loss = output_loss(trace, *o.how.loss, o.y, o.prediction, o.weight);
    add(o.how.weight == 1.0 ? loss : loss * o.how.weight);
    if (o.prefix.empty()) continue;
    const auto reported_loss = std::make_shared<const OutputLoss>(o.prefix + "loss");
    const Tensor batch = full_like(loss, static_cast<double>(o.prediction.shape()[0]));
    add_metric(step, {reported_loss->name(), reported_loss, {}}, reported_loss->accumulate({}, loss, batch));
  }
  for (const Tensor& term : trace.losses()) add(term.rank() == 0 ? term : sum(term));
  if (!total.empty())
    for (const Tensor& term : penalties(trace, model)) add(cast(term, total.dtype()));
  if (total.empty()) user_error(trace.graph().name(), ": no output has a loss, so there is nothing to train");
  return total;
}

void trace_training(Trace& trace, const Model& model, ModelState& state, TracedStep& step, Mode mode,
                    const std::vector<TensorType>& y_types, const std::vector<TensorType>& w_types,
                    const Tensors& predictions) {
  const std::vector<Supervised> outputs = supervised(model, state, step, y_types, w_types, predictions);
  const Tensor loss = total_loss(trace, model, step, outputs);
  step.graph.add_output("loss", reported(loss).expr().value());
  for (const Supervised& o : outputs) {
    trace_metrics(step, o.how.metrics, {}, o.prefix, o.y, o.prediction, Tensor());
    trace_metrics(step, o.how.weighted_metrics, o.how.metrics, o.prefix, o.y, o.prediction, o.weight);
  }
  if (mode == Mode::train) trace_update(trace, state, step, loss);
}

/// x as the layers see it.
Tensors traced_inputs(Trace& trace, const ModelState& state, const std::vector<TensorType>& types) {
  Tensors xs;
  for (std::size_t k = 0; k < types.size(); ++k) {
    const std::string port = port_name("x", state.inputs, k);
    xs.push_back(cast(Tensor(ir::input(trace.graph(), port, types[k])), state.inputs[k].sample.dtype));
    trace.add_input(port, xs.back());
  }
  return xs;
}

/// The size of every batch; 0: any.
std::int64_t fixed_batch(const ModelState& state) {
  std::int64_t batch = 0;
  for (const ModelPort& port : state.inputs) batch = std::max(batch, port.batch_size);
  return batch;
}

void check_batch(const Model& model, Trace& trace, const ModelState& state, std::int64_t rows) {
  const std::int64_t batch = fixed_batch(state);
  if (batch == 0) return;
  if (rows != batch)
    user_error(model.name(), ": its Input says batches of ", batch, " samples (batch_size), got one of ", rows,
               "; give .batch_size = ", batch, " and whole batches of data");
  trace.fix_batch();
}

/// Names of outputs: those of the layers that make them, numbered when they repeat.
std::vector<ModelPort> output_ports(const Model& model, const ModelState& state, const Tensors& ys,
                                    std::int64_t batch) {
  std::vector<ModelPort> ports;
  for (std::size_t k = 0; k < ys.size(); ++k) {
    const Tensor& y = ys[k];
    if (y.rank() == 0 || y.shape()[0] != batch)
      user_error(model.name(), ": call() returned ", y.type(), " for a batch of ", batch,
                 " samples; the first axis has to stay the batch");
    const Layer* layer = state.symbols ? state.symbols->outputs()[k].node()->layer.get() : nullptr;
    const std::string base = layer == nullptr ? "output" : layer->name();
    const auto taken = [&](const std::string& name) {
      return std::any_of(ports.begin(), ports.end(), [&](const ModelPort& p) { return p.name == name; });
    };
    std::string name = base;
    for (int n = 1; taken(name); ++n) name = str(base, "_", n);
    ports.push_back({name, {y.dtype(), Shape(ir::Ints(y.shape().begin() + 1, y.shape().end()))}, 0});
  }
  return ports;
}

}  // namespace

std::string port_name(std::string_view what, const std::vector<ModelPort>& ports, std::size_t k) {
  return ports.size() == 1 ? std::string(what) : str(what, "/", ports[k].name);
}

std::vector<TensorType> batches_of(const std::vector<ModelPort>& ports, std::int64_t rows) {
  std::vector<TensorType> types;
  for (const ModelPort& port : ports) {
    ir::Ints dims = port.sample.shape.ints();
    dims.insert(dims.begin(), rows);
    types.push_back({port.sample.dtype, Shape(std::move(dims))});
  }
  return types;
}

std::vector<TensorType> label_types(const Model& model, const ModelState& state, Mode mode, std::int64_t rows,
                                    const TensorType& sample) {
  if (mode == Mode::predict) return {};
  if (state.outputs.size() == 1) return batches_of({{"y", sample}}, rows);
  std::vector<ModelPort> labelled;
  for (const Supervision& s : supervision(model, state)) labelled.push_back(state.outputs[s.output]);
  return batches_of(labelled, rows);
}

namespace {

void add_port(const Model& model, std::vector<ModelPort>& ports, std::size_t count, std::string name,
              const TensorType& sample, std::int64_t batch_size) {
  if (name.empty()) name = count == 1 ? "x" : str("x_", ports.size() + 1);
  for (const ModelPort& p : ports)
    if (p.name == name) user_error(model.name(), ": two inputs are named '", name, "'");
  ports.push_back({std::move(name), sample, batch_size});
}

}  // namespace

std::vector<ModelPort> ports_of(const Model& model, std::span<const Input> inputs) {
  std::vector<ModelPort> ports;
  for (const Input& input : inputs)
    add_port(model, ports, inputs.size(), input.options().name, input.type(), input.options().batch_size);
  return ports;
}

std::vector<ModelPort> ports_of(const Model& model, const Symbols& inputs) {
  std::vector<ModelPort> ports;
  for (const Symbol& input : inputs)
    add_port(model, ports, inputs.size(), input.node()->input_name, input.type(), input.node()->batch_size);
  return ports;
}

void define_inputs(const Model& model, ModelState& state, std::vector<ModelPort> inputs) {
  for (std::size_t k = 0; k < state.inputs.size(); ++k)
    if (inputs.size() != state.inputs.size() || inputs[k].sample != state.inputs[k].sample)
      user_error(model.name(), ": the input was ", state.inputs[k].sample, " per sample before and cannot become ",
                 k < inputs.size() ? ir::to_string(inputs[k].sample) : "absent");
  state.inputs = std::move(inputs);
}

void build_model(Model& model, ModelState& state) {
  const std::int64_t fixed = fixed_batch(state), batch = fixed != 0 ? fixed : 2;  // weights are for any batch
  for (const bool training : {true, false}) {
    ir::Graph graph("build");
    Trace trace(graph, training, state.random);
    check_batch(model, trace, state, batch);
    const Tensors ys = model(traced_inputs(trace, state, batches_of(state.inputs, batch)));
    if (ys.empty()) user_error(model.name(), ": call_many() returned no tensors");
    state.outputs = output_ports(model, state, ys, batch);
    state.flops = count_flops(graph);
  }
  for (auto& [path, flops] : state.flops) flops /= batch;  // for one sample
}

TracedStep trace_step(Model& model, ModelState& state, Mode mode, const std::vector<TensorType>& x_types,
                      const std::vector<TensorType>& y_types, const std::vector<TensorType>& w_types) {
  TracedStep step;
  step.graph.rename(str(model.name(), "_", to_string(mode), "_", x_types.front().shape[0]));
  Trace trace(step.graph, mode == Mode::train, state.random);
  check_batch(model, trace, state, x_types.front().shape[0]);
  const Tensors predictions = model(traced_inputs(trace, state, x_types));
  if (mode == Mode::predict || mode == Mode::inspect) {
    for (std::size_t k = 0; k < predictions.size(); ++k) {
      step.results.push_back(port_name("y", state.outputs, k));
      step.graph.add_output(step.results.back(), predictions[k].expr().value());
    }
  } else {
    step.results = {"loss"};
    trace_training(trace, model, state, step, mode, y_types, w_types, predictions);
  }
  if (mode == Mode::inspect)
    for (const auto& [name, value] : trace.taps()) step.graph.add_output("tap/" + name, value.expr().value());
  for (const auto& [name, variable] : trace.variables()) step.variables[name] = variable;
  step.index_ranges = trace.index_ranges();
  return step;
}

ModelStep::ModelStep(TracedStep traced, const ExecutionOptions& options)
    : bound(traced.graph, traced.variables, options),
      metrics(std::move(traced.metrics)),
      classes(std::move(traced.classes)),
      index_ranges(std::move(traced.index_ranges)) {
  static const std::uint32_t first_row = 0;  // rows are counted within the batch of a step
  bound.bind("first_row", &first_row);
  for (const std::string& name : traced.results) results.push_back(bound.output_index(name));
  for (const TracedMetric& m : metrics) {
    auto& outputs = metric_outputs.emplace_back();
    for (const std::string& name : m.outputs) outputs.push_back(bound.output_index(name));
  }
}

std::shared_ptr<ModelStep> step_for(Model& model, ModelState& state, Mode mode, const std::vector<TensorType>& x,
                                    const std::vector<TensorType>& y, const std::vector<TensorType>& w) {
  std::string key(to_string(mode));
  for (const TensorType& type : x) key += str(" ", type);
  for (const TensorType& type : y) key += str(" ", type);
  for (const TensorType& type : w) key += str(" weight ", type);
  auto& step = state.steps[key];
  if (step == nullptr) {
    const ExecutionOptions options = state.compiled ? state.compiled->options.execution : ExecutionOptions{};
    step = std::make_shared<ModelStep>(trace_step(model, state, mode, x, y, w), options);
  }
  return step;
}

std::vector<TensorType> batch_types(const std::vector<Array>& data, std::int64_t rows) {
  std::vector<TensorType> types;
  for (const Array& array : data) {
    ir::Ints dims = array.shape().ints();
    dims.front() = rows;
    types.push_back({array.dtype(), Shape(std::move(dims))});
  }
  return types;
}

}  // namespace sinter::detail
