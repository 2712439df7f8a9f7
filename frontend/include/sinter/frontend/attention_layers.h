#pragma once
// Attention. Inputs are lists: {query, value} or {query, value, key} (the key is the value when it is left out), with
// an optional mask as the fourth; a single tensor attends to itself. Query [n, t, d], value and key [n, s, d'], mask
// [n, t, s] or [t, s], false (or 0) where a query must not look. Padding (Tensor::mask) of value and key is not looked
// at either; the result has the query's. Formulas, defaults and weight order are those of
// Keras 3.

#include <optional>
#include <string>

#include <sinter/frontend/initializers.h>
#include <sinter/frontend/layer.h>
#include <sinter/frontend/layers.h>
#include <sinter/frontend/projection_layers.h>

namespace sinter {

struct MultiHeadAttentionOptions {
  Dim num_heads = 0;
  Dim key_dim = 0;    // of queries and keys, per head
  Dim value_dim = 0;  // of values, per head; 0: as key_dim
  double dropout = 0.0;
  bool use_bias = true;
  Dim output_dim = 0;                    // 0: as the query
  bool use_causal_mask = false;          // a position looks at itself and what comes before
  bool return_attention_scores = false;  // a second result: probabilities [n, heads, t, s]
  Initializer kernel_initializer = "glorot_uniform";
  Initializer bias_initializer = "zeros";
  Regularizer kernel_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // of each projection
  Constraint kernel_constraint = {};
  Constraint bias_constraint = {};
  std::string name = {};
  bool trainable = true;
};

/// Scaled dot-product attention in several heads (Vaswani et al., 2017): [n, t, output_dim]. Weights, each kernel
/// followed by its bias: query [d, heads, key_dim], key, value [d', heads, value_dim], attention_output [heads,
/// value_dim, output_dim].
class SINTER_API MultiHeadAttention : public Layer {
 public:
  using Options = MultiHeadAttentionOptions;
  MultiHeadAttention(Dim num_heads, Dim key_dim);
  explicit MultiHeadAttention(Options options);
  void build_many(const std::vector<Shape>& inputs) override;
  Tensor call(Tensor x) override;
  Tensors call_many(Tensors xs) override;
  bool supports_masking() const override { return true; }

 private:
  EinsumDense projection(const char* name, const char* equation, Dims output_shape, const char* bias_axes) const;
  EinsumDense into_heads(const char* name, Dim dim) const;
  Options options_;
  EinsumDense query_, key_, value_;
  Dropout dropout_;
  std::optional<EinsumDense> output_;
};

struct AttentionOptions {
  bool use_scale = false;          // a learned factor on the scores
  std::string score_mode = "dot";  // or "concat": a learned factor times the sum of tanh(query + key)
  double dropout = 0.0;
  bool use_causal_mask = false;
  std::string name = {};
  bool trainable = true;
};

/// softmax(query key') value (Luong et al., 2015). Weights: scale [] if used, concat_score_weight [] in that mode.
class SINTER_API Attention : public Layer {
 public:
  using Options = AttentionOptions;
  explicit Attention(Options options = {});
  void build_many(const std::vector<Shape>& inputs) override;
  Tensor call(Tensor x) override;
  Tensors call_many(Tensors xs) override;
  bool supports_masking() const override { return true; }

 private:
  Tensor scores(const Tensor& query, const Tensor& key) const;
  Options options_;
  Dropout dropout_;
  Variable scale_, concat_weight_;
};

struct AdditiveAttentionOptions {
  bool use_scale = true;
  double dropout = 0.0;
  bool use_causal_mask = false;
  std::string name = {};
  bool trainable = true;
};

/// softmax(sum(scale * tanh(query + key))) value (Bahdanau et al., 2014). Weight: scale [d] if used.
class SINTER_API AdditiveAttention : public Layer {
 public:
  using Options = AdditiveAttentionOptions;
  explicit AdditiveAttention(Options options = {});
  void build_many(const std::vector<Shape>& inputs) override;
  Tensor call(Tensor x) override;
  Tensors call_many(Tensors xs) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
  Dropout dropout_;
  Variable scale_;
};

}  // namespace sinter
