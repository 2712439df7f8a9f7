#include <sinter/frontend/array.h>
#include <sinter/frontend/merging_layers.h>
#include <sinter/ir/ops/contraction.h>

#include <algorithm>

#include "normalized.h"

namespace sinter {
namespace {

std::string listed(const std::vector<Shape>& shapes) {
  std::string text;
  for (const Shape& s : shapes) text += (text.empty() ? "" : " and ") + ir::to_string(s);
  return text;
}

/// Axes of extent 1 after the batch, up to `rank`.
Shape widened(const Shape& shape, int rank) {
  ir::Ints dims = shape.ints();
  dims.insert(dims.begin() + 1, static_cast<std::size_t>(rank - shape.rank()), 1);
  return Shape(std::move(dims));
}

int largest_rank(const std::vector<Shape>& shapes) {
  return std::max_element(shapes.begin(), shapes.end(),
                          [](const Shape& a, const Shape& b) { return a.rank() < b.rank(); })
      ->rank();
}

}  // namespace

void Merge::build_many(const std::vector<Shape>& inputs) {
  const int rank = largest_rank(inputs);
  for (const Shape& s : inputs)
    if (s.rank() == 0 || s[0] != inputs.front()[0])
      fail(str("expected inputs with the same batch, got ", listed(inputs)));
  Shape shape = widened(inputs.front(), rank);
  for (const Shape& s : inputs) {
    const Shape next = widened(s, rank);
    ir::Ints dims;
    for (int k = 0; k < rank; ++k) {
      if (shape[k] != next[k] && shape[k] != 1 && next[k] != 1)
        fail(str("the inputs have shapes ", listed(inputs), ", which differ on axis ", k,
                 "; expected equal extents, or 1 on one side"));
      dims.push_back(std::max(shape[k], next[k]));
    }
    shape = Shape(std::move(dims));
  }
}

Tensors Merge::call_many(Tensors xs) {
  std::vector<Shape> shapes;
  for (const Tensor& x : xs) shapes.push_back(x.shape());
  const int rank = largest_rank(shapes);
  Tensor merged = reshape(xs.front(), widened(xs.front().shape(), rank));
  for (std::size_t k = 1; k < xs.size(); ++k) merged = merge(merged, reshape(xs[k], widened(xs[k].shape(), rank)));
  return {finish(merged, xs.size())};
}

namespace {

/// Masks of one rank, for inputs that were widened to `rank`: axes of extent 1 after the batch, then at the end.
Tensors aligned_masks(const Tensors& xs, int rank) {
  Tensors masks;
  int longest = 0;
  for (const Tensor& x : xs) {
    const Shape shape = x.mask().shape();
    masks.push_back(reshape(x.mask(), widened(shape, shape.rank() + rank - x.rank())));
    longest = std::max(longest, masks.back().rank());
  }
  for (Tensor& m : masks)
    while (m.rank() < longest) m = expand_dims(m, -1);
  return masks;
}

}  // namespace

/// A position counts where it does in any input; without a mask everywhere, as soon as one input has none.
Tensors Merge::compute_mask(const Tensors& xs) const {
  int rank = 0;
  for (const Tensor& x : xs) {
    if (x.mask().empty()) return {};
    rank = std::max(rank, x.rank());
  }
  const Tensors masks = aligned_masks(xs, rank);
  Tensor any_of_them = masks.front();
  for (std::size_t k = 1; k < masks.size(); ++k) any_of_them = logical_or(any_of_them, masks[k]);
  return {any_of_them};
}

Tensor Merge::finish(const Tensor& merged, std::size_t) const { return merged; }

Tensor Add::merge(const Tensor& a, const Tensor& b) const { return a + b; }
Tensor Multiply::merge(const Tensor& a, const Tensor& b) const { return a * b; }
Tensor Average::merge(const Tensor& a, const Tensor& b) const { return a + b; }
Tensor Average::finish(const Tensor& merged, std::size_t count) const { return merged / count; }
Tensor Maximum::merge(const Tensor& a, const Tensor& b) const { return maximum(a, b); }
Tensor Minimum::merge(const Tensor& a, const Tensor& b) const { return minimum(a, b); }

void Subtract::build_many(const std::vector<Shape>& inputs) {
  if (inputs.size() != 2) fail(str("expected exactly 2 inputs, got ", inputs.size()));
  Merge::build_many(inputs);
}
Tensor Subtract::merge(const Tensor& a, const Tensor& b) const { return a - b; }

Concatenate::Concatenate(Dim axis) : Concatenate(Options{.axis = axis}) {}
Concatenate::Concatenate(Options options) : Layer({.name = options.name}), options_(std::move(options)) {}

void Concatenate::build_many(const std::vector<Shape>& inputs) {
  const int rank = inputs.front().rank();
  const std::int64_t axis = options_.axis < 0 ? options_.axis + rank : options_.axis.value();
  if (axis < 1 || axis >= rank)
    fail(str("axis ", options_.axis.value(), " does not exist for inputs ", inputs.front(), " or is the batch"));
  for (const Shape& s : inputs)
    for (int k = 0; k < std::max(rank, s.rank()); ++k)
      if (s.rank() != rank || (k != axis && s[k] != inputs.front()[k]))
        fail(str("expected inputs that differ on axis ", axis, " alone, got ", listed(inputs)));
}

Tensors Concatenate::call_many(Tensors xs) {
  return {concatenate(std::vector<Operand>(xs.begin(), xs.end()), options_.axis)};
}

/// The masks one after the other, an input without one counting everywhere; then whatever has a feature that counts.
Tensors Concatenate::compute_mask(const Tensors& xs) const {
  if (std::all_of(xs.begin(), xs.end(), [](const Tensor& x) { return x.mask().empty(); })) return {};
  std::vector<Operand> masks;
  for (const Tensor& x : xs) {
    Tensor m = x.mask().empty() ? constant(Array::full({}, 1.0, DType::i1)) : x.mask();
    while (m.rank() > 0 && m.rank() < x.rank()) m = expand_dims(m, -1);
    masks.emplace_back(broadcast_to(m, x.shape()));
  }
  return {any(concatenate(masks, options_.axis), -1)};
}

Dot::Dot(Dim axis) : Dot(Options{.axes = {axis}}) {}
Dot::Dot(Options options) : Layer({.name = options.name}), options_(std::move(options)) {
  const std::size_t n = options_.axes.values().size();
  if (n != 1 && n != 2) fail(str("axes takes one axis, or one for each of the two inputs, got ", n));
}

std::pair<int, int> Dot::axes_of(int rank_a, int rank_b) const {
  const auto of = [&](std::int64_t axis, int rank) {
    const std::int64_t resolved = axis < 0 ? axis + rank : axis;
    if (resolved < 1 || resolved >= rank)
      fail(str("axis ", axis, " does not exist for an input of rank ", rank, " or is the batch"));
    return static_cast<int>(resolved);
  };
  return {of(options_.axes.values().front(), rank_a), of(options_.axes.values().back(), rank_b)};
}

void Dot::build_many(const std::vector<Shape>& inputs) {
  if (inputs.size() != 2) fail(str("expected exactly 2 inputs, got ", inputs.size()));
  const auto [a, b] = axes_of(inputs[0].rank(), inputs[1].rank());
  if (inputs[0][a] != inputs[1][b])
    fail(str("the axes summed over differ: axis ", a, " of ", inputs[0], " and axis ", b, " of ", inputs[1]));
}

Tensors Dot::call_many(Tensors xs) {
  const auto [a, b] = axes_of(xs[0].rank(), xs[1].rank());
  if (options_.normalize) xs = {detail::normalized(xs[0], a, 1e-7), detail::normalized(xs[1], b, 1e-7)};
  const Tensor y(
      ir::dot(xs[0].expr(), xs[1].expr(), {.batch_a = {0}, .batch_b = {0}, .contract_a = {a}, .contract_b = {b}}));
  return {y.rank() == 1 ? expand_dims(y, 1) : y};
}

}  // namespace sinter
