#pragma once
// Kernels over tensors larger than the cache, put into strips: where one reads what another has just written or read,
// they run part by part, so that it is still there. Batch normalisation, say: the sums of a convolution's result behind
// each part of the convolution; in the backward pass the gradient of the convolution's result, both gradients of the
// convolution, and the sums of the one before.

#include <sinter/ir/program.h>
#include <sinter/ir/target.h>

namespace sinter::passes {

/// Finds groups among the items and makes strips of them. Memory is not planned and barriers are not placed yet: what a
/// group touches lives as long as the group.
void put_in_strips(ir::Program& program, const ir::Target& target);

}  // namespace sinter::passes
