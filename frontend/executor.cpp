#include "executor.h"

#include <sinter/ir/extern.h>
#include <sinter/ir/interpreter.h>
#include <sinter/ir/text.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/code_cache.h>
#include <sinter/runtime/executable.h>

#include <cstring>
#include <iostream>

#include "warn.h"

namespace sinter::detail {
namespace {

std::vector<Port> ports_of(const std::vector<runtime::Port>& ports) {
  std::vector<Port> result;
  for (const runtime::Port& p : ports) result.push_back({p.name, p.type});
  return result;
}

void pass_on(const std::string& warning) {
  if (!warning.empty()) warn_once(warning);
}

/// A step from disk, or compiled and then kept there.
std::shared_ptr<const runtime::Executable> compiled(const ir::Graph& graph, const ExecutionOptions& options) {
  const ir::Target target = runtime::host_target();
  const auto externs = ir::bound_externs(ir::extern_calls(graph));
  const std::string dump = passes::dump_directory();  // every stage is to be seen, so every stage runs
  const runtime::CodeCache cache =
      options.cache && dump.empty() ? runtime::CodeCache::standard() : runtime::CodeCache();
  const std::string key = cache.enabled()
                              ? runtime::cache_key(ir::print(graph), target, options.disabled, options.memory_budget)
                              : std::string();
  runtime::CodeCache::Found found =
      options.print_memory_curve.value_or(false) ? runtime::CodeCache::Found() : cache.find(key);
  pass_on(found.warning);
  if (found.image) return runtime::Executable::link(std::move(*found.image), externs);
  passes::Options pass_options;
  pass_options.target = target;
  pass_options.disabled = options.disabled;
  pass_options.memory_budget = options.memory_budget;
  if (options.print_memory_curve.value_or(options.memory_budget.has_value()))
    pass_options.memory_report = [&](std::string_view table) {
      std::cout << graph.name() << '\n' << table << std::flush;
    };
  runtime::CompileOptions code_options;
  code_options.target = target;
  code_options.dump_directory = dump;
  runtime::Image image = runtime::Executable::build(passes::compile(graph, pass_options), code_options);
  pass_on(cache.keep(key, image));
  return runtime::Executable::link(std::move(image), externs);
}

class JitExecutor : public Executor {
 public:
  JitExecutor(const ir::Graph& graph, const ExecutionOptions& options)
      : threads_(options.threads),
        team_(options.team),
        executable_(compiled(graph, options)),
        session_(team_ != nullptr ? runtime::Session(executable_, *team_) : runtime::Session(executable_, threads_)) {
    const runtime::Signature& s = session_.executable().signature();
    ports_ = {ports_of(s.inputs), ports_of(s.states), ports_of(s.outputs)};
  }
  const Ports& ports() const override { return ports_; }
  void set_threads(int threads) override {
    if (threads == threads_ || team_ != nullptr) return;
    session_ = runtime::Session(executable_, threads);
    threads_ = threads;
  }
  void run(std::span<const void* const> inputs, std::span<void* const> states,
           std::span<void* const> outputs) override {
    session_.run({inputs, states, outputs});
  }

 private:
  int threads_;
  runtime::Team* team_;
  std::shared_ptr<const runtime::Executable> executable_;
  runtime::Session session_;
  Ports ports_;
};

class InterpreterExecutor : public Executor {
 public:
  explicit InterpreterExecutor(const ir::Graph& graph) : graph_(graph) {
    for (const ir::NodeId id : graph_.inputs()) ports_.inputs.push_back(port(id));
    for (const ir::NodeId id : graph_.states()) ports_.states.push_back(port(id));
    for (const ir::Output& o : graph_.outputs()) ports_.outputs.push_back({o.name, graph_.type(o.value)});
  }
  const Ports& ports() const override { return ports_; }
  void set_threads(int /*threads*/) override {}
  void run(std::span<const void* const> inputs, std::span<void* const> states,
           std::span<void* const> outputs) override {
    ir::Environment environment;
    for (std::size_t k = 0; k < inputs.size(); ++k)
      environment[ports_.inputs[k].name] = read(ports_.inputs[k], inputs[k]);
    for (std::size_t k = 0; k < states.size(); ++k)
      environment[ports_.states[k].name] = read(ports_.states[k], states[k]);
    const ir::InterpreterResult result = ir::interpret(graph_, environment);
    for (std::size_t k = 0; k < outputs.size(); ++k) write(result.outputs[k], outputs[k]);
    for (std::size_t k = 0; k < states.size(); ++k)
      if (const auto changed = result.states.find(ports_.states[k].name); changed != result.states.end())
        write(changed->second, states[k]);
  }

 private:
  Port port(ir::NodeId id) const { return {ir::name_of(graph_.node(id)), graph_.node(id).results[0]}; }
  static ir::NumArray read(const Port& port, const void* address) {
    return ir::NumArray::from(ir::TensorData::copy(port.type, address));
  }
  static void write(const ir::NumArray& value, void* address) {
    const ir::TensorData data = value.to_data();
    std::memcpy(address, data.bytes->data(), data.bytes->size());
  }
  ir::Graph graph_;
  Ports ports_;
};

}  // namespace

std::unique_ptr<Executor> make_executor(const ir::Graph& graph, const ExecutionOptions& options) {
  if (options.backend == Backend::interpreter) return std::make_unique<InterpreterExecutor>(graph);
  return std::make_unique<JitExecutor>(graph, options);
}

}  // namespace sinter::detail
