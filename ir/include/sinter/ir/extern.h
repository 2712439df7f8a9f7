#pragma once
// Functions of the user's in graphs and programs. A node of op `extern` names its function; what the name stands for is
// bound to the node, as a body is to a loop, and goes with it through every pass. A text cannot hold functions: what is
// read from one is bound again by bind_externs().

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/attributes.h>
#include <sinter/ir/expr.h>
#include <sinter/ir/extern_abi.h>
#include <sinter/ir/graph.h>
#include <sinter/ir/program.h>

namespace sinter::ir {

/// A function of the user's, and what Sinter has to know of it.
struct ExternFunction {
  std::string name;                          // as C takes names; of two functions in one step, two names
  sinter_extern_function address = nullptr;  // extern_abi.h says what it gets and what it promises
  /// The types of its results (one at least) for operands of these types. Throws UserError for operands that it does
  /// not take. Empty: extern_call() makes one result of the first operand's type, and calls in a text are taken as they
  /// are.
  std::function<std::vector<TensorType>(std::span<const TensorType>)> results;
  /// Its gradient, in graph operators (other externs among them): one Expr of the operand's type for each operand, an
  /// empty one for zero. Empty: it has none.
  std::function<Gradients(const VjpContext&)> vjp;
  /// It is a C function of that very name, so that an exported step can call it by name.
  bool linkable = false;
};
using ExternPointer = std::shared_ptr<const ExternFunction>;

/// Whether C takes it as a name: letters, digits and underscores, no digit first.
SINTER_API bool is_c_name(std::string_view name);

/// Throws UserError when C does not take the function's name, or when it has no address.
SINTER_API void check_extern(const ExternFunction& function);

/// Appends a call of the function to the operands' graph; gives its results. Throws UserError when the function or the
/// operands do not fit.
SINTER_API std::vector<Expr> extern_call(const ExternPointer& function, std::span<const Expr> operands);

/// The same with every call, in bodies too, bound to the function of its name; names of which there is none stay as
/// they are. Throws UserError when two functions have one name, or when one gives other results than the graph says.
SINTER_API Graph bind_externs(const Graph& graph, std::span<const ExternPointer> functions);
SINTER_API Program bind_externs(const Program& program, std::span<const ExternPointer> functions);

/// One call in a graph or program.
struct ExternCall {
  std::string name;
  std::string path;  // of the layer
  std::vector<TensorType> operands, results;
  ExternPointer function;  // null: not bound
};
/// All calls in order, those in bodies among them.
SINTER_API std::vector<ExternCall> extern_calls(const Graph& graph);
SINTER_API std::vector<ExternCall> extern_calls(const Program& program);

/// The functions by name. Throws UserError naming layer and function where a call is not bound, or where two functions
/// have one name.
SINTER_API std::map<std::string, ExternPointer> bound_externs(std::span<const ExternCall> calls);

/// What a node's function gives for these operands: for the interpreter. Throws UserError when there is no function,
/// when it writes outside of its results or over its operands, and when it does not write every element or is not
/// deterministic (it is called twice).
SINTER_API std::vector<TensorData> call_extern(const Node& node, std::span<const TensorData> operands);

/// The types that the text or the caller gave a node of op `extern`. Throws UserError when there are none, when the
/// name is none that C takes, or when the function that is bound gives others.
SINTER_API std::vector<TensorType> extern_results(const Node& node, std::span<const TensorType> operands);

}  // namespace sinter::ir
