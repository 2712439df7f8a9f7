#pragma once
// One application of a layer with given weights.

#include <string>
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

}  // namespace sinter_test
