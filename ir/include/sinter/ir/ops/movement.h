#pragma once
// Ops that move elements. Each is nothing but index maps; a read outside its operand is absent, and an element with no
// present read takes the fill. Where several operands are present the last one wins.

#include <sinter/ir/ops/common.h>

namespace sinter::ir {

struct Movement {
  static constexpr int arity = 1;
  static constexpr Form form = Form::map;
};

/// Operand axis k becomes result axis dims[k] (increasing); other result axes repeat the operand.
struct Broadcast : Movement {
  static constexpr std::string_view name = "broadcast";
  struct Attrs {
    Shape shape;
    Ints dims;
    static constexpr auto fields() { return std::tuple(Field{"shape", &Attrs::shape}, Field{"dims", &Attrs::dims}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types) {
    Space s = pointwise_space(a.shape, 0);
    s.reads = {IndexMap::select(a.dims)};
    return s;
  }
  static Gradients vjp(const VjpContext& c);
};

/// Same elements in row-major order, another shape.
struct Reshape : Movement {
  static constexpr std::string_view name = "reshape";
  struct Attrs {
    Shape shape;
    static constexpr auto fields() { return std::tuple(Field{"shape", &Attrs::shape}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Gradients vjp(const VjpContext& c) { return {reshape(c.grad(), c.operand(0).shape())}; }
};

/// Result axis k is operand axis permutation[k].
struct Transpose : Movement {
  static constexpr std::string_view name = "transpose";
  struct Attrs {
    Ints permutation;
    static constexpr auto fields() { return std::tuple(Field{"permutation", &Attrs::permutation}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Gradients vjp(const VjpContext& c);
};

/// The named axes run backwards.
struct Reverse : Movement {
  static constexpr std::string_view name = "reverse";
  struct Attrs {
    Ints axes;
    static constexpr auto fields() { return std::tuple(Field{"axes", &Attrs::axes}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Gradients vjp(const VjpContext& c);
};

/// Elements start, start + stride, ... below limit, per axis.
struct Slice : Movement {
  static constexpr std::string_view name = "slice";
  struct Attrs {
    Ints start, limit, stride;
    static constexpr auto fields() {
      return std::tuple(Field{"start", &Attrs::start}, Field{"limit", &Attrs::limit}, Field{"stride", &Attrs::stride});
    }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Gradients vjp(const VjpContext& c);
};

/// `low` and `high` elements of `value` around the operand and `interior` between neighbours, per axis; negative low
/// and high crop.
struct Pad : Movement {
  static constexpr std::string_view name = "pad";
  struct Attrs {
    Ints low, high, interior;
    double value = 0.0;
    static constexpr auto fields() {
      return std::tuple(Field{"low", &Attrs::low}, Field{"high", &Attrs::high}, Field{"interior", &Attrs::interior},
                        Field{"value", &Attrs::value});
    }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static double fill(const Attrs& a, DType) { return a.value; }
  static Gradients vjp(const VjpContext& c);
};

/// Operands one after the other along `axis`.
struct Concat : Movement {
  static constexpr std::string_view name = "concat";
  static constexpr int arity = -1;
  struct Attrs {
    std::int64_t axis = 0;
    static constexpr auto fields() { return std::tuple(Field{"axis", &Attrs::axis}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Gradients vjp(const VjpContext& c);
};

/// A window of shape `shape` that starts at the run-time position given by one scalar integer operand per axis.
/// Elements outside the operand are 0.
struct DynamicSlice : Movement {
  static constexpr std::string_view name = "dynamic_slice";
  static constexpr int arity = -1;
  struct Attrs {
    Shape shape;
    static constexpr auto fields() { return std::tuple(Field{"shape", &Attrs::shape}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Gradients vjp(const VjpContext& c);
};

/// The first operand with the second written over it at a run-time position (one scalar integer operand per axis).
/// What falls outside is dropped.
struct DynamicUpdate : Movement {
  static constexpr std::string_view name = "dynamic_update";
  static constexpr int arity = -1;
  using Attrs = NoAttrs;
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static Gradients vjp(const VjpContext& c);
};

/// Rows of the first operand along `axis` at the positions of the integer second operand. The result's shape is
/// operand[:axis] + indices + operand[axis+1:]. A position outside gives NaN (0 for integers).
struct Gather : Movement {
  static constexpr std::string_view name = "gather";
  static constexpr int arity = 2;
  struct Attrs {
    std::int64_t axis = 0;
    static constexpr auto fields() { return std::tuple(Field{"axis", &Attrs::axis}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  static double fill(const Attrs& a, DType dtype);
  static Gradients vjp(const VjpContext& c);
};

/// The first operand with updates added along `axis` at the integer positions of the second: the transpose of gather.
/// The updates of one element are added in row-major order; positions outside are dropped.
struct ScatterAdd {
  static constexpr std::string_view name = "scatter_add";
  static constexpr int arity = 3;
  static constexpr Form form = Form::scatter;
  using Attrs = Gather::Attrs;
  static std::vector<TensorType> infer(const Attrs& a, Types types);
  static Space space(const Attrs& a, Types types);
  template <class V>
  static V scalar(const Attrs&, const V& old, const V& update) {
    return old + update;
  }
  static Gradients vjp(const VjpContext& c);
};

SINTER_API Expr reverse(const Expr& x, const Ints& axes);
SINTER_API Expr slice(const Expr& x, const Ints& start, const Ints& limit, const Ints& stride = {});
SINTER_API Expr pad(const Expr& x, const Ints& low, const Ints& high, double value = 0.0, const Ints& interior = {});
SINTER_API Expr concat(const std::vector<Expr>& parts, std::int64_t axis);
SINTER_API Expr dynamic_slice(const Expr& x, const std::vector<Expr>& start, const Shape& shape);
SINTER_API Expr dynamic_update(const Expr& x, const Expr& update, const std::vector<Expr>& start);
SINTER_API Expr gather(const Expr& x, const Expr& indices, std::int64_t axis = 0);
SINTER_API Expr scatter_add(const Expr& x, const Expr& indices, const Expr& updates, std::int64_t axis = 0);

}  // namespace sinter::ir
