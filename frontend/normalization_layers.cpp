#include <sinter/frontend/normalization_layers.h>

#include <algorithm>
#include <vector>

#include "normalized.h"

namespace sinter {
namespace {

ir::Ints resolved(const Layer& layer, const Axes& axis, int rank) {
  ir::Ints axes = axis.resolve(rank, layer.name());
  if (!axes.empty() && axes.front() == 0)
    user_error(layer.name(), ": axis 0 is the batch, which is not normalised over; axes count from 1, or from the end");
  return axes;
}

Dims extents(const Shape& shape, const ir::Ints& axes) {
  ir::Ints dims;
  for (const std::int64_t axis : axes) dims.push_back(shape[static_cast<int>(axis)]);
  return Dims(dims);
}

/// A weight with the extents of `axes`, beside x: axes of extent 1 elsewhere.
Tensor beside(const Operand& weight, const Shape& x, const ir::Ints& axes) {
  ir::Ints dims(static_cast<std::size_t>(x.rank()), 1);
  for (const std::int64_t axis : axes) dims[static_cast<std::size_t>(axis)] = x[static_cast<int>(axis)];
  return reshape(weight, Dims(dims));
}

InputSpec keeps(const Shape& input, const ir::Ints& axes) {
  InputSpec spec{.rank = input.rank()};
  for (const std::int64_t axis : axes) spec.extents.push_back({static_cast<int>(axis), input[static_cast<int>(axis)]});
  return spec;
}

/// Mean 0 and variance 1 over `axes`.
Tensor standardized(const Tensor& x, const Axes& axes, double epsilon) {
  const Tensor centred = x - mean(x, axes, {.keepdims = true});
  return centred * rsqrt(mean(square(centred), axes, {.keepdims = true}) + epsilon);
}

}  // namespace

LayerNormalization::LayerNormalization(Options options)
    : Layer({.name = options.name, .trainable = options.trainable}), options_(std::move(options)) {}

void LayerNormalization::build(const Shape& input) {
  const ir::Ints axes = resolved(*this, options_.axis, input.rank());
  const Dims shape = extents(input, axes);
  if (options_.scale)
    gamma_ = add_weight("gamma", shape,
                        {.initializer = options_.gamma_initializer,
                         .regularizer = options_.gamma_regularizer,
                         .constraint = options_.gamma_constraint});
  if (options_.center)
    beta_ = add_weight("beta", shape,
                       {.initializer = options_.beta_initializer,
                        .regularizer = options_.beta_regularizer,
                        .constraint = options_.beta_constraint});
  expect_inputs(keeps(input, axes));
}

Tensor LayerNormalization::call(Tensor x) {
  const ir::Ints axes = resolved(*this, options_.axis, x.rank());
  Tensor y = standardized(x, Axes(axes), options_.epsilon);
  if (options_.scale) y = y * beside(gamma_, x.shape(), axes);
  if (options_.center) y = y + beside(beta_, x.shape(), axes);
  return y;
}

GroupNormalization::GroupNormalization(Options options)
    : Layer({.name = options.name, .trainable = options.trainable}), options_(std::move(options)) {
  if (options_.groups < 1 && options_.groups != -1)
    fail(str("groups must be positive, or -1 for one per channel, got ", options_.groups.value()));
}

std::int64_t GroupNormalization::groups_of(std::int64_t channels) const {
  return options_.groups == -1 ? channels : options_.groups.value();
}

void GroupNormalization::build(const Shape& input) {
  const ir::Ints axes = resolved(*this, options_.axis, input.rank());
  const std::int64_t channels = input[static_cast<int>(axes[0])];
  const std::int64_t groups = groups_of(channels);
  if (groups > channels || channels % groups != 0)
    fail(str("expected a number of groups that divides the ", channels, " channels (axis ", axes[0], " of ", input,
             "), got ", groups));
  if (options_.scale)
    gamma_ = add_weight("gamma", {channels},
                        {.initializer = options_.gamma_initializer,
                         .regularizer = options_.gamma_regularizer,
                         .constraint = options_.gamma_constraint});
  if (options_.center)
    beta_ = add_weight("beta", {channels},
                       {.initializer = options_.beta_initializer,
                        .regularizer = options_.beta_regularizer,
                        .constraint = options_.beta_constraint});
  expect_inputs(keeps(input, axes));
}

Tensor GroupNormalization::call(Tensor x) {
  const ir::Ints axes = resolved(*this, options_.axis, x.rank());
  const auto axis = static_cast<std::size_t>(axes[0]);
  ir::Ints split = x.shape().ints();
  const std::int64_t groups = groups_of(split[axis]);
  split[axis] /= groups;
  split.insert(split.begin() + static_cast<std::ptrdiff_t>(axis), groups);
  ir::Ints within;
  for (std::size_t k = 1; k < split.size(); ++k)
    if (k != axis) within.push_back(static_cast<std::int64_t>(k));
  Tensor y = reshape(standardized(reshape(x, Dims(split)), Axes(within), options_.epsilon), x.shape());
  if (options_.scale) y = y * beside(gamma_, x.shape(), axes);
  if (options_.center) y = y + beside(beta_, x.shape(), axes);
  return y;
}

RMSNormalization::RMSNormalization(Options options)
    : Layer({.name = options.name, .trainable = options.trainable}), options_(std::move(options)) {}

void RMSNormalization::build(const Shape& input) {
  const ir::Ints axes = resolved(*this, options_.axis, input.rank());
  scale_ = add_weight("scale", extents(input, axes), {.initializer = "ones"});
  expect_inputs(keeps(input, axes));
}

Tensor RMSNormalization::call(Tensor x) {
  const ir::Ints axes = resolved(*this, options_.axis, x.rank());
  const Tensor power = mean(square(x), Axes(axes), {.keepdims = true});
  return x * rsqrt(power + options_.epsilon) * beside(scale_, x.shape(), axes);
}

UnitNormalization::UnitNormalization(Options options) : Layer({.name = options.name}), options_(std::move(options)) {}
Tensor UnitNormalization::call(Tensor x) {
  return detail::normalized(x, Axes(resolved(*this, options_.axis, x.rank())), 1e-12);
}

Normalization::Normalization(Options options)
    : Layer({.name = options.name, .trainable = false}), options_(std::move(options)) {
  if (options_.mean.has_value() != options_.variance.has_value())
    fail("mean and variance are given together or not at all");
  if (options_.mean && options_.mean->shape() != options_.variance->shape())
    fail(str("mean and variance differ in shape: ", options_.mean->shape(), " and ", options_.variance->shape()));
}

namespace {

/// For every element of `data`, the number of its cell among the kept axes.
class Cells {
 public:
  Cells(const Shape& shape, const ir::Ints& kept) : shape_(shape), strides_(static_cast<std::size_t>(shape.rank()), 0) {
    for (auto k = kept.size(); k-- > 0;) {
      strides_[static_cast<std::size_t>(kept[k])] = count_;
      count_ *= shape[static_cast<int>(kept[k])];
    }
  }
  std::int64_t count() const { return count_; }
  std::int64_t of(std::int64_t element) const {
    std::int64_t cell = 0;
    for (int k = shape_.rank() - 1; k >= 0; --k) {
      cell += element % shape_[k] * strides_[static_cast<std::size_t>(k)];
      element /= shape_[k];
    }
    return cell;
  }

 private:
  Shape shape_;
  ir::Ints strides_;
  std::int64_t count_ = 1;
};

/// The mean of f(cell, value) over the elements of each cell.
template <class F>
std::vector<double> cell_means(const Array& data, const Cells& cells, F f) {
  std::vector<double> sums(static_cast<std::size_t>(cells.count()), 0.0);
  const std::span<const double> values = data.span<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto cell = static_cast<std::size_t>(cells.of(static_cast<std::int64_t>(i)));
    sums[cell] += f(cell, values[i]);
  }
  for (double& s : sums) s *= static_cast<double>(cells.count()) / static_cast<double>(data.size());
  return sums;
}

}  // namespace

void Normalization::adapt(const Array& data) {
  if (options_.mean) fail("mean and variance were given, so there is nothing to adapt");
  if (data.rank() == 0 || data.size() == 0) fail(str("adapt() needs samples along axis 0, got shape ", data.shape()));
  const ir::Ints kept = resolved(*this, options_.axis, data.rank());
  const Shape shape = extents(data.shape(), kept).shape(name());
  if (built() && shape != mean_.shape())
    fail(str("adapt(): the statistics have shape ", mean_.shape(), ", the data (", data.shape(), ") give ", shape));
  const Cells cells(data.shape(), kept);
  const Array values = data.astype(DType::f64);
  std::vector<double> means = cell_means(values, cells, [](std::size_t, double v) { return v; });
  std::vector<double> variances =
      cell_means(values, cells, [&](std::size_t cell, double v) { return (v - means[cell]) * (v - means[cell]); });
  measured_mean_ = Array::from(std::move(means), shape).astype(DType::f32);
  measured_variance_ = Array::from(std::move(variances), shape).astype(DType::f32);
  if (!built()) return;
  mean_.assign(*measured_mean_);
  variance_.assign(*measured_variance_);
}

void Normalization::build(const Shape& input) {
  const ir::Ints kept = resolved(*this, options_.axis, input.rank());
  expect_inputs(keeps(input, kept));
  if (options_.mean) return;
  const Dims shape = extents(input, kept);
  if (measured_mean_ && measured_mean_->shape() != shape.shape())
    fail(str("adapt() saw data that give statistics of shape ", measured_mean_->shape(), "; inputs ", input,
             " need shape ", shape.shape()));
  const auto made = [&](const char* weight, const char* otherwise, const std::optional<Array>& measured) {
    const Initializer first =
        measured ? Initializer([m = *measured](const InitializerRequest&) { return m; }) : Initializer(otherwise);
    return add_weight(weight, shape, {.initializer = first, .trainable = false});
  };
  mean_ = made("mean", "zeros", measured_mean_);
  variance_ = made("variance", "ones", measured_variance_);
  add_weight("count", {}, {.initializer = "zeros", .dtype = DType::i32, .trainable = false});
}

Tensor Normalization::call(Tensor input) {
  const Tensor x = cast(input, ir::is_float(input.dtype()) ? input.dtype() : DType::f32);
  const ir::Ints kept = resolved(*this, options_.axis, x.rank());
  const auto placed = [&](const std::optional<Array>& given, const Variable& weight) {
    if (!given) return beside(weight, x.shape(), kept);
    const Array value = given->astype(x.dtype());
    return value.rank() == 0 ? constant(value) : beside(value, x.shape(), kept);
  };
  const Tensor mean = placed(options_.mean, mean_);
  const Tensor deviation = maximum(1e-7, sqrt(placed(options_.variance, variance_)));
  return options_.invert ? mean + x * deviation : (x - mean) / deviation;
}

}  // namespace sinter
