#pragma once
// Convolutions over 1, 2 or 3 spatial axes, channels last: [n, spatial..., channels]. Defaults, formulas and weight
// layouts are those of Keras 3. Sizes have one number for all spatial axes, or one each. Padding is "valid" (none),
// "same" (ceil(in / stride) outputs; an odd element goes to the end) or, in one dimension, "causal" (all at the
// beginning); padded elements are skipped, not multiplied.

#include <string>

#include <sinter/frontend/activations.h>
#include <sinter/frontend/initializers.h>
#include <sinter/frontend/layer.h>

namespace sinter {

struct ConvOptions {
  Dim filters = 0;
  Dims kernel_size = {};
  Dims strides = {1};
  std::string padding = "valid";
  Dims dilation_rate = {1};
  Dim groups = 1;
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

namespace detail {

/// activation(x * kernel + bias), cross-correlation. Weights: kernel [size..., in / groups, filters], bias [filters].
/// Errors: sizes that are not positive, strides together with dilation, groups that do not divide filters or channels,
/// an empty output.
class SINTER_API ConvLayer : public Layer {
 public:
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  const ConvOptions& options() const { return options_; }

 protected:
  ConvLayer(int spatial, ConvOptions options);

 private:
  int spatial_;
  ConvOptions options_;
  Variable kernel_, bias_;
};

}  // namespace detail

/// [n, length, in] -> [n, out, filters].
class SINTER_API Conv1D : public detail::ConvLayer {
 public:
  using Options = ConvOptions;
  explicit Conv1D(Options options) : ConvLayer(1, std::move(options)) {}
  Conv1D(Dim filters, Dim kernel_size, ActivationFn activation = {})
      : Conv1D(Options{.filters = filters, .kernel_size = {kernel_size}, .activation = std::move(activation)}) {}
};

/// [n, height, width, in] -> [n, out, out, filters].
class SINTER_API Conv2D : public detail::ConvLayer {
 public:
  using Options = ConvOptions;
  explicit Conv2D(Options options) : ConvLayer(2, std::move(options)) {}
  Conv2D(Dim filters, Dim kernel_size, ActivationFn activation = {})
      : Conv2D(Options{.filters = filters, .kernel_size = {kernel_size}, .activation = std::move(activation)}) {}
};

/// [n, depth, height, width, in] -> [n, out, out, out, filters].
class SINTER_API Conv3D : public detail::ConvLayer {
 public:
  using Options = ConvOptions;
  explicit Conv3D(Options options) : ConvLayer(3, std::move(options)) {}
  Conv3D(Dim filters, Dim kernel_size, ActivationFn activation = {})
      : Conv3D(Options{.filters = filters, .kernel_size = {kernel_size}, .activation = std::move(activation)}) {}
};

struct ConvTransposeOptions {
  Dim filters = 0;
  Dims kernel_size = {};
  Dims strides = {1};
  std::string padding = "valid";
  Dims output_padding = {};  // elements more at the end; empty: chosen as Keras does
  Dims dilation_rate = {1};
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

namespace detail {

/// The transpose of a convolution from `filters` to the input's channels. Weights: kernel [size..., filters, in], bias
/// [filters]. Outputs per axis, with K = dilation (k - 1) + 1: valid (in - 1) s + max(K, s); same in s; with
/// output_padding p (in - 1) s + K + p and (in - 1) s + K mod 2 + p.
class SINTER_API ConvTransposeLayer : public Layer {
 public:
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  const ConvTransposeOptions& options() const { return options_; }

 protected:
  ConvTransposeLayer(int spatial, ConvTransposeOptions options);

 private:
  int spatial_;
  ConvTransposeOptions options_;
  Variable kernel_, bias_;
};

}  // namespace detail

/// [n, length, in] -> [n, out, filters].
class SINTER_API Conv1DTranspose : public detail::ConvTransposeLayer {
 public:
  using Options = ConvTransposeOptions;
  explicit Conv1DTranspose(Options options) : ConvTransposeLayer(1, std::move(options)) {}
};

/// [n, height, width, in] -> [n, out, out, filters].
class SINTER_API Conv2DTranspose : public detail::ConvTransposeLayer {
 public:
  using Options = ConvTransposeOptions;
  explicit Conv2DTranspose(Options options) : ConvTransposeLayer(2, std::move(options)) {}
};

/// [n, depth, height, width, in] -> [n, out, out, out, filters].
class SINTER_API Conv3DTranspose : public detail::ConvTransposeLayer {
 public:
  using Options = ConvTransposeOptions;
  explicit Conv3DTranspose(Options options) : ConvTransposeLayer(3, std::move(options)) {}
};

struct DepthwiseConvOptions {
  Dims kernel_size = {};
  Dims strides = {1};
  std::string padding = "valid";
  Dim depth_multiplier = 1;
  Dims dilation_rate = {1};
  ActivationFn activation = {};
  bool use_bias = true;
  Initializer depthwise_initializer = "glorot_uniform";
  Initializer bias_initializer = "zeros";
  Regularizer depthwise_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // of the result
  Constraint depthwise_constraint = {};
  Constraint bias_constraint = {};
  std::string name = {};
  bool trainable = true;
};

namespace detail {

/// Every channel has `depth_multiplier` filters of its own: output channel c * multiplier + m. Weights: kernel
/// [size..., in, multiplier], bias [in * multiplier].
class SINTER_API DepthwiseConvLayer : public Layer {
 public:
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  const DepthwiseConvOptions& options() const { return options_; }

 protected:
  DepthwiseConvLayer(int spatial, DepthwiseConvOptions options);

 private:
  int spatial_;
  DepthwiseConvOptions options_;
  Variable kernel_, bias_;
};

}  // namespace detail

/// [n, length, in] -> [n, out, in * multiplier].
class SINTER_API DepthwiseConv1D : public detail::DepthwiseConvLayer {
 public:
  using Options = DepthwiseConvOptions;
  explicit DepthwiseConv1D(Options options) : DepthwiseConvLayer(1, std::move(options)) {}
};

/// [n, height, width, in] -> [n, out, out, in * multiplier].
class SINTER_API DepthwiseConv2D : public detail::DepthwiseConvLayer {
 public:
  using Options = DepthwiseConvOptions;
  explicit DepthwiseConv2D(Options options) : DepthwiseConvLayer(2, std::move(options)) {}
};

struct SeparableConvOptions {
  Dim filters = 0;
  Dims kernel_size = {};
  Dims strides = {1};
  std::string padding = "valid";
  Dims dilation_rate = {1};
  Dim depth_multiplier = 1;
  ActivationFn activation = {};
  bool use_bias = true;
  Initializer depthwise_initializer = "glorot_uniform";
  Initializer pointwise_initializer = "glorot_uniform";
  Initializer bias_initializer = "zeros";
  Regularizer depthwise_regularizer = {};
  Regularizer pointwise_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // of the result
  Constraint depthwise_constraint = {};
  Constraint pointwise_constraint = {};
  Constraint bias_constraint = {};
  std::string name = {};
  bool trainable = true;
};

namespace detail {

/// A depthwise convolution, then one of size 1 over the channels; nothing between them. Weights: depthwise_kernel
/// [size..., in, multiplier], pointwise_kernel [1..., in * multiplier, filters], bias [filters].
class SINTER_API SeparableConvLayer : public Layer {
 public:
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  const SeparableConvOptions& options() const { return options_; }

 protected:
  SeparableConvLayer(int spatial, SeparableConvOptions options);

 private:
  int spatial_;
  SeparableConvOptions options_;
  Variable depthwise_, pointwise_, bias_;
};

}  // namespace detail

/// [n, length, in] -> [n, out, filters].
class SINTER_API SeparableConv1D : public detail::SeparableConvLayer {
 public:
  using Options = SeparableConvOptions;
  explicit SeparableConv1D(Options options) : SeparableConvLayer(1, std::move(options)) {}
};

/// [n, height, width, in] -> [n, out, out, filters].
class SINTER_API SeparableConv2D : public detail::SeparableConvLayer {
 public:
  using Options = SeparableConvOptions;
  explicit SeparableConv2D(Options options) : SeparableConvLayer(2, std::move(options)) {}
};

}  // namespace sinter
