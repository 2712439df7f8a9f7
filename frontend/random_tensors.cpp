#include <sinter/frontend/random_tensors.h>

#include "trace.h"

namespace sinter {
namespace {

constexpr double step = 1.0 / 16777216.0;  // 2^-24

/// The upper 24 bits, exact in f32.
Tensor upper_bits(const Dims& dims, std::string_view function) {
  detail::Trace* trace = detail::Trace::current();
  if (trace == nullptr) user_error(function, ": random tensors are drawn inside a layer's call()");
  const Tensor bits(trace->random_bits(dims.shape(detail::where(&trace->graph(), function))));
  return cast(bits / 256, DType::f32);
}

}  // namespace

Tensor random_uniform(const Dims& shape) { return upper_bits(shape, "random_uniform") * step; }

Tensor random_normal(const Dims& shape) {
  const Tensor radius = sqrt(-2.0 * log((upper_bits(shape, "random_normal") + 0.5) * step));  // never log(0)
  return radius * cos(upper_bits(shape, "random_normal") * (6.283185307179586 * step));
}

}  // namespace sinter
