// Weights: their contents on the host and their place in a trace.

#include <sinter/frontend/variable.h>

#include <algorithm>
#include <cstring>

#include "layer_state.h"
#include "trace.h"

namespace sinter {
namespace detail {

HostBuffer::HostBuffer(std::int64_t size) : data_(ir::allocate_zeros(size)), size_(size) {}

void VariableState::initialize(std::uint64_t seed) {
  if (!initializer) return;
  const Array value = (*initializer)({type.shape, type.dtype, seed, path});
  contents = HostBuffer(type.bytes());
  assign(value);
  initializer.reset();
}

void VariableState::assign(const Array& value) {
  if (contents.data() == nullptr)
    user_error(path, ": the weight has no contents until its layer was called in a model");
  if (value.shape() != type.shape)
    user_error(path, ": expected a value of shape ", type.shape, ", got ", value.shape());
  const Array converted = value.astype(type.dtype);
  std::memcpy(contents.data(), converted.bytes().data(), static_cast<std::size_t>(type.bytes()));
  ++version;
}

Array VariableState::value() const {
  if (contents.data() == nullptr)
    user_error(path, ": the weight has no contents until its layer was called in a model");
  return Array::from_bytes(type, {contents.data(), static_cast<std::size_t>(type.bytes())});
}

std::shared_ptr<VariableState> make_variable(std::string path, const Array& value) {
  auto variable = std::make_shared<VariableState>();
  variable->name = path;
  variable->path = std::move(path);
  variable->type = value.type();
  variable->trainable = false;
  variable->contents = HostBuffer(value.type().bytes());
  variable->assign(value);
  return variable;
}

}  // namespace detail

detail::VariableState& Variable::checked() const {
  if (state_ == nullptr) {
    const detail::Trace* trace = detail::Trace::current();
    user_error(detail::where(trace == nullptr ? nullptr : &trace->graph(), "variable"),
               ": it names no weight; build() has to assign the result of add_weight() to it");
  }
  return *state_;
}

const std::string& Variable::name() const { return checked().name; }
const std::string& Variable::path() const { return checked().path; }
const TensorType& Variable::type() const { return checked().type; }

bool Variable::trainable() const {
  const detail::VariableState& state = checked();
  const auto layer = state.layer.lock();
  return state.trainable && (layer == nullptr || layer->trainable);
}

Array Variable::value() const { return checked().value(); }
void Variable::assign(const Array& value) const { checked().assign(value); }

Tensor Variable::tensor() const {
  const detail::VariableState& state = checked();
  detail::Trace* trace = detail::Trace::current();
  if (trace == nullptr)
    user_error(state.path,
               ": a weight stands for a symbolic value only inside a layer's call(); value() reads its contents");
  return Tensor(trace->read(state_));
}

void Variable::update(const Operand& value) const {
  const detail::VariableState& state = checked();
  detail::Trace* trace = detail::Trace::current();
  if (trace == nullptr) user_error(state.path, ": update() works inside a layer's call(); assign() sets the contents");
  if (!trace->training()) return;
  const Tensor next = value.in(trace->graph(), state.type.dtype);
  if (next.type() != state.type)
    user_error(state.path, ": expected an update of type ", state.type, ", got ", next.type());
  trace->update(state_, next.expr());
}

}  // namespace sinter
