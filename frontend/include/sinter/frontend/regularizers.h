#pragma once
// Terms that a weight adds to the loss of a training step. Formulas and defaults are those of Keras 3
// (keras/src/regularizers).
//
//   w_ = add_weight("kernel", {input[-1], units_}, {.regularizer = L2{.l2 = 1e-4}});

#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/tensor.h>

namespace sinter {

/// l1 sum(|w|).
struct SINTER_API L1 {
  double l1 = 0.01;
  Tensor operator()(const Tensor& w) const;
};
/// l2 sum(w^2).
struct SINTER_API L2 {
  double l2 = 0.01;
  Tensor operator()(const Tensor& w) const;
};
/// Both.
struct SINTER_API L1L2 {
  double l1 = 0.0;
  double l2 = 0.0;
  Tensor operator()(const Tensor& w) const;
};

/// One of the above, the name of one ("l2" or "L2"), or a callable `Tensor(const Tensor&)` that gives a number;
/// default-made: none. A value: cheap to copy.
class SINTER_API Regularizer {
 public:
  Regularizer() = default;
  /// By name; options take their defaults ("l1_l2": 0.01 both, as in Keras). Throws UserError with near matches for an
  /// unknown name.
  Regularizer(std::string_view name);  // NOLINT: implicit, so that options read {.regularizer = "l2"}
  Regularizer(const char* name) : Regularizer(std::string_view(name)) {}         // NOLINT: as above
  Regularizer(const std::string& name) : Regularizer(std::string_view(name)) {}  // NOLINT: as above
  Regularizer(std::nullptr_t) = delete;
  template <class Function>
    requires(!std::same_as<std::remove_cvref_t<Function>, Regularizer> &&
             std::is_invocable_r_v<Tensor, const std::remove_cvref_t<Function>&, const Tensor&>)
  Regularizer(Function&& function)  // NOLINT: implicit, so that typed objects and lambdas fit
      : function_(std::forward<Function>(function)) {}

  bool given() const { return static_cast<bool>(function_); }
  /// The term. Throws UserError when the callable gives more than one number.
  Tensor operator()(const Tensor& w) const;

  /// The names that the constructor knows (snake case).
  static const std::vector<std::string>& names();

 private:
  std::function<Tensor(const Tensor&)> function_;
};

}  // namespace sinter
