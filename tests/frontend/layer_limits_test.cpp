// Regularizers and constraints that the options of a layer name: each works on its own weight, or on the results.

#include "frontend/layer_run.h"

using namespace sinter;
using namespace sinter_test;

namespace {

/// A regularizer that adds `term`, whatever the weight is.
Regularizer adds(double term) {
  return [term](const Tensor& w) { return 0.0 * sum(w) + term; };
}

/// A constraint that makes all elements `value`.
Constraint becomes(double value) {
  return [value](const Tensor& w) { return full_like(w, value); };
}

/// [n, k] -> zeros [n, 1], with nothing to train.
Dense nothing() { return Dense({.units = 1, .kernel_initializer = "zeros", .trainable = false}); }

/// What the layer adds to the loss of zeros, and that after an update its trained weights are 1, 2, 3 in this order.
template <class L>
void check(L layer, const ir::Ints& sample, double penalty) {
  INFO(layer.class_name());
  Sequential model(Input(Dims(sample)), std::move(layer), Flatten(), nothing());
  model.compile("sgd", "mse", {}, {.backend = Backend::interpreter});
  ir::Ints batch = sample;
  batch.insert(batch.begin(), 2);
  const Array x = numbers(Shape(batch)), zero = Array::zeros({2, 1});
  CHECK(model.evaluate(x, zero, {.verbose = 0})["loss"] == Approx(penalty));
  model.fit(x, zero, {.verbose = 0});
  double expected = 0.0;
  for (const Variable& w : model.trainable_weights()) {
    expected += 1.0;
    const Array values = w.value();
    for (const float value : values.span<float>()) CHECK(static_cast<double>(value) == expected);
  }
}

}  // namespace

TEST_CASE("layers hand regularizers and constraints to their weights", "[layers][1.1:add_weight]") {
  const auto dense = [](auto o) {
    o.kernel_regularizer = adds(1), o.bias_regularizer = adds(10), o.activity_regularizer = adds(100);
    o.kernel_constraint = becomes(1), o.bias_constraint = becomes(2);
    return o;
  };
  check(Dense(dense(DenseOptions{.units = 3})), {4}, 111);
  check(EinsumDense(dense(EinsumDenseOptions{.equation = "ab,bc->ac", .output_shape = {3}, .bias_axes = "c"})), {4},
        111);
  check(Conv1D(dense(ConvOptions{.filters = 2, .kernel_size = {2}})), {4, 3}, 111);
  check(Conv2DTranspose(dense(ConvTransposeOptions{.filters = 2, .kernel_size = {2}})), {3, 3, 2}, 111);
  const auto recurrent = [&](auto o) {
    o = dense(o);
    o.recurrent_regularizer = adds(1000), o.recurrent_constraint = becomes(2), o.bias_constraint = becomes(3);
    return o;
  };
  check(SimpleRNN(recurrent(SimpleRNNOptions{.units = 2})), {3, 2}, 1111);
  check(LSTM(recurrent(LSTMOptions{.units = 2})), {3, 2}, 1111);
  check(GRU(recurrent(GRUOptions{.units = 2})), {3, 2}, 1111);
  const auto depthwise = [](auto o) {
    o.depthwise_regularizer = adds(1), o.bias_regularizer = adds(10), o.activity_regularizer = adds(100);
    o.depthwise_constraint = becomes(1), o.bias_constraint = becomes(2);
    return o;
  };
  check(DepthwiseConv1D(depthwise(DepthwiseConvOptions{.kernel_size = {2}})), {4, 3}, 111);
  SeparableConvOptions separable = depthwise(SeparableConvOptions{.filters = 2, .kernel_size = {2}});
  separable.pointwise_regularizer = adds(1000);
  separable.pointwise_constraint = becomes(2), separable.bias_constraint = becomes(3);
  check(SeparableConv1D(separable), {4, 3}, 1111);
  const auto normalization = [](auto o) {
    o.gamma_regularizer = adds(1), o.beta_regularizer = adds(10);
    o.gamma_constraint = becomes(1), o.beta_constraint = becomes(2);
    return o;
  };
  check(BatchNormalization(normalization(BatchNormalizationOptions{})), {4}, 11);
  check(LayerNormalization(normalization(LayerNormalizationOptions{})), {4}, 11);
  check(GroupNormalization(normalization(GroupNormalizationOptions{.groups = 2})), {4}, 11);
  check(PReLU({.alpha_regularizer = adds(5), .alpha_constraint = becomes(1)}), {4}, 5);
}

TEST_CASE("Embedding and MultiHeadAttention hand on their limits", "[layers][1.1:add_weight]") {
  Sequential model(
      Input({2}, {.dtype = DType::i32}),
      Embedding(
          {.input_dim = 4, .output_dim = 2, .embeddings_regularizer = adds(3), .embeddings_constraint = becomes(1)}),
      Flatten(), nothing());
  model.compile("sgd", "mse", {}, {.backend = Backend::interpreter});
  const Array x = Array::from<std::int32_t>({0, 3}, {1, 2}), zero = Array::zeros({1, 1});
  CHECK(model.evaluate(x, zero, {.verbose = 0})["loss"] == Approx(3.0));
  model.fit(x, zero, {.verbose = 0});
  const Array table = model.get_weights()[0];
  for (const float value : table.span<float>()) CHECK(value == 1.0F);

  MultiHeadAttention attention({.num_heads = 1,
                                .key_dim = 2,
                                .kernel_regularizer = adds(1),
                                .bias_regularizer = adds(10),
                                .activity_regularizer = adds(100),
                                .kernel_constraint = becomes(5),
                                .bias_constraint = becomes(6)});
  Sequential heads(Input({2, 3}), std::move(attention), Flatten(), nothing());
  heads.compile("sgd", "mse", {}, {.backend = Backend::interpreter});
  const Array sequence = numbers({1, 2, 3});
  CHECK(heads.evaluate(sequence, zero, {.verbose = 0})["loss"] == Approx(4 * 111.0));
  heads.fit(sequence, zero, {.verbose = 0});
  for (const Variable& w : heads.trainable_weights()) {
    const Array values = w.value();
    for (const float value : values.span<float>()) CHECK(value == (w.name() == "kernel" ? 5.0F : 6.0F));
  }
}
