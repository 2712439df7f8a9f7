#include <sinter/frontend/near_matches.h>
#include <sinter/frontend/step.h>
#include <sinter/ir/ops/source.h>
#include <sinter/passes/differentiate.h>

#include <algorithm>

#include "bound_step.h"
#include "trace.h"

namespace sinter {
namespace detail {

struct StepState {
  StepState(const ir::Graph& graph, VariableMap states, const ExecutionOptions& options)
      : variables(std::move(states)), bound(graph, variables, options) {
    for (const ir::NodeId id : graph.inputs())
      inputs.push_back({ir::name_of(graph.node(id)), graph.node(id).results[0]});
  }
  VariableMap variables;
  std::vector<Port> inputs;  // all of them, used or not
  BoundStep bound;
};

struct StepBuilderState {
  explicit StepBuilderState(const StepOptions& options)
      : graph(options.name),
        root(std::make_shared<LayerState>()),
        trace(graph, options.training, RandomState::make(options.seed), root) {
    root->name = options.name;
    trace.fix_batch();
  }
  ir::Graph graph;
  std::shared_ptr<LayerState> root;
  Trace trace;
  VariableMap optimizer;
};

}  // namespace detail

namespace {

template <class Map>
std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

const std::shared_ptr<detail::VariableState>& find_state(const detail::StepState& step, std::string_view name) {
  const auto found = step.variables.find(name);
  if (found == step.variables.end()) unknown_name("state", name, keys(step.variables));
  return found->second;
}

/// The contents in the dtype and shape of the port.
Array fitted(const detail::Port& port, const Array& data) {
  if (data.shape() != port.type.shape && data.size() != port.type.elements())
    user_error("input '", port.name, "': expected ", port.type, ", got shape ", data.shape());
  return data.astype(port.type.dtype).reshape(port.type.shape);
}

}  // namespace

const Array& StepResult::operator[](std::string_view name) const {
  const auto found = std::find_if(items_.begin(), items_.end(), [&](const auto& item) { return item.first == name; });
  if (found == items_.end()) unknown_name("output", name, keys(items_));
  return found->second;
}

Step::Step(std::unique_ptr<detail::StepState> state) : state_(std::move(state)) {}
Step::~Step() = default;
Step::Step(Step&&) noexcept = default;
Step& Step::operator=(Step&&) noexcept = default;

StepResult Step::run(const Inputs& inputs) {
  std::vector<std::string> known;
  for (const detail::Port& port : state_->inputs) known.push_back(port.name);
  for (const auto& [name, data] : inputs)
    if (std::find(known.begin(), known.end(), name) == known.end()) unknown_name("input", name, known);
  std::vector<Array> kept;  // conversions live until the step has run
  for (const detail::Port& port : state_->inputs) {
    const auto given =
        std::find_if(inputs.begin(), inputs.end(), [&](const auto& item) { return item.first == port.name; });
    if (given != inputs.end())
      kept.push_back(fitted(port, given->second.array()));
    else if (port.name == "first_row")
      kept.push_back(Array::zeros({}, DType::u32));
    else
      user_error("input '", port.name, "' of type ", port.type, " is missing");
    state_->bound.bind(port.name, kept.back().bytes().data());
  }
  state_->bound.run();
  std::vector<std::pair<std::string, Array>> results;
  for (std::size_t k = 0; k < state_->bound.outputs().size(); ++k)
    results.emplace_back(state_->bound.outputs()[k].name, state_->bound.array(k));
  return StepResult(std::move(results));
}

Array Step::state(std::string_view name) const { return find_state(*state_, name)->value(); }
void Step::set_state(std::string_view name, const Array& value) { find_state(*state_, name)->assign(value); }
std::vector<std::string> Step::state_names() const { return keys(state_->variables); }

Step compile_step(const ir::Graph& graph, const ExecutionOptions& options) {
  detail::VariableMap variables;
  for (const ir::NodeId id : graph.states()) {
    const std::string& name = ir::name_of(graph.node(id));
    const TensorType& type = graph.node(id).results[0];
    variables[name] = detail::make_variable(name, Array::zeros(type.shape, type.dtype));
  }
  return Step(std::make_unique<detail::StepState>(graph, std::move(variables), options));
}

std::vector<Tensor> gradients(const Tensor& loss, const std::vector<Operand>& with_respect_to) {
  std::vector<ir::Expr> values;
  for (const Operand& o : with_respect_to) values.push_back(o.in(loss.graph()).expr());
  std::vector<Tensor> result;
  for (const ir::Expr& g : passes::gradients(loss.expr(), values)) result.emplace_back(g);
  return result;
}

StepBuilder::StepBuilder(const StepOptions& options) : state_(std::make_unique<detail::StepBuilderState>(options)) {}
StepBuilder::~StepBuilder() = default;

Tensor StepBuilder::input(const std::string& name, const Dims& shape, DType dtype) {
  if (state_->graph.find(name)) user_error("the name '", name, "' is taken by another input or state of this step");
  return Tensor(ir::input(state_->graph, name, {dtype, shape.shape(str("input '", name, "'"))}));
}

Variable StepBuilder::variable(const std::string& name, const Array& initial) {
  if (state_->graph.find(name)) user_error("the name '", name, "' is taken by another input or state of this step");
  auto made = detail::make_variable(name, initial);
  made->trainable = true;
  state_->trace.read(made);
  return Variable(std::move(made));
}

std::vector<Tensor> StepBuilder::gradients(const Tensor& loss, const std::vector<Variable>& with_respect_to) {
  std::vector<Operand> values;
  for (const Variable& v : with_respect_to) values.emplace_back(Tensor(state_->trace.read(v.state())));
  return sinter::gradients(loss, values);
}

void StepBuilder::update(const Variable& variable, const Operand& value) {
  const Tensor next = value.in(state_->graph, variable.dtype());
  if (next.type() != variable.type())
    user_error(variable.path(), ": expected an update of type ", variable.type(), ", got ", next.type());
  state_->trace.update(variable.state(), next.expr());
}

void StepBuilder::minimize(const Tensor& loss, const std::vector<Variable>& weights, const AnyOptimizer& optimizer) {
  const std::vector<Tensor> slopes = gradients(loss, weights);
  std::vector<Parameter> parameters;
  for (std::size_t k = 0; k < weights.size(); ++k)
    parameters.push_back(
        {weights[k].path(), Tensor(state_->trace.read(weights[k].state())), slopes[k], weights[k].state()->constraint});
  OptimizerStates states(state_->graph);
  optimizer->apply(parameters, states);
  for (const OptimizerState& s : states.list())
    state_->optimizer[s.name] = detail::make_variable(s.name, Array::full(s.type.shape, s.initial, s.type.dtype));
}

void StepBuilder::output(const std::string& name, const Tensor& value) {
  state_->graph.add_output(name, value.expr().value());
}

ir::Graph& StepBuilder::graph() { return state_->graph; }

Step StepBuilder::compile(const ExecutionOptions& options) {
  detail::VariableMap variables = state_->optimizer;
  for (const auto& [name, variable] : state_->trace.variables()) variables[name] = variable;
  return Step(std::make_unique<detail::StepState>(state_->graph, std::move(variables), options));
}

}  // namespace sinter
