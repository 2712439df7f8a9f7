// Layers that are compositions: activations with options, merging, reshaping, normalisation, attention.

#include <map>

#include <sinter/sinter.h>

#include "builders.h"

namespace keras_cases {

using namespace sinter;

namespace {

using LayerPtr = std::shared_ptr<Layer>;

Dims dims_of(const Config& c, std::string_view key) {
  ir::Ints dims;
  if (c.has(key))
    for (const double d : c.numbers(key)) dims.push_back(static_cast<std::int64_t>(d));
  return Dims(dims);
}

/// One axis or a list of them.
Axes axes_of(const Config& c, std::string_view key) {
  const Json* value = c.value(key);
  if (value == nullptr || value->is_number()) return Axes(Dim(c.integer(key, -1)));
  return Axes(dims_of(c, key).values());
}

void refuse_common(const Config& c) { c.refuse({"rms_scaling", "lora_rank"}); }

LayerPtr relu_layer(const Config& c) {
  return std::make_shared<ReLU>(ReluOptions{.negative_slope = c.number("negative_slope", 0.0),
                                            .max_value = c.number("max_value", ReluOptions{}.max_value),
                                            .threshold = c.number("threshold", 0.0)});
}

LayerPtr layer_normalization(const Config& c) {
  return std::make_shared<LayerNormalization>(
      with_limits(c, LayerNormalizationOptions{.axis = axes_of(c, "axis"),
                                               .epsilon = c.number("epsilon", 1e-3),
                                               .center = c.flag("center", true),
                                               .scale = c.flag("scale", true)}));
}

LayerPtr group_normalization(const Config& c) {
  return std::make_shared<GroupNormalization>(
      with_limits(c, GroupNormalizationOptions{.groups = c.integer("groups", 32),
                                               .axis = c.integer("axis", -1),
                                               .epsilon = c.number("epsilon", 1e-3),
                                               .center = c.flag("center", true),
                                               .scale = c.flag("scale", true)}));
}

LayerPtr multi_head_attention(const Config& c) {
  const Json* axes = c.value("attention_axes");
  if (axes != nullptr && !axes->is_null() && *axes != Json::array({1}))
    throw Unsupported("attention over other axes than the positions");
  const bool listed = c.value("output_shape") != nullptr && c.value("output_shape")->is_array();
  const ir::Ints output = listed ? dims_of(c, "output_shape").values() : ir::Ints{c.integer("output_shape", 0)};
  if (output.size() != 1) throw Unsupported("MultiHeadAttention with several output axes");
  return std::make_shared<MultiHeadAttention>(
      with_limits(c, MultiHeadAttentionOptions{.num_heads = c.integer("num_heads"),
                                               .key_dim = c.integer("key_dim"),
                                               .value_dim = c.integer("value_dim", 0),
                                               .dropout = c.number("dropout", 0.0),
                                               .use_bias = c.flag("use_bias", true),
                                               .output_dim = output[0]}));
}

LayerPtr attention(const Config& c) {
  return std::make_shared<Attention>(AttentionOptions{.use_scale = c.flag("use_scale", false),
                                                      .score_mode = c.text("score_mode", "dot"),
                                                      .dropout = c.number("dropout", 0.0)});
}

LayerPtr additive_attention(const Config& c) {
  return std::make_shared<AdditiveAttention>(
      AdditiveAttentionOptions{.use_scale = c.flag("use_scale", true), .dropout = c.number("dropout", 0.0)});
}

LayerPtr einsum_dense(const Config& c) {
  return std::make_shared<EinsumDense>(
      with_limits(c, EinsumDenseOptions{.equation = c.text("equation", ""),
                                        .output_shape = dims_of(c, "output_shape"),
                                        .activation = make_activation(c.text("activation", "linear")),
                                        .bias_axes = c.text("bias_axes", "")}));
}

LayerPtr dot_layer(const Config& c) {
  const Json* axes = c.value("axes");
  const bool listed = axes != nullptr && axes->is_array();
  return std::make_shared<Dot>(DotOptions{.axes = listed ? dims_of(c, "axes") : Dims{Dim(c.integer("axes", -1))},
                                          .normalize = c.flag("normalize", false)});
}

template <class L>
LayerPtr plain(const Config&) {
  return std::make_shared<L>();
}

template <class L>
LayerPtr with_rate(const Config& c) {
  return std::make_shared<L>(c.number("rate", 0.5));
}

using Builder = LayerPtr (*)(const Config& config);

const std::map<std::string, Builder>& builders() {
  static const std::map<std::string, Builder> all = {
      {"ReLU", relu_layer},
      {"LeakyReLU",
       [](const Config& c) -> LayerPtr {
         return std::make_shared<LeakyReLU>(c.number("negative_slope", c.number("alpha", 0.3)));
       }},
      {"PReLU",
       [](const Config& c) -> LayerPtr {
         return std::make_shared<PReLU>(with_limits(c, PReLUOptions{.shared_axes = dims_of(c, "shared_axes")}));
       }},
      {"ELU", [](const Config& c) -> LayerPtr { return std::make_shared<ELU>(c.number("alpha", 1.0)); }},
      {"Softmax", [](const Config& c) -> LayerPtr { return std::make_shared<Softmax>(Dim(c.integer("axis", -1))); }},
      {"Add", plain<Add>},
      {"Subtract", plain<Subtract>},
      {"Multiply", plain<Multiply>},
      {"Average", plain<Average>},
      {"Maximum", plain<Maximum>},
      {"Minimum", plain<Minimum>},
      {"Concatenate",
       [](const Config& c) -> LayerPtr { return std::make_shared<Concatenate>(Dim(c.integer("axis", -1))); }},
      {"Dot", dot_layer},
      {"Reshape", [](const Config& c) -> LayerPtr { return std::make_shared<Reshape>(dims_of(c, "target_shape")); }},
      {"Permute", [](const Config& c) -> LayerPtr { return std::make_shared<Permute>(dims_of(c, "dims")); }},
      {"RepeatVector", [](const Config& c) -> LayerPtr { return std::make_shared<RepeatVector>(Dim(c.integer("n"))); }},
      {"LayerNormalization", layer_normalization},
      {"GroupNormalization", group_normalization},
      {"RMSNormalization",
       [](const Config& c) -> LayerPtr {
         return std::make_shared<RMSNormalization>(
             RMSNormalizationOptions{.axis = axes_of(c, "axis"), .epsilon = c.number("epsilon", 1e-6)});
       }},
      {"UnitNormalization",
       [](const Config& c) -> LayerPtr {
         return std::make_shared<UnitNormalization>(UnitNormalizationOptions{.axis = axes_of(c, "axis")});
       }},
      {"Embedding",
       [](const Config& c) -> LayerPtr {
         return std::make_shared<Embedding>(with_limits(c, EmbeddingOptions{.input_dim = c.integer("input_dim"),
                                                                            .output_dim = c.integer("output_dim"),
                                                                            .mask_zero = c.flag("mask_zero", false)}));
       }},
      {"Masking", [](const Config& c) -> LayerPtr { return std::make_shared<Masking>(c.number("mask_value", 0.0)); }},
      {"EinsumDense", einsum_dense},
      {"MultiHeadAttention", multi_head_attention},
      {"Attention", attention},
      {"AdditiveAttention", additive_attention},
      {"GaussianNoise",
       [](const Config& c) -> LayerPtr { return std::make_shared<GaussianNoise>(c.number("stddev", 1.0)); }},
      {"GaussianDropout", with_rate<GaussianDropout>},
      {"AlphaDropout", with_rate<AlphaDropout>},
      {"SpatialDropout1D", with_rate<SpatialDropout1D>},
      {"SpatialDropout2D", with_rate<SpatialDropout2D>},
      {"SpatialDropout3D", with_rate<SpatialDropout3D>},
      {"ActivityRegularization", [](const Config& c) -> LayerPtr {
         return std::make_shared<ActivityRegularization>(
             ActivityRegularizationOptions{.l1 = c.number("l1", 0.0), .l2 = c.number("l2", 0.0)});
       }}};
  return all;
}

}  // namespace

LayerPtr make_composed_layer(const std::string& class_name, const Config& config) {
  const auto found = builders().find(class_name);
  if (found == builders().end()) return nullptr;
  refuse_common(config);
  return found->second(config);
}

}  // namespace keras_cases
