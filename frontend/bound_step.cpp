#include "bound_step.h"

#include <algorithm>

namespace sinter::detail {

BoundStep::BoundStep(const ir::Graph& graph, const VariableMap& variables, const ExecutionOptions& options)
    : executor_(make_executor(graph, options)) {
  const Ports& ports = executor_->ports();
  inputs_.resize(ports.inputs.size());
  for (const Port& port : ports.states) {
    const auto found = variables.find(port.name);
    check(found != variables.end(), "no variable for state '", port.name, "'");
    variables_.push_back(found->second);
    states_.push_back(found->second->contents.data());
  }
  for (const Port& port : ports.outputs) {
    buffers_.emplace_back(port.type.bytes());
    outputs_.push_back(buffers_.back().data());
  }
}

const TensorType* BoundStep::input_type(std::string_view name) const {
  const auto& inputs = executor_->ports().inputs;
  const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const Port& p) { return p.name == name; });
  return found == inputs.end() ? nullptr : &found->type;
}

void BoundStep::bind(std::string_view name, const void* address) {
  const auto& inputs = executor_->ports().inputs;
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (inputs[k].name == name) inputs_[k] = address;
}

void BoundStep::run() { executor_->run(inputs_, states_, outputs_); }

std::size_t BoundStep::output_index(std::string_view name) const {
  const auto& ports = executor_->ports().outputs;
  const auto found = std::find_if(ports.begin(), ports.end(), [&](const Port& p) { return p.name == name; });
  check(found != ports.end(), "the step has no output '", name, "'");
  return static_cast<std::size_t>(found - ports.begin());
}

double BoundStep::scalar(std::size_t index) const {
  if (executor_->ports().outputs[index].type.dtype == DType::f64) return *static_cast<const double*>(outputs_[index]);
  return static_cast<double>(*static_cast<const float*>(outputs_[index]));
}

Array BoundStep::array(std::size_t index) const {
  const TensorType& type = executor_->ports().outputs[index].type;
  return Array::from_bytes(type,
                           {static_cast<const std::byte*>(outputs_[index]), static_cast<std::size_t>(type.bytes())});
}

}  // namespace sinter::detail
