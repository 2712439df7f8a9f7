#include <sinter/ir/ops/contraction.h>

#include <numeric>

#include <sinter/ir/ops.h>

namespace sinter::ir {

namespace {

std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }
bool contains(const Ints& axes, std::int64_t axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); }

/// Axes in neither list.
Ints free_axes(int rank, const Ints& batch, const Ints& contract) {
  Ints result;
  for (std::int64_t k = 0; k < rank; ++k)
    if (!contains(batch, k) && !contains(contract, k)) result.push_back(k);
  return result;
}

Ints range(std::int64_t from, std::size_t count) {
  Ints result(count);
  std::iota(result.begin(), result.end(), from);
  return result;
}

/// Permutation that brings a tensor whose axes are `order` (axis numbers of the wanted tensor) into increasing order.
Ints sorting_permutation(const Ints& order) {
  Ints permutation(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) permutation[at(order[k])] = static_cast<std::int64_t>(k);
  return permutation;
}

Ints joined(const Ints& a, const Ints& b, const Ints& c) {
  Ints result = a;
  result.insert(result.end(), b.begin(), b.end());
  result.insert(result.end(), c.begin(), c.end());
  return result;
}

bool is_sorted_from_zero(const Ints& permutation) {
  for (std::size_t k = 0; k < permutation.size(); ++k)
    if (permutation[k] != static_cast<std::int64_t>(k)) return false;
  return true;
}

Expr transposed(const Expr& x, const Ints& permutation) {
  return is_sorted_from_zero(permutation) ? x : transpose(x, permutation);
}

}  // namespace

std::vector<TensorType> Dot::infer(const Attrs& a, Types types) {
  const TensorType& x = types[0];
  const TensorType& y = types[1];
  if (x.dtype != y.dtype) user_error("operands have different dtypes: ", x, " x ", y, "; use convert");
  if (is_half(x.dtype) || x.dtype == DType::i1 || x.dtype == DType::u8)
    user_error("cannot contract ", x.dtype, "; convert to f32 (or i32) first");
  detail::expect_axes(joined(a.batch_a, a.contract_a, {}), x.rank(), "first operand");
  detail::expect_axes(joined(a.batch_b, a.contract_b, {}), y.rank(), "second operand");
  if (a.batch_a.size() != a.batch_b.size() || a.contract_a.size() != a.contract_b.size())
    user_error("both operands must name equally many batch and contracted axes");
  for (std::size_t k = 0; k < a.batch_a.size(); ++k)
    if (x.shape[static_cast<int>(a.batch_a[k])] != y.shape[static_cast<int>(a.batch_b[k])])
      user_error("batch extents differ: ", x, " x ", y);
  for (std::size_t k = 0; k < a.contract_a.size(); ++k)
    if (x.shape[static_cast<int>(a.contract_a[k])] != y.shape[static_cast<int>(a.contract_b[k])])
      user_error("inner extents differ: ", x, " x ", y, " over axes ", a.contract_a[k], " and ", a.contract_b[k]);
  Ints dims;
  for (const std::int64_t k : a.batch_a) dims.push_back(x.shape[static_cast<int>(k)]);
  for (const std::int64_t k : free_axes(x.rank(), a.batch_a, a.contract_a))
    dims.push_back(x.shape[static_cast<int>(k)]);
  for (const std::int64_t k : free_axes(y.rank(), a.batch_b, a.contract_b))
    dims.push_back(y.shape[static_cast<int>(k)]);
  return {TensorType{x.dtype, Shape(std::move(dims))}};
}

Space Dot::space(const Attrs& a, Types types) {
  Space s;
  s.parallel = infer(a, types)[0].shape.ints();
  for (const std::int64_t k : a.contract_a) s.reduced.push_back(types[0].shape[static_cast<int>(k)]);
  const auto batches = static_cast<std::int64_t>(a.batch_a.size());
  const Ints free_a = free_axes(types[0].rank(), a.batch_a, a.contract_a);
  const Ints free_b = free_axes(types[1].rank(), a.batch_b, a.contract_b);
  const auto parallel = detail::size(s.parallel);
  const auto map_of = [&](int rank, const Ints& batch, const Ints& free, std::int64_t free_at, const Ints& contract) {
    Ints axes(at(rank));
    for (std::size_t k = 0; k < batch.size(); ++k) axes[at(batch[k])] = static_cast<std::int64_t>(k);
    for (std::size_t k = 0; k < free.size(); ++k) axes[at(free[k])] = free_at + static_cast<std::int64_t>(k);
    for (std::size_t k = 0; k < contract.size(); ++k) axes[at(contract[k])] = parallel + static_cast<std::int64_t>(k);
    return IndexMap::select(axes);
  };
  s.reads = {map_of(types[0].rank(), a.batch_a, free_a, batches, a.contract_a),
             map_of(types[1].rank(), a.batch_b, free_b, batches + detail::size(free_a), a.contract_b)};
  return s;
}

Gradients Dot::vjp(const VjpContext& c) {
  const auto attrs = c.attributes<Dot>();
  const Expr x = c.operand(0);
  const Expr y = c.operand(1);
  const auto batches = attrs.batch_a.size();
  const Ints free_a = free_axes(x.rank(), attrs.batch_a, attrs.contract_a);
  const Ints free_b = free_axes(y.rank(), attrs.batch_b, attrs.contract_b);
  const Ints result_batch = range(0, batches);
  const Ints result_a = range(static_cast<std::int64_t>(batches), free_a.size());
  const Ints result_b = range(static_cast<std::int64_t>(batches + free_a.size()), free_b.size());
  Gradients g(2);
  if (c.wants(0)) {
    // [batch, free_a, free_b] x y over free_b gives [batch, free_a, y's contracted axes in y's order].
    const Expr d = dot(c.grad(), y, {result_batch, attrs.batch_b, result_b, free_b});
    Ints contracted;
    for (const std::int64_t axis : free_axes(y.rank(), attrs.batch_b, free_b))
      for (std::size_t k = 0; k < attrs.contract_b.size(); ++k)
        if (attrs.contract_b[k] == axis) contracted.push_back(attrs.contract_a[k]);
    g[0] = transposed(d, sorting_permutation(joined(attrs.batch_a, free_a, contracted)));
  }
  if (c.wants(1)) {
    // x over free_a x [batch, free_a, free_b] gives [batch, x's contracted axes in x's order, free_b].
    const Expr d = dot(x, c.grad(), {attrs.batch_a, result_batch, free_a, result_a});
    Ints contracted;
    for (const std::int64_t axis : free_axes(x.rank(), attrs.batch_a, free_a))
      for (std::size_t k = 0; k < attrs.contract_a.size(); ++k)
        if (attrs.contract_a[k] == axis) contracted.push_back(attrs.contract_b[k]);
    g[1] = transposed(d, sorting_permutation(joined(attrs.batch_b, contracted, free_b)));
  }
  return g;
}

Expr Dot::stacked_sum(const Attrs& a, std::span<const Expr> x) {
  const bool leads = a.batch_a.empty() && !a.contract_a.empty() && a.contract_a[0] == 0 && a.contract_b[0] == 0;
  if (leads) return dot(detail::unstacked(x[0]), detail::unstacked(x[1]), a);
  const auto shifted = [](Ints axes) {
    for (std::int64_t& axis : axes) ++axis;
    return axes;
  };
  Attrs moved{shifted(a.batch_a), shifted(a.batch_b), shifted(a.contract_a), shifted(a.contract_b)};
  moved.contract_a.insert(moved.contract_a.begin(), 0);
  moved.contract_b.insert(moved.contract_b.begin(), 0);
  return dot(x[0], x[1], moved);
}

Expr dot(const Expr& a, const Expr& b, const Dot::Attrs& attrs) { return apply<Dot>(attrs, {a, b}); }

Expr matmul(const Expr& a, const Expr& b) {
  if (a.rank() == 0 || b.rank() == 0)
    user_error(where(a.graph().path(), "matmul"), ": expected vectors or matrices, got ", a.type(), " x ", b.type());
  const std::int64_t batches = std::max(0, std::min(a.rank(), b.rank()) - 2);
  if (a.rank() > 2 && b.rank() > 2 && a.rank() != b.rank())
    user_error(where(a.graph().path(), "matmul"), ": batch axes differ: ", a.type(), " x ", b.type());
  const Ints batch = range(0, at(batches));
  const std::int64_t contract_b = b.rank() == 1 ? 0 : b.rank() - 2;
  return dot(a, b, {batch, batch, {a.rank() - 1}, {contract_b}});
}

}  // namespace sinter::ir
