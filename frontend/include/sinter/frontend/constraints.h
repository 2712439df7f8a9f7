#pragma once
// What a weight has to satisfy after every update. Formulas and defaults are those of Keras 3
// (keras/src/constraints); epsilon is 1e-7.
//
//   w_ = add_weight("kernel", {input[-1], units_}, {.constraint = MaxNorm{.max_value = 1.0}});

#include <concepts>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/tensor.h>

namespace sinter {

/// Negative elements become 0.
struct SINTER_API NonNeg {
  Tensor operator()(const Tensor& w) const;
};
/// w clip(n, 0, max_value) / (epsilon + n), where n = sqrt(sum(w^2)) along `axis`: of the weights into each unit for a
/// Dense kernel; a convolution kernel wants {0, 1, 2}.
struct SINTER_API MaxNorm {
  double max_value = 2.0;
  Axes axis = 0;
  Tensor operator()(const Tensor& w) const;
};
/// w / (epsilon + n).
struct SINTER_API UnitNorm {
  Axes axis = 0;
  Tensor operator()(const Tensor& w) const;
};
/// w (rate clip(n, min_value, max_value) + (1 - rate) n) / (epsilon + n).
struct SINTER_API MinMaxNorm {
  double min_value = 0.0;
  double max_value = 1.0;
  double rate = 1.0;
  Axes axis = 0;
  Tensor operator()(const Tensor& w) const;
};

/// One of the above, the name of one ("max_norm" or "MaxNorm"), or a callable `Tensor(const Tensor&)` that keeps the
/// type; default-made: none. Part of the compiled step. A value: cheap to copy.
class SINTER_API Constraint {
 public:
  Constraint() = default;
  /// By name; options take their defaults. Throws UserError with near matches for an unknown name.
  Constraint(std::string_view name);  // NOLINT: implicit, so that options read {.constraint = "non_neg"}
  Constraint(const char* name) : Constraint(std::string_view(name)) {}         // NOLINT: as above
  Constraint(const std::string& name) : Constraint(std::string_view(name)) {}  // NOLINT: as above
  Constraint(std::nullptr_t) = delete;
  template <class Function>
    requires(!std::same_as<std::remove_cvref_t<Function>, Constraint> &&
             std::is_invocable_r_v<Tensor, const std::remove_cvref_t<Function>&, const Tensor&>)
  Constraint(Function&& function)  // NOLINT: implicit, so that typed objects and lambdas fit
      : function_(std::forward<Function>(function)) {}

  bool given() const { return static_cast<bool>(function_); }
  /// The weight as it has to be; w itself when there is no constraint. Throws UserError when the callable returns
  /// another type.
  Tensor operator()(const Tensor& w) const;

  /// The names that the constructor knows (snake case).
  static const std::vector<std::string>& names();

 private:
  std::function<Tensor(const Tensor&)> function_;
};

}  // namespace sinter
