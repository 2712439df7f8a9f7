#include <sinter/frontend/near_matches.h>
#include <sinter/frontend/regularizers.h>
#include <sinter/ir/error.h>

namespace sinter {

Tensor L1::operator()(const Tensor& w) const { return l1 * sum(abs(w)); }
Tensor L2::operator()(const Tensor& w) const { return l2 * sum(square(w)); }
Tensor L1L2::operator()(const Tensor& w) const { return L1{l1}(w) + L2{l2}(w); }

Regularizer::Regularizer(std::string_view name) {
  if (name == "l1" || name == "L1")
    function_ = L1{};
  else if (name == "l2" || name == "L2")
    function_ = L2{};
  else if (name == "l1_l2" || name == "L1L2")
    function_ = L1L2{.l1 = 0.01, .l2 = 0.01};
  else
    unknown_name("regularizer", name, names());
}

Tensor Regularizer::operator()(const Tensor& w) const {
  const Tensor term = function_(w);
  if (term.rank() != 0) user_error("regularizer: expected one number for a weight, got ", term.type());
  return term;
}

const std::vector<std::string>& Regularizer::names() {
  static const std::vector<std::string> names = {"l1", "l2", "l1_l2"};
  return names;
}

}  // namespace sinter
