#pragma once
// Layers that disturb values in training and leave them alone otherwise, and penalties on activities. What is drawn
// depends on the model's seed, the step, the layer's path and the element's row and column (see README.md).

#include <string>

#include <sinter/frontend/layer.h>
#include <sinter/frontend/layers.h>

namespace sinter {

struct GaussianNoiseOptions {
  double stddev = 1.0;
  std::string name = {};
};

/// x + noise of mean 0 and the given standard deviation. Error unless 0 <= stddev.
class SINTER_API GaussianNoise : public Layer {
 public:
  using Options = GaussianNoiseOptions;
  explicit GaussianNoise(double stddev);
  explicit GaussianNoise(Options options);
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
};

struct NoiseRateOptions {
  double rate = 0.5;
  std::string name = {};
};

/// x * noise of mean 1 and variance rate / (1 - rate). Error unless 0 <= rate < 1.
class SINTER_API GaussianDropout : public Layer {
 public:
  using Options = NoiseRateOptions;
  explicit GaussianDropout(double rate);
  explicit GaussianDropout(Options options);
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
};

/// Drops elements to selu's negative limit and rescales, so that mean 0 and variance 1 are kept (Klambauer et al.,
/// 2017). Error unless 0 <= rate < 1.
class SINTER_API AlphaDropout : public Layer {
 public:
  using Options = NoiseRateOptions;
  explicit AlphaDropout(double rate);
  explicit AlphaDropout(Options options);
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
};

/// Dropout of whole channels: [n, ..., channels] with as many axes between as the name says.
class SINTER_API SpatialDropout1D : public Dropout {
 public:
  explicit SpatialDropout1D(double rate);
  explicit SpatialDropout1D(NoiseRateOptions options);
};
class SINTER_API SpatialDropout2D : public Dropout {
 public:
  explicit SpatialDropout2D(double rate);
  explicit SpatialDropout2D(NoiseRateOptions options);
};
class SINTER_API SpatialDropout3D : public Dropout {
 public:
  explicit SpatialDropout3D(double rate);
  explicit SpatialDropout3D(NoiseRateOptions options);
};

struct ActivityRegularizationOptions {
  double l1 = 0.0;
  double l2 = 0.0;
  std::string name = {};
};

/// Gives x and adds l1 sum|x| + l2 sum x^2 to the loss.
class SINTER_API ActivityRegularization : public Layer {
 public:
  using Options = ActivityRegularizationOptions;
  explicit ActivityRegularization(Options options);
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
};

}  // namespace sinter
