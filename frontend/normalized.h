#pragma once

#include <sinter/frontend/tensor.h>

namespace sinter::detail {

/// x to length 1 along `axes`; vectors shorter than `epsilon` are divided by epsilon.
inline Tensor normalized(const Tensor& x, const Axes& axes, double epsilon) {
  return x * rsqrt(maximum(epsilon * epsilon, sum(square(x), axes, {.keepdims = true})));
}

}  // namespace sinter::detail
