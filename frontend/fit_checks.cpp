#include "fit_checks.h"

#include <algorithm>

namespace sinter::detail {

void expect_batch_size(const Model& model, std::int64_t batch_size) {
  if (batch_size < 1) user_error(model.name(), ": batch_size must be positive, got ", batch_size);
}

void expect_steps(const Model& model, const Steps& steps) {
  if (steps.wanted < 0)
    user_error(model.name(), ": ", steps.name, " must not be negative (0: all batches), got ", steps.wanted);
}

std::int64_t steps_of(const Model& model, const Batches& batches, const Samples& samples, const Steps& steps) {
  expect_steps(model, steps);
  if (steps.wanted > batches.count())
    user_error(model.name(), ": ", steps.name, " is ", steps.wanted, ", but ", samples.size(), " samples are ",
               batches.count(), " batches");
  return steps.wanted == 0 ? batches.count() : steps.wanted;
}

void know_inputs(Model& model, ModelState& state, const Data& x) {
  if (state.inputs.empty()) {
    if (!x.given()) user_error("x: no data were given");
    std::vector<Input> inputs;
    for (const Data::Item& item : x.items()) {
      if (item.array.rank() == 0) user_error("x: expected samples along axis 0, got a scalar");
      const Shape& shape = item.array.shape();
      ir::Ints sample(shape.begin() + 1, shape.end());
      if (sample.empty()) sample.push_back(1);
      inputs.emplace_back(Dims(sample), InputOptions{.name = item.name});
    }
    define_inputs(model, state, ports_of(model, inputs));
  }
  if (model.built() && !state.outputs.empty()) return;
  const bool was_built = model.built();
  try {
    build_model(model, state);
  } catch (...) {
    if (!was_built) state.inputs.clear();
    throw;
  }
}

namespace {

bool same_weights(const std::vector<Variable>& a, const std::vector<Variable>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Variable& x, const Variable& y) { return x.state() == y.state(); });
}

}  // namespace

void check_trainable(const Model& model, Compiled& compiled) {
  const std::vector<Variable> now = model.trainable_weights();
  if (!compiled.trainable)
    compiled.trainable = now;
  else if (!same_weights(*compiled.trainable, now))
    warn(str(model.name(),
             ": layers were frozen or unfrozen after compile(); call compile() again for it to take effect"));
  if (compiled.trainable->empty())
    warn(str(model.name(), ": the model has no trainable weights, so training changes nothing"));
}

Samples labelled_samples(Model& model, ModelState& state, const Data& x, const Data& y, const Weighting& weighting,
                         std::string_view prefix) {
  Samples samples{.x = checked_inputs(model, state, prefix, x)};
  samples.y = checked_labels(model, state, prefix, y, samples.size());
  samples.w = checked_weights(model, state, prefix, weighting, samples);
  return samples;
}

void check_values(const Model& model, const ModelState& state, const Batches& batches, const Samples& samples,
                  std::string_view prefix) {
  check_ranges(model, state, batches.step(0), prefix, samples.x, samples.y);
}

}  // namespace sinter::detail
