// fit, evaluate and predict: how many batches an epoch has, and where they come from.

#include <cmath>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "frontend/files_for_tests.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using Catch::Matchers::Contains;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

Sequential classifier(std::uint64_t seed = 1) {
  Sequential model(ModelOptions{.name = "m", .seed = seed}, Input({2}), Dense(4, "relu"), Dense(3, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"}, testing::interpreted());
  return model;
}

/// Rows [0, n) in batches of `size`.
DataSource batches_of(std::int64_t n, std::int64_t size, SourceOptions options = {}) {
  return DataSource(
      [n, size](std::uint64_t) {
        return [n, size, k = std::int64_t{0}]() mutable -> std::optional<Batch> {
          if (k >= n) return std::nullopt;
          const std::int64_t first = std::exchange(k, k + size), last = std::min(k, n);
          return Batch{.x = testing::points(n).rows(first, last),
                       .y = Array::from(testing::classes(n)).rows(first, last)};
        };
      },
      options);
}

std::string bits(const Model& model) {
  std::string all;
  for (const Array& a : model.get_weights())
    all.append(reinterpret_cast<const char*>(a.bytes().data()), a.bytes().size());
  return all;
}

/// A weight of 0 that stays 0; the loss of a batch is the mean of its squared labels.
Sequential zero_model() {
  Sequential model(ModelOptions{.name = "m"}, Input({1}), Dense({.units = 1, .kernel_initializer = "zeros"}));
  model.compile(SGD({.learning_rate = 0.0}), "mse", {}, testing::interpreted());
  return model;
}

/// What was written on stderr.
template <class Action>
std::string warnings_of(Action action) {
  std::ostringstream shown;
  std::streambuf* const saved = std::cerr.rdbuf(shown.rdbuf());
  action();
  std::cerr.rdbuf(saved);
  return shown.str();
}

}  // namespace

// keras-semantics 1.5: fit steps_per_epoch
TEST_CASE("fit: epochs shorter than the data go on where the last one ended", "[fit]") {
  Sequential model = zero_model();
  const Array x = Array::zeros({6, 1}), y = Array::from<float>({1, 2, 3, 4, 5, 6}, {6, 1});
  std::int64_t steps = 0;
  const History h =
      model.fit(x, y,
                {.batch_size = 1,
                 .epochs = 4,
                 .shuffle = false,
                 .steps_per_epoch = 2,
                 .verbose = 0,
                 .callbacks = {LambdaCallback({.on_train_begin = [&](Training& t) { steps = t.steps(); }})}});
  CHECK(steps == 2);
  CHECK(h["loss"] == std::vector<double>{2.5, 12.5, 30.5, 2.5});
  CHECK(model.optimizer_state()[0].second.item() == 8.0);
}

// keras-semantics 1.5: fit steps_per_epoch
TEST_CASE("fit: an epoch that reaches the last sample ends there, with a warning", "[fit]") {
  Sequential model = zero_model();
  const Array x = Array::zeros({5, 1}), y = Array::from<float>({1, 2, 3, 4, 5}, {5, 1});
  History h;
  const std::string warnings = warnings_of([&] {
    h = model.fit(x, y, {.batch_size = 1, .epochs = 4, .shuffle = false, .steps_per_epoch = 3, .verbose = 0});
  });
  CHECK(h["loss"][0] == Approx(14.0 / 3));
  CHECK(h["loss"][1] == Approx((16.0 + 25.0) / 2));
  CHECK(h["loss"][2] == h["loss"][0]);
  CHECK_THAT(warnings, Contains("m: the samples ended after 2 of the 3 batches of an epoch; the next one begins anew"));
  CHECK(message_of([&] { model.fit(x, y, {.batch_size = 2, .steps_per_epoch = 4, .verbose = 0}); }) ==
        "m: steps_per_epoch is 4, but 5 samples are 3 batches");
  CHECK(message_of([&] { model.fit(x, y, {.steps_per_epoch = -1, .verbose = 0}); }) ==
        "m: fit(): steps_per_epoch must be at least 0, got -1");
}

// keras-semantics 1.5: fit steps_per_epoch, shuffle
TEST_CASE("fit: a pass in several epochs shuffles once and has the bits of a pass in one", "[fit]") {
  const auto train = [](std::int64_t steps, int epochs) {
    Sequential model = classifier();
    model.fit(testing::points(40), testing::classes(40),
              {.batch_size = 8, .epochs = epochs, .steps_per_epoch = steps, .verbose = 0});
    return bits(model);
  };
  CHECK(train(5, 1) == train(0, 1));
  CHECK(train(1, 5) == train(0, 1));
  CHECK(train(1, 5) != train(1, 6));
}

// keras-semantics 1.5: fit steps_per_epoch
TEST_CASE("fit: resumed in the middle of a pass in several epochs", "[fit]") {
  const TemporaryFolder folder;
  const auto fit = [&](Model& model, int power) {
    const BackupAndRestoreOptions backup{.path = folder.file("c"), .every_batches = 1};
    return model.fit(testing::points(40), testing::classes(40),
                     {.batch_size = 8,
                      .epochs = 6,
                      .steps_per_epoch = 2,
                      .verbose = 0,
                      .callbacks = {BackupAndRestore(backup),
                                    LambdaCallback({.on_batch_end = [&](Training&, std::int64_t, const Logs&) {
                                      if (--power == 0) user_error("power failure");
                                    }})}});
  };
  Sequential whole = classifier();
  History expected;
  (void)warnings_of([&] { expected = fit(whole, -1); });
  for (int after = 2; after <= 9; ++after) {
    INFO("stopped after " << after);
    Sequential stopped = classifier(), resumed = classifier(9);
    (void)warnings_of([&] {
      REQUIRE(message_of([&] { fit(stopped, after); }) == "power failure");
      CHECK(fit(resumed, -1)["loss"] == expected["loss"]);
    });
    CHECK(bits(resumed) == bits(whole));
  }
}

// keras-semantics 1.5: fit validation_steps
TEST_CASE("fit: validation_steps takes the first batches, every time", "[fit]") {
  Sequential model = zero_model();
  const Array x = Array::zeros({4, 1}), y = Array::from<float>({1, 2, 3, 4}, {4, 1});
  const History h = model.fit(
      x, y, {.epochs = 3, .validation_data = {x, y}, .validation_batch_size = 1, .validation_steps = 2, .verbose = 0});
  CHECK(h["val_loss"] == std::vector<double>{2.5, 2.5, 2.5});
  CHECK(message_of([&] { model.fit(x, y, {.validation_data = {x, y}, .validation_steps = 2, .verbose = 0}); }) ==
        "m: validation_steps is 2, but 4 samples are 1 batches");
  CHECK(message_of([&] { model.fit(x, y, {.validation_steps = 2, .verbose = 0}); }) ==
        "m: fit(): validation_steps needs .validation_data or .validation_split");
}

// keras-semantics 1.5: fit validation_data
TEST_CASE("fit: validation by a source is validation by its arrays", "[fit]") {
  const auto fit = [](ValidationData validation, std::int64_t steps = 0) {
    Sequential model = classifier();
    return model.fit(testing::points(40), testing::classes(40),
                     {.batch_size = 16,
                      .epochs = 2,
                      .validation_data = std::move(validation),
                      .validation_batch_size = 4,
                      .validation_steps = steps,
                      .verbose = 0});
  };
  const History arrays = fit({testing::points(10), testing::classes(10)}), source = fit(batches_of(10, 4));
  CHECK(source["val_loss"] == arrays["val_loss"]);
  CHECK(source["val_accuracy"] == arrays["val_accuracy"]);
  CHECK(source["loss"] == arrays["loss"]);
  CHECK(fit(batches_of(10, 4), 2)["val_loss"] == fit({testing::points(10), testing::classes(10)}, 2)["val_loss"]);
  Sequential by_source = classifier();
  CHECK(by_source.fit(batches_of(40, 16), {.epochs = 2, .validation_data = batches_of(10, 4), .verbose = 0})["val_loss"]
            .size() == 2);
  CHECK(message_of([&] { fit(batches_of(10, 4), 9); }) ==
        "m: the validation source ended after 3 batches of epoch 0, expected 9; set validation_steps to what there is");
  CHECK_THAT(message_of([&] {
               fit(DataSource([](std::uint64_t) {
                 return [k = 0]() mutable {
                   return k++ == 1
                              ? std::nullopt
                              : std::optional(Batch{.x = Array::zeros({2, 3}), .y = Array::zeros({2}, DType::i32)});
                 };
               }));
             }),
             Contains("validation batch 0: x: m takes samples of shape [2], got [3]"));
}

// keras-semantics 1.5: fit steps_per_epoch of a source
TEST_CASE("fit: steps_per_epoch ends the epochs of a source", "[fit]") {
  Sequential model = classifier();
  model.fit(batches_of(40, 8), {.epochs = 3, .steps_per_epoch = 2, .verbose = 0});
  CHECK(model.optimizer_state()[0].second.item() == 6.0);
  CHECK(message_of([&] { model.fit(batches_of(16, 8), {.steps_per_epoch = 3, .verbose = 0}); }) ==
        "m: the source ended after 2 batches of epoch 3, expected 3; set steps_per_epoch to what there is");
}

// keras-semantics 1.5: evaluate steps, predict steps
TEST_CASE("evaluate and predict: the first batches, of arrays and of a source", "[fit]") {
  Sequential model = classifier();
  const Array x = testing::points(10);
  const Array y = Array::from(testing::classes(10));
  const double whole = model.evaluate(x, y, {.batch_size = 4, .verbose = 0})["loss"];
  CHECK(model.evaluate(batches_of(10, 4), {.verbose = 0})["loss"] == whole);
  const double first = model.evaluate(x.rows(0, 8), y.rows(0, 8), {.batch_size = 4, .verbose = 0})["loss"];
  CHECK(first != whole);
  CHECK(model.evaluate(x, y, {.batch_size = 4, .steps = 2, .verbose = 0})["loss"] == first);
  CHECK(model.evaluate(batches_of(10, 4), {.steps = 2, .verbose = 0})["loss"] == first);
  CHECK(message_of([&] { model.evaluate(x, y, {.batch_size = 4, .steps = 4, .verbose = 0}); }) ==
        "m: steps is 4, but 10 samples are 3 batches");

  const Array expected = model.predict(x, {.batch_size = 4});
  const auto same = [](const Array& a, const Array& b) {
    return a.type() == b.type() && std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin());
  };
  CHECK(same(model.predict(batches_of(10, 4)), expected));
  CHECK(same(model.predict(batches_of(10, 4, {.prefetch = 0})), expected));
  CHECK(same(model.predict(x, {.batch_size = 4, .steps = 2}), expected.rows(0, 8)));
  CHECK(same(model.predict(x, {.batch_size = 4, .steps = 3}), expected));
  CHECK(same(model.predict(batches_of(10, 4), {.steps = 2}), expected.rows(0, 8)));
  CHECK(same(model.predict(batches_of(10, 4, {.steps = 1})), expected.rows(0, 4)));
  CHECK(message_of([&] { model.predict(batches_of(10, 4), {.steps = 5}); }) ==
        "m: predict(): the source ended after 3 batches, expected 5");
  CHECK(message_of([&] { model.predict(batches_of(0, 4)); }) ==
        "m: predict(): the source ended after 0 batches, expected at least one");
  CHECK(message_of([&] { model.predict(x, {.steps = -2}); }) ==
        "m: steps must not be negative (0: all batches), got -2");
}
