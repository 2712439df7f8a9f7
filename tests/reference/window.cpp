// References of convolution and pooling.

#include <cmath>
#include <limits>

#include <sinter/ir/ops.h>

#include "reference/reference.h"
#include "reference/sums.h"

namespace sinter::reference {

namespace {

using ir::Ints;

std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }

// ---- Convolution ----

/// The parts of an index of x, w or y: [n, spatial, g, c], [spatial, c, g, f], [n, spatial, g, f].
struct Place {
  Ints spatial;
  std::int64_t n = 0, g = 0, c = 0, f = 0;
};

enum class Which { x, w, y };

Ints index_of(Which which, const Place& p) {
  Ints index;
  if (which != Which::w) index.push_back(p.n);
  index.insert(index.end(), p.spatial.begin(), p.spatial.end());
  if (which == Which::w) index.push_back(p.c);
  index.push_back(p.g);
  index.push_back(which == Which::x ? p.c : p.f);
  return index;
}

/// Where x is read for output o and kernel position k; empty when a gradient's position is between strides.
Ints input_place(const ir::Conv::Attrs& a, const Ints& o, const Ints& k) {
  Ints i;
  for (std::size_t d = 0; d < o.size(); ++d) i.push_back(a.stride[d] * o[d] + a.dilation[d] * k[d] - a.low[d]);
  return i;
}

std::vector<Tensor> conv(const ir::Node& node, std::span<const Tensor> operands) {
  const auto a = ir::unpack<ir::Conv::Attrs>(node.attributes);
  const Tensor& first = operands[0];
  const Tensor& second = operands[1];
  const Ints& two = second.type.shape.ints();
  const std::size_t n = a.stride.size();
  const DType dtype = first.type.dtype;
  const auto join = [&](const Cell& x, const Cell& y) { return multiply_add(dtype, x, {1.0, 1}, y); };
  const auto spatial = [&](const Ints& shape, std::size_t from) {
    return Ints(shape.begin() + static_cast<std::ptrdiff_t>(from),
                shape.begin() + static_cast<std::ptrdiff_t>(from + n));
  };
  Tensor result{node.results[0], {}};
  const bool to_y = a.role == "forward";
  const bool to_x = a.role == "input_gradient";
  // What is summed over: the kernel and the channels that the operands share, or batch and outputs.
  Ints inner = to_y || to_x ? spatial(two, 0) : spatial(two, 1);
  if (to_y) inner.push_back(two[n]);
  if (to_x) inner.push_back(two[n + 2]);
  if (!to_y && !to_x) inner.insert(inner.begin(), two[0]);
  std::vector<Ints> terms;
  for_each_index(inner, [&](const Ints& index) { terms.push_back(index); });
  for_each_index(result.type.shape.ints(), [&](const Ints& index) {
    const auto step = [&](const Cell& carry, std::int64_t number) {
      const Ints& term = terms[at(number)];
      Place x, w, y;
      x.g = w.g = y.g = index[n + 1];
      if (to_y || to_x) {
        x.n = y.n = index[0];
        w.spatial = Ints(term.begin(), term.end() - 1);
        (to_y ? x.c : y.f) = term.back();
        w.c = x.c = to_y ? term.back() : index[n + 2];
        w.f = y.f = to_y ? index[n + 2] : term.back();
      } else {
        x.n = y.n = term[0];
        w.spatial = spatial(index, 0);
        y.spatial = Ints(term.begin() + 1, term.end());
        w.c = x.c = index[n];
        w.f = y.f = index[n + 2];
      }
      if (to_y) y.spatial = spatial(index, 1);
      if (to_x) {  // the output that sees input i through kernel position k
        x.spatial = spatial(index, 1);
        for (std::size_t d = 0; d < n; ++d) {
          const std::int64_t shifted = x.spatial[d] - a.dilation[d] * w.spatial[d] + a.low[d];
          if (shifted < 0 || shifted % a.stride[d] != 0) return carry;
          y.spatial.push_back(shifted / a.stride[d]);
        }
      } else {
        x.spatial = input_place(a, y.spatial, w.spatial);
      }
      const Cell* p = first.at(index_of(to_x ? Which::y : Which::x, to_x ? y : x));
      const Cell* q = second.at(index_of(to_y || to_x ? Which::w : Which::y, to_y || to_x ? w : y));
      return p == nullptr || q == nullptr ? carry : multiply_add(dtype, *p, *q, carry);
    };
    result.cells.push_back(chain(inner, Cell{}, step, join));
  });
  return {result};
}

// ---- Pooling ----

/// Calls visit(element of x, number within the window) for what window `o` holds.
template <class Visit>
void for_window(const ir::WindowAttrs& a, const Ints& o, const Ints& extents, Visit visit) {
  std::int32_t number = 0;
  for_each_index(a.window, [&](const Ints& k) {
    Ints i;
    bool inside = true;
    for (std::size_t d = 0; d < o.size(); ++d) {
      i.push_back(a.stride[d] * o[d] + k[d] - a.low[d]);
      inside = inside && i[d] >= 0 && i[d] < extents[d];
    }
    if (inside) visit(i, number);
    ++number;
  });
}

std::vector<Tensor> max_pool(const ir::Node& node, std::span<const Tensor> operands) {
  const auto a = ir::unpack<ir::WindowAttrs>(node.attributes);
  const Tensor& x = operands[0];
  const DType dtype = x.type.dtype;
  Tensor values{node.results[0], {}}, numbers{node.results[1], {}};
  for_each_index(a.shape.ints(), [&](const Ints& o) {
    Cell best = element(dtype, -std::numeric_limits<double>::infinity());
    std::int64_t best_number = -1;
    for_window(a, o, x.type.shape.ints(), [&](const Ints& i, std::int32_t number) {
      const Cell& cell = *x.at(i);
      const double f = flush(dtype, cell.real);
      const double g = flush(dtype, best.real);
      const bool larger =
          ir::is_integer(dtype) ? cell.integer > best.integer : !std::isnan(g) && (std::isnan(f) || f > g);
      if (best_number >= 0 && !larger) return;
      best = cell;
      best_number = number;
    });
    values.cells.push_back(best);
    numbers.cells.push_back({0.0, best_number});
  });
  return {values, numbers};
}

Cell added(DType dtype, const Cell& a, const Cell& b) {
  if (ir::is_integer(dtype))
    return {0.0, wrap(dtype, static_cast<std::uint64_t>(a.integer) + static_cast<std::uint64_t>(b.integer))};
  return {round_to(dtype, flush(dtype, a.real) + flush(dtype, b.real)), 0};
}

/// Sums kept in the accumulator's dtype, rounded to the result's at the end. Windows of up to 1024 elements are one
/// chain.
class Sums {
 public:
  explicit Sums(const ir::TensorType& type)
      : type_(type), wide_(ir::is_half(type.dtype) ? DType::f32 : type.dtype), cells_(at(type.elements())) {}
  void add(const Ints& index, const Cell& cell) {
    std::int64_t flat = 0;
    for (std::size_t k = 0; k < index.size(); ++k) flat = flat * type_.shape.ints()[k] + index[k];
    cells_[at(flat)] = added(wide_, cells_[at(flat)], convert(cell, type_.dtype, wide_));
  }
  Tensor rounded() const {
    Tensor t{type_, {}};
    for (const Cell& c : cells_) t.cells.push_back(convert(c, wide_, type_.dtype));
    return t;
  }

 private:
  ir::TensorType type_;
  DType wide_;
  std::vector<Cell> cells_;
};

std::vector<Tensor> window_pick(const ir::Node& node, std::span<const Tensor> operands) {
  const auto a = ir::unpack<ir::WindowAttrs>(node.attributes);
  Sums sums(node.results[0]);
  for_each_index(a.shape.ints(), [&](const Ints& o) {
    for_window(a, o, operands[0].type.shape.ints(), [&](const Ints& i, std::int32_t number) {
      if (operands[1].at(o)->integer == number) sums.add(o, *operands[0].at(i));
    });
  });
  return {sums.rounded()};
}

/// The windows in which element i of the result stands, by the number it has there.
template <class Visit>
void for_windows_of(const ir::WindowAttrs& a, const Ints& i, const Ints& outputs, Visit visit) {
  std::int32_t number = 0;
  for_each_index(a.window, [&](const Ints& k) {
    Ints o;
    bool inside = true;
    for (std::size_t d = 0; d < i.size(); ++d) {
      const std::int64_t shifted = i[d] - k[d] + a.low[d];
      inside = inside && shifted >= 0 && shifted % a.stride[d] == 0 && shifted / a.stride[d] < outputs[d];
      o.push_back(shifted / a.stride[d]);
    }
    if (inside) visit(o, number);
    ++number;
  });
}

std::vector<Tensor> max_unpool(const ir::Node& node, std::span<const Tensor> operands) {
  const auto a = ir::unpack<ir::WindowAttrs>(node.attributes);
  Sums sums(node.results[0]);
  for_each_index(a.shape.ints(), [&](const Ints& i) {
    for_windows_of(a, i, operands[0].type.shape.ints(), [&](const Ints& o, std::int32_t number) {
      if (operands[1].at(o)->integer == number) sums.add(i, *operands[0].at(o));
    });
  });
  return {sums.rounded()};
}

std::vector<Tensor> window_sum(const ir::Node& node, std::span<const Tensor> operands) {
  const auto attrs = ir::unpack<ir::WindowSum::Attrs>(node.attributes);
  const ir::WindowAttrs a = attrs.geometry();
  const Tensor& x = operands[0];
  Sums sums(node.results[0]);
  for_each_index(a.shape.ints(), [&](const Ints& place) {
    const auto add = [&](const Ints& from, std::int32_t) { sums.add(place, *x.at(from)); };
    if (attrs.role == "forward")
      for_window(a, place, x.type.shape.ints(), add);
    else
      for_windows_of(a, place, x.type.shape.ints(), add);
  });
  return {sums.rounded()};
}

}  // namespace

std::vector<Definition> window_definitions() {
  return {{"conv", conv},
          {"max_pool", max_pool},
          {"window_pick", window_pick},
          {"max_unpool", max_unpool},
          {"window_sum", window_sum}};
}

}  // namespace sinter::reference
