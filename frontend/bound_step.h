#pragma once
// A compiled graph with its states bound to the variables they stand for and its outputs to memory of its own. Running
// it allocates nothing.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "executor.h"
#include "layer_state.h"

namespace sinter::detail {

using VariableMap = std::map<std::string, std::shared_ptr<VariableState>, std::less<>>;

class BoundStep {
 public:
  /// `variables`: one for every state of the graph, by the state's name.
  BoundStep(const ir::Graph& graph, const VariableMap& variables, const ExecutionOptions& options);

  /// The type of an input, or nullptr when nothing depends on it.
  const TensorType* input_type(std::string_view name) const;
  /// Binds an input; one that nothing depends on is ignored.
  void bind(std::string_view name, const void* address);
  void run();
  void set_threads(int threads) { executor_->set_threads(threads); }

  /// The number of an output.
  std::size_t output_index(std::string_view name) const;
  const TensorType& output_type(std::size_t index) const { return executor_->ports().outputs[index].type; }
  const void* output(std::size_t index) const { return outputs_[index]; }
  /// An f32 or f64 scalar output.
  double scalar(std::size_t index) const;
  Array array(std::size_t index) const;
  const std::vector<Port>& outputs() const { return executor_->ports().outputs; }
  const std::vector<Port>& inputs() const { return executor_->ports().inputs; }

 private:
  std::unique_ptr<Executor> executor_;
  std::vector<std::shared_ptr<VariableState>> variables_;
  std::vector<HostBuffer> buffers_;
  std::vector<const void*> inputs_;
  std::vector<void*> states_, outputs_;
};

}  // namespace sinter::detail
