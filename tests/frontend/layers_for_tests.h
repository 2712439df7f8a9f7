#pragma once
// Layers that several tests use.

#include <sinter/sinter.h>

namespace sinter::testing {

/// The layer of the study notes, as a user writes it.
class SimpleDense : public Layer {
 public:
  explicit SimpleDense(Dim units = 32, ActivationFn activation = {})
      : units_(units), activation_(std::move(activation)) {}
  void build(const Shape& input) override {
    ++builds;
    w_ = add_weight("kernel", {input[-1], units_}, {.initializer = "random_normal"});
    b_ = add_weight("bias", {units_}, {.initializer = "zeros"});
  }
  Tensor call(Tensor x) override { return activation_(matmul(x, w_) + b_); }
  int builds = 0;

 private:
  Dim units_;
  ActivationFn activation_;
  Variable w_, b_;
};

/// Holds its parts as members; they are found when they are called.
class Block : public Layer {
 public:
  Tensor call(Tensor x) override { return outer_(inner_(x)); }

 private:
  Dense inner_{3, "relu"};
  Dense outer_{2};
};

inline ExecutionOptions interpreted() { return {.backend = Backend::interpreter}; }

/// y = 2x - 1 on six points.
inline Array line_x() { return Array::from<float>({-1, 0, 1, 2, 3, 4}, {6, 1}); }
inline Array line_y() { return Array::from<float>({-3, -1, 1, 3, 5, 7}, {6, 1}); }

/// n points of the plane in three classes.
inline Array points(std::int64_t n) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < 2 * n; ++i) values.push_back(static_cast<float>((i * 37) % 19) / 10.0F - 0.9F);
  return Array::from(std::move(values), {n, 2});
}
inline std::vector<std::int32_t> classes(std::int64_t n) {
  std::vector<std::int32_t> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(static_cast<std::int32_t>((i * 7) % 3));
  return values;
}

}  // namespace sinter::testing
