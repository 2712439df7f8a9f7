#pragma once
// What a region op asks of its body: how often it runs, and which types its inputs have to have.

#include <optional>
#include <span>
#include <vector>

#include <sinter/ir/graph.h>

namespace sinter::ir {

/// How the node's body repeats; empty for nodes without a body, and for those whose body runs once (fused).
SINTER_API std::optional<Repetition> repetition_of(const Node& node);

/// The types of a body's inputs for operands of the given types. Throws UserError when they do not fit the attributes.
SINTER_API std::vector<TensorType> body_inputs(OpKind kind, const Attributes& attributes,
                                               std::span<const TensorType> operands);
/// The types of the node's results. Throws UserError when the body does not fit the operands.
SINTER_API std::vector<TensorType> region_results(OpKind kind, const Attributes& attributes, const Graph& body,
                                                  std::span<const TensorType> operands);

}  // namespace sinter::ir
