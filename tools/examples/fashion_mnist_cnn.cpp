// A small convolutional network on Fashion-MNIST. Data: as in fashion_mnist.cpp.

#include <sinter/sinter.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "fashion_mnist_data.h"

using namespace sinter;

namespace {

void run(int epochs, std::uint64_t seed) {
  const Array x_train = examples::load("train-images-idx3-ubyte") / 255.0,
              y_train = examples::load("train-labels-idx1-ubyte");
  const Array x_test = examples::load("t10k-images-idx3-ubyte") / 255.0,
              y_test = examples::load("t10k-labels-idx1-ubyte");

  Sequential model(ModelOptions{.seed = seed}, Input({28, 28}), Reshape({28, 28, 1}), Conv2D(32, 3, "relu"),
                   MaxPooling2D(2), Conv2D(64, 3, "relu"), MaxPooling2D(2), Flatten(), Dropout(0.3),
                   Dense(10, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  model.summary();

  model.fit(x_train, y_train, {.batch_size = 64, .epochs = epochs});
  const Logs test = model.evaluate(x_test, y_test);
  std::printf("test accuracy: %.4f\n", test["accuracy"]);
}

}  // namespace

int main(int argc, char** argv) {
  int epochs = 5;
  std::uint64_t seed = 0;
  CLI::App app("Trains a convolutional network on Fashion-MNIST.");
  app.add_option("--epochs", epochs, "times that all pictures are seen")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seed", seed, "of weights, dropout and order")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(epochs, seed);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fashion_mnist_cnn: %s\n", error.what());
    return 1;
  }
}
