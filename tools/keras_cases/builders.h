#pragma once
// From class names and configs to layers, losses, metrics, optimizers and schedules. Whatever is missing, or asks for
// an option that we do not have, throws Unsupported.

#include <memory>
#include <string>
#include <vector>

#include <sinter/frontend/layer.h>
#include <sinter/frontend/losses.h>
#include <sinter/frontend/metrics.h>
#include <sinter/frontend/optimizers.h>
#include <sinter/frontend/schedules.h>
#include <sinter/frontend/sequential.h>

#include "case_json.h"

namespace keras_cases {

/// An activation by name, or Unsupported.
sinter::ActivationFn make_activation(const std::string& name);
/// A layer. `name` is the case's: a Lambda keeps its function there ("lambda_abs"), since Keras saves none.
std::shared_ptr<sinter::Layer> make_layer(const std::string& class_name, const Config& config, const std::string& name);
/// One of the layers that are compositions, or null.
std::shared_ptr<sinter::Layer> make_composed_layer(const std::string& class_name, const Config& config);
/// A layer of windows (convolution, pooling, padding, batch normalisation), or null.
std::shared_ptr<sinter::Layer> make_window_layer(const std::string& class_name, const Config& config);
/// A recurrent layer or a wrapper around one, or null.
std::shared_ptr<sinter::Layer> make_recurrent_layer(const std::string& class_name, const Config& config);
struct BuiltModel {
  std::shared_ptr<sinter::Model> model;
  std::vector<std::string> output_names;  // as Keras calls them; empty for a Sequential
};
/// A model from {class_name: "Sequential" or "Functional", config: {layers: [...]}}.
BuiltModel make_model(const Json& model);
/// A loss from its name or class name.
sinter::AnyLoss make_loss(const std::string& name, const Config& config);
sinter::AnyMetric make_metric(const std::string& name, const Config& config);
/// An optimizer from its class name (or snake case of it).
sinter::AnyOptimizer make_optimizer(const std::string& name, const Config& config);
sinter::LearningRate make_schedule(const std::string& name, const Config& config);

}  // namespace keras_cases
