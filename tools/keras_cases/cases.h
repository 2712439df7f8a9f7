#pragma once
// The kinds of cases. Each function throws Mismatch, Unsupported or an error; returning means that the case passed.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sinter/frontend/execution.h>

#include "builders.h"
#include "case_json.h"
#include "report.h"

namespace keras_cases {

/// layer_*.json: outputs, and gradients for the given cotangents.
void run_layer_case(const Json& data, sinter::Backend backend);
/// One entry of losses.json: value, gradient, weighted value.
void run_loss_case(const Json& data, sinter::Backend backend);
/// One entry of optimizers.json: the weight after every step, and the slots at the end.
void run_optimizer_case(const Json& data, sinter::Backend backend);
/// One entry of schedules.json: the rate at steps 0, 1, 2, ...
void run_schedule_case(const Json& data, sinter::Backend backend);
/// train_*.json: history, weights and predictions of a whole fit without shuffling.
void run_train_case(const Json& data, sinter::Backend backend);
/// One entry of keras-vectors.json.
void run_vector_case(const Json& data, sinter::Backend backend);

/// One application of a layer to inputs; gradients for a cotangent of the output, if one is given.
struct LayerRun {
  sinter::Array output;
  std::vector<sinter::Array> input_gradients;   // empty for an input that is not a float
  std::vector<sinter::Array> weight_gradients;  // of the trainable weights
  std::vector<sinter::Array> weights_after;
};
/// `set` puts values into the layer's weights once they exist.
LayerRun run_layer(sinter::Layer& layer, const std::vector<sinter::Array>& inputs, const sinter::Array* cotangent,
                   bool training, const std::function<void(sinter::Layer&)>& set, sinter::Backend backend);

/// A loss applied to labels and predictions, with its gradient (when the value is one number).
struct LossRun {
  sinter::Array value;
  sinter::Array gradient;
};
LossRun run_loss(const sinter::AnyLoss& loss, const sinter::Array& y_true, const sinter::Array& y_pred,
                 const sinter::Array* sample_weight, sinter::Backend backend);

/// A weight that an optimizer changes by given gradients.
struct OptimizerRun {
  std::vector<sinter::Array> trajectory;                      // the weight after each step
  std::vector<std::pair<std::string, sinter::Array>> states;  // at the end, in the order they are saved
};
OptimizerRun run_optimizer(const sinter::AnyOptimizer& optimizer, const sinter::Array& start,
                           const std::vector<sinter::Array>& gradients, sinter::Backend backend);

}  // namespace keras_cases
