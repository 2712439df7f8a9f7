#include <sinter/frontend/noise_layers.h>
#include <sinter/frontend/random_tensors.h>

#include <cmath>

namespace sinter {

GaussianNoise::GaussianNoise(double stddev) : GaussianNoise(Options{.stddev = stddev}) {}
GaussianNoise::GaussianNoise(Options options) : Layer({.name = options.name}), options_(std::move(options)) {
  const bool fine = options_.stddev >= 0.0;  // NaN is not
  if (!fine) fail(str("stddev must not be negative, got ", options_.stddev));
}
Tensor GaussianNoise::call(Tensor x) {
  if (!training() || options_.stddev == 0.0) return x;
  return x + cast(random_normal(x.shape()), x.dtype()) * options_.stddev;
}

namespace {

std::string refused_rate(double rate) {
  const bool fine = rate >= 0.0 && rate < 1.0;  // NaN is not
  return fine ? std::string() : str("rate must be at least 0 and below 1, got ", rate);
}

}  // namespace

GaussianDropout::GaussianDropout(double rate) : GaussianDropout(Options{.rate = rate}) {}
GaussianDropout::GaussianDropout(Options options) : Layer({.name = options.name}), options_(std::move(options)) {
  if (const std::string why = refused_rate(options_.rate); !why.empty()) fail(why);
}
Tensor GaussianDropout::call(Tensor x) {
  if (!training() || options_.rate == 0.0) return x;
  const double stddev = std::sqrt(options_.rate / (1.0 - options_.rate));
  return x * (1.0 + cast(random_normal(x.shape()), x.dtype()) * stddev);
}

AlphaDropout::AlphaDropout(double rate) : AlphaDropout(Options{.rate = rate}) {}
AlphaDropout::AlphaDropout(Options options) : Layer({.name = options.name}), options_(std::move(options)) {
  if (const std::string why = refused_rate(options_.rate); !why.empty()) fail(why);
}
Tensor AlphaDropout::call(Tensor x) {
  const double rate = options_.rate;
  if (!training() || rate == 0.0) return x;
  constexpr double limit = -1.6732632423543772 * 1.0507009873554805;  // selu far below 0
  const double a = 1.0 / std::sqrt((1.0 - rate) * (1.0 + rate * limit * limit));
  const double b = -a * limit * rate;
  return a * where(greater_equal(random_uniform(x.shape()), rate), x, limit) + b;
}

namespace {

/// [n, 1, ..., 1, channels].
DropoutOptions whole_channels(NoiseRateOptions options, int axes) {
  ir::Ints mask(static_cast<std::size_t>(axes), 1);
  mask.insert(mask.begin(), -1);
  mask.push_back(-1);
  return {.rate = options.rate, .noise_shape = Dims(mask), .name = std::move(options.name)};
}

}  // namespace

SpatialDropout1D::SpatialDropout1D(double rate) : SpatialDropout1D(NoiseRateOptions{.rate = rate}) {}
SpatialDropout1D::SpatialDropout1D(NoiseRateOptions options) : Dropout(whole_channels(std::move(options), 1)) {}
SpatialDropout2D::SpatialDropout2D(double rate) : SpatialDropout2D(NoiseRateOptions{.rate = rate}) {}
SpatialDropout2D::SpatialDropout2D(NoiseRateOptions options) : Dropout(whole_channels(std::move(options), 2)) {}
SpatialDropout3D::SpatialDropout3D(double rate) : SpatialDropout3D(NoiseRateOptions{.rate = rate}) {}
SpatialDropout3D::SpatialDropout3D(NoiseRateOptions options) : Dropout(whole_channels(std::move(options), 3)) {}

ActivityRegularization::ActivityRegularization(Options options)
    : Layer({.name = options.name}), options_(std::move(options)) {}
Tensor ActivityRegularization::call(Tensor x) {
  if (options_.l1 != 0.0) add_loss(options_.l1 * sum(abs(x)));
  if (options_.l2 != 0.0) add_loss(options_.l2 * sum(square(x)));
  return x;
}

}  // namespace sinter
