#include <sinter/frontend/convolution_layers.h>

#include <algorithm>

#include <sinter/ir/ops/window.h>

#include "windows.h"

namespace sinter::detail {

namespace {

void check_dilation(const Windows& w, const Complain& complain) {
  const auto above_one = [](std::int64_t v) { return v > 1; };
  if (std::ranges::any_of(w.stride, above_one) && std::ranges::any_of(w.dilation, above_one))
    complain(str("strides ", ir::to_string(w.stride), " and dilation_rate ", ir::to_string(w.dilation),
                 " cannot both be above 1"));
}

Windows windows_of(const Dims& kernel, const Dims& strides, const Dims& dilation, int spatial,
                   const Complain& complain) {
  Windows w;
  if (kernel.values().empty()) complain("kernel_size is missing");
  w.window = per_axis(kernel, spatial, "kernel_size", complain);
  w.stride = per_axis(strides, spatial, "strides", complain);
  w.dilation = per_axis(dilation, spatial, "dilation_rate", complain);
  return w;
}

Dims joined(const ir::Ints& spatial, std::initializer_list<std::int64_t> rest) {
  ir::Ints dims = spatial;
  dims.insert(dims.end(), rest);
  return Dims(dims);
}

/// [n, spatial..., a, b] of something with n samples.
Dims batched(const Tensor& x, const ir::Ints& spatial, std::initializer_list<std::int64_t> rest) {
  ir::Ints dims = {x.shape()[0]};
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  dims.insert(dims.end(), rest);
  return Dims(dims);
}

bool all_ones(const ir::Ints& values) {
  return std::ranges::all_of(values, [](std::int64_t v) { return v == 1; });
}

/// x [n, spatial..., groups * in] with kernel [size..., in, groups, filters] -> [n, out..., groups * filters].
Tensor convolve(const Tensor& x, const Tensor& kernel, const Windows& w, const WindowPlaces& places) {
  const std::int64_t in = kernel.dim(-3);
  const std::int64_t groups = kernel.dim(-2);
  const std::int64_t filters = kernel.dim(-1);
  const ir::Ints spatial(x.shape().begin() + 1, x.shape().end() - 1);
  if (groups == 1 && all_ones(w.window) && all_ones(w.stride)) {  // a matrix product per pixel
    const ir::Ints channels = {x.shape().rank() - 1};
    return Tensor(ir::dot(x.expr(), reshape(kernel, {in, filters}).expr(), {{}, {}, channels, {0}}));
  }
  const Tensor split = reshape(x, batched(x, spatial, {groups, in}));
  const Tensor y(ir::conv(split.expr(), kernel.expr(), {"forward", w.stride, w.dilation, places.low, places.extents}));
  return reshape(y, batched(x, places.extents, {groups * filters}));
}

Tensor finished(Tensor y, const Variable& bias, bool use_bias, const ActivationFn& activation) {
  return activation(use_bias ? y + bias : y);
}

}  // namespace

// ---- Convolution ----

ConvLayer::ConvLayer(int spatial, ConvOptions options)
    : Layer(
          {.name = options.name, .trainable = options.trainable, .activity_regularizer = options.activity_regularizer}),
      spatial_(spatial),
      options_(std::move(options)) {
  const Complain complain = complaint(options_.name, str("conv", spatial, "d"));
  if (options_.filters < 1) complain(str("filters must be positive, got ", options_.filters.value()));
  if (options_.groups < 1) complain(str("groups must be positive, got ", options_.groups.value()));
  if (options_.filters % options_.groups != 0)
    complain(str("groups must divide the filters: ", options_.filters.value(), " filters, ", options_.groups.value(),
                 " groups"));
  check_padding(options_.padding, spatial == 1, complain);
  check_dilation(windows_of(options_.kernel_size, options_.strides, options_.dilation_rate, spatial, complain),
                 complain);
}

void ConvLayer::build(const Shape& input) {
  const Complain complain = [this](const std::string& why) { fail(why); };
  spatial_extents(input, spatial_, complain);
  const std::int64_t in = input[-1];
  if (in % options_.groups != 0)
    fail(str("groups must divide the channels: ", in, " channels, ", options_.groups.value(), " groups"));
  const ir::Ints size = per_axis(options_.kernel_size, spatial_, "kernel_size", complain);
  kernel_ = add_weight("kernel", joined(size, {in / options_.groups, options_.filters}),
                       {.initializer = options_.kernel_initializer,
                        .regularizer = options_.kernel_regularizer,
                        .constraint = options_.kernel_constraint});
  if (options_.use_bias)
    bias_ = add_weight("bias", {options_.filters},
                       {.initializer = options_.bias_initializer,
                        .regularizer = options_.bias_regularizer,
                        .constraint = options_.bias_constraint});
  expect_inputs({.rank = spatial_ + 2, .extents = {{-1, in}}});
}

Tensor ConvLayer::call(Tensor x) {
  const Complain complain = [this](const std::string& why) { fail(why); };
  const Windows w = windows_of(options_.kernel_size, options_.strides, options_.dilation_rate, spatial_, complain);
  const WindowPlaces places =
      window_places(w, options_.padding, spatial_extents(x.shape(), spatial_, complain), complain);
  const Tensor kernel = reshape(
      kernel_, joined(w.window, {x.dim(-1) / options_.groups, options_.groups, options_.filters / options_.groups}));
  return finished(convolve(x, kernel, w, places), bias_, options_.use_bias, options_.activation);
}

// ---- Transposed convolution ----

ConvTransposeLayer::ConvTransposeLayer(int spatial, ConvTransposeOptions options)
    : Layer(
          {.name = options.name, .trainable = options.trainable, .activity_regularizer = options.activity_regularizer}),
      spatial_(spatial),
      options_(std::move(options)) {
  const Complain complain = complaint(options_.name, str("conv", spatial, "d_transpose"));
  if (options_.filters < 1) complain(str("filters must be positive, got ", options_.filters.value()));
  check_padding(options_.padding, false, complain);
  const Windows w = windows_of(options_.kernel_size, options_.strides, options_.dilation_rate, spatial, complain);
  check_dilation(w, complain);
  ir::Ints more = options_.output_padding.values();
  if (more.empty()) return;
  if (more.size() == 1) more.resize(static_cast<std::size_t>(spatial), more[0]);
  if (static_cast<int>(more.size()) != spatial)
    complain(str("output_padding must have 1 or ", spatial, " entries, got ", ir::to_string(more)));
  for (std::size_t k = 0; k < more.size(); ++k)
    if (more[k] < 0 || more[k] >= w.stride[k])
      complain(str("output_padding must be at least 0 and below the strides ", ir::to_string(w.stride), ", got ",
                   ir::to_string(more)));
  options_.output_padding = Dims(more);
}

void ConvTransposeLayer::build(const Shape& input) {
  const Complain complain = [this](const std::string& why) { fail(why); };
  spatial_extents(input, spatial_, complain);
  const ir::Ints size = per_axis(options_.kernel_size, spatial_, "kernel_size", complain);
  kernel_ = add_weight("kernel", joined(size, {options_.filters, input[-1]}),
                       {.initializer = options_.kernel_initializer,
                        .regularizer = options_.kernel_regularizer,
                        .constraint = options_.kernel_constraint});
  if (options_.use_bias)
    bias_ = add_weight("bias", {options_.filters},
                       {.initializer = options_.bias_initializer,
                        .regularizer = options_.bias_regularizer,
                        .constraint = options_.bias_constraint});
  expect_inputs({.rank = spatial_ + 2, .extents = {{-1, input[-1]}}});
}

namespace {

/// Extents of the result, and the low padding of the convolution that is transposed.
WindowPlaces transposed_places(const Windows& w, const std::string& padding, const ir::Ints& more,
                               const ir::Ints& input) {
  WindowPlaces places;
  for (std::size_t k = 0; k < input.size(); ++k) {
    const std::int64_t reach = w.dilation[k] * (w.window[k] - 1) + 1;
    const std::int64_t before_last = (input[k] - 1) * w.stride[k];
    if (padding == "valid")
      places.extents.push_back(before_last + (more.empty() ? std::max(reach, w.stride[k]) : reach + more[k]));
    else
      places.extents.push_back(more.empty() ? input[k] * w.stride[k] : before_last + reach % 2 + more[k]);
    const std::int64_t missing = std::max<std::int64_t>(0, before_last + reach - places.extents.back());
    places.low.push_back(padding == "valid" ? 0 : missing / 2);
  }
  return places;
}

}  // namespace

Tensor ConvTransposeLayer::call(Tensor x) {
  const Complain complain = [this](const std::string& why) { fail(why); };
  const Windows w = windows_of(options_.kernel_size, options_.strides, options_.dilation_rate, spatial_, complain);
  const ir::Ints spatial = spatial_extents(x.shape(), spatial_, complain);
  const WindowPlaces places = transposed_places(w, options_.padding, options_.output_padding.values(), spatial);
  const Tensor kernel = reshape(kernel_, joined(w.window, {options_.filters, 1, x.dim(-1)}));
  const Tensor split = reshape(x, batched(x, spatial, {1, x.dim(-1)}));
  const Tensor y(
      ir::conv(split.expr(), kernel.expr(), {"input_gradient", w.stride, w.dilation, places.low, places.extents}));
  return finished(reshape(y, batched(x, places.extents, {options_.filters})), bias_, options_.use_bias,
                  options_.activation);
}

// ---- Depthwise and separable ----

namespace {

void check_depthwise(std::int64_t multiplier, const std::string& padding, int spatial, const Windows& w,
                     const Complain& complain) {
  if (multiplier < 1) complain(str("depth_multiplier must be positive, got ", multiplier));
  check_padding(padding, spatial == 1, complain);
  check_dilation(w, complain);
}

/// kernel: [size..., in, multiplier].
Tensor depthwise(const Tensor& x, const Variable& kernel, const Windows& w, const std::string& padding,
                 const Complain& complain) {
  const WindowPlaces places = window_places(w, padding, ir::Ints(x.shape().begin() + 1, x.shape().end() - 1), complain);
  return convolve(x, reshape(kernel, joined(w.window, {1, x.dim(-1), kernel.shape()[-1]})), w, places);
}

}  // namespace

DepthwiseConvLayer::DepthwiseConvLayer(int spatial, DepthwiseConvOptions options)
    : Layer(
          {.name = options.name, .trainable = options.trainable, .activity_regularizer = options.activity_regularizer}),
      spatial_(spatial),
      options_(std::move(options)) {
  const Complain complain = complaint(options_.name, str("depthwise_conv", spatial, "d"));
  check_depthwise(options_.depth_multiplier, options_.padding, spatial,
                  windows_of(options_.kernel_size, options_.strides, options_.dilation_rate, spatial, complain),
                  complain);
}

void DepthwiseConvLayer::build(const Shape& input) {
  const Complain complain = [this](const std::string& why) { fail(why); };
  spatial_extents(input, spatial_, complain);
  const ir::Ints size = per_axis(options_.kernel_size, spatial_, "kernel_size", complain);
  kernel_ = add_weight("kernel", joined(size, {input[-1], options_.depth_multiplier}),
                       {.initializer = options_.depthwise_initializer,
                        .regularizer = options_.depthwise_regularizer,
                        .constraint = options_.depthwise_constraint});
  if (options_.use_bias)
    bias_ = add_weight("bias", {input[-1] * options_.depth_multiplier},
                       {.initializer = options_.bias_initializer,
                        .regularizer = options_.bias_regularizer,
                        .constraint = options_.bias_constraint});
  expect_inputs({.rank = spatial_ + 2, .extents = {{-1, input[-1]}}});
}

Tensor DepthwiseConvLayer::call(Tensor x) {
  const Complain complain = [this](const std::string& why) { fail(why); };
  const Windows w = windows_of(options_.kernel_size, options_.strides, options_.dilation_rate, spatial_, complain);
  return finished(depthwise(x, kernel_, w, options_.padding, complain), bias_, options_.use_bias, options_.activation);
}

SeparableConvLayer::SeparableConvLayer(int spatial, SeparableConvOptions options)
    : Layer(
          {.name = options.name, .trainable = options.trainable, .activity_regularizer = options.activity_regularizer}),
      spatial_(spatial),
      options_(std::move(options)) {
  const Complain complain = complaint(options_.name, str("separable_conv", spatial, "d"));
  if (options_.filters < 1) complain(str("filters must be positive, got ", options_.filters.value()));
  check_depthwise(options_.depth_multiplier, options_.padding, spatial,
                  windows_of(options_.kernel_size, options_.strides, options_.dilation_rate, spatial, complain),
                  complain);
}

void SeparableConvLayer::build(const Shape& input) {
  const Complain complain = [this](const std::string& why) { fail(why); };
  spatial_extents(input, spatial_, complain);
  const ir::Ints size = per_axis(options_.kernel_size, spatial_, "kernel_size", complain);
  const std::int64_t between = input[-1] * options_.depth_multiplier;
  depthwise_ = add_weight("depthwise_kernel", joined(size, {input[-1], options_.depth_multiplier}),
                          {.initializer = options_.depthwise_initializer,
                           .regularizer = options_.depthwise_regularizer,
                           .constraint = options_.depthwise_constraint});
  pointwise_ = add_weight("pointwise_kernel", joined(ir::Ints(size.size(), 1), {between, options_.filters}),
                          {.initializer = options_.pointwise_initializer,
                           .regularizer = options_.pointwise_regularizer,
                           .constraint = options_.pointwise_constraint});
  if (options_.use_bias)
    bias_ = add_weight("bias", {options_.filters},
                       {.initializer = options_.bias_initializer,
                        .regularizer = options_.bias_regularizer,
                        .constraint = options_.bias_constraint});
  expect_inputs({.rank = spatial_ + 2, .extents = {{-1, input[-1]}}});
}

Tensor SeparableConvLayer::call(Tensor x) {
  const Complain complain = [this](const std::string& why) { fail(why); };
  const Windows w = windows_of(options_.kernel_size, options_.strides, options_.dilation_rate, spatial_, complain);
  const Tensor between = depthwise(x, depthwise_, w, options_.padding, complain);
  const ir::Ints ones(w.window.size(), 1);
  const Tensor kernel = reshape(pointwise_, joined(ones, {between.dim(-1), 1, options_.filters}));
  const Tensor y = convolve(between, kernel, {ones, ones, ones}, {});
  return finished(y, bias_, options_.use_bias, options_.activation);
}

}  // namespace sinter::detail
