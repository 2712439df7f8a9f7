#include <sinter/ir/region.h>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>

namespace sinter::ir {

namespace {

std::optional<Repetition> repetition(OpKind kind, const Attributes& attributes) {
  const OpInfo& op = info(kind);
  if (op.repetition == nullptr) return std::nullopt;
  return op.repetition(attributes);
}

TensorType slice_of(const TensorType& sequence, const Repetition& loop, std::size_t operand) {
  if (sequence.rank() == 0 || sequence.shape[0] != loop.length)
    user_error("operand ", operand, " is a sequence: expected ", loop.length, " slices along axis 0, got ", sequence);
  const Ints extents = sequence.shape.ints();
  return {sequence.dtype, Shape(Ints(extents.begin() + 1, extents.end()))};
}

TensorType stack_of(const TensorType& slice, const Repetition& loop) {
  Ints extents = {loop.length};
  for (const std::int64_t d : slice.shape) extents.push_back(d);
  return {slice.dtype, Shape(std::move(extents))};
}

void check_inputs(const Graph& body, std::span<const TensorType> wanted) {
  const std::vector<NodeId> inputs = body.inputs();
  if (inputs.size() != wanted.size()) user_error("the body takes ", inputs.size(), " operands, got ", wanted.size());
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (body.node(inputs[k]).results[0] != wanted[k])
      user_error("operand ", k, " of the body: expected ", body.node(inputs[k]).results[0], ", got ", wanted[k]);
}

}  // namespace

std::optional<Repetition> repetition_of(const Node& node) {
  if (!node.body) return std::nullopt;
  return repetition(node.kind, node.attributes);
}

std::vector<TensorType> body_inputs(OpKind kind, const Attributes& attributes, std::span<const TensorType> operands) {
  std::vector<TensorType> types(operands.begin(), operands.end());
  const std::optional<Repetition> loop = repetition(kind, attributes);
  if (!loop) return types;
  if (loop->carries + loop->sequences > operands.size())
    user_error("expected at least ", loop->carries + loop->sequences, " operands (", loop->carries, " carries and ",
               loop->sequences, " sequences), got ", operands.size());
  for (std::size_t k = loop->carries; k < loop->carries + loop->sequences; ++k) types[k] = slice_of(types[k], *loop, k);
  return types;
}

std::vector<TensorType> region_results(OpKind kind, const Attributes& attributes, const Graph& body,
                                       std::span<const TensorType> operands) {
  check_inputs(body, body_inputs(kind, attributes, operands));
  std::vector<TensorType> results;
  for (const Output& o : body.outputs()) results.push_back(body.type(o.value));
  const std::optional<Repetition> loop = repetition(kind, attributes);
  if (!loop) return results;
  if (results.empty()) user_error("the body of a loop returns something");
  if (results.size() < loop->carries)
    user_error("the body returns the next values of ", loop->carries, " carries first, got ", results.size(),
               " outputs");
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (k >= loop->carries)
      results[k] = stack_of(results[k], *loop);
    else if (results[k] != operands[k])
      user_error("carry ", k, " is ", operands[k], ", but the body returns ", results[k], " for it");
  }
  return results;
}

}  // namespace sinter::ir
