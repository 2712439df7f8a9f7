// The examples are the models of tools/examples, traced by the frontend: what is shown is what a user's program
// compiles. Batch 32 throughout.

#include "examples.h"

#include <algorithm>

#include <sinter/sinter.h>

namespace sinter::tool {

namespace {

constexpr std::int64_t batch = 32;

Sequential seed_model() {
  return Sequential(Input({28, 28}), Flatten(), Dense(128, "relu"), Dropout(0.2), Dense(10, "softmax"));
}

ir::Graph on_clothes(Sequential model, const AnyOptimizer& optimizer) {
  model.compile(optimizer, "sparse_categorical_crossentropy", {"accuracy"});
  return model.graph("train", batch, {ir::DType::u8, {}});
}

/// The model of the study notes: 784-128-10 on pictures of clothes, Adam.
ir::Graph seed() { return on_clothes(seed_model(), "adam"); }

/// The same, its gradients scaled down together where they are long.
ir::Graph clipped() { return on_clothes(seed_model(), Adam({.global_clipnorm = 1.0})); }

/// The same with a first layer that learns no more.
ir::Graph frozen() {
  Sequential model = seed_model();
  model.layer("dense").set_trainable(false);
  return on_clothes(std::move(model), "adam");
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

/// Formulas alone: an activation and a gate that the library does not have.
ir::Graph lambda() {
  Sequential model(Input({16}), Dense(32), Lambda([](Tensor x) { return x * sigmoid(1.5 * x); }), Dense(32),
                   Lambda([](Tensor x) { return sign(x) * log(1.0 + abs(x)); }), Dense(1));
  model.compile("adam", "mse");
  return model.graph("train", batch, {ir::DType::f32, {1}});
}

constexpr Example list[] = {
    {"seed", "Flatten, Dense 128 relu, Dropout 0.2, Dense 10 softmax; sparse categorical cross-entropy, Adam", seed},
    {"line", "Dense 1; mean squared error, SGD", line},
    {"custom", "SimpleDense 32 tanh, Lambda abs, SimpleDense 1; mean squared error, SGD with momentum", custom},
    {"lambda", "Dense 32, Lambda x sigmoid(1.5 x), Dense 32, Lambda sign(x) log(1 + |x|), Dense 1; mse, Adam", lambda},
    {"clipped", "seed with gradients clipped by their global norm", clipped},
    {"frozen", "seed with a frozen first layer", frozen},
};

}  // namespace

std::span<const Example> examples() { return list; }

const Example* find_example(std::string_view name) {
  const auto at = std::ranges::find(examples(), name, &Example::name);
  return at == examples().end() ? nullptr : &*at;
}

}  // namespace sinter::tool
