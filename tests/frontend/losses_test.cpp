#include <cmath>
#include <limits>

#include <sinter/frontend/activations.h>
#include <sinter/frontend/losses.h>
#include <sinter/ir/error.h>

#include "frontend/evaluate.h"
#include "support/catch.h"

using namespace sinter;
using sinter_test::evaluate;

namespace {

/// The loss of probabilities made by `activation` from logits, and its gradient by the logits.
struct Point {
  double value = 0.0;
  Array gradient;
};
Point through(const AnyLoss& loss, const ActivationFn& activation, const Array& labels, const Array& logits) {
  const auto value = [&](const Tensors& xs) { return loss(xs[0], activation(xs[1])); };
  return {evaluate(value, {labels, logits}).item(),
          evaluate([&](const Tensors& xs) { return gradients(value(xs), {xs[1]})[0]; }, {labels, logits})};
}

Array value_of(const AnyLoss& loss, const Array& t, const Array& p) {
  return evaluate([&](const Tensors& xs) { return loss(xs[0], xs[1]); }, {t, p});
}

std::string error_of(const AnyLoss& loss, const Array& t, const Array& p) {
  try {
    value_of(loss, t, p);
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

// keras-semantics 1.3: logits (TF form)
TEST_CASE("softmax and sigmoid followed by a cross-entropy do not saturate", "[losses]") {
  const Array logits = Array::from({200.0f, -200.0f, 0.0f}, {1, 3});
  const Point sparse = through("sparse_categorical_crossentropy", "softmax", Array::from({1}), logits);
  CHECK(sparse.value == Approx(400.0));
  CHECK(sparse.gradient.at(0, 0) == Approx(1.0));
  CHECK(sparse.gradient.at(0, 1) == Approx(-1.0));
  const Point dense = through("categorical_crossentropy", "softmax", Array::from({0.0f, 1.0f, 0.0f}, {1, 3}), logits);
  CHECK(dense.value == Approx(400.0));
  CHECK(dense.gradient.at(0, 1) == Approx(-1.0));
  const Point binary =
      through("binary_crossentropy", "sigmoid", Array::from({1.0f}, {1, 1}), Array::from({-300.0f}, {1, 1}));
  CHECK(binary.value == Approx(300.0));
  CHECK(binary.gradient.at(0, 0) == Approx(-1.0));
}

// keras-semantics 1.3: logits (clipped form)
TEST_CASE("the clipped form of Keras on torch can be had", "[losses]") {
  const Array logits = Array::from({200.0f, -200.0f, 0.0f}, {1, 3});
  const Point clipped =
      through(SparseCategoricalCrossentropy({.use_known_logits = false}), "softmax", Array::from({1}), logits);
  CHECK(clipped.value == Approx(-std::log(1e-7)).epsilon(1e-5));
  CHECK(clipped.gradient.at(0, 1) == 0.0);
}

// keras-semantics 1.3: logits (both forms)
TEST_CASE("both forms agree where nothing saturates", "[losses]") {
  const Array logits = Array::from({0.5f, -1.0f, 2.0f, 0.1f, 0.2f, 0.3f}, {2, 3});
  const Array labels = Array::from({2, 0});
  const Point exact = through("sparse_categorical_crossentropy", "softmax", labels, logits);
  const Point clipped = through(SparseCategoricalCrossentropy({.use_known_logits = false}), "softmax", labels, logits);
  CHECK(exact.value == Approx(clipped.value).epsilon(1e-5));
  for (std::int64_t k = 0; k < 6; ++k) CHECK(exact.gradient.flat(k) == Approx(clipped.gradient.flat(k)).margin(1e-6));
  const Point given = through(SparseCategoricalCrossentropy({.from_logits = true}), "linear", labels, logits);
  CHECK(given.value == exact.value);
}

TEST_CASE("binary cross-entropy from logits has its gradient at 0", "[losses]") {
  const Point p = through(BinaryCrossentropy({.from_logits = true}), "linear", Array::from({1.0f, 0.0f}, {2, 1}),
                          Array::from({0.0f, 0.0f}, {2, 1}));
  CHECK(p.value == Approx(std::log(2.0)));
  CHECK(p.gradient.at(0, 0) == Approx(-0.25));
  CHECK(p.gradient.at(1, 0) == Approx(0.25));
}

// keras-semantics 1.3: label smoothing
TEST_CASE("label smoothing", "[losses]") {
  const Array t = Array::from({1.0f, 0.0f}, {1, 2});
  const Array p = Array::from({0.7f, 0.3f}, {1, 2});
  CHECK(value_of(CategoricalCrossentropy({.label_smoothing = 0.2}), t, p).item() ==
        Approx(-(0.9 * std::log(0.7) + 0.1 * std::log(0.3))));
  CHECK(value_of(BinaryCrossentropy({.label_smoothing = 0.2}), t, p).item() ==
        Approx(-(0.9 * std::log(0.7) + 0.1 * std::log(0.3))));
  CHECK(
      error_of(SparseCategoricalCrossentropy({.label_smoothing = 0.2}), Array::from({0}), p).find("label smoothing") !=
      std::string::npos);
}

// keras-semantics 1.3: losses
TEST_CASE("losses that no golden case covers", "[losses]") {
  const Array t = Array::from({0.5f, 2.0f}, {1, 2});
  const Array p = Array::from({1.0f, 0.0f}, {1, 2});
  CHECK(value_of("log_cosh", t, p).item() == Approx((std::log(std::cosh(0.5)) + std::log(std::cosh(2.0))) / 2));
  CHECK(value_of("kl_divergence", Array::from({0.4f, 0.6f}, {1, 2}), Array::from({0.5f, 0.5f}, {1, 2})).item() ==
        Approx(0.4 * std::log(0.8) + 0.6 * std::log(1.2)));
  const Array one = Array::from({0.0f, 1.0f}, {1, 2});
  const Array q = Array::from({0.3f, 0.7f}, {1, 2});
  CHECK(value_of("categorical_focal_crossentropy", one, q).item() == Approx(-0.25 * 0.09 * std::log(0.7)));
  CHECK(value_of(BinaryFocalCrossentropy({.apply_class_balancing = true}), one, q).item() ==
        Approx((0.75 * 0.09 * -std::log(0.7) + 0.25 * 0.09 * -std::log(0.7)) / 2));
  CHECK(value_of("cosine_similarity", Array::zeros({1, 2}), p).item() == 0.0);
}

TEST_CASE("the gradient of cosine similarity at zero is finite", "[losses]") {
  const Point p = through("cosine_similarity", "linear", Array::from({1.0f, 0.0f}, {1, 2}), Array::zeros({1, 2}));
  CHECK(std::isfinite(p.gradient.at(0, 0)));
}

// keras-semantics 1.3: MSE (squeeze, error on mismatch)
TEST_CASE("labels of an axis more or less are taken, others refused", "[losses]") {
  const Array p = Array::from({1.0f, 2.0f, 3.0f}, {3, 1});
  CHECK(value_of("mse", Array::from({1.0f, 2.0f, 5.0f}), p).item() == Approx(4.0 / 3));
  CHECK(value_of("mse", Array::from({1, 2, 5}, {3, 1}), p).item() == Approx(4.0 / 3));
  CHECK(value_of("mse", Array::from({1.0f, 2.0f, 5.0f}, {3, 1}), p.reshape({3})).item() == Approx(4.0 / 3));
  CHECK(error_of("mse", Array::zeros({3, 2}), p) ==
        "loss mean_squared_error: expected labels of the output's shape [3,1], got [3,2]");
  CHECK(error_of("mse", Array::zeros({3}), Array::zeros({3, 3})).find("[3,3], got [3]") != std::string::npos);
  CHECK(error_of("categorical_crossentropy", Array::from({0, 1, 2}), Array::zeros({3, 3}))
            .find("sparse_categorical_crossentropy") != std::string::npos);
  CHECK(error_of("sparse_categorical_crossentropy", Array::zeros({3, 3}), Array::zeros({3, 3}))
            .find("one-hot labels need categorical_crossentropy") != std::string::npos);
}

// keras-semantics 1.3: sparse categorical cross-entropy
TEST_CASE("sparse labels of any integer dtype, with or without a last axis", "[losses]") {
  std::vector<float> rows(300, 0.0f);
  rows[299] = 10.0f;
  const Array p = Array::from(rows, {1, 300});
  const AnyLoss loss = SparseCategoricalCrossentropy({.from_logits = true});
  const double expected = std::log(std::exp(10.0) + 299.0);
  CHECK(value_of(loss, Array::from({std::uint8_t{7}}), p).item() == Approx(expected));
  CHECK(value_of(loss, Array::from({std::int64_t{7}}, {1, 1}), p).item() == Approx(expected));
  CHECK(value_of(loss, Array::from({7.0f}), p).item() == Approx(expected));
  CHECK(loss->classes(p.type()) == 300);
  CHECK(AnyLoss("mse")->classes(p.type()) == 0);
}

// keras-semantics 1.3: reduction
TEST_CASE("reductions with weights", "[losses]") {
  const Array t = Array::zeros({2, 1});
  const Array p = Array::from({1.0f, 3.0f}, {2, 1});
  const Array w = Array::from({2.0f, 0.5f});
  const auto weighted = [&](Reduction r) {
    const AnyLoss loss = MeanSquaredError({.reduction = r});
    return evaluate([&](const Tensors& xs) { return loss(xs[0], xs[1], xs[2]); }, {t, p, w});
  };
  CHECK(weighted(Reduction::sum_over_batch_size).item() == Approx(3.25));
  CHECK(weighted(Reduction::mean).item() == Approx(3.25));
  CHECK(weighted(Reduction::mean_with_sample_weight).item() == Approx(2.6));
  CHECK(weighted(Reduction::sum).item() == Approx(6.5));
  CHECK(weighted(Reduction::none).at(1) == Approx(4.5));
  const AnyLoss mse = "mse";
  CHECK_THROWS_AS(evaluate([&](const Tensors& xs) { return mse(xs[0], xs[1], xs[2]); }, {t, p, Array::zeros({3})}),
                  UserError);
}

// keras-semantics 1.3: custom losses
TEST_CASE("a loss may be a lambda or a class of one's own", "[losses]") {
  const AnyLoss mine = [](const Tensor& t, const Tensor& p) { return mean(abs(t - p), -1); };
  CHECK(value_of(mine, Array::zeros({2, 1}), Array::from({1.0f, 3.0f}, {2, 1})).item() == Approx(2.0));
  struct Cubic : Loss {
    Cubic() : Loss("cubic") {}
    Tensor call(const Tensor& t, const Tensor& p) const override { return mean(pow(abs(t - p), 3.0), -1); }
  };
  AnyLoss cubic = Cubic();
  CHECK(cubic->name() == "cubic");
  // From an lvalue: must not wrap the loss in itself.
  AnyLoss copy(cubic);  // NOLINT(performance-unnecessary-copy-initialization): the copy is what is tested
  CHECK(copy->name() == "cubic");
  CHECK(value_of(copy, Array::zeros({1, 1}), Array::from({2.0f}, {1, 1})).item() == Approx(8.0));
}

// keras-semantics 1.3: names (error)
TEST_CASE("an unknown loss lists near matches", "[losses]") {
  CHECK_THROWS_WITH(AnyLoss("sparse_categorical_crosentropy"),
                    Catch::Contains("did you mean 'sparse_categorical_crossentropy'"));
  CHECK_NOTHROW(AnyLoss("MeanSquaredError"));
}
