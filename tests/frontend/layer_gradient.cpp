#include "frontend/layer_gradient.h"

#include <cmath>

#include <sinter/ir/interpreter.h>

#include "frontend/layer_run.h"
#include "support/catch.h"

namespace sinter_test {

namespace {

using ir::NumArray;

/// A graph whose first output is the loss and whose others are its gradients with respect to `sources`.
struct Problem {
  ir::Graph graph;
  ir::Environment start;
  std::vector<std::string> sources;  // names of inputs and states
  std::vector<Array> directions;     // one for each
};

Problem problem_of(Layer& layer, const std::vector<Array>& inputs, const GradientCheckOptions& options) {
  Problem p{ir::Graph("gradient"), {}, {}, {}};
  StepBuilder builder({.training = options.training});
  Tensors xs;
  std::vector<Operand> sources;
  const auto differentiate = [&](const std::string& name, const Tensor& x) {
    sources.emplace_back(x);
    p.sources.push_back(name);
    p.directions.push_back(numbers(x.shape(), 3, 17, 8));
  };
  for (const Array& input : inputs) {
    const std::string name = "x" + std::to_string(xs.size());
    xs.push_back(builder.input(name, input.shape(), input.dtype()));
    p.start[name] = NumArray::from(input.to_data(), options.wide);
    if (is_float(input.dtype())) differentiate(name, xs.back());
  }
  Tensor loss;
  for (const Tensor& y : layer(xs)) {
    const Tensor term = sum(y * numbers(y.shape(), 5, 11, 4));
    loss = loss.empty() ? term : loss + term;
  }
  for (const Variable& w : layer.trainable_weights()) differentiate(w.path(), w.tensor());
  builder.output("loss", loss);
  for (const Tensor& slope : gradients(loss, sources)) builder.output("gradient", slope);
  p.graph = builder.graph();
  const Step step = builder.compile({.backend = Backend::interpreter});
  for (const std::string& name : step.state_names())
    p.start[name] = NumArray::from(step.state(name).to_data(), options.wide);
  p.start.try_emplace("first_row", NumArray::from(ir::TensorData::scalar(DType::u32, 0.0)));
  return p;
}

std::vector<NumArray> outputs_at(const Problem& p, double distance, bool wide) {
  ir::Environment there = p.start;
  for (std::size_t k = 0; k < p.sources.size(); ++k) {
    NumArray& x = there.at(p.sources[k]);
    for (std::size_t i = 0; i < x.values.size(); ++i)
      x.values[i] = ir::Num::from_double(
          x.type.dtype, x.values[i].as_double() + distance * p.directions[k].flat(static_cast<std::int64_t>(i)), wide);
  }
  return ir::interpret(p.graph, there, {.wide = wide}).outputs;
}

}  // namespace

void check_gradient(Layer& layer, const std::vector<Array>& inputs, const GradientCheckOptions& options) {
  const Problem p = problem_of(layer, inputs, options);
  const std::vector<NumArray> at_start = outputs_at(p, 0.0, options.wide);
  double expected = 0.0, size = 1.0 + std::fabs(at_start[0].values[0].as_double());
  for (std::size_t k = 0; k < p.sources.size(); ++k)
    for (std::size_t i = 0; i < at_start[k + 1].values.size(); ++i) {
      const double term = at_start[k + 1].values[i].as_double() * p.directions[k].flat(static_cast<std::int64_t>(i));
      expected += term;
      size += std::fabs(term);
    }
  const auto loss_at = [&](double distance) { return outputs_at(p, distance, options.wide)[0].values[0].as_double(); };
  const double difference = (loss_at(options.h) - loss_at(-options.h)) / (2.0 * options.h);
  INFO(layer.class_name() << ": gradients " << expected << ", difference " << difference);
  CHECK(size > 1.0);  // something was differentiated
  CHECK(std::fabs(difference - expected) <= options.tolerance * size);
}

}  // namespace sinter_test
