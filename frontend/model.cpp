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

Model::Model(const SymbolList& inputs, const SymbolList& outputs, ModelOptions options) : Model(std::move(options)) {
  model_->symbols.emplace(name(), inputs.symbols(), outputs.symbols());
  const std::shared_ptr<detail::LayerState>& state = detail::LayerAccess::state(*this);
  // Names count layers as they were made; weights come in Keras's order.
  for (const auto& layer : model_->symbols->layers()) detail::adopt(state, *layer);
  state->children.clear();
  for (const auto& layer : model_->symbols->layers_by_depth())
    state->children.push_back(detail::LayerAccess::state(*layer));
  detail::define_inputs(*this, *model_, detail::ports_of(*this, inputs.symbols()));
  detail::build_model(*this, *model_);
}

void Model::set_function(std::function<Tensor(const Tensor&)> function) {
  model_->function = [f = std::move(function)](const Tensors& xs) { return Tensors{f(xs.front())}; };
}
void Model::set_functions(std::function<Tensors(const Tensors&)> function) { model_->function = std::move(function); }

Tensors Model::call_many(Tensors xs) {
  if (!model_->symbols && !model_->function) return Layer::call_many(std::move(xs));
  const std::size_t expected = model_->symbols ? model_->symbols->inputs().size() : model_->inputs.size();
  if (xs.size() != expected && expected != 0) fail(str("expected ", expected, " inputs, got ", xs.size()));
  return model_->symbols ? model_->symbols->run(xs) : model_->function(xs);
}

Tensor Model::call(Tensor x) {
  if (!model_->symbols && !model_->function) return Layer::call(x);
  const Tensors ys = call_many({x});
  if (ys.size() != 1) fail(str("gives ", ys.size(), " tensors; call it with a list, as in model(Tensors{x})"));
  return ys.front();
}

std::uint64_t Model::seed() const { return model_->seed; }

void Model::set_input(const Input& input) { set_inputs({input}); }

void Model::set_inputs(const std::vector<Input>& inputs) {
  detail::define_inputs(*this, *model_, detail::ports_of(*this, inputs));
  detail::build_model(*this, *model_);
}

namespace {

std::vector<std::string> names_of(const std::vector<detail::ModelPort>& ports) {
  std::vector<std::string> names;
  for (const detail::ModelPort& port : ports) names.push_back(port.name);
  return names;
}

}  // namespace

std::vector<std::string> Model::input_names() const { return names_of(model_->inputs); }
std::vector<std::string> Model::output_names() const { return names_of(model_->outputs); }

std::vector<std::shared_ptr<Layer>> Model::parts() const {
  if (model_->symbols) return model_->symbols->layers_by_depth();
  return detail::LayerAccess::checked(*this).call_sites;
}

namespace {

const std::vector<std::shared_ptr<Layer>>& made_inside(const Layer& layer) {
  return detail::LayerAccess::checked(layer).call_sites;
}

}  // namespace

Layer& Model::layer(std::string_view wanted) const {
  const std::string_view first = wanted.substr(0, wanted.find('/'));
  std::vector<std::string> names;
  for (const std::shared_ptr<Layer>& part : parts()) {
    names.push_back(part->name());
    if (part->name() != first) continue;
    if (first.size() == wanted.size()) return *part;
    const std::string_view rest = wanted.substr(first.size() + 1);
    if (const auto* model = dynamic_cast<const Model*>(part.get())) return model->layer(rest);
    for (const std::shared_ptr<Layer>& inner : made_inside(*part))
      if (inner->name() == rest) return *inner;
    unknown_name(str("layer of ", part->name()), rest, {});
  }
  unknown_name(str("layer of ", name()), wanted, names);
}

void Model::compile(AnyOptimizer optimizer, AnyLoss loss, std::vector<AnyMetric> metrics, ExecutionOptions execution) {
  compile({.optimizer = std::move(optimizer),
           .loss = std::move(loss),
           .metrics = std::move(metrics),
           .execution = std::move(execution)});
}

void Model::compile(CompileOptions options) {
  const ExecutionOptions& execution = options.execution;
  if (execution.threads < 1) user_error(name(), ": compile(): threads must be positive, got ", execution.threads);
  if (execution.steps_per_execution < 1)
    user_error(name(), ": compile(): steps_per_execution must be positive, got ", execution.steps_per_execution);
  if (execution.memory_budget && *execution.memory_budget < 0)
    user_error(name(), ": compile(): memory_budget must not be negative, got ", *execution.memory_budget);
  model_->steps.clear();
  model_->optimizer.clear();
  model_->optimizer_order.clear();
  model_->averages_in_weights = false;
  model_->compiled = detail::Compiled{std::move(options), std::nullopt};
  if (!built()) return;
  model_->compiled->trainable = trainable_weights();
  if (!model_->outputs.empty()) (void)detail::supervision(*this, *model_);  // names are checked now
}

double Model::learning_rate() const {
  const AnyOptimizer& optimizer = detail::expect_compiled(*this, *model_, "learning_rate()").options.optimizer;
  const LearningRate& rate = optimizer->options().learning_rate;
  if (rate.is_schedule()) user_error(name(), ": the learning rate follows a schedule; it has no value of its own");
  return model_->optimizer_variable(optimizer->learning_rate_name(), {DType::f32, {}}, rate.value())->value().item();
}

void Model::set_learning_rate(double value) {
  (void)learning_rate();  // makes the state, refuses a schedule
  model_->optimizer.at(model_->compiled->options.optimizer->learning_rate_name())->assign(Array(value));
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
    return detail::trace_step(*this, *model_, m, detail::batches_of(model_->inputs, batch_size),
                              detail::label_types(*this, *model_, m, batch_size, label_sample))
        .graph;
  }
  unknown_name("mode", mode, known);
}

}  // namespace sinter
