#pragma once
// Layers that move elements along the spatial axes of [n, spatial..., channels]: padding, cropping, upsampling.
// Formulas are those of Keras 3. An amount per side is written as one number for all sides, one per spatial axis (both
// its sides), or two per spatial axis (before, after).

#include <string>

#include <sinter/frontend/layer.h>

namespace sinter {

struct ZeroPaddingOptions {
  Dims padding = {1};
  std::string name = {};
};

namespace detail {
class SINTER_API ZeroPaddingLayer : public Layer {
 public:
  Tensor call(Tensor x) override;

 protected:
  ZeroPaddingLayer(int spatial, ZeroPaddingOptions options);

 private:
  int spatial_;
  ir::Ints before_, after_;
};
}  // namespace detail

/// Zeros around the spatial axis: [n, length, c] -> [n, before + length + after, c].
class SINTER_API ZeroPadding1D : public detail::ZeroPaddingLayer {
 public:
  using Options = ZeroPaddingOptions;
  explicit ZeroPadding1D(Options options = {}) : ZeroPaddingLayer(1, std::move(options)) {}
  explicit ZeroPadding1D(Dims padding) : ZeroPadding1D(Options{.padding = std::move(padding)}) {}
};

/// Zeros around two spatial axes.
class SINTER_API ZeroPadding2D : public detail::ZeroPaddingLayer {
 public:
  using Options = ZeroPaddingOptions;
  explicit ZeroPadding2D(Options options = {}) : ZeroPaddingLayer(2, std::move(options)) {}
  explicit ZeroPadding2D(Dims padding) : ZeroPadding2D(Options{.padding = std::move(padding)}) {}
};

/// Zeros around three spatial axes.
class SINTER_API ZeroPadding3D : public detail::ZeroPaddingLayer {
 public:
  using Options = ZeroPaddingOptions;
  explicit ZeroPadding3D(Options options = {}) : ZeroPaddingLayer(3, std::move(options)) {}
  explicit ZeroPadding3D(Dims padding) : ZeroPadding3D(Options{.padding = std::move(padding)}) {}
};

struct CroppingOptions {
  Dims cropping = {1};
  std::string name = {};
};

namespace detail {
/// Error when nothing would be left.
class SINTER_API CroppingLayer : public Layer {
 public:
  Tensor call(Tensor x) override;

 protected:
  CroppingLayer(int spatial, CroppingOptions options);

 private:
  int spatial_;
  ir::Ints before_, after_;
};
}  // namespace detail

/// Elements taken off the spatial axis: [n, length, c] -> [n, length - before - after, c].
class SINTER_API Cropping1D : public detail::CroppingLayer {
 public:
  using Options = CroppingOptions;
  explicit Cropping1D(Options options = {}) : CroppingLayer(1, std::move(options)) {}
  explicit Cropping1D(Dims cropping) : Cropping1D(Options{.cropping = std::move(cropping)}) {}
};

/// Elements taken off two spatial axes.
class SINTER_API Cropping2D : public detail::CroppingLayer {
 public:
  using Options = CroppingOptions;
  explicit Cropping2D(Options options = {}) : CroppingLayer(2, std::move(options)) {}
  explicit Cropping2D(Dims cropping) : Cropping2D(Options{.cropping = std::move(cropping)}) {}
};

/// Elements taken off three spatial axes.
class SINTER_API Cropping3D : public detail::CroppingLayer {
 public:
  using Options = CroppingOptions;
  explicit Cropping3D(Options options = {}) : CroppingLayer(3, std::move(options)) {}
  explicit Cropping3D(Dims cropping) : Cropping3D(Options{.cropping = std::move(cropping)}) {}
};

struct UpSamplingOptions {
  Dims size = {2};  // one number for all spatial axes, or one each
  std::string name = {};
};

namespace detail {
class SINTER_API UpSamplingLayer : public Layer {
 public:
  Tensor call(Tensor x) override;

 protected:
  UpSamplingLayer(int spatial, UpSamplingOptions options);

 private:
  int spatial_;
  ir::Ints size_;
};
}  // namespace detail

/// Each element `size` times along the spatial axis (nearest neighbour).
class SINTER_API UpSampling1D : public detail::UpSamplingLayer {
 public:
  using Options = UpSamplingOptions;
  explicit UpSampling1D(Options options = {}) : UpSamplingLayer(1, std::move(options)) {}
  explicit UpSampling1D(Dim size) : UpSampling1D(Options{.size = {size}}) {}
};

/// Each element `size` times along two spatial axes (nearest neighbour).
class SINTER_API UpSampling2D : public detail::UpSamplingLayer {
 public:
  using Options = UpSamplingOptions;
  explicit UpSampling2D(Options options = {}) : UpSamplingLayer(2, std::move(options)) {}
  explicit UpSampling2D(Dim size) : UpSampling2D(Options{.size = {size}}) {}
};

/// Each element `size` times along three spatial axes (nearest neighbour).
class SINTER_API UpSampling3D : public detail::UpSamplingLayer {
 public:
  using Options = UpSamplingOptions;
  explicit UpSampling3D(Options options = {}) : UpSamplingLayer(3, std::move(options)) {}
  explicit UpSampling3D(Dim size) : UpSampling3D(Options{.size = {size}}) {}
};

}  // namespace sinter
