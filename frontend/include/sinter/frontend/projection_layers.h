#pragma once
// Dense in other clothes: rows looked up by number, and contractions over chosen axes.

#include <string>

#include <sinter/frontend/activations.h>
#include <sinter/frontend/initializers.h>
#include <sinter/frontend/layer.h>

namespace sinter {

struct EmbeddingOptions {
  Dim input_dim = 0;   // indices are 0 to input_dim - 1
  Dim output_dim = 0;  // the length of a vector
  Initializer embeddings_initializer = "random_uniform";
  Regularizer embeddings_regularizer = {};
  Constraint embeddings_constraint = {};
  bool mask_zero = false;  // index 0 is padding: the result has a mask (Tensor::mask) that is false there
  std::string name = {};
  bool trainable = true;
};

/// [n, ...] of indices -> [n, ..., output_dim]: row i of the table for index i. Weight: embeddings [input_dim,
/// output_dim]. Indices may come as any dtype; floats are truncated. When the layer gets an input of the model as it
/// is, indices outside are refused where the data enter; else they give NaN.
class SINTER_API Embedding : public Layer {
 public:
  using Options = EmbeddingOptions;
  Embedding(Dim input_dim, Dim output_dim);
  explicit Embedding(Options options);
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return options_.mask_zero; }

 private:
  Options options_;
  Variable embeddings_;
};

struct EinsumDenseOptions {
  std::string equation = {};  // "abc,cd->abd": input, kernel, output; see einsum()
  /// Extents of the output's letters without the batch; with "..." those of the letters alone. -1: as the input has it.
  Dims output_shape = {};
  ActivationFn activation = {};
  std::string bias_axes = {};  // letters of the output along which a bias is learned; "": no bias
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

/// activation(einsum(equation, x, kernel) + bias). Weights: kernel, bias.
class SINTER_API EinsumDense : public Layer {
 public:
  using Options = EinsumDenseOptions;
  explicit EinsumDense(Options options);
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;

 private:
  Options options_;
  Variable kernel_, bias_;
};

}  // namespace sinter
