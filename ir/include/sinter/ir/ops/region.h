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

}  // namespace sinter::ir
