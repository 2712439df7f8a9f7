// The model of the study notes on Fashion-MNIST: 60,000 pictures of clothes, 28 x 28 pixels, 10 kinds.
// Data: the Debian package dataset-fashion-mnist, or any folder with the four files, named by FASHION_MNIST_DIR.

#include <sinter/sinter.h>

#include <cstdio>

#include "fashion_mnist_data.h"

using namespace sinter;

namespace {

void run(const examples::Options& options) {
  const examples::Pictures train = examples::training_pictures(), test = examples::test_pictures();

  Sequential model(ModelOptions{.seed = options.seed}, Input({28, 28}), Flatten(), Dense(128, "relu"), Dropout(0.2),
                   Dense(10, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  model.summary();

  model.fit(train.x, train.y, {.epochs = options.epochs});
  const Logs logs = model.evaluate(test.x, test.y);
  std::printf("test accuracy: %.4f\n", logs["accuracy"]);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::main_with_options(argc, argv, "Trains a small network on Fashion-MNIST.", {.epochs = 5}, run);
}
