#pragma once
// What the Fashion-MNIST examples share: the pictures, and the options of a program that trains on them.

#include <sinter/sinter.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace examples {

/// One of the four files, packed or not.
inline sinter::Array load(const std::string& name) {
  const char* set = std::getenv("FASHION_MNIST_DIR");
  const std::filesystem::path folder = set != nullptr ? set : "/usr/share/datasets/fashion-mnist";
  const std::filesystem::path plain = folder / name;
  return sinter::read_idx(std::filesystem::exists(plain) ? plain.string() : plain.string() + ".gz");
}

struct Pictures {
  sinter::Array x, y;  // pixels between 0 and 1: [n, 28, 28]; classes from 0 to 9: [n]
};

inline Pictures training_pictures() {
  return {load("train-images-idx3-ubyte") / 255.0, load("train-labels-idx1-ubyte")};
}

inline Pictures test_pictures() { return {load("t10k-images-idx3-ubyte") / 255.0, load("t10k-labels-idx1-ubyte")}; }

/// At most `count` pictures whose class is in [first, first + 5), classes counted from `first`.
inline Pictures five_classes(const Pictures& from, int first, std::size_t count) {
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;
  constexpr std::size_t size = 784;
  const auto all = from.x.span<float>();
  const auto classes = from.y.span<std::uint8_t>();
  for (std::size_t k = 0; k < classes.size() && labels.size() < count; ++k) {
    const int label = classes[k] - first;
    if (label < 0 || label >= 5) continue;
    labels.push_back(label);
    pixels.insert(pixels.end(), all.begin() + static_cast<std::ptrdiff_t>(k * size),
                  all.begin() + static_cast<std::ptrdiff_t>((k + 1) * size));
  }
  const auto n = static_cast<std::int64_t>(labels.size());
  return {sinter::Array::from(std::move(pixels), {n, 28, 28}), sinter::Array::from(std::move(labels))};
}

struct Options {
  int epochs = 5;
  std::uint64_t seed = 0;
};

/// Reads the options, calls `run` with them and reports its errors; returns the exit code of the program.
template <class Run>
int main_with_options(int argc, char** argv, const std::string& about, Options options, const Run& run) {
  CLI::App app(about);
  app.add_option("--epochs", options.epochs, "times that all pictures are seen")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed, "of weights, dropout and order")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", std::filesystem::path(argv[0]).filename().c_str(), error.what());
    return 1;
  }
}

}  // namespace examples
