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
/// A regularizer from its name or {class_name, config}; none for null.
sinter::Regularizer make_regularizer(const Json* value);
/// A constraint, likewise.
sinter::Constraint make_constraint(const Json* value);

/// Gives the options the regularizers and constraints that they have a place for.
template <class Options>
Options with_limits(const Config& c, Options options) {
#define SINTER_READ_LIMIT(weight, kind) \
  if constexpr (requires { options.weight##_##kind; }) options.weight##_##kind = make_##kind(c.value(#weight "_" #kind))
  SINTER_READ_LIMIT(kernel, regularizer);
  SINTER_READ_LIMIT(kernel, constraint);
  SINTER_READ_LIMIT(recurrent, regularizer);
  SINTER_READ_LIMIT(recurrent, constraint);
  SINTER_READ_LIMIT(depthwise, regularizer);
  SINTER_READ_LIMIT(depthwise, constraint);
  SINTER_READ_LIMIT(pointwise, regularizer);
  SINTER_READ_LIMIT(pointwise, constraint);
  SINTER_READ_LIMIT(bias, regularizer);
  SINTER_READ_LIMIT(bias, constraint);
  SINTER_READ_LIMIT(beta, regularizer);
  SINTER_READ_LIMIT(beta, constraint);
  SINTER_READ_LIMIT(gamma, regularizer);
  SINTER_READ_LIMIT(gamma, constraint);
  SINTER_READ_LIMIT(alpha, regularizer);
  SINTER_READ_LIMIT(alpha, constraint);
  SINTER_READ_LIMIT(embeddings, regularizer);
  SINTER_READ_LIMIT(embeddings, constraint);
  SINTER_READ_LIMIT(activity, regularizer);
#undef SINTER_READ_LIMIT
  return options;
}

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
