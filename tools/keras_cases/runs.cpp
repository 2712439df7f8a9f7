// Small steps built by hand around one layer, loss or optimizer.

#include <sinter/frontend/step.h>
#include <sinter/ir/error.h>

#include "cases.h"

namespace keras_cases {

using namespace sinter;

namespace {

ExecutionOptions execution(Backend backend) { return {.backend = backend}; }

/// What the gradients are taken of: sum(output * cotangent).
Tensor weighted_sum(const Tensor& output, const Tensor& cotangent) { return sum(output * cotangent); }

}  // namespace

LayerRun run_layer(Layer& layer, const std::vector<Array>& inputs, const Array* cotangent, bool training,
                   const std::function<void(Layer&)>& set, Backend backend) {
  StepBuilder builder({.name = "case", .training = training});
  Tensors xs;
  Step::Inputs bound;
  for (const Array& input : inputs) {
    const std::string name = str("x", xs.size());
    xs.push_back(builder.input(name, input.shape(), input.dtype()));
    bound.emplace_back(name, input);
  }
  const Tensor y = xs.size() == 1 ? layer(xs[0]) : layer(xs).at(0);
  builder.output("y", y);
  set(layer);

  std::vector<std::string> gradient_names(inputs.size());
  std::size_t weight_count = 0;
  if (cotangent != nullptr) {
    std::vector<Operand> sources;
    for (std::size_t k = 0; k < xs.size(); ++k) {
      if (!ir::is_float(xs[k].dtype())) continue;
      gradient_names[k] = str("dx", k);
      sources.emplace_back(xs[k]);
    }
    const std::vector<Variable> weights = layer.trainable_weights();
    weight_count = weights.size();
    for (const Variable& w : weights) sources.emplace_back(w);
    const Tensor loss = weighted_sum(y, builder.input("cotangent", cotangent->shape(), cotangent->dtype()));
    bound.emplace_back("cotangent", *cotangent);
    const std::vector<Tensor> gradients = sinter::gradients(loss, sources);
    std::size_t next = 0;
    for (const std::string& name : gradient_names)
      if (!name.empty()) builder.output(name, gradients[next++]);
    for (std::size_t k = 0; k < weight_count; ++k) builder.output(str("dw", k), gradients[next++]);
  }

  Step step = builder.compile(execution(backend));
  const StepResult result = step.run(bound);
  LayerRun run{result["y"], {}, {}, layer.get_weights()};
  for (const std::string& name : gradient_names) run.input_gradients.push_back(name.empty() ? Array() : result[name]);
  for (std::size_t k = 0; k < weight_count; ++k) run.weight_gradients.push_back(result[str("dw", k)]);
  return run;
}

LossRun run_loss(const AnyLoss& loss, const Array& y_true, const Array& y_pred, const Array* sample_weight,
                 Backend backend) {
  StepBuilder builder({.name = "case"});
  const Tensor t = builder.input("y_true", y_true.shape(), y_true.dtype());
  const Tensor p = builder.input("y_pred", y_pred.shape(), y_pred.dtype());
  Step::Inputs bound = {{"y_true", y_true}, {"y_pred", y_pred}};
  Tensor weight;
  if (sample_weight != nullptr) {
    weight = builder.input("sample_weight", sample_weight->shape(), sample_weight->dtype());
    bound.emplace_back("sample_weight", *sample_weight);
  }
  const Tensor value = loss(t, p, weight);
  builder.output("value", value);
  if (value.rank() == 0) builder.output("gradient", sinter::gradients(value, {p})[0]);
  Step step = builder.compile(execution(backend));
  const StepResult result = step.run(bound);
  return {result["value"], value.rank() == 0 ? result["gradient"] : Array()};
}

OptimizerRun run_optimizer(const AnyOptimizer& optimizer, const Array& start, const std::vector<Array>& gradients,
                           Backend backend) {
  StepBuilder builder({.name = "case"});
  const Variable w = builder.variable("w", start);
  const Tensor g = builder.input("g", start.shape(), start.dtype());
  const Parameter parameter{"w", w.tensor(), g};
  OptimizerStates states(builder.graph());
  optimizer->apply({&parameter, 1}, states);

  Step step = compile_step(builder.graph(), execution(backend));
  const std::string& weight_name = w.path();
  step.set_state(weight_name, start);
  const std::vector<OptimizerState> list = states.list();
  for (const OptimizerState& s : list) step.set_state(s.name, Array::full(s.type.shape, s.initial, s.type.dtype));
  OptimizerRun run;
  for (const Array& gradient : gradients) {
    if (gradient.shape() != start.shape())
      user_error("malformed case: a gradient of shape ", gradient.shape(), " for a weight of shape ", start.shape());
    step.run({{"g", gradient}});
    run.trajectory.push_back(step.state(weight_name).copy());
  }
  for (const OptimizerState& s : list) run.states.emplace_back(s.name, step.state(s.name));
  return run;
}

}  // namespace keras_cases
