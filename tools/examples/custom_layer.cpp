// A layer of one's own: the SimpleDense of the study notes, trained between the layers of the library.

#include <sinter/sinter.h>

#include <iostream>
#include <vector>

using namespace sinter;

class SimpleDense : public Layer {
 public:
  explicit SimpleDense(Dim units = 32, ActivationFn activation = {})
      : units_(units), activation_(std::move(activation)) {}
  void build(const Shape& input) override {
    w_ = add_weight("kernel", {input[-1], units_}, {.initializer = "random_normal"});
    b_ = add_weight("bias", {units_}, {.initializer = "zeros"});
  }
  Tensor call(Tensor x) override { return activation_(matmul(x, w_) + b_); }

 private:
  Dim units_;
  ActivationFn activation_;
  Variable w_, b_;
};

int main() {
  // Is a point of the square inside the circle of half its area?
  std::vector<float> points;
  std::vector<std::int32_t> inside;
  for (int i = 0; i < 40; ++i)
    for (int j = 0; j < 40; ++j) {
      const float x = (static_cast<float>(i) - 19.5F) / 20.0F, y = (static_cast<float>(j) - 19.5F) / 20.0F;
      points.insert(points.end(), {x, y});
      inside.push_back(x * x + y * y < 0.64F ? 1 : 0);
    }
  const Array x = Array::view(points, {1600, 2});

  Sequential model(Input({2}), SimpleDense(32, "relu"), Dropout(0.1), Dense(2, "softmax"));
  model.compile(Adam({.learning_rate = 0.01}), "sparse_categorical_crossentropy", {"accuracy"});
  model.summary();
  model.fit(x, inside, {.epochs = 30, .verbose = 2});
  std::cout << "accuracy: " << model.evaluate(x, inside, {.verbose = 0})["accuracy"] << '\n';
}
