#pragma once
// The rules of graphs and programs, one node, output, buffer or kernel at a time, so that the verifier can list every
// violation and the parser can stop at the first one and say where it stands. Private to ir.

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <sinter/ir/graph.h>
#include <sinter/ir/program.h>

namespace sinter::ir {

/// Told what is wrong with the thing being checked.
using Report = std::function<void(const std::string&)>;

/// The attributes in the order and with the types that the op declares. Throws UserError when they do not fit.
Attributes canonical_attributes(OpKind kind, const Attributes& attributes);
/// Throws UserError when an op does not take `count` operands.
void check_operand_count(const OpInfo& op, std::size_t count);
/// What the node computes: by its body's outputs, or by its op's inference. Operands must be in range. Throws
/// UserError.
std::vector<TensorType> inferred_results(const Graph& graph, const Node& node);
/// "add", or "op 200" for a kind outside the list.
std::string op_name(OpKind kind);

/// Checks the parts of one graph in the order in which they were made.
class GraphRules {
 public:
  GraphRules(const Graph& graph, Report report) : graph_(graph), report_(std::move(report)) {}

  void node(NodeId id);
  void update(const Update& update);
  void output(const Output& output);

 private:
  bool operands(NodeId id);
  void results(const Node& node);
  void contents(const Node& node);
  void body(const Node& node);
  bool in_range(Value value) const;

  const Graph& graph_;
  Report report_;
  std::set<std::string, std::less<>> port_names_;
  std::set<std::string, std::less<>> output_names_;
  std::set<NodeId> updated_;
};

/// What no body holds: states, updates.
void check_loop_body(const Graph& body, const Report& report);
/// What a kernel's body or a fused node's body must not hold: states, updates, regions.
void check_plain_body(const Graph& body, const Report& report);

/// Checks the parts of one program, but for its memory plan (see plan_checker.h).
class ProgramRules {
 public:
  ProgramRules(const Program& program, Report report) : program_(program), report_(std::move(report)) {}

  void buffer(BufferId id);
  void kernel(const Kernel& kernel);
  void loop(const Loop& loop);
  void strips(const Strips& strips);
  /// Kernels that follow stand in a loop of `count` turns, until leave_loop().
  void enter_loop(std::int64_t count) { turns_.push_back(count); }
  void leave_loop() { turns_.pop_back(); }
  /// Kernels that follow stand among so many strips, until leave_strips().
  void enter_strips(std::int64_t count) { strips_around_ = count; }
  void leave_strips() { strips_around_ = 1; }

 private:
  void slice(BufferId id);
  void ahead(const Ahead& a, const Schedule& s);
  void moves_inside(BufferId id, const std::string& role);
  void operand(BufferId id, const TensorType& wanted, const std::string& role);

  const Program& program_;
  Report report_;
  std::set<std::string, std::less<>> input_names_;  // of inputs and states
  std::set<std::string, std::less<>> output_names_;
  std::vector<std::int64_t> turns_;  // of the loops around
  std::int64_t strips_around_ = 1;
};

}  // namespace sinter::ir
