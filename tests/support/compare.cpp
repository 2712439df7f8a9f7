#include "support/compare.h"

#include <cstring>

#include <sinter/ir/error.h>
#include <sinter/runtime/executable.h>

#include "reference/dtype.h"
#include "support/random_values.h"

namespace sinter::test {

namespace {

using ir::BufferKind;
using ir::NumArray;

std::string difference(const std::string& what, const NumArray& expected, const NumArray& got) {
  if (expected.type != got.type) return str(what, ": type ", got.type, ", expected ", expected.type);
  const ir::TensorData a = expected.to_data();
  const ir::TensorData b = got.to_data();
  const ir::DType dtype = a.type.dtype;
  for (std::int64_t k = 0; k < a.type.elements(); ++k) {
    const reference::Cell x = reference::decode(dtype, a.bytes->data() + k * ir::size_of(dtype));
    const reference::Cell y = reference::decode(dtype, b.bytes->data() + k * ir::size_of(dtype));
    if (!reference::same(dtype, x, y))
      return str(what, " ", a.type, " element ", k, ": got ", reference::show(dtype, y), ", expected ",
                 reference::show(dtype, x));
  }
  return {};
}

/// Owned bytes of one buffer or of an arena, aligned as sessions align theirs.
class Bytes {
 public:
  explicit Bytes(std::int64_t size) : memory_(static_cast<std::size_t>(size) + 64, std::byte{0xFF}) {}
  std::byte* data() {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    return memory_.data() + (64 - address % 64) % 64;
  }

 private:
  std::vector<std::byte> memory_;
};

void fill(std::byte* to, const ir::TensorData& data) {
  if (!data.bytes->empty()) std::memcpy(to, data.bytes->data(), data.bytes->size());
}

NumArray load(const ir::TensorType& type, const std::byte* from) {
  return NumArray::from(ir::TensorData::copy(type, from));
}

const NumArray& bound(const ir::Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  if (found == environment.end()) internal_error("test: '", name, "' is not bound");
  return found->second;
}

}  // namespace

std::string difference(const ir::InterpreterResult& expected, const ir::InterpreterResult& got,
                       const ir::Environment& environment) {
  if (expected.outputs.size() != got.outputs.size())
    return str(got.outputs.size(), " outputs, expected ", expected.outputs.size());
  for (std::size_t k = 0; k < got.outputs.size(); ++k) {
    const std::string found = difference(str("output ", k), expected.outputs[k], got.outputs[k]);
    if (!found.empty()) return found;
  }
  const auto new_value = [&](const ir::InterpreterResult& result, const std::string& name) -> const NumArray& {
    const auto at = result.states.find(name);
    return at == result.states.end() ? bound(environment, name) : at->second;
  };
  for (const auto* result : {&expected, &got})
    for (const auto& [name, value] : result->states) {
      const std::string found = difference("state " + name, new_value(expected, name), new_value(got, name));
      if (!found.empty()) return found;
    }
  return {};
}

namespace {

class ArenaRun {
 public:
  ArenaRun(const ir::Program& program, const ir::Environment& environment)
      : program_(program), arena_(program.arena_bytes) {
    for (const ir::Buffer& b : program.buffers) {
      const bool elsewhere = b.kind == BufferKind::arena || b.kind == BufferKind::slice;
      own_.emplace_back(elsewhere ? 0 : b.type.bytes());
      if (b.kind == BufferKind::input || b.kind == BufferKind::state)
        fill(own_.back().data(), bound(environment, b.name).to_data());
      if (b.kind == BufferKind::constant) fill(own_.back().data(), b.data);
    }
  }

  ir::InterpreterResult run() {
    run_items(program_.items);
    ir::InterpreterResult result;
    for (ir::BufferId id = 0; id < program_.buffers.size(); ++id) {
      const ir::Buffer& b = program_.buffers[id];
      if (b.kind == BufferKind::output) result.outputs.push_back(load(b.type, address(id)));
      if (b.kind == BufferKind::state) result.states[b.name] = load(b.type, address(id));
    }
    return result;
  }

 private:
  std::byte* address(ir::BufferId id) {
    const ir::Buffer& b = program_.buffers[id];
    if (b.kind == BufferKind::slice)
      return address(b.of) + b.offset + b.stride * turns_[static_cast<std::size_t>(b.depth)];
    return b.kind == BufferKind::arena ? arena_.data() + b.offset : own_[id].data();
  }

  void run_items(const std::vector<ir::Item>& items) {
    for (const ir::Item& item : items) {
      if (const auto* kernel = std::get_if<ir::Kernel>(&item)) run_kernel(*kernel);
      const auto* loop = std::get_if<std::shared_ptr<const ir::Loop>>(&item);
      if (loop == nullptr) continue;
      turns_.push_back(0);
      for (; turns_.back() < (*loop)->count; ++turns_.back()) run_items((*loop)->items);
      turns_.pop_back();
    }
  }

  void run_kernel(const ir::Kernel& kernel) {
    const std::vector<ir::NodeId> inputs = kernel.body->inputs();
    ir::Environment environment;
    for (std::size_t k = 0; k < inputs.size(); ++k)
      environment[name_of(kernel.body->node(inputs[k]))] =
          load(kernel.body->node(inputs[k]).results[0], address(kernel.inputs[k]));
    if (environment.size() != inputs.size()) internal_error("kernel '", kernel.name, "': two inputs have one name");
    const ir::InterpreterResult result = ir::interpret(*kernel.body, environment);
    for (std::size_t k = 0; k < kernel.outputs.size(); ++k)
      fill(address(kernel.outputs[k]), result.outputs[k].to_data());
  }

  const ir::Program& program_;
  Bytes arena_;
  std::vector<Bytes> own_;
  std::vector<std::int64_t> turns_;  // of the loops around
};

}  // namespace

ir::InterpreterResult run_in_arena(const ir::Program& program, const ir::Environment& environment) {
  return ArenaRun(program, environment).run();
}

namespace {

/// The memory that a signature asks for.
class Bound {
 public:
  explicit Bound(const runtime::Signature& signature) : signature_(signature) {
    for (const auto& p : signature.inputs)
      inputs_.emplace_back(p.type.bytes()), input_addresses_.push_back(inputs_.back().data());
    for (const auto& p : signature.states)
      states_.emplace_back(p.type.bytes()), state_addresses_.push_back(states_.back().data());
    for (const auto& p : signature.outputs)
      outputs_.emplace_back(p.type.bytes()), output_addresses_.push_back(outputs_.back().data());
  }

  /// contents(port) gives what inputs and states hold.
  template <class Contents>
  void set(Contents contents) {
    for (std::size_t k = 0; k < inputs_.size(); ++k) fill(inputs_[k].data(), contents(signature_.inputs[k]));
    for (std::size_t k = 0; k < states_.size(); ++k) fill(states_[k].data(), contents(signature_.states[k]));
    for (std::size_t k = 0; k < outputs_.size(); ++k) fill(outputs_[k].data(), poison(signature_.outputs[k].type));
  }

  runtime::Bindings bindings() const { return {input_addresses_, state_addresses_, output_addresses_}; }

  ir::InterpreterResult result() {
    ir::InterpreterResult r;
    for (std::size_t k = 0; k < outputs_.size(); ++k)
      r.outputs.push_back(load(signature_.outputs[k].type, outputs_[k].data()));
    for (std::size_t k = 0; k < states_.size(); ++k)
      r.states[signature_.states[k].name] = load(signature_.states[k].type, states_[k].data());
    return r;
  }

 private:
  const runtime::Signature& signature_;
  std::vector<Bytes> inputs_, states_, outputs_;
  std::vector<const void*> input_addresses_;
  std::vector<void*> state_addresses_, output_addresses_;
};

}  // namespace

ir::InterpreterResult run_compiled(const ir::Program& program, const ir::Environment& environment,
                                   const JitOptions& options) {
  runtime::CompileOptions compile;
  compile.target = options.target;
  compile.checked = options.checked;
  const auto executable = runtime::Executable::compile(program, compile);
  runtime::Session session(executable, options.threads);
  Bound memory(executable->signature());
  memory.set([](const runtime::Port& port) { return poison(port.type); });
  session.run(memory.bindings());
  memory.set([&](const runtime::Port& port) { return bound(environment, port.name).to_data(); });
  session.run(memory.bindings());
  return memory.result();
}

}  // namespace sinter::test
