#include <sinter/ir/affine.h>

#include <sinter/ir/error.h>

namespace sinter::ir {

namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0 && (a % b < 0) != (b < 0)) ? 1 : 0);
}

/// this = divisor * quotient + rest, taking every term whose scale divides.
struct Split {
  Affine quotient, rest;
};

Split split(const Affine& a, std::int64_t divisor) {
  Split s;
  for (const auto& [axis, scale] : a.scales)
    (scale % divisor == 0 ? s.quotient : s.rest).add(axis, scale % divisor == 0 ? scale / divisor : scale);
  s.quotient.offset = floor_div(a.offset, divisor);
  s.rest.offset = a.offset - s.quotient.offset * divisor;
  return s;
}

}  // namespace

Affine Affine::constant(std::int64_t value) {
  Affine a;
  a.offset = value;
  return a;
}

Affine Affine::axis(int axis, std::int64_t scale) {
  Affine a;
  a.add(axis, scale);
  return a;
}

void Affine::add(int axis, std::int64_t scale) {
  const std::int64_t sum = scale_of(axis) + scale;
  if (sum == 0)
    scales.erase(axis);
  else
    scales[axis] = sum;
}

Affine Affine::scaled(std::int64_t factor) const {
  Affine a;
  a.offset = offset * factor;
  for (const auto& [axis, scale] : scales) a.add(axis, scale * factor);
  return a;
}

std::int64_t Affine::scale_of(int axis) const {
  const auto at = scales.find(axis);
  return at == scales.end() ? 0 : at->second;
}

CoordinateRange Affine::range(std::span<const std::int64_t> extents) const {
  CoordinateRange r{offset, offset};
  for (const auto& [axis, scale] : scales) {
    const std::int64_t most = scale * std::max<std::int64_t>(extents[static_cast<std::size_t>(axis)] - 1, 0);
    (most < 0 ? r.low : r.high) += most;
  }
  return r;
}

std::optional<Affine> Affine::divide_floor(std::int64_t divisor, std::span<const std::int64_t> extents) const {
  if (divisor == 1) return *this;
  const Split s = split(*this, divisor);
  const CoordinateRange r = s.rest.range(extents);
  const std::int64_t low = floor_div(r.low, divisor);
  if (low != floor_div(r.high, divisor)) return std::nullopt;
  return s.quotient + constant(low);
}

std::optional<Affine> Affine::modulo(std::int64_t modulus, std::span<const std::int64_t> extents) const {
  const Split s = split(*this, modulus);
  const CoordinateRange r = s.rest.range(extents);
  const std::int64_t low = floor_div(r.low, modulus);
  if (low != floor_div(r.high, modulus)) return std::nullopt;
  return s.rest + constant(-low * modulus);
}

void Affine::drop_unit_axes(std::span<const std::int64_t> extents) {
  std::erase_if(scales, [&](const auto& item) { return extents[static_cast<std::size_t>(item.first)] == 1; });
}

Affine operator+(const Affine& a, const Affine& b) {
  Affine sum = a;
  sum.offset += b.offset;
  for (const auto& [axis, scale] : b.scales) sum.add(axis, scale);
  return sum;
}

Affine flatten(std::span<const Affine> indices, const Shape& shape) {
  const Ints strides = shape.strides();
  Affine flat;
  for (std::size_t k = 0; k < indices.size(); ++k) flat = flat + indices[k].scaled(strides[k]);
  return flat;
}

std::string to_string(const Affine& affine) {
  std::string out;
  for (const auto& [axis, scale] : affine.scales)
    out += (out.empty() ? "" : " + ") + std::string("d") + std::to_string(axis) +
           (scale == 1 ? "" : "*" + std::to_string(scale));
  if (out.empty() || affine.offset != 0) out += (out.empty() ? "" : " + ") + std::to_string(affine.offset);
  return out;
}

}  // namespace sinter::ir
