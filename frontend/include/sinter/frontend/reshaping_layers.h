#pragma once
// Layers that move elements. Shapes are those of Keras 3; arguments leave out the batch.

#include <string>

#include <sinter/frontend/layer.h>

namespace sinter {

struct ReshapeOptions {
  Dims target_shape = {};  // without the batch; one extent may be -1
  std::string name = {};
};

/// [n, ...] -> [n, target...], row-major. Error when the elements do not fit.
class SINTER_API Reshape : public Layer {
 public:
  using Options = ReshapeOptions;
  explicit Reshape(Dims target_shape);
  explicit Reshape(Options options);
  Tensor call(Tensor x) override;

 private:
  Options options_;
};

struct PermuteOptions {
  Dims dims = {};  // a permutation of 1, 2, ...: axis k + 1 of the result is axis dims[k] of the input
  std::string name = {};
};

/// Exchanges axes other than the batch: Permute({2, 1}) turns [n, a, b] into [n, b, a].
class SINTER_API Permute : public Layer {
 public:
  using Options = PermuteOptions;
  explicit Permute(Dims dims);
  explicit Permute(Options options);
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;

 private:
  Options options_;
};

struct RepeatVectorOptions {
  Dim n = 1;
  std::string name = {};
};

/// [batch, f] -> [batch, n, f].
class SINTER_API RepeatVector : public Layer {
 public:
  using Options = RepeatVectorOptions;
  explicit RepeatVector(Dim n);
  explicit RepeatVector(Options options);
  void build(const Shape& input) override;
  Tensor call(Tensor x) override;

 private:
  Options options_;
};

}  // namespace sinter
