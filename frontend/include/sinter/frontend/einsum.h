#pragma once
// Sums of products, named by the labels of their axes.

#include <string_view>

#include <sinter/frontend/tensor.h>

namespace sinter {

/// numpy's einsum of two operands: einsum("btd,dhk->bthk", x, kernel). Every axis has a letter; letters that the result
/// lacks are summed over. "..." stands for any axes not named, the same in both operands and the result:
/// "...x,xy->...y". It becomes one contraction, with a transpose only where the result asks for another order than
/// batch axes, free axes of a, free axes of b.
/// Throws UserError for an equation that cannot be read, for ranks and extents that do not fit, and for a letter twice
/// in one operand (no diagonals).
SINTER_API Tensor einsum(std::string_view equation, const Operand& a, const Operand& b);

namespace detail {
/// The parts of "ab,bc->ac". Throws UserError when it is not of this form; `where` starts the message.
struct Einsum {
  std::string_view a, b, result;
  static Einsum parse(std::string_view equation, std::string_view where);
};
}  // namespace detail

}  // namespace sinter
