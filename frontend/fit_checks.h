#pragma once
// What fit, evaluate and predict begin with.

#include <string_view>

#include "batches.h"
#include "model_state.h"

namespace sinter::detail {

void expect_batch_size(const Model& model, std::int64_t batch_size);
/// How many batches an epoch has: as the option `name` says, or all of them for 0.
struct Steps {
  std::string_view name = "steps";
  std::int64_t wanted = 0;
};
void expect_steps(const Model& model, const Steps& steps);
/// Of these batches. Throws UserError when there are not as many.
std::int64_t steps_of(const Model& model, const Batches& batches, const Samples& samples, const Steps& steps);
/// The inputs are what Input said, else what the data look like.
void know_inputs(Model& model, ModelState& state, const Data& x);
/// What is trained was decided by compile(); says so when it is probably not what is meant.
void check_trainable(const Model& model, Compiled& compiled);
/// How much each sample counts: given one by one, by class, or not at all.
struct Weighting {
  const Data& by_sample;
  const ClassWeights& by_class;
};
Samples labelled_samples(Model& model, ModelState& state, const Data& x, const Data& y, const Weighting& weighting,
                         std::string_view prefix);
/// Weights for each output that has labels; empty when none are given.
std::vector<Array> checked_weights(const Model& model, const ModelState& state, std::string_view prefix,
                                   const Weighting& given, const Samples& samples);
/// Class numbers and indices are looked at before the first step. Tracing (through Batches) knows their ranges.
void check_values(const Model& model, const ModelState& state, const Batches& batches, const Samples& samples,
                  std::string_view prefix);

}  // namespace sinter::detail
