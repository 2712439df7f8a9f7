#pragma once
// One application of a layer with given weights, and the derivative of a sum of its results along a direction.

#include <functional>
#include <span>
#include <vector>

#include <sinter/sinter.h>

#include "support/catch.h"

namespace sinter_test {

using namespace sinter;

/// Small numbers that look irregular: ((i * step) % range - shift) / 10.
inline Array numbers(const Shape& shape, int step = 7, int range = 13, int shift = 6) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < shape.elements(); ++i)
    values.push_back(static_cast<float>((i * step) % range - shift) / 10.0F);
  return Array::from(std::move(values), shape);
}

struct LayerRunOptions {
  bool training = false;
  Backend backend = Backend::interpreter;
  bool many = false;  // ask for all results of a layer with one input
};

/// All results of the layer.
inline std::vector<Array> run_all(Layer& layer, const std::vector<Array>& inputs,
                                  const std::vector<Array>& weights = {}, LayerRunOptions options = {}) {
  StepBuilder builder({.training = options.training});
  Tensors xs;
  Step::Inputs bound;
  for (const Array& input : inputs) {
    const std::string name = "x" + std::to_string(xs.size());
    xs.push_back(builder.input(name, input.shape(), input.dtype()));
    bound.emplace_back(name, input);
  }
  const Tensors ys = xs.size() == 1 && !options.many ? Tensors{layer(xs[0])} : layer(xs);
  for (std::size_t k = 0; k < ys.size(); ++k) builder.output("y" + std::to_string(k), ys[k]);
  if (!weights.empty()) layer.set_weights(weights);
  const StepResult result = builder.compile({.backend = options.backend}).run(bound);
  std::vector<Array> all;
  for (std::size_t k = 0; k < ys.size(); ++k) all.push_back(result["y" + std::to_string(k)].copy());
  return all;
}

inline Array run_layer(Layer& layer, const std::vector<Array>& inputs, const std::vector<Array>& weights = {},
                       LayerRunOptions options = {}) {
  return run_all(layer, inputs, weights, options).front();
}

inline void check_values(const Array& got, const Shape& shape, const std::vector<double>& expected,
                         double tolerance = 2e-6) {
  REQUIRE(got.shape() == shape);
  REQUIRE(static_cast<std::size_t>(got.size()) == expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    INFO("element " << k);
    CHECK(got.flat(static_cast<std::int64_t>(k)) == Approx(expected[k]).epsilon(1e-5).margin(tolerance));
  }
}

/// Compares the gradients of sum(cos-like weights * y) with a central difference along one direction of all float
/// inputs and trained weights.
inline void check_gradient(Layer& layer, const std::vector<Array>& inputs, double tolerance = 3e-3) {
  StepBuilder builder({.training = false});
  Tensors xs;
  std::vector<Operand> sources;
  Step::Inputs bound;
  for (const Array& input : inputs) {
    const std::string name = "x" + std::to_string(xs.size());
    xs.push_back(builder.input(name, input.shape(), input.dtype()));
    bound.emplace_back(name, input);
    if (input.dtype() == DType::f32) sources.emplace_back(xs.back());
  }
  const Tensor y = xs.size() == 1 ? layer(xs[0]) : layer(xs).front();
  const Tensor loss = sum(y * numbers(y.shape(), 5, 11, 4));
  builder.output("loss", loss);
  const std::vector<Variable> weights = layer.trainable_weights();
  for (const Variable& w : weights) sources.emplace_back(w);
  const std::vector<Tensor> slopes = gradients(loss, sources);
  for (std::size_t k = 0; k < slopes.size(); ++k) builder.output("g" + std::to_string(k), slopes[k]);
  Step step = builder.compile({.backend = Backend::interpreter});

  const std::vector<Array> start = layer.get_weights();
  constexpr float h = 1.0F / 128.0F;
  double expected = 0.0;
  std::vector<Array> directions;
  for (std::size_t k = 0; k < slopes.size(); ++k) directions.push_back(numbers(slopes[k].shape(), 3, 17, 8));
  const auto moved = [](const Array& from, const Array& direction, float by) {
    Array result = from.copy();
    auto values = result.mutable_span<float>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += by * direction.span<float>()[i];
    return result;
  };
  const StepResult at_start = step.run(bound);
  for (std::size_t k = 0; k < slopes.size(); ++k) {
    const Array g = at_start["g" + std::to_string(k)];
    for (std::int64_t i = 0; i < g.size(); ++i) expected += g.flat(i) * directions[k].flat(i);
  }
  const auto loss_at = [&](float by) {
    Step::Inputs there;
    std::size_t next = 0;
    for (std::size_t k = 0; k < inputs.size(); ++k)
      there.emplace_back("x" + std::to_string(k),
                         inputs[k].dtype() == DType::f32 ? moved(inputs[k], directions[next++], by) : inputs[k]);
    for (const Variable& w : weights) w.assign(moved(w.value(), directions[next++], by));
    const double value = step.run(there)["loss"].item();
    layer.set_weights(start);
    return value;
  };
  const double difference = (loss_at(h) - loss_at(-h)) / (2.0 * static_cast<double>(h));
  CHECK(difference == Approx(expected).epsilon(tolerance).margin(tolerance));
}

}  // namespace sinter_test
