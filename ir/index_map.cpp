#include <sinter/ir/index_map.h>

#include <algorithm>

#include <sinter/ir/affine.h>
#include <sinter/ir/error.h>

namespace sinter::ir {

Coordinate Coordinate::of(int axis, std::int64_t scale, std::int64_t offset) {
  Coordinate c;
  c.offset = offset;
  c.terms = {{axis, scale}};
  return c;
}

Coordinate Coordinate::constant(std::int64_t offset) {
  Coordinate c;
  c.offset = offset;
  return c;
}

bool Coordinate::is_affine() const { return !indirect && divisor == 1 && modulus == 0; }

std::int64_t Coordinate::scale_of(int axis) const {
  std::int64_t scale = 0;
  for (const AxisTerm& t : terms)
    if (t.axis == axis) scale += t.scale;
  return scale;
}

IndexMap IndexMap::identity(int rank) {
  IndexMap map;
  for (int k = 0; k < rank; ++k) map.coordinates.push_back(Coordinate::of(k));
  return map;
}

IndexMap IndexMap::select(std::span<const std::int64_t> axes) {
  IndexMap map;
  for (const std::int64_t axis : axes) map.coordinates.push_back(Coordinate::of(static_cast<int>(axis)));
  return map;
}

bool IndexMap::is_affine() const {
  for (const Coordinate& c : coordinates)
    if (!c.is_affine()) return false;
  return true;
}

bool IndexMap::is_identity() const {
  for (std::size_t k = 0; k < coordinates.size(); ++k) {
    const Coordinate& c = coordinates[k];
    if (!c.is_affine() || c.offset != 0 || c.terms.size() != 1) return false;
    if (c.terms[0] != AxisTerm{static_cast<int>(k), 1}) return false;
  }
  return true;
}

std::int64_t Space::extent(int axis) const {
  const auto at = static_cast<std::size_t>(axis);
  return at < parallel.size() ? parallel[at] : reduced[at - parallel.size()];
}

std::int64_t Space::parallel_elements() const { return Shape(parallel).elements(); }
std::int64_t Space::reduced_elements() const { return Shape(reduced).elements(); }

Space pointwise_space(const Shape& shape, std::size_t operands) {
  Space s;
  s.parallel = shape.ints();
  s.reads.assign(operands, IndexMap::identity(shape.rank()));
  return s;
}

namespace {

Ints extents_of(const Space& space) {
  Ints extents = space.parallel;
  extents.insert(extents.end(), space.reduced.begin(), space.reduced.end());
  return extents;
}

}  // namespace

CoordinateRange range_of(const Coordinate& coordinate, const Space& space) {
  Affine a;
  a.offset = coordinate.offset;
  for (const AxisTerm& t : coordinate.terms) a.add(t.axis, t.scale);
  const auto [low, high] = a.range(extents_of(space));
  return {low, high};
}

bool always_inside(const IndexMap& map, const Space& space, const Shape& operand) {
  for (std::size_t k = 0; k < map.coordinates.size(); ++k) {
    const Coordinate& c = map.coordinates[k];
    if (c.indirect || (c.divisor != 1 && c.division == Division::exact)) return false;
    CoordinateRange r = range_of(c, space);
    if (r.low < 0) return false;
    r.low /= c.divisor;
    r.high /= c.divisor;
    if (c.modulus != 0) r = {0, std::min(r.high, c.modulus - 1)};
    if (r.high >= operand[static_cast<int>(k)]) return false;
  }
  return true;
}

bool is_windowed(const Space& space, std::span<const TensorType> operands) {
  for (std::size_t k = 0; k < space.reads.size(); ++k) {
    if (!always_inside(space.reads[k], space, operands[static_cast<std::size_t>(space.operand_of(k))].shape))
      return true;
    for (const Coordinate& c : space.reads[k].coordinates)
      if (std::ranges::count_if(c.terms, [&](const AxisTerm& t) { return space.extent(t.axis) > 1; }) > 1) return true;
  }
  return false;
}

bool is_relabelling(const IndexMap& map, const Space& space, const Shape& operand) {
  if (!space.reduced.empty() || space.parallel_elements() != operand.elements()) return false;
  const Ints extents = extents_of(space);
  std::vector<Affine> axes;
  for (int k = 0; k < space.axes(); ++k) axes.push_back(Affine::axis(k));
  Affine address;
  const Ints strides = operand.strides();
  // The row-major address of the result, digit by digit, must be the address read.
  const Ints own = Shape(space.parallel).strides();
  Affine wanted;
  for (int k = 0; k < space.axes(); ++k)
    if (space.extent(k) > 1) wanted.add(k, own[static_cast<std::size_t>(k)]);
  // Reshape: every coordinate is a digit of one flat number.
  bool digits = !map.coordinates.empty();
  for (std::size_t k = 0; k < map.coordinates.size(); ++k) {
    const Coordinate& c = map.coordinates[k];
    if (c.indirect || (c.division == Division::exact && c.divisor != 1)) return false;
    Affine numerator;
    numerator.offset = c.offset;
    for (const AxisTerm& t : c.terms)
      if (space.extent(t.axis) > 1) numerator.add(t.axis, t.scale);
    const bool is_digit = numerator == wanted && c.divisor == strides[k] &&
                          (c.modulus == operand[static_cast<int>(k)] || (k == 0 && c.modulus == 0));
    digits = digits && is_digit;
    const std::optional<Affine> value = numerator.divide_floor(c.divisor, extents);
    const std::optional<Affine> reduced = !value ? value : c.modulus == 0 ? value : value->modulo(c.modulus, extents);
    if (!reduced) {
      if (!is_digit) return false;
      continue;
    }
    address = address + reduced->scaled(strides[k]);
  }
  if (digits) return true;
  address.drop_unit_axes(extents);
  return address == wanted && always_inside(map, space, operand);
}

namespace {

std::string sum_text(const Coordinate& c) {
  std::string out;
  for (const AxisTerm& t : c.terms) {
    if (!out.empty()) out += t.scale < 0 ? " - " : " + ";
    const std::int64_t scale = out.empty() ? t.scale : (t.scale < 0 ? -t.scale : t.scale);
    if (scale == -1) out += "-";
    if (scale != 1 && scale != -1) out += std::to_string(scale) + "*";
    out += "d" + std::to_string(t.axis);
  }
  if (c.indirect) {
    if (!out.empty()) out += " + ";
    out += "operand" + std::to_string(c.indirect->operand) + "[" + to_string(*c.indirect->map) + "]";
  }
  if (out.empty()) return std::to_string(c.offset);
  if (c.offset > 0) out += " + " + std::to_string(c.offset);
  if (c.offset < 0) out += " - " + std::to_string(-c.offset);
  return out;
}

}  // namespace

std::string to_string(const Coordinate& c) {
  std::string out = sum_text(c);
  if (c.divisor != 1)
    out = "(" + out + ")" + (c.division == Division::exact ? " /exact " : " / ") + std::to_string(c.divisor);
  if (c.modulus != 0) out = "(" + out + ") mod " + std::to_string(c.modulus);
  return out;
}

std::string to_string(const IndexMap& map) {
  std::string out;
  for (const Coordinate& c : map.coordinates) out += (out.empty() ? "" : ", ") + to_string(c);
  return out;
}

}  // namespace sinter::ir
