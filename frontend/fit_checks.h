#pragma once
// What fit, evaluate and predict begin with.

#include <string_view>

#include "batches.h"
#include "model_state.h"

namespace sinter::detail {

void expect_batch_size(const Model& model, std::int64_t batch_size);
/// The inputs are what Input said, else what the data look like.
void know_inputs(Model& model, ModelState& state, const Data& x);
/// What is trained was decided by compile(); says so when it is probably not what is meant.
void check_trainable(const Model& model, Compiled& compiled);
Samples labelled_samples(Model& model, ModelState& state, const Data& x, const Data& y, std::string_view prefix);
/// Class numbers and indices are looked at before the first step. Tracing (through Batches) knows their ranges.
void check_values(const Model& model, const ModelState& state, const Batches& batches, const Samples& samples,
                  std::string_view prefix);

}  // namespace sinter::detail
