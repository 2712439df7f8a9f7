// A training step built by hand, without a Model: logistic regression whose gradient is also shown.

#include <sinter/sinter.h>

#include <cstdio>

using namespace sinter;

int main() {
  StepBuilder b({.name = "logistic"});
  const Tensor x = b.input("x", {4, 2});
  const Tensor y = b.input("y", {4, 1});
  const Variable w = b.variable("w", Array::zeros({2, 1}));
  const Variable bias = b.variable("bias", Array::zeros({1}));

  const Tensor logits = matmul(x, w) + bias;
  const Tensor loss = mean(softplus(logits) - y * logits);  // binary cross-entropy of sigmoid(logits)
  const auto g = b.gradients(loss, {w, bias});
  b.update(w, w - 0.5 * g[0]);
  b.update(bias, bias - 0.5 * g[1]);
  b.output("loss", loss);
  b.output("gradient norm", sqrt(sum(square(g[0])) + sum(square(g[1]))));
  Step step = b.compile();

  const Array points = Array::from<float>({0, 0, 0, 1, 1, 0, 1, 1}, {4, 2});
  const Array labels = Array::from<float>({0, 1, 1, 1}, {4, 1});  // logical or
  for (int i = 0; i <= 200; ++i) {
    const StepResult r = step.run({{"x", points}, {"y", labels}});
    if (i % 50 == 0)
      std::printf("step %3d  loss %.4f  gradient norm %.4f\n", i, r["loss"].item(), r["gradient norm"].item());
  }
  const Array weights = step.state("w");
  std::printf("w = %.3f %.3f  bias = %.3f\n", weights.at(0, 0), weights.at(1, 0), step.state("bias").at(0));
}
