// A small convolutional network on Fashion-MNIST. Data: as in fashion_mnist.cpp.

#include <sinter/sinter.h>

#include <cstdio>

#include "fashion_mnist_data.h"

using namespace sinter;

namespace {

void run(const examples::Options& options) {
  const examples::Pictures train = examples::training_pictures(), test = examples::test_pictures();

  Sequential model(ModelOptions{.seed = options.seed}, Input({28, 28}), Reshape({28, 28, 1}), Conv2D(32, 3, "relu"),
                   MaxPooling2D(2), Conv2D(64, 3, "relu"), MaxPooling2D(2), Flatten(), Dense(128, "relu"),
                   Dropout(0.25), Dense(10, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  model.summary();

  model.fit(train.x, train.y, {.epochs = options.epochs});
  const Logs logs = model.evaluate(test.x, test.y);
  std::printf("test accuracy: %.4f\n", logs["accuracy"]);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::main_with_options(argc, argv, "Trains a convolutional network on Fashion-MNIST.", {.epochs = 5},
                                     run);
}
