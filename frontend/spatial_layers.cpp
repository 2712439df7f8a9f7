#include <sinter/frontend/spatial_layers.h>

#include "windows.h"

namespace sinter::detail {

namespace {

/// Amounts before and after each spatial axis.
std::pair<ir::Ints, ir::Ints> sides(const Dims& dims, int spatial, std::string_view what, const Complain& complain) {
  const ir::Ints& given = dims.values();
  const auto n = static_cast<std::size_t>(spatial);
  std::pair<ir::Ints, ir::Ints> result;
  if (given.size() != 1 && given.size() != n && given.size() != 2 * n)
    complain(str(what, " must have 1, ", n, " or ", 2 * n, " entries, got ", ir::to_string(given)));
  for (std::size_t k = 0; k < n; ++k) {
    const bool both = given.size() == 2 * n;
    result.first.push_back(given[both ? 2 * k : given.size() == 1 ? 0 : k]);
    result.second.push_back(both ? given[2 * k + 1] : result.first.back());
    if (result.first.back() < 0 || result.second.back() < 0)
      complain(str(what, " must not be negative, got ", ir::to_string(given)));
  }
  return result;
}

/// `spatial` between a 0 for the batch and one for the channels.
Dims framed(const ir::Ints& spatial) {
  ir::Ints all = {0};
  all.insert(all.end(), spatial.begin(), spatial.end());
  all.push_back(0);
  return Dims(all);
}

}  // namespace

ZeroPaddingLayer::ZeroPaddingLayer(int spatial, ZeroPaddingOptions options)
    : Layer({.name = options.name}), spatial_(spatial) {
  std::tie(before_, after_) =
      sides(options.padding, spatial, "padding", complaint(options.name, str("zero_padding", spatial, "d")));
}

Tensor ZeroPaddingLayer::call(Tensor x) {
  spatial_extents(x.shape(), spatial_, [this](const std::string& why) { fail(why); });
  return pad(x, framed(before_), framed(after_));
}

CroppingLayer::CroppingLayer(int spatial, CroppingOptions options) : Layer({.name = options.name}), spatial_(spatial) {
  std::tie(before_, after_) =
      sides(options.cropping, spatial, "cropping", complaint(options.name, str("cropping", spatial, "d")));
}

Tensor CroppingLayer::call(Tensor x) {
  const ir::Ints extents = spatial_extents(x.shape(), spatial_, [this](const std::string& why) { fail(why); });
  ir::Ints limit = x.shape().ints();
  for (std::size_t k = 0; k < extents.size(); ++k) {
    limit[k + 1] = extents[k] - after_[k];
    if (limit[k + 1] <= before_[k])
      fail(str("cropping ", before_[k], " and ", after_[k], " elements leaves nothing of the ", extents[k],
               " of spatial axis ", k));
  }
  return slice(x, framed(before_), Dims(limit));
}

UpSamplingLayer::UpSamplingLayer(int spatial, UpSamplingOptions options)
    : Layer({.name = options.name}),
      spatial_(spatial),
      size_(per_axis(options.size, spatial, "size", complaint(options.name, str("up_sampling", spatial, "d")))) {}

Tensor UpSamplingLayer::call(Tensor x) {
  const ir::Ints extents = spatial_extents(x.shape(), spatial_, [this](const std::string& why) { fail(why); });
  ir::Ints apart = {x.shape()[0]}, stretched = apart, joined = apart;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    apart.insert(apart.end(), {extents[k], 1});
    stretched.insert(stretched.end(), {extents[k], size_[k]});
    joined.push_back(extents[k] * size_[k]);
  }
  for (ir::Ints* dims : {&apart, &stretched, &joined}) dims->push_back(x.dim(-1));
  return reshape(broadcast_to(reshape(x, Dims(apart)), Dims(stretched)), Dims(joined));
}

}  // namespace sinter::detail
