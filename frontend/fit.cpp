// Training: the loop over epochs and the hooks of callbacks.

#include <sinter/frontend/progress.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <utility>

#include "checkpoint.h"
#include "exclusive.h"
#include "feed.h"
#include "moving_average.h"

namespace sinter {

using detail::ArrayFeed;
using detail::Exclusive;
using detail::Feed;
using detail::Mode;
using detail::ModelState;
using detail::ModelStep;
using detail::Samples;

namespace {

std::vector<Array> cut(std::vector<Array>& arrays, std::int64_t kept) {
  std::vector<Array> rest;
  for (Array& a : arrays) {
    rest.push_back(a.rows(kept, a.length()));
    a = a.rows(0, kept);
  }
  return rest;
}

/// The last part of the samples, in the order in which they were given.
Samples split_off(const Model& model, Samples& samples, double fraction) {
  const bool in_range = fraction >= 0.0 && fraction < 1.0;  // NaN is not
  if (!in_range) user_error(model.name(), ": validation_split must be in [0, 1), got ", fraction);
  const std::int64_t n = samples.size();
  const auto kept = static_cast<std::int64_t>(std::floor(static_cast<double>(n) * (1.0 - fraction)));
  if (kept == 0 || kept == n)
    user_error(model.name(), ": validation_split ", fraction, " of ", n, " samples leaves ", kept, " to train and ",
               n - kept, " to validate");
  return {.x = cut(samples.x, kept), .y = cut(samples.y, kept), .w = cut(samples.w, kept)};
}

/// The samples that validate, taken off the others or given on their own.
std::optional<Samples> validation_samples(Model& model, ModelState& state, Samples* samples,
                                          const FitOptions& options) {
  if (options.validation_data.source() != nullptr) return std::nullopt;
  if (options.validation_data.given()) {
    const Batch& arrays = options.validation_data.arrays();
    return labelled_samples(model, state, arrays.x, arrays.y, {arrays.sample_weight, {}}, "validation ");
  }
  if (options.validation_split == 0.0) return std::nullopt;
  if (samples == nullptr)
    user_error(model.name(), ": validation_split is for arrays; give a source's fit() .validation_data");
  Samples last = split_off(model, *samples, options.validation_split);
  if (!options.class_weight.empty()) last.w.clear();
  return last;
}

std::unique_ptr<Feed> validation_feed(Model& model, ModelState& state, std::optional<Samples> samples,
                                      const FitOptions& options) {
  const detail::Steps steps = {"validation_steps", options.validation_steps};
  static const ClassWeights none;  // weights of classes are for training
  if (const DataSource* source = options.validation_data.source())
    return std::make_unique<detail::SourceFeed>(model, state, Mode::evaluate, *source, none, options.threads, steps,
                                                "validation ");
  if (!samples) return nullptr;
  const std::int64_t size = options.validation_batch_size > 0 ? options.validation_batch_size : options.batch_size;
  return std::make_unique<ArrayFeed>(model, state, Mode::evaluate, std::move(*samples), size, /*shuffle=*/false,
                                     options.threads, "validation ", steps);
}

void check_options(const Model& model, const FitOptions& options) {
  detail::expect_batch_size(model, options.batch_size);
  const auto expect_at_least = [&](std::int64_t least, std::string_view what, std::int64_t value) {
    if (value < least) user_error(model.name(), ": fit(): ", what, " must be at least ", least, ", got ", value);
  };
  expect_at_least(0, "initial_epoch", options.initial_epoch);
  expect_at_least(1, "validation_freq", options.validation_freq);
  expect_at_least(0, "validation_batch_size", options.validation_batch_size);
  expect_at_least(0, "steps_per_epoch", options.steps_per_epoch);
  expect_at_least(0, "validation_steps", options.validation_steps);
  if (options.validation_steps > 0 && !options.validation_data.given() && options.validation_split == 0.0)
    user_error(model.name(), ": fit(): validation_steps needs .validation_data or .validation_split");
}

/// The names of all logs, before there are any.
std::vector<std::string> names_of_logs(const ModelStep& step, bool validates, const FitOptions& options) {
  std::vector<std::string> names;
  for (const std::string_view prefix : {"", "val_"}) {
    if (!prefix.empty() && !validates) continue;
    names.push_back(str(prefix, "loss"));
    for (const detail::TracedMetric& metric : step.metrics) names.push_back(str(prefix, metric.name));
  }
  for (const AnyCallback& callback : options.callbacks)
    for (std::string& name : callback->added_logs())
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  return names;
}

/// Calls the hooks of all callbacks, while the model is free to be looked at.
class Hooks : public detail::BatchWatcher {
 public:
  Hooks(Training training, ModelState& state, const FitOptions& options, Exclusive& alone)
      : training_(std::move(training)), state_(state), options_(options), alone_(alone) {
    for (const AnyCallback& callback : options_.callbacks) sees_batches_ |= callback->sees_batches();
  }

  /// Null when no callback wants to see batches.
  detail::BatchWatcher* watcher() { return sees_batches_ ? this : nullptr; }
  bool stopping() const { return training_.stopping(); }
  void stop() { training_.stop(); }

  void train_begin() {
    each([&](Callback& c) { c.on_train_begin(training_); });
    show_lines();
  }
  void epoch_begin(int epoch) {
    each([&](Callback& c) { c.on_epoch_begin(training_, epoch); });
    show_lines();
  }
  void test_begin() {
    each([&](Callback& c) { c.on_test_begin(training_); });
  }
  void test_end(const Logs& logs) {
    each([&](Callback& c) { c.on_test_end(training_, logs); });
  }
  void epoch_end(int epoch, Logs& logs) {
    each([&](Callback& c) { c.on_epoch_end(training_, epoch, logs); });
  }
  void train_end(const Logs& logs) {
    each([&](Callback& c) { c.on_train_end(training_, logs); });
    show_lines();
    write_checkpoints();
  }
  /// The function of FitOptions, which comes last.
  void last_word(int epoch, const Logs& logs) {
    if (!options_.on_epoch_end) return;
    alone_.leave();
    if (!options_.on_epoch_end(epoch, logs)) training_.stop();
    alone_.enter();
  }
  /// What callbacks had to say, on lines of their own.
  void show_lines() {
    for (const std::string& line : training_.take_lines()) std::cout << line << std::endl;
  }
  void write_checkpoints() {
    for (const std::string& path : training_.take_checkpoints())
      write_safetensors(path, detail::checkpoint_of(training_.model(), state_));
  }

  void begin(std::int64_t batch) override {
    each_of_batches([&](Callback& c) { c.on_batch_begin(training_, batch); });
  }
  bool end(std::int64_t batch, const Logs& so_far) override {
    each_of_batches([&](Callback& c) { c.on_batch_end(training_, batch, so_far); });
    write_checkpoints();
    return !training_.stopping();
  }

 private:
  template <class Action>
  void each(Action action) {
    if (options_.callbacks.empty()) return;
    alone_.leave();
    for (const AnyCallback& callback : options_.callbacks) action(*callback);
    alone_.enter();
  }
  template <class Action>
  void each_of_batches(Action action) {
    each([&](Callback& callback) {
      if (callback.sees_batches()) action(callback);
    });
  }

  Training training_;
  ModelState& state_;
  const FitOptions& options_;
  Exclusive& alone_;
  bool sees_batches_ = false;
};

/// Lets checkpoints know of a fit while it runs. A callback may train the model in between, with a fit of its own.
class Announced {
 public:
  Announced(ModelState& state, const detail::RunningFit& fit)
      : state_(state), outer_(std::exchange(state.running, &fit)) {}
  ~Announced() { state_.running = outer_; }
  Announced(const Announced&) = delete;
  Announced& operator=(const Announced&) = delete;

 private:
  ModelState& state_;
  const detail::RunningFit* outer_;
};

/// The checkpoint that fit() begins with; empty: none.
std::string checkpoint_to_resume(const FitOptions& options) {
  if (!options.resume_from.empty()) return options.resume_from;
  for (const AnyCallback& callback : options.callbacks)
    if (std::string path = callback->checkpoint_to_resume(); !path.empty()) return path;
  return {};
}

/// The last row of a history.
Logs last_logs(const History& history) {
  Logs logs;
  for (const std::string& key : history.keys())
    if (const double value = history[key].back(); !std::isnan(value)) logs.set(key, value);
  return logs;
}

History train(Model& model, ModelState& state, Feed& feed, Feed* validation, const FitOptions& options,
              Exclusive& alone) {
  detail::RunningFit fit{.callbacks = options.callbacks,
                         .samples = feed.samples(),
                         .batch_size = feed.samples() > 0 ? options.batch_size : 0,
                         .shuffle = options.shuffle,
                         .steps_per_epoch = options.steps_per_epoch,
                         .epoch = options.initial_epoch};
  const Announced announced(state, fit);
  const std::string checkpoint = checkpoint_to_resume(options);
  Hooks hooks(Training(model, {.epochs = options.epochs,
                               .steps = feed.steps(),
                               .log_names = names_of_logs(feed.any_step(), validation != nullptr, options),
                               .resumed = !checkpoint.empty()}),
              state, options, alone);
  hooks.train_begin();
  if (!checkpoint.empty()) {
    const TensorFile file = detail::read_checkpoint(checkpoint);
    detail::restore(model, state, file, checkpoint);
    detail::resume(model, feed.any_step(), fit, file, checkpoint);
    if (fit.stopping) hooks.stop();
  }
  while (fit.epoch < options.epochs && !hooks.stopping()) {
    if (options.verbose != 0 && options.epochs > 1)
      std::cout << "Epoch " << fit.epoch + 1 << '/' << options.epochs << '\n';
    if (fit.progress.done == 0) hooks.epoch_begin(fit.epoch);
    detail::expect_own_weights(model, state, "fit()");
    Progress line({.steps = feed.steps(), .verbose = options.verbose, .look = options.look});
    Logs logs =
        feed.run({state.epochs_trained, fit.epoch - options.initial_epoch}, fit.progress, &line, hooks.watcher());
    if (validation != nullptr && (fit.epoch + 1) % options.validation_freq == 0) {
      hooks.test_begin();
      detail::EpochProgress once;
      const Logs quality = validation->run({}, once, nullptr, nullptr);
      hooks.test_end(quality);
      for (const auto& [name, value] : quality) logs.set("val_" + name, value);
    }
    hooks.epoch_end(fit.epoch, logs);
    line.finish(logs.items());
    hooks.show_lines();
    fit.history.append(fit.epoch, logs);
    hooks.last_word(fit.epoch, logs);
    ++fit.epoch;
    fit.progress = {};
    ++state.epochs_trained;
    fit.stopping = hooks.stopping();
    hooks.write_checkpoints();
  }
  detail::take_averages(state);
  hooks.train_end(fit.history.epochs().empty() ? Logs() : last_logs(fit.history));
  return std::move(fit.history);
}

}  // namespace

History Model::fit(const Data& x, const Data& y, const FitOptions& options) {
  detail::ModelState& state = *model_;
  detail::Compiled& compiled = detail::expect_compiled(*this, state, "fit()");
  check_options(*this, options);
  Exclusive alone(*this, state, Exclusive::Use::train, "fit()");
  know_inputs(*this, state, x);
  detail::seal(detail::LayerAccess::checked(*this));
  Samples samples = labelled_samples(*this, state, x, y, {options.sample_weight, options.class_weight}, "");
  if (options.check_finite) detail::check_finite(state, samples.x);
  std::optional<Samples> validation = validation_samples(*this, state, &samples, options);
  check_trainable(*this, compiled);
  ArrayFeed feed(*this, state, Mode::train, std::move(samples), options.batch_size, options.shuffle, options.threads,
                 "", {"steps_per_epoch", options.steps_per_epoch});
  const auto validates = validation_feed(*this, state, std::move(validation), options);
  return train(*this, state, feed, validates.get(), options, alone);
}

History Model::fit(const DataSource& source, const FitOptions& options) {
  detail::ModelState& state = *model_;
  detail::expect_compiled(*this, state, "fit()");
  check_options(*this, options);
  if (options.sample_weight.given())
    user_error(name(), ": fit(): the weights of a source's samples come with its batches, not as an option");
  Exclusive alone(*this, state, Exclusive::Use::train, "fit()");
  detail::SourceFeed feed(*this, state, Mode::train, source, options.class_weight, options.threads,
                          {"steps_per_epoch", options.steps_per_epoch});
  const auto validates = validation_feed(*this, state, validation_samples(*this, state, nullptr, options), options);
  return train(*this, state, feed, validates.get(), options, alone);
}

}  // namespace sinter
