// References of the reductions.

#include <algorithm>
#include <cmath>
#include <limits>

#include <sinter/ir/ops.h>

#include "reference/reference.h"
#include "reference/sums.h"

namespace sinter::reference {

namespace {

using ir::Ints;

enum class Kind { sum, product, maximum, minimum };

Cell identity(Kind kind, DType dtype) {
  switch (kind) {
    case Kind::sum: return {};
    case Kind::product: return {1.0, 1};
    case Kind::maximum: return element(dtype, -std::numeric_limits<double>::infinity());
    case Kind::minimum: return element(dtype, std::numeric_limits<double>::infinity());
  }
  return {};
}

Cell combine(Kind kind, DType dtype, const Cell& a, const Cell& b) {
  const auto x = static_cast<std::uint64_t>(a.integer);
  const auto y = static_cast<std::uint64_t>(b.integer);
  const double f = flush(dtype, a.real);
  const double g = flush(dtype, b.real);
  const bool whole = ir::is_integer(dtype);
  const bool nan = !whole && (std::isnan(f) || std::isnan(g));
  switch (kind) {
    case Kind::sum: return whole ? Cell{0.0, wrap(dtype, x + y)} : Cell{round_to(dtype, f + g), 0};
    case Kind::product: return whole ? Cell{0.0, wrap(dtype, x * y)} : Cell{round_to(dtype, f * g), 0};
    case Kind::maximum: return nan ? Cell{NAN, 0} : (whole ? a.integer > b.integer : f > g) ? a : b;
    case Kind::minimum: return nan ? Cell{NAN, 0} : (whole ? a.integer < b.integer : f < g) ? a : b;
  }
  return {};
}

/// The operand's elements that belong to each result, in row-major order of the reduced axes.
struct Groups {
  ir::Shape shape;  // of the result
  Ints reduced;     // extents
  std::vector<std::vector<Cell>> cells;
};

Groups group(const Tensor& x, const Ints& axes) {
  Groups g;
  Ints kept_extents;
  std::vector<std::size_t> kept;
  for (std::size_t k = 0; k < x.type.shape.ints().size(); ++k) {
    const bool reduced = std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) != axes.end();
    (reduced ? g.reduced : kept_extents).push_back(x.type.shape.ints()[k]);
    if (!reduced) kept.push_back(k);
  }
  g.shape = ir::Shape(kept_extents);
  g.cells.resize(static_cast<std::size_t>(g.shape.elements()));
  std::size_t next = 0;
  // Row-major over the operand visits the elements of each group in row-major order of the reduced axes.
  for_each_index(x.type.shape.ints(), [&](const Ints& index) {
    std::int64_t flat = 0;
    for (const std::size_t k : kept) flat = flat * x.type.shape.ints()[k] + index[k];
    g.cells[static_cast<std::size_t>(flat)].push_back(x.cells[next++]);
  });
  return g;
}

template <Kind kind>
std::vector<Tensor> reduce(const ir::Node& node, std::span<const Tensor> x) {
  const Ints axes = ir::unpack<ir::ReduceAttrs>(node.attributes).axes;
  const Groups groups = group(x[0], axes);
  const DType dtype = x[0].type.dtype;
  const DType wide = ir::is_half(dtype) ? DType::f32 : dtype;
  const bool innermost = !axes.empty() && axes.back() == x[0].type.rank() - 1;
  const auto join = [&](const Cell& a, const Cell& b) { return combine(kind, wide, a, b); };
  Tensor t{{dtype, groups.shape}, {}};
  for (const std::vector<Cell>& cells : groups.cells) {
    const auto step = [&](const Cell& carry, std::int64_t k) {
      return join(carry, convert(cells[static_cast<std::size_t>(k)], dtype, wide));
    };
    const Cell start = identity(kind, wide);
    const Cell total = innermost ? lanes(static_cast<std::int64_t>(cells.size()), start, step, join)
                                 : chain(groups.reduced, start, step, join);
    t.cells.push_back(convert(total, wide, dtype));
  }
  return {t};
}

/// The first largest; a NaN is larger than anything.
std::vector<Tensor> argmax(const ir::Node& node, std::span<const Tensor> x) {
  const Groups groups = group(x[0], {ir::unpack<ir::Argmax::Attrs>(node.attributes).axis});
  const DType dtype = x[0].type.dtype;
  Tensor t{{DType::i32, groups.shape}, {}};
  for (const std::vector<Cell>& cells : groups.cells) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < cells.size(); ++k) {
      const double f = flush(dtype, cells[k].real);
      const double g = flush(dtype, cells[best].real);
      const bool larger =
          ir::is_integer(dtype) ? cells[k].integer > cells[best].integer : !std::isnan(g) && (std::isnan(f) || f > g);
      if (larger) best = k;
    }
    t.cells.push_back({0.0, static_cast<std::int64_t>(best)});
  }
  return {t};
}

}  // namespace

std::vector<Definition> reduction_definitions() {
  return {{"reduce_sum", reduce<Kind::sum>},
          {"reduce_prod", reduce<Kind::product>},
          {"reduce_max", reduce<Kind::maximum>},
          {"reduce_min", reduce<Kind::minimum>},
          {"argmax", argmax}};
}

}  // namespace sinter::reference
