#pragma once
// Padding in sequences. A mask (Tensor::mask) says which steps count; it travels with the tensor through layers that
// support masking (Layer::supports_masking) and is used by recurrent and attention layers, BatchNormalization,
// GlobalAveragePooling1D, losses and metrics.

#include <string>

#include <sinter/frontend/layer.h>

namespace sinter {

struct MaskingOptions {
  double mask_value = 0.0;
  std::string name = {};
};

/// [n, steps, features]: a step whose features all equal mask_value is padding; it becomes 0, and the mask of the
/// result [n, steps] is false there.
class SINTER_API Masking : public Layer {
 public:
  using Options = MaskingOptions;
  explicit Masking(double mask_value = 0.0);
  explicit Masking(Options options);
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  Options options_;
};

}  // namespace sinter
