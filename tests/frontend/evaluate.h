#pragma once
// Values and gradients of functions on tensors, through a step and the reference interpreter.

#include <functional>
#include <vector>

#include <sinter/frontend/step.h>

namespace sinter_test {

using namespace sinter;

inline Array evaluate(const std::function<Tensor(const Tensors&)>& function, const std::vector<Array>& inputs) {
  StepBuilder builder;
  Tensors xs;
  Step::Inputs bound;
  for (const Array& input : inputs) {
    const std::string name = "x" + std::to_string(xs.size());
    xs.push_back(builder.input(name, input.shape(), input.dtype()));
    bound.emplace_back(name, input);
  }
  builder.output("y", function(xs));
  return builder.compile({.backend = Backend::interpreter}).run(bound)["y"].copy();
}

/// d sum(function(x)) / dx.
inline Array derivative(const std::function<Tensor(const Tensor&)>& function, const Array& x) {
  return evaluate([&](const Tensors& xs) { return gradients(sum(function(xs[0])), {xs[0]})[0]; }, {x});
}

}  // namespace sinter_test
