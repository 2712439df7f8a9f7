#pragma once
// Tiny compiled functions for tests: out[i] = op(in0[i], in1[i], ...) over arrays, written once as a generic callable
// and evaluated both by ir::Num and by compiled code.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <sinter/ir/num.h>
#include <sinter/ir/target.h>

#include "runtime/jit.h"
#include "runtime/llvm_value.h"

namespace sinter::test {

using ir::DType;
using ir::Num;
using runtime::LlvmValue;

/// An operation on elements, for both value types.
struct ElementFunction {
  std::string name;
  std::vector<DType> inputs;
  DType output;
  std::function<Num(std::span<const Num>)> evaluate;
  std::function<LlvmValue(std::span<const LlvmValue>)> emit;
};

/// `op` takes a span of values of either type.
template <class Op>
ElementFunction element_function(std::string name, std::vector<DType> inputs, DType output, Op op) {
  return {std::move(name), std::move(inputs), output, [op](std::span<const Num> x) { return op(x); },
          [op](std::span<const LlvmValue> x) { return op(x); }};
}

/// Raw bytes of an array.
using Bytes = std::vector<std::byte>;

/// Random bits, ordinary numbers and special values of the dtype.
Bytes random_elements(DType dtype, std::size_t count, std::uint64_t seed);

/// What the interpreter's arithmetic gives. Denormals must be flushed by the caller.
Bytes evaluate(const ElementFunction& function, const std::vector<Bytes>& inputs, std::size_t count);

/// The functions, compiled into one module. With `uniform_last` the last operand is loaded once, from element 0.
class CompiledFunctions {
 public:
  CompiledFunctions(std::vector<ElementFunction> functions, int lanes, const ir::Target& target,
                    bool uniform_last = false);

  const std::vector<ElementFunction>& functions() const { return functions_; }
  /// Runs function k. Denormals must be flushed by the caller.
  Bytes run(std::size_t k, const std::vector<Bytes>& inputs, std::size_t count) const;

 private:
  std::vector<ElementFunction> functions_;
  std::unique_ptr<runtime::LinkedCode> code_;
};

/// Index of the first element that differs in its bits, NaNs being equal; -1 if there is none.
std::ptrdiff_t first_difference(DType dtype, const Bytes& a, const Bytes& b);

/// "f32 -0x1.8p+1 (0xc0400000)", for messages.
std::string show_element(DType dtype, const Bytes& bytes, std::size_t index);

}  // namespace sinter::test
