// One generator per op: how to draw valid operands and attributes.

#include <algorithm>

#include <sinter/ir/ops.h>

#include "support/graph_maker.h"
#include "support/random_scan.h"
#include "support/test_externs.h"

namespace sinter::test {

namespace {

using ir::DType;
using ir::Expr;
using ir::Ints;
using ir::Shape;
using Kind = Domain::Kind;

const std::vector<DType> floats = {DType::f32, DType::f64, DType::bf16, DType::f16};
const std::vector<DType> numbers = {DType::f32, DType::f64, DType::bf16, DType::f16,
                                    DType::i32, DType::i64, DType::u32,  DType::u8};
const std::vector<DType> integers = {DType::i32, DType::i64, DType::u32, DType::u8, DType::i1};
const std::vector<DType> everything(std::begin(ir::all_dtypes), std::end(ir::all_dtypes));
const std::vector<DType> contractible = {DType::f32, DType::f64, DType::i32, DType::i64, DType::u32};

std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }

/// y = op(x) with x of one of `dtypes`.
OpGenerator unary(std::string_view op, const std::vector<DType>& dtypes, Kind kind = Kind::any) {
  return {op, [op, &dtypes, kind](GraphMaker& m) {
            const Expr x = m.any_operand(dtypes, kind);
            return ir::detail::append(m.graph, op, {}, std::vector{x});
          }};
}

/// z = op(x, y) with both of one type.
OpGenerator binary(std::string_view op, const std::vector<DType>& dtypes, Kind first = Kind::any) {
  return {op, [op, &dtypes, first](GraphMaker& m) {
            const Expr x = m.any_operand(dtypes, first);
            const Expr y = m.random.chance(0.06) && !m.options.smooth ? x : m.operand(x.type());
            return ir::detail::append(m.graph, op, {}, std::vector{x, y});
          }};
}

Ints random_subset(GraphMaker& m, int rank) {
  Ints axes;
  for (std::int64_t k = 0; k < rank; ++k)
    if (m.random.chance(0.5)) axes.push_back(k);
  return axes;
}

Ints random_permutation(GraphMaker& m, int rank) {
  Ints axes;
  for (std::int64_t k = 0; k < rank; ++k) axes.push_back(k);
  m.random.shuffle(axes);
  return axes;
}

// --- source

Expr make_input(GraphMaker& m) { return m.new_input({m.pick(everything), m.random_shape()}, {}); }
Expr make_state(GraphMaker& m) { return m.new_state({m.pick(everything), m.random_shape()}); }
Expr make_constant(GraphMaker& m) { return m.new_constant({m.pick(everything), m.random_shape()}); }

Expr make_iota(GraphMaker& m) {
  const Shape shape = m.random_shape(1);
  return ir::iota(m.graph, m.pick(numbers), shape, m.random.below(shape.rank()));
}

Expr make_rng_bits(GraphMaker& m) {
  const Domain any;
  const Expr seed = m.new_input({DType::u32, {2}}, any);
  const Expr step = m.new_input({DType::u32, {}}, any);
  const Expr row = m.new_input({DType::u32, {}}, any);
  Shape shape = m.random_shape();
  if (m.random.chance(0.3)) shape = Shape{m.random.between(1, 3), m.random.between(63, 130)};
  return ir::rng_bits(seed, step, row, shape, m.random.below(1000));
}

// --- elementwise

Expr make_compare(GraphMaker& m) {
  const Expr x = m.any_operand(m.options.smooth ? std::vector{DType::f64} : everything);
  const Expr y = m.operand(x.type());
  return compare(x, static_cast<ir::Direction>(m.random.below(6)), y);
}

Expr make_select(GraphMaker& m) {
  const Expr x = m.any_operand(everything);
  const Expr condition = m.fresh ? m.new_input({DType::i1, x.shape()}, {}) : m.operand({DType::i1, x.shape()});
  return select(condition, x, m.operand(x.type()));
}

Expr make_convert(GraphMaker& m) {
  const Expr x = m.any_operand(everything);
  return ir::apply<ir::Convert>({m.random.chance(0.3) ? x.dtype() : m.pick(everything)}, {x});
}

// --- movement

Expr make_broadcast(GraphMaker& m) {
  const Expr x = m.any_operand(everything);
  Ints shape, dims;
  std::int64_t axis = 0;
  std::int64_t elements = x.type().elements();
  const auto maybe_insert = [&] {
    const std::int64_t n = m.random_extent();
    if (shape.size() >= 4 || !m.random.chance(0.4) || elements * n > m.options.elements) return;
    elements *= n;
    shape.push_back(n);
    ++axis;
  };
  maybe_insert();
  for (const std::int64_t extent : x.shape()) {
    shape.push_back(extent);
    dims.push_back(axis++);
    maybe_insert();
  }
  return broadcast(x, Shape(shape), dims);
}

Expr make_reshape(GraphMaker& m) {
  const Expr x = m.any_operand(everything);
  // Factors of the element count, dealt to a few axes.
  Ints shape(at(m.random.between(1, 4)), 1);
  std::int64_t rest = x.type().elements();
  for (std::int64_t p = 2; rest > 1; ++p)
    for (; rest % p == 0; rest /= p) shape[at(m.random.below(static_cast<std::int64_t>(shape.size())))] *= p;
  if (rest == 0) shape[0] = 0;
  if (x.type().elements() == 1 && m.random.chance(0.5)) shape.clear();
  return ir::apply<ir::Reshape>({Shape(shape)}, {x});
}

Expr make_transpose(GraphMaker& m) {
  const Expr x = m.any_operand(everything);
  return transpose(x, random_permutation(m, x.rank()));
}

Expr make_reverse(GraphMaker& m) {
  const Expr x = m.any_operand(everything);
  return ir::reverse(x, random_subset(m, x.rank()));
}

Expr make_slice(GraphMaker& m) {
  const Expr x = m.any_operand(everything, Kind::any, 1);
  Ints start, limit, stride;
  for (const std::int64_t n : x.shape()) {
    const bool whole = m.random.chance(0.4);
    start.push_back(whole || n < 2 ? 0 : m.random.below(n - 1));
    limit.push_back(whole || n < 1 ? n : m.random.between(start.back() + 1, n));
    stride.push_back(whole ? 1 : m.random.between(1, 3));
  }
  return ir::slice(x, start, limit, stride);
}

Expr make_pad(GraphMaker& m) {
  const Expr x = m.any_operand(everything, Kind::any, 1);
  Ints low, high, interior;
  std::int64_t elements = 1;
  for (const std::int64_t n : x.shape()) {
    low.push_back(m.random.between(-1, 2));
    high.push_back(m.random.between(-1, 2));
    interior.push_back(m.random.chance(0.3) ? m.random.between(1, 2) : 0);
    const auto total = [&] {
      return low.back() + high.back() + n + std::max<std::int64_t>(n - 1, 0) * interior.back();
    };
    if (total() < 1 || elements * total() > m.options.elements) low.back() = high.back() = interior.back() = 0;
    elements *= total();
  }
  const std::vector<double> fills = {0.0, 0.0, -0.0, 1.5, -1e9, 1e300, -HUGE_VAL, __builtin_nan("")};
  return ir::pad(x, low, high, m.options.smooth ? 0.5 : m.random.pick(fills), interior);
}

Expr make_concat(GraphMaker& m) {
  const Expr x = m.any_operand(everything, Kind::any, 1);
  const std::int64_t axis = m.random.below(x.rank());
  std::vector<Expr> parts = {x};
  for (std::int64_t k = m.random.below(4); k > 0; --k) {
    Ints shape = x.shape().ints();
    shape[at(axis)] = m.random.chance(0.5) ? shape[at(axis)] : m.random.between(1, 5);
    if (!m.fits(Shape(shape))) continue;
    parts.push_back(m.operand({x.dtype(), Shape(shape)}));
  }
  m.random.shuffle(parts);
  return ir::concat(parts, axis);
}

std::vector<Expr> positions(GraphMaker& m, const Shape& shape) {
  std::vector<Expr> result;
  for (const std::int64_t n : shape) result.push_back(m.position(n));
  return result;
}

Ints window(GraphMaker& m, const Shape& shape) {
  Ints dims;
  for (const std::int64_t n : shape) dims.push_back(m.random.between(1, std::max<std::int64_t>(n, 1)));
  if (!dims.empty() && m.random.chance(0.1) && Shape(dims).elements() < 100) dims[0] += 2;
  return dims;
}

Expr make_dynamic_slice(GraphMaker& m) {
  const Expr x = m.any_operand(everything);
  return ir::dynamic_slice(x, positions(m, x.shape()), Shape(window(m, x.shape())));
}

Expr make_dynamic_update(GraphMaker& m) {
  const Expr x = m.any_operand(everything);
  const Expr update = m.operand({x.dtype(), Shape(window(m, x.shape()))});
  return ir::dynamic_update(x, update, positions(m, x.shape()));
}

/// Indices into `axis` of x such that the gathered tensor is small enough.
Expr gather_indices(GraphMaker& m, const Expr& x, std::int64_t axis) {
  const std::int64_t n = x.shape()[static_cast<int>(axis)];
  const std::int64_t rest = x.type().elements() / std::max<std::int64_t>(n, 1);
  Shape shape;
  for (int attempt = 0; attempt < 8; ++attempt) {
    shape = m.random_shape(0, 2);
    if (shape.elements() * rest <= m.options.elements) break;
    shape = Shape{};
  }
  return m.indices(shape, n);
}

Expr make_gather(GraphMaker& m) {
  const Expr x = m.any_operand(everything, Kind::any, 1);
  const std::int64_t axis = m.random.chance(0.6) ? 0 : m.random.below(x.rank());
  return ir::gather(x, gather_indices(m, x, axis), axis);
}

Expr make_scatter_add(GraphMaker& m) {
  const Expr x = m.any_operand(numbers, Kind::any, 1);
  const std::int64_t axis = m.random.chance(0.6) ? 0 : m.random.below(x.rank());
  const Expr indices = gather_indices(m, x, axis);
  Ints shape;
  for (std::int64_t k = 0; k < x.rank(); ++k) {
    if (k != axis) shape.push_back(x.shape().ints()[at(k)]);
    if (k == axis) shape.insert(shape.end(), indices.shape().begin(), indices.shape().end());
  }
  return ir::scatter_add(x, indices, m.operand({x.dtype(), Shape(shape)}), axis);
}

// --- reduction

/// An operand with some lengths at the boundaries of lanes and chunks.
Expr reduction_operand(GraphMaker& m) {
  if (!m.fresh && m.random.chance(0.6)) return m.any_operand(numbers, Kind::any, 1);
  Ints shape = m.random_shape(1, 3).ints();
  const std::size_t axis = at(m.random.below(static_cast<std::int64_t>(shape.size())));
  shape[axis] = m.reduced_extent();
  for (std::size_t k = 0; k < shape.size(); ++k)
    if (k != axis && Shape(shape).elements() > 2100) shape[k] = m.random.between(1, 2);
  return m.operand({m.pick(numbers), Shape(shape)});
}

template <class Op>
OpGenerator reduction() {
  return {Op::name, [](GraphMaker& m) {
            const Expr x = reduction_operand(m);
            Ints axes = random_subset(m, x.rank());
            if (axes.empty()) axes = {m.random.below(x.rank())};
            if (!m.options.smooth && m.random.chance(0.03)) axes.clear();
            return ir::apply<Op>({axes}, {x});
          }};
}

Expr make_argmax(GraphMaker& m) {
  Expr x = reduction_operand(m);
  const std::int64_t axis = m.random.below(x.rank());
  if (x.shape()[static_cast<int>(axis)] == 0) x = m.operand({x.dtype(), Shape(Ints(at(x.rank()), 2))});
  return ir::argmax(x, axis);
}

// --- contraction

/// Splits x's axes at random into batch, contracted and free ones, and draws a second operand that fits.
Expr make_dot(GraphMaker& m) {
  Expr x = m.any_operand(contractible, Kind::any, m.random.chance(0.8) ? 1 : 0);
  if (m.fresh && m.random.chance(0.3))
    x = m.operand({m.pick(contractible), {m.random.between(1, 5), m.reduced_extent()}});
  ir::Dot::Attrs attrs;
  struct Axis {
    std::int64_t extent;
    int role;          // 0 batch, 1 contracted, 2 free
    std::size_t slot;  // within its role
  };
  std::vector<Axis> axes;
  std::int64_t batches = 1;
  for (const std::int64_t k : random_permutation(m, x.rank())) {
    const std::int64_t extent = x.shape().ints()[at(k)];
    const double role = m.random.unit();
    if (role < 0.2) {
      axes.push_back({extent, 0, attrs.batch_a.size()});
      attrs.batch_a.push_back(k);
      batches *= extent;
    } else if (role < 0.65) {
      axes.push_back({extent, 1, attrs.contract_a.size()});
      attrs.contract_a.push_back(k);
    }
  }
  std::int64_t contracted = 1;
  for (const std::int64_t k : attrs.contract_a) contracted *= x.shape().ints()[at(k)];
  const std::int64_t free_x = x.type().elements() / std::max<std::int64_t>(1, batches * contracted);
  std::int64_t free_y = 1;
  for (std::int64_t k = m.random.below(3); k > 0 && axes.size() < 4; --k) {
    std::int64_t extent = m.options.smooth ? m.random.between(1, 3) : m.random_extent();
    if (batches * contracted * free_y * extent > 3 * m.options.elements ||
        batches * free_x * free_y * extent > m.options.elements)
      extent = 1;
    free_y *= extent;
    axes.push_back({extent, 2, 0});
  }
  m.random.shuffle(axes);
  attrs.batch_b.resize(attrs.batch_a.size());
  attrs.contract_b.resize(attrs.contract_a.size());
  Ints shape;
  for (std::size_t k = 0; k < axes.size(); ++k) {
    shape.push_back(axes[k].extent);
    if (axes[k].role == 0) attrs.batch_b[axes[k].slot] = static_cast<std::int64_t>(k);
    if (axes[k].role == 1) attrs.contract_b[axes[k].slot] = static_cast<std::int64_t>(k);
  }
  const Expr y = m.operand({x.dtype(), Shape(shape)});
  return ir::dot(x, y, attrs);
}

// --- windows

/// Two of x, w and y as a role asks, for a small convolution whose windows may leave the input on every side.
Expr make_conv(GraphMaker& m) {
  const auto few = [&](std::int64_t most) { return m.random.between(1, most); };
  const std::int64_t spatial = m.random.chance(0.5) ? 2 : few(3);
  const bool deep = !m.options.smooth && spatial < 3 && m.random.chance(0.15);
  const bool depthwise = m.random.chance(0.25);
  const std::int64_t batch = few(2);
  const std::int64_t groups = depthwise ? few(m.options.smooth ? 3 : 20) : m.random.chance(0.7) ? 1 : few(3);
  const std::int64_t channels = depthwise ? 1 : deep ? m.random.between(15, 140) : few(3);
  const std::int64_t filters = depthwise && m.random.chance(0.8)           ? 1
                               : m.random.chance(0.3) && !m.options.smooth ? few(35)
                                                                           : few(3);
  ir::Conv::Attrs attrs;
  Ints input, kernel, output;
  for (std::int64_t k = 0; k < spatial; ++k) {
    kernel.push_back(few(3));
    attrs.stride.push_back(m.random.chance(0.6) ? 1 : few(3));
    attrs.dilation.push_back(m.random.chance(0.7) ? 1 : few(2));
    attrs.low.push_back(m.random.chance(0.5) ? 0 : m.random.between(-1, 2));
    output.push_back(few(m.options.smooth || spatial == 3 || deep ? 3 : k == 0 ? 5 : 17));
    const std::int64_t needed =
        attrs.stride.back() * (output.back() - 1) + attrs.dilation.back() * (kernel.back() - 1) + 1;
    input.push_back(std::max<std::int64_t>(1, needed - attrs.low.back() - m.random.between(0, 2)));
  }
  const auto joined = [](Ints a, const Ints& b, const Ints& c) {
    a.insert(a.end(), b.begin(), b.end());
    a.insert(a.end(), c.begin(), c.end());
    return Shape(a);
  };
  const Shape x = joined({batch}, input, {groups, channels});
  const Shape w = joined({}, kernel, {channels, groups, filters});
  const Shape y = joined({batch}, output, {groups, filters});
  const DType dtype = m.pick(contractible);
  const auto draw = [&](const Shape& shape) { return m.operand({dtype, shape}); };
  switch (m.random.below(3)) {
    case 0: return attrs.extents = output, ir::conv(draw(x), draw(w), attrs);
    case 1: return attrs.role = "input_gradient", attrs.extents = input, ir::conv(draw(y), draw(w), attrs);
    default: return attrs.role = "filter_gradient", attrs.extents = kernel, ir::conv(draw(x), draw(y), attrs);
  }
}

/// A window over x; `outputs` receives the shape of what sees through it.
ir::WindowAttrs random_window(GraphMaker& m, const Shape& x) {
  ir::WindowAttrs a;
  Ints shape;
  for (const std::int64_t n : x) {
    const bool whole = m.random.chance(0.3);
    a.window.push_back(whole ? 1 : m.random.between(1, 3));
    a.stride.push_back(whole ? 1 : m.random.between(1, 3));
    a.low.push_back(whole || m.random.chance(0.5) ? 0 : m.random.between(-1, 2));
    const std::int64_t fitting = (n + a.low.back() - a.window.back()) / a.stride.back() + 1;
    shape.push_back(whole ? n : std::max<std::int64_t>(1, fitting + m.random.between(0, 1)));
  }
  if (m.random.chance(0.03) && !m.options.smooth) a.low[0] = -100;  // windows of nothing
  a.shape = Shape(shape);
  return a;
}

Expr window_operand(GraphMaker& m, const std::vector<DType>& dtypes) {
  if (!m.random.chance(0.5)) return m.any_operand(dtypes, Kind::any, 1);
  const auto few = [&](std::int64_t most) { return m.random.between(1, most); };
  if (m.options.smooth) return m.operand({DType::f64, {few(2), few(3), few(4), few(2)}});
  return m.operand(
      {m.pick(dtypes), {few(2), few(6), few(6), m.random.chance(0.3) ? m.random.between(15, 20) : few(4)}});
}

Expr make_max_pool(GraphMaker& m) {
  const Expr x = window_operand(m, numbers);
  const auto [value, number] = ir::max_pool(x, random_window(m, x.shape()));
  if (!m.fresh) m.keep(number);
  return value;
}

/// Numbers of elements of a window, some of which no window has.
Expr window_numbers(GraphMaker& m, const ir::WindowAttrs& a, const Shape& shape) {
  const Kind kind = m.options.smooth ? Kind::inside : Kind::index;
  return m.new_input({DType::i32, shape}, {kind, Shape(a.window).elements()});
}

Expr make_window_pick(GraphMaker& m) {
  const Expr x = window_operand(m, numbers);
  const ir::WindowAttrs a = random_window(m, x.shape());
  return ir::window_pick(x, window_numbers(m, a, a.shape), a);
}

Expr make_max_unpool(GraphMaker& m) {
  const Shape wanted = window_operand(m, numbers).shape();
  ir::WindowAttrs a = random_window(m, wanted);
  const Expr y = m.operand({m.pick(numbers), a.shape});
  a.shape = wanted;
  return ir::max_unpool(y, window_numbers(m, a, y.shape()), a);
}

Expr make_window_sum(GraphMaker& m) {
  const Expr x = window_operand(m, numbers);
  ir::WindowAttrs a = random_window(m, x.shape());
  const bool forward = m.random.chance(0.5);
  if (forward) return ir::window_sum(x, {"forward", a.window, a.stride, a.low, a.shape});
  const Expr y = m.operand({x.dtype(), a.shape});
  return ir::window_sum(y, {"gradient", a.window, a.stride, a.low, x.shape()});
}

// --- users' functions

Expr make_extern(GraphMaker& m) {
  const Expr x = m.any_operand(extern_dtypes);
  if (m.random.chance(0.5)) return extern_twice(x);
  const auto [product, count] = extern_product(x, m.random.chance(0.1) ? x : m.operand(x.type()));
  if (!m.fresh) m.keep(count);
  return product;
}

}  // namespace

const std::vector<OpGenerator>& op_generators() {
  static const std::vector<OpGenerator> all = {
      {"input", make_input},
      {"state", make_state},
      {"constant", make_constant},
      {"iota", make_iota},
      {"rng_bits", make_rng_bits},
      unary("neg", numbers),
      unary("abs", numbers),
      unary("sign", numbers),
      unary("floor", floats),
      unary("exp", floats),
      unary("log", floats, Kind::positive),
      unary("tanh", floats),
      unary("erf", floats),
      unary("sqrt", floats, Kind::positive),
      unary("rsqrt", floats, Kind::positive),
      unary("sin", floats),
      unary("cos", floats),
      unary("logistic", floats),
      unary("softplus", floats),
      binary("add", numbers),
      binary("sub", numbers),
      binary("mul", numbers),
      {"div",
       [](GraphMaker& m) {
         const Expr x = m.any_operand(numbers);
         return x / m.operand(x.type(), m.options.smooth ? Kind::positive : Kind::any);
       }},
      binary("pow", floats, Kind::positive),
      binary("max", numbers),
      binary("min", numbers),
      {"compare", make_compare},
      binary("and", integers),
      binary("or", integers),
      unary("not", integers),
      {"select", make_select},
      {"convert", make_convert},
      unary("stop_gradient", everything),
      {"broadcast", make_broadcast},
      {"reshape", make_reshape},
      {"transpose", make_transpose},
      {"reverse", make_reverse},
      {"slice", make_slice},
      {"pad", make_pad},
      {"concat", make_concat},
      {"dynamic_slice", make_dynamic_slice},
      {"dynamic_update", make_dynamic_update},
      {"gather", make_gather},
      {"scatter_add", make_scatter_add},
      reduction<ir::ReduceSum>(),
      reduction<ir::ReduceProd>(),
      reduction<ir::ReduceMax>(),
      reduction<ir::ReduceMin>(),
      {"argmax", make_argmax},
      {"dot", make_dot},
      {"conv", make_conv},
      {"max_pool", make_max_pool},
      {"window_pick", make_window_pick},
      {"max_unpool", make_max_unpool},
      {"window_sum", make_window_sum},
      {"scan", random_scan},
      {"extern", make_extern},
  };
  return all;
}

}  // namespace sinter::test
