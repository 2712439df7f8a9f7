#pragma once
// The dataflow graph: SSA tensor values, append-only, operands before users, so that node ids are a topological order.
// States (weights, optimizer slots, counters) are nodes whose new value is named by an update.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/attributes.h>
#include <sinter/ir/export.h>
#include <sinter/ir/op.h>
#include <sinter/ir/type.h>

namespace sinter::ir {

using NodeId = std::uint32_t;

/// One result of one node.
struct Value {
  NodeId node = 0;
  std::uint32_t result = 0;
  friend auto operator<=>(const Value&, const Value&) = default;
};

class Graph;
struct ExternFunction;  // extern.h

struct Node {
  OpKind kind{};
  Attributes attributes;
  std::vector<Value> operands;
  std::vector<TensorType> results;
  /// The layer that made the node, "sequential/dense_1"; shown by errors, dumps and profiles. May be empty.
  std::string path;
  /// Body of a region op (fused, scan); its inputs are bound to the operands in order. Shared and immutable.
  std::shared_ptr<const Graph> body;
  /// The function of an `extern`; null when none is bound (extern.h). Shared and immutable.
  std::shared_ptr<const ExternFunction> callee = nullptr;
};

/// A named result of the graph.
struct Output {
  std::string name;
  Value value;
  friend bool operator==(const Output&, const Output&) = default;
};

/// After the step, `state` (a node of op `state`) holds `value`.
struct Update {
  NodeId state = 0;
  Value value;
  friend bool operator==(const Update&, const Update&) = default;
};

class SINTER_API Graph {
 public:
  explicit Graph(std::string name = "main") : name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  void rename(std::string name) { name_ = std::move(name); }

  /// Appends a node after inferring its result types. Throws UserError naming path, op, and what was expected and got.
  NodeId add(OpKind kind, Attributes attributes, std::vector<Value> operands,
             std::shared_ptr<const Graph> body = nullptr);
  /// Appends a node exactly as given (parser, passes); call verify() on the result.
  NodeId add_unchecked(Node node);
  void add_output(std::string name, Value value) { outputs_.push_back({std::move(name), value}); }
  /// Names the new value of a state; a second update of the same state replaces the first.
  void set_update(NodeId state, Value value);

  std::size_t size() const { return nodes_.size(); }
  const Node& node(NodeId id) const { return nodes_[id]; }
  const Node& node(Value v) const { return nodes_[v.node]; }
  const TensorType& type(Value v) const { return nodes_[v.node].results[v.result]; }
  const std::deque<Node>& nodes() const { return nodes_; }
  const std::vector<Output>& outputs() const { return outputs_; }
  const std::vector<Update>& updates() const { return updates_; }
  std::optional<Value> update_of(NodeId state) const;

  /// Node ids of ops `input` / `state`, in order.
  std::vector<NodeId> inputs() const;
  std::vector<NodeId> states() const;
  /// The input or state named `name`, if there is one.
  std::optional<NodeId> find(std::string_view name) const;

  /// Layer path given to nodes that are appended from now on.
  const std::string& path() const { return path_; }
  void set_path(std::string path) { path_ = std::move(path); }

 private:
  std::string name_;
  std::deque<Node> nodes_;  // a deque, so that references stay valid while a gradient rule appends
  std::vector<Output> outputs_;
  std::vector<Update> updates_;
  std::string path_;
};

/// Gives nodes appended during its life the path `parent/name`.
class SINTER_API PathScope {
 public:
  PathScope(Graph& graph, const std::string& name);
  ~PathScope();
  PathScope(const PathScope&) = delete;
  PathScope& operator=(const PathScope&) = delete;

 private:
  Graph& graph_;
  std::string saved_;
};

/// Name attribute of an input or state node.
SINTER_API const std::string& name_of(const Node& node);
/// Same nodes, outputs, updates and paths: what the text form shows. Externs that are bound to different functions
/// differ; one that is bound equals one that is not.
SINTER_API bool operator==(const Graph& a, const Graph& b);
/// Same nodes and paths; names, outputs and updates may differ.
SINTER_API bool same_nodes(const Graph& a, const Graph& b);
/// "dense_1: dot" or "dot": where an error happened.
SINTER_API std::string where(const std::string& path, std::string_view op);

/// Users of every node: for each node id the (user, operand slot) pairs in order. Outputs and updates are not users.
struct Use {
  NodeId user;
  std::uint32_t slot;
};
SINTER_API std::vector<std::vector<Use>> uses_of(const Graph& graph);

}  // namespace sinter::ir
