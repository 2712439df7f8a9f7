// Weights of samples and of classes.

#include <limits>

#include "frontend/files_for_tests.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using Catch::Matchers::Contains;
using testing::message_of;

namespace {

const Array x = Array::from<float>({1, 2, 3, 4}, {4, 1});
const Array y = Array::from<float>({1, 0, 2, 5}, {4, 1});  // a model of 0: squares 1, 0, 4, 25

/// Says 0 for everything; a learning rate of 0 keeps it so.
Sequential zero_model(AnyLoss loss = "mse", CompileOptions more = {}) {
  Sequential model(Input({1}), Dense({.units = 1, .kernel_initializer = "zeros"}));
  more.optimizer = SGD({.learning_rate = 0.0});
  more.loss = std::move(loss);
  more.execution = testing::interpreted();
  model.compile(std::move(more));
  return model;
}

Sequential classifier(CompileOptions options = {}) {
  Sequential model(ModelOptions{.seed = 3}, Input({2}), Dense(4, "relu"), Dense(3, "softmax"));
  options.optimizer = "adam";
  if (options.losses.empty()) options.loss = "sparse_categorical_crossentropy";
  options.execution = testing::interpreted();
  model.compile(std::move(options));
  return model;
}

std::vector<float> bits(const Model& model) {
  std::vector<float> all;
  for (const Array& a : model.get_weights()) all.insert(all.end(), a.span<float>().begin(), a.span<float>().end());
  return all;
}

}  // namespace

// keras-semantics 1.3: reduction
TEST_CASE("sample weights: the reductions", "[sample_weights]") {
  const Array w = Array::from<float>({2, 1, 0, 1});
  const auto loss = [&](Reduction reduction) {
    Sequential model = zero_model(MeanSquaredError({.reduction = reduction}));
    return model.evaluate(x, y, {.sample_weight = w, .verbose = 0})["loss"];
  };
  CHECK(loss(Reduction::sum_over_batch_size) == Approx((2.0 + 0 + 0 + 25) / 4));
  CHECK(loss(Reduction::mean_with_sample_weight) == Approx((2.0 + 0 + 0 + 25) / 4));
  CHECK(loss(Reduction::sum) == Approx(27.0));
  const Array heavy = Array::from<float>({2, 2, 2, 2});
  Sequential model = zero_model(MeanSquaredError({.reduction = Reduction::mean_with_sample_weight}));
  CHECK(model.evaluate(x, y, {.sample_weight = heavy, .verbose = 0})["loss"] == Approx(7.5));
  Sequential by_size = zero_model();
  CHECK(by_size.evaluate(x, y, {.sample_weight = heavy, .verbose = 0})["loss"] == Approx(15.0));
  CHECK(by_size.evaluate(x, y, {.verbose = 0})["loss"] == Approx(7.5));
}

// keras-semantics 1.5: sample_weight
TEST_CASE("sample weights: a step of SGD is what the formula says", "[sample_weights]") {
  Sequential model(Input({1}), Dense({.units = 1, .kernel_initializer = "zeros"}));
  model.compile(SGD({.learning_rate = 0.1}), "mse");
  const Logs logs = model.train_on_batch({1.0, 2.0}, {3.0, 1.0}, {.sample_weight = {1.0, 0.5}});
  CHECK(logs["loss"] == Approx((9.0 + 0.5) / 2));
  // dw = sum(w 2 (p - t) x) / n = (1 * -6 * 1 + 0.5 * -2 * 2) / 2 = -4
  CHECK(model.get_weights()[0].item() == Approx(0.4));
}

TEST_CASE("sample weights: weights of 1 are no weights, batches take their own", "[sample_weights]") {
  const auto train = [](const FitOptions& options) {
    Sequential model = classifier();
    model.fit(testing::points(40), testing::classes(40), options);
    return bits(model);
  };
  const std::vector<float> plain = train({.batch_size = 16, .epochs = 2, .verbose = 0});
  const std::vector<float> ones =
      train({.batch_size = 16, .epochs = 2, .sample_weight = Array::full({40}, 1.0), .verbose = 0});
  for (std::size_t k = 0; k < plain.size(); ++k) CHECK(ones[k] == Approx(plain[k]).margin(1e-6));
  // Without the last 24 samples, or with weight 0 for them: batches of 8 keep the two apart.
  std::vector<float> first(40, 0.0F);
  std::fill_n(first.begin(), 16, 1.0F);
  Sequential all = classifier();
  const History h = all.fit(testing::points(40), testing::classes(40),
                            {.batch_size = 8, .shuffle = false, .sample_weight = first, .verbose = 0});
  Sequential some = classifier();
  const History expected = some.fit(testing::points(40).rows(0, 16), Array::from(testing::classes(40)).rows(0, 16),
                                    {.batch_size = 8, .shuffle = false, .verbose = 0});
  CHECK(h["loss"][0] * 40 == Approx(expected["loss"][0] * 16));
}

TEST_CASE("sample weights: shuffled with their samples", "[sample_weights]") {
  // Where the weight is the label, sum(w v) does not care for the order.
  std::vector<float> labels, weights;
  for (int k = 0; k < 50; ++k) labels.push_back(static_cast<float>(k)), weights.push_back(static_cast<float>(k % 7));
  double expected = 0;
  for (std::size_t k = 0; k < 50; ++k) expected += labels[k] * labels[k] * weights[k] / 50.0;
  Sequential model = zero_model();
  const History h = model.fit(Array::zeros({50, 1}), labels, {.batch_size = 8, .sample_weight = weights, .verbose = 0});
  CHECK(h["loss"][0] == Approx(expected).epsilon(1e-5));
}

// keras-semantics 1.5: class_weight
TEST_CASE("class weights become sample weights", "[sample_weights]") {
  const std::vector<std::int32_t> labels = testing::classes(30);
  std::vector<float> by_hand, rows(90, 0.0F);
  for (std::size_t k = 0; k < labels.size(); ++k) {
    by_hand.push_back(labels[k] == 0 ? 5.0F : labels[k] == 2 ? 0.5F : 1.0F);
    rows[3 * k + static_cast<std::size_t>(labels[k])] = 1.0F;
  }
  const ClassWeights weights{{0, 5.0}, {2, 0.5}};
  const auto train = [&](const Data& targets, const FitOptions& options, AnyLoss loss) {
    Sequential model = classifier({.losses = {{"output", std::move(loss)}}});
    model.fit(testing::points(30), targets, options);
    return bits(model);
  };
  const AnyLoss sparse = "sparse_categorical_crossentropy", dense = "categorical_crossentropy";
  const std::vector<float> expected = train(labels, {.epochs = 2, .sample_weight = by_hand, .verbose = 0}, sparse);
  CHECK(train(labels, {.epochs = 2, .class_weight = weights, .verbose = 0}, sparse) == expected);
  CHECK(train(Array::from(labels, {30, 1}), {.epochs = 2, .class_weight = weights, .verbose = 0}, sparse) == expected);
  CHECK(train(labels, {.epochs = 2, .verbose = 0}, sparse) != expected);
  const Array one_hot = Array::from(rows, {30, 3});
  CHECK(train(one_hot, {.epochs = 2, .class_weight = weights, .verbose = 0}, dense) ==
        train(one_hot, {.epochs = 2, .sample_weight = by_hand, .verbose = 0}, dense));
}

// keras-semantics 1.3: weighted_metrics
TEST_CASE("weighted_metrics count weights, metrics do not", "[sample_weights]") {
  const Array w = Array::from<float>({4, 0, 0, 0});
  Sequential model = zero_model("mse", {.metrics = {"mae"}, .weighted_metrics = {"mae", "mape"}});
  const Logs logs = model.evaluate(x, y, {.batch_size = 3, .sample_weight = w, .verbose = 0});
  CHECK(logs["mae"] == Approx((1.0 + 0 + 2 + 5) / 4));
  CHECK(logs["weighted_mae"] == Approx(1.0));
  CHECK(logs["mape"] == Approx(100.0));
  const Logs plain = model.evaluate(x, y, {.verbose = 0});
  CHECK(plain["weighted_mae"] == plain["mae"]);
}

// keras-semantics 1.5: validation_data (weights)
TEST_CASE("sample weights and validation", "[sample_weights]") {
  Sequential model = zero_model();
  const Array w = Array::from<float>({1, 1, 1, 3});
  const History given = model.fit(x, y, {.validation_data = {x, y, w}, .verbose = 0});
  CHECK(given["val_loss"][0] == Approx((1.0 + 0 + 4 + 75) / 4));
  const History split = model.fit(x, y, {.validation_split = 0.5, .sample_weight = w, .verbose = 0});
  CHECK(split["loss"][0] == Approx(0.5));
  CHECK(split["val_loss"][0] == Approx((4.0 + 75) / 2));
  const History classes =
      model.fit(x, y, {.validation_split = 0.5, .class_weight = {{1, 10.0}, {5, 10.0}}, .verbose = 0});
  CHECK(classes["loss"][0] == Approx(5.0));
  CHECK(classes["val_loss"][0] == Approx((4.0 + 25) / 2));
}

TEST_CASE("sample weights of several outputs", "[sample_weights]") {
  const auto model_of = [] {
    Input in({1});
    Symbol a = in | Dense({.units = 1, .kernel_initializer = "zeros", .name = "a"});
    Symbol b = in | Dense({.units = 1, .kernel_initializer = "zeros", .name = "b"});
    Model model(in, {a, b});
    model.compile({.optimizer = SGD({.learning_rate = 0.0}),
                   .execution = testing::interpreted(),
                   .output_weighted_metrics = {{"b", {"mae"}}}});
    return model;
  };
  Model model = model_of();
  const Array w = Array::from<float>({1, 0, 0, 1}), v = Array::from<float>({0, 0, 1, 0});
  const auto logs = [&](const Data& weights) {
    return model.evaluate(x, {y, y}, {.sample_weight = weights, .verbose = 0});
  };
  const Logs one = logs(w), two = logs({{"b", v}, {"a", w}}), placed = logs({w, v});
  CHECK(one["a_loss"] == Approx(6.5));
  CHECK(one["b_loss"] == Approx(6.5));
  CHECK(one["loss"] == Approx(13.0));
  CHECK(one["b_mae"] == Approx(3.0));
  CHECK(two["a_loss"] == Approx(6.5));
  CHECK(two["b_loss"] == Approx(1.0));
  CHECK(two["b_mae"] == Approx(2.0));
  CHECK(placed["b_loss"] == Approx(1.0));
  CHECK_THAT(message_of([&] { logs({{"c", v}, {"a", w}}); }), Contains("unknown array of sample_weight"));
  CHECK_THAT(message_of([&] { model.fit(x, {y, y}, {.class_weight = {{0, 1.0}}, .verbose = 0}); }),
             Contains("class_weight is for models of one output, this one has 2"));
}

TEST_CASE("test_on_batch looks, train_on_batch trains", "[sample_weights]") {
  Sequential model(Input({1}), Dense({.units = 1, .kernel_initializer = "zeros"}));
  model.compile("sgd", "mse", {"mae"});
  const Logs before = model.test_on_batch(x, y);
  CHECK(model.get_weights()[0].item() == 0.0);
  CHECK(before["loss"] == Approx(7.5));
  CHECK(before["mae"] == Approx(2.0));
  CHECK(model.test_on_batch(x, y, {.sample_weight = Array::zeros({4})})["loss"] == 0.0);
  CHECK(model.train_on_batch(x, y)["loss"] == before["loss"]);
  CHECK(model.get_weights()[0].item() != 0.0);
}

TEST_CASE("sample weights: machine code and interpreter give the same bits", "[sample_weights]") {
  const auto train = [](Backend backend) {
    Sequential model(Input({2}), Dense(4, "relu"), Dense(3, "softmax"));
    model.compile("adam", "sparse_categorical_crossentropy", {}, {.backend = backend});
    model.fit(testing::points(40), testing::classes(40), {.batch_size = 16, .class_weight = {{1, 3.0}}, .verbose = 0});
    return bits(model);
  };
  CHECK(train(Backend::jit) == train(Backend::interpreter));
}

// keras-semantics 1.5: sample_weight, class_weight (errors)
TEST_CASE("sample weights: what does not fit", "[sample_weights]") {
  Sequential model = zero_model();
  const auto refused = [&](FitOptions options) {
    options.verbose = 0;
    return message_of([&] { model.fit(x, y, options); });
  };
  CHECK(refused({.sample_weight = {1.0, 2.0}}) ==
        "sample_weight: expected one weight for each of the 4 samples, got shape [2]");
  CHECK(refused({.sample_weight = Array(1.0)}) ==
        "sample_weight: expected one weight for each of the 4 samples, got shape []");
  CHECK(refused({.sample_weight = {1.0, 2.0, std::numeric_limits<double>::infinity(), 1.0}}) ==
        "sample_weight: weight inf of sample 2 is no finite number");
  CHECK_THAT(refused({.sample_weight = Array::zeros({4, 3})}), Contains("do not fit loss values of shape [4]"));
  CHECK(refused({.sample_weight = {1.0, 1.0, 1.0, 1.0}, .class_weight = {{0, 2.0}}}) ==
        "sequential: sample_weight and class_weight cannot both be given; multiply them yourself");
  CHECK(refused({.class_weight = {{-1, 2.0}}}) ==
        "class_weight: class -1 has weight 2; classes are numbered from 0, weights are finite");
  CHECK(message_of([&] { model.fit(x, {0.5, 1.0, 1.0, 1.0}, {.class_weight = {{0, 2.0}}, .verbose = 0}); }) ==
        "y: class_weight is for whole numbers, got label 0.5 of sample 0");
  CHECK(message_of([&] { model.fit(x, y, {.validation_data = {x, y, {1.0}}, .verbose = 0}); }) ==
        "validation sample_weight: expected one weight for each of the 4 samples, got shape [1]");
}
