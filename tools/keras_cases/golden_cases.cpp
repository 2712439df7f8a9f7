// The formats of keras-golden.

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

struct Training {
  AnyOptimizer optimizer;
  AnyLoss loss;
  std::vector<AnyMetric> metrics;
};

Training training_of(const Json& model) {
  const Json& compiled = member(model, "compile_config");
  const Config config(compiled);
  config.refuse({"loss_weights", "weighted_metrics"});
  const Json& optimizer = member(compiled, "optimizer");
  const Json empty = Json::object();
  Training result{
      make_optimizer(text_of(member(optimizer, "class_name"), "optimizer"), Config(member(optimizer, "config"))),
      AnyLoss("mse"),
      {}};
  const Json& loss = member(compiled, "loss");
  result.loss = loss.is_string()
                    ? AnyLoss(make_loss(loss.get<std::string>(), Config(empty)))
                    : make_loss(text_of(member(loss, "class_name"), "loss"), Config(member(loss, "config")));
  const Json* metrics = find(compiled, "metrics");
  if (metrics != nullptr && metrics->is_array())
    for (const Json& metric : *metrics) result.metrics.push_back(make_metric(text_of(metric, "metric"), Config(empty)));
  return result;
}

}  // namespace

void run_train_case(const Json& data, Backend backend) {
  const Json& config = member(data, "config");
  Sequential model = make_sequential(config);
  Training training = training_of(config);
  const Array x = tensor_of(member(data, "x"), "x");
  const Array y = tensor_of(member(data, "y"), "y");
  const Json& history = member(data, "history");
  const Json& losses = member(history, "loss");
  model.set_weights(listed(data, "initial"));
  model.compile(CompileOptions{.optimizer = training.optimizer,
                               .loss = training.loss,
                               .metrics = training.metrics,
                               .execution = {.backend = backend}});
  FitOptions options;
  options.batch_size = Config(data).integer("batch_size", 32);
  options.epochs = static_cast<int>(losses.size());
  options.shuffle = false;
  options.verbose = 0;
  const History got = model.fit(x, y, options);
  for (const auto& [name, values] : history.items()) {
    if (!got.contains(name)) throw Mismatch("the history has no '" + name + "'");
    expect_close("history of " + name, Array::from(got[name]), nested_of(values, DType::f64, "history"), fit_tolerance);
  }
  expect_all_close("final weight", model.get_weights(), listed(data, "final"), fit_tolerance);
  if (const Json* predicted = find(data, "predict"))
    expect_close("predictions", model.predict(x), tensor_of(*predicted, "predict"), fit_tolerance);
}

}  // namespace keras_cases
