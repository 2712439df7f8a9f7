#include "moving_average.h"

#include <utility>
#include <vector>

#include "exclusive.h"

namespace sinter {

namespace detail {

namespace {

/// A weight and its average.
struct Averaged {
  Variable weight;
  std::shared_ptr<VariableState> average;
};

/// Empty without averages, or before the first step.
std::vector<Averaged> averages(const ModelState& state) {
  const Optimizer& optimizer = *state.compiled->options.optimizer;
  std::vector<Averaged> result;
  const auto steps = state.optimizer.find(optimizer.iteration_name());
  if (!optimizer.options().use_ema || steps == state.optimizer.end() || steps->second->value().item() == 0.0)
    return result;
  for (const Variable& v : *state.compiled->trainable)
    result.push_back({v, state.optimizer.at(optimizer.average_name(v.path()))});
  return result;
}

const ModelState& expect_averages(const Model& model, ModelState& state, std::string_view what) {
  if (!expect_compiled(model, state, what).options.optimizer->options().use_ema)
    user_error(model.name(), ": ", what, ": the optimizer keeps no averages of the weights; give it use_ema = true");
  return state;
}

}  // namespace

void take_averages(ModelState& state) {
  for (const Averaged& pair : averages(state))
    if (state.averages_in_weights)
      pair.average->assign(pair.weight.value());
    else
      pair.weight.assign(pair.average->value());
  state.averages_in_weights = false;
}

void expect_own_weights(const Model& model, const ModelState& state, std::string_view what) {
  if (state.averages_in_weights)
    user_error(model.name(), ": ", what,
               ": the weights and their moving averages are exchanged; call swap_ema_weights() again before training");
}

}  // namespace detail

void Model::swap_ema_weights() {
  (void)detail::expect_averages(*this, *model_, "swap_ema_weights()");
  const detail::Exclusive alone(*this, *model_, detail::Exclusive::Use::train, "swap_ema_weights()");
  const std::vector<detail::Averaged> pairs = detail::averages(*model_);
  if (pairs.empty())
    user_error(name(), ": swap_ema_weights(): there are no averages before the first step; train the model first");
  for (const detail::Averaged& pair : pairs) {
    const Array weight = pair.weight.value();
    pair.weight.assign(pair.average->value());
    pair.average->assign(weight);
  }
  model_->averages_in_weights = !model_->averages_in_weights;
}

bool Model::ema_weights_swapped() const {
  return detail::expect_averages(*this, *model_, "ema_weights_swapped()").averages_in_weights;
}

}  // namespace sinter
