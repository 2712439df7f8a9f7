// Rules for ops that move elements. Moving never looks at bits, so these are exact as soon as every element still comes
// from the same place.

#include <algorithm>

#include <sinter/ir/node_space.h>

#include "rewrite.h"

namespace sinter::passes {

using ir::Expr;
using ir::Ints;

namespace {

std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }

/// outer[inner[k]] for each k.
Ints compose(const Ints& inner, const Ints& outer) {
  Ints result;
  for (const std::int64_t k : inner) result.push_back(outer[at(k)]);
  return result;
}

Expr relabel_same_shape(const Match& m) {
  const bool nothing = is_view(m.graph(), m.id()) && m.operand(0).shape() == m.result().shape();
  return nothing ? m.operand(0) : Expr();
}

Expr relabel(const Match& m) {
  const bool other_op = is_view(m.graph(), m.id()) && !m.is<ir::Reshape>();
  return other_op ? reshape(m.operand(0), m.result().shape()) : Expr();
}

Expr reshape_reshape(const Match& m) {
  const auto inner = m.operand_is<ir::Reshape>(0);
  return inner ? reshape(inner->operand(0), m.result().shape()) : Expr();
}

Expr transpose_transpose(const Match& m) {
  const auto inner = m.operand_is<ir::Transpose>(0);
  if (!inner) return {};
  const Ints outer = m.attributes<ir::Transpose>().permutation;
  return transpose(inner->operand(0), compose(outer, inner->attributes<ir::Transpose>().permutation));
}

Expr broadcast_broadcast(const Match& m) {
  const auto inner = m.operand_is<ir::Broadcast>(0);
  if (!inner) return {};
  const Ints dims = compose(inner->attributes<ir::Broadcast>().dims, m.attributes<ir::Broadcast>().dims);
  return broadcast(inner->operand(0), m.result().shape(), dims);
}

Expr reverse_reverse(const Match& m) {
  const auto inner = m.operand_is<ir::Reverse>(0);
  if (!inner) return {};
  Ints outer_axes = m.attributes<ir::Reverse>().axes;
  Ints inner_axes = inner->attributes<ir::Reverse>().axes;
  std::ranges::sort(outer_axes);
  std::ranges::sort(inner_axes);
  Ints once;  // reversed by one of the two
  std::ranges::set_symmetric_difference(outer_axes, inner_axes, std::back_inserter(once));
  return once.empty() ? inner->operand(0) : reverse(inner->operand(0), once);
}

Expr slice_slice(const Match& m) {
  const auto inner = m.operand_is<ir::Slice>(0);
  if (!inner) return {};
  const auto a = inner->attributes<ir::Slice>();
  const auto b = m.attributes<ir::Slice>();
  Ints start, limit, stride;
  for (std::size_t k = 0; k < b.start.size(); ++k) {
    const std::int64_t extent = m.result().shape()[static_cast<int>(k)];
    if (extent == 0) return {};
    start.push_back(a.start[k] + b.start[k] * a.stride[k]);
    stride.push_back(a.stride[k] * b.stride[k]);
    limit.push_back(start[k] + (extent - 1) * stride[k] + 1);
  }
  return slice(inner->operand(0), start, limit, stride);
}

/// Moving equal elements around changes only the shape.
Expr moved_splat(const Match& m) {
  const auto inner = m.op().form == ir::Form::map && m.operands() == 1 ? m.operand_is<ir::Broadcast>(0) : std::nullopt;
  if (!inner || inner->operand(0).rank() != 0) return {};
  const ir::TensorType type = m.operand(0).type();
  const ir::Space space = m.op().space(m.node().attributes, {&type, 1});
  const bool inside =
      std::ranges::all_of(space.reads, [&](const auto& map) { return always_inside(map, space, type.shape); });
  return inside ? broadcast(inner->operand(0), m.result().shape()) : Expr();
}

/// A stretched operand before it was stretched, or a stretched number in the same shape.
Expr before_stretching(const Match& stretched, const Match& model) {
  if (stretched.operand(0).rank() == 0) {
    const Expr number = stretched.operand(0);
    return model.operand(0).rank() == 0 ? number : broadcast(number, model.operand(0).shape());
  }
  const bool same = stretched.operand(0).shape() == model.operand(0).shape() &&
                    stretched.attributes<ir::Broadcast>().dims == model.attributes<ir::Broadcast>().dims;
  return same ? stretched.operand(0) : Expr();
}

/// f(broadcast x, broadcast y) -> broadcast f(x, y), when both are stretched alike.
Expr compute_then_stretch(const Match& m) {
  if (m.op().form != ir::Form::pointwise || m.op().reads_axes || m.operands() == 0) return {};
  std::vector<Match> stretched;
  for (std::size_t k = 0; k < m.operands(); ++k) {
    const auto operand = m.operand_is<ir::Broadcast>(k);
    if (!operand) return {};
    stretched.push_back(*operand);
  }
  const Match& model = *std::ranges::max_element(stretched, {}, [](const Match& s) { return s.operand(0).rank(); });
  if (model.operand(0).type().elements() >= m.result().type().elements()) return {};
  std::vector<ir::Value> operands;
  for (const Match& s : stretched) {
    const Expr small = before_stretching(s, model);
    if (!small) return {};
    operands.push_back(small.value());
  }
  const ir::NodeId small = m.graph().add(m.node().kind, m.node().attributes, operands, m.node().body);
  return broadcast(Expr(m.graph(), {small, 0}), m.result().shape(), model.attributes<ir::Broadcast>().dims);
}

constexpr Rule rules[] = {
    {"a move that moves nothing -> its operand", "each element comes from its own place", on_any, relabel_same_shape},
    {"a move that only relabels -> reshape", "elements keep their row-major order", on_any, relabel},
    {"reshape(reshape x) -> reshape x", "both keep the row-major order", on<ir::Reshape>, reshape_reshape},
    {"transpose(transpose x) -> transpose x", "permutations compose", on<ir::Transpose>, transpose_transpose},
    {"broadcast(broadcast x) -> broadcast x", "the axes' positions compose", on<ir::Broadcast>, broadcast_broadcast},
    {"reverse(reverse x) -> reverse x", "an axis reversed twice is as it was", on<ir::Reverse>, reverse_reverse},
    {"slice(slice x) -> slice x", "starts and strides compose", on<ir::Slice>, slice_slice},
    {"a move of a stretched number -> the number, stretched", "every element is that number, and none is filled in",
     on_any, moved_splat},
    {"f(broadcast x, broadcast y) -> broadcast f(x, y)", "a pointwise op gives equal bits for equal operands", on_any,
     compute_then_stretch},
};

}  // namespace

std::span<const Rule> movement_rules() { return rules; }

}  // namespace sinter::passes
