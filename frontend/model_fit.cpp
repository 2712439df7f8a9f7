// fit, evaluate and predict: data in, logs and arrays out.

#include <sinter/frontend/progress.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iostream>

#include "batches.h"
#include "model_state.h"

namespace sinter {

using detail::Batches;
using detail::Mode;
using detail::ModelState;
using detail::ModelStep;
using detail::Samples;

namespace {

/// Whoever trains has the model alone: a second step at the same time is an error. Threads that only look take turns.
class Exclusive {
 public:
  enum class Use : std::uint8_t { look, train };
  Exclusive(const Model& model, ModelState& state, Use use, std::string_view what)
      : model_(model), state_(state), use_(use), what_(what), lock_(state.busy, std::defer_lock) {
    enter();
  }
  ~Exclusive() { leave(); }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;

  void enter() {
    if (use_ == Use::look && !state_.training) lock_.lock();
    if (!lock_.owns_lock() && !lock_.try_lock())
      user_error(model_.name(), ": ", what_,
                 " while another thread uses the model; the weights change during training, so one call at a time");
    if (use_ == Use::train) state_.training = true;
  }
  void leave() {
    if (!lock_.owns_lock()) return;
    if (use_ == Use::train) state_.training = false;
    lock_.unlock();
  }

 private:
  const Model& model_;
  ModelState& state_;
  Use use_;
  std::string_view what_;
  std::unique_lock<std::mutex> lock_;
};

void expect_batch_size(const Model& model, std::int64_t batch_size) {
  if (batch_size < 1) user_error(model.name(), ": batch_size must be positive, got ", batch_size);
}

/// The inputs are what Input said, else what the data look like.
void know_inputs(Model& model, ModelState& state, const Data& x) {
  if (state.inputs.empty()) {
    if (!x.given()) user_error("x: no data were given");
    std::vector<Input> inputs;
    for (const Data::Item& item : x.items()) {
      if (item.array.rank() == 0) user_error("x: expected samples along axis 0, got a scalar");
      const Shape& shape = item.array.shape();
      ir::Ints sample(shape.begin() + 1, shape.end());
      if (sample.empty()) sample.push_back(1);
      inputs.emplace_back(Dims(sample), InputOptions{.name = item.name});
    }
    define_inputs(model, state, detail::ports_of(model, inputs));
  }
  if (model.built() && !state.outputs.empty()) return;
  const bool was_built = model.built();
  try {
    build_model(model, state);
  } catch (...) {
    if (!was_built) state.inputs.clear();
    throw;
  }
}

bool same_weights(const std::vector<Variable>& a, const std::vector<Variable>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Variable& x, const Variable& y) { return x.state() == y.state(); });
}

/// What is trained was decided by compile(); says so when it is probably not what is meant.
void check_trainable(const Model& model, detail::Compiled& compiled) {
  const std::vector<Variable> now = model.trainable_weights();
  if (!compiled.trainable)
    compiled.trainable = now;
  else if (!same_weights(*compiled.trainable, now))
    detail::warn(str(model.name(),
                     ": layers were frozen or unfrozen after compile(); call compile() again for it to take effect"));
  if (compiled.trainable->empty())
    detail::warn(str(model.name(), ": the model has no trainable weights, so training changes nothing"));
}

Samples labelled_samples(Model& model, ModelState& state, const Data& x, const Data& y, std::string_view prefix) {
  Samples samples{checked_inputs(model, state, prefix, x), {}, {}};
  samples.y = checked_labels(model, state, prefix, y, samples.size());
  return samples;
}

/// Class numbers and indices are looked at before the first step. Tracing (through Batches) knows their ranges.
void check_values(const Model& model, const ModelState& state, const Batches& batches, const Samples& samples,
                  std::string_view prefix) {
  check_ranges(model, state, batches.step(0), prefix, samples.x, samples.y);
}

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
  return {cut(samples.x, kept), cut(samples.y, kept), {}};
}

std::optional<Samples> validation_samples(Model& model, ModelState& state, Samples& samples,
                                          const FitOptions& options) {
  if (options.validation_data.x.given())
    return labelled_samples(model, state, options.validation_data.x, options.validation_data.y, "validation ");
  if (options.validation_split != 0.0) return split_off(model, samples, options.validation_split);
  return std::nullopt;
}

}  // namespace

namespace {

void check_options(const Model& model, const FitOptions& options) {
  expect_batch_size(model, options.batch_size);
  const auto expect_at_least = [&](std::int64_t least, std::string_view what, std::int64_t value) {
    if (value < least) user_error(model.name(), ": fit(): ", what, " must be at least ", least, ", got ", value);
  };
  expect_at_least(0, "initial_epoch", options.initial_epoch);
  expect_at_least(1, "validation_freq", options.validation_freq);
  expect_at_least(0, "validation_batch_size", options.validation_batch_size);
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
  Hooks(Model& model, Training::Plan plan, const FitOptions& options, Exclusive& alone)
      : training_(model, std::move(plan)), options_(options), alone_(alone) {
    for (const AnyCallback& callback : options_.callbacks) sees_batches_ |= callback->sees_batches();
  }

  /// Null when no callback wants to see batches.
  detail::BatchWatcher* watcher() { return sees_batches_ ? this : nullptr; }
  bool stopping() const { return training_.stopping(); }

  void train_begin() {
    each([&](Callback& c) { c.on_train_begin(training_); });
    show_lines();
  }
  void epoch_begin(int epoch) {
    each([&](Callback& c) { c.on_epoch_begin(training_, epoch); });
    show_lines();
  }
  void epoch_end(int epoch, Logs& logs) {
    each([&](Callback& c) { c.on_epoch_end(training_, epoch, logs); });
  }
  void train_end(const Logs& logs) {
    each([&](Callback& c) { c.on_train_end(training_, logs); });
    show_lines();
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

  void begin(std::int64_t batch) override {
    each_of_batches([&](Callback& c) { c.on_batch_begin(training_, batch); });
  }
  bool end(std::int64_t batch, const Logs& so_far) override {
    each_of_batches([&](Callback& c) { c.on_batch_end(training_, batch, so_far); });
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
  const FitOptions& options_;
  Exclusive& alone_;
  bool sees_batches_ = false;
};

}  // namespace

History Model::fit(const Data& x, const Data& y, const FitOptions& options) {
  detail::ModelState& state = *model_;
  detail::Compiled& compiled = detail::expect_compiled(*this, state, "fit()");
  check_options(*this, options);
  Exclusive alone(*this, state, Exclusive::Use::train, "fit()");
  know_inputs(*this, state, x);
  detail::seal(detail::LayerAccess::checked(*this));
  Samples samples = labelled_samples(*this, state, x, y, "");
  if (options.check_finite) detail::check_finite(state, samples.x);
  const std::optional<Samples> validation = validation_samples(*this, state, samples, options);
  check_trainable(*this, compiled);

  const Batches batches(*this, state, Mode::train, samples, options.batch_size, options.threads);
  check_values(*this, state, batches, samples, "");
  std::optional<Batches> validation_batches;
  if (validation) {
    const std::int64_t size = options.validation_batch_size > 0 ? options.validation_batch_size : options.batch_size;
    validation_batches.emplace(*this, state, Mode::evaluate, *validation, size, options.threads);
    check_values(*this, state, *validation_batches, *validation, "validation ");
  }

  History history;
  Logs logs;
  Hooks hooks(*this,
              {.epochs = options.epochs,
               .steps = batches.count(),
               .log_names = names_of_logs(batches.step(0), validation.has_value(), options)},
              options, alone);
  hooks.train_begin();
  for (int epoch = options.initial_epoch; epoch < options.epochs && !hooks.stopping(); ++epoch) {
    if (options.verbose != 0 && options.epochs > 1) std::cout << "Epoch " << epoch + 1 << '/' << options.epochs << '\n';
    hooks.epoch_begin(epoch);
    if (options.shuffle) samples.order = detail::shuffled(samples.size(), state.seed, state.epochs_trained);
    Progress progress({.steps = batches.count(), .verbose = options.verbose});
    logs = detail::run_epoch(batches, samples, &progress, hooks.watcher());
    if (validation && (epoch + 1) % options.validation_freq == 0)
      for (const auto& [name, value] : detail::run_epoch(*validation_batches, *validation, nullptr))
        logs.set("val_" + name, value);
    ++state.epochs_trained;
    hooks.epoch_end(epoch, logs);
    progress.finish(logs.items());
    hooks.show_lines();
    history.append(epoch, logs);
    hooks.last_word(epoch, logs);
  }
  hooks.train_end(logs);
  return history;
}

Logs Model::evaluate(const Data& x, const Data& y, const EvaluateOptions& options) {
  detail::ModelState& state = *model_;
  detail::expect_compiled(*this, state, "evaluate()");
  expect_batch_size(*this, options.batch_size);
  const Exclusive turn(*this, state, Exclusive::Use::look, "evaluate()");
  know_inputs(*this, state, x);
  detail::seal(detail::LayerAccess::checked(*this));
  const Samples samples = labelled_samples(*this, state, x, y, "");
  const Batches batches(*this, state, Mode::evaluate, samples, options.batch_size, options.threads);
  check_values(*this, state, batches, samples, "");
  Progress progress({.steps = batches.count(), .verbose = options.verbose});
  const Logs logs = detail::run_epoch(batches, samples, &progress);
  progress.finish(logs.items());
  return logs;
}

Logs Model::train_on_batch(const Data& x, const Data& y) {
  detail::ModelState& state = *model_;
  detail::Compiled& compiled = detail::expect_compiled(*this, state, "train_on_batch()");
  const Exclusive alone(*this, state, Exclusive::Use::train, "train_on_batch()");
  know_inputs(*this, state, x);
  detail::seal(detail::LayerAccess::checked(*this));
  const Samples samples = labelled_samples(*this, state, x, y, "");
  check_trainable(*this, compiled);
  const Batches batches(*this, state, Mode::train, samples, samples.size());
  check_values(*this, state, batches, samples, "");
  return detail::run_epoch(batches, samples, nullptr);
}

Array Model::predict(const Data& x, const PredictOptions& options) {
  std::vector<Array> results = predict_many(x, options);
  if (results.size() != 1)
    user_error(name(), ": the model has ", results.size(), " outputs; predict_many() returns them all");
  return std::move(results.front());
}

std::vector<Array> Model::predict_many(const Data& x, const PredictOptions& options) {
  detail::ModelState& state = *model_;
  expect_batch_size(*this, options.batch_size);
  const Exclusive turn(*this, state, Exclusive::Use::look, "predict()");
  know_inputs(*this, state, x);
  detail::seal(detail::LayerAccess::checked(*this));
  const Samples samples{checked_inputs(*this, state, "", x), {}, {}};
  const Batches batches(*this, state, Mode::predict, samples, options.batch_size, options.threads);
  check_values(*this, state, batches, samples, "");
  std::vector<Array> results;
  std::vector<std::byte*> to;
  for (const std::size_t output : batches.step(0).results) {
    const TensorType& batch = batches.step(0).bound.output_type(output);
    ir::Ints dims = batch.shape.ints();
    dims.front() = samples.size();
    to.push_back(results.emplace_back(Array::zeros(Shape(std::move(dims)), batch.dtype)).mutable_bytes().data());
  }
  for (std::int64_t k = 0; k < batches.count(); ++k) {
    const ModelStep& step = batches.run(k, samples);
    for (std::size_t r = 0; r < to.size(); ++r) {
      const auto bytes = static_cast<std::size_t>(step.bound.output_type(step.results[r]).bytes());
      std::memcpy(to[r], step.bound.output(step.results[r]), bytes);
      to[r] += bytes;
    }
  }
  return results;
}

std::vector<std::pair<std::string, Array>> Model::trace_values(const Data& x) {
  detail::ModelState& state = *model_;
  const Exclusive turn(*this, state, Exclusive::Use::look, "trace_values()");
  know_inputs(*this, state, x);
  const std::vector<Array> inputs = checked_inputs(*this, state, "", x);
  detail::TracedStep traced =
      trace_step(*this, state, Mode::inspect, detail::batch_types(inputs, inputs.front().length()), {});
  detail::BoundStep step(traced.graph, traced.variables, {.backend = Backend::interpreter});
  static const std::uint32_t first_row = 0;
  for (std::size_t k = 0; k < inputs.size(); ++k)
    step.bind(detail::port_name("x", state.inputs, k), inputs[k].bytes().data());
  step.bind("first_row", &first_row);
  step.run();
  std::vector<std::pair<std::string, Array>> values;
  for (std::size_t k = 0; k < step.outputs().size(); ++k)
    if (const std::string& name = step.outputs()[k].name; name.starts_with("tap/"))
      values.emplace_back(name.substr(4), step.array(k));
  return values;
}

}  // namespace sinter
