// Rules for pointwise ops. Each is exact for every bit pattern, with two facts in mind: a zero has a sign, and
// arithmetic flushes denormals while negation, abs, select and moves do not (see scalar_value.h).

#include <cmath>

#include "rewrite.h"

namespace sinter::passes {

using ir::Expr;

namespace {

template <class Op>
Expr operand_of(const Match& m, std::size_t k) {
  const auto inner = m.operand_is<Op>(k);
  return inner ? inner->operand(0) : Expr();
}

bool same(const Expr& a, const Expr& b) { return a.value() == b.value(); }

/// f(f x) -> x
template <class Op>
Expr undo(const Match& m) {
  return operand_of<Op>(m, 0);
}

Expr first_if_equal(const Match& m) { return same(m.operand(0), m.operand(1)) ? m.operand(0) : Expr(); }

// Negation.

Expr add_neg(const Match& m) {
  if (const Expr y = operand_of<ir::Neg>(m, 1)) return m.operand(0) - y;
  if (const Expr x = operand_of<ir::Neg>(m, 0)) return m.operand(1) - x;
  return {};
}

/// Not for unsigned integers, whose negation wraps and whose abs does nothing.
Expr abs_neg(const Match& m) {
  const Expr x = operand_of<ir::Neg>(m, 0);
  return x && (is_float(x.dtype()) || is_signed_integer(x.dtype())) ? abs(x) : Expr();
}

Expr sub_neg(const Match& m) {
  const Expr y = operand_of<ir::Neg>(m, 1);
  return y ? m.operand(0) + y : Expr();
}

Expr mul_neg_neg(const Match& m) {
  const Expr x = operand_of<ir::Neg>(m, 0);
  const Expr y = operand_of<ir::Neg>(m, 1);
  return x && y ? x * y : Expr();
}

Expr div_neg_neg(const Match& m) {
  const Expr x = operand_of<ir::Neg>(m, 0);
  const Expr y = operand_of<ir::Neg>(m, 1);
  return x && y && is_float(x.dtype()) ? x / y : Expr();
}

// Neutral elements.

bool is_number(const Expr& e, double value) {
  const auto splat = splat_of(e);
  return splat && splat->as_double() == value && std::signbit(splat->as_double()) == std::signbit(value);
}

Expr mul_one(const Match& m) {
  if (is_number(m.operand(1), 1.0) && is_flushed(m.operand(0))) return m.operand(0);
  if (is_number(m.operand(0), 1.0) && is_flushed(m.operand(1))) return m.operand(1);
  return {};
}

Expr mul_minus_one(const Match& m) {
  if (!is_float(m.result().dtype())) return {};
  if (is_number(m.operand(1), -1.0) && is_flushed(m.operand(0))) return -m.operand(0);
  if (is_number(m.operand(0), -1.0) && is_flushed(m.operand(1))) return -m.operand(1);
  return {};
}

Expr div_one(const Match& m) {
  return is_number(m.operand(1), 1.0) && is_flushed(m.operand(0)) ? m.operand(0) : Expr();
}

Expr sub_zero(const Match& m) {
  return is_number(m.operand(1), 0.0) && is_flushed(m.operand(0)) ? m.operand(0) : Expr();
}

/// The zero that changes nothing: -0 for floats.
bool is_neutral_zero(const Expr& e) { return is_number(e, is_float(e.dtype()) ? -0.0 : 0.0); }

Expr add_zero(const Match& m) {
  if (is_neutral_zero(m.operand(1)) && is_flushed(m.operand(0))) return m.operand(0);
  if (is_neutral_zero(m.operand(0)) && is_flushed(m.operand(1))) return m.operand(1);
  return {};
}

/// A power of two whose reciprocal is a normal number of the dtype as well.
Expr div_power_of_two(const Match& m) {
  const ir::DType dtype = m.result().dtype();
  const auto c = splat_of(m.operand(1));
  if (!c || (dtype != ir::DType::f32 && dtype != ir::DType::f64)) return {};
  int exponent = 0;
  const double value = c->as_double();
  if (!std::isfinite(value) || std::abs(std::frexp(value, &exponent)) != 0.5) return {};
  const int range = dtype == ir::DType::f32 ? 125 : 1021;
  return std::abs(exponent) <= range ? m.operand(0) * (1.0 / value) : Expr();
}

// Selection.

Expr select_known(const Match& m) {
  const auto condition = splat_of(m.operand(0));
  return condition ? m.operand(condition->as_bool() ? 1 : 2) : Expr();
}

Expr select_equal(const Match& m) { return same(m.operand(1), m.operand(2)) ? m.operand(1) : Expr(); }

Expr select_not(const Match& m) {
  const Expr c = operand_of<ir::Not>(m, 0);
  return c ? select(c, m.operand(2), m.operand(1)) : Expr();
}

/// select(c, select(c, a, b), d): the inner one was decided by the outer one.
Expr select_select(const Match& m) {
  for (const std::size_t arm : {std::size_t{1}, std::size_t{2}}) {
    const auto inner = m.operand_is<ir::Select>(arm);
    if (!inner || !same(inner->operand(0), m.operand(0))) continue;
    return arm == 1 ? select(m.operand(0), inner->operand(1), m.operand(2))
                    : select(m.operand(0), m.operand(1), inner->operand(2));
  }
  return {};
}

// Conversion.

Expr convert_same(const Match& m) { return m.operand(0).dtype() == m.result().dtype() ? m.operand(0) : Expr(); }

/// Every value of `narrow`, but for denormals, is a value of `wide`.
bool holds(ir::DType wide, ir::DType narrow) {
  const bool into_float = is_float(wide);
  const int bits = bit_width(narrow);
  if (is_float(narrow)) return wide == ir::DType::f64 || (wide == ir::DType::f32 && is_half(narrow));
  if (into_float) return bits <= (wide == ir::DType::f64 ? 32 : wide == ir::DType::f32 ? 8 : 1);
  return bits < bit_width(wide) && narrow != ir::DType::i1 && wide != ir::DType::i1 &&
         (is_signed_integer(wide) || !is_signed_integer(narrow));
}

Expr convert_back(const Match& m) {
  const auto inner = m.operand_is<ir::Convert>(0);
  if (!inner) return {};
  const Expr x = inner->operand(0);
  return x.dtype() == m.result().dtype() && holds(m.operand(0).dtype(), x.dtype()) && is_flushed(x) ? x : Expr();
}

constexpr Rule rules[] = {
    {"neg(neg x) -> x", "only the sign bit is touched", on<ir::Neg>, undo<ir::Neg>},
    {"not(not x) -> x", "bits are flipped twice", on<ir::Not>, undo<ir::Not>},
    {"abs(neg x) -> abs x (not unsigned)", "the sign bit is cleared", on<ir::Abs>, abs_neg},
    {"abs(abs x) -> abs x", "the sign bit is clear already", on<ir::Abs>,
     [](const Match& m) { return m.operand_is<ir::Abs>(0) ? m.operand(0) : Expr(); }},
    {"and(x, x) -> x", "bit by bit", on<ir::And>, first_if_equal},
    {"or(x, x) -> x", "bit by bit", on<ir::Or>, first_if_equal},
    {"max(x, x) -> x", "max selects one of its operands", on<ir::Max>, first_if_equal},
    {"min(x, x) -> x", "min selects one of its operands", on<ir::Min>, first_if_equal},
    {"x + neg y -> x - y", "subtraction is defined so, zeros included", on<ir::Add>, add_neg},
    {"x - neg y -> x + y", "subtraction is defined so, zeros included", on<ir::Sub>, sub_neg},
    {"neg x * neg y -> x * y", "the sign is the product of signs; rounding is symmetric", on<ir::Mul>, mul_neg_neg},
    {"neg x / neg y -> x / y (floats)", "the sign is the quotient of signs; rounding is symmetric", on<ir::Div>,
     div_neg_neg},
    {"x * 1 -> x", "x is known not to be a denormal, which would be flushed", on<ir::Mul>, mul_one},
    {"x * -1 -> neg x (floats)", "x is known not to be a denormal, which would be flushed", on<ir::Mul>, mul_minus_one},
    {"x / 1 -> x", "x is known not to be a denormal, which would be flushed", on<ir::Div>, div_one},
    {"x - (+0) -> x", "-0 - (+0) = -0; x is known not to be a denormal", on<ir::Sub>, sub_zero},
    {"x + (-0) -> x", "+0 + (-0) = +0; x is known not to be a denormal", on<ir::Add>, add_zero},
    {"x / 2^k -> x * 2^-k", "both round the same exact value, once", on<ir::Div>, div_power_of_two},
    {"select(known, a, b) -> a or b", "select moves bits", on<ir::Select>, select_known},
    {"select(c, a, a) -> a", "select moves bits", on<ir::Select>, select_equal},
    {"select(not c, a, b) -> select(c, b, a)", "select moves bits", on<ir::Select>, select_not},
    {"select(c, select(c, a, b), d) -> select(c, a, d)", "select moves bits", on<ir::Select>, select_select},
    {"convert to its own dtype -> x", "nothing is converted", on<ir::Convert>, convert_same},
    {"convert there and back -> x", "the dtype between holds every value but denormals, and x has none",
     on<ir::Convert>, convert_back},
};

}  // namespace

std::span<const Rule> arithmetic_rules() { return rules; }

}  // namespace sinter::passes
