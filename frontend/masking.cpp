#include <sinter/frontend/masking.h>

namespace sinter {

Masking::Masking(double mask_value) : Masking(Options{.mask_value = mask_value}) {}
Masking::Masking(Options options) : Layer({.name = options.name}), options_(std::move(options)) {}

Tensor Masking::call(Tensor x) {
  if (x.rank() < 2) fail(str("expected an input of shape [n, steps, features], got ", x.shape()));
  const Tensor counts = any(not_equal(x, options_.mask_value), -1, {.keepdims = true});
  return where(counts, x, 0.0).with_mask(squeeze(counts, -1));
}

}  // namespace sinter
