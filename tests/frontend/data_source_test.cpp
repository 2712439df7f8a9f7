// Batches made as they are needed.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iostream>
#include <sstream>
#include <thread>

#include "frontend/files_for_tests.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using Catch::Matchers::Contains;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

Sequential classifier(std::uint64_t seed = 1) {
  Sequential model(ModelOptions{.name = "m", .seed = seed}, Input({2}), Dense(4, "relu"), Dropout(0.2),
                   Dense(3, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"}, testing::interpreted());
  return model;
}

/// 40 samples in batches of 16, in order.
DataSource in_order(SourceOptions options = {}) {
  return DataSource(
      [](std::uint64_t) {
        return [k = std::int64_t{0}]() mutable -> std::optional<Batch> {
          if (k >= 40) return std::nullopt;
          const std::int64_t first = std::exchange(k, k + 16), last = std::min<std::int64_t>(k, 40);
          return Batch{.x = testing::points(40).rows(first, last),
                       .y = Array::from(testing::classes(40)).rows(first, last)};
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

/// A source of `count` batches of one sample that says which were made.
DataSource counting(int count, SourceOptions options, std::atomic<int>& made) {
  return DataSource(
      [count, &made](std::uint64_t) {
        return [count, &made, k = 0]() mutable -> std::optional<Batch> {
          if (k == count) return std::nullopt;
          ++made;
          return Batch{.x = Array::full({1, 1}, k++), .y = Array::zeros({1, 1})};
        };
      },
      options);
}

}  // namespace

TEST_CASE("source: trains as the arrays do, with and without a thread", "[source]") {
  Sequential arrays = classifier();
  const History expected = arrays.fit(testing::points(40), testing::classes(40),
                                      {.batch_size = 16, .epochs = 3, .shuffle = false, .verbose = 0});
  for (const SourceOptions options : {SourceOptions{}, {.prefetch = 0}, {.steps = 3}, {.prefetch = 1}}) {
    Sequential model = classifier();
    const History h = model.fit(in_order(options), {.epochs = 3, .verbose = 0});
    CHECK(h["loss"] == expected["loss"]);
    CHECK(h["accuracy"] == expected["accuracy"]);
    CHECK(bits(model) == bits(arrays));
    const Logs quality = model.evaluate(in_order(options), {.verbose = 0});
    CHECK(quality["loss"] ==
          arrays.evaluate(testing::points(40), testing::classes(40), {.batch_size = 16, .verbose = 0})["loss"]);
  }
}

TEST_CASE("source: epochs are told apart, steps end an endless one, logs and validation are as usual", "[source]") {
  std::vector<std::uint64_t> begun;
  const DataSource endless(
      [&](std::uint64_t epoch) {
        begun.push_back(epoch);
        return [] { return std::optional(Batch{.x = Array::zeros({2, 2}), .y = Array::zeros({2}, DType::i32)}); };
      },
      {.steps = 4, .prefetch = 0});
  Sequential model = classifier();
  int batches = 0;
  const History h =
      model.fit(endless, {.epochs = 2,
                          .validation_data = {testing::points(10), testing::classes(10)},
                          .verbose = 0,
                          .callbacks = {LambdaCallback({.on_batch_end = [&](Training& t, std::int64_t, const Logs&) {
                            CHECK(t.steps() == 4);
                            ++batches;
                          }})}});
  CHECK(batches == 8);
  CHECK(begun == std::vector<std::uint64_t>{0, 0, 1});  // the first one is looked at beforehand
  CHECK(h["val_loss"].size() == 2);
  CHECK(model.optimizer_state()[0].second.item() == 8.0);
}

TEST_CASE("source: weights come with the batches, or by class", "[source]") {
  const auto source = [](double weight) {
    return DataSource([weight](std::uint64_t) {
      return [weight, k = 0]() mutable -> std::optional<Batch> {
        if (k++ == 2) return std::nullopt;
        return Batch{.x = {1.0, 2.0}, .y = {3.0, 1.0}, .sample_weight = Array::full({2}, weight)};
      };
    });
  };
  Sequential model(Input({1}), Dense({.units = 1, .kernel_initializer = "zeros"}));
  model.compile(SGD({.learning_rate = 0.0}), "mse", {}, testing::interpreted());
  CHECK(model.evaluate(source(1), {.verbose = 0})["loss"] == Approx(5.0));
  CHECK(model.evaluate(source(3), {.verbose = 0})["loss"] == Approx(15.0));
  CHECK(message_of([&] { model.fit(source(1), {.sample_weight = {1.0}}); }) ==
        "sequential: fit(): the weights of a source's samples come with its batches, not as an option");
  Sequential weighted = classifier(), arrays = classifier();
  weighted.fit(in_order(), {.class_weight = {{1, 4.0}}, .verbose = 0});
  arrays.fit(testing::points(40), testing::classes(40),
             {.batch_size = 16, .shuffle = false, .class_weight = {{1, 4.0}}, .verbose = 0});
  CHECK(bits(weighted) == bits(arrays));
}

TEST_CASE("source: prefetch is bounded, and a training that ends early stops the thread", "[source]") {
  std::atomic<int> made = 0;
  {
    BatchStream stream(counting(1000, {.prefetch = 3}, made), 0);
    for (int wait = 0; wait < 400 && made < 3; ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(made == 3);
    CHECK(stream.next()->x.array().item() == 0.0);
    for (int wait = 0; wait < 400 && made < 4; ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(made == 4);
  }
  CHECK(made == 4);
  std::atomic<int> unthreaded = 0;
  BatchStream plain(counting(2, {.prefetch = 0}, unthreaded), 0);
  CHECK(unthreaded == 0);
  CHECK(plain.next().has_value());
  CHECK(unthreaded == 1);
  CHECK(plain.next().has_value());
  CHECK_FALSE(plain.next().has_value());
}

TEST_CASE("source: resumed in the middle of an epoch", "[source]") {
  const TemporaryFolder folder;
  Sequential whole = classifier();
  const History expected = whole.fit(in_order(), {.epochs = 3, .verbose = 0});
  for (int after = 1; after <= 8; ++after) {
    INFO("stopped after " << after);
    const BackupAndRestoreOptions backup{.path = folder.file("c"), .every_batches = 1};
    int left = after + 1;
    Sequential stopped = classifier();
    REQUIRE(message_of([&] {
              stopped.fit(in_order(),
                          {.epochs = 3,
                           .verbose = 0,
                           .callbacks = {BackupAndRestore(backup),
                                         LambdaCallback({.on_batch_end = [&](Training&, std::int64_t, const Logs&) {
                                           if (--left == 0) user_error("power failure");
                                         }})}});
            }) == "power failure");
    Sequential resumed = classifier(9);
    const History h = resumed.fit(
        in_order(), {.epochs = 3, .verbose = 0, .callbacks = {BackupAndRestore(backup), LambdaCallback({})}});
    CHECK(h["loss"] == expected["loss"]);
    CHECK(bits(resumed) == bits(whole));
  }
}

TEST_CASE("source: the progress line comes when the steps are known", "[source]") {
  std::ostringstream shown;
  std::streambuf* const saved = std::cout.rdbuf(shown.rdbuf());
  Sequential model = classifier();
  model.fit(in_order());
  std::cout.rdbuf(saved);
  CHECK(shown.str().starts_with("3/3 [==============================] - "));
}

TEST_CASE("source: what goes wrong says which batch", "[source]") {
  Sequential model = classifier();
  const auto fit = [&](DataSource::Begin begin, SourceOptions options = {}) {
    return message_of([&] { model.fit(DataSource(std::move(begin), options), {.verbose = 0}); });
  };
  const auto batches = [](std::vector<Batch> list) {
    return [list](std::uint64_t) {
      return
          [list, k = std::size_t{0}]() mutable { return k == list.size() ? std::nullopt : std::optional(list[k++]); };
    };
  };
  const Batch good{.x = Array::zeros({2, 2}), .y = Array::zeros({2}, DType::i32)};
  CHECK(fit(batches({})) == "m: the source gives no batches");
  CHECK(fit(batches({good}), {.steps = 3}) ==
        "m: the source ended after 1 batches of epoch 0, expected 3; set SourceOptions::steps to what there is");
  CHECK_THAT(fit(batches({good, {.x = Array::zeros({2, 3}), .y = good.y}})),
             Contains("batch 1: x: m takes samples of shape [2], got [3]"));
  CHECK_THAT(fit(batches({good, {.x = good.x, .y = Array::full({2}, 7, DType::i32)}})),
             Contains("batch 1: y: label 7 at index 0 is out of range"));
  CHECK_THAT(fit(batches({good, {.x = good.x}})), Contains("batch 1: y: no data were given"));
  CHECK(fit([](std::uint64_t) { return DataSource::Next(); }) ==
        "DataSource: epoch 0 began without a function that gives batches");
  for (const int prefetch : {0, 2})
    CHECK(fit(
              [&](std::uint64_t) {
                return [&, k = 0]() mutable -> std::optional<Batch> {
                  if (++k == 2) user_error("the disk is gone");
                  return good;
                };
              },
              {.prefetch = prefetch}) == "the disk is gone");
  CHECK(message_of([] { DataSource(nullptr); }) == "DataSource: expected a function that begins an epoch, got none");
  CHECK(message_of([] { DataSource([](std::uint64_t) { return DataSource::Next(); }, {.steps = -1}); }) ==
        "DataSource: steps must not be negative, got -1");
  CHECK(message_of([&] { model.fit(in_order(), {.validation_split = 0.5, .verbose = 0}); }) ==
        "m: validation_split is for arrays; give a source's fit() .validation_data");
}
