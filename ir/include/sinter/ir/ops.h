#pragma once
// The one list of ops. A new op is one struct in ops/ and one entry here.

#include <optional>
#include <string_view>

#include <sinter/ir/op.h>
#include <sinter/ir/ops/contraction.h>
#include <sinter/ir/ops/elementwise.h>
#include <sinter/ir/ops/extern.h>
#include <sinter/ir/ops/movement.h>
#include <sinter/ir/ops/reduce.h>
#include <sinter/ir/ops/region.h>
#include <sinter/ir/ops/source.h>
#include <sinter/ir/ops/window.h>

namespace sinter::ir {

using AllOps = OpList<
    // source
    Input, State, Constant, Iota, RngBits,
    // elementwise
    Neg, Abs, Sign, Floor, Exp, Log, Tanh, Erf, Sqrt, Rsqrt, Sin, Cos, Logistic, Softplus, Add, Sub, Mul, Div, Pow, Max,
    Min, Compare, And, Or, Not, Select, Convert, StopGradient,
    // movement
    Broadcast, Reshape, Transpose, Reverse, Slice, Pad, Concat, DynamicSlice, DynamicUpdate, Gather, ScatterAdd,
    // reduction
    ReduceSum, ReduceProd, ReduceMax, ReduceMin, Argmax,
    // contraction
    Dot,
    // windows
    Conv, MaxPool, WindowPick, MaxUnpool, WindowSum,
    // region
    Fused, Scan,
    // a user's function
    Extern>;

/// The kind of a statically known op.
template <class Op>
OpKind kind_of() {
  static const OpKind kind = *find_op(Op::name);
  return kind;
}

}  // namespace sinter::ir
