// Symbols: recording the use of layers, and running what was recorded.

#include <sinter/frontend/layers.h>
#include <sinter/frontend/symbol.h>
#include <sinter/ir/ops/source.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "symbol_node.h"
#include "trace.h"

namespace sinter {
namespace detail {

std::uint64_t next_symbol_serial() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

namespace {

/// Of the symbols; 0: any.
std::int64_t fixed_batch(const Layer& layer, const Symbols& symbols) {
  std::int64_t batch = 0;
  for (const Symbol& x : symbols) {
    const std::int64_t other = x.node()->batch_size;
    if (batch != 0 && other != 0 && batch != other)
      user_error(layer.name(), ": its inputs come in batches of ", batch, " and of ", other, " samples");
    batch = std::max(batch, other);
  }
  return batch;
}

TensorType with_batch(const TensorType& sample, std::int64_t batch) {
  ir::Ints dims = sample.shape.ints();
  dims.insert(dims.begin(), batch);
  return {sample.dtype, Shape(std::move(dims))};
}

TensorType without_batch(const Layer& layer, const Tensor& x, std::int64_t batch) {
  if (x.rank() == 0 || x.shape()[0] != batch)
    user_error(layer.name(), ": gives ", x.type(), " for a batch of ", batch,
               " samples; the first axis has to stay the batch");
  return {x.dtype(), Shape(ir::Ints(x.shape().begin() + 1, x.shape().end()))};
}

}  // namespace

Symbols recorded(std::shared_ptr<Layer> layer, const Symbols& inputs) {
  ir::Graph graph("sketch");
  Trace trace(graph, true, RandomState::make(0));
  trace.be_sketch();
  auto node = std::make_shared<SymbolNode>();
  node->batch_size = fixed_batch(*layer, inputs);
  if (node->batch_size != 0) trace.fix_batch();
  const std::int64_t batch = node->batch_size != 0 ? node->batch_size : 2;
  Tensors xs;
  for (const Symbol& x : inputs) xs.emplace_back(ir::input(graph, str("x", xs.size()), with_batch(x.type(), batch)));
  for (const Tensor& y : (*layer)(xs)) node->results.push_back(without_batch(*layer, y, batch));
  node->serial = next_symbol_serial();
  node->layer = std::move(layer);
  node->inputs = inputs;
  Symbols results;
  for (std::size_t k = 0; k < node->results.size(); ++k) results.emplace_back(node, k);
  return results;
}

Symbol recorded_one(std::shared_ptr<Layer> layer, const Symbols& inputs) {
  const std::string name = layer->name();
  const Symbols results = recorded(std::move(layer), inputs);
  if (results.size() != 1)
    user_error(name, ": gives ", results.size(),
               " tensors where one is expected; make the layer with make<L>() and call it with a list: "
               "auto results = layer(Symbols{x})");
  return results.front();
}

}  // namespace detail

const TensorType& Symbol::type() const { return node_->results[result_]; }

namespace {

std::shared_ptr<detail::SymbolNode> input_node(const Dims& sample_shape, const InputOptions& options) {
  auto node = std::make_shared<detail::SymbolNode>();
  node->serial = detail::next_symbol_serial();
  node->results = {{options.dtype, sample_shape.shape("Input")}};
  node->input_name = options.name;
  if (options.batch_size < 0) user_error("Input: batch_size must be positive, or 0 for any, got ", options.batch_size);
  node->batch_size = options.batch_size;
  return node;
}

}  // namespace

Input::Input(const Dims& sample_shape, InputOptions options)
    : Symbol(input_node(sample_shape, options), 0), options_(std::move(options)) {}

namespace {

/// A function on tensors as a layer without weights, shown under the name of what it computes.
class FunctionLayer : public Layer {
 public:
  using Function = std::function<Tensor(const Tensors&)>;
  FunctionLayer(std::string shown, Function function) : shown_(std::move(shown)), function_(std::move(function)) {}
  std::string class_name() const override { return shown_; }
  Tensors call_many(Tensors xs) override {
    const std::size_t weights_before = weights().size();
    const Tensor y = function_(xs);
    if (weights().size() != weights_before)
      fail("the function makes layers with weights; use them on symbols instead, as in x | Dense(64)");
    return {y};
  }

 private:
  std::string shown_;
  Function function_;
};

Symbol computed(const char* shown, const Symbols& xs, FunctionLayer::Function function) {
  return detail::recorded_one(std::make_shared<FunctionLayer>(shown, std::move(function)), xs);
}

}  // namespace

Symbol apply(std::function<Tensor(const Tensors&)> function, const Symbols& xs) {
  return computed("Lambda", xs, std::move(function));
}

Symbol operator|(const Symbol& x, Tensor (*function)(const Operand&)) {
  return detail::recorded_one(std::make_shared<Activation>(ActivationFn(function)), {x});
}

Symbol operator+(const Symbol& a, const Symbol& b) {
  return computed("Add", {a, b}, [](const Tensors& t) { return t[0] + t[1]; });
}
Symbol operator-(const Symbol& a, const Symbol& b) {
  return computed("Subtract", {a, b}, [](const Tensors& t) { return t[0] - t[1]; });
}
Symbol operator*(const Symbol& a, const Symbol& b) {
  return computed("Multiply", {a, b}, [](const Tensors& t) { return t[0] * t[1]; });
}
Symbol operator/(const Symbol& a, const Symbol& b) {
  return computed("Divide", {a, b}, [](const Tensors& t) { return t[0] / t[1]; });
}
Symbol operator+(const Symbol& a, double b) {
  return computed("Add", {a}, [b](const Tensors& t) { return t[0] + b; });
}
Symbol operator-(const Symbol& a, double b) {
  return computed("Subtract", {a}, [b](const Tensors& t) { return t[0] - b; });
}
Symbol operator*(const Symbol& a, double b) {
  return computed("Multiply", {a}, [b](const Tensors& t) { return t[0] * b; });
}
Symbol operator/(const Symbol& a, double b) {
  return computed("Divide", {a}, [b](const Tensors& t) { return t[0] / b; });
}
Symbol operator+(double a, const Symbol& b) { return b + a; }
Symbol operator-(double a, const Symbol& b) {
  return computed("Subtract", {b}, [a](const Tensors& t) { return a - t[0]; });
}
Symbol operator*(double a, const Symbol& b) { return b * a; }
Symbol operator/(double a, const Symbol& b) {
  return computed("Divide", {b}, [a](const Tensors& t) { return a / t[0]; });
}
Symbol operator-(const Symbol& x) {
  return computed("Negative", {x}, [](const Tensors& t) { return -t[0]; });
}

}  // namespace sinter
