// A small transformer encoder on Fashion-MNIST: each picture is read as 28 rows of 28 pixels, which attend to each
// other. Test accuracy after 3 epochs: 0.8650. Data: the Debian package dataset-fashion-mnist, or any folder with the
// files, named by FASHION_MNIST_DIR.

#include <sinter/sinter.h>

#include <cstdio>

#include "fashion_mnist_data.h"

using namespace sinter;

namespace {

/// Adds a learned vector for each place of the sequence: attention alone does not know the order.
class Positions : public Layer {
 public:
  void build(const Shape& input) override {
    places_ = add_weight("places", {input[1], input[2]}, {.initializer = "random_uniform"});
  }
  Tensor call(Tensor x) override { return x + places_; }

 private:
  Variable places_;
};

/// Attention and a small network, each beside a shortcut and normalised first.
Symbol encoder_block(Symbol x, Dim width) {
  x = x + (x | LayerNormalization() | MultiHeadAttention({.num_heads = 4, .key_dim = 16, .dropout = 0.1}));
  return x + (x | LayerNormalization() | Dense(2 * width, "gelu") | Dropout(0.1) | Dense(width));
}

void run(const examples::Options& options) {
  const examples::Pictures train = examples::training_pictures(), test = examples::test_pictures();

  Input rows({28, 28});
  Symbol h = rows | Dense(64) | Positions();
  for (int k = 0; k < 2; ++k) h = encoder_block(h, 64);
  const Symbol middle = h | LayerNormalization() | [](Tensor t) { return mean(t, 1); };
  Model model(rows, middle | Dense(10, "softmax"), {.name = "transformer", .seed = options.seed});
  model.compile(Adam({.learning_rate = 0.002}), "sparse_categorical_crossentropy", {"accuracy"});
  model.summary();

  model.fit(train.x, train.y, {.batch_size = 64, .epochs = options.epochs});
  std::printf("test accuracy: %.4f\n", model.evaluate(test.x, test.y, {.verbose = 0})["accuracy"]);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::main_with_options(argc, argv, "Trains a transformer encoder on Fashion-MNIST.", {.epochs = 3}, run);
}
