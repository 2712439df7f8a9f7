#pragma once
// The layers of the core family. Defaults and formulas are those of Keras 3; shapes are written with the batch as `n`.

#include <functional>
#include <string>
#include <utility>

#include <sinter/frontend/activations.h>
#include <sinter/frontend/initializers.h>
#include <sinter/frontend/layer.h>
#include <sinter/frontend/symbol.h>

namespace sinter {

struct InputOptions {
  DType dtype = DType::f32;  // of the tensor that the first layer sees; other dtypes of data are converted
  std::string name = {};     // by which data may be given; "": x, or x_1, x_2, ... among several
  Dim batch_size = 0;        // of every batch, for layers that keep something per sample (stateful); 0: any
};

/// Says what one sample looks like: Input({28, 28}). The first argument of a Sequential, and the beginning of a
/// functional model (symbol.h); it computes nothing. The shape has no batch.
class SINTER_API Input : public Symbol {
 public:
  explicit Input(const Dims& sample_shape, InputOptions options = {});
  const InputOptions& options() const { return options_; }

 private:
  InputOptions options_;
};

struct DenseOptions {
  Dim units = 0;
  ActivationFn activation = {};
  bool use_bias = true;
  Initializer kernel_initializer = "glorot_uniform";
  Initializer bias_initializer = "zeros";
  Regularizer kernel_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // of the result
  Constraint kernel_constraint = {};
  Constraint bias_constraint = {};
  std::string name = {};
  bool trainable = true;
};

/// activation(x kernel + bias): [n, ..., in] -> [n, ..., units]. Weights: kernel [in, units], bias [units].
class SINTER_API Dense : public Layer {
 public:
  using Options = DenseOptions;
  explicit Dense(Dim units, ActivationFn activation = {});
  explicit Dense(Options options);
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }
  const Options& options() const { return options_; }

 private:
  Options options_;
  Variable kernel_, bias_;
};

struct FlattenOptions {
  std::string data_format = "channels_last";  // "channels_first": axis 1 is moved to the end first
  std::string name = {};
};

/// [n, a, b, ...] -> [n, a * b * ...], row-major. [n] -> [n, 1].
class SINTER_API Flatten : public Layer {
 public:
  using Options = FlattenOptions;
  explicit Flatten(Options options = {});
  Tensor call(Tensor x) override;

 private:
  bool channels_first_ = false;
};

struct DropoutOptions {
  double rate = 0.5;
  /// Shape of the mask with the batch; -1 takes the input's extent, 1 shares one decision along the axis. Empty: the
  /// input's shape.
  Dims noise_shape = {};
  std::string name = {};
};

/// In training, zeroes elements with probability `rate` and scales the others by 1 / (1 - rate); else x itself.
/// What is dropped depends on the model's seed, the step, the layer's path and the element's row and column, and on
/// nothing else; the mask is computed again in the backward pass. Error unless 0 <= rate <= 1.
class SINTER_API Dropout : public Layer {
 public:
  using Options = DropoutOptions;
  explicit Dropout(double rate);
  explicit Dropout(Options options);
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }
  const Options& options() const { return options_; }

 private:
  Options options_;
};

struct ActivationOptions {
  ActivationFn activation = {};
  std::string name = {};
};

/// An activation function as a layer: Activation("relu").
class SINTER_API Activation : public Layer {
 public:
  using Options = ActivationOptions;
  explicit Activation(ActivationFn activation);
  explicit Activation(Options options);
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }
  const ActivationFn& function() const { return activation_; }

 private:
  ActivationFn activation_;
};

/// Any callable on a symbolic tensor: Lambda(abs), Lambda([](Tensor x) { return maximum(0.5, x); }). It has no weights:
/// a layer that needs some derives from Layer.
class SINTER_API Lambda : public Layer {
 public:
  using Options = LayerOptions;
  using Function = std::function<Tensor(const Tensor&)>;
  /// One of the functions of tensor.h: the overload that takes an Operand alone.
  explicit Lambda(Tensor (*function)(const Operand&), Options options = {});
  template <class F>
    requires(!std::is_convertible_v<F, Tensor (*)(const Operand&)> &&
             !std::derived_from<std::remove_cvref_t<F>, Layer> &&
             std::is_invocable_r_v<Tensor, std::remove_cvref_t<F>&, const Tensor&>)
  explicit Lambda(F&& function, Options options = {})
      : Lambda(Function(std::forward<F>(function)), std::move(options), 0) {}
  Lambda(std::nullptr_t) = delete;
  Tensor call(Tensor x) override;

 private:
  Lambda(Function function, Options options, int);
  Function function_;
};

struct RescalingOptions {
  double scale = 1.0;
  double offset = 0.0;
  std::string name = {};
};

/// x * scale + offset: Rescaling(1.0 / 255) turns pixels into [0, 1].
class SINTER_API Rescaling : public Layer {
 public:
  using Options = RescalingOptions;
  explicit Rescaling(double scale);
  explicit Rescaling(Options options);
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
};

template <class F>
  requires(!detail::is_layer<F> && !detail::is_ref<F> && !std::is_convertible_v<F, Tensor (*)(const Operand&)> &&
           std::is_invocable_r_v<Tensor, std::remove_cvref_t<F>&, const Tensor&>)
Symbol operator|(const Symbol& x, F&& function) {
  return x | Lambda(std::forward<F>(function));
}

}  // namespace sinter
