#pragma once
// Functions of your own inside a step: what no formula of tensors says well (a measured characteristic, a solver, code
// that exists already), as a C function with a gradient in tensors.
//
//   extern "C" void twice(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
//     const auto* x = static_cast<const float*>(inputs[0]);
//     auto* y = static_cast<float*>(outputs[0]);
//     for (std::int64_t k = 0; k < shapes[0].elements; ++k) y[k] = 2.0F * x[k];
//   }
//   const Extern doubled({.name = "twice", .function = twice,
//                         .vjp = [](const Tensors&, const Tensors&, const Tensors& dy) { return Tensors{2.0 * dy[0]};
//                         }});
//   Sequential model(Input({4}), Dense(8), Lambda([](Tensor x) { return doubled(x); }));
//
// The function has to be pure, deterministic, thread-safe and must not throw: <sinter/ir/extern_abi.h> says what it
// gets and what it promises. It is a wall for fusion: what it reads and writes lies in memory, and one thread runs it.

#include <concepts>
#include <functional>
#include <string>
#include <vector>

#include <sinter/frontend/tensor.h>
#include <sinter/ir/extern.h>

namespace sinter {

struct ExternOptions {
  std::string name;                           // as C takes names; two functions in one model have two names
  sinter_extern_function function = nullptr;  // a captureless lambda will do
  /// Types of the results, one at least, for operands of these types. Throws UserError for operands that the function
  /// does not take. Unless given, there is one result, of the first operand's type.
  std::function<std::vector<TensorType>(const std::vector<TensorType>&)> results = {};
  /// The gradient, from operands, results and gradients of the results: one tensor of the operand's type for each
  /// operand, an empty one for zero. It may call other externs and is differentiated like any formula; weights that it
  /// needs are operands. Unless given, the function may stand only where no gradient flows.
  std::function<Tensors(const Tensors& x, const Tensors& y, const Tensors& dy)> vjp = {};
  /// `function` is a C function with this very `name` (extern "C"), so that exported steps can call it by name; the
  /// program that links them defines it.
  bool linkable = false;
};

/// A function as a value: call it on tensors in a layer's call(), a Lambda or a StepBuilder. Copies are the same
/// function.
class SINTER_API Extern {
 public:
  /// Throws UserError for a name that C does not take, and for a function that is null.
  explicit Extern(ExternOptions options);

  /// The one result. Numbers take the dtype of the tensors beside them. Throws UserError naming layer and function when
  /// it does not take the operands, or has several results.
  template <std::convertible_to<Operand>... More>
  Tensor operator()(const Operand& first, const More&... more) const {
    return only_result({first, Operand(more)...});
  }
  /// All results.
  Tensors call_many(const std::vector<Operand>& operands) const;

  const std::string& name() const { return function_->name; }
  /// For ir::bind_externs(): gives graphs that were read from a text their functions.
  const ir::ExternPointer& function() const { return function_; }

 private:
  Tensor only_result(const std::vector<Operand>& operands) const;
  ir::ExternPointer function_;
};

}  // namespace sinter
