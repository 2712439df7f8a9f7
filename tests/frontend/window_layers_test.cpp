// Convolution, pooling, spatial layers and batch normalisation: shapes, values small enough to check by hand, errors.
// Numbers at large are compared with Keras' (tools/keras_cases).

#include <sinter/sinter.h>

#include "support/catch.h"

namespace sinter {

namespace {

Array ramp(const Shape& shape) {
  std::vector<float> values;
  for (std::int64_t k = 0; k < shape.elements(); ++k) values.push_back(static_cast<float>(k));
  return Array::from(std::move(values), shape);
}

/// What a model of this one layer makes of x.
template <class L>
Array through(L layer, const Array& x) {
  const ir::Ints sample(x.shape().begin() + 1, x.shape().end());
  Sequential model(Input(sample), std::move(layer));
  return model.predict(x);
}

template <class L>
Shape shape_after(L layer, const Shape& shape) {
  return through(std::move(layer), ramp(shape)).shape();
}

std::vector<float> values(const Array& a) { return {a.span<float>().begin(), a.span<float>().end()}; }

}  // namespace

TEST_CASE("output shapes of convolutions", "[windows][1.2:Conv][1.2:same]") {
  CHECK(shape_after(Conv2D(5, 3), {2, 7, 6, 2}) == Shape{2, 5, 4, 5});
  CHECK(shape_after(Conv2D({.filters = 5, .kernel_size = {3, 2}, .strides = {2}, .padding = "same"}), {2, 7, 6, 2}) ==
        Shape{2, 4, 3, 5});
  CHECK(shape_after(Conv1D({.filters = 4, .kernel_size = {3}, .padding = "causal", .dilation_rate = {2}}), {2, 7, 2}) ==
        Shape{2, 7, 4});
  CHECK(shape_after(Conv2D({.filters = 4, .kernel_size = {3}, .groups = 2}), {1, 5, 5, 6}) == Shape{1, 3, 3, 4});
  CHECK(shape_after(Conv3D(2, 2), {1, 3, 4, 5, 2}) == Shape{1, 2, 3, 4, 2});
  CHECK(shape_after(Conv2DTranspose({.filters = 3, .kernel_size = {3}, .strides = {2}}), {1, 4, 5, 2}) ==
        Shape{1, 9, 11, 3});
  CHECK(shape_after(Conv2DTranspose({.filters = 3, .kernel_size = {3}, .strides = {2}, .padding = "same"}),
                    {1, 4, 5, 2}) == Shape{1, 8, 10, 3});
  CHECK(shape_after(Conv1DTranspose({.filters = 3, .kernel_size = {2}, .strides = {3}, .output_padding = {1}}),
                    {1, 4, 2}) == Shape{1, 12, 3});
  CHECK(shape_after(DepthwiseConv2D({.kernel_size = {3}, .depth_multiplier = 2}), {1, 5, 5, 3}) == Shape{1, 3, 3, 6});
  CHECK(shape_after(SeparableConv1D({.filters = 4, .kernel_size = {3}, .padding = "same"}), {1, 5, 3}) ==
        Shape{1, 5, 4});
}

TEST_CASE("a causal convolution sees the past alone", "[windows][1.2:Conv]") {
  const Array y = through(Conv1D({.filters = 1, .kernel_size = {2}, .padding = "causal", .kernel_initializer = "ones"}),
                          ramp({1, 4, 1}));
  CHECK(values(y) == std::vector<float>{0, 1, 3, 5});
}

TEST_CASE("pooling takes what is there", "[windows][1.2:Pooling][1.2:GlobalPooling][1.2:same]") {
  const Array x = ramp({1, 3, 3, 1});
  CHECK(values(through(MaxPooling2D(2), x)) == std::vector<float>{4});
  CHECK(values(through(MaxPooling2D({.padding = "same"}), x)) == std::vector<float>{4, 5, 7, 8});
  CHECK(values(through(AveragePooling2D({.padding = "same"}), x)) == std::vector<float>{2, 3.5F, 6.5F, 8});
  CHECK(values(through(AveragePooling2D(2), x)) == std::vector<float>{2});
  CHECK(values(through(MaxPooling1D({.pool_size = {2}, .strides = {1}}), ramp({1, 3, 1}))) == std::vector<float>{1, 2});
  CHECK(values(through(GlobalAveragePooling2D(), x)) == std::vector<float>{4});
  CHECK(through(GlobalMaxPooling2D({.keepdims = true}), x).shape() == Shape{1, 1, 1, 1});
}

TEST_CASE("padding, cropping and upsampling", "[windows]") {
  const Array x = ramp({1, 3, 1});
  CHECK(values(through(ZeroPadding1D({1, 2}), x)) == std::vector<float>{0, 0, 1, 2, 0, 0});
  CHECK(values(through(Cropping1D({1, 0}), x)) == std::vector<float>{1, 2});
  CHECK(values(through(UpSampling1D(2), x)) == std::vector<float>{0, 0, 1, 1, 2, 2});
  CHECK(shape_after(ZeroPadding2D({1, 2}), {1, 3, 4, 2}) == Shape{1, 5, 8, 2});
  CHECK(shape_after(Cropping3D({1}), {1, 3, 4, 5, 2}) == Shape{1, 1, 2, 3, 2});
  CHECK(shape_after(UpSampling2D({.size = {2, 3}}), {1, 3, 4, 2}) == Shape{1, 6, 12, 2});
}

TEST_CASE("batch normalisation: batch statistics in training, moving ones in inference and when frozen",
          "[windows][1.2:BatchNormalization]") {
  const auto make_model = [](bool trainable) {
    Sequential model(Input({1}), BatchNormalization({.momentum = 0.5, .trainable = trainable}), Dense(1));
    model.compile(SGD({.learning_rate = 0.0}), "mse");
    model.train_on_batch(Array::from<float>({1, 3}, {2, 1}), Array::from<float>({0, 0}, {2, 1}));
    std::vector<float> moving;
    for (const Variable& v : model.non_trainable_weights())
      if (v.name() == "moving_mean" || v.name() == "moving_variance") moving.push_back(v.value().span<float>()[0]);
    return moving;
  };
  CHECK(make_model(true) == std::vector<float>{1, 1});   // (0 + 2) / 2, (1 + 1) / 2
  CHECK(make_model(false) == std::vector<float>{0, 1});  // untouched
}

TEST_CASE("window layers say what is wrong", "[windows][1.2:Conv]") {
  using Catch::Matchers::Contains;
  const auto refuse = [](const auto& make, const std::string& message) {
    CHECK_THROWS_WITH(make(), Contains(message));
    CHECK_THROWS_AS(make(), UserError);
  };
  refuse([] { Conv2D layer(0, 3); }, "conv2d: filters must be positive, got 0");
  refuse([] { Conv2D layer({.filters = 3, .kernel_size = {3, 3, 3}}); },
         "conv2d: kernel_size must have 1 or 2 entries, got [3,3,3]");
  refuse([] { Conv2D layer({.filters = 3, .kernel_size = {3}, .padding = "causal"}); },
         "conv2d: unknown padding 'causal'; expected 'valid' or 'same'");
  refuse([] { Conv2D layer({.filters = 3, .kernel_size = {3}, .strides = {2}, .dilation_rate = {2}}); },
         "cannot both be above 1");
  refuse([] { Conv2D layer({.filters = 3, .kernel_size = {3}, .groups = 2}); }, "groups must divide the filters");
  refuse([] { through(Conv2D({.filters = 4, .kernel_size = {3}, .groups = 2}), ramp({1, 5, 5, 3})); },
         "groups must divide the channels: 3 channels, 2 groups");
  refuse([] { through(Conv2D(4, 3), ramp({1, 2, 5, 3})); }, "the output would be empty");
  refuse([] { through(MaxPooling2D(2), ramp({1, 5, 3})); }, "expected inputs of rank 4");
  refuse([] { through(Cropping1D({2, 1}), ramp({1, 3, 1})); }, "leaves nothing of the 3");
  refuse([] { BatchNormalization layer({.momentum = 2}); }, "momentum must be between 0 and 1");
  refuse([] { through(BatchNormalization({.axis = 0}), ramp({2, 3})); }, "axis 0 names no axis");
}

}  // namespace sinter
