#pragma once
// Pooling over 1, 2 or 3 spatial axes, channels last: [n, spatial..., channels]. Defaults and formulas are those of
// Keras 3. What padding "same" adds around the input belongs to no window.

#include <string>

#include <sinter/frontend/layer.h>

namespace sinter {

struct PoolingOptions {
  Dims pool_size = {2};  // one number for all spatial axes, or one each
  Dims strides = {};     // empty: the pool size
  std::string padding = "valid";
  std::string name = {};
};

namespace detail {

enum class Pooling : std::uint8_t { max, average };

/// The largest element, or the mean of the elements that are there, of each window. Errors: sizes that are not
/// positive, an empty output.
class SINTER_API PoolingLayer : public Layer {
 public:
  Tensor call(Tensor x) override;
  const PoolingOptions& options() const { return options_; }

 protected:
  PoolingLayer(int spatial, Pooling kind, PoolingOptions options);

 private:
  int spatial_;
  Pooling kind_;
  PoolingOptions options_;
};

}  // namespace detail

/// [n, length, c] -> [n, out, c].
class SINTER_API MaxPooling1D : public detail::PoolingLayer {
 public:
  using Options = PoolingOptions;
  explicit MaxPooling1D(Options options = {}) : PoolingLayer(1, detail::Pooling::max, std::move(options)) {}
  explicit MaxPooling1D(Dim pool_size) : MaxPooling1D(Options{.pool_size = {pool_size}}) {}
};

/// [n, height, width, c] -> [n, out, out, c].
class SINTER_API MaxPooling2D : public detail::PoolingLayer {
 public:
  using Options = PoolingOptions;
  explicit MaxPooling2D(Options options = {}) : PoolingLayer(2, detail::Pooling::max, std::move(options)) {}
  explicit MaxPooling2D(Dim pool_size) : MaxPooling2D(Options{.pool_size = {pool_size}}) {}
};

/// [n, depth, height, width, c] -> [n, out, out, out, c].
class SINTER_API MaxPooling3D : public detail::PoolingLayer {
 public:
  using Options = PoolingOptions;
  explicit MaxPooling3D(Options options = {}) : PoolingLayer(3, detail::Pooling::max, std::move(options)) {}
  explicit MaxPooling3D(Dim pool_size) : MaxPooling3D(Options{.pool_size = {pool_size}}) {}
};

/// [n, length, c] -> [n, out, c].
class SINTER_API AveragePooling1D : public detail::PoolingLayer {
 public:
  using Options = PoolingOptions;
  explicit AveragePooling1D(Options options = {}) : PoolingLayer(1, detail::Pooling::average, std::move(options)) {}
  explicit AveragePooling1D(Dim pool_size) : AveragePooling1D(Options{.pool_size = {pool_size}}) {}
};

/// [n, height, width, c] -> [n, out, out, c].
class SINTER_API AveragePooling2D : public detail::PoolingLayer {
 public:
  using Options = PoolingOptions;
  explicit AveragePooling2D(Options options = {}) : PoolingLayer(2, detail::Pooling::average, std::move(options)) {}
  explicit AveragePooling2D(Dim pool_size) : AveragePooling2D(Options{.pool_size = {pool_size}}) {}
};

/// [n, depth, height, width, c] -> [n, out, out, out, c].
class SINTER_API AveragePooling3D : public detail::PoolingLayer {
 public:
  using Options = PoolingOptions;
  explicit AveragePooling3D(Options options = {}) : PoolingLayer(3, detail::Pooling::average, std::move(options)) {}
  explicit AveragePooling3D(Dim pool_size) : AveragePooling3D(Options{.pool_size = {pool_size}}) {}
};

struct GlobalPoolingOptions {
  bool keepdims = false;  // spatial axes stay, with extent 1
  std::string name = {};
};

namespace detail {

/// The largest element or the mean over all spatial axes.
class SINTER_API GlobalPoolingLayer : public Layer {
 public:
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return kind_ == Pooling::average && spatial_ == 1; }
  Tensors compute_mask(const Tensors&) const override { return {}; }
  const GlobalPoolingOptions& options() const { return options_; }

 protected:
  GlobalPoolingLayer(int spatial, Pooling kind, GlobalPoolingOptions options);

 private:
  int spatial_;
  Pooling kind_;
  GlobalPoolingOptions options_;
};

}  // namespace detail

/// [n, length, c] -> [n, c].
class SINTER_API GlobalMaxPooling1D : public detail::GlobalPoolingLayer {
 public:
  using Options = GlobalPoolingOptions;
  explicit GlobalMaxPooling1D(Options options = {}) : GlobalPoolingLayer(1, detail::Pooling::max, std::move(options)) {}
};

/// [n, height, width, c] -> [n, c].
class SINTER_API GlobalMaxPooling2D : public detail::GlobalPoolingLayer {
 public:
  using Options = GlobalPoolingOptions;
  explicit GlobalMaxPooling2D(Options options = {}) : GlobalPoolingLayer(2, detail::Pooling::max, std::move(options)) {}
};

/// [n, depth, height, width, c] -> [n, c].
class SINTER_API GlobalMaxPooling3D : public detail::GlobalPoolingLayer {
 public:
  using Options = GlobalPoolingOptions;
  explicit GlobalMaxPooling3D(Options options = {}) : GlobalPoolingLayer(3, detail::Pooling::max, std::move(options)) {}
};

/// [n, length, c] -> [n, c]. Positions that the input's mask hides do not count; where it hides all, the mean is 0.
class SINTER_API GlobalAveragePooling1D : public detail::GlobalPoolingLayer {
 public:
  using Options = GlobalPoolingOptions;
  explicit GlobalAveragePooling1D(Options options = {})
      : GlobalPoolingLayer(1, detail::Pooling::average, std::move(options)) {}
};

/// [n, height, width, c] -> [n, c].
class SINTER_API GlobalAveragePooling2D : public detail::GlobalPoolingLayer {
 public:
  using Options = GlobalPoolingOptions;
  explicit GlobalAveragePooling2D(Options options = {})
      : GlobalPoolingLayer(2, detail::Pooling::average, std::move(options)) {}
};

/// [n, depth, height, width, c] -> [n, c].
class SINTER_API GlobalAveragePooling3D : public detail::GlobalPoolingLayer {
 public:
  using Options = GlobalPoolingOptions;
  explicit GlobalAveragePooling3D(Options options = {})
      : GlobalPoolingLayer(3, detail::Pooling::average, std::move(options)) {}
};

}  // namespace sinter
