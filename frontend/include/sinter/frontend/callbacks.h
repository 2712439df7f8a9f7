#pragma once
// The callbacks that come with Sinter. Names, defaults and the counting of epochs are those of Keras 3
// (keras/src/callbacks), with two differences: a log that does not exist is an error before the first step, never a
// warning; and ReduceLROnPlateau finds its direction as EarlyStopping does.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sinter/frontend/callback.h>

namespace sinter {

/// Whether smaller or larger values of a log are better.
enum class MonitorMode : std::uint8_t {
  automatic,  // min for losses and errors, max for accuracies and their kin; an error for other names
  min,
  max,
};

/// The log that a callback watches; the base of those that do.
class SINTER_API Monitor {
 public:
  Monitor(std::string who, std::string log, MonitorMode mode);
  /// Finds the direction. Throws UserError listing the logs for an unknown one, and for a direction that its name does
  /// not tell.
  void begin(const Training& training);
  /// The log's value; none in an epoch without validation.
  std::optional<double> value(const Logs& logs) const;
  /// Better than `reference` by more than `min_delta`. NaN never is.
  bool improves(double value, double reference, double min_delta) const;
  /// What every value improves on.
  double worst() const;
  const std::string& log() const { return log_; }

 private:
  std::string who_, log_;
  MonitorMode mode_;
  bool larger_is_better_ = false;
};

struct EarlyStoppingOptions {
  std::string monitor = "val_loss";
  double min_delta = 0.0;  // a smaller change is no improvement
  int patience = 0;        // epochs without improvement
  int verbose = 0;         // 1: says when it acts
  MonitorMode mode = MonitorMode::automatic;
  std::optional<double> baseline = std::nullopt;  // has to be beaten for the count to begin again
  bool restore_best_weights = false;              // at the end of the training, stopped or not
  int start_from_epoch = 0;                       // epochs before it do not count
};
/// Ends the training when `monitor` has not improved for `patience` epochs (at least one; never after epoch 0).
class SINTER_API EarlyStopping : public Callback {
 public:
  /// Throws UserError for a negative min_delta, patience or start_from_epoch.
  explicit EarlyStopping(EarlyStoppingOptions options = {});
  void on_train_begin(Training& training) override;
  void on_epoch_end(Training& training, int epoch, Logs& logs) override;
  void on_train_end(Training& training, const Logs& logs) override;
  bool sees_batches() const override { return false; }
  CallbackState state() const override;
  void set_state(const CallbackState& state) override;

  /// The epoch after which it ended the training; 0: it did not.
  int stopped_epoch() const { return stopped_epoch_; }
  int best_epoch() const { return best_epoch_; }
  /// The best value; infinite before the first one.
  double best() const { return best_; }

 private:
  EarlyStoppingOptions options_;
  Monitor monitor_;
  double best_ = 0.0;
  int wait_ = 0, stopped_epoch_ = 0, best_epoch_ = 0;
  std::vector<Array> best_weights_;
};

struct ReduceLROnPlateauOptions {
  std::string monitor = "val_loss";
  double factor = 0.1;
  int patience = 10;  // epochs without improvement
  int verbose = 0;    // 1: says when it acts
  MonitorMode mode = MonitorMode::automatic;
  double min_delta = 1e-4;
  int cooldown = 0;  // epochs after a reduction that do not count
  double min_lr = 0.0;
};
/// Multiplies the learning rate by `factor` (but not below min_lr) when `monitor` has not improved for `patience`
/// epochs. Adds the log "learning_rate": the one of the epoch that ends. Nothing is compiled again.
class SINTER_API ReduceLROnPlateau : public Callback {
 public:
  /// Throws UserError for a factor outside (0, 1) and for negative numbers.
  explicit ReduceLROnPlateau(ReduceLROnPlateauOptions options = {});
  /// Throws UserError when the learning rate follows a schedule.
  void on_train_begin(Training& training) override;
  void on_epoch_end(Training& training, int epoch, Logs& logs) override;
  bool sees_batches() const override { return false; }
  std::vector<std::string> added_logs() const override { return {"learning_rate"}; }
  CallbackState state() const override;
  void set_state(const CallbackState& state) override;

 private:
  void reduce(Training& training, int epoch);

  ReduceLROnPlateauOptions options_;
  Monitor monitor_;
  double best_ = 0.0;
  int wait_ = 0, cooldown_left_ = 0;
};

/// Sets the learning rate at the beginning of every epoch to what a function makes of the epoch and of the present
/// rate. Adds the log "learning_rate".
class SINTER_API LearningRateScheduler : public Callback {
 public:
  using Schedule = std::function<double(int epoch, double learning_rate)>;
  /// verbose 1: says every rate.
  explicit LearningRateScheduler(Schedule schedule, int verbose = 0);
  /// Throws UserError when the learning rate follows a schedule of its own.
  void on_train_begin(Training& training) override;
  /// Throws UserError for a rate that is negative or not finite.
  void on_epoch_begin(Training& training, int epoch) override;
  void on_epoch_end(Training& training, int epoch, Logs& logs) override;
  bool sees_batches() const override { return false; }
  std::vector<std::string> added_logs() const override { return {"learning_rate"}; }

 private:
  Schedule schedule_;
  int verbose_;
};

struct SwapEMAWeightsOptions {
  /// Exchanges them from the end of an epoch to the beginning of the next one as well, for callbacks that come after
  /// this one, such as ModelCheckpoint.
  bool swap_on_epoch = false;
};
/// Has the validation see the moving averages of the weights (Model::swap_ema_weights) instead of the weights.
class SINTER_API SwapEMAWeights : public Callback {
 public:
  explicit SwapEMAWeights(SwapEMAWeightsOptions options = {}) : options_(options) {}
  /// Throws UserError when the optimizer keeps no averages (OptimizerOptions::use_ema).
  void on_train_begin(Training& training) override;
  void on_epoch_begin(Training& training, int epoch) override;
  void on_epoch_end(Training& training, int epoch, Logs& logs) override;
  void on_test_begin(Training& training) override;
  void on_test_end(Training& training, const Logs& logs) override;
  bool sees_batches() const override { return false; }

 private:
  SwapEMAWeightsOptions options_;
};

/// Ends the training when the loss is no finite number any more.
class SINTER_API TerminateOnNaN : public Callback {
 public:
  void on_batch_end(Training& training, std::int64_t batch, const Logs& logs) override;
};

struct CSVLoggerOptions {
  char separator = ',';
  bool append = false;  // go on in a file that is there; its header has to be the same
};
/// Writes a line per epoch to a file: the epoch, then the logs in the order of their names, "NA" for one without a
/// value. Numbers read back as the same doubles.
class SINTER_API CSVLogger : public Callback {
 public:
  explicit CSVLogger(std::string path, CSVLoggerOptions options = {});
  /// Throws UserError when the file cannot be written, or has other columns.
  void on_train_begin(Training& training) override;
  void on_epoch_end(Training& training, int epoch, Logs& logs) override;
  bool sees_batches() const override { return false; }
  /// The length of the file: a resumed training goes on where the checkpoint was made.
  CallbackState state() const override;
  void set_state(const CallbackState& state) override;

 private:
  std::string header() const;

  std::string path_;
  CSVLoggerOptions options_;
  std::vector<std::string> columns_;  // without the epoch
};

/// Counts batches for callbacks that act every so many, whatever the steps per execution, and on through a resumed
/// training.
class SINTER_API BatchCounter {
 public:
  std::int64_t count = 0;
  void begin() { *this = {}; }
  void begin_epoch() { last_ = -1; }
  /// Batches up to number `batch` of the epoch are through.
  void reach(std::int64_t batch);
  /// The count, saved under `name`, and the place in the epoch.
  CallbackState state(const std::string& name) const;
  void set_state(const CallbackState& state, const std::string& name);

 private:
  std::int64_t last_ = -1;
};

struct ModelCheckpointOptions {
  /// May hold {epoch} (from 1), {batch} (likewise, with save_every) and every log:
  /// "w-{epoch:02d}-{val_loss:.4f}.safetensors".
  /// {{ is one brace. Folders are made.
  std::string filepath = {};
  std::string monitor = "val_loss";  // for save_best_only
  int verbose = 0;                   // 1: says what it does
  bool save_best_only = false;       // keep the file when `monitor` did not improve
  MonitorMode mode = MonitorMode::automatic;
  std::int64_t save_every = 0;                                   // batches; 0: at the end of every epoch
  std::optional<double> initial_value_threshold = std::nullopt;  // the first best value, to be improved on
};
/// Saves the model's weights (Model::save_weights: a safetensors file or one of Keras, replaced as a whole).
class SINTER_API ModelCheckpoint : public Callback {
 public:
  /// Throws UserError for a path that ends neither in ".safetensors" nor in ".weights.h5", and for a malformed
  /// placeholder.
  explicit ModelCheckpoint(ModelCheckpointOptions options);
  /// Throws UserError for an unknown placeholder or monitor, listing the known ones.
  void on_train_begin(Training& training) override;
  void on_epoch_begin(Training& training, int epoch) override;
  void on_epoch_end(Training& training, int epoch, Logs& logs) override;
  void on_batch_end(Training& training, std::int64_t batch, const Logs& logs) override;
  bool sees_batches() const override { return options_.save_every > 0; }
  CallbackState state() const override;
  void set_state(const CallbackState& state) override;

  /// The best value so far; infinite before the first one.
  double best() const { return best_; }
  /// The file written last; empty: none.
  const std::string& last_path() const { return last_path_; }

 private:
  bool is_wanted(Training& training, const Logs& logs, const std::string& path);
  void save(Training& training, std::optional<std::int64_t> batch, const Logs& logs);

  ModelCheckpointOptions options_;
  Monitor monitor_;
  double best_ = 0.0;
  int epoch_ = 0;
  BatchCounter unsaved_;
  std::string last_path_;
};

struct BackupAndRestoreOptions {
  std::string path = {};           // of the checkpoint; its folder exists
  int every_epochs = 1;            // 0: not by epochs
  std::int64_t every_batches = 0;  // likewise
  bool delete_checkpoint = true;   // when the training ends as it should
};
/// Keeps a checkpoint of the training (Model::save_checkpoint), and has fit() go on from it when there is one: a
/// training that was killed is simply started again, and ends with the bits of one that was not.
class SINTER_API BackupAndRestore : public Callback {
 public:
  /// Throws UserError without a path, and when neither epochs nor batches are to be kept.
  explicit BackupAndRestore(BackupAndRestoreOptions options);
  void on_train_begin(Training& training) override;
  void on_train_end(Training& training, const Logs& logs) override;
  void on_epoch_begin(Training& training, int epoch) override;
  void on_epoch_end(Training& training, int epoch, Logs& logs) override;
  void on_batch_end(Training& training, std::int64_t batch, const Logs& logs) override;
  bool sees_batches() const override { return options_.every_batches > 0; }
  CallbackState state() const override;
  void set_state(const CallbackState& state) override;
  std::string checkpoint_to_resume() const override;

 private:
  BackupAndRestoreOptions options_;
  BatchCounter unsaved_;
};

namespace detail {
class EventFile;
}

struct TensorBoardOptions {
  std::string log_dir = "logs";
  std::int64_t every_batches = 0;  // writes "batch_loss" and so on as often; 0: never
};
/// Writes event files that TensorBoard shows (`tensorboard --logdir logs`): scalars "epoch_loss", "epoch_accuracy", ...
/// of the training in log_dir/train, of the validation in log_dir/validation.
class SINTER_API TensorBoard : public Callback {
 public:
  explicit TensorBoard(TensorBoardOptions options = {});
  /// Throws UserError when the folder or the file cannot be made.
  void on_train_begin(Training& training) override;
  void on_train_end(Training& training, const Logs& logs) override;
  void on_epoch_begin(Training& training, int epoch) override;
  void on_epoch_end(Training& training, int epoch, Logs& logs) override;
  void on_batch_end(Training& training, std::int64_t batch, const Logs& logs) override;
  bool sees_batches() const override { return options_.every_batches > 0; }
  CallbackState state() const override;
  void set_state(const CallbackState& state) override;

 private:
  TensorBoardOptions options_;
  std::shared_ptr<detail::EventFile> train_, validation_;
  BatchCounter batches_;
};

/// Functions for some of the hooks: LambdaCallback({.on_epoch_end = [](Training& t, int epoch, Logs& logs) {...}}).
struct LambdaCallbackOptions {
  std::function<void(Training&)> on_train_begin = {};
  std::function<void(Training&, const Logs&)> on_train_end = {};
  std::function<void(Training&, int epoch)> on_epoch_begin = {};
  std::function<void(Training&, int epoch, Logs&)> on_epoch_end = {};
  std::function<void(Training&)> on_test_begin = {};
  std::function<void(Training&, const Logs&)> on_test_end = {};
  std::function<void(Training&, std::int64_t batch)> on_batch_begin = {};
  std::function<void(Training&, std::int64_t batch, const Logs&)> on_batch_end = {};
};
class SINTER_API LambdaCallback : public Callback {
 public:
  explicit LambdaCallback(LambdaCallbackOptions functions) : functions_(std::move(functions)) {}
  void on_train_begin(Training& training) override;
  void on_train_end(Training& training, const Logs& logs) override;
  void on_epoch_begin(Training& training, int epoch) override;
  void on_epoch_end(Training& training, int epoch, Logs& logs) override;
  void on_test_begin(Training& training) override;
  void on_test_end(Training& training, const Logs& logs) override;
  void on_batch_begin(Training& training, std::int64_t batch) override;
  void on_batch_end(Training& training, std::int64_t batch, const Logs& logs) override;
  bool sees_batches() const override { return functions_.on_batch_begin || functions_.on_batch_end; }

 private:
  LambdaCallbackOptions functions_;
};

/// A text with {name} or {name:format} replaced by numbers; formats are Python's [0][width][.precision] and d (whole
/// numbers), f, e or g. Throws UserError listing the names there are for an unknown one, and for a malformed format.
SINTER_API std::string fill_placeholders(const std::string& text, const Logs& values);

}  // namespace sinter
