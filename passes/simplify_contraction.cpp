// Rules for contractions and reductions. The order of the terms of a sum belongs to the op (sum_order.h), so a rule may
// change how operands are laid out, never which term comes when.

#include <algorithm>

#include "rewrite.h"

namespace sinter::passes {

using ir::Expr;
using ir::Ints;

namespace {

Ints through(const Ints& axes, const Ints& permutation) {
  Ints result;
  for (const std::int64_t k : axes) result.push_back(permutation[static_cast<std::size_t>(k)]);
  return result;
}

/// The dot's axes of one operand, told for the operand before its transpose. Free axes come in the operand's order, so
/// they must not change places. False when they do.
bool absorb(Ints& batch, Ints& contract, const Ints& permutation) {
  Ints free;
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(permutation.size()); ++k)
    if (std::ranges::count(batch, k) == 0 && std::ranges::count(contract, k) == 0) free.push_back(k);
  if (!std::ranges::is_sorted(through(free, permutation))) return false;
  batch = through(batch, permutation);
  contract = through(contract, permutation);
  return true;
}

Expr dot_transpose_a(const Match& m) {
  const auto inner = m.operand_is<ir::Transpose>(0);
  auto attrs = m.attributes<ir::Dot>();
  if (!inner || !absorb(attrs.batch_a, attrs.contract_a, inner->attributes<ir::Transpose>().permutation)) return {};
  return dot(inner->operand(0), m.operand(1), attrs);
}

Expr dot_transpose_b(const Match& m) {
  const auto inner = m.operand_is<ir::Transpose>(1);
  auto attrs = m.attributes<ir::Dot>();
  if (!inner || !absorb(attrs.batch_b, attrs.contract_b, inner->attributes<ir::Transpose>().permutation)) return {};
  return dot(m.operand(0), inner->operand(0), attrs);
}

/// max and min select; with one term per result they select it. bf16 and f16 pass through f32, which flushes.
Expr reduce_single(const Match& m) {
  const bool one_each = m.operand(0).type().elements() == m.result().type().elements();
  return one_each && !is_half(m.result().dtype()) ? reshape(m.operand(0), m.result().shape()) : Expr();
}

constexpr Rule rules[] = {
    {"dot(transpose a, b) -> dot(a, b)", "contracted axes are listed in the same order, so terms are too", on<ir::Dot>,
     dot_transpose_a},
    {"dot(a, transpose b) -> dot(a, b)", "contracted axes are listed in the same order, so terms are too", on<ir::Dot>,
     dot_transpose_b},
    {"reduce_max over extent 1 -> reshape", "the maximum of -Inf and x is x, its bits kept", on<ir::ReduceMax>,
     reduce_single},
    {"reduce_min over extent 1 -> reshape", "the minimum of Inf and x is x, its bits kept", on<ir::ReduceMin>,
     reduce_single},
};

}  // namespace

std::span<const Rule> contraction_rules() { return rules; }

}  // namespace sinter::passes
