#include <sinter/frontend/attention_layers.h>
#include <sinter/frontend/einsum.h>

#include <cmath>

#include "masked_softmax.h"

namespace sinter {
namespace {

/// The inputs by their parts.
struct Parts {
  Tensor query, value, key, mask;  // the mask may be empty
  bool own_key = false;            // the key is not the value
};

Parts parts_of(const Tensors& xs) {
  return {xs[0], xs.size() > 1 ? xs[1] : xs[0],
          xs.size() > 2   ? xs[2]
          : xs.size() > 1 ? xs[1]
                          : xs[0],
          xs.size() > 3 ? xs[3] : Tensor(), xs.size() > 2};
}

/// What is wrong with the shapes of {query, value, key, mask}; empty: nothing.
std::string complaint(const std::vector<Shape>& inputs) {
  if (inputs.size() > 4) return str("expected {query, value}, then key and mask, got ", inputs.size(), " inputs");
  for (std::size_t k = 0; k < std::min<std::size_t>(inputs.size(), 3); ++k)
    if (inputs[k].rank() != 3)
      return str("expected query, value and key of rank 3 (batch, positions, features), got ", inputs[k]);
  if (inputs.size() > 2 && inputs[1][1] != inputs[2][1])
    return str("expected as many keys as values, got ", inputs[2], " and ", inputs[1]);
  if (inputs.size() > 3 && (inputs[3].rank() < 2 || inputs[3].rank() > 3))
    return str("expected a mask of rank 2 or 3 (queries and values last), got ", inputs[3]);
  return {};
}

/// The padding of a sequence [n, positions, features]; empty: none.
Tensor padding_of(const Tensor& x) {
  const Tensor mask = x.mask();
  if (!mask.empty() && mask.rank() != 2)
    user_error(x.graph().path(), ": expected a mask of shape [n, positions] for ", x.type(), ", got ", mask.shape());
  return mask;
}

/// What else may not be looked at.
void narrow(Tensor& mask, const Tensor& more) { mask = mask.empty() ? more : logical_and(mask, more); }

/// Whether position t of the queries may look at position s: what is given, what causality says, and what is no
/// padding. Empty: everywhere.
Tensor mask_of(const Parts& parts, bool causal) {
  Tensor mask = parts.mask.empty() ? Tensor() : detail::as_mask(parts.mask);
  if (causal) {
    const Tensor rows = expand_dims(arange(parts.query.shape()[1]), 1), columns = arange(parts.value.shape()[1]);
    narrow(mask, greater_equal(rows, columns));
  }
  if (const Tensor padding = padding_of(parts.value); !padding.empty()) narrow(mask, expand_dims(padding, 1));
  if (!parts.own_key) return mask;
  if (const Tensor padding = padding_of(parts.key); !padding.empty()) narrow(mask, expand_dims(padding, 1));
  return mask;
}

/// y, and 0 where the query is padding.
Tensor without_padding(const Tensor& y, const Tensor& query) {
  const Tensor padding = padding_of(query);
  return padding.empty() ? y : where(expand_dims(padding, 2), y, 0.0);
}

Tensor distribution(const Tensor& scores, const Tensor& mask) {
  return mask.empty() ? softmax(scores) : detail::masked_softmax(scores, mask);
}

}  // namespace

MultiHeadAttention::MultiHeadAttention(Dim num_heads, Dim key_dim)
    : MultiHeadAttention(Options{.num_heads = num_heads, .key_dim = key_dim}) {}

namespace {

MultiHeadAttentionOptions checked(MultiHeadAttentionOptions options) {
  if (options.num_heads < 1 || options.key_dim < 1 || options.value_dim < 0)
    user_error(options.name.empty() ? "multi_head_attention" : options.name,
               ": num_heads and key_dim must be positive, got ", options.num_heads.value(), " and ",
               options.key_dim.value());
  if (options.value_dim == 0) options.value_dim = options.key_dim;
  return options;
}

}  // namespace

EinsumDense MultiHeadAttention::projection(const char* name, const char* equation, Dims output_shape,
                                           const char* bias_axes) const {
  return EinsumDense({.equation = equation,
                      .output_shape = std::move(output_shape),
                      .bias_axes = options_.use_bias ? bias_axes : "",
                      .kernel_initializer = options_.kernel_initializer,
                      .bias_initializer = options_.bias_initializer,
                      .kernel_regularizer = options_.kernel_regularizer,
                      .bias_regularizer = options_.bias_regularizer,
                      .activity_regularizer = options_.activity_regularizer,
                      .kernel_constraint = options_.kernel_constraint,
                      .bias_constraint = options_.bias_constraint,
                      .name = name});
}

EinsumDense MultiHeadAttention::into_heads(const char* name, Dim dim) const {
  return projection(name, "btd,dhk->bthk", {-1, options_.num_heads, dim}, "hk");
}

MultiHeadAttention::MultiHeadAttention(Options options)
    : Layer({.name = options.name, .trainable = options.trainable}),
      options_(checked(std::move(options))),
      query_(into_heads("query", options_.key_dim)),
      key_(into_heads("key", options_.key_dim)),
      value_(into_heads("value", options_.value_dim)),
      dropout_(options_.dropout) {}

void MultiHeadAttention::build_many(const std::vector<Shape>& inputs) {
  if (const std::string why = complaint(inputs); !why.empty()) fail(why);
  const Dim output_dim = options_.output_dim == 0 ? Dim(inputs[0][2]) : options_.output_dim;
  output_.emplace(projection("attention_output", "bhtv,hvo->bto", {-1, output_dim}, "o"));
}

Tensor MultiHeadAttention::call(Tensor x) { return call_many({x}).front(); }

Tensors MultiHeadAttention::call_many(Tensors xs) {
  const Parts parts = parts_of(xs);
  const double scale = 1.0 / std::sqrt(static_cast<double>(options_.key_dim));
  const Tensor none;  // the projections are of single positions: masks are seen to here
  const Tensor query = query_(parts.query.with_mask(none)) * scale, key = key_(parts.key.with_mask(none)),
               value = value_(parts.value.with_mask(none));
  Tensor mask = mask_of(parts, options_.use_causal_mask);
  if (const Tensor padding = padding_of(parts.query); !padding.empty()) narrow(mask, expand_dims(padding, 2));
  if (!mask.empty() && mask.rank() == 3) mask = expand_dims(mask, 1);  // every head sees the same
  const Tensor probabilities = distribution(einsum("bthk,bshk->bhts", query, key), mask);
  const Tensor context = einsum("bhts,bshv->bhtv", dropout_(probabilities), value);
  Tensors results{(*output_)(context)};
  if (options_.return_attention_scores) results.push_back(probabilities);
  return results;
}

Attention::Attention(Options options)
    : Layer({.name = options.name, .trainable = options.trainable}),
      options_(std::move(options)),
      dropout_(options_.dropout) {
  if (options_.score_mode != "dot" && options_.score_mode != "concat")
    fail(str("score_mode must be \"dot\" or \"concat\", got \"", options_.score_mode, "\""));
}

void Attention::build_many(const std::vector<Shape>& inputs) {
  if (const std::string why = complaint(inputs); !why.empty()) fail(why);
  if (options_.use_scale) scale_ = add_weight("scale", {}, {.initializer = "ones"});
  if (options_.score_mode == "concat") concat_weight_ = add_weight("concat_score_weight", {}, {.initializer = "ones"});
}

Tensor Attention::scores(const Tensor& query, const Tensor& key) const {
  if (options_.score_mode == "dot") {
    const Tensor products = einsum("btd,bsd->bts", query, key);
    return options_.use_scale ? products * scale_ : products;
  }
  const Tensor both = expand_dims(query, 2) + expand_dims(key, 1);
  return concat_weight_ * sum(tanh(options_.use_scale ? both * scale_ : both), -1);
}

Tensor Attention::call(Tensor x) { return call_many({x}).front(); }

Tensors Attention::call_many(Tensors xs) {
  const Parts parts = parts_of(xs);
  const Tensor probabilities = distribution(scores(parts.query, parts.key), mask_of(parts, options_.use_causal_mask));
  return {without_padding(matmul(dropout_(probabilities), parts.value), parts.query)};
}

AdditiveAttention::AdditiveAttention(Options options)
    : Layer({.name = options.name, .trainable = options.trainable}),
      options_(std::move(options)),
      dropout_(options_.dropout) {}

void AdditiveAttention::build_many(const std::vector<Shape>& inputs) {
  if (const std::string why = complaint(inputs); !why.empty()) fail(why);
  if (options_.use_scale) scale_ = add_weight("scale", {inputs[0][2]});
}

Tensor AdditiveAttention::call(Tensor x) { return call_many({x}).front(); }

Tensors AdditiveAttention::call_many(Tensors xs) {
  const Parts parts = parts_of(xs);
  const Tensor activity = tanh(expand_dims(parts.query, 2) + expand_dims(parts.key, 1));
  const Tensor scores = sum(options_.use_scale ? activity * scale_ : activity, -1);
  const Tensor probabilities = distribution(scores, mask_of(parts, options_.use_causal_mask));
  return {without_padding(matmul(dropout_(probabilities), parts.value), parts.query)};
}

}  // namespace sinter
