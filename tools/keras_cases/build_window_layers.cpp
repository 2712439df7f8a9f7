// Layers that slide windows or move along spatial axes: convolution, pooling, padding; and batch normalisation.

#include <map>

#include <sinter/sinter.h>

#include "builders.h"

namespace keras_cases {

using namespace sinter;

namespace {

using LayerPtr = std::shared_ptr<Layer>;

/// A number, a list, or a list of pairs, in order; `otherwise` where the key is absent or None.
Dims dims_of(const Config& c, std::string_view key, const Dims& otherwise) {
  if (!c.has(key)) return otherwise;
  ir::Ints dims;
  const Json* value = c.value(key);
  if (value->is_array() && !value->empty() && (*value)[0].is_array()) {
    for (const Json& pair : *value)
      for (const Json& d : pair) dims.push_back(d.get<std::int64_t>());
    return Dims(dims);
  }
  if (value->is_number()) return Dims({Dim(c.integer(key))});
  for (const double d : c.numbers(key)) dims.push_back(static_cast<std::int64_t>(d));
  return Dims(dims);
}

void check_format(const Config& c) {
  if (c.text("data_format", "channels_last") != "channels_last") throw Unsupported("data_format channels_first");
}

template <class L>
LayerPtr convolution(const Config& c) {
  ConvOptions o{.filters = c.integer("filters"), .kernel_size = dims_of(c, "kernel_size", {})};
  o.strides = dims_of(c, "strides", {1});
  o.padding = c.text("padding", "valid");
  o.dilation_rate = dims_of(c, "dilation_rate", {1});
  o.groups = c.integer("groups", 1);
  o.activation = make_activation(c.text("activation", "linear"));
  o.use_bias = c.flag("use_bias", true);
  return std::make_shared<L>(with_limits(c, std::move(o)));
}

template <class L>
LayerPtr transposed(const Config& c) {
  ConvTransposeOptions o{.filters = c.integer("filters"), .kernel_size = dims_of(c, "kernel_size", {})};
  o.strides = dims_of(c, "strides", {1});
  o.padding = c.text("padding", "valid");
  o.output_padding = dims_of(c, "output_padding", {});
  o.dilation_rate = dims_of(c, "dilation_rate", {1});
  o.activation = make_activation(c.text("activation", "linear"));
  o.use_bias = c.flag("use_bias", true);
  return std::make_shared<L>(with_limits(c, std::move(o)));
}

template <class L>
LayerPtr depthwise(const Config& c) {
  DepthwiseConvOptions o{.kernel_size = dims_of(c, "kernel_size", {})};
  o.strides = dims_of(c, "strides", {1});
  o.padding = c.text("padding", "valid");
  o.depth_multiplier = c.integer("depth_multiplier", 1);
  o.dilation_rate = dims_of(c, "dilation_rate", {1});
  o.activation = make_activation(c.text("activation", "linear"));
  o.use_bias = c.flag("use_bias", true);
  return std::make_shared<L>(with_limits(c, std::move(o)));
}

template <class L>
LayerPtr separable(const Config& c) {
  SeparableConvOptions o{.filters = c.integer("filters"), .kernel_size = dims_of(c, "kernel_size", {})};
  o.strides = dims_of(c, "strides", {1});
  o.padding = c.text("padding", "valid");
  o.dilation_rate = dims_of(c, "dilation_rate", {1});
  o.depth_multiplier = c.integer("depth_multiplier", 1);
  o.activation = make_activation(c.text("activation", "linear"));
  o.use_bias = c.flag("use_bias", true);
  return std::make_shared<L>(with_limits(c, std::move(o)));
}

template <class L>
LayerPtr pooling(const Config& c) {
  return std::make_shared<L>(PoolingOptions{.pool_size = dims_of(c, "pool_size", {2}),
                                            .strides = dims_of(c, "strides", {}),
                                            .padding = c.text("padding", "valid")});
}

template <class L>
LayerPtr global_pooling(const Config& c) {
  return std::make_shared<L>(GlobalPoolingOptions{.keepdims = c.flag("keepdims", false)});
}

template <class L>
LayerPtr padding(const Config& c) {
  return std::make_shared<L>(ZeroPaddingOptions{.padding = dims_of(c, "padding", {1})});
}

template <class L>
LayerPtr cropping(const Config& c) {
  return std::make_shared<L>(CroppingOptions{.cropping = dims_of(c, "cropping", {1})});
}

template <class L>
LayerPtr upsampling(const Config& c) {
  if (const std::string how = c.text("interpolation", "nearest"); how != "nearest")
    throw Unsupported("interpolation '" + how + "'");
  return std::make_shared<L>(UpSamplingOptions{.size = dims_of(c, "size", {2})});
}

LayerPtr batch_normalization(const Config& c) {
  c.refuse({"renorm", "synchronized"});
  return std::make_shared<BatchNormalization>(
      with_limits(c, BatchNormalizationOptions{.axis = c.integer("axis", -1),
                                               .momentum = c.number("momentum", 0.99),
                                               .epsilon = c.number("epsilon", 1e-3),
                                               .center = c.flag("center", true),
                                               .scale = c.flag("scale", true),
                                               .trainable = c.flag("trainable", true)}));
}

using Builder = LayerPtr (*)(const Config& config);

const std::map<std::string, Builder>& builders() {
  static const std::map<std::string, Builder> all = {{"Conv1D", convolution<Conv1D>},
                                                     {"Conv2D", convolution<Conv2D>},
                                                     {"Conv3D", convolution<Conv3D>},
                                                     {"Conv1DTranspose", transposed<Conv1DTranspose>},
                                                     {"Conv2DTranspose", transposed<Conv2DTranspose>},
                                                     {"Conv3DTranspose", transposed<Conv3DTranspose>},
                                                     {"DepthwiseConv1D", depthwise<DepthwiseConv1D>},
                                                     {"DepthwiseConv2D", depthwise<DepthwiseConv2D>},
                                                     {"SeparableConv1D", separable<SeparableConv1D>},
                                                     {"SeparableConv2D", separable<SeparableConv2D>},
                                                     {"MaxPooling1D", pooling<MaxPooling1D>},
                                                     {"MaxPooling2D", pooling<MaxPooling2D>},
                                                     {"MaxPooling3D", pooling<MaxPooling3D>},
                                                     {"AveragePooling1D", pooling<AveragePooling1D>},
                                                     {"AveragePooling2D", pooling<AveragePooling2D>},
                                                     {"AveragePooling3D", pooling<AveragePooling3D>},
                                                     {"GlobalMaxPooling1D", global_pooling<GlobalMaxPooling1D>},
                                                     {"GlobalMaxPooling2D", global_pooling<GlobalMaxPooling2D>},
                                                     {"GlobalMaxPooling3D", global_pooling<GlobalMaxPooling3D>},
                                                     {"GlobalAveragePooling1D", global_pooling<GlobalAveragePooling1D>},
                                                     {"GlobalAveragePooling2D", global_pooling<GlobalAveragePooling2D>},
                                                     {"GlobalAveragePooling3D", global_pooling<GlobalAveragePooling3D>},
                                                     {"ZeroPadding1D", padding<ZeroPadding1D>},
                                                     {"ZeroPadding2D", padding<ZeroPadding2D>},
                                                     {"ZeroPadding3D", padding<ZeroPadding3D>},
                                                     {"Cropping1D", cropping<Cropping1D>},
                                                     {"Cropping2D", cropping<Cropping2D>},
                                                     {"Cropping3D", cropping<Cropping3D>},
                                                     {"UpSampling1D", upsampling<UpSampling1D>},
                                                     {"UpSampling2D", upsampling<UpSampling2D>},
                                                     {"UpSampling3D", upsampling<UpSampling3D>},
                                                     {"BatchNormalization", batch_normalization}};
  return all;
}

}  // namespace

LayerPtr make_window_layer(const std::string& class_name, const Config& config) {
  const auto found = builders().find(class_name);
  if (found == builders().end()) return nullptr;
  check_format(config);
  return found->second(config);
}

}  // namespace keras_cases
