// The examples are the models of tools/examples, traced by the frontend: what is shown is what a user's program
// compiles. Batch 32 throughout.

#include "examples.h"

#include <algorithm>

#include <sinter/sinter.h>

namespace sinter::tool {

namespace {

constexpr std::int64_t batch = 32;

/// The model of the study notes: 784-128-10 on pictures of clothes, Adam.
ir::Graph seed() {
  Sequential model(Input({28, 28}), Flatten(), Dense(128, "relu"), Dropout(0.2), Dense(10, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  return model.graph("train", batch, {ir::DType::u8, {}});
}

/// y = 2x - 1.
ir::Graph line() {
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse");
  return model.graph("train", batch, {ir::DType::f32, {1}});
}

/// A user's layer, as in tools/examples/custom_layer.cpp.
class SimpleDense : public Layer {
 public:
  explicit SimpleDense(Dim units, ActivationFn activation = {}) : units_(units), activation_(std::move(activation)) {}
  void build(const Shape& input) override {
    w_ = add_weight("kernel", {input[-1], units_}, {.initializer = "random_normal"});
    b_ = add_weight("bias", {units_}, {.initializer = "zeros"});
  }
  Tensor call(Tensor x) override { return activation_(matmul(x, w_) + b_); }

 private:
  Dim units_;
  ActivationFn activation_;
  Variable w_, b_;
};

/// A custom layer, a Lambda and momentum.
ir::Graph custom() {
  Sequential model(Input({16}), SimpleDense(32, "tanh"), Lambda([](Tensor x) { return abs(x); }), SimpleDense(1));
  model.compile(SGD({.learning_rate = 0.01, .momentum = 0.9}), "mse");
  return model.graph("train", batch, {ir::DType::f32, {1}});
}

constexpr Example list[] = {
    {"seed", "Flatten, Dense 128 relu, Dropout 0.2, Dense 10 softmax; sparse categorical cross-entropy, Adam", seed},
    {"line", "Dense 1; mean squared error, SGD", line},
    {"custom", "SimpleDense 32 tanh, Lambda abs, SimpleDense 1; mean squared error, SGD with momentum", custom},
};

}  // namespace

std::span<const Example> examples() { return list; }

const Example* find_example(std::string_view name) {
  const auto at = std::ranges::find(examples(), name, &Example::name);
  return at == examples().end() ? nullptr : &*at;
}

}  // namespace sinter::tool
