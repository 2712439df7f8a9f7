#pragma once
// Where the examples find Fashion-MNIST.

#include <sinter/sinter.h>

#include <cstdlib>
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
  sinter::Array x, y;
};

/// At most `count` pictures whose class is in [first, first + 5), classes counted from `first`.
inline Pictures five_classes(const sinter::Array& x, const sinter::Array& y, int first, std::size_t count) {
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;
  constexpr std::size_t size = 784;
  const auto all = x.span<float>();
  const auto classes = y.span<std::uint8_t>();
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

}  // namespace examples
