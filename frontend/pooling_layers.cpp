#include <sinter/frontend/pooling_layers.h>

#include <algorithm>

#include <sinter/frontend/array.h>
#include <sinter/ir/ops/window.h>

#include "windows.h"

namespace sinter::detail {

namespace {

Windows windows_of(const PoolingOptions& options, int spatial, const Complain& complain) {
  Windows w;
  w.window = per_axis(options.pool_size, spatial, "pool_size", complain);
  w.stride = options.strides.values().empty() ? w.window : per_axis(options.strides, spatial, "strides", complain);
  w.dilation = ir::Ints(w.window.size(), 1);
  return w;
}

/// `spatial` between the entries of batch and channels.
ir::Ints framed(const ir::Ints& spatial, std::int64_t batch, std::int64_t channels) {
  ir::Ints all = {batch};
  all.insert(all.end(), spatial.begin(), spatial.end());
  all.push_back(channels);
  return all;
}

/// How many elements of the input each window holds, along one axis.
std::vector<float> counts_along(std::int64_t window, std::int64_t stride, std::int64_t low, std::int64_t outputs,
                                std::int64_t input) {
  std::vector<float> counts;
  for (std::int64_t o = 0; o < outputs; ++o) {
    const std::int64_t first = std::max<std::int64_t>(0, o * stride - low);
    const std::int64_t last = std::min(input, o * stride - low + window);
    counts.push_back(static_cast<float>(last - first));
  }
  return counts;
}

/// [1, out..., 1]: how many elements of the input each window holds.
Array window_counts(const Windows& w, const WindowPlaces& places, const ir::Ints& input) {
  std::vector<float> counts = {1.0F};
  for (std::size_t k = 0; k < input.size(); ++k) {
    std::vector<float> next;
    for (const float before : counts)
      for (const float here : counts_along(w.window[k], w.stride[k], places.low[k], places.extents[k], input[k]))
        next.push_back(before * here);
    counts = std::move(next);
  }
  return Array::from(std::move(counts), Shape(framed(places.extents, 1, 1)));
}

}  // namespace

PoolingLayer::PoolingLayer(int spatial, Pooling kind, PoolingOptions options)
    : Layer({.name = options.name}), spatial_(spatial), kind_(kind), options_(std::move(options)) {
  const Complain complain =
      complaint(options_.name, str(kind == Pooling::max ? "max_pooling" : "average_pooling", spatial, "d"));
  check_padding(options_.padding, false, complain);
  windows_of(options_, spatial, complain);
}

Tensor PoolingLayer::call(Tensor x) {
  const Complain complain = [this](const std::string& why) { fail(why); };
  const Windows w = windows_of(options_, spatial_, complain);
  const ir::Ints input = spatial_extents(x.shape(), spatial_, complain);
  const WindowPlaces places = window_places(w, options_.padding, input, complain);
  const ir::WindowAttrs attrs = {framed(w.window, 1, 1), framed(w.stride, 1, 1), framed(places.low, 0, 0),
                                 Shape(framed(places.extents, x.shape()[0], x.dim(-1)))};
  if (kind_ == Pooling::max) return Tensor(ir::max_pool(x.expr(), attrs).first);
  const Tensor sums(ir::window_sum(x.expr(), {"forward", attrs.window, attrs.stride, attrs.low, attrs.shape}));
  const std::int64_t whole = Shape(w.window).elements();
  const Array counts = window_counts(w, places, input);
  const auto values = counts.span<float>();
  const bool all_whole = std::ranges::all_of(values, [&](float c) { return c == static_cast<float>(whole); });
  return all_whole ? sums / whole : sums / cast(constant(counts), x.dtype());
}

GlobalPoolingLayer::GlobalPoolingLayer(int spatial, Pooling kind, GlobalPoolingOptions options)
    : Layer({.name = options.name}), spatial_(spatial), kind_(kind), options_(std::move(options)) {}

Tensor GlobalPoolingLayer::call(Tensor x) {
  spatial_extents(x.shape(), spatial_, [this](const std::string& why) { fail(why); });
  ir::Ints axes;
  for (int k = 0; k < spatial_; ++k) axes.push_back(1 + k);
  const ReduceOptions options{.keepdims = options_.keepdims};
  if (supports_masking() && !x.mask().empty()) {
    Tensor mask = x.mask();
    while (mask.rank() < x.rank()) mask = expand_dims(mask, -1);
    const Tensor count = sum(broadcast_to(cast(mask, x.dtype()), x.shape()), Axes(axes), options);
    return sum(where(mask, x, 0.0), Axes(axes), options) / maximum(count, 1.0);
  }
  return kind_ == Pooling::max ? max(x, Axes(axes), options) : mean(x, Axes(axes), options);
}

}  // namespace sinter::detail
