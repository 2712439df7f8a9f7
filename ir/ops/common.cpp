#include <sinter/ir/ops/common.h>

namespace sinter::ir::detail {

void expect_same(Types types) {
  for (const TensorType& t : types)
    if (t != types[0])
      user_error("operands must have one type, got ", types[0], " and ", t, "; use broadcast or convert");
}

void expect_float(const TensorType& type) {
  if (!is_float(type.dtype)) user_error("expected a float operand, got ", type, "; use convert");
}

void expect_number(const TensorType& type) {
  if (type.dtype == DType::i1) user_error("expected a number, got ", type, "; use convert or select");
}

void expect_integer(const TensorType& type) {
  if (!is_integer(type.dtype)) user_error("expected an integer operand, got ", type, "; use convert");
}

void expect_bool(const TensorType& type) {
  if (type.dtype != DType::i1) user_error("expected an i1 operand, got ", type, "; use compare");
}

void expect_axes(const Ints& axes, int rank, std::string_view what) {
  for (std::size_t k = 0; k < axes.size(); ++k) {
    if (axes[k] < 0 || axes[k] >= rank) user_error(what, ": axis ", axes[k], " is out of range for rank ", rank);
    for (std::size_t j = 0; j < k; ++j)
      if (axes[j] == axes[k]) user_error(what, ": axis ", axes[k], " is given twice");
  }
}

Expr unstacked(const Expr& x) {
  Ints extents = x.shape().ints();
  extents[1] *= extents[0];
  extents.erase(extents.begin());
  return reshape(x, Shape(std::move(extents)));
}

}  // namespace sinter::ir::detail
