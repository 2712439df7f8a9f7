#pragma once
// softmax that leaves out what a mask hides.

#include <sinter/frontend/tensor.h>

namespace sinter::detail {

/// A mask as i1: numbers are true where they are not 0.
inline Tensor as_mask(const Tensor& mask) { return mask.dtype() == DType::i1 ? mask : not_equal(mask, 0); }

/// Hidden scores count as -3e38, as in Keras: a row that is hidden altogether gets equal probabilities, not NaN.
inline Tensor masked_softmax(const Tensor& scores, const Tensor& mask, Dim axis = -1) {
  return softmax(where(as_mask(mask), scores, -3e38), axis);
}

}  // namespace sinter::detail
