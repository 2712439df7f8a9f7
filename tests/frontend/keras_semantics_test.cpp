// Rows of keras-semantics 1.3 to 1.5 that no other file tests. Expected values are worked out by hand.

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

// keras-semantics 1.3: compile
TEST_CASE("compile: the defaults are rmsprop and no metrics", "[semantics]") {
  const CompileOptions options;
  CHECK(options.optimizer->name() == "rmsprop");
  CHECK(options.metrics.empty());
  CHECK(options.execution.steps_per_execution == 1);
}

// keras-semantics 1.3: names
TEST_CASE("names of losses, optimizers and metrics, short and long", "[semantics]") {
  for (const char* name :
       {"mse", "mae", "mape", "msle", "bce", "kld", "mean_squared_error", "huber", "log_cosh", "poisson", "hinge",
        "squared_hinge", "categorical_hinge", "cosine_similarity", "binary_crossentropy", "categorical_crossentropy",
        "sparse_categorical_crossentropy", "kl_divergence"})
    CHECK_NOTHROW(AnyLoss(name));
  for (const char* name :
       {"sgd", "rmsprop", "adam", "adamw", "adagrad", "adadelta", "adamax", "nadam", "lion", "ftrl", "lamb"})
    CHECK_NOTHROW(AnyOptimizer(name));
  for (const char* name : {"acc", "accuracy", "ce", "crossentropy", "mse", "mae"}) CHECK_NOTHROW(AnyMetric(name));
}

// keras-semantics 1.3: MSE
TEST_CASE("mean squared error: mean over the last axis, then over the batch", "[semantics]") {
  CHECK(loss_of("mse", Array::from<float>({0, 0, 0, 0}, {2, 2}), Array::from<float>({1, 2, 3, 4}, {2, 2})) ==
        Approx(((1.0 + 4) / 2 + (9.0 + 16) / 2) / 2));
  CHECK(loss_of("mse", Array::from<float>({1, 2}), Array::from<float>({0, 0}, {2, 1})) == Approx(2.5));  // squeezed
}

// keras-semantics 1.3: categorical and sparse cross-entropy
TEST_CASE("categorical cross-entropy: rows are normalised and clipped", "[semantics]") {
  CHECK(loss_of("categorical_crossentropy", row({0, 1, 0}), row({1, 2, 1})) == Approx(-std::log(0.5)));
  CHECK(loss_of("categorical_crossentropy", row({0, 1}), row({1, 0})) == Approx(-std::log(1e-7)).epsilon(1e-4));
  CHECK(loss_of(CategoricalCrossentropy({.label_smoothing = 0.3}), row({0, 1, 0}), row({0.2F, 0.5F, 0.3F})) ==
        Approx(-(0.1 * std::log(0.2) + 0.8 * std::log(0.5) + 0.1 * std::log(0.3))));
  CHECK(loss_of(CategoricalCrossentropy({.from_logits = true}), row({1, 0}), row({1, 0})) ==
        Approx(std::log(1 + std::exp(-1.0))));
  CHECK(loss_of("sparse_categorical_crossentropy", Array::from<std::int32_t>({1}), row({0.2F, 0.8F})) ==
        loss_of("sparse_categorical_crossentropy", Array::from<std::int32_t>({1}, {1, 1}), row({0.2F, 0.8F})));
}

// keras-semantics 1.3: binary cross-entropy
TEST_CASE("binary cross-entropy: clipped, smoothed, mean over the last axis", "[semantics]") {
  CHECK(loss_of("binary_crossentropy", row({1, 0}), row({0.5F, 0.25F})) ==
        Approx(-(std::log(0.5) + std::log(0.75)) / 2));
  CHECK(loss_of("binary_crossentropy", row({1}), row({0})) == Approx(-std::log(1e-7)).epsilon(1e-3));
  CHECK(loss_of(BinaryCrossentropy({.label_smoothing = 0.2}), row({1}), row({0.5F})) == Approx(-std::log(0.5)));
  CHECK(loss_of(BinaryCrossentropy({.label_smoothing = 0.2}), row({1}), row({0.25F})) ==
        Approx(-(0.9 * std::log(0.25) + 0.1 * std::log(0.75))));
}

// keras-semantics 1.3: Huber, cosine similarity
TEST_CASE("Huber has delta 1, cosine similarity is negative as a loss", "[semantics]") {
  CHECK(loss_of("huber", row({0}), row({0.5F})) == Approx(0.125));
  CHECK(loss_of("huber", row({0}), row({3})) == Approx(2.5));
  CHECK(loss_of("cosine_similarity", row({1, 0}), row({2, 0})) == Approx(-1.0));
}

// keras-semantics 1.3: the loss of the logs
TEST_CASE("the loss of the logs is the mean weighted by batch size", "[semantics]") {
  Sequential model(Input({1}), Dense({.units = 1, .kernel_initializer = "zeros"}));
  model.compile(SGD({.learning_rate = 0.0}), "mse", {}, testing::interpreted());
  const History h = model.fit({0.0, 0.0, 0.0}, {0.0, 0.0, 3.0}, {.batch_size = 2, .shuffle = false, .verbose = 0});
  CHECK(h["loss"][0] == Approx((0.0 * 2 + 9.0 * 1) / 3));
}

// keras-semantics 1.4: RMSprop
TEST_CASE("RMSprop: epsilon is inside the root", "[semantics]") {
  const double v1 = 0.1 * 4, v2 = 0.9 * v1 + 0.1 * 1;
  const auto [first, second] = walk(RMSprop({.learning_rate = 0.1, .epsilon = 0.5}), 2, 1);
  CHECK(first == Approx(1 - 0.1 * 2 / std::sqrt(v1 + 0.5)));
  CHECK(second == Approx(first - 0.1 * 1 / std::sqrt(v2 + 0.5)));
}

// keras-semantics 1.4: Adam
TEST_CASE("Adam: epsilon is not corrected for bias", "[semantics]") {
  const auto alpha = [](int t) { return 0.1 * std::sqrt(1 - std::pow(0.999, t)) / (1 - std::pow(0.9, t)); };
  const double m1 = 0.1 * 2, v1 = 0.001 * 4, m2 = m1 + (1 - m1) * 0.1, v2 = v1 + (1 - v1) * 0.001;
  const auto [first, second] = walk(Adam({.learning_rate = 0.1, .epsilon = 0.01}), 2, 1);
  CHECK(first == Approx(1 - m1 * alpha(1) / (std::sqrt(v1) + 0.01)));
  CHECK(second == Approx(first - m2 * alpha(2) / (std::sqrt(v2) + 0.01)));
}

// keras-semantics 1.4: AdamW
TEST_CASE("AdamW decays by 0.004 times the rate, before the update", "[semantics]") {
  const double plain = walk(Adam({.learning_rate = 0.1}), 2, 1).first;
  CHECK(walk(AdamW({.learning_rate = 0.1}), 2, 1).first == Approx(plain - 1.0 * 0.004 * 0.1));
}

// keras-semantics 1.4: Adagrad, Lion, Adamax
TEST_CASE("Adagrad begins at 0.1, Lion moves by the sign, Adamax by the largest", "[semantics]") {
  CHECK(walk(Adagrad({.learning_rate = 0.1}), 2, 1).first == Approx(1 - 0.1 * 2 / std::sqrt(0.1 + 4 + 1e-7)));
  CHECK(walk(Lion({.learning_rate = 0.1}), 2, 1).first == Approx(0.9));
  CHECK(walk(Lion({.learning_rate = 0.1}), -0.001, 1).first == Approx(1.1));
  const double m1 = 0.1 * 2, u1 = 2;
  CHECK(walk(Adamax({.learning_rate = 0.1}), 2, 1).first == Approx(1 - 0.1 * m1 / ((1 - 0.9) * (u1 + 1e-7))));
}

// keras-semantics 1.4: Adadelta
TEST_CASE("Adadelta: the rate multiplies a step of its own", "[semantics]") {
  const double g1 = 0.05 * 4, d1 = -std::sqrt(1e-7) * 2 / std::sqrt(g1 + 1e-7), s1 = 0.05 * d1 * d1;
  const double g2 = 0.95 * g1 + 0.05 * 1, d2 = -std::sqrt(s1 + 1e-7) * 1 / std::sqrt(g2 + 1e-7);
  const auto [first, second] = walk(Adadelta({.learning_rate = 10.0}), 2, 1);
  CHECK(first == Approx(1 + 10 * d1));
  CHECK(second == Approx(1 + 10 * d1 + 10 * d2));
}

// keras-semantics 1.4: Nadam
TEST_CASE("Nadam: the momentum follows a schedule, its product is kept", "[semantics]") {
  const auto u = [](int t) { return 0.9 * (1 - 0.5 * std::pow(0.96, t)); };
  double w = 1, m = 0, v = 0, product = 1;
  const auto step = [&](double g, int t) {
    product *= u(t);
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const double m_hat = u(t + 1) * m / (1 - product * u(t + 1)) + (1 - u(t)) * g / (1 - product);
    w -= 0.1 * m_hat / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-7);
    return w;
  };
  const auto [first, second] = walk(Nadam({.learning_rate = 0.1}), 2, 1);
  CHECK(first == Approx(step(2, 1)).epsilon(1e-5));
  CHECK(second == Approx(step(1, 2)).epsilon(1e-5));
}

// keras-semantics 1.4: Ftrl, Lamb
TEST_CASE("Ftrl and Lamb: one step", "[semantics]") {
  const double squares = 0.1 + 4, linear = 2 - (std::sqrt(squares) - std::sqrt(0.1)) / 0.1;
  CHECK(walk(Ftrl({.learning_rate = 0.1}), 2, 1).first == Approx(-linear / (std::sqrt(squares) / 0.1)));
  // One element: the direction has norm 1 up to epsilon, and is scaled to the weight's.
  CHECK(walk(Lamb({.learning_rate = 0.1}), 2, 1).first == Approx(0.9));
}

// keras-semantics 1.4: schedules
TEST_CASE("schedules: values by hand", "[semantics]") {
  const auto rate = [](const LearningRate& schedule, double step) {
    return evaluate([&](const Tensors& xs) { return schedule.at(xs[0]); }, {Array(step)}).item();
  };
  const double pi = std::acos(-1.0);
  CHECK(rate(ExponentialDecay{0.1, 10, 0.5}, 5) == Approx(0.1 * std::sqrt(0.5)));
  CHECK(rate(ExponentialDecay{0.1, 10, 0.5, true}, 19) == Approx(0.05));
  CHECK(rate(PiecewiseConstantDecay{{2, 4}, {1, 0.5, 0.25}}, 2) == Approx(1.0));
  CHECK(rate(PiecewiseConstantDecay{{2, 4}, {1, 0.5, 0.25}}, 3) == Approx(0.5));
  CHECK(rate(PolynomialDecay{1.0, 10, 0.2, 2.0}, 5) == Approx(0.8 * 0.25 + 0.2));
  CHECK(rate(PolynomialDecay{1.0, 10, 0.2}, 50) == Approx(0.2));
  CHECK(rate(PolynomialDecay{1.0, 10, 0.2, 1.0, true}, 15) == Approx(0.8 * (1 - 15.0 / 20) + 0.2));
  CHECK(rate(InverseTimeDecay{1.0, 10, 0.5}, 20) == Approx(1 / (1 + 0.5 * 2)));
  CHECK(rate(InverseTimeDecay{1.0, 10, 0.5, true}, 19) == Approx(1 / 1.5));
  CHECK(rate(CosineDecay{1.0, 10, 0.2}, 5) == Approx(0.8 * 0.5 + 0.2));
  CHECK(rate(CosineDecay{0.0, 10, 0.0, 1.0, 4}, 2) == Approx(0.5));         // warm-up to 1
  CHECK(rate(CosineDecay{0.0, 10, 0.0, 1.0, 4}, 9) == Approx(0.5));         // half of the decay after it
  CHECK(rate(CosineDecayRestarts{1.0, 10}, 20) == Approx(0.5));             // the second period is 20 long
  CHECK(rate(CosineDecayRestarts{1.0, 10, 1.0, 0.5}, 15) == Approx(0.25));  // of half the height
  CHECK(rate(CosineDecayRestarts{1.0, 10}, 5) == Approx(0.5 * (1 + std::cos(pi / 2))));
}

// keras-semantics 1.4: defaults
TEST_CASE("defaults of the learning rate", "[semantics]") {
  CHECK(SGD().options().learning_rate.value() == 0.01);
  for (const char* name : {"rmsprop", "adam", "adamw", "adagrad", "adadelta", "adamax", "nadam", "lion"})
    CHECK(AnyOptimizer(name)->options().learning_rate.value() == 0.001);
}

// keras-semantics 1.5: fit (defaults)
TEST_CASE("fit: defaults, the partial batch, and steps that are counted", "[semantics]") {
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

// keras-semantics 1.5: validation_split
TEST_CASE("validation_split takes the last n - floor(n (1 - s)) samples", "[semantics]") {
  Sequential model(Input({1}), Dense({.units = 1, .kernel_initializer = "zeros"}));
  model.compile(SGD({.learning_rate = 0.0}), "mse", {}, testing::interpreted());
  std::vector<float> y(7, 0.0F);
  y[4] = y[5] = y[6] = 3.0F;  // floor(7 * 0.7) = 4 train
  const History h = model.fit(Array::zeros({7, 1}), y, {.validation_split = 0.3, .verbose = 0});
  CHECK(h["loss"][0] == 0.0);
  CHECK(h["val_loss"][0] == Approx(9.0));
}

// keras-semantics 1.5: quiz Q11
TEST_CASE("the accuracy metric works with a layer of one's own", "[semantics]") {
  Sequential model(ModelOptions{.seed = 1}, Input({2}), testing::SimpleDense(8, "relu"),
                   testing::SimpleDense(3, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"}, testing::interpreted());
  const Logs logs = model.evaluate(testing::points(30), testing::classes(30), {.batch_size = 30, .verbose = 0});
  const Array p = model.predict(testing::points(30));
  int right = 0;
  for (std::int64_t k = 0; k < 30; ++k) {
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < 3; ++c) best = p.at(k, c) > p.at(k, best) ? c : best;
    right += best == testing::classes(30)[static_cast<std::size_t>(k)] ? 1 : 0;
  }
  CHECK(logs["accuracy"] == Approx(right / 30.0));
}

// keras-semantics 1.5: quiz Q20
TEST_CASE("500 epochs of a line predict about 18.98 at 10", "[semantics]") {
  Sequential model(Input({1}), testing::SimpleDense(1));
  model.compile("sgd", "mean_squared_error");
  model.fit(testing::line_x(), testing::line_y(), {.epochs = 500, .verbose = 0});
  CHECK(model.predict({10.0}).item() == Approx(18.98).margin(0.02));
}

// keras-semantics 1.5: callbacks (defaults)
TEST_CASE("callbacks: defaults", "[semantics]") {
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
