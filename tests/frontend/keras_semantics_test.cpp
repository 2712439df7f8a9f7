// Rows of keras-semantics.md 1.3 to 1.5 that no other test cites. Expected values are worked out by hand.

#include <cmath>

#include "frontend/evaluate.h"
#include "frontend/files_for_tests.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using sinter_test::evaluate;

namespace {

double loss_of(const AnyLoss& loss, const Array& t, const Array& p) {
  return evaluate([&](const Tensors& xs) { return loss(xs[0], xs[1]); }, {t, p}).item();
}

Array row(std::vector<float> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return Array::from(std::move(values), {1, n});
}

/// A weight of 1 after one and two steps with the gradients g1 and g2.
std::pair<double, double> walk(const AnyOptimizer& optimizer, double g1, double g2) {
  StepBuilder b;
  const Variable w = b.variable("w", Array::from<float>({1.0F}));
  const Tensor g = b.input("g", {1});
  b.minimize(sum(w.tensor() * g), {w}, optimizer);
  Step step = b.compile({.backend = Backend::interpreter});
  // Optimizer states begin as the step builder made them.
  step.run({{"g", {g1}}});
  const double first = step.state(w.path()).item();
  step.run({{"g", {g2}}});
  return {first, step.state(w.path()).item()};
}

}  // namespace

TEST_CASE("1.3 compile: the defaults are rmsprop and no metrics", "[semantics]") {
  const CompileOptions options;
  CHECK(options.optimizer->name() == "rmsprop");
  CHECK(options.metrics.empty());
  CHECK(options.execution.steps_per_execution == 1);
}

TEST_CASE("1.3 names of losses, optimizers and metrics, short and long", "[semantics]") {
  for (const char* name :
       {"mse", "mae", "mape", "msle", "bce", "kld", "mean_squared_error", "huber", "log_cosh", "poisson", "hinge",
        "squared_hinge", "categorical_hinge", "cosine_similarity", "binary_crossentropy", "categorical_crossentropy",
        "sparse_categorical_crossentropy", "kl_divergence"})
    CHECK_NOTHROW(AnyLoss(name));
  for (const char* name : {"sgd", "rmsprop", "adam", "adamw", "adagrad", "adadelta", "adamax", "nadam", "lion"})
    CHECK_NOTHROW(AnyOptimizer(name));
  for (const char* name : {"acc", "accuracy", "ce", "crossentropy", "mse", "mae"}) CHECK_NOTHROW(AnyMetric(name));
}

TEST_CASE("1.3 mean squared error: mean over the last axis, then over the batch", "[semantics]") {
  CHECK(loss_of("mse", Array::from<float>({0, 0, 0, 0}, {2, 2}), Array::from<float>({1, 2, 3, 4}, {2, 2})) ==
        Approx(((1.0 + 4) / 2 + (9.0 + 16) / 2) / 2));
  CHECK(loss_of("mse", Array::from<float>({1, 2}), Array::from<float>({0, 0}, {2, 1})) == Approx(2.5));  // squeezed
}

TEST_CASE("1.3 categorical cross-entropy: rows are normalised and clipped", "[semantics]") {
  CHECK(loss_of("categorical_crossentropy", row({0, 1, 0}), row({1, 2, 1})) == Approx(-std::log(0.5)));
  CHECK(loss_of("categorical_crossentropy", row({0, 1}), row({1, 0})) == Approx(-std::log(1e-7)).epsilon(1e-4));
  CHECK(loss_of(CategoricalCrossentropy({.label_smoothing = 0.3}), row({0, 1, 0}), row({0.2F, 0.5F, 0.3F})) ==
        Approx(-(0.1 * std::log(0.2) + 0.8 * std::log(0.5) + 0.1 * std::log(0.3))));
  CHECK(loss_of(CategoricalCrossentropy({.from_logits = true}), row({1, 0}), row({1, 0})) ==
        Approx(std::log(1 + std::exp(-1.0))));
  CHECK(loss_of("sparse_categorical_crossentropy", Array::from<std::int32_t>({1}), row({0.2F, 0.8F})) ==
        loss_of("sparse_categorical_crossentropy", Array::from<std::int32_t>({1}, {1, 1}), row({0.2F, 0.8F})));
}

TEST_CASE("1.3 binary cross-entropy: clipped, smoothed, mean over the last axis", "[semantics]") {
  CHECK(loss_of("binary_crossentropy", row({1, 0}), row({0.5F, 0.25F})) ==
        Approx(-(std::log(0.5) + std::log(0.75)) / 2));
  CHECK(loss_of("binary_crossentropy", row({1}), row({0})) == Approx(-std::log(1e-7)).epsilon(1e-3));
  CHECK(loss_of(BinaryCrossentropy({.label_smoothing = 0.2}), row({1}), row({0.5F})) == Approx(-std::log(0.5)));
  CHECK(loss_of(BinaryCrossentropy({.label_smoothing = 0.2}), row({1}), row({0.25F})) ==
        Approx(-(0.9 * std::log(0.25) + 0.1 * std::log(0.75))));
}

TEST_CASE("1.3 Huber has delta 1, cosine similarity is negative as a loss", "[semantics]") {
  CHECK(loss_of("huber", row({0}), row({0.5F})) == Approx(0.125));
  CHECK(loss_of("huber", row({0}), row({3})) == Approx(2.5));
  CHECK(loss_of("cosine_similarity", row({1, 0}), row({2, 0})) == Approx(-1.0));
}

TEST_CASE("1.3 the loss of the logs is the mean weighted by batch size", "[semantics]") {
  Sequential model(Input({1}), Dense({.units = 1, .kernel_initializer = "zeros"}));
  model.compile(SGD({.learning_rate = 0.0}), "mse", {}, testing::interpreted());
  const History h = model.fit({0.0, 0.0, 0.0}, {0.0, 0.0, 3.0}, {.batch_size = 2, .shuffle = false, .verbose = 0});
  CHECK(h["loss"][0] == Approx((0.0 * 2 + 9.0 * 1) / 3));
}

TEST_CASE("1.4 RMSprop: epsilon is inside the root", "[semantics]") {
  const double v1 = 0.1 * 4, v2 = 0.9 * v1 + 0.1 * 1;
  const auto [first, second] = walk(RMSprop({.learning_rate = 0.1, .epsilon = 0.5}), 2, 1);
  CHECK(first == Approx(1 - 0.1 * 2 / std::sqrt(v1 + 0.5)));
  CHECK(second == Approx(first - 0.1 * 1 / std::sqrt(v2 + 0.5)));
}

TEST_CASE("1.4 Adam: epsilon is not corrected for bias", "[semantics]") {
  const auto alpha = [](int t) { return 0.1 * std::sqrt(1 - std::pow(0.999, t)) / (1 - std::pow(0.9, t)); };
  const double m1 = 0.1 * 2, v1 = 0.001 * 4, m2 = m1 + (1 - m1) * 0.1, v2 = v1 + (1 - v1) * 0.001;
  const auto [first, second] = walk(Adam({.learning_rate = 0.1, .epsilon = 0.01}), 2, 1);
  CHECK(first == Approx(1 - m1 * alpha(1) / (std::sqrt(v1) + 0.01)));
  CHECK(second == Approx(first - m2 * alpha(2) / (std::sqrt(v2) + 0.01)));
}

TEST_CASE("1.4 AdamW decays by 0.004 times the rate, before the update", "[semantics]") {
  const double plain = walk(Adam({.learning_rate = 0.1}), 2, 1).first;
  CHECK(walk(AdamW({.learning_rate = 0.1}), 2, 1).first == Approx(plain - 1.0 * 0.004 * 0.1));
}

TEST_CASE("1.4 Adagrad begins at 0.1, Lion moves by the sign, Adamax by the largest", "[semantics]") {
  CHECK(walk(Adagrad({.learning_rate = 0.1}), 2, 1).first == Approx(1 - 0.1 * 2 / std::sqrt(0.1 + 4 + 1e-7)));
  CHECK(walk(Lion({.learning_rate = 0.1}), 2, 1).first == Approx(0.9));
  CHECK(walk(Lion({.learning_rate = 0.1}), -0.001, 1).first == Approx(1.1));
  const double m1 = 0.1 * 2, u1 = 2;
  CHECK(walk(Adamax({.learning_rate = 0.1}), 2, 1).first == Approx(1 - 0.1 * m1 / ((1 - 0.9) * (u1 + 1e-7))));
}

TEST_CASE("1.4 defaults of the learning rate", "[semantics]") {
  CHECK(SGD().options().learning_rate.value() == 0.01);
  for (const char* name : {"rmsprop", "adam", "adamw", "adagrad", "adadelta", "adamax", "nadam", "lion"})
    CHECK(AnyOptimizer(name)->options().learning_rate.value() == 0.001);
}

TEST_CASE("1.5 fit: defaults, the partial batch, and steps that are counted", "[semantics]") {
  const FitOptions options;
  CHECK(options.batch_size == 32);
  CHECK(options.epochs == 1);
  CHECK(options.initial_epoch == 0);
  CHECK(options.shuffle);
  CHECK(options.validation_freq == 1);
  CHECK(options.validation_split == 0.0);
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse", {}, testing::interpreted());
  model.fit(Array::zeros({33, 1}), Array::zeros({33, 1}), {.verbose = 0});
  CHECK(model.optimizer_state()[0].second.item() == 2.0);
}

TEST_CASE("1.5 callbacks: defaults", "[semantics]") {
  const EarlyStoppingOptions stopping;
  CHECK(stopping.monitor == "val_loss");
  CHECK(stopping.min_delta == 0.0);
  CHECK(stopping.patience == 0);
  CHECK_FALSE(stopping.restore_best_weights);
  CHECK(stopping.start_from_epoch == 0);
  const ReduceLROnPlateauOptions plateau;
  CHECK(plateau.factor == 0.1);
  CHECK(plateau.patience == 10);
  CHECK(plateau.min_delta == 1e-4);
  CHECK(plateau.cooldown == 0);
}
