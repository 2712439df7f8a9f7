#pragma once
// Where windows stand: the arithmetic that convolution and pooling layers share.

#include <functional>
#include <string>
#include <string_view>

#include <sinter/frontend/tensor.h>

namespace sinter::detail {

/// Throws a UserError that names the layer.
using Complain = std::function<void(const std::string&)>;
/// For constructors of family bases, which do not know their class yet: `name`, else `otherwise` names the layer.
Complain complaint(const std::string& name, const std::string& otherwise);

/// One number per spatial axis: `dims` holds one for all, or one each. All must be positive.
ir::Ints per_axis(const Dims& dims, int spatial, std::string_view what, const Complain& complain);
/// `padding` must be among "valid", "same" and, where `causal`, "causal".
void check_padding(const std::string& padding, bool causal, const Complain& complain);
/// The extents between the batch and the channels. Complains about another rank.
ir::Ints spatial_extents(const Shape& input, int spatial, const Complain& complain);

struct Windows {
  ir::Ints window, stride, dilation;
};

/// Extents of what sees `input` through the windows, and how far the first window reaches over the low end:
///
///     valid   floor((in - d (k - 1) - 1) / s) + 1, nothing
///     same    ceil(in / s), half of max(0, (out - 1) s + d (k - 1) + 1 - in), rounded down
///     causal  ceil(in / s), d (k - 1)
struct WindowPlaces {
  ir::Ints extents, low;
};
WindowPlaces window_places(const Windows& windows, const std::string& padding, const ir::Ints& input,
                           const Complain& complain);

}  // namespace sinter::detail
