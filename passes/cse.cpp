// Common subexpressions. Gradient rules write the same broadcast, the same constant and the same 1 - y*y again and
// again; here they become one node, the first. LLVM cannot do this later: it sees one kernel at a time. Merging may
// keep a value alive for longer; fusion computes cheap values twice where that is better.

#include <functional>
#include <unordered_map>

#include <sinter/ir/extern.h>
#include <sinter/ir/ops.h>
#include <sinter/passes/rewrites.h>

#include "rebuild.h"

namespace sinter::passes {

namespace {

using ir::Node;

void mix(std::size_t& seed, std::size_t value) { seed ^= value + 0x9E3779B97F4A7C15U + (seed << 6U) + (seed >> 2U); }

/// Few bits of each node: equality decides.
std::size_t hash_of(const Node& node) {
  std::size_t h = static_cast<std::size_t>(node.kind);
  for (const ir::Value v : node.operands) {
    mix(h, v.node);
    mix(h, v.result);
  }
  for (const ir::TensorType& t : node.results) {
    mix(h, static_cast<std::size_t>(t.dtype));
    for (const std::int64_t d : t.shape) mix(h, static_cast<std::size_t>(d));
  }
  for (const ir::Attribute& a : node.attributes.items())
    if (const auto* data = std::get_if<ir::TensorData>(&a.value))
      for (std::size_t k = 0; k < data->bytes->size() && k < 64; ++k)
        mix(h, static_cast<std::size_t>((*data->bytes)[k]));
  return h;
}

bool same_body(const Node& a, const Node& b) { return a.body == b.body || (a.body && b.body && *a.body == *b.body); }

/// Externs promise to be pure; a name may stand for different functions.
bool same_callee(const Node& a, const Node& b) {
  return a.callee == b.callee || (a.callee && b.callee && a.callee->address == b.callee->address);
}

/// Same op on the same values; the layer path does not matter. A node without operands and with a name (an input, a
/// state) differs from every other by that name.
bool same_node(const Node& a, const Node& b) {
  return a.kind == b.kind && a.operands == b.operands && a.results == b.results && a.attributes == b.attributes &&
         same_body(a, b) && same_callee(a, b);
}

}  // namespace

ir::Graph cse(const ir::Graph& graph) {
  Rebuild rebuild(graph);
  std::unordered_multimap<std::size_t, ir::NodeId> seen;  // hash -> new id
  for (ir::NodeId id = 0; id < graph.size(); ++id) {
    Node node = graph.node(id);
    for (ir::Value& v : node.operands) v = rebuild.of(v);
    const std::size_t h = hash_of(node);
    const auto [from, to] = seen.equal_range(h);
    const auto twin =
        std::find_if(from, to, [&](const auto& entry) { return same_node(rebuild.graph().node(entry.second), node); });
    if (twin == to) {
      seen.emplace(h, rebuild.keep(id));
      continue;
    }
    std::vector<ir::Value> results;
    for (std::uint32_t k = 0; k < node.results.size(); ++k) results.push_back({twin->second, k});
    rebuild.replace(id, std::move(results));
  }
  return rebuild.finish();
}

}  // namespace sinter::passes
