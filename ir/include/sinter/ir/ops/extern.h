#pragma once
// The op that calls a function of the user's (extern.h).

#include <sinter/ir/ops/common.h>

namespace sinter::ir {

/// Whole operands in, whole results out. The node is bound to its function (Node::callee); the types of the results are
/// the node's own, because only the function could infer them.
struct Extern {
  static constexpr std::string_view name = "extern";
  static constexpr int arity = -1;
  static constexpr Form form = Form::external;
  static constexpr bool foldable = false;
  static constexpr bool expensive = true;
  struct Attrs {
    std::string symbol;  // the function's name
    static constexpr auto fields() { return std::tuple(Field{"symbol", &Attrs::symbol}); }
  };
  static std::vector<TensorType> infer(const Attrs&, Types) {
    user_error("the types of its results have to be given; extern_call() makes such nodes");
  }
  static Space space(const Attrs&, Types) { return {}; }
  /// By the function's own rule. Throws UserError when it has none, or when that gives what does not fit.
  static Gradients vjp(const VjpContext& c);
};

}  // namespace sinter::ir
