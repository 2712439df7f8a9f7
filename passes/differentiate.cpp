// Reverse-mode differentiation. Every op brings its own rule (vjp); this file only decides which nodes matter and adds
// up. A node matters when a wanted parameter reaches it through float values and it reaches the loss, so a model may
// hold ops without a gradient as long as they lie off that path. Zero gradients are never materialised: an empty Expr
// stands for zero until somebody asks for the result. The new nodes are ordinary ones, which is why the output can be
// differentiated again.

#include <sinter/passes/differentiate.h>

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/ops.h>

namespace sinter::passes {

namespace {

using ir::Expr;
using ir::Gradients;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::OpInfo;
using ir::Value;

/// Restores the graph's path when gradients have been appended, however that ends.
class RestorePath {
 public:
  explicit RestorePath(Graph& graph) : graph_(graph), saved_(graph.path()) {}
  ~RestorePath() { graph_.set_path(saved_); }
  RestorePath(const RestorePath&) = delete;
  RestorePath& operator=(const RestorePath&) = delete;

 private:
  Graph& graph_;
  std::string saved_;
};

/// One flag per result of each node.
using Marks = std::vector<std::vector<char>>;

/// Reverse mode over a body, for the gradient rules of regions.
std::vector<Expr> weighted_gradients(std::span<const Expr> outputs, std::span<const Expr> seeds,
                                     std::span<const Expr> parameters);

class Reverse {
 public:
  /// Nodes that are appended from now on are gradients, not to be differentiated.
  Reverse(Graph& graph, std::span<const Expr> parameters) : graph_(graph) {
    for (const Node& node : graph.nodes()) gradients_.emplace_back(node.results.size());
    mark_varying(parameters);
  }

  /// Whether a parameter changes it.
  bool varies(Value v) const { return varying_[v.node][v.result] != 0; }

  /// Starts with the gradient of one value.
  void seed(Value v, const Expr& gradient) {
    if (varies(v)) add(v, gradient);
  }

  /// Fills in the gradient of every value that matters.
  void run() {
    for (auto id = static_cast<NodeId>(gradients_.size()); id-- > 0;) visit(id);
  }

  /// The gradient of a value; empty when it is zero.
  Expr gradient(Value v) const { return v.node < gradients_.size() ? gradients_[v.node][v.result] : Expr(); }

 private:
  void add(Value v, const Expr& gradient) {
    Expr& sum = gradients_[v.node][v.result];
    sum = sum ? sum + gradient : gradient;
  }

  /// Forward: which values change when a parameter does. Integers and flat ops stop the change.
  void mark_varying(std::span<const Expr> parameters) {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_.node(id);
      const OpInfo& op = info(node.kind);
      const bool reached = !op.zero_gradient && !op.integer_result &&
                           std::ranges::any_of(node.operands, [&](Value v) { return varies(v); });
      std::vector<char>& marks = varying_.emplace_back(node.results.size(), 0);
      for (std::size_t k = 0; k < marks.size(); ++k) marks[k] = reached && is_float(node.results[k].dtype) ? 1 : 0;
      for (const Expr& p : parameters)
        if (p.value().node == id) marks[p.value().result] = 1;
    }
  }

  void visit(NodeId id) {
    const std::vector<Expr>& incoming = gradients_[id];
    if (std::ranges::none_of(incoming, [](const Expr& g) { return static_cast<bool>(g); })) return;
    const Node& node = graph_.node(id);
    std::vector<bool> wanted;
    for (const Value v : node.operands) wanted.push_back(varies(v));
    const OpInfo& op = info(node.kind);
    if (op.zero_gradient || op.integer_result || std::ranges::none_of(wanted, [](bool w) { return w; })) return;

    if (!op.differentiable)
      user_error(
          ir::where(node.path, op.name),
          " is not differentiable, but the loss depends on parameters through it; "
          "wrap its operands in stop_gradient to treat it as a constant, or differentiate before this op is made");
    graph_.set_path(node.path);
    const Gradients outgoing = op.vjp(ir::VjpContext(graph_, id, incoming, wanted, &weighted_gradients));
    check(outgoing.size() == node.operands.size(), ir::where(node.path, op.name), ": ", outgoing.size(),
          " gradients for ", node.operands.size(), " operands");
    for (std::size_t k = 0; k < outgoing.size(); ++k)
      if (wanted[k] && outgoing[k]) accumulate(node, node.operands[k], outgoing[k]);
  }

  void accumulate(const Node& user, Value operand, const Expr& gradient) {
    check(gradient.type() == graph_.type(operand), ir::where(user.path, info(user.kind).name), ": gradient of type ",
          gradient.type(), " for an operand of type ", graph_.type(operand));
    add(operand, gradient);
  }

  Graph& graph_;
  Marks varying_;
  std::vector<std::vector<Expr>> gradients_;
};

std::vector<Expr> weighted_gradients(std::span<const Expr> outputs, std::span<const Expr> seeds,
                                     std::span<const Expr> parameters) {
  if (outputs.empty()) return std::vector<Expr>(parameters.size());
  Graph& graph = outputs[0].graph();
  const RestorePath restore(graph);
  Reverse reverse(graph, parameters);
  for (std::size_t k = 0; k < outputs.size(); ++k) reverse.seed(outputs[k].value(), seeds[k]);
  reverse.run();
  std::vector<Expr> found;
  for (const Expr& p : parameters) found.push_back(reverse.gradient(p.value()));
  return found;
}

void check_loss(const Expr& loss) {
  if (!loss) user_error("gradients: the loss is empty");
  const Node& node = loss.graph().node(loss.value());
  if (loss.rank() != 0 || !is_float(loss.dtype()))
    user_error(ir::where(node.path, info(node.kind).name), ": a loss is one float number, got ", loss.type(),
               "; reduce it to a scalar first (a mean or a sum)");
}

void check_parameter(const Expr& loss, const Expr& p, std::size_t position) {
  if (!p) user_error("gradients: parameter ", position, " is empty");
  if (&p.graph() != &loss.graph())
    user_error("gradients: parameter ", position, " belongs to another graph than the loss");
  const Node& node = p.graph().node(p.value());
  if (!is_float(p.dtype()))
    user_error(ir::where(node.path, info(node.kind).name), ": parameter ", position,
               " has no gradient: expected a float type, got ", p.type());
}

}  // namespace

std::vector<Expr> gradients(const Expr& loss, std::span<const Expr> parameters) {
  check_loss(loss);
  for (std::size_t k = 0; k < parameters.size(); ++k) check_parameter(loss, parameters[k], k);

  Graph& graph = loss.graph();
  const RestorePath restore(graph);
  Reverse reverse(graph, parameters);
  if (reverse.varies(loss.value())) {
    graph.set_path(graph.node(loss.value()).path);
    reverse.seed(loss.value(), constant(graph, loss.dtype(), 1.0));
  }
  reverse.run();
  std::vector<Expr> result;
  for (const Expr& p : parameters) {
    const Expr g = reverse.gradient(p.value());
    graph.set_path(graph.node(p.value()).path);
    result.push_back(g ? g : full_like(p, 0.0));
  }
  return result;
}

namespace {

std::vector<NodeId> wanted_states(const Graph& graph, const std::vector<std::string>& names) {
  std::vector<NodeId> found;
  for (const NodeId id : graph.states()) {
    const Node& node = graph.node(id);
    const bool wanted = names.empty() ? is_float(node.results[0].dtype) : std::ranges::count(names, name_of(node)) > 0;
    if (wanted) found.push_back(id);
  }
  for (const std::string& name : names)
    if (std::ranges::none_of(found, [&](NodeId id) { return name_of(graph.node(id)) == name; }))
      user_error("differentiate: graph '", graph.name(), "' has no state named '", name, "'");
  return found;
}

}  // namespace

Graph differentiate(const Graph& graph, const std::vector<std::string>& states) {
  const auto loss = std::ranges::find(graph.outputs(), "loss", &ir::Output::name);
  if (loss == graph.outputs().end()) user_error("differentiate: graph '", graph.name(), "' has no output named 'loss'");
  const std::vector<NodeId> wanted = wanted_states(graph, states);

  Graph result = graph;
  std::vector<Expr> parameters;
  for (const NodeId id : wanted) parameters.emplace_back(result, Value{id});
  const std::vector<Expr> found = gradients(Expr(result, loss->value), parameters);
  for (std::size_t k = 0; k < found.size(); ++k)
    result.add_output("grad/" + name_of(graph.node(wanted[k])), found[k].value());
  return result;
}

}  // namespace sinter::passes
