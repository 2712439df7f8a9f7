#pragma once
// Layers of several inputs: Tensors{a, b} | Add() inside call(), Symbols{a, b} | Add() in a functional model. Inputs
// broadcast as in Keras 3: axes of extent 1 stretch; an input of lower rank gets axes of extent 1 after the batch. The
// result has a mask (Tensor::mask) if all inputs have: a position counts where it does in any of them. Concatenate puts
// masks one after the other as well; Dot has none.

#include <optional>
#include <string>
#include <utility>

#include <sinter/frontend/layer.h>

namespace sinter {

/// What the elementwise ones share. Error for inputs whose shapes do not broadcast, and for a single tensor that is no
/// list.
class SINTER_API Merge : public Layer {
 public:
  using Options = LayerOptions;
  void build_many(const std::vector<Shape>& inputs) override;
  Tensors call_many(Tensors xs) override;
  bool supports_masking() const override { return true; }
  Tensors compute_mask(const Tensors& xs) const override;

 protected:
  explicit Merge(Options options) : Layer(std::move(options)) {}
  /// The inputs so far and the next one.
  virtual Tensor merge(const Tensor& a, const Tensor& b) const = 0;
  /// What becomes of the merged value of `count` inputs.
  virtual Tensor finish(const Tensor& merged, std::size_t count) const;
};

/// a + b + ...
class SINTER_API Add : public Merge {
 public:
  explicit Add(Options options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const Tensor& a, const Tensor& b) const override;
};

/// a - b, of exactly two inputs.
class SINTER_API Subtract : public Merge {
 public:
  explicit Subtract(Options options = {}) : Merge(std::move(options)) {}
  void build_many(const std::vector<Shape>& inputs) override;

 protected:
  Tensor merge(const Tensor& a, const Tensor& b) const override;
};

/// a * b * ..., element by element.
class SINTER_API Multiply : public Merge {
 public:
  explicit Multiply(Options options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const Tensor& a, const Tensor& b) const override;
};

/// The mean of the inputs.
class SINTER_API Average : public Merge {
 public:
  explicit Average(Options options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const Tensor& a, const Tensor& b) const override;
  Tensor finish(const Tensor& merged, std::size_t count) const override;
};

/// The largest of each set of elements.
class SINTER_API Maximum : public Merge {
 public:
  explicit Maximum(Options options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const Tensor& a, const Tensor& b) const override;
};

/// The smallest of each set of elements.
class SINTER_API Minimum : public Merge {
 public:
  explicit Minimum(Options options = {}) : Merge(std::move(options)) {}

 protected:
  Tensor merge(const Tensor& a, const Tensor& b) const override;
};

struct ConcatenateOptions {
  Dim axis = -1;
  std::string name = {};
};

/// The inputs one after the other along an axis. Error unless all other extents are equal.
class SINTER_API Concatenate : public Layer {
 public:
  using Options = ConcatenateOptions;
  explicit Concatenate(Dim axis = -1);
  explicit Concatenate(Options options);
  void build_many(const std::vector<Shape>& inputs) override;
  Tensors call_many(Tensors xs) override;
  bool supports_masking() const override { return true; }
  Tensors compute_mask(const Tensors& xs) const override;

 private:
  Options options_;
};

struct DotOptions {
  /// The axis of each input to sum over: one number for both, or {of a, of b}. Negative ones count from the end.
  Dims axes = {-1};
  bool normalize = false;  // both inputs to length 1 along these axes first: the cosine of the angle
  std::string name = {};
};

/// Sums of products of two inputs, sample by sample: axes of a but the one summed over, then those of b; [n, 1] when
/// none is left. Error for axis 0 and for extents that differ.
class SINTER_API Dot : public Layer {
 public:
  using Options = DotOptions;
  explicit Dot(Dim axis);
  explicit Dot(Options options);
  void build_many(const std::vector<Shape>& inputs) override;
  Tensors call_many(Tensors xs) override;
  bool supports_masking() const override { return true; }
  Tensors compute_mask(const Tensors&) const override { return {}; }

 private:
  std::pair<int, int> axes_of(int rank_a, int rank_b) const;
  Options options_;
};

}  // namespace sinter
