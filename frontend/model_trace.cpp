// From layers to the graph of one step: forward, loss, metrics, gradients, update.

#include <sinter/ir/ops/source.h>
#include <sinter/passes/differentiate.h>

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

Tensor total_loss(Trace& trace, const AnyLoss& loss, const Tensor& y, const Tensor& prediction) {
  Tensor total;
  {
    const ir::PathScope scope(trace.graph(), "loss");
    total = loss(y, prediction);
    if (total.rank() != 0)
      user_error("loss '", loss->name(), "' gives ", total.type(),
                 " instead of one number; choose a reduction other than Reduction::none");
  }
  for (const Tensor& term : trace.losses()) total = total + (term.rank() == 0 ? term : sum(term));
  return total;
}

void trace_metrics(TracedStep& step, const Compiled& compiled, const Tensor& y, const Tensor& prediction) {
  const ir::PathScope scope(step.graph, "metrics");
  for (const AnyMetric& any : compiled.metrics) {
    const ir::PathScope own(step.graph, any.name());
    TracedMetric traced{any.name(), any.resolve(y.type(), prediction.type()), {}};
    for (const Tensor& s : traced.metric->accumulate(y, prediction, Tensor())) {
      traced.outputs.push_back(str("metric_", step.metrics.size(), "/", any.name(), "/", traced.outputs.size()));
      step.graph.add_output(traced.outputs.back(), reported(s).expr().value());
    }
    step.metrics.push_back(std::move(traced));
  }
}

/// Gradients and the update of the weights that are trained.
void trace_update(Trace& trace, ModelState& state, TracedStep& step, const Tensor& loss) {
  const Compiled& compiled = *state.compiled;
  std::vector<ir::Expr> weights;
  for (const Variable& v : *compiled.trainable) weights.push_back(trace.read(v.state()));
  const std::vector<ir::Expr> gradients =
      weights.empty() ? std::vector<ir::Expr>() : passes::gradients(loss.expr(), weights);
  std::vector<Parameter> parameters;
  for (std::size_t k = 0; k < weights.size(); ++k)
    parameters.push_back({(*compiled.trainable)[k].path(), Tensor(weights[k]), Tensor(gradients[k])});
  OptimizerStates states(step.graph);
  compiled.optimizer->apply(parameters, states);
  state.optimizer_order.clear();
  for (const OptimizerState& s : states.list()) {
    step.variables[s.name] = state.optimizer_variable(s.name, s.type, s.initial);
    state.optimizer_order.push_back(s.name);
  }
}

void trace_training(Trace& trace, ModelState& state, TracedStep& step, Mode mode, const TensorType& y_type,
                    const Tensor& prediction) {
  const Compiled& compiled = *state.compiled;
  const Tensor y(ir::input(step.graph, "y", y_type));
  const Tensor loss = total_loss(trace, compiled.loss, y, prediction);
  step.classes = compiled.loss->classes(prediction.type());
  step.graph.add_output(step.result, reported(loss).expr().value());
  trace_metrics(step, compiled, y, prediction);
  if (mode == Mode::train) trace_update(trace, state, step, loss);
}

}  // namespace

void define_input(const Model& model, ModelState& state, const TensorType& sample) {
  if (state.sample && *state.sample != sample)
    user_error(model.name(), ": the input was ", *state.sample, " per sample before and cannot become ", sample);
  state.sample = sample;
}

void build_model(Model& model, ModelState& state) {
  const TensorType& sample = *state.sample;
  ir::Ints dims = sample.shape.ints();
  dims.insert(dims.begin(), 2);  // weights do not depend on the batch
  for (const bool training : {true, false}) {
    ir::Graph graph("build");
    const Trace trace(graph, training, state.random);
    const Tensor y = model(Tensor(ir::input(graph, "x", {sample.dtype, Shape(dims)})));
    if (y.rank() == 0 || y.shape()[0] != 2)
      user_error(model.name(), ": call() returned ", y.type(),
                 " for a batch of 2 samples; the first axis has to stay the batch");
    state.output = Shape(ir::Ints(y.shape().begin() + 1, y.shape().end()));
  }
}

TracedStep trace_step(Model& model, ModelState& state, Mode mode, const TensorType& x_type, const TensorType& y_type) {
  TracedStep step;
  step.graph.rename(str(model.name(), "_", to_string(mode), "_", x_type.shape[0]));
  Trace trace(step.graph, mode == Mode::train, state.random);
  const Tensor x(ir::input(step.graph, "x", x_type));
  const Tensor prediction = model(cast(x, state.sample->dtype));
  const bool forward_only = mode == Mode::predict || mode == Mode::inspect;
  step.result = forward_only ? "y" : "loss";
  if (forward_only)
    step.graph.add_output(step.result, prediction.expr().value());
  else
    trace_training(trace, state, step, mode, y_type, prediction);
  if (mode == Mode::inspect)
    for (const auto& [name, value] : trace.taps()) step.graph.add_output("tap/" + name, value.expr().value());
  for (const auto& [name, variable] : trace.variables()) step.variables[name] = variable;
  return step;
}

ModelStep::ModelStep(TracedStep traced, const ExecutionOptions& options)
    : bound(traced.graph, traced.variables, options), metrics(std::move(traced.metrics)), classes(traced.classes) {
  static const std::uint32_t first_row = 0;  // rows are counted within the batch of a step
  bound.bind("first_row", &first_row);
  result = bound.output_index(traced.result);
  for (const TracedMetric& m : metrics) {
    auto& outputs = metric_outputs.emplace_back();
    for (const std::string& name : m.outputs) outputs.push_back(bound.output_index(name));
  }
}

std::shared_ptr<ModelStep> step_for(Model& model, ModelState& state, Mode mode, const TensorType& x,
                                    const TensorType& y) {
  const std::string key = str(to_string(mode), " ", x, " ", mode == Mode::predict ? TensorType{} : y);
  auto& step = state.steps[key];
  if (step == nullptr) {
    const ExecutionOptions options = state.compiled ? state.compiled->execution : ExecutionOptions{};
    step = std::make_shared<ModelStep>(trace_step(model, state, mode, x, y), options);
  }
  return step;
}

TensorType batch_type(const Array& data, std::int64_t rows) {
  ir::Ints dims = data.shape().ints();
  dims.front() = rows;
  return {data.dtype(), Shape(std::move(dims))};
}

}  // namespace sinter::detail
