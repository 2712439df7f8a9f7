// Callbacks that write files.

#include <sinter/frontend/callbacks.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <system_error>

#include <sinter/frontend/model.h>
#include <sinter/ir/error.h>

#include "atomic_file.h"
#include "numbers.h"

namespace sinter {

// ---- CSVLogger ----

namespace {

/// A field as RFC 4180 has it: in quotes when it holds a quote, the separator or an end of line.
std::string csv_field(const std::string& text, char separator) {
  if (text.find_first_of(std::string("\"\r\n") + separator) == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

[[noreturn]] void fail_to_write(const std::string& path) {
  user_error("CSVLogger: ", path, " cannot be written: ", std::generic_category().message(errno));
}

/// Adds the text, or nothing of it.
void append_to(const std::string& path, const std::string& text) {
  std::error_code error;
  const auto before = std::filesystem::file_size(path, error);
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::app);
  if (out && out << text && out.flush()) return;
  const int reason = errno;
  out.close();
  if (!error) std::filesystem::resize_file(path, before, error);
  errno = reason;
  fail_to_write(path);
}

/// Begins the file anew, or leaves the old one.
void begin_file(const std::string& path, const std::string& text) {
  const std::span<const std::byte> parts[] = {std::as_bytes(std::span(text))};
  try {
    detail::replace_file(path, parts);
  } catch (const UserError& e) {
    user_error("CSVLogger: ", e.what());
  }
}

struct Present {
  std::string first_line;
  bool whole = true;  // it ends with a line
};

/// What is there of a file that may not exist.
Present look_at(const std::string& path) {
  Present result;
  std::ifstream in(path, std::ios::binary);
  if (!in || !std::getline(in, result.first_line)) return result;
  if (result.first_line.ends_with('\r')) result.first_line.pop_back();
  in.clear();
  in.seekg(-1, std::ios::end);
  result.whole = in.get() == '\n';
  return result;
}

}  // namespace

CSVLogger::CSVLogger(std::string path, CSVLoggerOptions options) : path_(std::move(path)), options_(options) {
  if (options_.separator == '"' || options_.separator == '\n' || options_.separator == '\r')
    user_error("CSVLogger: quotes and ends of lines cannot separate fields");
}

std::string CSVLogger::header() const {
  std::string line = "epoch";
  for (const std::string& name : columns_) line += options_.separator + csv_field(name, options_.separator);
  return line;
}

void CSVLogger::on_train_begin(Training& training) {
  columns_ = training.log_names();
  std::sort(columns_.begin(), columns_.end());
  if (!options_.append && !training.resumed()) return begin_file(path_, header() + '\n');
  const Present present = look_at(path_);
  if (present.first_line.empty()) return append_to(path_, header() + '\n');
  if (present.first_line != header())
    user_error("CSVLogger: ", path_, " has the columns ", present.first_line, ", now they would be ", header(),
               "; write to another file, or without append");
  if (!present.whole) append_to(path_, "\n");  // the last line was cut off
}

void CSVLogger::on_epoch_end(Training& /*training*/, int epoch, Logs& logs) {
  std::string line = std::to_string(epoch);
  for (const std::string& name : columns_) {
    line += options_.separator;
    line += logs.contains(name) ? detail::number_text(logs[name]) : "NA";
  }
  append_to(path_, line + '\n');
}

CallbackState CSVLogger::state() const {
  std::error_code error;
  const auto size = std::filesystem::file_size(path_, error);
  return {state_number("bytes", error ? 0.0 : static_cast<double>(size))};
}

void CSVLogger::set_state(const CallbackState& state) {
  const double bytes = number_of(state, "bytes");
  std::error_code error;
  const auto size = std::filesystem::file_size(path_, error);
  if (error || static_cast<double>(size) <= bytes) return;  // lost or shorter: what is there stays
  std::filesystem::resize_file(path_, static_cast<std::uintmax_t>(bytes), error);
  if (error) user_error("CSVLogger: ", path_, " cannot be cut to ", bytes, " bytes: ", error.message());
}

// ---- ModelCheckpoint ----

ModelCheckpoint::ModelCheckpoint(ModelCheckpointOptions options)
    : options_(std::move(options)), monitor_("ModelCheckpoint", options_.monitor, options_.mode) {
  if (!options_.filepath.ends_with(".safetensors") && !options_.filepath.ends_with(".weights.h5"))
    user_error("ModelCheckpoint: filepath has to end in .safetensors or .weights.h5, got '", options_.filepath, "'");
  if (options_.save_every < 0)
    user_error("ModelCheckpoint: save_every must not be negative, got ", options_.save_every);
}

void ModelCheckpoint::on_train_begin(Training& training) {
  const auto comes_later = [&](const std::string& log) { return options_.save_every > 0 && log.starts_with("val_"); };
  if (options_.save_best_only) {
    monitor_.begin(training);
    if (comes_later(options_.monitor))
      user_error("ModelCheckpoint: ", options_.monitor, " is known at the end of an epoch, not every ",
                 options_.save_every, " batches; monitor a log of the training, or leave out save_every");
  }
  best_ = options_.initial_value_threshold.value_or(monitor_.worst());
  unsaved_.begin();
  Logs trial;  // whatever the path asks for has to be known
  trial.set("epoch", 1.0);
  if (options_.save_every > 0) trial.set("batch", 1.0);
  for (const std::string& name : training.log_names())
    if (!comes_later(name)) trial.set(name, 0.0);
  (void)fill_placeholders(options_.filepath, trial);
}

void ModelCheckpoint::on_epoch_begin(Training& /*training*/, int epoch) {
  epoch_ = epoch;
  unsaved_.begin_epoch();
}

void ModelCheckpoint::on_epoch_end(Training& training, int /*epoch*/, Logs& logs) {
  if (options_.save_every == 0) save(training, std::nullopt, logs);
}

void ModelCheckpoint::on_batch_end(Training& training, std::int64_t batch, const Logs& logs) {
  unsaved_.reach(batch);
  if (unsaved_.count < options_.save_every) return;
  unsaved_.count = 0;
  save(training, batch, logs);
}

bool ModelCheckpoint::is_wanted(Training& training, const Logs& logs, const std::string& path) {
  const auto say = [&](const auto&... parts) {
    if (options_.verbose > 0) training.print(str("Epoch ", epoch_ + 1, ": ", parts...));
  };
  if (!options_.save_best_only) {
    say("saving model to ", path);
    return true;
  }
  const std::optional<double> now = monitor_.value(logs);
  if (!now) return false;
  const std::string best = detail::number_text(best_, 'f', 5);
  if (!monitor_.improves(*now, best_, 0.0)) {
    say(monitor_.log(), " did not improve from ", best);
    return false;
  }
  say(monitor_.log(), " improved from ", best, " to ", detail::number_text(*now, 'f', 5), ", saving model to ", path);
  best_ = *now;
  return true;
}

void ModelCheckpoint::save(Training& training, std::optional<std::int64_t> batch, const Logs& logs) {
  Logs values;
  values.set("epoch", epoch_ + 1.0);
  if (batch) values.set("batch", static_cast<double>(*batch) + 1.0);
  for (const auto& [name, value] : logs) values.set(name, value);
  const std::string path = fill_placeholders(options_.filepath, values);
  if (!is_wanted(training, logs, path)) return;
  if (const auto folder = std::filesystem::path(path).parent_path(); !folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) user_error("ModelCheckpoint: ", folder.string(), " cannot be made: ", error.message());
  }
  training.model().save_weights(path);
  last_path_ = path;
}

CallbackState ModelCheckpoint::state() const {
  CallbackState state = unsaved_.state("unsaved_batches");
  state.insert(state.begin(), {state_number("best", best_), state_number("epoch", epoch_)});
  return state;
}

void ModelCheckpoint::set_state(const CallbackState& state) {
  best_ = number_of(state, "best");
  epoch_ = static_cast<int>(number_of(state, "epoch"));
  unsaved_.set_state(state, "unsaved_batches");
}

// ---- BackupAndRestore ----

BackupAndRestore::BackupAndRestore(BackupAndRestoreOptions options) : options_(std::move(options)) {
  if (options_.path.empty()) user_error("BackupAndRestore: .path is missing: where to keep the checkpoint");
  if (options_.every_epochs < 0 || options_.every_batches < 0)
    user_error("BackupAndRestore: every_epochs and every_batches must not be negative, got ", options_.every_epochs,
               " and ", options_.every_batches);
  if (options_.every_epochs == 0 && options_.every_batches == 0)
    user_error("BackupAndRestore: every_epochs and every_batches are both 0, so nothing would be kept");
}

std::string BackupAndRestore::checkpoint_to_resume() const {
  std::error_code error;
  return std::filesystem::exists(options_.path, error) ? options_.path : std::string();
}

void BackupAndRestore::on_train_begin(Training& /*training*/) { unsaved_.begin(); }

void BackupAndRestore::on_epoch_begin(Training& /*training*/, int /*epoch*/) { unsaved_.begin_epoch(); }

void BackupAndRestore::on_batch_end(Training& training, std::int64_t batch, const Logs& /*logs*/) {
  unsaved_.reach(batch);
  if (unsaved_.count < options_.every_batches) return;
  unsaved_.count = 0;
  training.save_checkpoint(options_.path);
}

void BackupAndRestore::on_epoch_end(Training& training, int epoch, Logs& /*logs*/) {
  if (options_.every_epochs > 0 && (epoch + 1) % options_.every_epochs == 0) training.save_checkpoint(options_.path);
}

void BackupAndRestore::on_train_end(Training& /*training*/, const Logs& /*logs*/) {
  std::error_code error;
  if (!options_.delete_checkpoint || !std::filesystem::exists(options_.path, error)) return;
  if (!std::filesystem::remove(options_.path, error) && error)
    user_error("BackupAndRestore: ", options_.path, " cannot be removed: ", error.message());
}

CallbackState BackupAndRestore::state() const { return unsaved_.state("unsaved_batches"); }

void BackupAndRestore::set_state(const CallbackState& state) { unsaved_.set_state(state, "unsaved_batches"); }

}  // namespace sinter
