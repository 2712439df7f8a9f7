#include <sinter/ir/window_nest.h>

#include <algorithm>

#include <sinter/ir/sum_order.h>

namespace sinter::ir {

namespace {

bool reads(const IndexMap& map, int axis) {
  return std::ranges::any_of(map.coordinates, [&](const Coordinate& c) { return c.scale_of(axis) != 0; });
}

/// The last axis of `shape` that has an extent is the axis `axis` of the space.
bool lies_along(const IndexMap& map, const Shape& shape, int axis) {
  int last = shape.rank() - 1;
  while (last >= 0 && shape[last] == 1) --last;
  return last >= 0 && map.coordinates[static_cast<std::size_t>(last)].scale_of(axis) == 1;
}

/// Batch, units, tile and columns. False when there is no tile, or not exactly one axis of vectors.
bool split_axes(const Space& space, std::span<const TensorType> operands, WindowNest& nest) {
  std::vector<int> rows, columns;
  for (int k = 0; k < static_cast<int>(space.parallel.size()); ++k) {
    const bool first = reads(space.reads[0], k);
    const bool second = reads(space.reads[1], k);
    if (first && second)
      nest.batch.push_back(k);
    else if (space.extent(k) > 1)
      (first ? rows : columns).push_back(k);
    else
      nest.units.push_back(k);
  }
  const auto along = [&](int axis) {
    return lies_along(space.reads[0], operands[0].shape, axis) && lies_along(space.reads[1], operands[1].shape, axis);
  };
  if (columns.empty() && !nest.batch.empty() && space.extent(nest.batch.back()) > 1 && along(nest.batch.back())) {
    columns = {nest.batch.back()};
    nest.batch.pop_back();
    nest.shared_columns = true;
  }
  if (rows.empty() || columns.size() != 1) return false;
  nest.tile = rows.back();
  nest.columns = columns.front();
  rows.pop_back();
  nest.units.insert(nest.units.end(), rows.begin(), rows.end());
  std::ranges::sort(nest.units);
  return true;
}

/// One axis of the result and at most one reduced axis, or a reduced axis alone that stays inside.
bool is_window(const Coordinate& c, const Space& space, std::int64_t extent) {
  if (c.indirect || c.modulus != 0 || (c.divisor != 1 && c.division != Division::exact)) return false;
  int parallel = 0;
  int reduced = 0;
  for (const int axis : moving_axes(c, space)) ++(axis < static_cast<int>(space.parallel.size()) ? parallel : reduced);
  if (parallel > 1 || reduced > 1) return false;
  if (parallel == 1) return true;
  const CoordinateRange range = range_of(c, space);
  return c.divisor == 1 && range.low >= 0 && range.high < extent;
}

bool is_plain(const IndexMap& map, const Space& space, const Shape& operand) {
  return map.is_affine() && always_inside(map, space, operand) &&
         std::ranges::all_of(map.coordinates, [&](const Coordinate& c) { return moving_axes(c, space).size() <= 1; });
}

}  // namespace

std::vector<int> moving_axes(const Coordinate& coordinate, const Space& space) {
  std::vector<int> axes;
  for (const AxisTerm& t : coordinate.terms)
    if (space.extent(t.axis) > 1) axes.push_back(t.axis);
  return axes;
}

bool is_inside(const Coordinate& coordinate, std::span<const std::int64_t> values, std::int64_t extent) {
  std::int64_t v = coordinate.offset;
  for (const AxisTerm& t : coordinate.terms) v += t.scale * values[static_cast<std::size_t>(t.axis)];
  return v >= 0 && v % coordinate.divisor == 0 && v / coordinate.divisor < extent;
}

std::optional<WindowNest> window_nest(const Space& space, std::span<const TensorType> operands) {
  if (space.reads.size() != 2 || !space.read_operands.empty() || space.reduced.empty()) return std::nullopt;
  if (space.parallel_elements() == 0 || space.reduced_elements() == 0) return std::nullopt;
  WindowNest nest;
  if (!split_axes(space, operands, nest) || !is_plain(space.reads[1], space, operands[1].shape)) return std::nullopt;
  const int inner = space.axes() - 1;
  const auto& coordinates = space.reads[0].coordinates;
  for (std::size_t k = 0; k < coordinates.size(); ++k) {
    const Coordinate& c = coordinates[k];
    if (!is_window(c, space, operands[0].shape[static_cast<int>(k)])) return std::nullopt;
    const std::vector<int> axes = moving_axes(c, space);
    if (axes.size() != 2) continue;
    const int reduced = std::max(axes[0], axes[1]);
    if (std::min(axes[0], axes[1]) == nest.tile) nest.partner = reduced;
    if (reduced == inner) nest.chunked = true;
  }
  if (!is_windowed(space, operands) && ChainChunks(space.reduced).count() > 1) nest.chunked = true;
  const bool partner_in_rows = nest.chunked && nest.partner >= 0 && nest.partner != inner;
  if (partner_in_rows) return std::nullopt;
  return nest;
}

}  // namespace sinter::ir
