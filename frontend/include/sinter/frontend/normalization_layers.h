#pragma once
// Layers that bring values to a common scale within a sample, or by statistics of the data. Defaults and formulas are
// those of Keras 3.

#include <optional>
#include <string>

#include <sinter/frontend/array.h>
#include <sinter/frontend/initializers.h>
#include <sinter/frontend/layer.h>

namespace sinter {

struct LayerNormalizationOptions {
  Axes axis = -1;  // normalised together
  double epsilon = 1e-3;
  bool center = true;  // add beta
  bool scale = true;   // multiply by gamma
  Initializer beta_initializer = "zeros";
  Initializer gamma_initializer = "ones";
  Regularizer beta_regularizer = {};
  Regularizer gamma_regularizer = {};
  Constraint beta_constraint = {};
  Constraint gamma_constraint = {};
  std::string name = {};
  bool trainable = true;
};

/// (x - mean) / sqrt(variance + epsilon) * gamma + beta over `axis` of each sample. Weights: gamma, beta, of the
/// extents of `axis` (Ba et al., 2016).
class SINTER_API LayerNormalization : public Layer {
 public:
  using Options = LayerNormalizationOptions;
  explicit LayerNormalization(Options options = {});
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
  Variable gamma_, beta_;
};

struct GroupNormalizationOptions {
  Dim groups = 32;  // -1: as many as there are channels
  Dim axis = -1;    // the channels
  double epsilon = 1e-3;
  bool center = true;
  bool scale = true;
  Initializer beta_initializer = "zeros";
  Initializer gamma_initializer = "ones";
  Regularizer beta_regularizer = {};
  Regularizer gamma_regularizer = {};
  Constraint beta_constraint = {};
  Constraint gamma_constraint = {};
  std::string name = {};
  bool trainable = true;
};

/// Channels in groups; each group of a sample gets mean 0 and variance 1. Weights: gamma, beta, one per channel (Wu and
/// He, 2018). Error when the groups do not divide the channels.
class SINTER_API GroupNormalization : public Layer {
 public:
  using Options = GroupNormalizationOptions;
  explicit GroupNormalization(Options options = {});
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  std::int64_t groups_of(std::int64_t channels) const;
  Options options_;
  Variable gamma_, beta_;
};

struct RMSNormalizationOptions {
  Axes axis = -1;
  double epsilon = 1e-6;
  std::string name = {};
  bool trainable = true;
};

/// x / sqrt(mean(x^2) + epsilon) * scale over `axis`. Weight: scale, of the extents of `axis`, ones at first (Zhang and
/// Sennrich, 2019).
class SINTER_API RMSNormalization : public Layer {
 public:
  using Options = RMSNormalizationOptions;
  explicit RMSNormalization(Options options = {});
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
  Variable scale_;
};

struct UnitNormalizationOptions {
  Axes axis = -1;
  std::string name = {};
};

/// x to length 1 along `axis`; lengths below 1e-12 count as 1e-12.
class SINTER_API UnitNormalization : public Layer {
 public:
  using Options = UnitNormalizationOptions;
  explicit UnitNormalization(Options options = {});
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
};

struct NormalizationOptions {
  Axes axis = -1;  // each position of these axes has statistics of its own; Axes({}) : one mean, one variance
  /// Statistics known beforehand; both or none. Without them, adapt() measures.
  std::optional<Array> mean = std::nullopt;
  std::optional<Array> variance = std::nullopt;
  bool invert = false;  // x * sqrt(variance) + mean instead
  std::string name = {};
};

/// (x - mean) / max(sqrt(variance), 1e-7) with statistics of the data: call adapt(data) before the layer is used.
/// Weights, none of them trained: mean, variance, count; none when the statistics are given.
class SINTER_API Normalization : public Layer {
 public:
  using Options = NormalizationOptions;
  explicit Normalization(Options options = {});
  /// Measures mean and (biased) variance, in double. Samples along axis 0. May be called before or after the layer is
  /// in a model. Throws UserError for data whose kept axes differ from the layer's.
  void adapt(const Array& data);
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
  std::optional<Array> measured_mean_, measured_variance_;  // until the weights are made
  Variable mean_, variance_;
};

}  // namespace sinter
