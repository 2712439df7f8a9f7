// An LSTM that reads the pictures of Fashion-MNIST row by row. Data: as in fashion_mnist.cpp.

#include <sinter/sinter.h>

#include <cstdio>

#include "fashion_mnist_data.h"

using namespace sinter;

namespace {

void run(const examples::Options& options) {
  const examples::Pictures train = examples::training_pictures(), test = examples::test_pictures();

  Sequential model(ModelOptions{.seed = options.seed}, Input({28, 28}), LSTM(128), Dense(10, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  model.summary();

  model.fit(train.x, train.y, {.epochs = options.epochs});
  const Logs logs = model.evaluate(test.x, test.y);
  std::printf("test accuracy: %.4f\n", logs["accuracy"]);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::main_with_options(argc, argv, "Trains an LSTM on the rows of Fashion-MNIST's pictures.",
                                     {.epochs = 5}, run);
}
