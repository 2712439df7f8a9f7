#include <sinter/ir/ops/window.h>

#include <sinter/ir/ops.h>

namespace sinter::ir {

namespace {

std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }

/// a_scale * axis a + b_scale * axis b + offset.
Coordinate window(int a, std::int64_t a_scale, int b, std::int64_t b_scale, std::int64_t offset) {
  Coordinate c = Coordinate::of(a, a_scale, offset);
  c.terms.push_back({b, b_scale});
  return c;
}

/// (axis a - scale * axis b + offset) / divisor, absent where that leaves a remainder.
Coordinate unwindow(int a, int b, std::int64_t scale, std::int64_t offset, std::int64_t divisor) {
  Coordinate c = window(a, 1, b, -scale, offset);
  c.divisor = divisor;
  c.division = Division::exact;
  return c;
}

void expect_entries(const Ints& values, std::size_t count, std::int64_t least, std::string_view what) {
  if (values.size() != count)
    user_error(what, " ", to_string(values), " has ", values.size(), " entries, expected ", count);
  for (const std::int64_t v : values)
    if (v < least) user_error(what, " ", to_string(values), ": expected no entry below ", least);
}

void expect_role(const std::string& role, std::initializer_list<std::string_view> known) {
  std::string list;
  for (const std::string_view k : known) {
    if (k == role) return;
    list += (list.empty() ? "'" : ", '") + std::string(k) + "'";
  }
  user_error("unknown role '", role, "'; expected one of ", list);
}

// ---- Convolution ----

constexpr std::int64_t any_padding = std::numeric_limits<std::int64_t>::min();

enum class Part : std::uint8_t { input, filter, output };  // x, w, y

struct Parts {
  Part first, second, result;
};

Parts parts_of(const std::string& role) {
  if (role == "input_gradient") return {Part::output, Part::filter, Part::input};
  if (role == "filter_gradient") return {Part::input, Part::output, Part::filter};
  return {Part::input, Part::filter, Part::output};
}

/// Extents by name; what neither operand has is -1.
struct Geometry {
  std::int64_t batch = -1, groups = -1, channels = -1, filters = -1;
  Ints kernel;

  void meet(std::int64_t& known, std::int64_t extent, std::string_view what, Types types) {
    if (known >= 0 && known != extent)
      user_error(what, " differ: ", known, " and ", extent, " in ", types[0], " and ", types[1]);
    known = extent;
  }
};

Ints spatial_of(Part part, const Shape& shape) {
  const auto from = shape.begin() + (part == Part::filter ? 0 : 1);
  return {from, from + (shape.rank() - 3)};
}

Geometry geometry_of(const Conv::Attrs& a, Types types) {
  const Parts parts = parts_of(a.role);
  Geometry g;
  for (const auto& [part, type] : {std::pair{parts.first, &types[0]}, std::pair{parts.second, &types[1]}}) {
    const Shape& s = type->shape;
    g.meet(g.groups, s[-2], "groups", types);
    if (part == Part::filter) {
      g.kernel = spatial_of(part, s);
      g.meet(g.channels, s[-3], "channels", types);
      g.groups = s[-2];
      g.meet(g.filters, s[-1], "filters", types);
    } else {
      g.meet(g.batch, s[0], "batches", types);
      g.meet(part == Part::input ? g.channels : g.filters, s[-1], part == Part::input ? "channels" : "filters", types);
    }
  }
  if (parts.result == Part::filter) g.kernel = a.extents;
  return g;
}

Shape shape_of(Part part, const Ints& spatial, const Geometry& g) {
  Ints dims;
  if (part != Part::filter) dims.push_back(g.batch);
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  if (part == Part::filter) dims.push_back(g.channels);
  dims.push_back(g.groups);
  dims.push_back(part == Part::input ? g.channels : g.filters);
  return Shape(std::move(dims));
}

/// x[n, window, g, c], w[k, c, g, f] or y[n, o, g, f], told which axis stands for what.
IndexMap conv_map(Part part, const std::vector<Coordinate>& spatial, int batch, int channel, int group, int filter) {
  IndexMap map;
  if (part != Part::filter) map.coordinates.push_back(Coordinate::of(batch));
  map.coordinates.insert(map.coordinates.end(), spatial.begin(), spatial.end());
  if (part == Part::filter) map.coordinates.push_back(Coordinate::of(channel));
  map.coordinates.push_back(Coordinate::of(group));
  map.coordinates.push_back(Coordinate::of(part == Part::input ? channel : filter));
  return map;
}

}  // namespace

std::vector<TensorType> Conv::infer(const Attrs& a, Types types) {
  expect_role(a.role, {"forward", "input_gradient", "filter_gradient"});
  for (const TensorType& t : types) {
    if (t.dtype != types[0].dtype)
      user_error("operands have different dtypes: ", types[0], " and ", types[1], "; use convert");
    if (is_half(t.dtype) || t.dtype == DType::i1 || t.dtype == DType::u8)
      user_error("cannot convolve ", t.dtype, "; convert to f32 (or i32) first");
    if (t.rank() != types[0].rank() || t.rank() < 4 || t.rank() > 6)
      user_error("expected two operands with 1 to 3 spatial axes and 3 others, got ", types[0], " and ", types[1]);
  }
  const auto spatial = at(types[0].rank() - 3);
  expect_entries(a.stride, spatial, 1, "stride");
  expect_entries(a.dilation, spatial, 1, "dilation");
  expect_entries(a.low, spatial, any_padding, "low");
  expect_entries(a.extents, spatial, 0, "extents");
  return {TensorType{types[0].dtype, shape_of(parts_of(a.role).result, a.extents, geometry_of(a, types))}};
}

Space Conv::space(const Attrs& a, Types types) {
  const Parts parts = parts_of(a.role);
  const Geometry g = geometry_of(a, types);
  const int n = types[0].rank() - 3;  // spatial axes
  Space s;
  s.parallel = shape_of(parts.result, a.extents, g).ints();
  // Parallel axes are the result's; reduced: the kernel, then what the operands share.
  const bool to_filter = parts.result == Part::filter;
  const int batch = to_filter ? n + 3 : 0;
  const int position = to_filter ? n + 4 : 1;  // first spatial axis of x or y
  const int kernel = to_filter ? 0 : n + 3;    // first axis of the window
  const int group = n + 1;
  const int channel = to_filter ? n : parts.result == Part::input ? n + 2 : 2 * n + 3;
  const int filter = parts.result == Part::input ? 2 * n + 3 : n + 2;
  if (to_filter) {
    s.reduced = {g.batch};
    const Ints outputs = spatial_of(Part::output, types[1].shape);
    s.reduced.insert(s.reduced.end(), outputs.begin(), outputs.end());
  } else {
    s.reduced = g.kernel;
    s.reduced.push_back(parts.result == Part::input ? g.filters : g.channels);
  }
  for (const Part part : {parts.first, parts.second}) {
    std::vector<Coordinate> spatial;
    for (int k = 0; k < n; ++k) {
      const std::int64_t stride = a.stride[at(k)];
      const std::int64_t dilation = a.dilation[at(k)];
      const std::int64_t low = a.low[at(k)];
      if (part == Part::filter)
        spatial.push_back(Coordinate::of(kernel + k));
      else if (part == Part::input)
        spatial.push_back(window(position + k, stride, kernel + k, dilation, -low));
      else if (parts.result == Part::input)
        spatial.push_back(unwindow(position + k, kernel + k, dilation, low, stride));
      else
        spatial.push_back(Coordinate::of(position + k));
    }
    s.reads.push_back(conv_map(part, spatial, batch, channel, group, filter));
  }
  return s;
}

Gradients Conv::vjp(const VjpContext& c) {
  const auto attrs = c.attributes<Conv>();
  const Parts parts = parts_of(attrs.role);
  const Expr d = c.grad();
  const auto towards = [&](std::string role, Part part, const Expr& like, const Expr& a, const Expr& b) {
    Attrs to = attrs;
    to.role = std::move(role);
    to.extents = spatial_of(part, like.shape());
    return conv(a, b, to);
  };
  const Expr& x = parts.result == Part::input ? d : c.operand(0);
  const Expr& w = parts.result == Part::filter ? d : c.operand(1);
  const Expr& y = parts.result == Part::output ? d : parts.first == Part::output ? c.operand(0) : c.operand(1);
  Gradients g(2);
  for (std::size_t k = 0; k < 2; ++k) {
    const Part part = k == 0 ? parts.first : parts.second;
    if (!c.wants(k)) continue;
    if (part == Part::input) g[k] = towards("input_gradient", part, c.operand(k), y, w);
    if (part == Part::filter) g[k] = towards("filter_gradient", part, c.operand(k), x, y);
    if (part == Part::output) g[k] = towards("forward", part, c.operand(k), x, w);
  }
  return g;
}

// ---- Pooling ----

namespace detail {

void expect_window(const WindowAttrs& a, int rank) {
  if (rank == 0) user_error("a window needs an operand with axes");
  expect_entries(a.window, at(rank), 1, "window");
  expect_entries(a.stride, at(rank), 1, "stride");
  expect_entries(a.low, at(rank), any_padding, "low");
  if (a.shape.rank() != rank) user_error("shape ", a.shape, " has rank ", a.shape.rank(), ", expected ", rank);
}

Space window_space(const WindowAttrs& a, std::size_t count) {
  Space s;
  s.parallel = a.shape.ints();
  s.reduced = a.window;
  IndexMap map;
  const int rank = a.shape.rank();
  for (int k = 0; k < rank; ++k) map.coordinates.push_back(window(k, a.stride[at(k)], rank + k, 1, -a.low[at(k)]));
  s.reads.assign(count, map);
  return s;
}

Space unwindow_space(const WindowAttrs& a, std::size_t count) {
  Space s;
  s.parallel = a.shape.ints();
  s.reduced = a.window;
  IndexMap map;
  const int rank = a.shape.rank();
  for (int k = 0; k < rank; ++k) map.coordinates.push_back(unwindow(k, rank + k, 1, a.low[at(k)], a.stride[at(k)]));
  s.reads.assign(count, map);
  return s;
}

}  // namespace detail

namespace {

/// A number per window, i32.
void expect_numbers(const TensorType& numbers, const Shape& shape) {
  if (numbers != TensorType{DType::i32, shape})
    user_error("expected the numbers of max_pool, ", TensorType{DType::i32, shape}, ", got ", numbers);
}

WindowAttrs with_shape(WindowAttrs a, const Shape& shape) {
  a.shape = shape;
  return a;
}

}  // namespace

std::vector<TensorType> MaxPool::infer(const Attrs& a, Types types) {
  detail::expect_number(types[0]);
  detail::expect_window(a, types[0].rank());
  return {TensorType{types[0].dtype, a.shape}, TensorType{DType::i32, a.shape}};
}

Gradients MaxPool::vjp(const VjpContext& c) {
  return {max_unpool(c.grad(), c.result(1), with_shape(c.attributes<MaxPool>(), c.operand(0).shape()))};
}

std::vector<TensorType> WindowPick::infer(const Attrs& a, Types types) {
  detail::expect_number(types[0]);
  detail::expect_window(a, types[0].rank());
  expect_numbers(types[1], a.shape);
  return {TensorType{types[0].dtype, a.shape}};
}

Space WindowPick::space(const Attrs& a, Types) {
  Space s = detail::window_space(a, 1);
  s.reads.push_back(IndexMap::identity(a.shape.rank()));
  return s;
}

Gradients WindowPick::vjp(const VjpContext& c) {
  return {max_unpool(c.grad(), c.operand(1), with_shape(c.attributes<WindowPick>(), c.operand(0).shape())), Expr()};
}

std::vector<TensorType> MaxUnpool::infer(const Attrs& a, Types types) {
  detail::expect_number(types[0]);
  detail::expect_window(a, types[0].rank());
  expect_numbers(types[1], types[0].shape);
  return {TensorType{types[0].dtype, a.shape}};
}

Gradients MaxUnpool::vjp(const VjpContext& c) {
  return {window_pick(c.grad(), c.operand(1), with_shape(c.attributes<MaxUnpool>(), c.operand(0).shape())), Expr()};
}

std::vector<TensorType> WindowSum::infer(const Attrs& a, Types types) {
  expect_role(a.role, {"forward", "gradient"});
  detail::expect_number(types[0]);
  detail::expect_window(a.geometry(), types[0].rank());
  return {TensorType{types[0].dtype, a.shape}};
}

Space WindowSum::space(const Attrs& a, Types) {
  return a.role == "gradient" ? detail::unwindow_space(a.geometry(), 1) : detail::window_space(a.geometry(), 1);
}

Gradients WindowSum::vjp(const VjpContext& c) {
  auto attrs = c.attributes<WindowSum>();
  attrs.role = attrs.role == "forward" ? "gradient" : "forward";
  attrs.shape = c.operand(0).shape();
  return {window_sum(c.grad(), attrs)};
}

}  // namespace sinter::ir
