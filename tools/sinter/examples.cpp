// The examples are the models of tools/examples: what is shown is what a user's program compiles. Batch 32 throughout.

#include "examples.h"

#include <algorithm>

#include <sinter/sinter.h>

extern "C" void lamp_curve(const void* const* inputs, void* const* outputs, const sinter_shape* shapes);

namespace sinter::tool {

namespace {

constexpr std::int64_t batch = 32;

using MadeModel = std::unique_ptr<Model>;

MadeModel compiled(MadeModel model, const AnyOptimizer& optimizer, const AnyLoss& loss,
                   std::vector<AnyMetric> metrics = {}) {
  model->compile(optimizer, loss, std::move(metrics));
  return model;
}

MadeModel on_clothes(MadeModel model, const AnyOptimizer& optimizer) {
  return compiled(std::move(model), optimizer, "sparse_categorical_crossentropy", {"accuracy"});
}

MadeModel seed_layers() {
  return std::make_unique<Sequential>(Input({28, 28}), Flatten(), Dense(128, "relu"), Dropout(0.2),
                                      Dense(10, "softmax"));
}

/// The model of the study notes: 784-128-10 on pictures of clothes, Adam.
MadeModel seed() { return on_clothes(seed_layers(), "adam"); }

/// The same, its gradients scaled down together where they are long.
MadeModel clipped() { return on_clothes(seed_layers(), Adam({.global_clipnorm = 1.0})); }

/// The same with a first layer that learns no more.
MadeModel frozen() {
  MadeModel model = seed_layers();
  model->layer("dense").set_trainable(false);
  return on_clothes(std::move(model), "adam");
}

/// y = 2x - 1.
MadeModel line() { return compiled(std::make_unique<Sequential>(Input({1}), Dense(1)), "sgd", "mse"); }

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
MadeModel custom() {
  return compiled(std::make_unique<Sequential>(Input({16}), SimpleDense(32, "tanh"),
                                               Lambda([](Tensor x) { return abs(x); }), SimpleDense(1)),
                  SGD({.learning_rate = 0.01, .momentum = 0.9}), "mse");
}

/// Gradient descent with momentum, as a user writes it.
struct MyMomentum : Optimizer {
  MyMomentum() : Optimizer({.name = "my_momentum", .learning_rate = 0.01}) {}
  void update(UpdateContext& c) const override {
    const Tensor old = c.slot("speed");
    const Tensor speed = 0.9 * old - c.learning_rate() * c.gradient();
    c.assign(old, speed);
    c.assign(c.value() + speed);
  }
};

/// The model of the study notes with an optimizer, a loss and a metric of the user's; labels are rows of ten.
MadeModel user_written() {
  const AnyLoss loss = [](const Tensor& y, const Tensor& p) { return mean(-sum(y * log(clip(p, 1e-7, 1.0)), -1)); };
  const AnyMetric hits("hits",
                       [](const Tensor& y, const Tensor& p) { return cast(equal(argmax(y), argmax(p)), DType::f32); });
  return compiled(seed_layers(), MyMomentum(), loss, {hits});
}

/// The model of the study notes: every fourth step updates, and averages of the weights are kept.
MadeModel averaged() { return on_clothes(seed_layers(), Adam({.use_ema = true, .gradient_accumulation_steps = 4})); }

/// Formulas alone: an activation and a gate that the library does not have.
MadeModel lambda() {
  return compiled(
      std::make_unique<Sequential>(Input({16}), Dense(32), Lambda([](Tensor x) { return x * sigmoid(1.5 * x); }),
                                   Dense(32), Lambda([](Tensor x) { return sign(x) * log(1.0 + abs(x)); }), Dense(1)),
      "adam", "mse");
}

/// tools/examples/fashion_mnist_cnn.cpp.
MadeModel cnn() {
  return on_clothes(std::make_unique<Sequential>(Input({28, 28}), Reshape({28, 28, 1}), Conv2D(32, 3, "relu"),
                                                 MaxPooling2D(2), Conv2D(64, 3, "relu"), MaxPooling2D(2), Flatten(),
                                                 Dense(128, "relu"), Dropout(0.25), Dense(10, "softmax")),
                    "adam");
}

/// tools/examples/fashion_mnist_lstm.cpp.
MadeModel lstm() {
  return on_clothes(std::make_unique<Sequential>(Input({28, 28}), LSTM(128), Dense(10, "softmax")), "adam");
}

/// tools/examples/autoencoder.cpp.
MadeModel autoencoder() {
  Input picture({28, 28});
  const Symbol code =
      picture | Flatten() | Dense(128, "relu") | Dense({.units = 32, .activation = "relu", .name = "code"});
  const Symbol pixels = code | Dense(128, "relu") | Dense(784, "sigmoid") | Reshape({28, 28});
  return compiled(std::make_unique<Model>(picture, pixels, ModelOptions{.name = "autoencoder"}), "adam", "mse");
}

/// tools/examples/fine_tuning.cpp: a new head on frozen features.
MadeModel fine_tuning() {
  Input picture({28, 28});
  const auto features = make<Sequential>(ModelOptions{.name = "features"}, Input({28, 28}), Flatten(),
                                         Dense(128, "relu"), Dense(64, "relu"));
  features->set_trainable(false);
  return on_clothes(
      std::make_unique<Model>(picture, features(picture) | Dense(5, "softmax"), ModelOptions{.name = "second"}),
      Adam({.learning_rate = 0.01}));
}

/// The layers of tools/examples/transformer.cpp.
class Positions : public Layer {
 public:
  void build(const Shape& input) override {
    places_ = add_weight("places", {input[1], input[2]}, {.initializer = "random_uniform"});
  }
  Tensor call(Tensor x) override { return x + places_; }

 private:
  Variable places_;
};

Symbol encoder_block(Symbol x, Dim width) {
  x = x + (x | LayerNormalization() | MultiHeadAttention({.num_heads = 4, .key_dim = 16, .dropout = 0.1}));
  return x + (x | LayerNormalization() | Dense(2 * width, "gelu") | Dropout(0.1) | Dense(width));
}

MadeModel transformer() {
  Input rows({28, 28});
  Symbol h = rows | Dense(64) | Positions();
  for (int k = 0; k < 2; ++k) h = encoder_block(h, 64);
  const Symbol middle = h | LayerNormalization() | [](Tensor t) { return mean(t, 1); };
  return on_clothes(std::make_unique<Model>(rows, middle | Dense(10, "softmax"), ModelOptions{.name = "transformer"}),
                    Adam({.learning_rate = 0.002}));
}

/// tools/examples/lamp_control.cpp: a user's function between the network and the loss.
MadeModel lamp() {
  const Array measured = Array::from<float>({0.00F, 0.01F, 0.04F, 0.13F, 0.31F, 0.55F, 0.76F, 0.90F, 0.97F});
  const Extern curve(
      {.name = "lamp_curve",
       .function = lamp_curve,
       .results = [](const std::vector<TensorType>& x) { return std::vector{x[0], x[0]}; },
       .vjp = [](const Tensors&, const Tensors& y, const Tensors& dy) { return Tensors{dy[0] * y[1], {}}; },
       .linkable = true});
  Input wanted({1});
  const Symbol voltage = wanted | Dense(16, "tanh") | Dense(1);
  const Symbol brightness = voltage | [=](Tensor v) { return curve.call_many({v, measured})[0]; };
  return compiled(std::make_unique<Model>(wanted, brightness, ModelOptions{.name = "lamp"}),
                  Adam({.learning_rate = 0.01}), "mse");
}

ir::TensorType a_class() { return {ir::DType::u8, {}}; }
ir::TensorType a_number() { return {ir::DType::f32, {1}}; }
ir::TensorType a_row() { return {ir::DType::f32, {10}}; }
ir::TensorType a_picture() { return {ir::DType::f32, {28, 28}}; }

constexpr Example list[] = {
    {"seed", "Flatten, Dense 128 relu, Dropout 0.2, Dense 10 softmax; sparse categorical cross-entropy, Adam", seed,
     a_class},
    {"line", "Dense 1; mean squared error, SGD", line, a_number},
    {"custom", "SimpleDense 32 tanh, Lambda abs, SimpleDense 1; mean squared error, SGD with momentum", custom,
     a_number},
    {"lambda", "Dense 32, Lambda x sigmoid(1.5 x), Dense 32, Lambda sign(x) log(1 + |x|), Dense 1; mse, Adam", lambda,
     a_number},
    {"clipped", "seed with gradients clipped by their global norm", clipped, a_class},
    {"frozen", "seed with a frozen first layer", frozen, a_class},
    {"user_written", "seed with an optimizer, a loss and a metric written by its user", user_written, a_row},
    {"averaged", "seed with gradients accumulated over 4 steps and moving averages of the weights", averaged, a_class},
    {"cnn", "two convolutions with pooling, Dense 128 relu, Dropout 0.25, Dense 10 softmax; Adam", cnn, a_class},
    {"lstm", "an LSTM over 28 rows of 28 pixels; Adam", lstm, a_class},
    {"autoencoder", "784 pixels through 32 numbers and back; mean squared error, Adam", autoencoder, a_picture},
    {"fine_tuning", "a new head on frozen features; Adam", fine_tuning, a_class},
    {"transformer", "two encoder blocks over 28 rows of 28 pixels; Adam", transformer, a_class},
    {"lamp", "Dense 16 tanh, Dense 1, a measured curve in C; mean squared error, Adam", lamp, a_number},
};

}  // namespace

ir::Graph Example::graph() const { return model()->graph("train", batch, label()); }

std::span<const Example> examples() { return list; }

const Example* find_example(std::string_view name) {
  const auto at = std::ranges::find(examples(), name, &Example::name);
  return at == examples().end() ? nullptr : &*at;
}

}  // namespace sinter::tool
