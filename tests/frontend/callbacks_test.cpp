// Callbacks: hooks, and each callback's rules. Files named beside a test are of Keras 3 (keras/src/callbacks).

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <sstream>

#include "frontend/files_for_tests.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using testing::contents_of;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

Sequential line_model() {
  Sequential model(Input({1}), Dense({.units = 1, .kernel_initializer = "zeros"}));
  model.compile(SGD({.learning_rate = 0.05}), "mse", {"mae"}, testing::interpreted());
  return model;
}

FitOptions quietly(int epochs, std::vector<AnyCallback> callbacks) {
  return {.epochs = epochs, .verbose = 0, .callbacks = std::move(callbacks)};
}

/// A model whose epochs are made up: values of one log, one for each epoch; NaN stands for itself.
struct Rehearsal {
  Sequential model = line_model();
  std::string log = "val_loss";
  std::vector<double> rates = {};    // the learning rate after each epoch
  std::vector<double> weights = {};  // what each epoch leaves in the kernel: its number
  std::vector<std::string> lines = {};

  /// Returns how many epochs ran.
  int run(Callback& callback, const std::vector<double>& values) {
    Training training(model, {.epochs = static_cast<int>(values.size()), .steps = 1, .log_names = {"loss", log}});
    callback.on_train_begin(training);
    int epoch = 0;
    while (epoch < static_cast<int>(values.size()) && !training.stopping()) {
      callback.on_epoch_begin(training, epoch);
      model.set_weights({Array::full({1, 1}, epoch), Array::zeros({1})});
      Logs logs;
      logs.set("loss", 0.0);
      logs.set(log, values[static_cast<std::size_t>(epoch)]);
      callback.on_epoch_end(training, epoch, logs);
      rates.push_back(model.learning_rate());
      ++epoch;
    }
    callback.on_train_end(training, {});
    lines = training.take_lines();
    return epoch;
  }
  double kernel() const { return model.get_weights()[0].item(); }
};

int epochs_run(EarlyStoppingOptions options, const std::vector<double>& values, const std::string& log = "val_loss") {
  Rehearsal rehearsal{.log = log};
  options.monitor = log;
  EarlyStopping stopping(std::move(options));
  return rehearsal.run(stopping, values);
}

std::vector<double> rates_after(ReduceLROnPlateauOptions options, const std::vector<double>& values) {
  Rehearsal rehearsal;
  rehearsal.model.set_learning_rate(1.0);
  ReduceLROnPlateau reduce(std::move(options));
  rehearsal.run(reduce, values);
  return rehearsal.rates;
}

}  // namespace

// keras-semantics 1.5: LambdaCallback
TEST_CASE("callbacks: hooks come in Keras's order", "[callbacks]") {
  std::string calls;
  const auto note = [&calls](const std::string& what) { calls += what + " "; };
  Sequential model = line_model();
  const LambdaCallbackOptions hooks{
      .on_train_begin =
          [&](Training& t) {
            note("train(" + std::to_string(t.epochs()) + "x" + std::to_string(t.steps()) + ")");
            CHECK(t.log_names() == std::vector<std::string>{"loss", "mae", "val_loss", "val_mae"});
            CHECK(&t.model() == &model);
          },
      .on_train_end = [&](Training&, const Logs& logs) { note(logs.contains("val_mae") ? "/train" : "?"); },
      .on_epoch_begin = [&](Training&, int epoch) { note("epoch" + std::to_string(epoch)); },
      .on_epoch_end = [&](Training&, int epoch, Logs&) { note("/epoch" + std::to_string(epoch)); },
      .on_batch_begin = [&](Training&, std::int64_t batch) { note("batch" + std::to_string(batch)); },
      .on_batch_end =
          [&](Training&, std::int64_t batch, const Logs& logs) {
            note("/batch" + std::to_string(batch));
            CHECK(logs.contains("mae"));
            CHECK_FALSE(logs.contains("val_mae"));
          }};
  model.fit(testing::line_x(), testing::line_y(),
            {.batch_size = 4,
             .epochs = 2,
             .validation_data = {testing::line_x(), testing::line_y()},
             .verbose = 0,
             .callbacks = {LambdaCallback(hooks)}});
  CHECK(calls ==
        "train(2x2) epoch0 batch0 /batch0 batch1 /batch1 /epoch0 epoch1 batch0 /batch0 batch1 /batch1 /epoch1 /train ");
}

TEST_CASE("callbacks: logs of a batch are the means so far", "[callbacks]") {
  Sequential model = line_model();
  model.set_learning_rate(0.0);
  std::vector<double> losses;
  const History h = model.fit(
      testing::line_x(), testing::line_y(),
      {.batch_size = 2,
       .shuffle = false,
       .verbose = 0,
       .callbacks = {LambdaCallback(
           {.on_batch_end = [&](Training&, std::int64_t, const Logs& logs) { losses.push_back(logs["loss"]); }})}});
  // The model says 0; labels are -3 -1 | 1 3 | 5 7.
  CHECK(losses[0] == Approx(5.0));
  CHECK(losses[1] == Approx((10.0 + 10.0) / 4));
  CHECK(losses[2] == h["loss"][0]);
}

TEST_CASE("callbacks: with steps_per_execution, batches are seen in groups", "[callbacks]") {
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse", {}, {.backend = Backend::interpreter, .steps_per_execution = 2});
  std::vector<std::int64_t> begun, ended;
  model.fit(testing::line_x(), testing::line_y(),
            {.batch_size = 2,
             .verbose = 0,
             .callbacks = {LambdaCallback(
                 {.on_batch_begin = [&](Training&, std::int64_t batch) { begun.push_back(batch); },
                  .on_batch_end = [&](Training&, std::int64_t batch, const Logs&) { ended.push_back(batch); }})}});
  CHECK(begun == std::vector<std::int64_t>{0, 2});
  CHECK(ended == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("callbacks: what does not see batches is not asked about them", "[callbacks]") {
  struct Epochs : Callback {
    int epochs = 0;
    bool sees_batches() const override { return false; }
    void on_epoch_end(Training&, int, Logs& logs) override {
      ++epochs;
      logs.set("half_loss", logs["loss"] / 2);
    }
    void on_batch_end(Training&, std::int64_t, const Logs&) override { FAIL("not asked for"); }
    std::vector<std::string> added_logs() const override { return {"half_loss"}; }
  };
  Epochs seen_in_place;
  const auto shared = std::make_shared<Epochs>();
  Sequential model = line_model();
  const History h = model.fit(
      testing::line_x(), testing::line_y(),
      quietly(2, {seen_in_place, shared, Epochs(), EarlyStopping({.monitor = "half_loss", .mode = MonitorMode::min})}));
  CHECK(seen_in_place.epochs == 2);
  CHECK(shared->epochs == 2);
  CHECK(h["half_loss"][1] == h["loss"][1] / 2);
}

TEST_CASE("callbacks: one may use the model, stop in the middle of an epoch, and fail", "[callbacks]") {
  Sequential model = line_model();
  int batches = 0;
  LambdaCallback stopper({.on_batch_end = [&](Training& t, std::int64_t, const Logs&) {
    t.model().predict({1.0});
    if (++batches == 2) t.stop();
  }});
  const History h = model.fit(testing::line_x(), testing::line_y(),
                              {.batch_size = 1,
                               .epochs = 5,
                               .validation_data = {testing::line_x(), testing::line_y()},
                               .verbose = 0,
                               .callbacks = {stopper}});
  CHECK(batches == 2);
  CHECK(h["val_loss"].size() == 1);
  LambdaCallback failing({.on_epoch_end = [](Training&, int, Logs&) { user_error("enough"); }});
  CHECK(message_of([&] { model.fit(testing::line_x(), testing::line_y(), quietly(1, {failing})); }) == "enough");
  LambdaCallback nested({.on_epoch_end = [](Training& t, int, Logs&) {
    t.model().fit(testing::line_x(), testing::line_y(), {.verbose = 0});
  }});
  CHECK_NOTHROW(model.fit(testing::line_x(), testing::line_y(), quietly(1, {nested})));
  CHECK_NOTHROW(model.fit(testing::line_x(), testing::line_y(), quietly(1, {})));
}

TEST_CASE("callbacks: training without them and with one that only looks has the same bits", "[callbacks]") {
  const auto train = [](std::vector<AnyCallback> callbacks) {
    Sequential model = line_model();
    return model.fit(testing::line_x(), testing::line_y(), quietly(3, std::move(callbacks)))["loss"];
  };
  CHECK(train({}) == train({TerminateOnNaN(), LambdaCallback({})}));
}

// keras-semantics 1.5: initial_epoch, validation_freq, validation_batch_size
TEST_CASE("fit: initial_epoch, validation_freq and validation_batch_size", "[callbacks]") {
  Sequential model = line_model();
  const History h = model.fit(testing::line_x(), testing::line_y(),
                              {.epochs = 5,
                               .initial_epoch = 1,
                               .validation_data = {testing::line_x(), testing::line_y()},
                               .validation_freq = 2,
                               .validation_batch_size = 4,
                               .verbose = 0,
                               .callbacks = {EarlyStopping({.patience = 9}), ReduceLROnPlateau()}});
  CHECK(h.epochs() == std::vector<int>{1, 2, 3, 4});
  CHECK(std::isfinite(h["val_loss"][0]));  // epoch 1 is the second
  CHECK(std::isnan(h["val_loss"][1]));
  CHECK(std::isfinite(h["val_loss"][2]));
  CHECK(std::isnan(h["val_loss"][3]));
  CHECK(message_of([&] { model.fit(testing::line_x(), testing::line_y(), {.validation_freq = 0}); }) ==
        "sequential: fit(): validation_freq must be at least 1, got 0");
}

// ---- EarlyStopping ----

// keras-semantics 1.5: EarlyStopping
TEST_CASE("EarlyStopping: counts as Keras does", "[callbacks]") {    // early_stopping.py
  CHECK(epochs_run({}, {3, 2, 2, 1}) == 3);                          // patience 0: at once
  CHECK(epochs_run({.patience = 1}, {3, 2, 2, 1}) == 3);             // ... and 1 is the same
  CHECK(epochs_run({.patience = 2}, {3, 2, 2, 1, 1, 1, 0}) == 6);    // an improvement begins the count anew
  CHECK(epochs_run({.min_delta = 0.5}, {3, 2.6, 2, 1}) == 2);        // 0.4 is no improvement
  CHECK(epochs_run({.min_delta = 0.5}, {3, 2.5, 2, 1}) == 2);        // neither is 0.5 itself
  CHECK(epochs_run({}, {not_a_number, not_a_number, 1}) == 2);       // epoch 0 never stops
  CHECK(epochs_run({.start_from_epoch = 2}, {1, 9, 5, 6, 7}) == 4);  // epochs before do not count, as best neither
  CHECK(epochs_run({.patience = 2}, {1, not_a_number, not_a_number, 0}) == 3);
}

// keras-semantics 1.5: EarlyStopping (mode)
TEST_CASE("EarlyStopping: direction by name or by mode", "[callbacks]") {
  CHECK(epochs_run({}, {0.1, 0.2, 0.2, 0.3}, "val_accuracy") == 3);
  CHECK(epochs_run({}, {0.1, 0.2, 0.2, 0.3}, "digit_accuracy") == 3);
  CHECK(epochs_run({}, {0.2, 0.1, 0.1, 0.3}, "mae") == 3);
  CHECK(epochs_run({}, {0.2, 0.1, 0.1, 0.3}, "val_digit_loss") == 3);
  CHECK(epochs_run({.mode = MonitorMode::max}, {0.1, 0.2, 0.2}, "quality") == 3);
  CHECK(epochs_run({.mode = MonitorMode::min}, {0.1, 0.2, 0.2}, "quality") == 2);
  CHECK(message_of([] { epochs_run({}, {1}, "quality"); }) ==
        "EarlyStopping: it cannot be told from the name 'quality' whether small or large values are better; say .mode "
        "= MonitorMode::min or MonitorMode::max");
}

// keras-semantics 1.5: EarlyStopping (baseline)
TEST_CASE("EarlyStopping: a baseline has to be beaten for the count to begin again", "[callbacks]") {
  CHECK(epochs_run({.patience = 3, .baseline = 1.0}, {5, 4, 3, 2, 0}) == 5);  // improvements do not stop it...
  CHECK(epochs_run({.patience = 3, .baseline = 1.0}, {5, 4, 3, 3, 0}) == 4);  // ... but have been counted
  CHECK(epochs_run({.patience = 3, .baseline = 6.0}, {5, 4, 3, 3, 3, 3, 0}) == 6);
}

// keras-semantics 1.5: EarlyStopping (restore_best_weights)
TEST_CASE("EarlyStopping: the best weights come back, stopped or not", "[callbacks]") {
  Rehearsal stopped, whole, kept, barely;
  EarlyStopping stopping({.patience = 2, .verbose = 1, .restore_best_weights = true});
  CHECK(stopped.run(stopping, {3, 1, 2, 2, 2}) == 4);
  CHECK(stopped.kernel() == 1.0);
  CHECK(stopping.stopped_epoch() == 3);
  CHECK(stopping.best_epoch() == 1);
  CHECK(stopping.best() == 1.0);
  CHECK(stopped.lines == std::vector<std::string>{"Epoch 4: early stopping",
                                                  "Restoring model weights from the end of the best epoch: 2."});
  CHECK(whole.run(stopping, {3, 1, 2}) == 3);  // used again; not stopped
  CHECK(whole.kernel() == 1.0);
  CHECK(stopping.stopped_epoch() == 0);
  EarlyStopping without;
  kept.run(without, {3, 1, 2, 2});
  CHECK(kept.kernel() == 2.0);
  EarlyStopping late({.restore_best_weights = true, .start_from_epoch = 1});
  barely.run(late, {0, not_a_number, not_a_number});
  CHECK(barely.kernel() == 1.0);  // the first epoch that counts, when none improves
}

TEST_CASE("EarlyStopping: a whole training ends", "[callbacks]") {
  Sequential model = line_model();
  EarlyStopping stopping({.monitor = "loss", .min_delta = 1.0, .patience = 2});
  const History h = model.fit(testing::line_x(), testing::line_y(), quietly(500, {stopping}));
  CHECK(h["loss"].size() < 50);
  CHECK(stopping.stopped_epoch() == h.epochs().back());
}

// keras-semantics 1.5: EarlyStopping (error)
TEST_CASE("callbacks: an unknown log is an error before the first step", "[callbacks]") {
  Sequential model = line_model();
  const auto refused = [&](AnyCallback callback) {
    return message_of([&] { model.fit(testing::line_x(), testing::line_y(), quietly(2, {std::move(callback)})); });
  };
  const double before = model.get_weights()[0].item();
  CHECK(refused(EarlyStopping()) ==
        "EarlyStopping: there is no log 'val_loss' without validation; give fit() .validation_data or "
        ".validation_split, or monitor 'loss'");
  CHECK(refused(ReduceLROnPlateau({.monitor = "acc"}))
            .starts_with("unknown log for ReduceLROnPlateau 'acc'; known: loss, mae"));
  CHECK(refused(ModelCheckpoint({.filepath = "w.safetensors", .save_best_only = true}))
            .starts_with("ModelCheckpoint: there is no log 'val_loss'"));
  CHECK(model.get_weights()[0].item() == before);
}

// keras-semantics 1.5: callbacks (errors)
TEST_CASE("callbacks: options out of range", "[callbacks]") {
  CHECK(message_of([] { EarlyStopping({.patience = -1}); }) == "EarlyStopping: patience must not be negative, got -1");
  CHECK(message_of([] { EarlyStopping({.min_delta = not_a_number}); }) ==
        "EarlyStopping: min_delta must not be negative, got nan");
  CHECK(message_of([] { ReduceLROnPlateau({.factor = 1.0}); }) ==
        "ReduceLROnPlateau: factor must lie between 0 and 1, got 1");
  CHECK(message_of([] { ReduceLROnPlateau({.cooldown = -2}); }) ==
        "ReduceLROnPlateau: cooldown must not be negative, got -2");
  CHECK(message_of([] { LearningRateScheduler(nullptr); }) ==
        "LearningRateScheduler: expected a function of the epoch and the rate, got none");
}

// ---- Learning rates ----

// keras-semantics 1.5: ReduceLROnPlateau
TEST_CASE("ReduceLROnPlateau: patience, cooldown and the least rate", "[callbacks]") {  // reduce_lr_on_plateau.py
  const double tenth = Approx(0.1).epsilon(1e-6) == 0.1F ? static_cast<double>(0.1F) : 0.0;
  using V = std::vector<double>;
  CHECK(rates_after({.factor = 0.5, .patience = 2}, {5, 5, 5, 5, 5}) == V{1, 1, 0.5, 0.5, 0.25});
  CHECK(rates_after({.factor = 0.5, .patience = 0}, {5, 5, 5}) == V{1, 0.5, 0.25});
  // The cooldown: its epochs do not count; the last of them does, as in Keras.
  CHECK(rates_after({.factor = 0.5, .patience = 1, .cooldown = 2}, {5, 5, 5, 5, 5}) == V{1, 0.5, 0.5, 0.25, 0.25});
  CHECK(rates_after({.factor = 0.5, .patience = 1, .min_lr = 0.4}, {5, 5, 5, 5}) ==
        V{1, 0.5, static_cast<double>(0.4F), static_cast<double>(0.4F)});
  CHECK(rates_after({.patience = 1}, {5, 5, 4}) == V{1, tenth, tenth});
  CHECK(rates_after({.patience = 1}, {5, 4.99995, 4}) == V{1, tenth, tenth});  // less than min_delta
  CHECK(rates_after({.patience = 1, .min_delta = 0.0}, {5, 4.99995, 4}) == V{1, 1, 1});
}

// keras-semantics 1.5: ReduceLROnPlateau (logs)
TEST_CASE("ReduceLROnPlateau: in a training, logged, and nothing is compiled", "[callbacks]") {
  Sequential model = line_model();
  std::ostringstream shown;
  std::streambuf* const saved = std::cout.rdbuf(shown.rdbuf());
  const History h = model.fit(
      testing::line_x(), testing::line_y(),
      quietly(4,
              {ReduceLROnPlateau({.monitor = "loss", .factor = 0.5, .patience = 1, .verbose = 1, .min_delta = 1e9})}));
  std::cout.rdbuf(saved);
  CHECK(h["learning_rate"][0] == Approx(0.05));
  CHECK(h["learning_rate"][1] == Approx(0.05));  // the one that the epoch had
  CHECK(h["learning_rate"][2] == Approx(0.025));
  CHECK(shown.str().starts_with("Epoch 2: ReduceLROnPlateau reducing learning rate to 0.0250.\n"));
}

// keras-semantics 1.5: LearningRateScheduler
TEST_CASE("LearningRateScheduler: a rate for every epoch", "[callbacks]") {
  Sequential model = line_model();
  const History h = model.fit(
      testing::line_x(), testing::line_y(),
      quietly(3, {LearningRateScheduler([](int epoch, double rate) { return epoch == 0 ? 0.5 : rate / 2; })}));
  CHECK(h["learning_rate"] == std::vector<double>{0.5, 0.25, 0.125});
  CHECK(model.learning_rate() == 0.125);
  LearningRateScheduler bad([](int, double) { return not_a_number; });
  CHECK(message_of([&] { model.fit(testing::line_x(), testing::line_y(), quietly(1, {bad})); }) ==
        "LearningRateScheduler: the schedule gave nan for epoch 0; a learning rate is finite and not negative");
}

// keras-semantics 1.5: LearningRateScheduler (error)
TEST_CASE("callbacks that set the learning rate refuse a schedule", "[callbacks]") {
  Sequential model(Input({1}), Dense(1));
  model.compile(SGD({.learning_rate = ExponentialDecay{.initial_learning_rate = 0.1}}), "mse", {},
                testing::interpreted());
  const auto refused = [&](AnyCallback callback) {
    return message_of([&] { model.fit(testing::line_x(), testing::line_y(), quietly(1, {std::move(callback)})); });
  };
  const std::string why = "sequential: the learning rate follows a schedule; it has no value of its own";
  CHECK(refused(ReduceLROnPlateau({.monitor = "loss"})) == "ReduceLROnPlateau: " + why);
  CHECK(refused(LearningRateScheduler([](int, double r) { return r; })) == "LearningRateScheduler: " + why);
}

// ---- TerminateOnNaN ----

// keras-semantics 1.5: TerminateOnNaN
TEST_CASE("TerminateOnNaN: the batch that broke it is the last", "[callbacks]") {
  Sequential model = line_model();
  model.set_learning_rate(1e30);
  std::ostringstream shown;
  std::streambuf* const saved = std::cout.rdbuf(shown.rdbuf());
  const History h = model.fit(testing::line_x(), testing::line_y(),
                              {.batch_size = 1, .epochs = 9, .verbose = 0, .callbacks = {TerminateOnNaN()}});
  std::cout.rdbuf(saved);
  CHECK(h["loss"].size() == 1);
  CHECK_FALSE(std::isfinite(h["loss"][0]));
  CHECK(shown.str() == "Batch 1: Invalid loss, terminating training\n");
}

// ---- Files ----

// keras-semantics 1.5: CSVLogger
TEST_CASE("CSVLogger: epochs and sorted logs, NA without a value", "[callbacks]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("log.csv");
  Sequential model = line_model();
  const auto fit = [&](CSVLoggerOptions options, int first) {
    return model.fit(testing::line_x(), testing::line_y(),
                     {.epochs = first + 2,
                      .initial_epoch = first,
                      .validation_data = {testing::line_x(), testing::line_y()},
                      .validation_freq = 2,
                      .verbose = 0,
                      .callbacks = {CSVLogger(path, options)}});
  };
  const History h = fit({}, 0);
  const std::string text = contents_of(path);
  CHECK(text.starts_with("epoch,loss,mae,val_loss,val_mae\n0,"));
  CHECK(text.find(",NA,NA\n1,") != std::string::npos);
  const std::string second = text.substr(text.find("\n1,") + 3);
  CHECK(std::stod(second) == h["loss"][1]);  // every digit
  fit({.append = true}, 2);
  const std::string longer = contents_of(path);
  CHECK(longer.starts_with(text + "2,"));
  CHECK(std::count(longer.begin(), longer.end(), '\n') == 5);
  fit({}, 0);  // without append it begins anew
  CHECK(std::count_if(text.begin(), text.end(), [](char c) { return c == '\n'; }) == 3);
  fit({.separator = ';'}, 0);
  CHECK(contents_of(path).starts_with("epoch;loss;mae;val_loss;val_mae\n0;"));
}

// keras-semantics 1.5: CSVLogger (errors)
TEST_CASE("CSVLogger: a file that does not fit, one that was cut off, one that cannot be written", "[callbacks]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("log.csv");
  Sequential model = line_model();
  const auto fit = [&](const std::string& where, CSVLoggerOptions options) {
    return message_of(
        [&] { model.fit(testing::line_x(), testing::line_y(), quietly(1, {CSVLogger(where, options)})); });
  };
  testing::write(path, "epoch,loss\n0,1\n");
  CHECK(fit(path, {.append = true}) == "CSVLogger: " + path +
                                           " has the columns epoch,loss, now they would be epoch,loss,mae; write to "
                                           "another file, or without append");
  testing::write(path, "epoch,loss,mae\n0,1,2\n1,0.5");
  CHECK(fit(path, {.append = true}) == "no error");
  CHECK(contents_of(path).starts_with("epoch,loss,mae\n0,1,2\n1,0.5\n0,"));
  CHECK_THAT(fit(folder.file("no/such/log.csv"), {}),
             Catch::Matchers::Contains("cannot be made in its folder: No such file or directory"));
  CHECK(message_of([] { CSVLogger("x", {.separator = '"'}); }) ==
        "CSVLogger: quotes and ends of lines cannot separate fields");
}

// keras-semantics 1.5: ModelCheckpoint (filepath)
TEST_CASE("placeholders: Python's formats", "[callbacks]") {
  Logs logs;
  logs.set("epoch", 7.0);
  logs.set("val_loss", 0.123456);
  logs.set("low", -2.5);
  const auto filled = [&](const std::string& text) { return fill_placeholders(text, logs); };
  CHECK(filled("w-{epoch:02d}-{val_loss:.4f}.x") == "w-07-0.1235.x");
  CHECK(filled("{epoch}{epoch:3d}{epoch:d}") == "7  77");
  CHECK(filled("{val_loss} {val_loss:.2e} {low:07.2f} {low:g}") == "0.123456 1.23e-01 -002.50 -2.5");
  CHECK(filled("{{epoch}} }}{{") == "{epoch} }{");
  const auto refused = [&](const std::string& text) { return message_of([&] { filled(text); }); };
  CHECK(refused("{los}") == "unknown placeholder in '{los}' 'los'; did you mean 'low'? Known: epoch, val_loss, low");
  CHECK(refused("{vall_loss}").find("did you mean 'val_loss'?") != std::string::npos);
  CHECK(refused("{val_loss:02d}") ==
        "'{val_loss:02d}': format '02d' is for whole numbers, got 0.123456; use f, as in .4f");
  CHECK(refused("{epoch:x}").find("'x' is no format") != std::string::npos);
  CHECK(refused("{epoch:.f}").find("is no format") != std::string::npos);
  CHECK(refused("{epoch:99999d}").find("is no format") != std::string::npos);
  CHECK(refused("a{epoch") == "'a{epoch': a { without its }; write {{ for the brace itself");
  CHECK(refused("a}") == "'a}': a } without its {; write }} for the brace itself");
}

// keras-semantics 1.5: ModelCheckpoint
TEST_CASE("ModelCheckpoint: a file for every epoch", "[callbacks]") {
  const TemporaryFolder folder;
  Sequential model = line_model();
  ModelCheckpoint checkpoint({.filepath = folder.file("sub/w-{epoch:02d}-{loss:.4f}.safetensors")});
  const History h = model.fit(testing::line_x(), testing::line_y(), quietly(3, {checkpoint}));
  Logs last;
  last.set("loss", h["loss"][2]);
  CHECK(checkpoint.last_path() == folder.file("sub/w-03-" + fill_placeholders("{loss:.4f}", last) + ".safetensors"));
  CHECK(read_safetensors(checkpoint.last_path()).tensor("sequential/dense/kernel").item() ==
        model.get_weights()[0].item());
}

// keras-semantics 1.5: ModelCheckpoint (save_best_only)
TEST_CASE("ModelCheckpoint: the best only, by a rehearsal", "[callbacks]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("best.safetensors");
  const auto kept = [&](ModelCheckpointOptions options, const std::vector<double>& values) {
    std::filesystem::remove(path);
    Rehearsal rehearsal;
    options.filepath = path;
    options.save_best_only = true;
    options.verbose = 1;
    ModelCheckpoint checkpoint(std::move(options));
    rehearsal.run(checkpoint, values);
    return std::pair(std::filesystem::exists(path) ? read_safetensors(path).tensors[0].second.item() : -1.0,
                     rehearsal.lines);
  };
  const auto [epoch, lines] = kept({}, {3, 1, 2});
  CHECK(epoch == 1.0);
  CHECK(lines == std::vector<std::string>{"Epoch 1: val_loss improved from inf to 3.00000, saving model to " + path,
                                          "Epoch 2: val_loss improved from 3.00000 to 1.00000, saving model to " + path,
                                          "Epoch 3: val_loss did not improve from 1.00000"});
  CHECK(kept({.mode = MonitorMode::max}, {3, 1, 2}).first == 0.0);
  CHECK(kept({.initial_value_threshold = 0.5}, {3, 1, 2}).first == -1.0);
  CHECK(kept({}, {not_a_number, not_a_number}).first == -1.0);
}

// keras-semantics 1.5: ModelCheckpoint (save_freq)
TEST_CASE("ModelCheckpoint: every so many batches", "[callbacks]") {  // model_checkpoint.py: counts across epochs
  const TemporaryFolder folder;
  Sequential model = line_model();
  model.fit(
      testing::line_x(), testing::line_y(),
      {.batch_size = 2,
       .epochs = 3,
       .verbose = 0,
       .callbacks = {ModelCheckpoint({.filepath = folder.file("e{epoch}b{batch}.safetensors"), .save_every = 4})}});
  CHECK(folder.files() == 2);  // of 9 batches, the fourth and the eighth
  CHECK(std::filesystem::exists(folder.file("e2b1.safetensors")));
  CHECK(std::filesystem::exists(folder.file("e3b2.safetensors")));
}

// keras-semantics 1.5: ModelCheckpoint (errors)
TEST_CASE("ModelCheckpoint: paths and logs that there are not", "[callbacks]") {
  Sequential model = line_model();
  const auto refused = [&](const ModelCheckpointOptions& options) {
    return message_of([&] {
      model.fit(testing::line_x(), testing::line_y(),
                {.validation_split = 0.5, .verbose = 0, .callbacks = {ModelCheckpoint(options)}});
    });
  };
  CHECK(refused({.filepath = "w.h5"}) ==
        "ModelCheckpoint: filepath has to end in .safetensors or .weights.h5, got 'w.h5'");
  CHECK(refused({.filepath = "{acc}.safetensors"}) ==
        "unknown placeholder in '{acc}.safetensors' 'acc'; known: epoch, loss, mae, val_loss, "
        "val_mae");
  CHECK(refused({.filepath = "{batch}.safetensors"}).find("unknown placeholder") != std::string::npos);
  CHECK(refused({.filepath = "{val_loss}.safetensors", .save_every = 2}).find("unknown placeholder") !=
        std::string::npos);
  CHECK(refused({.filepath = "w.safetensors", .save_best_only = true, .save_every = 2}) ==
        "ModelCheckpoint: val_loss is known at the end of an epoch, not every 2 batches; monitor a log of the "
        "training, or leave out save_every");
  CHECK(refused({.filepath = "/proc/no/w.safetensors"}).starts_with("ModelCheckpoint: /proc/no cannot be made: "));
}
