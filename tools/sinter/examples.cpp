// The examples are written with the ir builder, as a layer library would emit them, so that the tool shows the compiler
// and nothing else. Batch 32 throughout.

#include "examples.h"

#include <algorithm>
#include <cmath>

#include <sinter/ir/ops.h>
#include <sinter/passes/differentiate.h>

namespace sinter::tool {

namespace {

using ir::DType;
using ir::Expr;
using ir::Graph;
using ir::Ints;
using ir::PathScope;
using ir::Shape;
using ir::TensorType;

constexpr std::int64_t batch = 32;

/// A model under construction: the graph, and the weights an optimizer shall update.
struct Builder {
  explicit Builder(std::string name) : graph(std::move(name)) {}

  Expr input(std::string name, DType dtype, const Shape& shape) {
    return ir::input(graph, std::move(name), {dtype, shape});
  }
  Expr state(const std::string& name, const Shape& shape, DType dtype = DType::f32) {
    return ir::state(graph, graph.path().empty() ? name : graph.path() + "/" + name, {dtype, shape});
  }
  Expr weight(const std::string& name, const Shape& shape) { return weights.emplace_back(state(name, shape)); }
  void update(const Expr& state, const Expr& value) { graph.set_update(state.value().node, value.value()); }
  void output(std::string name, const Expr& value) { graph.add_output(std::move(name), value.value()); }

  Graph graph;
  std::vector<Expr> weights;
};

Expr mean(const Expr& x) {
  Ints axes(static_cast<std::size_t>(x.rank()));
  for (std::size_t k = 0; k < axes.size(); ++k) axes[k] = static_cast<std::int64_t>(k);
  return reduce_sum(x, axes) / static_cast<double>(x.type().elements());
}

Expr linear(const Expr& x) { return x; }
Expr relu(const Expr& x) { return max(x, 0.0); }

/// activation(x W + b)
Expr dense(Builder& b, const std::string& layer, const Expr& x, std::int64_t units,
           Expr (*activation)(const Expr&) = linear) {
  const PathScope scope(b.graph, layer);
  const Expr kernel = b.weight("kernel", {x.shape()[1], units});
  const Expr bias = b.weight("bias", {units});
  const Expr y = matmul(x, kernel);
  return activation(y + broadcast(bias, y.shape(), {1}));
}

/// Zeroes each element with probability `rate` and scales the others, by a mask that depends on seed and step alone.
Expr dropout(Builder& b, const std::string& layer, const Expr& x, double rate) {
  const PathScope scope(b.graph, layer);
  const Expr seed = b.state("seed", {2}, DType::u32);
  const Expr step = b.state("step", {}, DType::u32);
  b.update(step, step + 1.0);
  const Expr bits = rng_bits(seed, step, constant(b.graph, DType::u32, 0.0), x.shape(), 1);
  const Expr keep = compare(bits, ir::Direction::ge, std::floor(rate * 4294967296.0));
  return select(keep, x * (1.0 / (1.0 - rate)), full_like(x, 0.0));
}

/// Mean cross-entropy of logits against class numbers, through log-softmax.
Expr sparse_crossentropy(Builder& b, const Expr& logits, const Expr& labels) {
  const PathScope scope(b.graph, "loss");
  const Shape& shape = logits.shape();
  const Expr shifted = logits - broadcast(stop_gradient(reduce_max(logits, {1})), shape, {0});
  const Expr log_sum = log(reduce_sum(exp(shifted), {1}));
  const Expr log_p = shifted - broadcast(log_sum, shape, {0});
  const Expr hit = compare(iota(b.graph, DType::i32, shape, 1), ir::Direction::eq, broadcast(labels, shape, {0}));
  return mean(-reduce_sum(select(hit, log_p, full_like(log_p, 0.0)), {1}));
}

Expr squared_error(Builder& b, const Expr& y, const Expr& target) {
  const PathScope scope(b.graph, "loss");
  const Expr d = y - target;
  return mean(d * d);
}

void sgd(Builder& b, const Expr& loss) {
  const std::vector<Expr> gradients = passes::gradients(loss, b.weights);
  const PathScope scope(b.graph, "sgd");
  const Expr rate = b.state("learning_rate", {});
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    const Expr& w = b.weights[k];
    b.update(w, w - broadcast(rate, w.shape()) * gradients[k]);
  }
}

/// Adam as Keras does it: epsilon is not bias corrected.
void adam(Builder& b, const Expr& loss) {
  const std::vector<Expr> gradients = passes::gradients(loss, b.weights);
  const PathScope scope(b.graph, "adam");
  constexpr double beta1 = 0.9;
  constexpr double beta2 = 0.999;
  const Expr rate = b.state("learning_rate", {});
  const Expr iteration = b.state("iteration", {}, DType::i32);
  const Expr next = iteration + 1.0;
  b.update(iteration, next);
  const Expr t = convert(next, DType::f32);
  const Expr alpha = rate * sqrt(1.0 - pow(full_like(t, beta2), t)) / (1.0 - pow(full_like(t, beta1), t));
  for (std::size_t k = 0; k < gradients.size(); ++k) {
    const Expr& w = b.weights[k];
    const Expr& g = gradients[k];
    const std::string name = name_of(b.graph.node(w.value()));
    const Expr m = b.state(name + "/m", w.shape());
    const Expr v = b.state(name + "/v", w.shape());
    const Expr new_m = m + (g - m) * (1.0 - beta1);
    const Expr new_v = v + (g * g - v) * (1.0 - beta2);
    b.update(m, new_m);
    b.update(v, new_v);
    b.update(w, w - new_m * broadcast(alpha, w.shape()) / (sqrt(new_v) + 1e-7));
  }
}

/// Flatten, Dense 128 relu, Dropout 0.2, Dense 10 softmax; Adam.
Graph seed() {
  Builder b("seed");
  const Expr image = b.input("x", DType::f32, {batch, 28, 28});
  const Expr label = b.input("y", DType::i32, {batch});
  const Expr flat = reshape(image, {batch, 784});
  const Expr hidden = dense(b, "sequential/dense", flat, 128, relu);
  const Expr dropped = dropout(b, "sequential/dropout", hidden, 0.2);
  const Expr logits = dense(b, "sequential/dense_1", dropped, 10);
  const Expr loss = sparse_crossentropy(b, logits, label);
  b.output("loss", loss);
  {
    const PathScope scope(b.graph, "accuracy");
    const Expr right = compare(argmax(logits, 1), ir::Direction::eq, label);
    b.output("accuracy", mean(convert(right, DType::f32)));
  }
  adam(b, loss);
  return std::move(b.graph);
}

/// y = 2x - 1 learnt by one neuron; SGD.
Graph line() {
  Builder b("line");
  const Expr x = b.input("x", DType::f32, {6, 1});
  const Expr y = b.input("y", DType::f32, {6, 1});
  const Expr loss = squared_error(b, dense(b, "sequential/dense", x, 1), y);
  b.output("loss", loss);
  sgd(b, loss);
  return std::move(b.graph);
}

/// A user's layer and a user's activation, max(0.5, x); SGD.
Graph custom() {
  Builder b("custom");
  const Expr x = b.input("x", DType::f32, {batch, 8});
  const Expr y = b.input("y", DType::f32, {batch, 1});
  Expr hidden = dense(b, "sequential/simple_dense", x, 16);
  {
    const PathScope scope(b.graph, "sequential/my_relu");
    hidden = max(hidden, 0.5);
  }
  const Expr loss = squared_error(b, dense(b, "sequential/simple_dense_1", hidden, 1), y);
  b.output("loss", loss);
  sgd(b, loss);
  return std::move(b.graph);
}

constexpr Example list[] = {
    {"seed", "Flatten, Dense 128 relu, Dropout 0.2, Dense 10 softmax on images; Adam", seed},
    {"line", "one neuron that learns y = 2x - 1; SGD", line},
    {"custom", "a user's layer and activation; SGD", custom},
};

}  // namespace

std::span<const Example> examples() { return list; }

const Example* find_example(std::string_view name) {
  const auto at = std::ranges::find(examples(), name, &Example::name);
  return at == examples().end() ? nullptr : &*at;
}

}  // namespace sinter::tool
