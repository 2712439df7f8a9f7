// Checkpoints: a training that is stopped anywhere and resumed gives the bits of one that was not.

#include <algorithm>
#include <filesystem>

#include "frontend/files_for_tests.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using Catch::Matchers::Contains;
using testing::contents_of;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

constexpr std::int64_t samples = 40;

Sequential model_of(std::uint64_t seed, AnyOptimizer optimizer = "adam",
                    std::vector<AnyMetric> metrics = {"accuracy"}) {
  Sequential model(ModelOptions{.name = "m", .seed = seed}, Input({2}), Dense(6, "relu"), BatchNormalization(),
                   Dropout(0.2), Dense(3, "softmax"));
  model.compile(std::move(optimizer), "sparse_categorical_crossentropy", std::move(metrics), testing::interpreted());
  return model;
}

FitOptions options(int epochs, std::vector<AnyCallback> callbacks = {}) {
  return {.batch_size = 16,
          .epochs = epochs,
          .validation_data = {testing::points(10), testing::classes(10)},
          .verbose = 0,
          .callbacks = std::move(callbacks)};
}

History fit(Model& model, const FitOptions& o) {
  return model.fit(testing::points(samples), testing::classes(samples), o);
}

std::string bits(const Model& model) {
  std::string all;
  const auto add = [&](const Array& a) {
    all.append(reinterpret_cast<const char*>(a.bytes().data()), a.bytes().size());
  };
  for (const Array& a : model.get_weights()) add(a);
  for (const auto& [name, value] : model.optimizer_state()) add(value);
  return all;
}

bool same(const History& a, const History& b) {
  if (a.keys() != b.keys() || a.epochs() != b.epochs()) return false;
  return std::ranges::all_of(a.keys(), [&](const std::string& key) { return a[key] == b[key]; });
}

/// Stands for a process that is killed after so many batches.
struct Power : Callback {
  explicit Power(int left) : batches_left(left) {}
  void on_batch_end(Training&, std::int64_t, const Logs&) override {
    if (--batches_left == 0) user_error("power failure");
  }
  int batches_left;
};

}  // namespace

TEST_CASE("checkpoint: a model goes on as if it had never been saved", "[checkpoint]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("c.safetensors");
  Sequential first = model_of(1), second = model_of(2);
  fit(first, options(2));
  first.set_learning_rate(0.01);
  first.save_checkpoint(path);
  const History expected = fit(first, options(2));
  second.load_checkpoint(path);
  CHECK(second.seed() == 1);
  CHECK(second.learning_rate() == first.learning_rate());
  CHECK(same(fit(second, options(2)), expected));
  CHECK(bits(second) == bits(first));
  Sequential weights_only = model_of(3);
  weights_only.load_weights(path, {.ignore_others = true});
  fit(weights_only, options(2));
  CHECK(bits(weights_only) != bits(first));
}

TEST_CASE("checkpoint: before any training", "[checkpoint]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("c.safetensors");
  Sequential first = model_of(1), second = model_of(2);
  first.save_checkpoint(path);
  second.load_checkpoint(path);
  fit(first, options(1));
  fit(second, options(1));
  CHECK(bits(second) == bits(first));
}

// keras-semantics 1.5: BackupAndRestore
TEST_CASE("checkpoint: stopped after any batch and resumed, the bits, the history and the log are the same",
          "[checkpoint]") {
  const TemporaryFolder folder;
  const auto callbacks = [&](const std::string& name, int every_batches, int every_epochs, int power) {
    return std::vector<AnyCallback>{
        BackupAndRestore({.path = folder.file(name), .every_epochs = every_epochs, .every_batches = every_batches}),
        EarlyStopping({.min_delta = 0.5, .patience = 3, .restore_best_weights = true}),
        ReduceLROnPlateau({.monitor = "loss", .factor = 0.5, .patience = 1, .min_delta = 0.5}),
        LearningRateScheduler([](int, double rate) { return rate * 0.9; }),
        CSVLogger(folder.file(name + ".csv")),
        Power(power)};
  };
  Sequential whole = model_of(5);
  const History expected = fit(whole, options(6, callbacks("whole", 1, 0, -1)));
  CHECK(expected.epochs().size() == 4);  // stopped early
  CHECK_FALSE(std::filesystem::exists(folder.file("whole")));
  for (const auto& [every_batches, every_epochs] : {std::pair{1, 0}, {2, 1}, {0, 1}, {0, 2}}) {
    for (int after = 1; after <= 12; ++after) {
      INFO("every " << every_batches << " batches, " << every_epochs << " epochs; stopped after " << after);
      Sequential stopped = model_of(5);
      REQUIRE(message_of([&] { fit(stopped, options(6, callbacks("c", every_batches, every_epochs, after))); }) ==
              "power failure");
      const bool kept = std::filesystem::exists(folder.file("c"));
      CHECK(kept == (every_batches == 1 ? after > 1 : every_batches == 2 ? after > 2 : after > 3 * every_epochs));
      Sequential resumed = model_of(kept ? 6 : 5);  // a checkpoint brings the seed along
      CHECK(same(fit(resumed, options(6, callbacks("c", every_batches, every_epochs, -1))), expected));
      CHECK(bits(resumed) == bits(whole));
      CHECK(contents_of(folder.file("c.csv")) == contents_of(folder.file("whole.csv")));
      std::filesystem::remove(folder.file("c"));
    }
  }
}

TEST_CASE("checkpoint: a training that has stopped itself stays stopped", "[checkpoint]") {
  const TemporaryFolder folder;
  const auto callbacks = [&] {
    return std::vector<AnyCallback>{
        EarlyStopping({.monitor = "loss", .min_delta = 100, .patience = 1, .restore_best_weights = true}),
        BackupAndRestore({.path = folder.file("c"), .delete_checkpoint = false})};
  };
  Sequential first = model_of(1), second = model_of(2);
  const History expected = fit(first, options(9, callbacks()));
  CHECK(expected.epochs().size() == 2);
  CHECK(same(fit(second, options(9, callbacks())), expected));
  CHECK(bits(second) == bits(first));
}

TEST_CASE("checkpoint: resume_from goes on from a file by hand", "[checkpoint]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("c.safetensors");
  Sequential first = model_of(1), second = model_of(2);
  const LambdaCallback save({.on_batch_end = [&](Training& training, std::int64_t batch, const Logs&) {
    if (batch == 1) training.save_checkpoint(path);
  }});
  const History expected = fit(first, options(3, {LambdaCallback(save)}));
  FitOptions again = options(3, {LambdaCallback({})});
  again.resume_from = path;
  CHECK(same(fit(second, again), expected));
  CHECK(bits(second) == bits(first));
}

TEST_CASE("checkpoint: a damaged file is refused, and the model stays as it was", "[checkpoint]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("c.safetensors");
  Sequential model = model_of(1);
  fit(model, options(1));
  model.save_checkpoint(path);
  const std::string good = contents_of(path), before = bits(model);
  CHECK(message_of([&] { model.load_checkpoint(path); }) == "no error");
  for (std::size_t at = 0; at < good.size(); at += good.size() / 97 + 1) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    testing::write(path, bad);
    INFO("byte " << at);
    CHECK(message_of([&] { model.load_checkpoint(path); }).starts_with(path + ": "));
  }
  std::string bad = good;
  bad.back() = static_cast<char>(bad.back() ^ 1);
  testing::write(path, bad);
  CHECK_THAT(message_of([&] { model.load_checkpoint(path); }), Contains(": is damaged: its contents have SHA-256 "));
  testing::write(path, good.substr(0, good.size() / 2));
  CHECK_THAT(message_of([&] { model.load_checkpoint(path); }), Contains("was cut off"));
  CHECK_THAT(message_of([&] { model.load_checkpoint(folder.file("none")); }),
             Contains("cannot be opened: No such file or directory"));
  CHECK(bits(model) == before);
  model.save_weights(path);
  CHECK_THAT(message_of([&] { model.load_checkpoint(path); }),
             Contains("is no checkpoint of Sinter") && Contains("load_weights()"));
}

TEST_CASE("checkpoint: of another model, another optimizer, another fit", "[checkpoint]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("c.safetensors");
  Sequential model = model_of(1);
  model.save_checkpoint(path);
  const auto refused = [&](Model& other) {
    (void)message_of([&] { other.load_checkpoint(path); });  // makes the optimizer's states
    const std::string before = bits(other);
    const std::string message = message_of([&] { other.load_checkpoint(path); });
    CHECK(bits(other) == before);
    return message;
  };
  Sequential with_sgd = model_of(1, "sgd");
  CHECK_THAT(refused(with_sgd), Contains("holds no '@optimizer/sgd/iteration', which the optimizer needs"));
  Sequential with_momentum = model_of(1, SGD({.momentum = 0.9, .name = "adam"}));
  CHECK_THAT(refused(with_momentum),
             Contains("has '@optimizer/adam/m/dense/kernel/velocity'") || Contains("'@optimizer/adam/m/dense/kernel"));
  Sequential wider(ModelOptions{.name = "m"}, Input({2}), Dense(7, "relu"));
  wider.compile("adam", "mse");
  CHECK_THAT(refused(wider), Contains("'m/dense/kernel' is f32[2,6], but the model has f32[2,7]"));
  Sequential uncompiled(ModelOptions{.name = "m"}, Input({2}), Dense(6));
  CHECK_THAT(message_of([&] { uncompiled.load_checkpoint(path); }),
             Contains("m: call compile() before load_checkpoint()"));
  FitOptions resumed = options(1);
  resumed.resume_from = path;
  CHECK_THAT(message_of([&] { fit(model, resumed); }), Contains("was not written within fit()"));

  const auto stop = [&](FitOptions o) {
    Sequential stopped = model_of(1);
    o.callbacks = {BackupAndRestore({.path = path, .every_batches = 1}), Power(2)};
    std::filesystem::remove(path);
    REQUIRE(message_of([&] { fit(stopped, o); }) == "power failure");
  };
  stop(options(2));
  const auto resume = [&](FitOptions o, std::vector<AnyMetric> metrics = {"accuracy"}) {
    Sequential fresh = model_of(1, "adam", std::move(metrics));
    o.callbacks = {BackupAndRestore({.path = path, .every_batches = 1}), Power(-1)};
    return message_of([&] { fit(fresh, o); });
  };
  FitOptions other_size = options(2), other_order = options(2);
  other_size.batch_size = 8;
  other_order.shuffle = false;
  CHECK(resume(other_size) == "m: " + path +
                                  " was made in a fit() with batch_size 16, now it is 8; to go on in the middle of an "
                                  "epoch, data and options have to be the same");
  CHECK_THAT(resume(other_order), Contains("with shuffle 1, now it is 0"));
  CHECK_THAT(resume(options(2), {"accuracy", "sparse_top_k_categorical_accuracy"}), Contains("with other metrics"));
  FitOptions fewer = options(2);
  fewer.resume_from = path;
  CHECK_THAT(message_of([&] { fit(model, fewer); }), Contains("a number of callbacks of 2, now it is 0"));
  CHECK(resume(options(2)) == "no error");
}

// keras-semantics 1.5: BackupAndRestore (errors)
TEST_CASE("BackupAndRestore: options", "[checkpoint]") {
  CHECK(message_of([] { BackupAndRestore({}); }) == "BackupAndRestore: .path is missing: where to keep the checkpoint");
  CHECK(message_of([] { BackupAndRestore({.path = "x", .every_epochs = 0}); }) ==
        "BackupAndRestore: every_epochs and every_batches are both 0, so nothing would be kept");
  CHECK(message_of([] { BackupAndRestore({.path = "x", .every_epochs = -1}); }) ==
        "BackupAndRestore: every_epochs and every_batches must not be negative, got -1 and 0");
}
