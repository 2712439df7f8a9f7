#pragma once
// Activation functions that are layers because they have options or weights. Defaults and formulas are those of
// Keras 3.

#include <string>

#include <sinter/frontend/activations.h>
#include <sinter/frontend/initializers.h>
#include <sinter/frontend/layer.h>

namespace sinter {

/// relu with options: ReLU({.max_value = 6.0}). Error for a negative option.
class SINTER_API ReLU : public Layer {
 public:
  using Options = ReluOptions;
  explicit ReLU(Options options = {});
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
};

struct LeakyReLUOptions {
  double negative_slope = 0.3;  // the function leaky_relu has 0.2
  std::string name = {};
};

/// x where x > 0, else negative_slope * x.
class SINTER_API LeakyReLU : public Layer {
 public:
  using Options = LeakyReLUOptions;
  explicit LeakyReLU(double negative_slope = 0.3);
  explicit LeakyReLU(Options options);
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
};

struct PReLUOptions {
  Initializer alpha_initializer = "zeros";
  Regularizer alpha_regularizer = {};
  Constraint alpha_constraint = {};
  /// Axes of the input, counted from 1 (0 is the batch), along which one alpha serves all elements: {1, 2} for
  /// pictures.
  Dims shared_axes = {};
  std::string name = {};
  bool trainable = true;
};

/// max(x, 0) - alpha * max(-x, 0) with a learned alpha. Weight: alpha, the input's shape without the batch, 1 along
/// shared axes.
class SINTER_API PReLU : public Layer {
 public:
  using Options = PReLUOptions;
  explicit PReLU(Options options = {});
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
  Variable alpha_;
};

struct ELUOptions {
  double alpha = 1.0;
  std::string name = {};
};

/// x where x > 0, else alpha * (exp(x) - 1).
class SINTER_API ELU : public Layer {
 public:
  using Options = ELUOptions;
  explicit ELU(double alpha = 1.0);
  explicit ELU(Options options);
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
};

struct SoftmaxOptions {
  Dim axis = -1;
  std::string name = {};
};

/// Probabilities over an axis. A second input, of i1 or 0 and 1, masks: where it is false the probability is 0. So does
/// the mask of the input (Tensor::mask) if it has all its axes.
class SINTER_API Softmax : public Layer {
 public:
  using Options = SoftmaxOptions;
  explicit Softmax(Dim axis = -1);
  explicit Softmax(Options options);
  Tensor call(Tensor x) override;
  Tensors call_many(Tensors xs) override;
  bool supports_masking() const override { return true; }

 private:
  Tensor masked(const Tensor& x, const Tensor& mask) const;
  Options options_;
};

}  // namespace sinter
