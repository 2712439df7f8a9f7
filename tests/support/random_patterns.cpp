// Chains of nodes as models, losses and optimizers make them: what fusion is for.

#include <sinter/ir/ops.h>
#include <sinter/passes/differentiate.h>

#include "support/graph_maker.h"

namespace sinter::test {

namespace {

using ir::DType;
using ir::Expr;
using ir::Ints;
using ir::Shape;
using Kind = Domain::Kind;

DType random_float(GraphMaker& m) { return m.pick({DType::f32, DType::f32, DType::f32, DType::f64}); }

/// An operand with exactly two axes.
Expr matrix(GraphMaker& m) {
  std::vector<Expr> found;
  for (const Expr& e : m.pool())
    if (e.rank() == 2 && (e.dtype() == DType::f32 || e.dtype() == DType::f64) && m.fits(e.shape())) found.push_back(e);
  if (!found.empty() && m.random.chance(0.6))
    return found[found.size() - 1 -
                 static_cast<std::size_t>(
                     m.random.below(std::min<std::int64_t>(3, static_cast<std::int64_t>(found.size()))))];
  Shape shape{m.random_extent(), m.random.chance(0.2) ? m.reduced_extent() : m.random_extent()};
  if (shape.elements() > 1100) shape = Shape{1, shape[1]};
  return m.operand({random_float(m), shape});
}

Expr parameter(GraphMaker& m, const ir::TensorType& type) {
  return m.random.chance(0.7) ? m.new_state(type, {Kind::tame, 0}) : m.operand(type);
}

Expr activation(GraphMaker& m, const Expr& x) {
  switch (m.random.below(7)) {
    case 0: return ir::max(x, 0.0);
    case 1: return ir::tanh(x);
    case 2: return logistic(x);
    case 3: return ir::softplus(x);
    case 4: return x * logistic(x);
    case 5: return select(compare(x, ir::Direction::gt, 0.0), x, 0.25 * x);
    default: return 0.5 * x * (1.0 + ir::erf(x * 0.7071067811865476));
  }
}

/// Bits to [0, 1), a mask, the kept elements scaled.
Expr dropout(GraphMaker& m, const Expr& x) {
  const Domain any;
  const Expr seed = m.new_input({DType::u32, {2}}, any);
  const Expr step = m.new_input({DType::u32, {}}, any);
  const Expr row = m.new_input({DType::u32, {}}, any);
  const Expr bits = ir::rng_bits(seed, step, row, x.shape(), m.random.below(100));
  const Expr uniform = convert(bits, x.dtype()) * 0x1p-32;
  return select(compare(uniform, ir::Direction::ge, 0.25), x * (1.0 / 0.75), full_like(x, 0.0));
}

Expr dense(GraphMaker& m, const Expr& x, std::int64_t units) {
  const Expr w = parameter(m, {x.dtype(), {x.shape()[1], units}});
  Expr y = ir::matmul(x, w);
  if (m.random.chance(0.8)) y = y + broadcast(parameter(m, {x.dtype(), {units}}), y.shape(), {1});
  m.keep(y);
  if (m.random.chance(0.8)) y = m.keep(activation(m, y));
  if (m.random.chance(0.3) && !m.options.smooth) y = m.keep(dropout(m, y));
  return y;
}

void make_dense(GraphMaker& m) {
  const Expr x = matrix(m);
  m.keep(dense(m, x, m.random.chance(0.15) ? m.random.between(15, 17) : m.random_extent()));
}

Ints all_but_last(int rank) {
  Ints axes;
  for (std::int64_t k = 0; k + 1 < rank; ++k) axes.push_back(k);
  return axes;
}

/// Repeats a value that lost its last axis.
Expr along_rows(const Expr& reduced, const Expr& x) { return broadcast(reduced, x.shape(), all_but_last(x.rank())); }

Expr softmax(const Expr& x) {
  const Ints last = {x.rank() - 1};
  const Expr e = exp(x - along_rows(ir::reduce_max(x, last), x));
  return e / along_rows(reduce_sum(e, last), x);
}

/// Softmax, cross-entropy against labels, and its gradient: one visit to a row.
void make_softmax(GraphMaker& m) {
  const Expr x = matrix(m);
  const Expr p = m.keep(softmax(x));
  if (m.random.chance(0.5)) return;
  const Expr labels = m.indices({x.shape()[0]}, x.shape()[1]);
  const Expr classes = ir::iota(m.graph, labels.dtype(), x.shape(), 1);
  const Expr hit = compare(classes, ir::Direction::eq, broadcast(labels, x.shape(), {0}));
  const Expr one_hot = convert(hit, x.dtype());
  m.keep(-reduce_sum(one_hot * log(ir::max(p, 1e-7)), {1}));
  m.keep((p - one_hot) * (1.0 / static_cast<double>(x.shape()[0])));
}

/// Bias gradients: sums over the outer axes, sometimes of a product, sometimes beside the product itself.
void make_column_sum(GraphMaker& m) {
  const Expr x = matrix(m);
  Expr term = x;
  if (m.random.chance(0.5)) term = m.keep(x * m.operand(x.type()));
  const Expr sum = m.keep(reduce_sum(term, {0}));
  if (m.random.chance(0.5)) m.keep(sum * (1.0 / static_cast<double>(x.shape()[0])));
}

void make_layer_norm(GraphMaker& m) {
  const Expr x = matrix(m);
  const double share = 1.0 / static_cast<double>(x.shape()[1]);
  const Expr centred = x - along_rows(reduce_sum(x, {1}) * share, x);
  const Expr variance = reduce_sum(centred * centred, {1}) * share;
  const Expr y = centred * along_rows(ir::rsqrt(variance + 1e-3), x);
  m.keep(y * broadcast(parameter(m, {x.dtype(), {x.shape()[1]}}), x.shape(), {1}));
}

/// SGD, momentum or Adam on a fresh state, with some value as its gradient.
void make_optimizer(GraphMaker& m) {
  const Expr g = m.any_operand(m.options.smooth ? std::vector{DType::f64} : std::vector{DType::f32, DType::f64});
  const Domain tame{Kind::tame, 0};
  const Expr w = m.new_state(g.type(), tame);
  const Expr rate = broadcast(m.new_state({g.dtype(), {}}, tame), g.shape());
  Expr next;
  const std::int64_t kind = m.random.below(3);
  if (kind == 0) {
    next = w - rate * g;
  } else if (kind == 1) {
    const Expr velocity = m.new_state(g.type(), tame);
    const Expr v = velocity * 0.9 - rate * g;
    m.graph.set_update(velocity.value().node, v.value());
    next = w + v;
  } else {
    const Expr first = m.new_state(g.type(), tame);
    const Expr second = m.new_state(g.type(), {Kind::positive, 0});
    const Expr a = first + (g - first) * 0.1;
    const Expr b = second + (g * g - second) * 0.001;
    m.graph.set_update(first.value().node, a.value());
    m.graph.set_update(second.value().node, b.value());
    next = w - rate * a / (ir::sqrt(b) + 1e-7);
  }
  m.graph.set_update(w.value().node, next.value());
  m.keep(next);
}

/// States whose new values read each other's old ones.
void make_exchange(GraphMaker& m) {
  const ir::TensorType type{random_float(m), m.random_shape(0, 2)};
  const Expr a = m.new_state(type);
  const Expr b = m.new_state(type);
  m.graph.set_update(a.value().node, m.random.chance(0.5) ? b.value() : m.keep(b * 0.5 + a).value());
  m.graph.set_update(b.value().node, m.random.chance(0.5) ? a.value() : m.keep(a - b).value());
  if (m.random.chance(0.5)) m.keep(a * b);
}

void make_embedding(GraphMaker& m) {
  const std::int64_t rows = m.random.between(2, 12);
  const Expr table = m.new_state({random_float(m), {rows, m.random_extent()}});
  const Expr indices = m.indices({m.random.between(1, 20)}, rows);
  const Expr picked = m.keep(ir::gather(table, indices, 0));
  const Expr grads = m.keep(ir::scatter_add(full_like(table, 0.0), indices, picked * 0.5, 0));
  m.graph.set_update(table.value().node, m.keep(table - 0.1 * grads).value());
}

/// softmax(q k^T) v over batches.
void make_attention(GraphMaker& m) {
  const DType dtype = random_float(m);
  const std::int64_t batch = m.random.between(1, 3), rows = m.random.between(1, 6), size = m.random.between(1, 8);
  const Shape shape{batch, rows, size};
  const Expr q = m.operand({dtype, shape}), k = m.operand({dtype, shape}), v = m.operand({dtype, shape});
  const Expr scores = m.keep(ir::dot(q, k, {{0}, {0}, {2}, {2}}) * 0.35);
  m.keep(ir::matmul(softmax(scores), v));
}

/// One value used twice, joined again, and several reductions of it.
void make_diamond(GraphMaker& m) {
  const Expr x = matrix(m);
  const Expr t = m.keep(x * 0.5 + m.operand(x.type()));
  m.keep(activation(m, t) + activation(m, t) * t);
  if (m.random.chance(0.5)) {
    m.keep(reduce_sum(t, {1}));
    m.keep(ir::reduce_max(t, {1}));
  }
}

/// Forward, loss, gradients, update.
void make_training(GraphMaker& m) {
  const DType dtype = random_float(m);
  const std::int64_t batch = m.random.between(1, 9), classes = m.random.between(1, 5);
  Expr y = m.new_input({dtype, {batch, m.random.between(1, 18)}}, {Kind::tame, 0});
  std::vector<Expr> parameters;
  const auto layer = [&](std::int64_t units, bool active) {
    const Domain generic{Kind::generic, 0};
    const Expr w = m.new_state({dtype, {y.shape()[1], units}}, generic);
    const Expr b = m.new_state({dtype, {units}}, generic);
    parameters.insert(parameters.end(), {w, b});
    const Expr z = ir::matmul(y, w);
    y = z + broadcast(b, z.shape(), {1});
    if (active) y = activation(m, y);
  };
  for (std::int64_t k = m.random.below(3); k > 0; --k) {
    layer(m.random.between(1, 18), true);
    if (m.random.chance(0.4)) y = dropout(m, y);
  }
  layer(classes, false);
  Expr each;
  if (m.random.chance(0.6)) {
    const Expr labels = m.indices({batch}, classes);
    const Expr hit =
        compare(ir::iota(m.graph, labels.dtype(), y.shape(), 1), ir::Direction::eq, broadcast(labels, y.shape(), {0}));
    const Expr shifted = y - along_rows(stop_gradient(ir::reduce_max(y, {1})), y);
    const Expr log_sum = log(reduce_sum(exp(shifted), {1}));
    each = log_sum - reduce_sum(select(hit, shifted, full_like(y, 0.0)), {1});
  } else {
    const Expr error = y - m.new_input(y.type(), {Kind::tame, 0});
    each = reduce_sum(error * error, {1});
  }
  const Expr loss = m.keep(reduce_sum(each, {0}) * (1.0 / static_cast<double>(batch)));
  const std::vector<Expr> gradients = passes::gradients(loss, parameters);
  const bool adam = m.random.chance(0.4);
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const Expr g = gradients[k];
    if (m.random.chance(0.2)) m.keep(g);
    Expr step = g * 0.01;
    if (adam) {
      const Expr second = m.new_state(g.type(), {Kind::positive, 0});
      const Expr b = second + (g * g - second) * 0.001;
      m.graph.set_update(second.value().node, b.value());
      step = step / (ir::sqrt(b) + 1e-7);
    }
    m.graph.set_update(parameters[k].value().node, (parameters[k] - step).value());
  }
}

}  // namespace

const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> all = {{"dense", make_dense, true},           {"softmax", make_softmax, false},
                                           {"column_sum", make_column_sum, true}, {"layer_norm", make_layer_norm, true},
                                           {"optimizer", make_optimizer, false},  {"exchange", make_exchange, false},
                                           {"embedding", make_embedding, false},  {"attention", make_attention, true},
                                           {"diamond", make_diamond, true},       {"training", make_training, false}};
  return all;
}

}  // namespace sinter::test
