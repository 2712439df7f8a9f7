// A training that may be stopped at any moment, even by kill -9, and started again: it goes on from its last checkpoint
// and ends with the same weights, bit for bit.
//   resume_training FOLDER          trains; FOLDER/weights.safetensors at the end
//   resume_training FOLDER --check  loads the checkpoint that is there, and says so
#include <sinter/sinter.h>

#include <cmath>
#include <iostream>
#include <string>

using namespace sinter;

namespace {

/// Two spirals, noisy by a rule: 2000 points with their classes.
std::pair<Array, Array> spirals() {
  constexpr int n = 2000;
  std::vector<float> x;
  std::vector<std::int32_t> y;
  for (int k = 0; k < n; ++k) {
    const double t = 0.5 + 9.0 * k / n, side = k % 2 == 0 ? 1.0 : -1.0, noise = (k * 37 % 101) / 500.0;
    x.push_back(static_cast<float>(side * t * std::cos(t) / 5.0 + noise));
    x.push_back(static_cast<float>(side * t * std::sin(t) / 5.0 - noise));
    y.push_back(k % 2);
  }
  return {Array::from(std::move(x), {n, 2}), Array::from(std::move(y))};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: resume_training FOLDER [--check]\n";
    return 2;
  }
  const std::string folder = argv[1], checkpoint = folder + "/checkpoint.safetensors";
  try {
    Sequential model(Input({2}), Dense(64, "relu"), BatchNormalization(), Dropout(0.1), Dense(64, "relu"),
                     Dense(2, "softmax"));
    model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
    if (argc > 2 && std::string(argv[2]) == "--check") {
      model.load_checkpoint(checkpoint);
      std::cout << checkpoint << " loads\n";
      return 0;
    }
    const auto [x, y] = spirals();
    const History history =
        model.fit(x, y,
                  {.batch_size = 16,
                   .epochs = 15,
                   .validation_split = 0.1,
                   .verbose = 2,
                   .callbacks = {ReduceLROnPlateau({.factor = 0.5, .patience = 3}), CSVLogger(folder + "/log.csv"),
                                 BackupAndRestore({.path = checkpoint, .every_batches = 10})}});
    model.save_weights(folder + "/weights.safetensors");
    std::cout << "accuracy " << history["accuracy"].back() << " after " << history.epochs().size() << " epochs\n";
  } catch (const UserError& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
