// The format of keras-vectors.json.

#include <sinter/frontend/step.h>
#include <sinter/ir/error.h>

#include "cases.h"

namespace keras_cases {

using namespace sinter;

namespace {

Tolerance tolerance_of(const Json& data) {
  const Config c(data);
  return {c.number("rtol", 0.0), c.number("atol", 0.0)};
}

/// 0, 1, 2, ... in a shape, or the numbers given.
Array input_of(const Json& inputs) {
  const Json* shape = find(inputs, "x_arange_shape");
  if (shape == nullptr) return nested_of(member(inputs, "x"), DType::f32, "x");
  const Array dims = nested_of(*shape, DType::i64, "x_arange_shape");
  const auto extents = dims.span<std::int64_t>();
  Array x = Array::zeros(Shape(ir::Ints(extents.begin(), extents.end())));
  float next = 0.0f;
  for (float& value : x.mutable_span<float>()) value = next++;
  return x;
}

Array expected_of(const Json& data) {
  const Array expected = nested_of(member(data, "expected"), DType::f64, "expected");
  const Json* shape = find(data, "expected_shape");
  if (shape == nullptr || shape->empty()) return expected;
  const Array dims = nested_of(*shape, DType::i64, "expected_shape");
  const auto extents = dims.span<std::int64_t>();
  if (Shape(ir::Ints(extents.begin(), extents.end())) != expected.shape())
    user_error("malformed case: 'expected' has shape ", expected.shape(), ", not 'expected_shape'");
  return expected;
}

void set_named_weights(Layer& layer, const Json* weights) {
  const std::size_t given = weights == nullptr ? 0 : weights->size();
  if (layer.weights().size() != given)
    throw Mismatch(str("the layer has ", layer.weights().size(), " weights, the case gives ", given));
  if (weights == nullptr) return;
  for (const auto& [name, value] : weights->items()) layer.weight(name).assign(nested_of(value, DType::f32, name));
}

void layer_vector(const Json& data, Backend backend) {
  const Config config(member(data, "config"));
  const Json& inputs = member(data, "inputs");
  for (const auto& [key, value] : inputs.items())
    if (key != "x" && !key.starts_with("x_")) throw Unsupported("layer input '" + key + "'");
  const auto layer =
      make_layer(text_of(member(data, "class_name"), "class_name"), config, text_of(member(data, "id"), "id"));
  const bool training = config.flag("training", false);
  const LayerRun run = run_layer(
      *layer, {input_of(inputs)}, nullptr, training, [&](Layer& l) { set_named_weights(l, find(data, "weights")); },
      backend);
  expect_close("output", run.output, expected_of(data), tolerance_of(data));
  if (find(data, "expected_after") != nullptr) throw Unsupported("moving statistics after the call");
}

/// Activation functions by name, with the options that the vectors give.
ActivationFn activation_with(const std::string& name, const Config& c) {
  if (name == "softmax") return [axis = c.integer("axis", -1)](const Tensor& x) { return softmax(x, axis); };
  if (name == "log_softmax") return [axis = c.integer("axis", -1)](const Tensor& x) { return log_softmax(x, axis); };
  if (name == "leaky_relu") return [s = c.number("negative_slope", 0.2)](const Tensor& x) { return leaky_relu(x, s); };
  if (name == "elu") return [a = c.number("alpha", 1.0)](const Tensor& x) { return elu(x, a); };
  if (name == "celu") return [a = c.number("alpha", 1.0)](const Tensor& x) { return celu(x, a); };
  if (name == "gelu")
    return [a = c.flag("approximate", false)](const Tensor& x) { return gelu(x, {.approximate = a}); };
  if (name == "squareplus") return [b = c.number("b", 4.0)](const Tensor& x) { return squareplus(x, b); };
  if (name == "hard_shrink") return [t = c.number("threshold", 0.5)](const Tensor& x) { return hard_shrink(x, t); };
  if (name == "soft_shrink") return [t = c.number("threshold", 0.5)](const Tensor& x) { return soft_shrink(x, t); };
  if (name == "relu") {
    const ReluOptions options{.negative_slope = c.number("negative_slope", 0.0),
                              .max_value = c.number("max_value", ReluOptions{}.max_value),
                              .threshold = c.number("threshold", 0.0)};
    return [options](const Tensor& x) { return relu(x, options); };
  }
  return make_activation(name);
}

void activation_vector(const Json& data, Backend backend) {
  const std::string name = text_of(member(data, "class_name"), "class_name");
  Activation layer(activation_with(name, Config(member(data, "config"))));
  const LayerRun run = run_layer(layer, {input_of(member(data, "inputs"))}, nullptr, false, [](Layer&) {}, backend);
  expect_close("output", run.output, expected_of(data), tolerance_of(data));
}

/// Labels are class numbers for the sparse forms, else as the predictions.
Array labels_of(const Json& inputs, const std::string& class_name) {
  const bool sparse = class_name.starts_with("Sparse");
  return nested_of(member(inputs, "y_true"), sparse ? DType::i32 : DType::f32, "y_true");
}

void loss_vector(const Json& data, Backend backend) {
  const std::string name = text_of(member(data, "class_name"), "class_name");
  const Json& inputs = member(data, "inputs");
  const AnyLoss loss = make_loss(name, Config(member(data, "config")));
  const Json* weight = find(inputs, "sample_weight");
  const Array weights = weight == nullptr ? Array() : nested_of(*weight, DType::f32, "sample_weight");
  const LossRun run = run_loss(loss, labels_of(inputs, name), nested_of(member(inputs, "y_pred"), DType::f32, "y_pred"),
                               weight == nullptr ? nullptr : &weights, backend);
  expect_close("value", run.value, expected_of(data), tolerance_of(data));
}

void metric_vector(const Json& data, Backend backend) {
  const std::string name = text_of(member(data, "class_name"), "class_name");
  const Json& inputs = member(data, "inputs");
  const Array y_true = labels_of(inputs, name);
  const Array y_pred = nested_of(member(inputs, "y_pred"), DType::f32, "y_pred");
  const AnyMetric any = make_metric(name, Config(member(data, "config")));
  const auto metric = any.resolve(y_true.type(), y_pred.type());

  StepBuilder builder({.name = "metric"});
  Step::Inputs bound = {{"y_true", y_true}, {"y_pred", y_pred}};
  Tensor weight;
  if (const Json* given = find(inputs, "sample_weight")) {
    const Array weights = nested_of(*given, DType::f32, "sample_weight");
    weight = builder.input("sample_weight", weights.shape());
    bound.emplace_back("sample_weight", weights);
  }
  const Tensors sums = metric->accumulate(builder.input("y_true", y_true.shape(), y_true.dtype()),
                                          builder.input("y_pred", y_pred.shape()), weight);
  for (std::size_t k = 0; k < sums.size(); ++k) builder.output(str("sum", k), sums[k]);
  Step step = builder.compile({.backend = backend});
  const StepResult result = step.run(bound);
  std::vector<double> totals;
  for (std::size_t k = 0; k < sums.size(); ++k) totals.push_back(result[str("sum", k)].item());
  const Array value = Array::full({}, metric->result(totals), DType::f64);
  expect_close("value", value, expected_of(data), tolerance_of(data));
}

void optimizer_vector(const Json& data, Backend backend) {
  const Json& inputs = member(data, "inputs");
  const Json& steps = member(inputs, "grads");
  if (!steps.is_array()) user_error("malformed case: 'grads' must be a list");
  const AnyOptimizer optimizer =
      make_optimizer(text_of(member(data, "class_name"), "class_name"), Config(member(data, "config")));
  std::vector<Array> gradients;
  for (const Json& step : steps) gradients.push_back(nested_of(step, DType::f32, "grads"));
  const OptimizerRun run =
      run_optimizer(optimizer, nested_of(member(inputs, "var0"), DType::f32, "var0"), gradients, backend);
  const Array expected = expected_of(data);
  if (expected.rank() == 0 || expected.length() != static_cast<std::int64_t>(run.trajectory.size()))
    user_error("malformed case: 'expected' needs one entry per step");
  for (std::size_t k = 0; k < run.trajectory.size(); ++k)
    expect_close(str("weight after step ", k), run.trajectory[k], expected.row(static_cast<std::int64_t>(k)),
                 tolerance_of(data));
}

/// Clipping alone: plain gradient descent at rate 1 from 0 moves by minus the clipped gradient.
void clip_vector(const Json& data, Backend backend) {
  const Array gradient = nested_of(member(member(data, "inputs"), "grad"), DType::f32, "grad");
  const Config c(member(data, "config"));
  SGDOptions options;
  options.learning_rate = 1.0;
  options.clipnorm = c.maybe("clipnorm");
  options.global_clipnorm = c.maybe("global_clipnorm");
  options.clipvalue = c.maybe("clipvalue");
  const OptimizerRun run = run_optimizer(SGD(options), Array::zeros(gradient.shape()), {gradient}, backend);
  expect_close("clipped gradient", run.trajectory[0] * -1.0, expected_of(data), tolerance_of(data));
}

}  // namespace

void run_vector_case(const Json& data, Backend backend) {
  const std::string kind = text_of(member(data, "kind"), "kind");
  if (kind == "layer") return layer_vector(data, backend);
  if (kind == "activation") return activation_vector(data, backend);
  if (kind == "loss") return loss_vector(data, backend);
  if (kind == "metric") return metric_vector(data, backend);
  if (kind == "optimizer") return optimizer_vector(data, backend);
  if (kind == "grad_clip") return clip_vector(data, backend);
  throw Unsupported("kind '" + kind + "'");
}

}  // namespace keras_cases
