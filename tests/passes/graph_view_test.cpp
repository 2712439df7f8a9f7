// The IR as a Boost.Graph: the concepts hold, and Boost's algorithms see what the IR says.

#include "passes/graph_view.h"

#include <boost/concept/assert.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/graph_concepts.hpp>
#include <boost/graph/topological_sort.hpp>

#include <sinter/ir/ops.h>
#include <sinter/passes/debug.h>

#include "support/catch.h"

using namespace sinter;
using passes::GraphView;

BOOST_CONCEPT_ASSERT((boost::BidirectionalGraphConcept<GraphView>));
BOOST_CONCEPT_ASSERT((boost::VertexListGraphConcept<GraphView>));
BOOST_CONCEPT_ASSERT((boost::EdgeListGraphConcept<GraphView>));
BOOST_CONCEPT_ASSERT((boost::ReadablePropertyGraphConcept<GraphView, ir::NodeId, boost::vertex_index_t>));

namespace {

/// x, y; x*x; x*x + y; -y
ir::Graph sample() {
  ir::Graph g;
  const ir::Expr x = input(g, "x", {ir::DType::f32, {4}});
  const ir::Expr y = input(g, "y", {ir::DType::f32, {4}});
  g.add_output("sum", (x * x + y).value());
  g.add_output("neg", (-y).value());
  return g;
}

}  // namespace

TEST_CASE("a view has one edge for each operand slot") {
  const ir::Graph g = sample();
  const GraphView view(g);
  CHECK(num_vertices(view) == 5);
  CHECK(num_edges(view) == 5);
  CHECK(out_degree(0, view) == 2);  // x * x
  CHECK(in_degree(2, view) == 2);
  CHECK(out_degree(1, view) == 2);  // y is used by the sum and by neg
  const auto [first, last] = in_edges(3, view);
  REQUIRE(last - first == 2);
  CHECK(source(first[0], view) == 2);
  CHECK(source(first[1], view) == 1);
  CHECK(target(first[0], view) == 3);
}

TEST_CASE("ids are a topological order, and Boost agrees") {
  const ir::Graph g = sample();
  const GraphView view(g);
  std::vector<ir::NodeId> reversed;
  boost::topological_sort(view, std::back_inserter(reversed));
  std::vector<std::size_t> position(g.size());
  for (std::size_t k = 0; k < reversed.size(); ++k) position[reversed[k]] = g.size() - k;
  for (const passes::ViewEdge& e : view.edges()) {
    CHECK(e.from < e.user);
    CHECK(position[e.from] < position[e.user]);
  }
}

TEST_CASE("what can be reached from a node is what depends on it") {
  const ir::Graph g = sample();
  const GraphView view(g);
  std::vector<boost::default_color_type> colours(g.size());
  const auto colour_map = boost::make_iterator_property_map(colours.begin(), get(boost::vertex_index, view));
  boost::breadth_first_search(view, 0U, boost::color_map(colour_map));
  const auto reached = [&](ir::NodeId id) { return colours[id] == boost::black_color; };
  CHECK(reached(2));
  CHECK(reached(3));
  CHECK_FALSE(reached(1));
  CHECK_FALSE(reached(4));
}

TEST_CASE("a precedence turns the order around and can close a cycle") {
  const ir::Graph g = sample();
  const std::vector<passes::Precedence> backwards = {{3, 2}};
  const GraphView view(g, backwards);
  std::vector<ir::NodeId> order;
  CHECK_THROWS_AS(boost::topological_sort(view, std::back_inserter(order)), boost::not_a_dag);
}

TEST_CASE("a picture shows every node, output and update") {
  ir::Graph g = sample();
  const ir::Expr w = state(g, "w", {ir::DType::f32, {4}});
  g.set_update(w.value().node, (w * w).value());
  const std::string dot = passes::graphviz(g);
  CHECK(dot.find("input x") != std::string::npos);
  CHECK(dot.find("output sum") != std::string::npos);
  CHECK(dot.find("6->5 [style=dashed") != std::string::npos);
}
