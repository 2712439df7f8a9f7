#pragma once
// What dropout keeps.

#include <cmath>

#include <sinter/frontend/tensor.h>

#include "trace.h"

namespace sinter::detail {

/// i1, each element true with probability 1 - rate; a new draw at every call within one tracing.
inline Tensor drawn_to_keep(const Shape& shape, double rate) {
  const Tensor bits(Trace::current()->random_bits(shape));
  return greater_equal(bits, std::floor(rate * 4294967296.0));  // u32 bits are below with probability `rate`
}

/// x where it is kept, scaled so that its mean stays; else 0. `keep` broadcasts.
inline Tensor dropped(const Tensor& x, const Tensor& keep, double rate) {
  return where(keep, x * (1.0 / (1.0 - rate)), 0.0);
}

}  // namespace sinter::detail
