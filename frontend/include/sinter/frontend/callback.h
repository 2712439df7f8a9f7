#pragma once
// What fit() calls at the beginning and the end of the training, of every epoch and of every batch. The callbacks that
// come with Sinter are in callbacks.h; one of your own derives from Callback and overrides what it needs:
//
//   struct Report : Callback {
//     bool sees_batches() const override { return false; }
//     void on_epoch_end(Training& training, int epoch, Logs& logs) override {
//       if (logs["loss"] < 0.01) training.stop();
//     }
//   };
//   model.fit(x, y, {.epochs = 100, .callbacks = {Report()}});

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sinter/frontend/array.h>
#include <sinter/frontend/history.h>
#include <sinter/ir/export.h>

namespace sinter {

class Model;

/// Numbers (as f64 scalars) and tensors by name: what a callback remembers from one epoch to the next.
using CallbackState = std::vector<std::pair<std::string, Array>>;
/// One of them. Throws UserError when it is missing.
SINTER_API const Array& state_of(const CallbackState& state, std::string_view name);
SINTER_API double number_of(const CallbackState& state, std::string_view name);
SINTER_API std::pair<std::string, Array> state_number(std::string name, double value);

/// The training that a callback takes part in: what it sees of it, and what it may tell it.
class SINTER_API Training {
 public:
  struct Plan {
    int epochs = 1;                           // one more than the number of the last epoch
    std::int64_t steps = 1;                   // batches in an epoch
    std::vector<std::string> log_names = {};  // names of all logs there will be: "loss", "val_loss", ...
    bool resumed = false;                     // goes on from a checkpoint
  };
  Training(Model& model, Plan plan) : model_(&model), plan_(std::move(plan)) {}

  /// The model, which may be looked at and changed (weights, learning rate), but not trained.
  Model& model() const { return *model_; }
  int epochs() const { return plan_.epochs; }
  std::int64_t steps() const { return plan_.steps; }
  /// Known before the first step, so that a misspelt name costs no epoch.
  const std::vector<std::string>& log_names() const { return plan_.log_names; }
  /// Throws UserError listing the logs when there will be none of that name.
  void expect_log(std::string_view who, std::string_view name) const;

  /// Whether it goes on from a checkpoint. on_train_begin comes first then, set_state() of every callback after it.
  bool resumed() const { return plan_.resumed; }

  /// Ends the training: after this batch, validation and the hooks of the epoch's end still come.
  void stop() { stopping_ = true; }
  bool stopping() const { return stopping_; }

  /// Has a checkpoint written when all callbacks have seen this moment (Model::save_checkpoint). One that is asked for
  /// at the end of an epoch by a training that is stopping is of a training that has ended: resumed, it trains no more.
  void save_checkpoint(std::string path) { checkpoints_.push_back(std::move(path)); }
  /// The paths asked for since the last call.
  std::vector<std::string> take_checkpoints() { return std::exchange(checkpoints_, {}); }

  /// A line on standard output, below the progress line of the epoch.
  void print(std::string line) { lines_.push_back(std::move(line)); }
  /// The lines that were not shown yet.
  std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }

 private:
  Model* model_;
  Plan plan_;
  bool stopping_ = false;
  std::vector<std::string> lines_, checkpoints_;
};

/// Base of all callbacks. Hooks of one moment run in the order in which callbacks are listed. Epochs and batches are
/// numbered from 0. An error thrown by a hook ends fit().
class SINTER_API Callback {
 public:
  virtual ~Callback();

  virtual void on_train_begin(Training& training);
  /// `logs`: of the last epoch; empty when there was none.
  virtual void on_train_end(Training& training, const Logs& logs);
  virtual void on_epoch_begin(Training& training, int epoch);
  /// `logs`: of the epoch and its validation. What is added to them is shown and goes into the History.
  virtual void on_epoch_end(Training& training, int epoch, Logs& logs);
  /// Around the validation of an epoch; `logs`: its loss and metrics, without "val_".
  virtual void on_test_begin(Training& training);
  virtual void on_test_end(Training& training, const Logs& logs);
  /// With steps_per_execution of n, batches come n at a time: begin of the first, end of the last.
  virtual void on_batch_begin(Training& training, std::int64_t batch);
  /// `logs`: means of this epoch so far, as the progress line shows them.
  virtual void on_batch_end(Training& training, std::int64_t batch, const Logs& logs);

  /// false: on_batch_begin and on_batch_end need not be called, which saves the work of making their logs.
  virtual bool sees_batches() const { return true; }
  /// Names that on_epoch_end adds to the logs, so that other callbacks may monitor them.
  virtual std::vector<std::string> added_logs() const { return {}; }

  /// What it has to remember for a training that is stopped and resumed to go on as if it had not been. A training
  /// that is resumed in the middle of an epoch does not call on_epoch_begin for it again.
  virtual CallbackState state() const { return {}; }
  /// Throws UserError when something is missing.
  virtual void set_state(const CallbackState& state);
  /// A checkpoint that fit() should go on from; empty: none. Asked before anything else.
  virtual std::string checkpoint_to_resume() const { return {}; }
};

/// One callback of a list: a temporary is taken over; a variable is seen in place, must live until fit() returns, and
/// can be asked afterwards (`stopping.stopped_epoch()`).
class SINTER_API AnyCallback {
 public:
  template <std::derived_from<Callback> C>
  AnyCallback(C&& callback)  // NOLINT: implicit, so that {.callbacks = {EarlyStopping()}} reads well
    requires(!std::is_reference_v<C>)
      : callback_(std::make_shared<C>(std::forward<C>(callback))) {}
  AnyCallback(Callback& callback) : callback_(std::shared_ptr<Callback>(), &callback) {}  // NOLINT: as above
  template <std::derived_from<Callback> C>
  AnyCallback(std::shared_ptr<C> callback) : callback_(std::move(callback)) {}  // NOLINT: as above
  AnyCallback(std::nullptr_t) = delete;

  Callback& operator*() const { return *callback_; }
  Callback* operator->() const { return callback_.get(); }

 private:
  std::shared_ptr<Callback> callback_;
};

}  // namespace sinter
