#include "training_graph.h"

#include <algorithm>
#include <functional>
#include <map>
#include <random>

#include <sinter/frontend/activations.h>
#include <sinter/frontend/batch_normalization.h>
#include <sinter/frontend/convolution_layers.h>
#include <sinter/frontend/layers.h>
#include <sinter/frontend/losses.h>
#include <sinter/frontend/optimizers.h>
#include <sinter/frontend/pooling_layers.h>
#include <sinter/frontend/recurrent_layers.h>
#include <sinter/frontend/step.h>
#include <sinter/frontend/tensor.h>
#include <sinter/ir/error.h>

namespace sinter::bench {

namespace {

using LayerPtr = std::shared_ptr<Layer>;
using MakeLayer = LayerPtr (*)(const LayerSpec&);

ActivationFn activation_of(const LayerSpec& l) { return l.activation.empty() ? ActivationFn() : l.activation; }
std::string padding_of(const LayerSpec& l) { return l.same ? "same" : "valid"; }

LayerPtr make_layer(const LayerSpec& spec);

/// The sum of two branches.
class Residual : public Layer {
 public:
  explicit Residual(const LayerSpec& spec) {
    for (const LayerSpec& l : spec.body) body_.push_back(make_layer(l));
    for (const LayerSpec& l : spec.shortcut) shortcut_.push_back(make_layer(l));
  }
  Tensor call(Tensor x) override { return through(body_, x) + through(shortcut_, x); }

 private:
  static Tensor through(const std::vector<LayerPtr>& layers, Tensor x) {
    for (const LayerPtr& layer : layers) x = (*layer)(x);
    return x;
  }
  std::vector<LayerPtr> body_, shortcut_;
};

const std::map<std::string, MakeLayer>& layer_table() {
  static const std::map<std::string, MakeLayer> table = {
      {"flatten", [](const LayerSpec&) -> LayerPtr { return std::make_shared<Flatten>(); }},
      {"dropout", [](const LayerSpec& l) -> LayerPtr { return std::make_shared<Dropout>(l.rate); }},
      {"relu", [](const LayerSpec&) -> LayerPtr { return std::make_shared<Activation>("relu"); }},
      {"dense",
       [](const LayerSpec& l) -> LayerPtr {
         return std::make_shared<Dense>(
             DenseOptions{.units = l.units, .activation = activation_of(l), .use_bias = l.use_bias});
       }},
      {"conv2d",
       [](const LayerSpec& l) -> LayerPtr {
         return std::make_shared<Conv2D>(ConvOptions{.filters = l.units,
                                                     .kernel_size = {l.kernel},
                                                     .strides = {l.stride},
                                                     .padding = padding_of(l),
                                                     .activation = activation_of(l),
                                                     .use_bias = l.use_bias});
       }},
      {"depthwise2d",
       [](const LayerSpec& l) -> LayerPtr {
         return std::make_shared<DepthwiseConv2D>(DepthwiseConvOptions{
             .kernel_size = {l.kernel}, .strides = {l.stride}, .padding = padding_of(l), .use_bias = l.use_bias});
       }},
      {"batchnorm", [](const LayerSpec&) -> LayerPtr { return std::make_shared<BatchNormalization>(); }},
      {"maxpool", [](const LayerSpec& l) -> LayerPtr { return std::make_shared<MaxPooling2D>(l.units); }},
      {"gap", [](const LayerSpec&) -> LayerPtr { return std::make_shared<GlobalAveragePooling2D>(); }},
      {"lstm", [](const LayerSpec& l) -> LayerPtr { return std::make_shared<LSTM>(l.units); }},
      {"gru", [](const LayerSpec& l) -> LayerPtr { return std::make_shared<GRU>(l.units); }},
      {"residual", [](const LayerSpec& l) -> LayerPtr { return std::make_shared<Residual>(l); }},
  };
  return table;
}

LayerPtr make_layer(const LayerSpec& spec) { return layer_table().at(spec.op)(spec); }

std::string first_missing(const std::vector<LayerSpec>& layers) {
  for (const LayerSpec& layer : layers) {
    for (const auto* inner : {&layer.body, &layer.shortcut})
      if (std::string missing = first_missing(*inner); !missing.empty()) return missing;
    if (!layer_table().contains(layer.op)) return layer.op;
  }
  return {};
}

AnyOptimizer optimizer(OptimizerKind kind) {
  if (kind == OptimizerKind::adam) return Adam({.learning_rate = 0.001, .epsilon = 1e-7});
  return SGD({.learning_rate = 0.01, .momentum = kind == OptimizerKind::momentum ? 0.9 : 0.0});
}

AnyLoss loss(LossKind kind) {
  if (kind == LossKind::squared_error) return MeanSquaredError();
  return SparseCategoricalCrossentropy({.from_logits = true});
}

std::unique_ptr<Sequential> build_model(const Config& config, const ModelSpec& spec) {
  auto model = std::make_unique<Sequential>();
  model->add(Input(Dims(spec.input)));
  for (const LayerSpec& layer : spec.layers) model->add(Ref<Layer>(make_layer(layer)));
  model->compile(optimizer(config.optimizer), loss(spec.loss));
  return model;
}

Array normal(const Shape& shape, std::mt19937_64& random) {
  std::normal_distribution<float> distribution;
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  std::ranges::generate(values, [&] { return distribution(random); });
  return Array::from(std::move(values), shape);
}

Array labels(std::int64_t n, std::int64_t classes, std::mt19937_64& random) {
  std::uniform_int_distribution<std::int32_t> distribution(0, static_cast<std::int32_t>(classes) - 1);
  std::vector<std::int32_t> values(static_cast<std::size_t>(n));
  std::ranges::generate(values, [&] { return distribution(random); });
  return Array::from(std::move(values));
}

Batch make_batch(const Config& config, const ModelSpec& spec, std::mt19937_64& random) {
  if (spec.loss == LossKind::squared_error) {
    const Array x = Array::from<float>({-1, 0, 1, 2, 3, 4}, {6, 1});
    return {{"x", x}, {"y", x * 2.0 - 1.0}};
  }
  if (spec.loss == LossKind::elementwise) return {{"x", normal(Shape(spec.input), random)}};
  std::vector<std::int64_t> dims = spec.input;
  dims.insert(dims.begin(), config.batch);
  const Array x = normal(Shape(dims), random);
  return {{"x", x}, {"y", labels(config.batch, spec.classes, random)}};
}

/// A chain of elementwise functions, its mean, and the gradient of that; no weights.
TrainingGraph elementwise_graph(std::int64_t n) {
  StepBuilder b({.name = "elementwise"});
  const Tensor x = b.input("x", {n});
  const Tensor t4 = tanh(x);
  const Tensor t9 = sigmoid(x * 1.5 + 0.25) * t4 + exp(x * x * -0.5);
  const Tensor t12 = sqrt(relu(t9) + 0.001);
  const Tensor total = mean(t12 * t4);
  b.output("loss", total);
  b.output("dx", gradients(total, {x})[0]);
  TrainingGraph result;
  result.graph = b.graph();
  return result;
}

}  // namespace

std::string first_missing_layer(const ModelSpec& spec) { return first_missing(spec.layers); }

Workload::Workload(const Config& config) : config_(config), spec_(config.model()) {
  constexpr int resident = 4;
  std::mt19937_64 random(7);  // NOLINT: the same numbers every time
  for (int k = 0; k < (spec_.loss == LossKind::elementwise ? 1 : resident); ++k)
    batches_.push_back(make_batch(config_, spec_, random));
  if (spec_.loss != LossKind::elementwise) model_ = build_model(config_, spec_);
}

TrainingGraph Workload::trace() {
  if (spec_.loss == LossKind::elementwise) return elementwise_graph(spec_.input.front());
  check(model_ != nullptr, "a workload is traced once");
  const ir::TensorType& y = batches_.front()[1].second.type();
  const Shape label(ir::Ints(y.shape.begin() + 1, y.shape.end()));
  TrainingGraph result;
  result.graph = model_->graph("train", config_.batch, {y.dtype, label});
  for (const Variable& v : model_->weights()) result.weights.emplace_back(v.path(), v);
  result.scalars.emplace_back(optimizer(config_.optimizer)->learning_rate_name(), Array(model_->learning_rate()));
  model_.reset();
  return result;
}

}  // namespace sinter::bench
