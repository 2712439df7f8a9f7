#include <sinter/frontend/activation_layers.h>

#include "masked_softmax.h"

namespace sinter {

ReLU::ReLU(Options options) : Layer({.name = options.name}), options_(std::move(options)) {
  const auto refuse = [&](double value, std::string_view what) {
    const bool fine = value >= 0.0;  // NaN is not
    if (!fine) fail(str(what, " must not be negative, got ", value));
  };
  refuse(options_.negative_slope, "negative_slope");
  refuse(options_.max_value, "max_value");
  refuse(options_.threshold, "threshold");
}
Tensor ReLU::call(Tensor x) { return relu(x, options_); }

LeakyReLU::LeakyReLU(double negative_slope) : LeakyReLU(Options{.negative_slope = negative_slope}) {}
LeakyReLU::LeakyReLU(Options options) : Layer({.name = options.name}), options_(std::move(options)) {}
Tensor LeakyReLU::call(Tensor x) { return leaky_relu(x, options_.negative_slope); }

PReLU::PReLU(Options options)
    : Layer({.name = options.name, .trainable = options.trainable}), options_(std::move(options)) {}

void PReLU::build(const Shape& input) {
  ir::Ints dims(input.begin() + 1, input.end());
  InputSpec spec{.rank = input.rank()};
  for (const std::int64_t axis : options_.shared_axes.values()) {
    if (axis < 1 || axis >= input.rank())
      fail(str("shared axis ", axis, " does not exist for inputs ", input, "; expected 1 to ", input.rank() - 1,
               " (axis 0 is the batch)"));
    dims[static_cast<std::size_t>(axis - 1)] = 1;
  }
  for (int k = 1; k < input.rank(); ++k)
    if (dims[static_cast<std::size_t>(k - 1)] == input[k]) spec.extents.push_back({k, input[k]});
  alpha_ = add_weight("alpha", Dims(dims),
                      {.initializer = options_.alpha_initializer,
                       .regularizer = options_.alpha_regularizer,
                       .constraint = options_.alpha_constraint});
  expect_inputs(spec);
}

Tensor PReLU::call(Tensor x) { return relu(x) - alpha_ * relu(-x); }

ELU::ELU(double alpha) : ELU(Options{.alpha = alpha}) {}
ELU::ELU(Options options) : Layer({.name = options.name}), options_(std::move(options)) {}
Tensor ELU::call(Tensor x) { return elu(x, options_.alpha); }

Softmax::Softmax(Dim axis) : Softmax(Options{.axis = axis}) {}
Softmax::Softmax(Options options) : Layer({.name = options.name}), options_(std::move(options)) {}
Tensor Softmax::call(Tensor x) {
  const Tensor mask = x.mask();
  return mask.empty() || mask.rank() < x.rank() ? softmax(x, options_.axis) : masked(x, mask);
}

Tensor Softmax::masked(const Tensor& x, const Tensor& mask) const {
  return where(detail::as_mask(mask), detail::masked_softmax(x, mask, options_.axis), 0.0);
}

Tensors Softmax::call_many(Tensors xs) {
  if (xs.size() > 2) fail(str("expected a tensor, or a tensor and its mask, got ", xs.size(), " tensors"));
  if (xs.size() == 1) return {call(xs.front())};
  return {masked(xs[0], xs[1])};
}

}  // namespace sinter
