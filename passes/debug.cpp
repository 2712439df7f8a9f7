// Checks a pass by running the interpreter before and after it: the interpreter knows nothing of passes, so it is an
// honest judge.

#include <sinter/passes/debug.h>

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/hash.h>
#include <sinter/ir/verify.h>

#include "loop_bodies.h"

namespace sinter::passes {

using ir::Num;
using ir::NumArray;

namespace {

/// splitmix64: small, and good enough to fill tensors.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  /// In [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11U) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

NumArray random_array(std::string_view name, const ir::TensorType& type, bool state, std::uint64_t seed) {
  Random random(seed ^ ir::fnv(name));
  NumArray array{type, {}};
  for (std::int64_t k = 0; k < type.elements(); ++k)
    array.values.push_back(is_integer(type.dtype)
                               ? Num::from_integer(type.dtype, static_cast<std::int64_t>(random.bits() & 7U))
                               : Num::from_double(type.dtype, state ? random.uniform() : 4.0 * random.uniform() - 2.0));
  return array;
}

std::optional<std::string> first_difference(const std::string& what, const NumArray& before, const NumArray& after) {
  if (before.type != after.type) return str(what, ": type changed from ", before.type, " to ", after.type);
  for (std::size_t k = 0; k < before.values.size(); ++k)
    if (!identical(before.values[k], after.values[k]))
      return str(what, ", element ", k, ": ", before.values[k].as_double(), " became ", after.values[k].as_double());
  return std::nullopt;
}

std::optional<std::string> difference(const ir::Graph& before, const ir::InterpreterResult& expected,
                                      const ir::Graph& after, const ir::InterpreterResult& got) {
  for (std::size_t k = 0; k < before.outputs().size(); ++k) {
    const std::string& name = before.outputs()[k].name;
    const auto at = std::ranges::find(after.outputs(), name, &ir::Output::name);
    if (at == after.outputs().end()) return str("output ", name, " is gone");
    const auto position = static_cast<std::size_t>(at - after.outputs().begin());
    if (auto found = first_difference("output " + name, expected.outputs[k], got.outputs[position])) return found;
  }
  for (const auto& [name, value] : expected.states) {
    const auto at = got.states.find(name);
    if (at == got.states.end()) return str("the update of state ", name, " is gone");
    if (auto found = first_difference("state " + name, value, at->second)) return found;
  }
  return std::nullopt;
}

}  // namespace

ir::Environment random_environment(const ir::Graph& graph, std::uint64_t seed) {
  ir::Environment environment;
  const auto fill = [&](const std::vector<ir::NodeId>& nodes, bool state) {
    for (const ir::NodeId id : nodes) {
      const std::string& name = name_of(graph.node(id));
      environment[name] = random_array(name, graph.node(id).results[0], state, seed);
    }
  };
  fill(graph.inputs(), false);
  fill(graph.states(), true);
  return environment;
}

ir::Environment random_environment(const ir::Program& program, std::uint64_t seed) {
  ir::Environment environment;
  for (const ir::Buffer& b : program.buffers)
    if (b.kind == ir::BufferKind::input || b.kind == ir::BufferKind::state)
      environment[b.name] = random_array(b.name, b.type, b.kind == ir::BufferKind::state, seed);
  return environment;
}

std::optional<std::string> difference(const ir::Graph& before, const ir::Graph& after, std::uint64_t seed) {
  const ir::Environment environment = random_environment(before, seed);
  return difference(before, interpret(before, environment), after, interpret(after, environment));
}

std::optional<Culprit> bisect(const ir::Graph& graph, std::span<const Pass> passes, std::uint64_t seed) {
  const ir::Environment environment = random_environment(graph, seed);
  ir::Graph current = graph;
  ir::InterpreterResult expected = interpret(current, environment);
  for (std::size_t k = 0; k < passes.size(); ++k) {
    const auto guilty = [&](const std::string& reason) { return Culprit{k, std::string(passes[k].name), reason}; };
    try {
      ir::Graph next = run_pass(passes[k], current);
      const std::vector<std::string> broken = violations(next);
      if (!broken.empty()) return guilty("the graph it made is not valid: " + broken.front());
      if (next == current) continue;  // the interpreter is slow, and would say the same
      ir::InterpreterResult got = interpret(next, environment);
      const auto found = difference(current, expected, next, got);
      if (found && passes[k].exact) return guilty(*found);
      current = std::move(next);
      expected = std::move(got);
    } catch (const Error& e) {
      return guilty(e.what());
    }
  }
  return std::nullopt;
}

std::optional<Culprit> bisect(const ir::Graph& graph, std::span<const std::string> names, std::uint64_t seed) {
  std::vector<Pass> passes;
  for (const std::string& name : names) passes.push_back(find_pass(name));
  return bisect(graph, passes, seed);
}

}  // namespace sinter::passes
