// Callbacks that steer the training. Those that write files are in callback_files.cpp.

#include <sinter/frontend/callbacks.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include <sinter/frontend/losses.h>
#include <sinter/frontend/model.h>
#include <sinter/frontend/progress.h>
#include <sinter/ir/error.h>

namespace sinter {

namespace {

/// Whether `log` is `name`, perhaps with the name of an output before it.
bool speaks_of(std::string_view log, std::string_view name) {
  return log == name || (log.size() > name.size() && log.ends_with(name) && log[log.size() - name.size() - 1] == '_');
}

template <class Names>
bool speaks_of_any(std::string_view log, const Names& names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return speaks_of(log, name); });
}

constexpr std::array<std::string_view, 9> larger = {"accuracy",         "acc", "precision",      "recall",
                                                    "f1_score",         "auc", "true_positives", "true_negatives",
                                                    "cosine_similarity"};
constexpr std::array<std::string_view, 6> smaller = {
    "loss", "crossentropy", "ce", "root_mean_squared_error", "false_positives", "false_negatives"};

void expect_not_negative(std::string_view who, std::string_view what, double value) {
  const bool fine = value >= 0.0;  // NaN is not
  if (!fine) user_error(who, ": ", what, " must not be negative, got ", value);
}

}  // namespace

Monitor::Monitor(std::string who, std::string log, MonitorMode mode)
    : who_(std::move(who)), log_(std::move(log)), mode_(mode) {}

void Monitor::begin(const Training& training) {
  training.expect_log(who_, log_);
  if (mode_ == MonitorMode::automatic && speaks_of_any(log_, larger)) {
    larger_is_better_ = true;
  } else if (mode_ == MonitorMode::automatic) {
    if (!speaks_of_any(log_, smaller) && !speaks_of_any(log_, AnyLoss::names()))
      user_error(who_, ": it cannot be told from the name '", log_,
                 "' whether small or large values are better; say .mode = MonitorMode::min or MonitorMode::max");
    larger_is_better_ = false;
  } else {
    larger_is_better_ = mode_ == MonitorMode::max;
  }
}

std::optional<double> Monitor::value(const Logs& logs) const {
  return logs.contains(log_) ? std::optional(logs[log_]) : std::nullopt;
}

bool Monitor::improves(double value, double reference, double min_delta) const {
  return larger_is_better_ ? value - min_delta > reference : value + min_delta < reference;
}

double Monitor::worst() const {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  return larger_is_better_ ? -infinite : infinite;
}

// ---- BatchCounter ----

void BatchCounter::reach(std::int64_t batch) { count += batch - std::exchange(last_, batch); }

CallbackState BatchCounter::state(const std::string& name) const {
  return {state_number(name, static_cast<double>(count)), state_number("last_batch", static_cast<double>(last_))};
}

void BatchCounter::set_state(const CallbackState& state, const std::string& name) {
  count = static_cast<std::int64_t>(number_of(state, name));
  last_ = static_cast<std::int64_t>(number_of(state, "last_batch"));
}

// ---- EarlyStopping ----

EarlyStopping::EarlyStopping(EarlyStoppingOptions options)
    : options_(std::move(options)), monitor_("EarlyStopping", options_.monitor, options_.mode) {
  expect_not_negative("EarlyStopping", "min_delta", options_.min_delta);
  expect_not_negative("EarlyStopping", "patience", options_.patience);
  expect_not_negative("EarlyStopping", "start_from_epoch", options_.start_from_epoch);
}

void EarlyStopping::on_train_begin(Training& training) {
  monitor_.begin(training);
  best_ = monitor_.worst();
  wait_ = stopped_epoch_ = best_epoch_ = 0;
  best_weights_.clear();
}

void EarlyStopping::on_epoch_end(Training& training, int epoch, Logs& logs) {
  const std::optional<double> now = monitor_.value(logs);
  if (!now || epoch < options_.start_from_epoch) return;
  const bool better = monitor_.improves(*now, best_, options_.min_delta);
  if (better) best_ = *now;
  const bool keep = options_.restore_best_weights && (better || best_weights_.empty());
  if (keep) best_weights_ = training.model().get_weights();
  if (better || keep) best_epoch_ = epoch;
  ++wait_;
  if (better) {
    if (!options_.baseline || monitor_.improves(*now, *options_.baseline, options_.min_delta)) wait_ = 0;
    return;
  }
  if (wait_ < options_.patience || epoch == 0) return;
  stopped_epoch_ = epoch;
  training.stop();
}

void EarlyStopping::on_train_end(Training& training, const Logs& /*logs*/) {
  if (stopped_epoch_ > 0 && options_.verbose > 0) training.print(str("Epoch ", stopped_epoch_ + 1, ": early stopping"));
  if (best_weights_.empty()) return;
  if (options_.verbose > 0)
    training.print(str("Restoring model weights from the end of the best epoch: ", best_epoch_ + 1, "."));
  training.model().set_weights(best_weights_);
}

CallbackState EarlyStopping::state() const {
  CallbackState state = {state_number("best", best_), state_number("wait", wait_),
                         state_number("stopped_epoch", stopped_epoch_), state_number("best_epoch", best_epoch_)};
  for (std::size_t k = 0; k < best_weights_.size(); ++k) state.emplace_back(str("best_weights/", k), best_weights_[k]);
  return state;
}

void EarlyStopping::set_state(const CallbackState& state) {
  best_ = number_of(state, "best");
  wait_ = static_cast<int>(number_of(state, "wait"));
  stopped_epoch_ = static_cast<int>(number_of(state, "stopped_epoch"));
  best_epoch_ = static_cast<int>(number_of(state, "best_epoch"));
  best_weights_.clear();
  for (const auto& [name, value] : state)
    if (name.starts_with("best_weights/")) best_weights_.push_back(value);
}

// ---- Learning rates ----

namespace {

/// The model's learning rate; a schedule is an error of the callback's user.
double rate_of(const Training& training, std::string_view who) {
  try {
    return training.model().learning_rate();
  } catch (const UserError& e) {
    user_error(who, ": ", e.what());
  }
}

}  // namespace

ReduceLROnPlateau::ReduceLROnPlateau(ReduceLROnPlateauOptions options)
    : options_(std::move(options)), monitor_("ReduceLROnPlateau", options_.monitor, options_.mode) {
  const bool reduces = options_.factor > 0.0 && options_.factor < 1.0;
  if (!reduces) user_error("ReduceLROnPlateau: factor must lie between 0 and 1, got ", options_.factor);
  expect_not_negative("ReduceLROnPlateau", "patience", options_.patience);
  expect_not_negative("ReduceLROnPlateau", "min_delta", options_.min_delta);
  expect_not_negative("ReduceLROnPlateau", "cooldown", options_.cooldown);
  expect_not_negative("ReduceLROnPlateau", "min_lr", options_.min_lr);
}

void ReduceLROnPlateau::on_train_begin(Training& training) {
  monitor_.begin(training);
  (void)rate_of(training, "ReduceLROnPlateau");
  best_ = monitor_.worst();
  wait_ = cooldown_left_ = 0;
}

void ReduceLROnPlateau::on_epoch_end(Training& training, int epoch, Logs& logs) {
  logs.set("learning_rate", training.model().learning_rate());
  const std::optional<double> now = monitor_.value(logs);
  if (!now) return;
  if (cooldown_left_ > 0) {
    --cooldown_left_;
    wait_ = 0;
  }
  if (monitor_.improves(*now, best_, options_.min_delta)) {
    best_ = *now;
    wait_ = 0;
  } else if (cooldown_left_ == 0 && ++wait_ >= options_.patience) {
    reduce(training, epoch);
  }
}

void ReduceLROnPlateau::reduce(Training& training, int epoch) {
  const double old = training.model().learning_rate();
  if (old <= static_cast<double>(static_cast<float>(options_.min_lr))) return;  // the rate is kept as a float
  const double rate = std::max(old * options_.factor, options_.min_lr);
  training.model().set_learning_rate(rate);
  if (options_.verbose > 0)
    training.print(str("Epoch ", epoch + 1, ": ReduceLROnPlateau reducing learning rate to ", format_value(rate), "."));
  cooldown_left_ = options_.cooldown;
  wait_ = 0;
}

CallbackState ReduceLROnPlateau::state() const {
  return {state_number("best", best_), state_number("wait", wait_), state_number("cooldown", cooldown_left_)};
}

void ReduceLROnPlateau::set_state(const CallbackState& state) {
  best_ = number_of(state, "best");
  wait_ = static_cast<int>(number_of(state, "wait"));
  cooldown_left_ = static_cast<int>(number_of(state, "cooldown"));
}

LearningRateScheduler::LearningRateScheduler(Schedule schedule, int verbose)
    : schedule_(std::move(schedule)), verbose_(verbose) {
  if (!schedule_) user_error("LearningRateScheduler: expected a function of the epoch and the rate, got none");
}

void LearningRateScheduler::on_train_begin(Training& training) { (void)rate_of(training, "LearningRateScheduler"); }

void LearningRateScheduler::on_epoch_begin(Training& training, int epoch) {
  const double rate = schedule_(epoch, training.model().learning_rate());
  if (!std::isfinite(rate) || rate < 0.0)
    user_error("LearningRateScheduler: the schedule gave ", rate, " for epoch ", epoch,
               "; a learning rate is finite and not negative");
  training.model().set_learning_rate(rate);
  if (verbose_ > 0)
    training.print(
        str("Epoch ", epoch + 1, ": LearningRateScheduler setting learning rate to ", format_value(rate), "."));
}

void LearningRateScheduler::on_epoch_end(Training& training, int /*epoch*/, Logs& logs) {
  logs.set("learning_rate", training.model().learning_rate());
}

// ---- SwapEMAWeights ----

namespace {

void set_swapped(const Training& training, bool swapped) {
  if (training.model().ema_weights_swapped() != swapped) training.model().swap_ema_weights();
}

}  // namespace

void SwapEMAWeights::on_train_begin(Training& training) {
  try {
    (void)training.model().ema_weights_swapped();
  } catch (const UserError& e) {
    user_error("SwapEMAWeights: ", e.what());
  }
}
void SwapEMAWeights::on_epoch_begin(Training& training, int /*epoch*/) {
  if (options_.swap_on_epoch) set_swapped(training, false);
}
void SwapEMAWeights::on_epoch_end(Training& training, int /*epoch*/, Logs& /*logs*/) {
  if (options_.swap_on_epoch) set_swapped(training, true);
}
void SwapEMAWeights::on_test_begin(Training& training) { set_swapped(training, true); }
void SwapEMAWeights::on_test_end(Training& training, const Logs& /*logs*/) { set_swapped(training, false); }

// ---- The small ones ----

void TerminateOnNaN::on_batch_end(Training& training, std::int64_t batch, const Logs& logs) {
  if (std::isfinite(logs["loss"]) || training.stopping()) return;
  training.print(str("Batch ", batch, ": Invalid loss, terminating training"));
  training.stop();
}

void LambdaCallback::on_train_begin(Training& training) {
  if (functions_.on_train_begin) functions_.on_train_begin(training);
}
void LambdaCallback::on_train_end(Training& training, const Logs& logs) {
  if (functions_.on_train_end) functions_.on_train_end(training, logs);
}
void LambdaCallback::on_epoch_begin(Training& training, int epoch) {
  if (functions_.on_epoch_begin) functions_.on_epoch_begin(training, epoch);
}
void LambdaCallback::on_epoch_end(Training& training, int epoch, Logs& logs) {
  if (functions_.on_epoch_end) functions_.on_epoch_end(training, epoch, logs);
}
void LambdaCallback::on_test_begin(Training& training) {
  if (functions_.on_test_begin) functions_.on_test_begin(training);
}
void LambdaCallback::on_test_end(Training& training, const Logs& logs) {
  if (functions_.on_test_end) functions_.on_test_end(training, logs);
}
void LambdaCallback::on_batch_begin(Training& training, std::int64_t batch) {
  if (functions_.on_batch_begin) functions_.on_batch_begin(training, batch);
}
void LambdaCallback::on_batch_end(Training& training, std::int64_t batch, const Logs& logs) {
  if (functions_.on_batch_end) functions_.on_batch_end(training, batch, logs);
}

}  // namespace sinter
