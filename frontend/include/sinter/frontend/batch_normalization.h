#pragma once
// Normalisation by the statistics of a batch (Ioffe and Szegedy, 2015). Defaults and formulas are those of Keras 3.

#include <string>

#include <sinter/frontend/initializers.h>
#include <sinter/frontend/layer.h>

namespace sinter {

struct BatchNormalizationOptions {
  Dim axis = -1;  // the channels: each has statistics of its own
  double momentum = 0.99;
  double epsilon = 1e-3;
  bool center = true;  // add beta
  bool scale = true;   // multiply by gamma
  Initializer beta_initializer = "zeros";
  Initializer gamma_initializer = "ones";
  Initializer moving_mean_initializer = "zeros";
  Initializer moving_variance_initializer = "ones";
  Regularizer beta_regularizer = {};
  Regularizer gamma_regularizer = {};
  Constraint beta_constraint = {};
  Constraint gamma_constraint = {};
  std::string name = {};
  bool trainable = true;
};

/// (x - mean) / sqrt(variance + epsilon) * gamma + beta per channel. In training, mean and (biased) variance are those
/// of the batch, and the moving ones become moving * momentum + batch * (1 - momentum); in inference, and in a layer
/// that is frozen, they are the moving ones. The variance is E[(x - c)^2] - (E[x] - c)^2, at least 0, with c = the
/// moving mean: one sweep over x, and no cancellation once c is near. Weights: gamma, beta, moving_mean,
/// moving_variance, one per channel.
class SINTER_API BatchNormalization : public Layer {
 public:
  using Options = BatchNormalizationOptions;
  explicit BatchNormalization(Options options = {});
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }
  const Options& options() const { return options_; }

 private:
  Options options_;
  Variable gamma_, beta_, moving_mean_, moving_variance_;
};

}  // namespace sinter
