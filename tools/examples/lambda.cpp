// Lambda: any function of a symbolic tensor as a layer.

#include <sinter/sinter.h>

#include <iostream>

using namespace sinter;

/// The activation of the study notes: 0.5 for everything below 0.5.
Tensor my_relu(Tensor x) { return maximum(0.5, x); }

int main() {
  const Array x = Array::from<float>({-2.0F, -0.5F, 0.0F, 0.25F, 0.5F, 3.0F}, {1, 6});
  const auto show = [&](const char* name, Lambda layer) {
    Sequential model(Input({6}), std::move(layer));
    std::cout << name << model.predict(x) << '\n';
  };
  std::cout << "x             " << x << '\n';
  show("abs           ", Lambda(abs));
  show("max(0.0, x)   ", Lambda([](Tensor t) { return maximum(0.0, t); }));
  show("max(0.5, x)   ", Lambda(my_relu));

  // Between trained layers the gradient flows through it.
  Sequential model(Input({6}), Dense(8), Lambda(abs), Dense(4), Lambda(my_relu), Dense(1));
  model.compile("sgd", "mse");
  const History history = model.fit(x, Array::from<float>({1.0F}, {1, 1}), {.epochs = 20, .verbose = 0});
  std::cout << "loss " << history["loss"].front() << " -> " << history["loss"].back() << '\n';
}
