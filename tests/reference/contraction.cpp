// Reference of dot.

#include <algorithm>
#include <cmath>

#include <sinter/ir/ops.h>

#include "reference/reference.h"
#include "reference/sums.h"

namespace sinter::reference {

Cell multiply_add(DType dtype, const Cell& a, const Cell& b, const Cell& c) {
  if (ir::is_integer(dtype))
    return {0.0, wrap(dtype, static_cast<std::uint64_t>(a.integer) * static_cast<std::uint64_t>(b.integer) +
                                 static_cast<std::uint64_t>(c.integer))};
  const double x = flush(dtype, a.real);
  const double y = flush(dtype, b.real);
  const double z = flush(dtype, c.real);
  if (dtype == DType::f64) return {round_to(dtype, std::fma(x, y, z)), 0};
  return {round_to(dtype,
                   static_cast<double>(std::fma(static_cast<float>(x), static_cast<float>(y), static_cast<float>(z)))),
          0};
}

namespace {

using ir::Ints;

std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }

Cell sum(DType dtype, const Cell& a, const Cell& b) { return multiply_add(dtype, a, {1.0, 1}, b); }

/// Axes of `t` in neither list.
Ints others(const Tensor& t, const Ints& a, const Ints& b) {
  Ints rest;
  for (std::int64_t k = 0; k < t.type.rank(); ++k)
    if (std::count(a.begin(), a.end(), k) + std::count(b.begin(), b.end(), k) == 0) rest.push_back(k);
  return rest;
}

std::vector<Tensor> dot(const ir::Node& node, std::span<const Tensor> operands) {
  const auto attrs = ir::unpack<ir::Dot::Attrs>(node.attributes);
  const Tensor& x = operands[0];
  const Tensor& y = operands[1];
  const Ints free_x = others(x, attrs.batch_a, attrs.contract_a);
  const Ints free_y = others(y, attrs.batch_b, attrs.contract_b);
  const auto extent = [](const Tensor& t, std::int64_t axis) { return t.type.shape.ints()[at(axis)]; };
  Ints shape, inner;
  for (const std::int64_t axis : attrs.batch_a) shape.push_back(extent(x, axis));
  for (const std::int64_t axis : free_x) shape.push_back(extent(x, axis));
  for (const std::int64_t axis : free_y) shape.push_back(extent(y, axis));
  for (const std::int64_t axis : attrs.contract_a) inner.push_back(extent(x, axis));
  std::vector<Ints> terms;
  for_each_index(inner, [&](const Ints& index) { terms.push_back(index); });

  const DType dtype = x.type.dtype;
  Tensor t{{dtype, ir::Shape(shape)}, {}};
  for_each_index(shape, [&](const Ints& index) {
    Ints from_x(at(x.type.rank())), from_y(at(y.type.rank()));
    std::size_t next = 0;
    for (std::size_t k = 0; k < attrs.batch_a.size(); ++k, ++next)
      from_x[at(attrs.batch_a[k])] = from_y[at(attrs.batch_b[k])] = index[next];
    for (const std::int64_t axis : free_x) from_x[at(axis)] = index[next++];
    for (const std::int64_t axis : free_y) from_y[at(axis)] = index[next++];
    const auto step = [&](const Cell& carry, std::int64_t term) {
      for (std::size_t k = 0; k < inner.size(); ++k) {
        from_x[at(attrs.contract_a[k])] = terms[at(term)][k];
        from_y[at(attrs.contract_b[k])] = terms[at(term)][k];
      }
      return multiply_add(dtype, *x.at(from_x), *y.at(from_y), carry);
    };
    t.cells.push_back(chain(inner, Cell{}, step, [&](const Cell& a, const Cell& b) { return sum(dtype, a, b); }));
  });
  return {t};
}

}  // namespace

std::vector<Definition> contraction_definitions() { return {{"dot", dot}}; }

}  // namespace sinter::reference
