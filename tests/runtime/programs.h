#pragma once
// Small programs for tests of the runtime, made without the passes.

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <sinter/ir/interpreter.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/program.h>
#include <sinter/runtime/executable.h>

#include "support/random.h"

namespace sinter::test {

/// y = (x * c + w)^2; w = w + (x * c + w), in place. Kernels one and three are shared between threads; the first result
/// lives in the arena, c is a constant.
ir::Program update_program(std::int64_t rows, std::int64_t columns, int lanes);

/// The same kernel `copies` times over different buffers, under different names and layer paths, in a loop of `turns`.
ir::Program repeated_program(int copies, int turns);

/// Memory for every port of a program, filled at random, and the bindings to it.
class Tensors {
 public:
  Tensors(const ir::Program& program, std::uint64_t seed);

  runtime::Bindings bindings() { return {input_addresses_, state_addresses_, output_addresses_}; }
  std::vector<float>& input(std::size_t k) { return inputs_[k]; }
  std::vector<float>& state(std::size_t k) { return states_[k]; }
  std::vector<float>& output(std::size_t k) { return outputs_[k]; }
  /// What the interpreter makes of the current contents: outputs, then states, one after the other.
  std::vector<float> interpreted(const ir::Program& program) const;
  /// The contents of outputs, then states.
  std::vector<float> results() const;

 private:
  std::vector<std::vector<float>> inputs_, states_, outputs_;
  std::vector<std::string> input_names_, state_names_;
  std::vector<const void*> input_addresses_;
  std::vector<void*> state_addresses_, output_addresses_;
};

/// Same bits.
inline bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace sinter::test
