#include <sinter/frontend/constraints.h>
#include <sinter/frontend/near_matches.h>
#include <sinter/ir/error.h>

namespace sinter {

namespace {

constexpr double epsilon = 1e-7;

Tensor norms(const Tensor& w, const Axes& axis) { return sqrt(sum(square(w), axis, {.keepdims = true})); }

}  // namespace

Tensor NonNeg::operator()(const Tensor& w) const { return w * cast(greater_equal(w, 0.0), w.dtype()); }

Tensor MaxNorm::operator()(const Tensor& w) const {
  const Tensor n = norms(w, axis);
  return w * (clip(n, 0.0, max_value) / (epsilon + n));
}

Tensor UnitNorm::operator()(const Tensor& w) const { return w / (epsilon + norms(w, axis)); }

Tensor MinMaxNorm::operator()(const Tensor& w) const {
  const Tensor n = norms(w, axis);
  return w * ((rate * clip(n, min_value, max_value) + (1.0 - rate) * n) / (epsilon + n));
}

Constraint::Constraint(std::string_view name) {
  if (name == "non_neg" || name == "NonNeg")
    function_ = NonNeg{};
  else if (name == "max_norm" || name == "MaxNorm")
    function_ = MaxNorm{};
  else if (name == "unit_norm" || name == "UnitNorm")
    function_ = UnitNorm{};
  else if (name == "min_max_norm" || name == "MinMaxNorm")
    function_ = MinMaxNorm{};
  else
    unknown_name("constraint", name, names());
}

Tensor Constraint::operator()(const Tensor& w) const {
  if (!given()) return w;
  const Tensor result = function_(w);
  if (result.type() != w.type())
    user_error("constraint: a weight of type ", w.type(), " cannot become a value of type ", result.type());
  return result;
}

const std::vector<std::string>& Constraint::names() {
  static const std::vector<std::string> names = {"non_neg", "max_norm", "unit_norm", "min_max_norm"};
  return names;
}

}  // namespace sinter
