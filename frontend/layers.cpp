#include <sinter/frontend/layers.h>
#include <sinter/ir/ops/elementwise.h>

#include "dropout_mask.h"

namespace sinter {

Dense::Dense(Dim units, ActivationFn activation)
    : Dense(Options{.units = units, .activation = std::move(activation)}) {}

Dense::Dense(Options options)
    : Layer(
          {.name = options.name, .trainable = options.trainable, .activity_regularizer = options.activity_regularizer}),
      options_(std::move(options)) {
  if (options_.units < 1) fail(str("units must be positive, got ", options_.units.value()));
}

void Dense::build(const Shape& input) {
  if (input.rank() < 2) fail(str("expected inputs of rank 2 or more (with the batch), got ", input));
  const std::int64_t in = input[-1];
  kernel_ = add_weight("kernel", {in, options_.units},
                       {.initializer = options_.kernel_initializer,
                        .regularizer = options_.kernel_regularizer,
                        .constraint = options_.kernel_constraint});
  if (options_.use_bias)
    bias_ = add_weight("bias", {options_.units},
                       {.initializer = options_.bias_initializer,
                        .regularizer = options_.bias_regularizer,
                        .constraint = options_.bias_constraint});
  expect_inputs({.min_rank = 2, .extents = {{-1, in}}});
}

Tensor Dense::call(Tensor x) {
  Tensor y = matmul(x, kernel_);
  if (options_.use_bias) y = y + bias_;
  return options_.activation(y);
}

Flatten::Flatten(Options options)
    : Layer({.name = options.name}), channels_first_(options.data_format == "channels_first") {
  if (!channels_first_ && options.data_format != "channels_last")
    fail(str("data_format must be \"channels_last\" or \"channels_first\", got \"", options.data_format, "\""));
}

Tensor Flatten::call(Tensor x) {
  if (x.rank() == 1) return expand_dims(x, 1);
  if (!channels_first_ || x.rank() == 2) return flatten(x);
  ir::Ints order = {0};
  for (int k = 2; k < x.rank(); ++k) order.push_back(k);
  order.push_back(1);
  return flatten(transpose(x, Dims(order)));
}

Dropout::Dropout(double rate) : Dropout(Options{.rate = rate}) {}

Dropout::Dropout(Options options) : Layer({.name = options.name}), options_(std::move(options)) {
  const bool in_range = options_.rate >= 0.0 && options_.rate <= 1.0;  // NaN is not
  if (!in_range) fail(str("rate must be between 0 and 1, got ", options_.rate));
}

namespace {

Shape mask_shape(const Tensor& x, const Dims& noise_shape, const std::string& path) {
  ir::Ints dims = noise_shape.values();
  if (dims.empty()) return x.shape();
  if (static_cast<int>(dims.size()) != x.rank())
    user_error(path, ": noise_shape has ", dims.size(), " axes, the input ", x.type(), " has ", x.rank());
  for (int k = 0; k < x.rank(); ++k) {
    std::int64_t& d = dims[static_cast<std::size_t>(k)];
    if (d == -1) d = x.shape()[k];
    if (d != 1 && d != x.shape()[k])
      user_error(path, ": axis ", k, " of noise_shape is ", d, "; expected 1, -1 or the input's extent ", x.shape()[k]);
  }
  return Shape(std::move(dims));
}

}  // namespace

Tensor Dropout::call(Tensor x) {
  if (!training() || options_.rate == 0.0) return x;
  if (options_.rate == 1.0) return zeros_like(x);
  const Shape shape = mask_shape(x, options_.noise_shape, x.graph().path());
  return detail::dropped(x, detail::drawn_to_keep(shape, options_.rate), options_.rate);
}

Activation::Activation(ActivationFn activation) : activation_(std::move(activation)) {}
Activation::Activation(Options options) : Layer({.name = options.name}), activation_(std::move(options.activation)) {}
Tensor Activation::call(Tensor x) { return activation_(x); }

Lambda::Lambda(Tensor (*function)(const Operand&), Options options)
    : Lambda(Function([function](const Tensor& x) { return function(x); }), std::move(options), 0) {}
Lambda::Lambda(Function function, Options options, int) : Layer(std::move(options)), function_(std::move(function)) {}

Tensor Lambda::call(Tensor x) {
  const std::size_t weights_before = weights().size();
  const Tensor y = function_(x);
  if (weights().size() != weights_before)
    fail(
        "the function makes layers with weights, which a Lambda does not own; write a class derived from Layer that "
        "keeps them as members");
  return y;
}

Rescaling::Rescaling(double scale) : Rescaling(Options{.scale = scale}) {}
Rescaling::Rescaling(Options options) : Layer({.name = options.name}), options_(std::move(options)) {}
Tensor Rescaling::call(Tensor x) {
  const Tensor scaled = cast(x, ir::is_float(x.dtype()) ? x.dtype() : DType::f32) * options_.scale;
  return options_.offset == 0.0 ? scaled : scaled + options_.offset;
}

}  // namespace sinter
