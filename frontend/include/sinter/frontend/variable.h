#pragma once
// Weights: named tensors that live between steps. A Variable is a handle; copies name the same weight.

#include <memory>
#include <string>

#include <sinter/frontend/array.h>
#include <sinter/frontend/tensor.h>

namespace sinter {

namespace detail {
struct VariableState;
}

/// One weight. Made by Layer::add_weight; usable wherever an Operand is. Its contents are dense and row-major.
class SINTER_API Variable {
 public:
  /// Names no weight yet: a member waiting for build().
  Variable() = default;
  explicit Variable(std::shared_ptr<detail::VariableState> state) : state_(std::move(state)) {}

  bool empty() const { return state_ == nullptr; }
  /// "kernel"
  const std::string& name() const;
  /// "sequential/dense/kernel": unique in the model, stable from run to run.
  const std::string& path() const;
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  const TensorType& type() const;
  /// False when it was made so, or when its layer is frozen.
  bool trainable() const;

  /// A copy of the contents.
  Array value() const;
  /// Replaces the contents; a model sees it at its next step. Throws UserError for another shape; dtypes convert.
  void assign(const Array& value) const;
  /// Inside call(): after the training step the weight holds `value`. Nothing happens in inference.
  void update(const Operand& value) const;

  /// The weight as a value of the graph that is being traced.
  Tensor tensor() const;

  const std::shared_ptr<detail::VariableState>& state() const { return state_; }

 private:
  detail::VariableState& checked() const;
  std::shared_ptr<detail::VariableState> state_;
};

}  // namespace sinter
