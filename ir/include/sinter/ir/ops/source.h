#pragma once
// Ops without computed operands: inputs, states, constants, and values generated from axis numbers.

#include <sinter/ir/ops/common.h>
#include <sinter/ir/philox.h>

namespace sinter::ir {

/// Base of ops that have no operands and whose type is an attribute.
struct Source {
  static constexpr int arity = 0;
  static constexpr Form form = Form::source;
  static constexpr bool not_differentiable = true;
  static constexpr bool zero_gradient = true;
  static constexpr bool foldable = false;
};

/// A value bound at every run.
struct Input : Source {
  static constexpr std::string_view name = "input";
  struct Attrs {
    std::string name;
    DType dtype = DType::f32;
    Shape shape;
    static constexpr auto fields() {
      return std::tuple(Field{"name", &Attrs::name}, Field{"dtype", &Attrs::dtype}, Field{"shape", &Attrs::shape});
    }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types) { return {TensorType{a.dtype, a.shape}}; }
  static Space space(const Attrs& a, Types) { return pointwise_space(a.shape, 0); }
};

/// A value that lives between runs; an update gives its next value.
struct State : Source {
  static constexpr std::string_view name = "state";
  using Attrs = Input::Attrs;
  static std::vector<TensorType> infer(const Attrs& a, Types t) { return Input::infer(a, t); }
  static Space space(const Attrs& a, Types t) { return Input::space(a, t); }
};

/// Known contents.
struct Constant : Source {
  static constexpr std::string_view name = "constant";
  struct Attrs {
    TensorData value;
    static constexpr auto fields() { return std::tuple(Field{"value", &Attrs::value}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types) { return {a.value.type}; }
  static Space space(const Attrs& a, Types) { return pointwise_space(a.value.type.shape, 0); }
};

/// 0, 1, 2, ... along `axis`.
struct Iota : Source {
  static constexpr std::string_view name = "iota";
  static constexpr bool reads_axes = true;
  struct Attrs {
    DType dtype = DType::i32;
    Shape shape;
    std::int64_t axis = 0;
    static constexpr auto fields() {
      return std::tuple(Field{"dtype", &Attrs::dtype}, Field{"shape", &Attrs::shape}, Field{"axis", &Attrs::axis});
    }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types) {
    detail::expect_axes({a.axis}, a.shape.rank(), "iota axis");
    detail::expect_number(TensorType{a.dtype, a.shape});
    return {TensorType{a.dtype, a.shape}};
  }
  static Space space(const Attrs& a, Types) { return pointwise_space(a.shape, 0); }
  /// `axes` are the i64 numbers of the element.
  template <class V>
  static V scalar(const Attrs& a, std::span<const V>, std::span<const V> axes) {
    return convert(axes[static_cast<std::size_t>(a.axis)], a.dtype);
  }
};

/// Random u32 bits: a pure function of (seed, step, site, row, column), so that masks can be computed again in the
/// backward pass. Operands: seed u32[2], step u32[], first_row u32[] (global index of row 0). The shape is seen as
/// [rows, columns] with every axis but the first flattened. Column c of row r takes the counter
/// ((c/64)*16 + c%16, r, site, step), word (c/16)%4 of Philox4x32-10 (ir/README.md, "RNG mapping").
struct RngBits {
  static constexpr std::string_view name = "rng_bits";
  static constexpr int arity = 3;
  static constexpr Form form = Form::map;
  static constexpr bool not_differentiable = true;
  static constexpr bool zero_gradient = true;
  static constexpr bool reads_axes = true;
  static constexpr bool expensive = true;
  struct Attrs {
    Shape shape;
    std::int64_t site = 0;
    static constexpr auto fields() { return std::tuple(Field{"shape", &Attrs::shape}, Field{"site", &Attrs::site}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types) {
    if (types[0] != TensorType{DType::u32, Shape{2}}) user_error("expected a seed of type u32[2], got ", types[0]);
    for (const TensorType& t : types.subspan(1))
      if (t != TensorType{DType::u32, Shape{}}) user_error("expected step and first_row of type u32[], got ", t);
    if (a.site < 0 || a.site > 0xFFFFFFFFLL) user_error("site ", a.site, " does not fit 32 bits");
    return {TensorType{DType::u32, a.shape}};
  }
  /// The seed is read twice: operand reads are (seed[0], seed[1]) through two maps of operand 0 below.
  static Space space(const Attrs& a, Types) {
    Space s = pointwise_space(a.shape, 0);
    s.reads = {IndexMap{{Coordinate::constant(0)}}, IndexMap{}, IndexMap{}, IndexMap{{Coordinate::constant(1)}}};
    s.read_operands = {0, 1, 2, 0};
    return s;
  }
  template <class V>
  static V scalar(const Attrs& a, std::span<const V> x, std::span<const V> axes) {
    const V& any = x[0];
    const auto u32 = [&](std::int64_t v) { return integer_like(any, DType::u32, v); };
    V column = u32(0);
    for (int k = 1; k < a.shape.rank(); ++k)
      column = column * u32(a.shape[k]) + convert(axes[static_cast<std::size_t>(k)], DType::u32);
    const V row = (a.shape.rank() == 0 ? u32(0) : convert(axes[0], DType::u32)) + x[2];
    const V block = shl(shr(column, u32(6)), u32(4)) + bit_and(column, u32(15));
    const V word = bit_and(shr(column, u32(4)), u32(3));
    const std::array<V, 4> bits = philox4x32<V>({block, row, u32(a.site), x[1]}, x[0], x[3]);
    const V low = select(eq(word, u32(0)), bits[0], bits[1]);
    const V high = select(eq(word, u32(2)), bits[2], bits[3]);
    return select(lt(word, u32(2)), low, high);
  }
};

/// Appends an input. Shapes include the batch.
inline Expr input(Graph& graph, std::string name, const TensorType& type) {
  return {graph,
          Value{graph.add(*find_op(Input::name), pack(Input::Attrs{std::move(name), type.dtype, type.shape}), {})}};
}
/// Appends a state.
inline Expr state(Graph& graph, std::string name, const TensorType& type) {
  return {graph,
          Value{graph.add(*find_op(State::name), pack(State::Attrs{std::move(name), type.dtype, type.shape}), {})}};
}
inline Expr constant(Graph& graph, TensorData value) {
  return {graph, Value{graph.add(*find_op(Constant::name), pack(Constant::Attrs{std::move(value)}), {})}};
}
/// 0, 1, 2, ... along `axis`.
inline Expr iota(Graph& graph, DType dtype, const Shape& shape, std::int64_t axis) {
  return {graph, Value{graph.add(*find_op(Iota::name), pack(Iota::Attrs{dtype, shape, axis}), {})}};
}
/// See RngBits.
inline Expr rng_bits(const Expr& seed, const Expr& step, const Expr& first_row, const Shape& shape, std::int64_t site) {
  return apply<RngBits>(RngBits::Attrs{shape, site}, {seed, step, first_row});
}

}  // namespace sinter::ir
