#pragma once
// The seam between the frontend and what runs a graph: machine code or the reference interpreter.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <sinter/frontend/execution.h>
#include <sinter/ir/graph.h>

namespace sinter::detail {

struct Port {
  std::string name;
  ir::TensorType type;
};

/// What has to be bound, in this order. Inputs and states that nothing depends on may be missing.
struct Ports {
  std::vector<Port> inputs, states, outputs;
};

class Executor {
 public:
  virtual ~Executor() = default;
  virtual const Ports& ports() const = 0;
  /// Size of the built-in team from the next run on; compiles nothing. A caller's own team stays as it is.
  virtual void set_threads(int threads) = 0;
  /// Dense row-major contents at the addresses, in the order of the ports. States are updated in place.
  virtual void run(std::span<const void* const> inputs, std::span<void* const> states,
                   std::span<void* const> outputs) = 0;
};

/// Compiles the graph.
std::unique_ptr<Executor> make_executor(const ir::Graph& graph, const ExecutionOptions& options);

}  // namespace sinter::detail
