#pragma once
// Local rewriting: rules as data, and the loop that applies them.

#include <optional>
#include <span>
#include <string_view>

#include <sinter/ir/expr.h>
#include <sinter/ir/num.h>
#include <sinter/ir/ops.h>

namespace sinter::passes {

/// A node that rules look at, with the questions that rules ask.
class Match {
 public:
  Match(ir::Graph& graph, ir::NodeId node) : graph_(&graph), id_(node) {}
  /// The node that made a value.
  explicit Match(const ir::Expr& e) : graph_(&e.graph()), id_(e.value().node) {}

  ir::Graph& graph() const { return *graph_; }
  ir::NodeId id() const { return id_; }
  const ir::Node& node() const { return graph_->node(id_); }
  const ir::OpInfo& op() const { return info(node().kind); }
  ir::Expr result() const { return {*graph_, {id_, 0}}; }
  std::size_t operands() const { return node().operands.size(); }
  ir::Expr operand(std::size_t k) const { return {*graph_, node().operands[k]}; }

  template <class Op>
  bool is() const {
    return node().kind == ir::kind_of<Op>();
  }
  template <class Op>
  typename Op::Attrs attributes() const {
    return ir::unpack<typename Op::Attrs>(node().attributes);
  }
  /// The node that made operand k, if it is an Op.
  template <class Op>
  std::optional<Match> operand_is(std::size_t k) const {
    const Match maker(operand(k));
    return maker.is<Op>() ? std::optional(maker) : std::nullopt;
  }

 private:
  ir::Graph* graph_;
  ir::NodeId id_;
};

/// What stands for the node's only result, or an empty Expr if the rule does not fit. May append nodes.
using Replace = ir::Expr (*)(const Match&);

struct Rule {
  std::string_view name;  // "neg(neg x) -> x"
  std::string_view why_exact;
  std::optional<ir::OpKind> (*op)();  // the op it applies to; nullopt: any
  Replace apply;
};

/// The op of a rule, as a function, because the tables are constants.
template <class Op>
std::optional<ir::OpKind> on() {
  return ir::kind_of<Op>();
}
inline std::optional<ir::OpKind> on_any() { return std::nullopt; }

/// Applies the first fitting rule to each node, sweep after sweep, until none fits; drops what is no longer needed.
ir::Graph rewrite(const ir::Graph& graph, std::span<const std::span<const Rule>> tables);

/// The tables of simplify.
std::span<const Rule> movement_rules();
std::span<const Rule> arithmetic_rules();
std::span<const Rule> contraction_rules();

/// The number that every element of `e` equals, if that is plain to see: a scalar constant, stretched or not.
std::optional<ir::Num> splat_of(const ir::Expr& e);
/// True when no element of `e` can be a denormal, so that arithmetic does not flush it: such values are results of
/// arithmetic themselves. Looks a few nodes back; "false" means "not known".
bool is_flushed(const ir::Expr& e);

}  // namespace sinter::passes
