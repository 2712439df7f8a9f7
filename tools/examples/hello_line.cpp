// The smallest model: one neuron learns y = 2x - 1 from six points.

#include <sinter/sinter.h>

#include <iostream>
#include <vector>

using namespace sinter;

int main() {
  const std::vector<float> xs{-1, 0, 1, 2, 3, 4};
  const std::vector<float> ys{-3, -1, 1, 3, 5, 7};

  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse");
  model.fit(xs, ys, {.epochs = 500, .verbose = 0});

  std::cout << "y(10) = " << model.predict({10.0}).item() << '\n';
}
