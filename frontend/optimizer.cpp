// What optimizers share: states, clipping, weight decay, the order within a step. The update rules are in
// optimizers.cpp.

#include <sinter/frontend/optimizers.h>

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/graph.h>
#include <sinter/ir/ops/source.h>

namespace sinter {

Tensor OptimizerStates::get(const std::string& name, const TensorType& type, double initial, bool shared) {
  for (const auto* states : {&own_, &shared_})
    for (const OptimizerState& state : *states)
      if (state.name == name) return state.tensor;
  OptimizerState state{name, type, initial, Tensor(ir::state(graph_, name, type))};
  auto& states = shared ? shared_ : own_;
  states.push_back(state);
  return state.tensor;
}

void OptimizerStates::assign(const Tensor& state, const Tensor& value) {
  if (state.type() != value.type())
    user_error("optimizer: a state of type ", state.type(), " cannot take a value of type ", value.type());
  graph_.set_update(state.expr().value().node, value.expr().value());
}

std::vector<OptimizerState> OptimizerStates::list() const {
  std::vector<OptimizerState> all = own_;
  all.insert(all.end(), shared_.begin(), shared_.end());
  return all;
}

UpdateContext::UpdateContext(OptimizerStates& states, const std::string& prefix, const Parameter& parameter,
                             Tensor learning_rate, Tensor iterations)
    : states_(states),
      prefix_(prefix),
      parameter_(parameter),
      value_(parameter.value),
      gradient_(parameter.gradient),
      learning_rate_(learning_rate),
      iterations_(iterations) {}

Tensor UpdateContext::slot(std::string_view name, double initial) {
  return states_.get(str(prefix_, "/", parameter_.path, "/", name), parameter_.value.type(), initial);
}

Tensor UpdateContext::shared(std::string_view name, double initial) {
  return states_.get(str(prefix_, "/", name), {parameter_.value.dtype(), {}}, initial, true);
}

void UpdateContext::assign(const Tensor& value) { states_.assign(parameter_.value, value); }
void UpdateContext::assign(const Tensor& slot, const Tensor& value) { states_.assign(slot, value); }

Optimizer::~Optimizer() = default;

Optimizer::Optimizer(OptimizerOptions options) : options_(std::move(options)) {
  const auto given = [](const std::optional<double>& clip) { return clip.has_value() ? 1 : 0; };
  if (given(options_.clipnorm) + given(options_.global_clipnorm) + given(options_.clipvalue) > 1)
    user_error("optimizer ", name(), ": only one of clipnorm, global_clipnorm and clipvalue may be set");
  for (const auto& clip : {options_.clipnorm, options_.global_clipnorm, options_.clipvalue})
    if (clip && !(*clip > 0.0)) user_error("optimizer ", name(), ": a clip must be positive, got ", *clip);
}

namespace {

/// x * limit / max(norm, limit): at most `limit` long.
Tensor shortened(const Tensor& x, const Tensor& norm, double limit) {
  return x * cast(limit / maximum(norm, limit), x.dtype());
}

std::vector<Tensor> clipped_gradients(std::span<const Parameter> parameters, const OptimizerOptions& options) {
  std::vector<Tensor> result;
  for (const Parameter& p : parameters) result.push_back(p.gradient);
  if (options.clipvalue)
    for (Tensor& g : result) g = clip(g, -*options.clipvalue, *options.clipvalue);
  if (options.clipnorm)
    for (Tensor& g : result) g = shortened(g, sqrt(sum(square(g))), *options.clipnorm);
  if (options.global_clipnorm && !result.empty()) {
    Tensor total = sum(square(result[0]));
    for (std::size_t k = 1; k < result.size(); ++k) total = total + cast(sum(square(result[k])), total.dtype());
    const Tensor norm = sqrt(total);
    for (Tensor& g : result) g = shortened(g, cast(norm, g.dtype()), *options.global_clipnorm);
  }
  return result;
}

}  // namespace

void Optimizer::apply(std::span<const Parameter> parameters, OptimizerStates& states) const {
  const ir::PathScope scope(states.graph(), name());
  const Tensor iteration = states.get(iteration_name(), {DType::i32, {}}, 0.0);
  const Tensor rate = options_.learning_rate.is_schedule()
                          ? options_.learning_rate.at(cast(iteration, DType::f32))
                          : states.get(learning_rate_name(), {DType::f32, {}}, options_.learning_rate.value());
  const std::vector<Tensor> gradients = clipped_gradients(parameters, options_);
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const ir::PathScope inner(states.graph(), parameters[k].path);
    const DType dtype = parameters[k].value.dtype();
    UpdateContext context(states, name(), parameters[k], cast(rate, dtype), cast(iteration, dtype));
    context.gradient_ = gradients[k];
    if (options_.weight_decay)
      context.value_ = context.value_ - context.value_ * (*options_.weight_decay * context.learning_rate_);
    update(context);
  }
  states.assign(iteration, iteration + 1);
}

}  // namespace sinter
