// Loops for random graphs: the body is a random graph of its own.

#include "support/random_scan.h"

#include <algorithm>
#include <map>
#include <memory>

namespace sinter::test {

namespace {

using ir::Expr;
using ir::Graph;
using ir::NodeId;
using ir::TensorType;
using ir::Value;

enum class Role { carry, sequence, constant };

/// A value of the body that may follow a carry: computed, of its type, and in graphs for gradients not unbounded.
Value next_value(GraphMaker& m, Graph& body, const std::map<Value, Value>& made, Value carry) {
  const TensorType type = body.type(carry);
  std::vector<Value> fitting;
  for (const auto& [old, value] : made)
    if (body.type(value) == type && !body.node(value).operands.empty()) fitting.push_back(value);
  const Value next = fitting.empty() ? carry : m.random.pick(fitting);
  if (!m.options.smooth || !is_float(type.dtype)) return next;
  const Expr bounded = ir::apply<ir::Tanh>({Expr(body, next)});
  return (abs(bounded) + 0.5).value();  // positive, as all inputs of such graphs may have to be
}

/// `turns` slices: those of the inner graph, floats a little smaller each time.
ir::NumArray stacked(const ir::NumArray& slice, std::int64_t turns) {
  ir::Ints extents = {turns};
  for (const std::int64_t d : slice.type.shape) extents.push_back(d);
  ir::NumArray stack{{slice.type.dtype, ir::Shape(extents)}, {}};
  for (std::int64_t t = 0; t < turns; ++t)
    for (const ir::Num& v : slice.values)
      stack.values.push_back(is_float(slice.type.dtype)
                                 ? ir::Num::from_double(slice.type.dtype, v.as_double() * (1.0 - 0.05 * double(t)))
                                 : v);
  return stack;
}

}  // namespace

Expr random_scan(GraphMaker& m) {
  const GraphOptions inner_options{
      .nodes = 6, .elements = 40, .work = 400, .smooth = m.options.smooth, .training = false, .loops = false};
  const RandomGraph inner = random_graph(m.random.bits(), inner_options);
  std::vector<NodeId> given = inner.graph.inputs();
  for (const NodeId id : inner.graph.states()) given.push_back(id);
  std::map<NodeId, Role> roles;
  for (const NodeId id : given) {
    const double chance = m.random.unit();
    roles[id] = chance < 0.4 ? Role::carry : chance < 0.8 ? Role::sequence : Role::constant;
  }

  ir::Scan::Attrs attrs;
  attrs.length = m.random.between(1, 5);
  attrs.reverse = m.random.chance(0.4);
  Graph body("turn");
  std::map<Value, Value> made;
  std::vector<Expr> operands;
  std::vector<Value> carries;
  for (const Role role : {Role::carry, Role::sequence, Role::constant}) {
    for (const NodeId id : given) {
      if (roles[id] != role) continue;
      const ir::NumArray& contents = inner.environment.at(name_of(inner.graph.node(id)));
      const ir::NumArray whole = role == Role::sequence ? stacked(contents, attrs.length) : contents;
      const Expr operand = m.new_input(whole.type, {});
      m.environment.at(name_of(m.graph.node(operand.value()))) = whole;
      operands.push_back(operand);
      made[{id}] = ir::input(body, str("p", operands.size()), contents.type).value();
      if (role == Role::carry) carries.push_back(made.at({id}));
      attrs.carries += role == Role::carry ? 1 : 0;
      attrs.sequences += role == Role::sequence ? 1 : 0;
    }
  }
  for (NodeId id = 0; id < inner.graph.size(); ++id) {
    if (made.contains({id})) continue;
    ir::Node node = inner.graph.node(id);
    for (Value& v : node.operands) v = made.at(v);
    const NodeId now = body.add_unchecked(std::move(node));
    for (std::uint32_t r = 0; r < body.node(now).results.size(); ++r) made[{id, r}] = {now, r};
  }
  for (const Value c : carries) {
    const Value next = next_value(m, body, made, c);
    body.add_output(str("c", body.outputs().size()), next);
  }
  for (const ir::Output& o : inner.graph.outputs()) body.add_output(str("y", body.outputs().size()), made.at(o.value));
  if (operands.empty()) return m.any_operand({ir::DType::f32, ir::DType::f64});  // a body of constants: no loop
  const std::vector<Expr> results = scan(attrs, operands, std::make_shared<const Graph>(std::move(body)));
  for (std::size_t r = 0; r + 1 < results.size(); ++r) m.keep(results[r]);
  return results.back();
}

}  // namespace sinter::test
