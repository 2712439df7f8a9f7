#include <sinter/frontend/batch_normalization.h>

namespace sinter {

namespace {

int channel_axis(std::int64_t axis, int rank) { return static_cast<int>(axis < 0 ? axis + rank : axis); }

/// A vector beside x: its extent on the channels' axis, 1 elsewhere.
Tensor beside(const Tensor& vector, int axis, int rank) {
  ir::Ints dims(static_cast<std::size_t>(rank), 1);
  dims[static_cast<std::size_t>(axis)] = vector.shape()[0];
  return reshape(vector, Dims(dims));
}

struct Statistics {
  Tensor mean, variance;  // per channel
};

/// In one sweep around `center`. Positions that x's mask hides do not count; if none does, `center` is the mean.
Statistics batch_statistics(const Tensor& x, const Tensor& center, int axis) {
  ir::Ints others;
  for (int k = 0; k < x.rank(); ++k)
    if (k != axis) others.push_back(k);
  const Tensor shifted = x - beside(center, axis, x.rank());
  Tensor mask = x.mask(), count;
  if (!mask.empty()) {
    while (mask.rank() < x.rank()) mask = expand_dims(mask, -1);
    count = maximum(sum(broadcast_to(cast(mask, x.dtype()), x.shape()), Axes(others)), 1.0);
  }
  const auto average = [&](const Tensor& v) {
    return mask.empty() ? mean(v, Axes(others)) : sum(where(mask, v, 0.0), Axes(others)) / count;
  };
  const Tensor offset = average(shifted);
  const Tensor spread = average(square(shifted));
  return {center + offset, maximum(spread - square(offset), 0.0)};
}

}  // namespace

BatchNormalization::BatchNormalization(Options options)
    : Layer({.name = options.name, .trainable = options.trainable}), options_(std::move(options)) {
  if (!(options_.momentum >= 0.0 && options_.momentum <= 1.0))
    fail(str("momentum must be between 0 and 1, got ", options_.momentum));
  if (!(options_.epsilon >= 0.0)) fail(str("epsilon must not be negative, got ", options_.epsilon));
}

void BatchNormalization::build(const Shape& input) {
  const int axis = channel_axis(options_.axis, input.rank());
  if (axis < 1 || axis >= input.rank())
    fail(str("axis ", options_.axis.value(), " names no axis of ", input, " but the batch or none; expected 1 to ",
             input.rank() - 1, " or -1 to ", 1 - input.rank()));
  const Dims channels = {input[axis]};
  if (options_.scale)
    gamma_ = add_weight("gamma", channels,
                        {.initializer = options_.gamma_initializer,
                         .regularizer = options_.gamma_regularizer,
                         .constraint = options_.gamma_constraint});
  if (options_.center)
    beta_ = add_weight("beta", channels,
                       {.initializer = options_.beta_initializer,
                        .regularizer = options_.beta_regularizer,
                        .constraint = options_.beta_constraint});
  moving_mean_ =
      add_weight("moving_mean", channels, {.initializer = options_.moving_mean_initializer, .trainable = false});
  moving_variance_ = add_weight("moving_variance", channels,
                                {.initializer = options_.moving_variance_initializer, .trainable = false});
  expect_inputs({.rank = input.rank(), .extents = {{axis, input[axis]}}});
}

Tensor BatchNormalization::call(Tensor x) {
  const int axis = channel_axis(options_.axis, x.rank());
  Statistics s{moving_mean_.tensor(), moving_variance_.tensor()};
  if (training() && trainable()) {
    s = batch_statistics(x, s.mean, axis);
    const double m = options_.momentum;
    moving_mean_.update(moving_mean_ * m + stop_gradient(s.mean) * (1.0 - m));
    moving_variance_.update(moving_variance_ * m + stop_gradient(s.variance) * (1.0 - m));
  }
  Tensor scale = rsqrt(s.variance + options_.epsilon);
  if (options_.scale) scale = scale * gamma_;
  Tensor shift = -(s.mean * scale);
  if (options_.center) shift = beta_ - s.mean * scale;
  return x * beside(scale, axis, x.rank()) + beside(shift, axis, x.rank());
}

}  // namespace sinter
