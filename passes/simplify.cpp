// Local rewrites that keep every bit. Gradient rules and layers are written for clarity, not economy: they multiply by
// the seed 1, stretch scalars and transpose twice. The rules are data (simplify_*.cpp), each with the reason why it is
// exact. What is tempting but not exact, so absent: x + 0 (turns -0 into +0), x * 0 (NaN, Inf, -0), x * 1 for an x that
// may be a denormal (arithmetic flushes it, x alone does not), a sum over an axis of extent 1 (starts from +0), x / c
// as x * (1/c) unless c is a power of two, -(a - b) as b - a (a = b), exp(log x), any reassociation.

#include <array>

#include <sinter/passes/rewrites.h>

#include "rewrite.h"

namespace sinter::passes {

namespace {

std::array<std::span<const Rule>, 3> tables() { return {movement_rules(), arithmetic_rules(), contraction_rules()}; }

constexpr Rule stop_gradient_rules[] = {
    {"stop_gradient(x) -> x", "it is the identity", on<ir::StopGradient>, [](const Match& m) { return m.operand(0); }},
};

}  // namespace

ir::Graph simplify(const ir::Graph& graph) { return rewrite(graph, tables()); }

ir::Graph erase_stop_gradient(const ir::Graph& graph) {
  const std::span<const Rule> only(stop_gradient_rules);
  return rewrite(graph, {&only, 1});
}

std::vector<RuleInfo> simplify_rules() {
  std::vector<RuleInfo> list;
  for (const std::span<const Rule> rules : tables())
    for (const Rule& rule : rules) list.push_back({rule.name, rule.why_exact});
  return list;
}

}  // namespace sinter::passes
