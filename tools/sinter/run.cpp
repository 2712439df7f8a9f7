// `sinter run`: random inputs through the interpreter, the compiled code, or both, bit for bit.

#include <iomanip>
#include <iostream>
#include <map>

#include <sinter/ir/error.h>
#include <sinter/ir/interpreter.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/executable.h>

#include "commands.h"

namespace sinter::tool {

namespace {

using Values = std::map<std::string, ir::NumArray>;

std::vector<std::string> output_names(const ir::Graph& graph) {
  std::vector<std::string> names;
  for (const ir::Output& o : graph.outputs()) names.push_back(o.name);
  return names;
}

std::vector<std::string> output_names(const ir::Program& program) {
  std::vector<std::string> names;
  for (const ir::BufferId id : program.of_kind(ir::BufferKind::output)) names.push_back(program.buffers[id].name);
  return names;
}

/// Outputs and states by name ("output loss", "state dense/kernel"). A state without an update keeps its value.
Values interpreted(const Unit& unit, const ir::Environment& environment) {
  Values values;
  std::visit(
      [&](const auto& u) {
        const ir::InterpreterResult result = interpret(u, environment);
        const std::vector<std::string> names = output_names(u);
        for (std::size_t k = 0; k < names.size(); ++k) values["output " + names[k]] = result.outputs[k];
        for (const auto& [name, value] : result.states) values["state " + name] = value;
      },
      unit);
  return values;
}

ir::Program to_program(const Unit& unit) {
  if (const auto* program = std::get_if<ir::Program>(&unit)) return *program;
  passes::Options options;
  options.target = runtime::host_target();
  const auto& graph = std::get<ir::Graph>(unit);
  return is_fused(graph) ? passes::lower(graph, options) : passes::compile(graph, options);
}

/// The bytes that a port is bound to.
using Storage = std::vector<std::vector<std::byte>>;

Storage storage_for(const std::vector<runtime::Port>& ports, const ir::Environment* contents) {
  Storage storage;
  for (const runtime::Port& port : ports) {
    std::vector<std::byte>& bytes = storage.emplace_back(static_cast<std::size_t>(port.type.bytes()));
    if (contents == nullptr) continue;
    const auto at = contents->find(port.name);
    if (at != contents->end()) bytes = *at->second.to_data().bytes;
  }
  return storage;
}

template <class Pointer>
std::vector<Pointer> addresses(Storage& storage) {
  std::vector<Pointer> result;
  for (auto& bytes : storage) result.push_back(bytes.data());
  return result;
}

void collect(Values& values, const std::string& kind, const std::vector<runtime::Port>& ports, const Storage& storage) {
  for (std::size_t k = 0; k < ports.size(); ++k)
    values[kind + ports[k].name] = ir::NumArray::from(ir::TensorData::copy(ports[k].type, storage[k].data()));
}

Values compiled(const Unit& unit, const ir::Environment& environment, int threads) {
  runtime::CompileOptions options;
  options.target = runtime::host_target();
  options.dump_directory = passes::dump_directory();
  const auto executable = runtime::Executable::compile(to_program(unit), options);
  const runtime::Signature& signature = executable->signature();
  Storage inputs = storage_for(signature.inputs, &environment);
  Storage states = storage_for(signature.states, &environment);
  Storage outputs = storage_for(signature.outputs, nullptr);
  const auto input_addresses = addresses<const void*>(inputs);
  const auto state_addresses = addresses<void*>(states);
  const auto output_addresses = addresses<void*>(outputs);
  runtime::Session session(executable, threads);
  session.run({input_addresses, state_addresses, output_addresses});
  Values values;
  collect(values, "output ", signature.outputs, outputs);
  collect(values, "state ", signature.states, states);
  return values;
}

void print(const Values& values) {
  constexpr std::size_t shown = 16;
  std::cout << std::setprecision(9);
  for (const auto& [name, array] : values) {
    std::cout << name << " : " << array.type << " =";
    for (std::size_t k = 0; k < array.values.size() && k < shown; ++k) std::cout << " " << array.values[k].as_double();
    std::cout << (array.values.size() > shown ? " ...\n" : "\n");
  }
}

/// The first element in which they differ; every value the interpreter gives must be there.
int compare(const Values& expected, const Values& got) {
  int differences = 0;
  std::size_t elements = 0;
  for (const auto& [name, array] : expected) {
    const auto at = got.find(name);
    if (at == got.end() || at->second.type != array.type) {
      std::cout << name << ": missing, or of another type, in the compiled step\n";
      ++differences;
      continue;
    }
    std::size_t wrong = 0;
    std::size_t first = 0;
    for (std::size_t k = array.values.size(); k-- > 0;)
      if (!identical(array.values[k], at->second.values[k])) ++wrong, first = k;
    elements += array.values.size();
    if (wrong == 0) continue;
    ++differences;
    std::cout << std::setprecision(17) << name << ": " << wrong << " of " << array.values.size()
              << " elements differ; the first is " << first << ": interpreter " << array.values[first].as_double()
              << ", compiled " << at->second.values[first].as_double() << "\n";
  }
  if (differences > 0) return failed;
  std::cout << "interpreter and compiled code agree bit for bit: " << expected.size() << " values, " << elements
            << " elements\n";
  return done;
}

}  // namespace

int run(const RunArguments& arguments) {
  const Unit unit = read_unit(arguments.source, arguments.externs);
  const ir::Environment environment =
      std::visit([&](const auto& u) { return passes::random_environment(u, arguments.seed); }, unit);
  switch (arguments.engine) {
    case Engine::interpreter: print(interpreted(unit, environment)); return done;
    case Engine::jit: print(compiled(unit, environment, arguments.threads)); return done;
    case Engine::compare:
      return compare(interpreted(unit, environment), compiled(unit, environment, arguments.threads));
  }
  internal_error("unknown engine");
}

}  // namespace sinter::tool
