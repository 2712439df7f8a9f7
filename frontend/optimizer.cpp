// What optimizers share: states, clipping, weight decay, the order within a step. The update rules are in
// optimizers.cpp.

#include <sinter/frontend/optimizer.h>

#include <algorithm>
#include <limits>

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

void UpdateContext::assign(const Tensor& value) { next_ = value; }
void UpdateContext::assign(const Tensor& slot, const Tensor& value) {
  states_.assign(slot, updates_.empty() ? value : where(updates_, value, slot));
}

Optimizer::~Optimizer() = default;

Optimizer::Optimizer(OptimizerOptions options) : options_(std::move(options)) {
  const auto given = [](const std::optional<double>& clip) { return clip.has_value() ? 1 : 0; };
  if (given(options_.clipnorm) + given(options_.global_clipnorm) + given(options_.clipvalue) > 1)
    user_error("optimizer ", name(), ": only one of clipnorm, global_clipnorm and clipvalue may be set");
  for (const auto& clip : {options_.clipnorm, options_.global_clipnorm, options_.clipvalue})
    if (clip && !(*clip > 0.0)) user_error("optimizer ", name(), ": a clip must be positive, got ", *clip);
  const bool in_range = options_.ema_momentum >= 0.0 && options_.ema_momentum <= 1.0;  // NaN is not
  if (!in_range) user_error("optimizer ", name(), ": ema_momentum must lie in [0, 1], got ", options_.ema_momentum);
  const auto expect_at_least = [&](std::int64_t least, std::string_view what, std::optional<std::int64_t> value) {
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();  // steps are counted in i32
    if (value && (*value < least || *value > most))
      user_error("optimizer ", name(), ": ", what, " must be a whole number from ", least, " to ", most, ", got ",
                 *value);
  };
  expect_at_least(1, "ema_overwrite_frequency", options_.ema_overwrite_frequency);
  expect_at_least(2, "gradient_accumulation_steps", options_.gradient_accumulation_steps);
  if (options_.ema_overwrite_frequency && !options_.use_ema)
    user_error("optimizer ", name(), ": ema_overwrite_frequency needs use_ema = true");
}

std::string Optimizer::average_name(std::string_view path) const { return str(name(), "/", path, "/average"); }

namespace {

/// x * limit / max(norm, limit): at most `limit` long.
Tensor shortened(const Tensor& x, const Tensor& norm, double limit) {
  return x * cast(limit / maximum(norm, limit), x.dtype());
}

std::vector<Tensor> clipped(std::vector<Tensor> gradients, const OptimizerOptions& options) {
  if (options.clipvalue)
    for (Tensor& g : gradients) g = clip(g, -*options.clipvalue, *options.clipvalue);
  if (options.clipnorm)
    for (Tensor& g : gradients) g = shortened(g, sqrt(sum(square(g))), *options.clipnorm);
  if (options.global_clipnorm && !gradients.empty()) {
    Tensor total = sum(square(gradients[0]));
    for (std::size_t k = 1; k < gradients.size(); ++k) total = total + cast(sum(square(gradients[k])), total.dtype());
    const Tensor norm = sqrt(total);
    for (Tensor& g : gradients) g = shortened(g, cast(norm, g.dtype()), *options.global_clipnorm);
  }
  return gradients;
}

/// Whether `count` i32 events are a multiple of `period`.
Tensor is_multiple(const Tensor& count, std::int64_t period) { return equal(count / period * period, count); }

}  // namespace

/// What one step has in common for all weights.
struct Optimizer::Plan {
  Tensor steps;  // made before this one, i32
  Tensor rate;
  Tensor iteration;  // updates made before this step, i32
  Tensor updates;    // i1: whether this step updates; empty: every one does
};

Optimizer::Plan Optimizer::begin(OptimizerStates& states) const {
  Plan plan;
  const Tensor steps = plan.steps = states.get(iteration_name(), {DType::i32, {}}, 0.0);
  plan.rate = options_.learning_rate.is_schedule()
                  ? options_.learning_rate.at(cast(steps, DType::f32))
                  : states.get(learning_rate_name(), {DType::f32, {}}, options_.learning_rate.value());
  plan.iteration = steps;
  if (options_.gradient_accumulation_steps) {
    plan.iteration = steps / *options_.gradient_accumulation_steps;
    plan.updates = is_multiple(steps + 1, *options_.gradient_accumulation_steps);
  }
  return plan;
}

std::vector<Tensor> Optimizer::accumulated(std::span<const Parameter> parameters, const Plan& plan,
                                           OptimizerStates& states) const {
  std::vector<Tensor> gradients;
  for (const Parameter& p : parameters) {
    const ir::PathScope inner(states.graph(), p.path);
    const TensorType& type = p.value.type();
    if (options_.use_ema) (void)states.get(average_name(p.path), type, 0.0);  // saved before accumulators and slots
    gradients.push_back(p.gradient);
    if (plan.updates.empty()) continue;
    const Tensor sum_before = states.get(str(name(), "/", p.path, "/gradient_accumulator"), type, 0.0);
    const Tensor sum_now = sum_before + p.gradient;
    states.assign(sum_before, where(plan.updates, 0.0, sum_now));
    gradients.back() = sum_now / *options_.gradient_accumulation_steps;
  }
  return gradients;
}

Tensor Optimizer::averaged(const Parameter& parameter, const Tensor& value, const Plan& plan,
                           OptimizerStates& states) const {
  const Tensor before = states.get(average_name(parameter.path), value.type(), 0.0);
  const Tensor momentum = cast(not_equal(plan.iteration, 0), value.dtype()) * options_.ema_momentum;
  const Tensor average = momentum * before + (1.0 - momentum) * value;
  states.assign(before, average);
  if (!options_.ema_overwrite_frequency) return value;
  return where(is_multiple(plan.iteration + 1, *options_.ema_overwrite_frequency), average, value);
}

void Optimizer::apply(std::span<const Parameter> parameters, OptimizerStates& states) const {
  const ir::PathScope scope(states.graph(), name());
  const Plan plan = begin(states);
  const std::vector<Tensor> gradients = clipped(accumulated(parameters, plan, states), options_);
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const Parameter& parameter = parameters[k];
    const ir::PathScope inner(states.graph(), parameter.path);
    const DType dtype = parameter.value.dtype();
    UpdateContext context(states, name(), parameter, cast(plan.rate, dtype), cast(plan.iteration, dtype));
    context.gradient_ = gradients[k];
    context.updates_ = plan.updates;
    if (options_.weight_decay)
      context.value_ = context.value_ - context.value_ * (*options_.weight_decay * context.learning_rate_);
    context.next_ = context.value_;
    update(context);
    Tensor next = plan.updates.empty() ? context.next_ : where(plan.updates, context.next_, parameter.value);
    if (options_.use_ema) next = averaged(parameter, next, plan, states);
    next = parameter.constraint(next);
    if (next.expr().value() != parameter.value.expr().value()) states.assign(parameter.value, next);
  }
  states.assign(plan.steps, plan.steps + 1);
}

}  // namespace sinter
