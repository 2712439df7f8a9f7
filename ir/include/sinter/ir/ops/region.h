#pragma once
// Ops with a body graph.

#include <sinter/ir/ops/common.h>

namespace sinter::ir {

/// One kernel: the body's inputs are the operands, in order, its outputs the results. Made by the fuse pass; the body
/// holds plain ops only.
struct Fused {
  static constexpr std::string_view name = "fused";
  static constexpr int arity = -1;
  static constexpr Form form = Form::region;
  static constexpr bool not_differentiable = true;
  static constexpr bool foldable = false;
  struct Attrs {
    std::string name;  // names the members: "dot+add+max"
    std::string note;  // why it was fused, and what stopped it
    static constexpr auto fields() { return std::tuple(Field{"name", &Attrs::name}, Field{"note", &Attrs::note}); }
  };
  /// Result types come from the body, so they are inferred by Graph::add, which sees it.
  static std::vector<TensorType> infer(const Attrs&, Types) { return {}; }
  static Space space(const Attrs&, Types) { return {}; }
};

/// A loop over the slices of sequences along their axis 0. See Repetition (op.h) for the order of operands, results and
/// the body's inputs and outputs. Sums that the gradient needs over all turns are taken behind the loop where the op
/// that makes the terms knows how (stacked_sum), so that a weight's gradient is one contraction.
struct Scan {
  static constexpr std::string_view name = "scan";
  static constexpr int arity = -1;
  static constexpr Form form = Form::region;
  static constexpr bool foldable = false;
  struct Attrs {
    std::int64_t length = 1;
    std::int64_t carries = 0;
    std::int64_t sequences = 0;
    bool reverse = false;
    static constexpr auto fields() {
      return std::tuple(Field{"length", &Attrs::length}, Field{"carries", &Attrs::carries},
                        Field{"sequences", &Attrs::sequences}, Field{"reverse", &Attrs::reverse});
    }
  };
  static std::vector<TensorType> infer(const Attrs&, Types) { return {}; }
  static Space space(const Attrs&, Types) { return {}; }
  /// Throws UserError for numbers below 0 and a length below 1.
  static Repetition repetition(const Attrs& a);
  static Gradients vjp(const VjpContext& c);
};

/// The last values of the carries, then the stacked results. `operands` as in Repetition; their graph gets the node.
SINTER_API std::vector<Expr> scan(const Scan::Attrs& attrs, std::span<const Expr> operands,
                                  std::shared_ptr<const Graph> body);

}  // namespace sinter::ir
