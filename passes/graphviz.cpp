// A graph as a picture: `sinter dot step.sir | dot -Tsvg`. Colours follow the form of the op, so that contractions and
// row sums stand out; a dashed edge leads from a state's new value back to the state.

#include <array>
#include <sstream>

#include <boost/graph/graphviz.hpp>

#include <sinter/ir/ops.h>
#include <sinter/passes/debug.h>

#include "graph_view.h"

namespace sinter::passes {

namespace {

using ir::Form;
using ir::Node;
using ir::NodeId;

std::string_view colour(Form form) {
  constexpr std::array<std::string_view, 9> colours = {"#dddddd", "#ffffff", "#e8f0ff", "#ffe0b0", "#ffb0a0",
                                                       "#ffd0f0", "#ffe0b0", "#d0ffd0", "#ffff90"};
  return colours[static_cast<std::size_t>(form)];
}

/// "%5 dot\nf32[32,128]\nsequential/dense_1"; inputs and states show their names, fused nodes their members,
/// externs their functions.
std::string label(const ir::Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  std::string text = "%" + std::to_string(id) + " " + std::string(info(node.kind).name);
  for (const char* attribute : {"name", "symbol"})
    if (const auto* name = node.attributes.find(attribute)) text += " " + std::get<std::string>(*name);
  for (const ir::TensorType& type : node.results) text += "\n" + to_string(type);
  if (!node.path.empty()) text += "\n" + node.path;
  return text;
}

void write_node(std::ostream& out, const ir::Graph& graph, NodeId id) {
  out << "[label=" << boost::escape_dot_string(label(graph, id)) << ", fillcolor=\""
      << colour(info(graph.node(id).kind).form) << "\"]";
}

/// Operand slots where a user has several; which result, where the maker has several.
void write_edge(std::ostream& out, const ir::Graph& graph, const ViewEdge& edge) {
  std::string text;
  if (graph.node(edge.from).results.size() > 1)
    text += "." + std::to_string(graph.node(edge.user).operands[edge.slot].result);
  if (graph.node(edge.user).operands.size() > 1) text += (text.empty() ? "to " : " to ") + std::to_string(edge.slot);
  if (!text.empty()) out << "[label=" << boost::escape_dot_string(text) << "]";
}

void write_outputs_and_updates(std::ostream& out, const ir::Graph& graph) {
  for (std::size_t k = 0; k < graph.outputs().size(); ++k) {
    const ir::Output& o = graph.outputs()[k];
    out << "output" << k << " [label=" << boost::escape_dot_string("output " + o.name) << ", shape=ellipse];\n"
        << o.value.node << "->output" << k << ";\n";
  }
  for (const ir::Update& u : graph.updates())
    out << u.value.node << "->" << u.state << " [style=dashed, constraint=false, label=update];\n";
}

}  // namespace

std::string graphviz(const ir::Graph& graph) {
  std::ostringstream out;
  boost::write_graphviz(
      out, GraphView(graph), [&](std::ostream& o, NodeId id) { write_node(o, graph, id); },
      [&](std::ostream& o, const ViewEdge& edge) { write_edge(o, graph, edge); },
      [&](std::ostream& o) {
        o << "node [shape=box, style=filled, fontname=\"monospace\"];\n";
        write_outputs_and_updates(o, graph);
      });
  return out.str();
}

}  // namespace sinter::passes
