#pragma once
// The level below Model: build the graph of a step by hand, compile it, run it.
//
//   StepBuilder b;
//   Tensor x = b.input("x", {4, 1}), y = b.input("y", {4, 1});
//   Variable w = b.variable("w", Array::zeros({1, 1}));
//   Tensor loss = mean(square(matmul(x, w) - y));
//   Tensor g = b.gradients(loss, {w})[0];
//   b.update(w, w - 0.1 * g);
//   b.output("loss", loss);
//   Step step = b.compile();
//   double now = step.run({{"x", xs}, {"y", ys}})["loss"].item();

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sinter/frontend/data.h>
#include <sinter/frontend/execution.h>
#include <sinter/frontend/layer.h>
#include <sinter/frontend/optimizers.h>

namespace sinter {

namespace detail {
struct StepBuilderState;
struct StepState;
}  // namespace detail

/// Outputs of a run, by name.
class SINTER_API StepResult {
 public:
  explicit StepResult(std::vector<std::pair<std::string, Array>> items) : items_(std::move(items)) {}
  /// Throws UserError with near matches for an unknown name.
  const Array& operator[](std::string_view name) const;
  const std::vector<std::pair<std::string, Array>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, Array>> items_;
};

/// A compiled step. Its states live as long as it does.
class SINTER_API Step {
 public:
  using Inputs = std::vector<std::pair<std::string, Data>>;

  ~Step();
  Step(Step&&) noexcept;
  Step& operator=(Step&&) noexcept;

  /// Runs once: every input by name, then the states hold their new values. Throws UserError for a missing or unknown
  /// input and for other shapes; dtypes convert.
  StepResult run(const Inputs& inputs);
  /// Contents of a state.
  Array state(std::string_view name) const;
  void set_state(std::string_view name, const Array& value);
  std::vector<std::string> state_names() const;

 private:
  friend class StepBuilder;
  friend SINTER_API Step compile_step(const ir::Graph& graph, const ExecutionOptions& options);
  explicit Step(std::unique_ptr<detail::StepState> state);
  std::unique_ptr<detail::StepState> state_;
};

/// Compiles any graph. States begin as zeros; see Step::set_state.
SINTER_API Step compile_step(const ir::Graph& graph, const ExecutionOptions& options = {});

/// Gradients of a scalar loss with respect to values of its graph. They are ordinary tensors and can be differentiated
/// again. Throws UserError naming the layer where something on the way has no derivative.
SINTER_API std::vector<Tensor> gradients(const Tensor& loss, const std::vector<Operand>& with_respect_to);

struct StepOptions {
  std::string name = "step";
  std::uint64_t seed = 0;
  bool training = true;  // what Layer::training() says
};

/// Collects one graph. While it lives, the layers, weights and numbers used on this thread write into it.
class SINTER_API StepBuilder {
 public:
  explicit StepBuilder(const StepOptions& options = {});
  ~StepBuilder();
  StepBuilder(const StepBuilder&) = delete;
  StepBuilder& operator=(const StepBuilder&) = delete;

  /// A value given at every run. The shape includes the batch.
  Tensor input(const std::string& name, const Dims& shape, DType dtype = DType::f32);
  /// A state that begins with `initial`.
  Variable variable(const std::string& name, const Array& initial);
  std::vector<Tensor> gradients(const Tensor& loss, const std::vector<Variable>& with_respect_to);
  /// After the step, `variable` holds `value`.
  void update(const Variable& variable, const Operand& value);
  /// gradients() and the optimizer's updates of these weights.
  void minimize(const Tensor& loss, const std::vector<Variable>& weights, const AnyOptimizer& optimizer);
  /// A result of every run.
  void output(const std::string& name, const Tensor& value);

  ir::Graph& graph();
  Step compile(const ExecutionOptions& options = {});

 private:
  std::unique_ptr<detail::StepBuilderState> state_;
};

}  // namespace sinter
