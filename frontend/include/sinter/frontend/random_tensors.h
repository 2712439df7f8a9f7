#pragma once
// Random tensors for layers that add noise. Values depend on the model's seed, the training step, the layer's path, the
// number of the draw within the layer, the row and the column, and on nothing else; the backward pass draws the same.

#include <sinter/frontend/tensor.h>

namespace sinter {

/// f32 in [0, 1), multiples of 2^-24. For use inside call(); the first axis counts samples.
SINTER_API Tensor random_uniform(const Dims& shape);
/// f32 with mean 0 and variance 1 (Box and Muller, from two draws).
SINTER_API Tensor random_normal(const Dims& shape);

}  // namespace sinter
