#pragma once
// Moving averages of the weights, which an optimizer with use_ema keeps among its states.

#include <string_view>

#include "model_state.h"

namespace sinter::detail {

/// The end of a fit(): the weights become their averages, as in Keras. Nothing happens without averages, or before the
/// first step.
void take_averages(ModelState& state);
/// Throws UserError while weights and averages are exchanged.
void expect_own_weights(const Model& model, const ModelState& state, std::string_view what);

}  // namespace sinter::detail
