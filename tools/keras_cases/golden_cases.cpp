// The formats of keras-golden.

#include <algorithm>
#include <cmath>

#include <sinter/frontend/step.h>
#include <sinter/ir/error.h>

#include "cases.h"

namespace keras_cases {

using namespace sinter;

namespace {

void expect_all_close(const std::string& what, const std::vector<Array>& got, const std::vector<Array>& expected,
                      Tolerance tolerance) {
  if (got.size() != expected.size())
    throw Mismatch(str(what, ": expected ", expected.size(), " tensors, got ", got.size()));
  for (std::size_t k = 0; k < got.size(); ++k) expect_close(str(what, " ", k), got[k], expected[k], tolerance);
}

std::vector<Array> listed(const Json& data, std::string_view key) {
  const Json* found = find(data, key);
  return found == nullptr ? std::vector<Array>() : tensors_of(*found, key);
}

}  // namespace

void run_layer_case(const Json& data, Backend backend) {
  const std::string name = text_of(member(data, "name"), "name");
  const bool training = flag_of(member(data, "training"), "training");
  const std::vector<Array> inputs = listed(data, "inputs");
  const std::vector<Array> outputs = listed(data, "outputs");
  const std::vector<Array> cotangents = listed(data, "cotangents");
  const std::vector<Array> weights = listed(data, "weights");
  if (inputs.empty() || outputs.empty()) user_error("malformed case: no inputs or no outputs");
  if (outputs.size() != 1) throw Unsupported("a layer with several outputs");
  const std::string class_name = text_of(member(data, "class"), "class");
  const auto layer = make_layer(class_name, Config(member(data, "config")), name);
  if (training && class_name == "Dropout") throw Unsupported("random numbers of another library");

  const auto set = [&](Layer& l) { l.set_weights(weights); };
  const LayerRun run =
      run_layer(*layer, inputs, cotangents.empty() ? nullptr : cotangents.data(), training, set, backend);
  expect_close("output", run.output, outputs[0], forward_tolerance);
  if (cotangents.empty()) return;
  if (find(data, "input_grads") != nullptr)
    expect_all_close("gradient of input", run.input_gradients, listed(data, "input_grads"), gradient_tolerance);
  if (find(data, "weight_grads") != nullptr)
    expect_all_close("gradient of weight", run.weight_gradients, listed(data, "weight_grads"), gradient_tolerance);
  if (find(data, "weights_after") != nullptr)
    expect_all_close("weight after the call", run.weights_after, listed(data, "weights_after"), forward_tolerance);
}

void run_loss_case(const Json& data, Backend backend) {
  const Config config(member(data, "config"));
  const AnyLoss loss = make_loss(config.text("name", ""), config);
  const Array y_true = tensor_of(member(data, "y_true"), "y_true");
  const Array y_pred = tensor_of(member(data, "y_pred"), "y_pred");
  const LossRun plain = run_loss(loss, y_true, y_pred, nullptr, backend);
  expect_close("value", plain.value, nested_of(member(data, "value"), DType::f32, "value"), forward_tolerance);
  expect_close("gradient", plain.gradient, tensor_of(member(data, "grad"), "grad"), gradient_tolerance);
  const Json* weighted_value = find(data, "weighted_value");
  if (weighted_value == nullptr) return;
  const Array weight = tensor_of(member(data, "sample_weight"), "sample_weight");
  const LossRun weighted = run_loss(loss, y_true, y_pred, &weight, backend);
  expect_close("weighted value", weighted.value, nested_of(*weighted_value, DType::f32, "weighted_value"),
               forward_tolerance);
}

namespace {

/// "rm_sprop_1" -> "rm_sprop": the number that Keras adds to a second object of a class.
std::string without_number(std::string name) {
  const std::size_t last = name.find_last_not_of("0123456789");
  return last != std::string::npos && name[last] == '_' && last + 1 < name.size() ? name.substr(0, last) : name;
}

}  // namespace

void run_optimizer_case(const Json& data, Backend backend) {
  const Config config(member(data, "config"));
  const AnyOptimizer optimizer = make_optimizer(without_number(config.text("name", "")), config);
  const OptimizerRun run =
      run_optimizer(optimizer, tensor_of(member(data, "w0"), "w0"), listed(data, "grads"), backend);
  expect_all_close("weight after step", run.trajectory, listed(data, "trajectory"), optimizer_tolerance);
  const Json* slots = find(data, "slots");
  if (slots == nullptr) return;
  std::vector<Array> states;
  for (const auto& [name, value] : run.states) states.push_back(value);
  expect_all_close("state", states, tensors_of(*slots, "slots"), forward_tolerance);
}

void run_schedule_case(const Json& data, Backend backend) {
  const Config config(member(data, "config"));
  const LearningRate schedule = make_schedule(config.text("name", ""), config);
  const Array values = nested_of(member(data, "values"), DType::f32, "values");
  StepBuilder builder({.name = "schedule"});
  builder.output("rate", schedule.at(builder.input("step", Shape{})));
  Step step = builder.compile({.backend = backend});
  Array rates = Array::zeros(values.shape());
  for (std::int64_t k = 0; k < values.size(); ++k)
    rates.mutable_span<float>()[static_cast<std::size_t>(k)] =
        static_cast<float>(step.run({{"step", Array(static_cast<double>(k))}})["rate"].item());
  expect_close("rate", rates, values, forward_tolerance);
}

namespace {

AnyLoss loss_of(const Json& loss) {
  static const Json empty = Json::object();
  if (loss.is_string()) return make_loss(loss.get<std::string>(), Config(empty));
  return make_loss(text_of(member(loss, "class_name"), "loss"), Config(member(loss, "config")));
}

std::vector<AnyMetric> metrics_of(const Json& metrics) {
  static const Json empty = Json::object();
  std::vector<AnyMetric> result;
  if (metrics.is_array())
    for (const Json& metric : metrics) result.push_back(make_metric(text_of(metric, "metric"), Config(empty)));
  else if (metrics.is_string())
    result.push_back(make_metric(metrics.get<std::string>(), Config(empty)));
  return result;
}

/// What belongs to each output: a list in their order, or a map by Keras's names. f(value, name of our output).
template <class F>
void per_output(const Json& values, const BuiltModel& built, F f) {
  const std::vector<std::string> ours = built.model->output_names();
  for (std::size_t k = 0; k < ours.size(); ++k) {
    const Json* value =
        values.is_array() ? (k < values.size() ? &values[k] : nullptr) : find(values, built.output_names.at(k));
    if (value != nullptr && !value->is_null()) f(*value, ours[k]);
  }
}

CompileOptions training_of(const Json& model, const BuiltModel& built) {
  const Json& compiled = member(model, "compile_config");
  Config(compiled).refuse({"weighted_metrics"});
  const Json& optimizer = member(compiled, "optimizer");
  CompileOptions options{.optimizer = make_optimizer(text_of(member(optimizer, "class_name"), "optimizer"),
                                                     Config(member(optimizer, "config")))};
  const Json& loss = member(compiled, "loss");
  if (loss.is_string() || find(loss, "class_name") != nullptr)
    options.loss = loss_of(loss);
  else
    per_output(loss, built, [&](const Json& l, const std::string& to) { options.losses.emplace_back(to, loss_of(l)); });
  if (const Json* weights = find(compiled, "loss_weights"); weights != nullptr && !weights->is_null())
    per_output(*weights, built,
               [&](const Json& w, const std::string& to) { options.loss_weights.emplace_back(to, w.get<double>()); });
  const Json* metrics = find(compiled, "metrics");
  if (metrics == nullptr || metrics->is_null()) return options;
  if (built.model->output_names().size() <= 1 && metrics->is_array())
    options.metrics = metrics_of(*metrics);
  else
    per_output(*metrics, built,
               [&](const Json& m, const std::string& to) { options.output_metrics.emplace_back(to, metrics_of(m)); });
  return options;
}

/// What a fit ends with: an error counts against the largest number of all these tensors. Element by element, Keras's
/// own f32 numbers are further from the exact result than fit_tolerance allows: batch normalisation of two samples has
/// a gradient that nearly cancels, and in train_functional a computation in f64 differs from Keras by 4.3e-5 in weights
/// that reach 0.97, by 2.4e-5 in a bias of 0.034 and by 1.3e-4 in predictions that reach 2.6.
void expect_close_after_fit(const std::string& what, const std::vector<Array>& got,
                            const std::vector<Array>& expected) {
  double largest = 0.0;
  for (const Array& array : expected)
    for (std::int64_t i = 0; i < array.size(); ++i) largest = std::max(largest, std::abs(array.flat(i)));
  expect_all_close(what, got, expected,
                   {fit_tolerance.relative, std::max(fit_tolerance.absolute, fit_tolerance.relative * largest)});
}

/// "first_mae" of Keras's history under the name of our output.
std::string our_name(std::string name, const BuiltModel& built) {
  const std::vector<std::string> ours = built.model->output_names();
  for (std::size_t k = 0; k < built.output_names.size() && ours.size() > 1; ++k)
    if (name.starts_with(built.output_names[k] + "_")) return ours[k] + name.substr(built.output_names[k].size());
  return name;
}

}  // namespace

void run_train_case(const Json& data, Backend backend) {
  const Json& config = member(data, "config");
  const BuiltModel built = make_model(config);
  Model& model = *built.model;
  CompileOptions compile_options = training_of(config, built);
  compile_options.execution = {.backend = backend};
  const std::vector<Array> x = tensors_of(member(data, "x"), "x");
  const std::vector<Array> y = tensors_of(member(data, "y"), "y");
  const Json& history = member(data, "history");
  const Json& losses = member(history, "loss");
  model.set_weights(listed(data, "initial"));
  model.compile(std::move(compile_options));
  FitOptions options;
  options.batch_size = Config(data).integer("batch_size", 32);
  options.epochs = static_cast<int>(losses.size());
  options.shuffle = false;
  options.verbose = 0;
  const History got = model.fit(x, y, options);
  for (const auto& [name, values] : history.items()) {
    const std::string ours = our_name(name, built);
    if (!got.contains(ours)) throw Mismatch("the history has no '" + ours + "'");
    expect_close("history of " + name, Array::from(got[ours]), nested_of(values, DType::f64, "history"), fit_tolerance);
  }
  expect_close_after_fit("final weight", model.get_weights(), listed(data, "final"));
  if (const Json* predicted = find(data, "predict"))
    expect_close_after_fit("predictions", model.predict_many(x), tensors_of(*predicted, "predict"));
}

}  // namespace keras_cases
