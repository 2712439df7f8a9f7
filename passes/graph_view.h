#pragma once
// Lets Boost.Graph walk the IR. A vertex is a node id. An edge is one use of a value, (user, operand slot), and points
// the way data flow: from the node that makes the value to its user. A view may carry further edges that only say
// "before": anti-dependences. Include this in few .cpp files; the headers behind it are heavy.

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <boost/graph/graph_traits.hpp>
#include <boost/graph/properties.hpp>
#include <boost/iterator/counting_iterator.hpp>
#include <boost/property_map/property_map.hpp>

#include <sinter/ir/graph.h>

namespace sinter::passes {

/// `before` must run before `after`, although `after` reads no value of it.
struct Precedence {
  ir::NodeId before = 0;
  ir::NodeId after = 0;
  friend auto operator<=>(const Precedence&, const Precedence&) = default;
};

struct ViewEdge {
  /// Slot of an edge that is a precedence, not a use.
  static constexpr std::uint32_t no_slot = 0xFFFFFFFF;

  ir::NodeId from = 0;
  ir::NodeId user = 0;
  std::uint32_t slot = no_slot;
  friend auto operator<=>(const ViewEdge&, const ViewEdge&) = default;
};

/// A graph with its users. The graph must outlive the view and not change.
class GraphView {
 public:
  explicit GraphView(const ir::Graph& graph, std::span<const Precedence> precedences = {})
      : graph_(&graph), in_(graph.size()), out_(graph.size()) {
    for (ir::NodeId user = 0; user < graph.size(); ++user)
      for (std::uint32_t slot = 0; slot < graph.node(user).operands.size(); ++slot)
        append({graph.node(user).operands[slot].node, user, slot});
    for (const Precedence& p : precedences) append({p.before, p.after, ViewEdge::no_slot});
  }

  const ir::Graph& graph() const { return *graph_; }
  std::size_t size() const { return out_.size(); }
  const std::vector<ViewEdge>& edges() const { return edges_; }
  const std::vector<ViewEdge>& in(ir::NodeId node) const { return in_[node]; }
  const std::vector<ViewEdge>& out(ir::NodeId node) const { return out_[node]; }

 private:
  void append(const ViewEdge& edge) {
    edges_.push_back(edge);
    in_[edge.user].push_back(edge);
    out_[edge.from].push_back(edge);
  }

  const ir::Graph* graph_;
  std::vector<ViewEdge> edges_;
  std::vector<std::vector<ViewEdge>> in_, out_;
};

}  // namespace sinter::passes

namespace boost {

template <>
struct graph_traits<sinter::passes::GraphView> {
  using vertex_descriptor = sinter::ir::NodeId;
  using edge_descriptor = sinter::passes::ViewEdge;
  using directed_category = bidirectional_tag;
  using edge_parallel_category = allow_parallel_edge_tag;  // mul(x, x) uses x twice
  struct traversal_category : bidirectional_graph_tag, vertex_list_graph_tag, edge_list_graph_tag {};
  using vertex_iterator = counting_iterator<vertex_descriptor>;
  using edge_iterator = std::vector<edge_descriptor>::const_iterator;
  using out_edge_iterator = edge_iterator;
  using in_edge_iterator = edge_iterator;
  using vertices_size_type = std::size_t;
  using edges_size_type = std::size_t;
  using degree_size_type = std::size_t;
  static vertex_descriptor null_vertex() { return 0xFFFFFFFF; }
};

template <>
struct property_map<sinter::passes::GraphView, vertex_index_t> {
  using type = typed_identity_property_map<sinter::ir::NodeId>;
  using const_type = type;
};

}  // namespace boost

namespace sinter::passes {

// The functions that Boost.Graph finds by argument-dependent lookup.
using ViewTraits = boost::graph_traits<GraphView>;

inline auto vertices(const GraphView& view) {
  return std::pair(ViewTraits::vertex_iterator(0), ViewTraits::vertex_iterator(static_cast<ir::NodeId>(view.size())));
}
inline std::size_t num_vertices(const GraphView& view) { return view.size(); }
inline auto edges(const GraphView& view) { return std::pair(view.edges().begin(), view.edges().end()); }
inline std::size_t num_edges(const GraphView& view) { return view.edges().size(); }
inline auto out_edges(ir::NodeId node, const GraphView& view) {
  return std::pair(view.out(node).begin(), view.out(node).end());
}
inline auto in_edges(ir::NodeId node, const GraphView& view) {
  return std::pair(view.in(node).begin(), view.in(node).end());
}
inline std::size_t out_degree(ir::NodeId node, const GraphView& view) { return view.out(node).size(); }
inline std::size_t in_degree(ir::NodeId node, const GraphView& view) { return view.in(node).size(); }
inline std::size_t degree(ir::NodeId node, const GraphView& view) {
  return view.in(node).size() + view.out(node).size();
}
inline ir::NodeId source(const ViewEdge& edge, const GraphView&) { return edge.from; }
inline ir::NodeId target(const ViewEdge& edge, const GraphView&) { return edge.user; }
inline auto get(boost::vertex_index_t, const GraphView&) { return boost::typed_identity_property_map<ir::NodeId>(); }
inline ir::NodeId get(boost::vertex_index_t, const GraphView&, ir::NodeId node) { return node; }

}  // namespace sinter::passes
