// Factors that every turn of a loop multiplies by, in the layout that the products want.
//
// A recurrent layer's gradient multiplies by the transpose of the recurrent weight in every turn. The terms of such a
// product are neighbours in memory where its columns should be, so each turn packs its operands and transposes its
// result. The weight is the same in all turns: transposed once before the loop it makes all of them plain products.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <sinter/ir/expr.h>
#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/region.h>
#include <sinter/passes/rewrites.h>

#include "rebuild.h"

namespace sinter::passes {

namespace {

using ir::Graph;
using ir::Ints;
using ir::Node;
using ir::NodeId;
using ir::Value;

/// Transposing costs what products with about this many rows lose by the wrong layout, whatever the factor's size: both
/// grow with it. (Measured at 128 x 512: 139 us, and 0.17 us per row.)
constexpr std::int64_t least_rows = 1024;
/// Columns of a product that fill a vector.
constexpr std::int64_t least_columns = 16;

std::size_t at(std::int64_t k) { return static_cast<std::size_t>(k); }

/// The operand that supplies the columns of a product.
constexpr std::size_t column_side = 1;

/// Which axis of `space` each axis of an operand is, when the operand is read whole and plainly.
std::optional<std::vector<int>> plain_axes(const ir::IndexMap& map) {
  std::vector<int> axes;
  for (const ir::Coordinate& c : map.coordinates) {
    if (!c.is_affine() || c.offset != 0 || c.terms.size() != 1 || c.terms[0].scale != 1) return std::nullopt;
    axes.push_back(c.terms[0].axis);
  }
  return axes;
}

/// The axes of an operand by what the product does with them, in the operand's order.
struct Roles {
  Ints shared;   // of both operands and the result
  Ints terms;    // summed over
  Ints columns;  // of this operand and the result

  /// The layout with neighbouring columns. No two axes of one role change places, so terms keep their order.
  Ints wanted() const {
    Ints order = shared;
    order.insert(order.end(), terms.begin(), terms.end());
    order.insert(order.end(), columns.begin(), columns.end());
    return order;
  }
};

std::optional<Roles> roles_of(const ir::Space& space) {
  const std::optional<std::vector<int>> mine = plain_axes(space.reads[column_side]);
  const std::optional<std::vector<int>> others = plain_axes(space.reads[1 - column_side]);
  if (!mine || !others) return std::nullopt;
  Roles roles;
  for (std::size_t k = 0; k < mine->size(); ++k) {
    const int axis = (*mine)[k];
    const bool summed = at(axis) >= space.parallel.size();
    const bool both = std::ranges::count(*others, axis) != 0;
    (summed ? roles.terms : both ? roles.shared : roles.columns).push_back(static_cast<std::int64_t>(k));
  }
  return roles;
}

std::int64_t elements(const ir::Shape& shape, const Ints& axes) {
  std::int64_t product = 1;
  for (const std::int64_t k : axes) product *= shape[static_cast<int>(k)];
  return product;
}

/// How the column side of a product should be transposed when `turns` turns use it; nullopt: it should stay.
std::optional<Ints> better_layout(const Graph& body, const Node& n, std::int64_t turns) {
  const ir::OpInfo& op = ir::info(n.kind);
  if (op.form != ir::Form::contract || n.operands.size() != 2) return std::nullopt;
  const ir::Space space = ir::node_space(body, n);
  const std::optional<Roles> roles = roles_of(space);
  if (!roles) return std::nullopt;
  const ir::Shape& shape = body.type(n.operands[column_side]).shape;
  int last = shape.rank() - 1;
  while (last >= 0 && shape[last] == 1) --last;
  const bool columns_apart = last >= 0 && std::ranges::count(roles->columns, last) == 0;
  const std::int64_t columns = elements(shape, roles->columns);
  if (!columns_apart || columns < least_columns) return std::nullopt;
  const std::int64_t rows = space.parallel_elements() / columns / elements(shape, roles->shared);
  return turns * rows >= least_rows ? std::optional(roles->wanted()) : std::nullopt;
}

Ints inverse(const Ints& permutation) {
  Ints result(permutation.size());
  for (std::size_t k = 0; k < permutation.size(); ++k) result[at(permutation[k])] = static_cast<std::int64_t>(k);
  return result;
}

/// An operand of the loop, transposed.
struct Factor {
  std::size_t operand = 0;
  Ints permutation;
  friend auto operator<=>(const Factor&, const Factor&) = default;
};

/// Which nodes of the body read which operand of the loop as a factor that should be transposed.
std::map<NodeId, Factor> factors_of(const Node& loop) {
  const ir::Repetition repetition = *ir::repetition_of(loop);
  const Graph& body = *loop.body;
  const std::vector<NodeId> inputs = body.inputs();
  const auto wholes = inputs.begin() + static_cast<std::ptrdiff_t>(repetition.carries + repetition.sequences);
  std::map<NodeId, Factor> factors;
  for (NodeId id = 0; id < body.size(); ++id) {
    const Node& n = body.node(id);
    if (n.operands.size() <= column_side) continue;
    const auto whole = std::find(wholes, inputs.end(), n.operands[column_side].node);
    if (whole == inputs.end()) continue;
    if (std::optional<Ints> layout = better_layout(body, n, repetition.length))
      factors[id] = {static_cast<std::size_t>(whole - inputs.begin()), *std::move(layout)};
  }
  return factors;
}

std::vector<Factor> distinct(const std::map<NodeId, Factor>& factors) {
  std::vector<Factor> list;
  for (const auto& [node, factor] : factors) list.push_back(factor);
  std::ranges::sort(list);
  list.erase(std::ranges::unique(list).begin(), list.end());
  return list;
}

/// The body with one input more for each of `added`. Its readers get it transposed back, which simplify makes part of
/// the product.
std::shared_ptr<const Graph> with_factors(const Graph& body, const std::map<NodeId, Factor>& readers,
                                          const std::vector<Factor>& added) {
  Rebuild rebuild(body);
  Graph& graph = rebuild.graph();
  const std::vector<NodeId> inputs = body.inputs();
  for (const NodeId id : inputs) rebuild.keep(id);
  std::map<Factor, Value> as_before;
  for (const Factor& f : added) {
    const ir::TensorType& type = body.node(inputs[f.operand]).results[0];
    Ints extents;
    for (const std::int64_t k : f.permutation) extents.push_back(type.shape[static_cast<int>(k)]);
    const ir::Expr factor =
        ir::input(graph, str("factor", as_before.size()), {type.dtype, ir::Shape(std::move(extents))});
    as_before[f] = factor.value();
  }
  for (auto& [f, value] : as_before) value = ir::transpose(ir::Expr(graph, value), inverse(f.permutation)).value();
  for (NodeId id = 0; id < body.size(); ++id) {
    if (std::ranges::count(inputs, id) != 0) continue;
    Node node = body.node(id);
    for (Value& v : node.operands) v = rebuild.of(v);
    if (const auto reader = readers.find(id); reader != readers.end())
      node.operands[column_side] = as_before.at(reader->second);
    rebuild.put(id, std::move(node));
  }
  return std::make_shared<const Graph>(rebuild.finish());
}

/// The loop with transposed factors as operands of their own; tidy_loops drops those that no turn reads any more.
void lay_out(Rebuild& rebuild, const Graph& from, NodeId id, const std::map<NodeId, Factor>& readers) {
  Node loop = from.node(id);
  Graph& graph = rebuild.graph();
  const std::vector<Factor> added = distinct(readers);
  for (Value& v : loop.operands) v = rebuild.of(v);
  const std::string path = graph.path();
  graph.set_path(loop.path);
  for (const Factor& f : added)
    loop.operands.push_back(ir::transpose(ir::Expr(graph, loop.operands[f.operand]), f.permutation).value());
  graph.set_path(path);
  loop.body = with_factors(*loop.body, readers, added);
  rebuild.put(id, std::move(loop));
}

}  // namespace

Graph lay_out_factors(const Graph& graph) {
  Rebuild rebuild(graph);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& n = graph.node(id);
    const std::map<NodeId, Factor> readers = ir::repetition_of(n) ? factors_of(n) : std::map<NodeId, Factor>();
    if (readers.empty())
      rebuild.keep(id);
    else
      lay_out(rebuild, graph, id, readers);
  }
  return rebuild.finish();
}

}  // namespace sinter::passes
