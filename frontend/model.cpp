// The facade: Model's members, each a few lines over model_trace, model_fit and data_checks.

#include <sinter/frontend/model.h>
#include <sinter/frontend/near_matches.h>

#include "model_state.h"

namespace sinter {

using detail::Mode;

Model::Model(ModelOptions options)
    : Layer({.name = std::move(options.name)}), model_(std::make_unique<detail::ModelState>(options.seed)) {
  detail::LayerAccess::checked(*this).is_model = true;
}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

void Model::set_function(std::function<Tensor(const Tensor&)> function) { model_->function = std::move(function); }

Tensor Model::call(Tensor x) { return model_->function ? model_->function(x) : Layer::call(x); }

std::uint64_t Model::seed() const { return model_->seed; }

void Model::set_input(const Input& input) {
  detail::define_input(*this, *model_, {input.options().dtype, input.shape()});
  detail::build_model(*this, *model_);
}

void Model::compile(AnyOptimizer optimizer, AnyLoss loss, std::vector<AnyMetric> metrics, ExecutionOptions execution) {
  compile({.optimizer = std::move(optimizer),
           .loss = std::move(loss),
           .metrics = std::move(metrics),
           .execution = std::move(execution)});
}

void Model::compile(CompileOptions options) {
  model_->steps.clear();
  model_->optimizer.clear();
  model_->optimizer_order.clear();
  model_->compiled = detail::Compiled{std::move(options.optimizer), std::move(options.loss), std::move(options.metrics),
                                      std::move(options.execution), std::nullopt};
  if (built()) model_->compiled->trainable = trainable_weights();
}

double Model::learning_rate() const {
  const AnyOptimizer& optimizer = detail::expect_compiled(*this, *model_, "learning_rate()").optimizer;
  const LearningRate& rate = optimizer->options().learning_rate;
  if (rate.is_schedule()) user_error(name(), ": the learning rate follows a schedule; it has no value of its own");
  return model_->optimizer_variable(optimizer->learning_rate_name(), {DType::f32, {}}, rate.value())->value().item();
}

void Model::set_learning_rate(double value) {
  (void)learning_rate();  // makes the state, refuses a schedule
  model_->optimizer.at(model_->compiled->optimizer->learning_rate_name())->assign(Array(value));
}

std::vector<std::pair<std::string, Array>> Model::optimizer_state() const {
  std::vector<std::pair<std::string, Array>> result;
  for (const std::string& name : model_->optimizer_order)
    result.emplace_back(name, model_->optimizer.at(name)->value());
  return result;
}

void Model::set_optimizer_state(std::string_view name, const Array& value) {
  const auto found = model_->optimizer.find(name);
  if (found == model_->optimizer.end()) unknown_name("optimizer state", name, model_->optimizer_order);
  found->second->assign(value);
}

ir::Graph Model::graph(std::string_view mode, std::int64_t batch_size, const TensorType& label_sample) {
  if (!built()) user_error(name(), ": the input shape is not known yet; begin the model with an Input");
  const std::vector<std::string> known{"train", "evaluate", "predict"};
  for (const Mode m : {Mode::train, Mode::evaluate, Mode::predict}) {
    if (to_string(m) != mode) continue;
    if (m != Mode::predict) {
      detail::Compiled& c = detail::expect_compiled(*this, *model_, "graph()");
      if (!c.trainable) c.trainable = trainable_weights();
    }
    const auto batch = [&](const TensorType& sample) {
      ir::Ints dims = sample.shape.ints();
      dims.insert(dims.begin(), batch_size);
      return TensorType{sample.dtype, Shape(dims)};
    };
    return detail::trace_step(*this, *model_, m, batch(*model_->sample), batch(label_sample)).graph;
  }
  unknown_name("mode", mode, known);
}

}  // namespace sinter
