#include "executor.h"

#include <sinter/ir/interpreter.h>
#include <sinter/ir/verify.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/executable.h>

#include <cstring>

namespace sinter::detail {
namespace {

std::vector<Port> ports_of(const std::vector<runtime::Port>& ports) {
  std::vector<Port> result;
  for (const runtime::Port& p : ports) result.push_back({p.name, p.type});
  return result;
}

class JitExecutor : public Executor {
 public:
  JitExecutor(const ir::Graph& graph, const ExecutionOptions& options)
      : threads_(options.threads),
        team_(options.team),
        executable_(compile(graph, options)),
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
  static std::shared_ptr<const runtime::Executable> compile(const ir::Graph& graph, const ExecutionOptions& options) {
    const ir::Target target = runtime::host_target();
    passes::Options pass_options;
    pass_options.target = target;
    pass_options.disabled = options.disabled;
    const ir::Program program = passes::compile(graph, pass_options);
    runtime::CompileOptions code_options;
    code_options.target = target;
    code_options.dump_directory = passes::dump_directory();
    return runtime::Executable::compile(program, code_options);
  }
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
