#include <sinter/ir/ops/movement.h>

#include <cmath>
#include <limits>
#include <numeric>

#include <sinter/ir/ops.h>

namespace sinter::ir {

namespace {

std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }

/// [0, 1, ..., n-1].
Ints counting(std::int64_t n, std::int64_t from = 0) {
  Ints result(at(n));
  std::iota(result.begin(), result.end(), from);
  return result;
}

void expect_length(const Ints& values, int rank, std::string_view what) {
  if (detail::size(values) != rank) user_error(what, " has ", values.size(), " entries, expected one per axis: ", rank);
}

Space one_read(Ints parallel, IndexMap map) {
  Space s;
  s.parallel = std::move(parallel);
  s.reads = {std::move(map)};
  return s;
}

/// The scalar integer operand `operand`, read at run time.
IndirectTerm position(int operand) { return {operand, std::make_shared<const IndexMap>()}; }

void expect_positions(Types types, std::size_t first, int rank) {
  if (types.size() != first + at(rank))
    user_error("expected one start position per axis: ", rank, ", got ", types.size() - std::min(types.size(), first));
  for (const TensorType& t : types.subspan(first))
    if (!is_integer(t.dtype) || t.dtype == DType::i1 || t.rank() != 0)
      user_error("a start position must be a scalar integer, got ", t);
}

std::vector<Expr> positions_of(const VjpContext& c, std::size_t first) {
  std::vector<Expr> starts;
  for (std::size_t k = first; k < c.operands(); ++k) starts.push_back(c.operand(k));
  return starts;
}

}  // namespace

std::vector<TensorType> Broadcast::infer(const Attrs& a, Types types) {
  const TensorType& x = types[0];
  if (detail::size(a.dims) != x.rank()) user_error("dims has ", a.dims.size(), " entries for operand ", x);
  detail::expect_axes(a.dims, a.shape.rank(), "broadcast dims");
  for (int k = 0; k < x.rank(); ++k) {
    const auto to = static_cast<int>(a.dims[at(k)]);
    if (k > 0 && a.dims[at(k)] <= a.dims[at(k - 1)])
      user_error("dims ", to_string(a.dims), " must increase; transpose first");
    if (x.shape[k] != a.shape[to]) user_error("axis ", k, " of ", x, " does not fit axis ", to, " of ", a.shape);
  }
  return {TensorType{x.dtype, a.shape}};
}

Gradients Broadcast::vjp(const VjpContext& c) {
  const auto a = c.attributes<Broadcast>();
  Ints repeated;
  for (std::int64_t k = 0; k < a.shape.rank(); ++k)
    if (std::find(a.dims.begin(), a.dims.end(), k) == a.dims.end()) repeated.push_back(k);
  return {reduce_sum(c.grad(), repeated)};
}

std::vector<TensorType> Reshape::infer(const Attrs& a, Types types) {
  if (a.shape.elements() != types[0].elements())
    user_error("cannot reshape ", types[0], " (", types[0].elements(), " elements) to ", a.shape, " (",
               a.shape.elements(), ")");
  return {TensorType{types[0].dtype, a.shape}};
}

Space Reshape::space(const Attrs& a, Types types) {
  // Coordinate k of the operand is digit k of the flat row-major number of the result element.
  const Ints out = a.shape.strides();
  const Ints in = types[0].shape.strides();
  IndexMap map;
  for (int k = 0; k < types[0].rank(); ++k) {
    Coordinate c;
    for (int axis = 0; axis < a.shape.rank(); ++axis) c.terms.push_back({axis, out[at(axis)]});
    c.divisor = std::max<std::int64_t>(in[at(k)], 1);
    c.modulus = k == 0 ? 0 : types[0].shape[k];
    map.coordinates.push_back(std::move(c));
  }
  return one_read(a.shape.ints(), std::move(map));
}

std::vector<TensorType> Transpose::infer(const Attrs& a, Types types) {
  expect_length(a.permutation, types[0].rank(), "permutation");
  detail::expect_axes(a.permutation, types[0].rank(), "permutation");
  Ints dims;
  for (const std::int64_t axis : a.permutation) dims.push_back(types[0].shape[static_cast<int>(axis)]);
  return {TensorType{types[0].dtype, Shape(std::move(dims))}};
}

Space Transpose::space(const Attrs& a, Types types) {
  Ints inverse(a.permutation.size());
  for (std::size_t k = 0; k < inverse.size(); ++k) inverse[at(a.permutation[k])] = static_cast<std::int64_t>(k);
  return one_read(infer(a, types)[0].shape.ints(), IndexMap::select(inverse));
}

Gradients Transpose::vjp(const VjpContext& c) {
  const Ints permutation = c.attributes<Transpose>().permutation;
  Ints inverse(permutation.size());
  for (std::size_t k = 0; k < inverse.size(); ++k) inverse[at(permutation[k])] = static_cast<std::int64_t>(k);
  return {transpose(c.grad(), inverse)};
}

std::vector<TensorType> Reverse::infer(const Attrs& a, Types types) {
  detail::expect_axes(a.axes, types[0].rank(), "reverse");
  return {types[0]};
}

Space Reverse::space(const Attrs& a, Types types) {
  Space s = pointwise_space(types[0].shape, 1);
  for (const std::int64_t axis : a.axes)
    s.reads[0].coordinates[at(axis)] =
        Coordinate::of(static_cast<int>(axis), -1, types[0].shape[static_cast<int>(axis)] - 1);
  return s;
}

Gradients Reverse::vjp(const VjpContext& c) { return {reverse(c.grad(), c.attributes<Reverse>().axes)}; }

std::vector<TensorType> Slice::infer(const Attrs& a, Types types) {
  const Shape& x = types[0].shape;
  expect_length(a.start, x.rank(), "start");
  expect_length(a.limit, x.rank(), "limit");
  expect_length(a.stride, x.rank(), "stride");
  Ints dims;
  for (int k = 0; k < x.rank(); ++k) {
    const std::int64_t start = a.start[at(k)];
    const std::int64_t limit = a.limit[at(k)];
    const std::int64_t stride = a.stride[at(k)];
    if (start < 0 || limit < start || limit > x[k] || stride < 1)
      user_error("axis ", k, " of ", types[0], ": cannot take ", start, ":", limit, ":", stride,
                 "; expected 0 <= start <= limit <= ", x[k], " and stride >= 1");
    dims.push_back((limit - start + stride - 1) / stride);
  }
  return {TensorType{types[0].dtype, Shape(std::move(dims))}};
}

Space Slice::space(const Attrs& a, Types types) {
  IndexMap map;
  for (int k = 0; k < types[0].rank(); ++k)
    map.coordinates.push_back(Coordinate::of(k, a.stride[at(k)], a.start[at(k)]));
  return one_read(infer(a, types)[0].shape.ints(), std::move(map));
}

Gradients Slice::vjp(const VjpContext& c) {
  const auto a = c.attributes<Slice>();
  const Shape& x = c.operand(0).shape();
  Ints high, interior;
  for (int k = 0; k < x.rank(); ++k) {
    const std::int64_t n = c.grad().shape()[k];
    const std::int64_t covered = n == 0 ? 0 : (n - 1) * a.stride[at(k)] + 1;
    high.push_back(x[k] - a.start[at(k)] - covered);
    interior.push_back(a.stride[at(k)] - 1);
  }
  return {pad(c.grad(), a.start, high, 0.0, interior)};
}

std::vector<TensorType> Pad::infer(const Attrs& a, Types types) {
  const Shape& x = types[0].shape;
  expect_length(a.low, x.rank(), "low");
  expect_length(a.high, x.rank(), "high");
  expect_length(a.interior, x.rank(), "interior");
  Ints dims;
  for (int k = 0; k < x.rank(); ++k) {
    if (a.interior[at(k)] < 0) user_error("interior padding must not be negative");
    const std::int64_t spread = x[k] == 0 ? 0 : (x[k] - 1) * (a.interior[at(k)] + 1) + 1;
    const std::int64_t n = a.low[at(k)] + spread + a.high[at(k)];
    if (n < 0) user_error("axis ", k, " of ", types[0], " would have extent ", n);
    dims.push_back(n);
  }
  return {TensorType{types[0].dtype, Shape(std::move(dims))}};
}

Space Pad::space(const Attrs& a, Types types) {
  IndexMap map;
  for (int k = 0; k < types[0].rank(); ++k) {
    Coordinate c = Coordinate::of(k, 1, -a.low[at(k)]);
    c.divisor = a.interior[at(k)] + 1;
    c.division = c.divisor == 1 ? Division::floor : Division::exact;
    map.coordinates.push_back(std::move(c));
  }
  return one_read(infer(a, types)[0].shape.ints(), std::move(map));
}

Gradients Pad::vjp(const VjpContext& c) {
  // The operand's elements lie at low + i * (interior + 1); pad with the opposite amounts, then take every step-th.
  const auto a = c.attributes<Pad>();
  const Shape& x = c.operand(0).shape();
  Ints low, high, start, limit, stride;
  for (int k = 0; k < x.rank(); ++k) {
    const std::int64_t step = a.interior[at(k)] + 1;
    low.push_back(-a.low[at(k)]);
    high.push_back(-a.high[at(k)]);
    start.push_back(0);
    limit.push_back(x[k] == 0 ? 0 : (x[k] - 1) * step + 1);
    stride.push_back(step);
  }
  return {slice(pad(c.grad(), low, high), start, limit, stride)};
}

std::vector<TensorType> Concat::infer(const Attrs& a, Types types) {
  if (types.empty()) user_error("needs at least one operand");
  detail::expect_axes({a.axis}, types[0].rank(), "concat");
  Ints dims = types[0].shape.ints();
  dims[at(a.axis)] = 0;
  for (const TensorType& t : types) {
    Ints other = t.shape.ints();
    if (t.rank() != types[0].rank() || t.dtype != types[0].dtype) user_error("cannot join ", types[0], " and ", t);
    dims[at(a.axis)] += other[at(a.axis)];
    other[at(a.axis)] = types[0].shape[static_cast<int>(a.axis)];
    if (other != types[0].shape.ints()) user_error("cannot join ", types[0], " and ", t, " along axis ", a.axis);
  }
  return {TensorType{types[0].dtype, Shape(std::move(dims))}};
}

Space Concat::space(const Attrs& a, Types types) {
  Space s;
  s.parallel = infer(a, types)[0].shape.ints();
  std::int64_t begin = 0;
  for (const TensorType& t : types) {
    IndexMap map = IndexMap::identity(t.rank());
    map.coordinates[at(a.axis)].offset = -begin;
    begin += t.shape[static_cast<int>(a.axis)];
    s.reads.push_back(std::move(map));
  }
  return s;
}

Gradients Concat::vjp(const VjpContext& c) {
  const std::int64_t axis = c.attributes<Concat>().axis;
  Gradients g;
  std::int64_t begin = 0;
  for (std::size_t k = 0; k < c.operands(); ++k) {
    const Shape& part = c.operand(k).shape();
    Ints start(part.dims().size(), 0);
    Ints limit = part.ints();
    start[at(axis)] = begin;
    begin += limit[at(axis)];
    limit[at(axis)] = begin;
    g.push_back(slice(c.grad(), start, limit));
  }
  return g;
}

std::vector<TensorType> DynamicSlice::infer(const Attrs& a, Types types) {
  if (types.empty()) user_error("needs an operand");
  if (a.shape.rank() != types[0].rank()) user_error("shape ", a.shape, " has another rank than ", types[0]);
  expect_positions(types, 1, types[0].rank());
  return {TensorType{types[0].dtype, a.shape}};
}

Space DynamicSlice::space(const Attrs& a, Types types) {
  IndexMap map = IndexMap::identity(types[0].rank());
  for (int k = 0; k < types[0].rank(); ++k) map.coordinates[at(k)].indirect = position(k + 1);
  return one_read(a.shape.ints(), std::move(map));
}

Gradients DynamicSlice::vjp(const VjpContext& c) {
  Gradients g(c.operands());
  g[0] = dynamic_update(full_like(c.operand(0), 0.0), c.grad(), positions_of(c, 1));
  return g;
}

std::vector<TensorType> DynamicUpdate::infer(const Attrs&, Types types) {
  if (types.size() < 2) user_error("needs an operand and an update");
  if (types[0].dtype != types[1].dtype || types[0].rank() != types[1].rank())
    user_error("update ", types[1], " does not fit operand ", types[0]);
  expect_positions(types, 2, types[0].rank());
  return {types[0]};
}

Space DynamicUpdate::space(const Attrs&, Types types) {
  Space s = pointwise_space(types[0].shape, 2);
  for (int k = 0; k < types[0].rank(); ++k) {
    // Coordinate of the update: axis - start. The indirect term is subtracted through its scale.
    Coordinate& c = s.reads[1].coordinates[at(k)];
    c.indirect = position(k + 2);
    c.indirect->scale = -1;
  }
  return s;
}

Gradients DynamicUpdate::vjp(const VjpContext& c) {
  Gradients g(c.operands());
  const std::vector<Expr> start = positions_of(c, 2);
  if (c.wants(0)) g[0] = dynamic_update(c.grad(), full_like(c.operand(1), 0.0), start);
  if (c.wants(1)) g[1] = dynamic_slice(c.grad(), start, c.operand(1).shape());
  return g;
}

namespace {

void expect_indices(const TensorType& indices) {
  if (!is_integer(indices.dtype) || indices.dtype == DType::i1) user_error("indices must be integers, got ", indices);
}

/// operand[:axis] + indices + operand[axis+1:].
Ints gathered_shape(const TensorType& x, const TensorType& indices, std::int64_t axis) {
  Ints dims(x.shape.begin(), x.shape.begin() + axis);
  dims.insert(dims.end(), indices.shape.begin(), indices.shape.end());
  dims.insert(dims.end(), x.shape.begin() + axis + 1, x.shape.end());
  return dims;
}

/// Coordinates of the operand for a point of the gathered shape.
IndexMap gathered_map(const TensorType& x, const TensorType& indices, std::int64_t axis) {
  IndexMap map;
  for (int k = 0; k < x.rank(); ++k) {
    if (k == axis) {
      Coordinate c;
      c.indirect = IndirectTerm{1, std::make_shared<const IndexMap>(IndexMap::select(counting(indices.rank(), axis)))};
      map.coordinates.push_back(std::move(c));
    } else {
      map.coordinates.push_back(Coordinate::of(k < axis ? k : k + indices.rank() - 1));
    }
  }
  return map;
}

}  // namespace

std::vector<TensorType> Gather::infer(const Attrs& a, Types types) {
  detail::expect_axes({a.axis}, types[0].rank(), "gather");
  expect_indices(types[1]);
  return {TensorType{types[0].dtype, Shape(gathered_shape(types[0], types[1], a.axis))}};
}

Space Gather::space(const Attrs& a, Types types) {
  return one_read(gathered_shape(types[0], types[1], a.axis), gathered_map(types[0], types[1], a.axis));
}

double Gather::fill(const Attrs&, DType dtype) {
  return is_float(dtype) ? std::numeric_limits<double>::quiet_NaN() : 0.0;
}

Gradients Gather::vjp(const VjpContext& c) {
  return {scatter_add(full_like(c.operand(0), 0.0), c.operand(1), c.grad(), c.attributes<Gather>().axis), Expr()};
}

std::vector<TensorType> ScatterAdd::infer(const Attrs& a, Types types) {
  detail::expect_axes({a.axis}, types[0].rank(), "scatter_add");
  detail::expect_number(types[0]);
  expect_indices(types[1]);
  const TensorType updates{types[0].dtype, Shape(gathered_shape(types[0], types[1], a.axis))};
  if (types[2] != updates) user_error("expected updates of type ", updates, ", got ", types[2]);
  return {types[0]};
}

Space ScatterAdd::space(const Attrs& a, Types types) {
  Space s;
  s.parallel = types[2].shape.ints();
  s.write = gathered_map(types[0], types[1], a.axis);
  s.reads = {*s.write, IndexMap::identity(types[2].rank())};
  s.read_operands = {0, 2};
  return s;
}

Gradients ScatterAdd::vjp(const VjpContext& c) {
  Gradients g(3);
  g[0] = c.grad();
  if (c.wants(2)) g[2] = gather(c.grad(), c.operand(1), c.attributes<ScatterAdd>().axis);
  return g;
}

Expr reverse(const Expr& x, const Ints& axes) { return apply<Reverse>({axes}, {x}); }

Expr slice(const Expr& x, const Ints& start, const Ints& limit, const Ints& stride) {
  return apply<Slice>({start, limit, stride.empty() ? Ints(start.size(), 1) : stride}, {x});
}

Expr pad(const Expr& x, const Ints& low, const Ints& high, double value, const Ints& interior) {
  return apply<Pad>({low, high, interior.empty() ? Ints(low.size(), 0) : interior, value}, {x});
}

Expr concat(const std::vector<Expr>& parts, std::int64_t axis) {
  if (parts.empty()) user_error("concat needs at least one operand");
  return detail::append(parts[0].graph(), Concat::name, pack(Concat::Attrs{axis}), parts);
}

Expr dynamic_slice(const Expr& x, const std::vector<Expr>& start, const Shape& shape) {
  std::vector<Expr> operands = {x};
  operands.insert(operands.end(), start.begin(), start.end());
  return detail::append(x.graph(), DynamicSlice::name, pack(DynamicSlice::Attrs{shape}), operands);
}

Expr dynamic_update(const Expr& x, const Expr& update, const std::vector<Expr>& start) {
  std::vector<Expr> operands = {x, update};
  operands.insert(operands.end(), start.begin(), start.end());
  return detail::append(x.graph(), DynamicUpdate::name, {}, operands);
}

Expr gather(const Expr& x, const Expr& indices, std::int64_t axis) { return apply<Gather>({axis}, {x, indices}); }

Expr scatter_add(const Expr& x, const Expr& indices, const Expr& updates, std::int64_t axis) {
  return apply<ScatterAdd>({axis}, {x, indices, updates});
}

}  // namespace sinter::ir
