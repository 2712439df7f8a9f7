// Rows of keras-semantics.md 1.1 and 1.2 that other tests cite in part or not at all. Expected values are worked out by
// hand. The tags name the rows (tests/keras_rows.txt).

#include <cmath>

#include "frontend/evaluate.h"
#include "frontend/layer_run.h"
#include "frontend/layers_for_tests.h"

using namespace sinter;
using namespace sinter_test;

namespace {

Array ramp(const Shape& shape) {
  std::vector<float> values;
  for (std::int64_t k = 0; k < shape.elements(); ++k) values.push_back(static_cast<float>(k));
  return Array::from(std::move(values), shape);
}

Array array(std::vector<float> values, const Shape& shape) { return Array::from(std::move(values), shape); }

std::vector<Shape> shapes_of(const Layer& layer) {
  std::vector<Shape> shapes;
  for (const Variable& v : layer.weights()) shapes.push_back(v.shape());
  return shapes;
}

}  // namespace

TEST_CASE("add_weight: a trained f32 scalar, glorot_uniform for floats, zeros for integers", "[1.1:add_weight]") {
  struct Defaults : Layer {
    Variable scalar, matrix, count;
    void build(const Shape&) override {
      scalar = add_weight("scalar");
      matrix = add_weight("matrix", {30, 20});
      count = add_weight("count", {3}, {.dtype = DType::i32, .trainable = false});
    }
    Tensor call(Tensor x) override { return x * scalar + sum(matrix) + cast(sum(count), DType::f32); }
  };
  Defaults layer;
  run_layer(layer, {ramp({2, 2})});
  CHECK(layer.scalar.shape() == Shape{});
  CHECK(layer.scalar.dtype() == DType::f32);
  CHECK(layer.scalar.trainable());
  const double limit = std::sqrt(6.0 / 50.0);
  double largest = 0.0;
  const Array matrix = layer.matrix.value();
  for (const float v : matrix.span<float>()) largest = std::max(largest, std::abs(double(v)));
  CHECK(largest <= limit);
  CHECK(largest > 0.9 * limit);
  for (std::int64_t k = 0; k < 3; ++k) CHECK(layer.count.value().flat(k) == 0.0);
}

TEST_CASE("floats are f32, images have channels last, epsilon is 1e-7", "[1.1:config][1.1:dtypes]") {
  Sequential model(Input({4, 4, 3}), Conv2D(2, 3), Flatten(), Dense(2, "softmax"));
  CHECK(Input({1}).dtype() == DType::f32);
  for (const Variable& v : model.weights()) CHECK(v.dtype() == DType::f32);
  CHECK(model.predict(Array::zeros({1, 4, 4, 3}, DType::f64)).dtype() == DType::f32);  // data of other dtypes convert
  CHECK(model.weights()[0].shape() == Shape{3, 3, 3, 2});
  CHECK(FlattenOptions{}.data_format == "channels_last");
  const Array worst = evaluate([](const Tensors& xs) { return categorical_crossentropy(xs[0], xs[1]); },
                               {array({0, 1}, {1, 2}), array({1, 0}, {1, 2})});
  CHECK(worst.item() == Approx(-std::log(1e-7)).epsilon(1e-4));
}

TEST_CASE("names of convolutions and activations", "[1.1:names]") {
  const Sequential model(Input({6, 6, 2}), Conv2D(2, 3), ELU(), LeakyReLU(), PReLU(),
                         Conv2DTranspose({.filters = 2, .kernel_size = {3}}), Conv2D(2, 3));
  const std::vector<std::string> expected{"conv2d", "elu", "leaky_re_lu", "p_re_lu", "conv2d_transpose", "conv2d_1"};
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK(model.layer(k).name() == expected[k]);
}

TEST_CASE("a model without an input shape has no weights yet", "[1.1:no-input]") {
  Sequential model{Dense(3)};
  CHECK(model.weights().empty());
  CHECK_FALSE(model.built());
  CHECK_THROWS_AS(model.save_weights("never_written.safetensors"), UserError);
  model.predict(Array::zeros({2, 4}));
  CHECK(model.count_params() == 15);
}

TEST_CASE("trainable is of the whole layer; weights: the trained ones first", "[1.1:trainable]") {
  Sequential model(Input({3}), BatchNormalization(), Dense(2));
  CHECK(model.trainable_weights().size() == 4);
  model.layer(0).set_trainable(false);
  for (const Variable& v : model.layer(0).weights()) CHECK_FALSE(v.trainable());
  CHECK(model.trainable_weights().size() == 2);
  CHECK(model.weights().size() == 6);
  model.layer(0).set_trainable(true);
  CHECK(model.layer(0).weights()[0].trainable());
  CHECK_FALSE(model.layer(0).weights()[2].trainable());  // the moving mean never is
}

TEST_CASE("terms of sub-layers join the loss", "[1.1:add_loss]") {
  struct Penalty : Layer {
    Tensor call(Tensor x) override {
      add_loss(sum(x) * 0.0 + 1.0);
      return x;
    }
  };
  struct Outer : Layer {
    Penalty first, second;
    Tensor call(Tensor x) override {
      add_loss(sum(x) * 0.0 + 10.0);
      return second(first(x));
    }
  };
  Sequential model(Input({1}), Outer());
  model.compile("sgd", "mse", {}, testing::interpreted());
  CHECK(model.evaluate({0.0}, {0.0}, {.verbose = 0})["loss"] == 12.0);
}

TEST_CASE("SimpleDense begins with RandomNormal(0, 0.05) and zeros; no activation is linear", "[1.2:SimpleDense]") {
  testing::SimpleDense layer(200);
  const Array y = run_layer(layer, {Array::zeros({1, 300})});
  const Array w = layer.weight("kernel").value();
  double sum = 0.0, squares = 0.0;
  for (const float v : w.span<float>()) sum += v, squares += double(v) * v;
  const auto n = static_cast<double>(w.size());
  CHECK(std::abs(sum / n) < 0.001);
  CHECK(std::sqrt(squares / n) == Approx(0.05).epsilon(0.02));
  CHECK(y.flat(7) == 0.0);
  testing::SimpleDense linear(1);
  check_values(run_layer(linear, {array({-2}, {1, 1})}, {array({3}, {1, 1}), array({1}, {1})}), {1, 1}, {-5});
  CHECK_THROWS_WITH(testing::SimpleDense(3, "foo"), Catch::Contains("unknown activation 'foo'"));
}

TEST_CASE("Flatten: row-major, channels first moved to the end", "[1.2:Flatten]") {
  Flatten last, first({.data_format = "channels_first"});
  check_values(run_layer(last, {ramp({1, 2, 3})}), {1, 6}, {0, 1, 2, 3, 4, 5});
  check_values(run_layer(first, {ramp({1, 2, 3})}), {1, 6}, {0, 3, 1, 4, 2, 5});
  check_values(run_layer(first, {ramp({1, 2})}), {1, 2}, {0, 1});
  check_values(run_layer(last, {ramp({3})}), {3, 1}, {0, 1, 2});
  CHECK_THROWS_WITH(Flatten({.data_format = "first"}),
                    "flatten: data_format must be \"channels_last\" or \"channels_first\", got \"first\"");
}

TEST_CASE("Dense: defaults, an input of rank 1 is refused", "[1.2:Dense]") {
  Dense layer(3);
  run_layer(layer, {ramp({2, 4})});
  CHECK(shapes_of(layer) == std::vector<Shape>{{4, 3}, {3}});
  for (std::int64_t k = 0; k < 3; ++k) CHECK(layer.weight("bias").value().flat(k) == 0.0);
  Dense flat(3);
  CHECK_THROWS_WITH(run_layer(flat, {ramp({4})}), "dense: expected inputs of rank 2 or more (with the batch), got [4]");
}

TEST_CASE("BatchNormalization: weights, the biased variance, the formula", "[1.2:BatchNormalization]") {
  BatchNormalization layer;
  const Array x = array({1, 2, 3, 6}, {4, 1});  // mean 3, biased variance 3.5
  const Array y = run_layer(layer, {x}, {}, {.training = true});
  std::vector<std::string> names;
  for (const Variable& v : layer.weights()) names.push_back(v.name());
  CHECK(names == std::vector<std::string>{"gamma", "beta", "moving_mean", "moving_variance"});
  for (std::int64_t k = 0; k < 4; ++k) CHECK(y.flat(k) == Approx((x.flat(k) - 3) / std::sqrt(3.5 + 1e-3)).margin(1e-6));
  CHECK(layer.weight("moving_mean").value().item() == Approx(0.01 * 3));
  CHECK(layer.weight("moving_variance").value().item() == Approx(0.99 + 0.01 * 3.5));
  BatchNormalization used;
  check_values(run_layer(used, {x}, {array({2}, {1}), array({1}, {1}), array({3}, {1}), array({4}, {1})}), {4, 1},
               {1 - 4 / std::sqrt(4.001), 1 - 2 / std::sqrt(4.001), 1, 1 + 6 / std::sqrt(4.001)});
}

TEST_CASE("the function leaky_relu has the slope 0.2, Dropout no weights", "[1.2:LeakyReLU][1.2:Dropout]") {
  check_values(evaluate([](const Tensors& xs) { return leaky_relu(xs[0]); }, {array({-1, 2}, {2})}), {2}, {-0.2, 2});
  Dropout dropout(0.5);
  run_layer(dropout, {ramp({2, 2})});
  CHECK(dropout.weights().empty());
}

TEST_CASE("constants of selu, gelu and hard_sigmoid", "[1.2:ELU]") {
  const Array x = array({-1, 0.5F, 2}, {3});
  const auto of = [&](const char* name) {
    return evaluate([&](const Tensors& xs) { return ActivationFn(name)(xs[0]); }, {x});
  };
  check_values(of("selu"), {3}, {1.05070098 * 1.67326324 * (std::exp(-1.0) - 1), 0.525350490, 2.10140196});
  check_values(of("gelu"), {3},
               {-0.5 * (1 + std::erf(-std::sqrt(0.5))), 0.25 * (1 + std::erf(0.5 * std::sqrt(0.5))),
                1 + std::erf(2 * std::sqrt(0.5))});
  check_values(of("hard_sigmoid"), {3}, {2.0 / 6, 3.5 / 6, 5.0 / 6});
  check_values(of("swish"), {3}, {-1 / (1 + std::exp(1.0)), 0.5 / (1 + std::exp(-0.5)), 2 / (1 + std::exp(-2.0))});
  check_values(of("softplus"), {3}, {std::log1p(std::exp(-1.0)), std::log1p(std::exp(0.5)), std::log1p(std::exp(2.0))});
  const Array slope = derivative([](const Tensor& t) { return elu(t, 0.5); }, x);
  check_values(slope, {3}, {0.5 * std::exp(-1.0), 1, 1});
}

TEST_CASE("convolutions: kernels [spatial, in / groups, filters], not turned round", "[1.2:Conv]") {
  Conv1D one(1, 2);
  check_values(run_layer(one, {ramp({1, 4, 1})}, {array({10, 1}, {2, 1, 1}), array({100}, {1})}), {1, 3, 1},
               {101, 112, 123});
  CHECK(shapes_of(one) == std::vector<Shape>{{2, 1, 1}, {1}});
  Conv2D grouped({.filters = 6, .kernel_size = {3, 2}, .groups = 2});
  run_layer(grouped, {ramp({1, 4, 4, 4})});
  CHECK(shapes_of(grouped) == std::vector<Shape>{{3, 2, 2, 6}, {6}});
  Conv3D deep({.filters = 2, .kernel_size = {1, 2, 3}, .use_bias = false});
  run_layer(deep, {ramp({1, 2, 3, 4, 5})});
  CHECK(shapes_of(deep) == std::vector<Shape>{{1, 2, 3, 5, 2}});
  Conv1D causal({.filters = 1, .kernel_size = {2}, .padding = "causal", .dilation_rate = {2}, .use_bias = false});
  check_values(run_layer(causal, {ramp({1, 4, 1})}, {array({10, 1}, {2, 1, 1})}), {1, 4, 1}, {0, 1, 2, 13});
}

TEST_CASE("'same' puts the odd cell of padding at the end", "[1.2:same]") {
  Conv1D even({.filters = 1, .kernel_size = {2}, .padding = "same", .use_bias = false});
  check_values(run_layer(even, {ramp({1, 3, 1})}, {array({10, 1}, {2, 1, 1})}), {1, 3, 1}, {1, 12, 20});
  Conv1D strided({.filters = 1, .kernel_size = {3}, .strides = {2}, .padding = "same", .use_bias = false});
  check_values(run_layer(strided, {ramp({1, 4, 1})}, {array({100, 10, 1}, {3, 1, 1})}), {1, 2, 1}, {12, 230});
  Conv1D valid({.filters = 1, .kernel_size = {2}, .dilation_rate = {2}, .use_bias = false});
  CHECK(run_layer(valid, {ramp({1, 6, 1})}).shape() == Shape{1, 4, 1});
}

TEST_CASE("DepthwiseConv2D: output channel c * multiplier + m", "[1.2:DepthwiseConv]") {
  DepthwiseConv2D layer({.kernel_size = {1}, .depth_multiplier = 2});
  const Array y = run_layer(layer, {array({1, 10}, {1, 1, 1, 2})},
                            {array({1, 2, 3, 4}, {1, 1, 2, 2}), array({0.1F, 0.2F, 0.3F, 0.4F}, {4})});
  check_values(y, {1, 1, 1, 4}, {1.1, 2.2, 30.3, 40.4});
  CHECK(DepthwiseConvOptions{.kernel_size = {3}}.depth_multiplier == 1);
  DepthwiseConv2D wide({.kernel_size = {3, 2}, .depth_multiplier = 2});
  run_layer(wide, {ramp({1, 4, 4, 3})});
  CHECK(shapes_of(wide) == std::vector<Shape>{{3, 2, 3, 2}, {6}});
}

TEST_CASE("SeparableConv2D: depthwise, pointwise, bias; the activation comes last", "[1.2:SeparableConv]") {
  SeparableConv2D layer({.filters = 1, .kernel_size = {1}, .depth_multiplier = 2, .activation = "relu"});
  const Array y =
      run_layer(layer, {array({1, 10}, {1, 1, 1, 2})},
                {array({-1, 2, 3, -4}, {1, 1, 2, 2}), array({-1, 1, 1, 0.5F}, {1, 1, 4, 1}), array({0.5F}, {1})});
  check_values(y, {1, 1, 1, 1}, {1 + 2 + 30 - 20 + 0.5});  // nothing is cut off in between
  std::vector<std::string> names;
  for (const Variable& v : layer.weights()) names.push_back(v.name());
  CHECK(names == std::vector<std::string>{"depthwise_kernel", "pointwise_kernel", "bias"});
}

TEST_CASE("pooling: what is padded is never the largest", "[1.2:Pooling][1.2:GlobalPooling]") {
  const Array x = array({-3, -1, -2}, {1, 3, 1});
  MaxPooling1D largest({.padding = "same"});
  check_values(run_layer(largest, {x}), {1, 2, 1}, {-1, -2});
  AveragePooling1D average({.pool_size = {2}, .padding = "same"});
  check_values(run_layer(average, {x}), {1, 2, 1}, {-2, -2});
  MaxPooling1D by_default;
  CHECK(run_layer(by_default, {ramp({1, 7, 1})}).shape() == Shape{1, 3, 1});
  GlobalAveragePooling1D mean;
  GlobalMaxPooling1D top({.keepdims = true});
  check_values(run_layer(mean, {x}), {1, 1}, {-2});
  check_values(run_layer(top, {x}), {1, 1, 1}, {-1});
}

TEST_CASE("GRU without reset_after: the reset gate scales h", "[1.2:GRU]") {
  const Array x = array({0.5F}, {1, 1, 1}), h = array({0.25F}, {1, 1});
  GRU layer({.units = 1, .reset_after = false});
  const Array y =
      run_layer(layer, {x, h}, {array({1, 2, 3}, {1, 3}), array({4, 5, 6}, {1, 3}), array({0.1F, 0.2F, 0.3F}, {3})});
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  const double z = sigmoid(0.5 + 1 + 0.1), r = sigmoid(1 + 1.25 + 0.2), candidate = std::tanh(1.5 + 0.3 + r * 0.25 * 6);
  check_values(y, {1, 1}, {z * 0.25 + (1 - z) * candidate});
  CHECK(GRUOptions{}.reset_after);
  GRU after(2);
  run_layer(after, {ramp({1, 2, 3})});
  CHECK(shapes_of(after) == std::vector<Shape>{{3, 6}, {2, 6}, {2, 6}});
}

TEST_CASE("Input: the shape of one sample, any batch, f32", "[1.2:Input]") {
  const Input x({28, 28});
  CHECK(x.shape() == Shape{28, 28});
  CHECK(x.dtype() == DType::f32);
  CHECK(x.options().batch_size == 0);
  Sequential model(Input({2}), Dense(1));
  for (const std::int64_t n : {1, 3, 7}) CHECK(model.predict(Array::zeros({n, 2})).shape() == Shape{n, 1});
  Sequential fixed(Input({2}, {.batch_size = 3}), Dense(1));
  CHECK(fixed.predict(Array::zeros({6, 2}), {.batch_size = 3}).shape() == Shape{6, 1});
}
