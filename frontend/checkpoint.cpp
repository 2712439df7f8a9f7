#include "checkpoint.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include <sinter/frontend/callback.h>
#include <sinter/runtime/digest.h>

#include "exclusive.h"
#include "one_line.h"

namespace sinter {

namespace detail {

namespace {

constexpr const char* format_name = "sinter-checkpoint-1";

// ---- Names and numbers ----

std::string optimizer_name(const std::string& name) { return "@optimizer/" + name; }
std::string callback_prefix(std::size_t k) { return str("@callback/", k, "/"); }

Array doubles(std::vector<double> values) { return Array::from(std::move(values)); }

/// SHA-256 of everything but itself.
std::string digest(const TensorFile& file) {
  std::string text;
  for (const auto& [key, value] : file.metadata)
    if (key != "sha256") text += str(key.size(), ' ', key, ' ', value.size(), ' ', value, '\n');
  for (const auto& [name, array] : file.tensors) text += str(name.size(), ' ', name, ' ', array.type(), '\n');
  std::vector<std::span<const std::byte>> parts = {std::as_bytes(std::span(text))};
  for (const auto& [name, array] : file.tensors) parts.push_back(array.bytes());
  return runtime::sha256(parts);
}

/// A whole number of the metadata.
std::int64_t number(const TensorFile& file, const std::string& key, const std::string& path) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) user_error(path, ": says nothing of '", key, "'");
  const std::string& text = found->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    user_error(path, ": '", key, "' should be a whole number, got '", one_line(text), "'");
  return value;
}

/// The tensor of that name and type.
const Array& expected(const TensorFile& file, const std::string& name, const TensorType& type, const std::string& path,
                      std::string_view whose) {
  const Array* found = file.find(name);
  if (found == nullptr)
    user_error(path, ": holds no '", name, "', which ", whose, " needs", file.did_you_mean(name),
               "; the checkpoint is of another model or optimizer");
  if (found->type() != type) user_error(path, ": '", name, "' is ", found->type(), ", but ", whose, " has ", type);
  return *found;
}

std::vector<double> numbers(const TensorFile& file, const std::string& name, const std::string& path) {
  const Array* found = file.find(name);
  if (found == nullptr) user_error(path, ": holds no '", name, "'");
  if (found->dtype() != DType::f64 || found->rank() != 1)
    user_error(path, ": '", name, "' should be a row of f64, got ", found->type());
  const std::span<const double> values = found->span<double>();
  return {values.begin(), values.end()};
}

// ---- The model ----

/// Name, type and first value of the optimizer's states, in the order they are saved.
std::vector<OptimizerState> optimizer_states(const Model& model, ModelState& state) {
  Compiled& compiled = *state.compiled;
  if (!compiled.trainable) compiled.trainable = model.trainable_weights();
  ir::Graph graph("optimizer");
  Trace trace(graph, true, state.random);
  std::vector<Parameter> parameters;
  for (const Variable& v : *compiled.trainable) {
    const Tensor value(trace.read(v.state()));
    parameters.push_back({v.path(), value, value, v.state()->constraint});
  }
  OptimizerStates states(graph);
  compiled.options.optimizer->apply(parameters, states);
  return states.list();
}

void make_optimizer_states(const Model& model, ModelState& state) {
  state.optimizer_order.clear();
  for (const OptimizerState& s : optimizer_states(model, state)) {
    (void)state.optimizer_variable(s.name, s.type, s.initial);
    state.optimizer_order.push_back(s.name);
  }
}

// ---- The fit ----

void add_fit(TensorFile& file, const RunningFit& fit) {
  const auto note = [&](const char* key, std::int64_t value) { file.metadata[key] = std::to_string(value); };
  note("epoch", fit.epoch);
  note("batch", fit.progress.done);
  note("samples", fit.samples);
  note("batch_size", fit.batch_size);
  note("shuffle", fit.shuffle ? 1 : 0);
  note("steps_per_epoch", fit.steps_per_epoch);
  note("stopping", fit.stopping ? 1 : 0);
  note("callbacks", static_cast<std::int64_t>(fit.callbacks.size()));
  const Totals& totals = fit.progress.totals;
  file.tensors.emplace_back("@epoch/loss", doubles({totals.loss, static_cast<double>(totals.samples)}));
  for (std::size_t m = 0; m < totals.sums.size(); ++m)
    file.tensors.emplace_back(str("@epoch/sums/", m), doubles(totals.sums[m]));
  const std::vector<int>& epochs = fit.history.epochs();
  file.tensors.emplace_back("@history/epochs", doubles({epochs.begin(), epochs.end()}));
  for (const std::string& key : fit.history.keys())
    file.tensors.emplace_back("@history/" + key, doubles(fit.history[key]));
  for (std::size_t k = 0; k < fit.callbacks.size(); ++k)
    for (const auto& [name, value] : fit.callbacks[k]->state())
      file.tensors.emplace_back(callback_prefix(k) + name, value);
}

void expect_same(const Model& model, const std::string& path, std::string_view what, std::int64_t before,
                 std::int64_t now) {
  if (before != now)
    user_error(model.name(), ": ", path, " was made in a fit() with ", what, " ", before, ", now it is ", now,
               "; to go on in the middle of an epoch, data and options have to be the same");
}

Totals totals_of(const TensorFile& file, const std::string& path) {
  Totals totals;
  const std::vector<double> loss = numbers(file, "@epoch/loss", path);
  if (loss.size() != 2) user_error(path, ": '@epoch/loss' should be two numbers, got ", loss.size());
  totals.loss = loss[0];
  totals.samples = static_cast<std::int64_t>(loss[1]);
  for (std::size_t m = 0; file.find(str("@epoch/sums/", m)) != nullptr; ++m)
    totals.sums.push_back(numbers(file, str("@epoch/sums/", m), path));
  return totals;
}

History history_of(const TensorFile& file, const std::string& path) {
  constexpr std::string_view prefix = "@history/";
  const std::vector<double> epochs = numbers(file, "@history/epochs", path);
  std::vector<std::pair<std::string, std::vector<double>>> series;
  for (const auto& [name, array] : file.tensors) {
    if (!name.starts_with(prefix) || name == "@history/epochs") continue;
    series.emplace_back(name.substr(prefix.size()), numbers(file, name, path));
    if (series.back().second.size() != epochs.size())
      user_error(path, ": '", one_line(name), "' has ", series.back().second.size(), " values for ", epochs.size(),
                 " epochs");
  }
  History history;
  for (std::size_t k = 0; k < epochs.size(); ++k) {
    Logs logs;
    for (const auto& [name, values] : series) logs.set(name, values[k]);
    history.append(static_cast<int>(epochs[k]), logs);
  }
  return history;
}

CallbackState callback_state(const TensorFile& file, std::size_t k) {
  const std::string prefix = callback_prefix(k);
  CallbackState state;
  for (const auto& [name, array] : file.tensors)
    if (name.starts_with(prefix)) state.emplace_back(name.substr(prefix.size()), array);
  return state;
}

}  // namespace

TensorFile checkpoint_of(const Model& model, ModelState& state) {
  TensorFile file;
  for (const Variable& v : model.weights()) file.tensors.emplace_back(v.path(), v.value());
  if (file.tensors.empty())
    user_error(model.name(), ": there is nothing to save: the model does not know its input yet, or has no weights");
  if (state.optimizer_order.empty()) make_optimizer_states(model, state);
  for (const auto& [name, value] : model.optimizer_state()) file.tensors.emplace_back(optimizer_name(name), value);
  file.tensors.emplace_back("@random/seed", state.random.seed->value());
  file.tensors.emplace_back("@random/step", state.random.step->value());
  file.metadata = {{"format", format_name}, {"epochs_trained", std::to_string(state.epochs_trained)}};
  if (state.averages_in_weights) file.metadata["averages_in_weights"] = "1";
  if (state.running != nullptr) add_fit(file, *state.running);
  sign_checkpoint(file);
  return file;
}

void sign_checkpoint(TensorFile& file) { file.metadata["sha256"] = digest(file); }

TensorFile read_checkpoint(const std::string& path) {
  TensorFile file = read_safetensors(path);
  const auto value = [&](const std::string& key) {
    const auto found = file.metadata.find(key);
    return found == file.metadata.end() ? std::string() : found->second;
  };
  if (value("format") != format_name)
    user_error(path, ": is no checkpoint of Sinter: expected metadata 'format' of '", format_name, "', got '",
               one_line(value("format")), "'; files with weights alone are read by load_weights()");
  if (const std::string now = digest(file); value("sha256") != now)
    user_error(path, ": is damaged: its contents have SHA-256 ", now, ", it should be ", one_line(value("sha256")));
  return file;
}

void restore(const Model& model, ModelState& state, const TensorFile& file, const std::string& path) {
  if (model.weights().empty()) user_error(model.name(), ": does not know its input yet: call set_input() first");
  if (state.optimizer_order.empty()) make_optimizer_states(model, state);
  std::vector<std::pair<std::shared_ptr<VariableState>, const Array*>> changes;
  std::set<std::string> taken;
  const auto take = [&](const std::string& name, const std::shared_ptr<VariableState>& variable,
                        std::string_view whose) {
    changes.emplace_back(variable, &expected(file, name, variable->type, path, whose));
    taken.insert(name);
  };
  for (const Variable& v : model.weights()) take(v.path(), v.state(), "the model");
  for (const std::string& name : state.optimizer_order)
    take(optimizer_name(name), state.optimizer.at(name), "the optimizer");
  take("@random/seed", state.random.seed, "the model");
  take("@random/step", state.random.step, "the model");
  for (const auto& [name, array] : file.tensors) {
    const bool of_fit = name.starts_with("@epoch/") || name.starts_with("@history/") || name.starts_with("@callback/");
    if (!of_fit && !taken.contains(name))
      user_error(path, ": neither the model nor its optimizer has '", one_line(name),
                 "'; the checkpoint is of another model or optimizer");
  }
  const std::int64_t epochs_trained = number(file, "epochs_trained", path);
  const bool averages_in_weights =
      file.metadata.contains("averages_in_weights") && number(file, "averages_in_weights", path) != 0;
  for (const auto& [variable, value] : changes) variable->assign(*value);
  state.epochs_trained = static_cast<std::uint64_t>(epochs_trained);
  state.averages_in_weights = averages_in_weights;
  const std::span<const std::uint32_t> seed = file.find("@random/seed")->span<std::uint32_t>();
  state.seed = seed[0] | std::uint64_t{seed[1]} << 32;
}

void resume(const Model& model, const ModelStep& step, RunningFit& fit, const TensorFile& file,
            const std::string& path) {
  if (!file.metadata.contains("epoch"))
    user_error(path,
               ": was not written within fit(), so there is no place to go on from; read it with "
               "load_checkpoint() before fit()");
  expect_same(model, path, "a number of callbacks of", number(file, "callbacks", path),
              static_cast<std::int64_t>(fit.callbacks.size()));
  const std::int64_t batch = number(file, "batch", path);
  if (batch > 0) {
    expect_same(model, path, "a number of samples of", number(file, "samples", path), fit.samples);
    expect_same(model, path, "batch_size", number(file, "batch_size", path), fit.batch_size);
    expect_same(model, path, "shuffle", number(file, "shuffle", path), fit.shuffle ? 1 : 0);
  }
  const std::int64_t steps = file.metadata.contains("steps_per_epoch") ? number(file, "steps_per_epoch", path) : 0;
  if (batch > 0 || steps > 0) expect_same(model, path, "steps_per_epoch", steps, fit.steps_per_epoch);
  Totals totals = totals_of(file, path);
  const bool same_metrics =
      std::equal(totals.sums.begin(), totals.sums.end(), step.metric_outputs.begin(), step.metric_outputs.end(),
                 [](const auto& sums, const auto& outputs) { return sums.size() == outputs.size(); });
  if (batch > 0 && !same_metrics)
    user_error(model.name(), ": ", path,
               " was made by a fit() with other metrics; to go on in the middle of an epoch, ",
               "compile() has to be told the same ones");
  const std::int64_t epoch = number(file, "epoch", path);
  if (epoch > std::numeric_limits<int>::max()) user_error(path, ": epoch ", epoch, " is out of range");
  fit.history = history_of(file, path);
  fit.progress = {batch, std::move(totals)};
  fit.epoch = static_cast<int>(epoch);
  fit.stopping = number(file, "stopping", path) != 0;
  for (std::size_t k = 0; k < fit.callbacks.size(); ++k) fit.callbacks[k]->set_state(callback_state(file, k));
}

}  // namespace detail

void Model::save_checkpoint(const std::string& path) const {
  detail::expect_compiled(*this, *model_, "save_checkpoint()");
  const detail::Exclusive turn(*this, *model_, detail::Exclusive::Use::look, "save_checkpoint()");
  write_safetensors(path, detail::checkpoint_of(*this, *model_));
}

void Model::load_checkpoint(const std::string& path) {
  detail::expect_compiled(*this, *model_, "load_checkpoint()");
  const detail::Exclusive alone(*this, *model_, detail::Exclusive::Use::train, "load_checkpoint()");
  detail::restore(*this, *model_, detail::read_checkpoint(path), path);
}

}  // namespace sinter
