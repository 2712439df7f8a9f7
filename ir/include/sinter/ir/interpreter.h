#pragma once
// The reference interpreter: slow and obvious, the oracle for everything clever. It runs graphs (fused or not) and
// programs; schedules are ignored. Results equal the compiled code's bit for bit.

#include <map>
#include <span>
#include <string>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/num.h>
#include <sinter/ir/program.h>

namespace sinter::ir {

/// A tensor of Nums, row-major.
struct SINTER_API NumArray {
  TensorType type;
  std::vector<Num> values;

  static NumArray from(const TensorData& data, bool wide = false);
  TensorData to_data() const;
};

struct InterpreterOptions {
  /// Float dtypes are computed in double and never rounded.
  bool wide = false;
};

/// What a run is given: contents of inputs and states by name.
using Environment = std::map<std::string, NumArray, std::less<>>;

struct InterpreterResult {
  std::vector<NumArray> outputs;           // in the order of Graph::outputs()
  std::map<std::string, NumArray> states;  // new values of updated states, by name
};

/// Runs a graph. Throws UserError when an input or state is missing or has another type.
SINTER_API InterpreterResult interpret(const Graph& graph, const Environment& environment,
                                       const InterpreterOptions& options = {});
/// Runs a program; outputs by the order of its output buffers.
SINTER_API InterpreterResult interpret(const Program& program, const Environment& environment,
                                       const InterpreterOptions& options = {});
/// Every value of the graph, indexed by node and result.
SINTER_API std::vector<std::vector<NumArray>> interpret_all(const Graph& graph, const Environment& environment,
                                                            const InterpreterOptions& options = {});
/// Evaluates one node on given operands (constant folding).
SINTER_API std::vector<NumArray> interpret_node(const Node& node, std::span<const NumArray> operands,
                                                const InterpreterOptions& options = {});

}  // namespace sinter::ir
