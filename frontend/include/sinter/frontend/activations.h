#pragma once
// Activation functions on symbolic tensors, and ActivationFn: what a layer's `activation` option takes. Formulas and
// defaults are those of Keras 3 (keras/src/activations); at a kink the gradient is that of Keras on torch.
// tanh, sigmoid, softplus, softmax and log_softmax live in tensor.h.

#include <concepts>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/tensor.h>

namespace sinter {

/// x itself.
SINTER_API Tensor linear(const Operand& x);

struct ReluOptions {
  double negative_slope = 0.0;
  double max_value = std::numeric_limits<double>::infinity();
  double threshold = 0.0;
  std::string name = {};  // of the layer ReLU
};
/// max(x, 0). In general: max_value where x >= max_value; x where x > threshold; negative_slope * (x - threshold)
/// elsewhere. The gradient at the threshold is negative_slope.
SINTER_API Tensor relu(const Operand& x);
SINTER_API Tensor relu(const Operand& x, const ReluOptions& options);
/// relu limited to 6.
SINTER_API Tensor relu6(const Operand& x);
/// x where x > 0, else slope * x; slope is 0.2 (the layer LeakyReLU has 0.3).
SINTER_API Tensor leaky_relu(const Operand& x);
SINTER_API Tensor leaky_relu(const Operand& x, double negative_slope);
/// x where x > 0, else alpha * (exp(x) - 1); alpha is 1.
SINTER_API Tensor elu(const Operand& x);
SINTER_API Tensor elu(const Operand& x, double alpha);
/// 1.05070098 * elu(x, 1.67326324), which keeps mean 0 and variance 1 (Klambauer et al., 2017).
SINTER_API Tensor selu(const Operand& x);
/// max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)); alpha is 1.
SINTER_API Tensor celu(const Operand& x);
SINTER_API Tensor celu(const Operand& x, double alpha);

struct GeluOptions {
  bool approximate = false;  // 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
};
/// x * P(X <= x) of a standard normal X: 0.5 x (1 + erf(x / sqrt(2))).
SINTER_API Tensor gelu(const Operand& x);
SINTER_API Tensor gelu(const Operand& x, GeluOptions options);
/// x * sigmoid(x); also called swish.
SINTER_API Tensor silu(const Operand& x);
/// x * tanh(softplus(x)).
SINTER_API Tensor mish(const Operand& x);
/// exp(x).
SINTER_API Tensor exponential(const Operand& x);
/// x / (1 + |x|).
SINTER_API Tensor softsign(const Operand& x);
/// relu6(x + 3) / 6 (Keras 2 had clip(0.2 x + 0.5, 0, 1)).
SINTER_API Tensor hard_sigmoid(const Operand& x);
/// x * hard_sigmoid(x); also called hard_swish.
SINTER_API Tensor hard_silu(const Operand& x);
/// x limited to [-1, 1].
SINTER_API Tensor hard_tanh(const Operand& x);
/// log(sigmoid(x)).
SINTER_API Tensor log_sigmoid(const Operand& x);
/// x where |x| > threshold, else 0; threshold is 0.5.
SINTER_API Tensor hard_shrink(const Operand& x);
SINTER_API Tensor hard_shrink(const Operand& x, double threshold);
/// x moved towards 0 by `threshold` (0.5), 0 where |x| is not larger.
SINTER_API Tensor soft_shrink(const Operand& x);
SINTER_API Tensor soft_shrink(const Operand& x, double threshold);
/// x - tanh(x).
SINTER_API Tensor tanh_shrink(const Operand& x);
/// 0 where x <= -1, x where x >= 1, (x + 1)^2 / 4 between.
SINTER_API Tensor sparse_plus(const Operand& x);
/// 0 where x <= -1, 1 where x >= 1, (x + 1) / 2 between.
SINTER_API Tensor sparse_sigmoid(const Operand& x);
/// (x + sqrt(x^2 + b)) / 2; b is 4.
SINTER_API Tensor squareplus(const Operand& x);
SINTER_API Tensor squareplus(const Operand& x, double b);

/// A function of one tensor: given by name ("relu"), as one of the functions above (relu), or as any callable
/// `Tensor(const Tensor&)`. The default is linear. A value: cheap to copy.
class SINTER_API ActivationFn {
 public:
  ActivationFn() = default;
  /// Throws UserError with near matches for an unknown name.
  ActivationFn(std::string_view name);  // NOLINT: implicit, so that Dense(128, "relu") reads well
  ActivationFn(const char* name) : ActivationFn(std::string_view(name)) {}         // NOLINT: as above
  ActivationFn(const std::string& name) : ActivationFn(std::string_view(name)) {}  // NOLINT: as above
  ActivationFn(std::nullptr_t) = delete;
  /// Picks the overload that takes the tensor alone: `Dense(128, relu)`.
  ActivationFn(Tensor (*function)(const Operand&));  // NOLINT: implicit as above
  /// softmax and log_softmax, over the last axis.
  ActivationFn(Tensor (*function)(const Operand&, Dim));  // NOLINT: implicit as above
  template <class Function>
    requires(!std::same_as<std::remove_cvref_t<Function>, ActivationFn> &&
             !std::is_convertible_v<Function, Tensor (*)(const Operand&)> &&
             !std::is_convertible_v<Function, Tensor (*)(const Operand&, Dim)> &&
             std::is_invocable_r_v<Tensor, const std::remove_cvref_t<Function>&, const Tensor&>)
  ActivationFn(Function&& function)  // NOLINT: implicit as above
      : function_(std::forward<Function>(function)), name_() {}

  Tensor operator()(const Tensor& x) const { return function_ ? function_(x) : x; }
  /// "relu" when it was given by name or is one of ours; empty for a callable of the user's.
  const std::string& name() const { return name_; }
  bool is_linear() const { return name_ == "linear"; }

  /// The names that the constructor knows.
  static const std::vector<std::string>& names();

 private:
  std::function<Tensor(const Tensor&)> function_;
  std::string name_ = "linear";
};

}  // namespace sinter
