#include "rewrite.h"

#include <algorithm>

#include <sinter/passes/rewrites.h>

#include "rebuild.h"

namespace sinter::passes {

using ir::Expr;
using ir::Graph;
using ir::NodeId;

namespace {

/// What the first fitting rule makes of the node; empty when none fits.
Expr apply_rules(const Match& match, std::span<const std::span<const Rule>> tables) {
  for (const std::span<const Rule> rules : tables) {
    for (const Rule& rule : rules) {
      if (const auto op = rule.op(); op && *op != match.node().kind) continue;
      const Expr made = rule.apply(match);
      if (!made) continue;
      check(made.type() == match.result().type(), "rule '", rule.name, "' turns ", match.result().type(), " into ",
            made.type());
      return made;
    }
  }
  return {};
}

/// One sweep in order, so that a node sees operands that are already rewritten. True when a rule fitted.
bool sweep(Graph& graph, std::span<const std::span<const Rule>> tables) {
  bool changed = false;
  Rebuild rebuild(graph);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Match match(rebuild.graph(), rebuild.keep(id));
    if (match.node().results.size() != 1) continue;
    rebuild.graph().set_path(match.node().path);
    if (const Expr made = apply_rules(match, tables)) {
      rebuild.replace(id, {made.value()});
      changed = true;
    }
  }
  graph = dce(rebuild.finish());
  return changed;
}

}  // namespace

Graph rewrite(const Graph& graph, std::span<const std::span<const Rule>> tables) {
  Graph current = graph;
  constexpr int enough = 100;  // every rule removes a node or moves one towards the outputs; this is never reached
  for (int k = 0; k < enough; ++k)
    if (!sweep(current, tables)) break;
  return current;
}

std::optional<ir::Num> splat_of(const Expr& e) {
  const Match made(e);
  if (made.is<ir::Constant>()) {
    const ir::TensorData data = made.attributes<ir::Constant>().value;
    if (data.type.elements() != 1) return std::nullopt;
    return ir::Num::load(data.type.dtype, data.bytes->data());
  }
  if (made.is<ir::Broadcast>() || made.is<ir::Reshape>()) return splat_of(made.operand(0));
  return std::nullopt;
}

namespace {

bool is_denormal(const ir::Num& n) {
  const double magnitude = std::abs(n.as_double());
  const double smallest = n.dtype() == ir::DType::f64 ? 0x1p-1022 : 0x1p-126;  // f16 is computed in f32
  return magnitude != 0.0 && magnitude < smallest;
}

/// Ops whose float results come out of rounding arithmetic, which flushes.
bool is_arithmetic(ir::OpKind kind) {
  static const ir::OpKind kinds[] = {ir::kind_of<ir::Add>(),      ir::kind_of<ir::Sub>(),  ir::kind_of<ir::Mul>(),
                                     ir::kind_of<ir::Div>(),      ir::kind_of<ir::Sqrt>(), ir::kind_of<ir::Dot>(),
                                     ir::kind_of<ir::ReduceSum>()};
  return std::ranges::count(kinds, kind) > 0;
}

/// Ops that hand on elements of their operands (the sign may change), and make no others.
bool hands_on(ir::OpKind kind) {
  static const ir::OpKind kinds[] = {
      ir::kind_of<ir::Neg>(),     ir::kind_of<ir::Abs>(),       ir::kind_of<ir::Max>(),       ir::kind_of<ir::Min>(),
      ir::kind_of<ir::Reshape>(), ir::kind_of<ir::Transpose>(), ir::kind_of<ir::Broadcast>(), ir::kind_of<ir::Slice>(),
      ir::kind_of<ir::Reverse>(), ir::kind_of<ir::Concat>()};
  return std::ranges::count(kinds, kind) > 0;
}

bool is_flushed(const Expr& e, int depth) {
  if (!is_float(e.dtype()) || e.dtype() == ir::DType::f16) return true;  // arithmetic does not flush these
  const Match made(e);
  if (is_arithmetic(made.node().kind)) return true;
  if (const auto value = splat_of(e)) return !is_denormal(*value);
  if (made.is<ir::Convert>()) return !is_float(made.operand(0).dtype());
  if (depth == 0 || !(hands_on(made.node().kind) || made.is<ir::Select>())) return false;
  for (std::size_t k = made.is<ir::Select>() ? 1 : 0; k < made.operands(); ++k)
    if (!is_flushed(made.operand(k), depth - 1)) return false;
  return true;
}

}  // namespace

bool is_flushed(const Expr& e) { return is_flushed(e, 6); }

}  // namespace sinter::passes
