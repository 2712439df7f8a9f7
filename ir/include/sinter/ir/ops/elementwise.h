#pragma once
// Pointwise ops: arithmetic, transcendentals, comparison, logic, select and convert.

#include <sinter/ir/math.h>
#include <sinter/ir/ops/common.h>

namespace sinter::ir {

struct Neg : Pointwise<1> {
  static constexpr std::string_view name = "neg";
  static constexpr bool linear = true;
  template <class V>
  static V scalar(const V& x) {
    return -x;
  }
  static Gradients vjp(const VjpContext& c) { return {-c.grad()}; }
};

struct Abs : Pointwise<1> {
  static constexpr std::string_view name = "abs";
  template <class V>
  static V scalar(const V& x) {
    return abs(x);
  }
  /// sign(0) = 0: the gradient at 0 is 0, as in Keras.
  static Gradients vjp(const VjpContext& c) { return {c.grad() * sign(c.operand(0))}; }
};

/// -1, 0 or 1; keeps NaN and the sign of a zero.
struct Sign : Pointwise<1> {
  static constexpr std::string_view name = "sign";
  static constexpr bool not_differentiable = true;
  static constexpr bool zero_gradient = true;
  template <class V>
  static V scalar(const V& x) {
    const V zero = like(x, 0.0);
    return select(gt(x, zero), like(x, 1.0), select(lt(x, zero), like(x, -1.0), x));
  }
};

struct Floor : FloatPointwise<1> {
  static constexpr std::string_view name = "floor";
  static constexpr bool not_differentiable = true;
  static constexpr bool zero_gradient = true;
  template <class V>
  static V scalar(const V& x) {
    return floor(x);
  }
};

struct Exp : FloatPointwise<1> {
  static constexpr std::string_view name = "exp";
  static constexpr bool expensive = true;
  template <class V>
  static V scalar(const V& x) {
    return math::exp(x);
  }
  static Gradients vjp(const VjpContext& c) { return {c.grad() * c.result()}; }
};

struct Log : FloatPointwise<1> {
  static constexpr std::string_view name = "log";
  static constexpr bool expensive = true;
  template <class V>
  static V scalar(const V& x) {
    return math::log(x);
  }
  static Gradients vjp(const VjpContext& c) { return {c.grad() / c.operand(0)}; }
};

struct Tanh : FloatPointwise<1> {
  static constexpr std::string_view name = "tanh";
  static constexpr bool expensive = true;
  template <class V>
  static V scalar(const V& x) {
    return math::tanh(x);
  }
  static Gradients vjp(const VjpContext& c) { return {c.grad() * (1.0 - c.result() * c.result())}; }
};

struct Erf : FloatPointwise<1> {
  static constexpr std::string_view name = "erf";
  static constexpr bool expensive = true;
  template <class V>
  static V scalar(const V& x) {
    return math::erf(x);
  }
  /// d erf(x) / dx = 2 / sqrt(pi) * exp(-x^2).
  static Gradients vjp(const VjpContext& c) {
    const Expr x = c.operand(0);
    return {c.grad() * (1.1283791670955126 * exp(-(x * x)))};
  }
};

struct Sqrt : FloatPointwise<1> {
  static constexpr std::string_view name = "sqrt";
  static constexpr bool divides = true;
  template <class V>
  static V scalar(const V& x) {
    return sqrt(x);
  }
  static Gradients vjp(const VjpContext& c) { return {c.grad() * (0.5 / c.result())}; }
};

/// 1 / sqrt(x), both correctly rounded.
struct Rsqrt : FloatPointwise<1> {
  static constexpr std::string_view name = "rsqrt";
  static constexpr bool divides = true;
  template <class V>
  static V scalar(const V& x) {
    return math::rsqrt(x);
  }
  /// -1/2 * y^3 with y = x^(-1/2).
  static Gradients vjp(const VjpContext& c) {
    const Expr y = c.result();
    return {c.grad() * (-0.5 * (y * y * y))};
  }
};

struct Sin : FloatPointwise<1> {
  static constexpr std::string_view name = "sin";
  static constexpr bool expensive = true;
  template <class V>
  static V scalar(const V& x) {
    return math::sin(x);
  }
  static Gradients vjp(const VjpContext& c) { return {c.grad() * cos(c.operand(0))}; }
};

struct Cos : FloatPointwise<1> {
  static constexpr std::string_view name = "cos";
  static constexpr bool expensive = true;
  template <class V>
  static V scalar(const V& x) {
    return math::cos(x);
  }
  static Gradients vjp(const VjpContext& c) { return {-(c.grad() * sin(c.operand(0)))}; }
};

/// 1 / (1 + exp(-x)).
struct Logistic : FloatPointwise<1> {
  static constexpr std::string_view name = "logistic";
  static constexpr bool expensive = true;
  template <class V>
  static V scalar(const V& x) {
    return math::logistic(x);
  }
  static Gradients vjp(const VjpContext& c) {
    const Expr y = c.result();
    return {c.grad() * (y * (1.0 - y))};
  }
};

/// log(1 + exp(x)).
struct Softplus : FloatPointwise<1> {
  static constexpr std::string_view name = "softplus";
  static constexpr bool expensive = true;
  template <class V>
  static V scalar(const V& x) {
    return math::softplus(x);
  }
  static Gradients vjp(const VjpContext& c) { return {c.grad() * logistic(c.operand(0))}; }
};

struct Add : Pointwise<2> {
  static constexpr std::string_view name = "add";
  static constexpr bool linear = true;
  template <class V>
  static V scalar(const V& a, const V& b) {
    return a + b;
  }
  static Gradients vjp(const VjpContext& c) { return {c.grad(), c.grad()}; }
};

struct Sub : Pointwise<2> {
  static constexpr std::string_view name = "sub";
  static constexpr bool linear = true;
  template <class V>
  static V scalar(const V& a, const V& b) {
    return a - b;
  }
  static Gradients vjp(const VjpContext& c) { return {c.grad(), -c.grad()}; }
};

struct Mul : Pointwise<2> {
  static constexpr std::string_view name = "mul";
  template <class V>
  static V scalar(const V& a, const V& b) {
    return a * b;
  }
  static Gradients vjp(const VjpContext& c) { return {c.grad() * c.operand(1), c.grad() * c.operand(0)}; }
};

/// Integers: truncates; x / 0 = 0.
struct Div : Pointwise<2> {
  static constexpr std::string_view name = "div";
  static constexpr bool divides = true;
  template <class V>
  static V scalar(const V& a, const V& b) {
    return a / b;
  }
  static Gradients vjp(const VjpContext& c) {
    const Expr da = c.grad() / c.operand(1);
    return {da, -(da * c.result())};
  }
};

struct Pow : FloatPointwise<2> {
  static constexpr std::string_view name = "pow";
  static constexpr bool expensive = true;
  template <class V>
  static V scalar(const V& a, const V& b) {
    return math::pow(a, b);
  }
  /// d/dx = y * x^(y-1), 0 where y = 0; d/dy = x^y * log(x), 0 where x = 0 and y >= 0.
  static Gradients vjp(const VjpContext& c) {
    const Expr x = c.operand(0);
    const Expr y = c.operand(1);
    const Expr zero = full_like(x, 0.0);
    Gradients g(2);
    if (c.wants(0)) g[0] = c.grad() * select(compare(y, Direction::eq, 0.0), zero, y * pow(x, y - 1.0));
    if (c.wants(1)) {
      const Expr safe_log = log(select(compare(x, Direction::eq, 0.0), full_like(x, 1.0), x));
      g[1] = c.grad() * (c.result() * safe_log);
    }
    return g;
  }
};

/// Propagates NaN. Of equal operands the second is taken, and gets the gradient.
struct Max : Pointwise<2> {
  static constexpr std::string_view name = "max";
  template <class V>
  static V scalar(const V& a, const V& b) {
    return max_propagating(a, b);
  }
  static Gradients vjp(const VjpContext& c) {
    const Expr zero = full_like(c.grad(), 0.0);
    const Expr first = compare(c.operand(0), Direction::gt, c.operand(1));
    return {select(first, c.grad(), zero), select(first, zero, c.grad())};
  }
};

/// Propagates NaN. Of equal operands the second is taken, and gets the gradient.
struct Min : Pointwise<2> {
  static constexpr std::string_view name = "min";
  template <class V>
  static V scalar(const V& a, const V& b) {
    return min_propagating(a, b);
  }
  static Gradients vjp(const VjpContext& c) {
    const Expr zero = full_like(c.grad(), 0.0);
    const Expr first = compare(c.operand(0), Direction::lt, c.operand(1));
    return {select(first, c.grad(), zero), select(first, zero, c.grad())};
  }
};

/// i1 result; false when a NaN is involved, except `ne`.
struct Compare : Pointwise<2> {
  static constexpr std::string_view name = "compare";
  static constexpr bool not_differentiable = true;
  static constexpr bool integer_result = true;
  struct Attrs {
    std::string direction = "eq";  // eq ne lt le gt ge
    static constexpr auto fields() { return std::tuple(Field{"direction", &Attrs::direction}); }
  };
  static std::vector<TensorType> infer(const Attrs& attrs, Types types) {
    detail::expect_same(types);
    if (!parse(attrs.direction)) user_error("unknown direction '", attrs.direction, "'; known: eq, ne, lt, le, gt, ge");
    return {TensorType{DType::i1, types[0].shape}};
  }
  static std::optional<Direction> parse(std::string_view text) {
    for (const Direction d : {Direction::eq, Direction::ne, Direction::lt, Direction::le, Direction::gt, Direction::ge})
      if (to_string(d) == text) return d;
    return std::nullopt;
  }
  template <class V>
  static V scalar(const Attrs& attrs, const V& a, const V& b) {
    switch (parse(attrs.direction).value_or(Direction::eq)) {
      case Direction::eq: return eq(a, b);
      case Direction::ne: return ne(a, b);
      case Direction::lt: return lt(a, b);
      case Direction::le: return le(a, b);
      case Direction::gt: return gt(a, b);
      case Direction::ge: return ge(a, b);
    }
    return eq(a, b);
  }
};

/// Bitwise on integers, logical on i1.
template <int Arity>
struct Logic : Pointwise<Arity> {
  static constexpr bool not_differentiable = true;
  static constexpr bool integer_result = true;
  static std::vector<TensorType> infer(const NoAttrs&, Types types) {
    detail::expect_same(types);
    detail::expect_integer(types[0]);
    return {types[0]};
  }
};

struct And : Logic<2> {
  static constexpr std::string_view name = "and";
  template <class V>
  static V scalar(const V& a, const V& b) {
    return bit_and(a, b);
  }
};

struct Or : Logic<2> {
  static constexpr std::string_view name = "or";
  template <class V>
  static V scalar(const V& a, const V& b) {
    return bit_or(a, b);
  }
};

struct Not : Logic<1> {
  static constexpr std::string_view name = "not";
  template <class V>
  static V scalar(const V& a) {
    return bit_not(a);
  }
};

/// condition ? a : b, with an i1 condition of the same shape.
struct Select : Pointwise<3> {
  static constexpr std::string_view name = "select";
  static std::vector<TensorType> infer(const NoAttrs&, Types types) {
    detail::expect_bool(types[0]);
    detail::expect_same(types.subspan(1));
    if (types[0].shape != types[1].shape)
      user_error("condition ", types[0], " and values ", types[1], " differ in shape");
    return {types[1]};
  }
  template <class V>
  static V scalar(const V& condition, const V& a, const V& b) {
    return select(condition, a, b);
  }
  static Gradients vjp(const VjpContext& c) {
    const Expr zero = full_like(c.grad(), 0.0);
    return {Expr(), select(c.operand(0), c.grad(), zero), select(c.operand(0), zero, c.grad())};
  }
};

/// Float to integer truncates and saturates, NaN gives 0; to i1 is x != 0.
struct Convert : Pointwise<1> {
  static constexpr std::string_view name = "convert";
  struct Attrs {
    DType to = DType::f32;
    static constexpr auto fields() { return std::tuple(Field{"to", &Attrs::to}); }
  };
  static std::vector<TensorType> infer(const Attrs& attrs, Types types) {
    return {TensorType{attrs.to, types[0].shape}};
  }
  template <class V>
  static V scalar(const Attrs& attrs, const V& x) {
    return convert(x, attrs.to);
  }
  /// Zero through integers.
  static Gradients vjp(const VjpContext& c) {
    if (!is_float(c.operand(0).dtype()) || !is_float(c.result().dtype())) return {Expr()};
    return {convert(c.grad(), c.operand(0).dtype())};
  }
};

/// The value itself; no gradient flows through.
struct StopGradient : Pointwise<1> {
  static constexpr std::string_view name = "stop_gradient";
  static constexpr bool not_differentiable = true;
  static constexpr bool zero_gradient = true;
  static std::vector<TensorType> infer(const NoAttrs&, Types types) { return {types[0]}; }
  template <class V>
  static V scalar(const V& x) {
    return x;
  }
};

/// Absolute value, elementwise.
inline Expr abs(const Expr& x) { return apply<Abs>({x}); }
inline Expr floor(const Expr& x) { return apply<Floor>({x}); }
inline Expr tanh(const Expr& x) { return apply<Tanh>({x}); }
inline Expr erf(const Expr& x) { return apply<Erf>({x}); }
inline Expr sqrt(const Expr& x) { return apply<Sqrt>({x}); }
inline Expr rsqrt(const Expr& x) { return apply<Rsqrt>({x}); }
inline Expr softplus(const Expr& x) { return apply<Softplus>({x}); }
inline Expr max(const Expr& a, const Expr& b) { return apply<Max>({a, b}); }
inline Expr max(const Expr& a, double b) { return max(a, full_like(a, b)); }
inline Expr min(const Expr& a, const Expr& b) { return apply<Min>({a, b}); }
inline Expr min(const Expr& a, double b) { return min(a, full_like(a, b)); }
inline Expr logical_and(const Expr& a, const Expr& b) { return apply<And>({a, b}); }
inline Expr logical_or(const Expr& a, const Expr& b) { return apply<Or>({a, b}); }
inline Expr logical_not(const Expr& a) { return apply<Not>({a}); }
/// The value itself, a constant for differentiation.
inline Expr stop_gradient(const Expr& x) { return apply<StopGradient>({x}); }

}  // namespace sinter::ir
