// The graph of layers of a functional model.

#include <algorithm>
#include <map>
#include <set>

#include "symbol_node.h"

namespace sinter::detail {

SymbolGraph::SymbolGraph(std::string_view who, Symbols inputs, Symbols outputs)
    : inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
  if (inputs_.empty() || outputs_.empty()) user_error(who, ": a model needs at least one input and one output");
  for (std::size_t k = 0; k < inputs_.size(); ++k)
    if (std::find(inputs_.begin(), inputs_.begin() + static_cast<std::ptrdiff_t>(k), inputs_[k]) !=
        inputs_.begin() + static_cast<std::ptrdiff_t>(k))
      user_error(who, ": input ", k, " is listed twice");
  collect(who);
}

void SymbolGraph::collect(std::string_view who) {
  std::set<const SymbolNode*> known;
  std::vector<Symbol> waiting(outputs_.rbegin(), outputs_.rend());
  while (!waiting.empty()) {
    const Symbol next = waiting.back();
    waiting.pop_back();
    if (std::find(inputs_.begin(), inputs_.end(), next) != inputs_.end()) continue;
    const SymbolNode* node = next.node().get();
    if (node->layer == nullptr)
      user_error(who, ": an output depends on the input ",
                 node->input_name.empty() ? str("of shape ", next.shape()) : "'" + node->input_name + "'",
                 ", which is not among the inputs of the model; list it");
    if (!known.insert(node).second) continue;
    visited_.push_back(node);
    waiting.insert(waiting.end(), node->inputs.rbegin(), node->inputs.rend());
  }
  nodes_ = visited_;
  std::sort(nodes_.begin(), nodes_.end(), [](const auto* a, const auto* b) { return a->serial < b->serial; });
}

std::vector<std::shared_ptr<Layer>> SymbolGraph::layers() const {
  std::vector<std::shared_ptr<Layer>> result;
  for (const SymbolNode* node : nodes_)
    if (std::find(result.begin(), result.end(), node->layer) == result.end()) result.push_back(node->layer);
  return result;
}

std::vector<std::shared_ptr<Layer>> SymbolGraph::layers_by_depth() const {
  std::map<const SymbolNode*, int> depth;
  std::map<const Layer*, int> layer_depth;
  for (auto k = nodes_.size(); k-- > 0;) {
    const SymbolNode* node = nodes_[k];
    int& of_layer = layer_depth[node->layer.get()];
    of_layer = std::max(of_layer, depth[node]);
    for (const Symbol& x : node->inputs) {
      int& of_input = depth[x.node().get()];
      of_input = std::max(of_input, of_layer + 1);
    }
  }
  std::vector<std::shared_ptr<Layer>> result;
  for (const SymbolNode* node : visited_)
    if (std::find(result.begin(), result.end(), node->layer) == result.end()) result.push_back(node->layer);
  std::stable_sort(result.begin(), result.end(),
                   [&](const auto& a, const auto& b) { return layer_depth[a.get()] > layer_depth[b.get()]; });
  return result;
}

Tensors SymbolGraph::run(const Tensors& xs) const {
  std::map<std::pair<const SymbolNode*, std::size_t>, Tensor> known;
  const auto place = [](const Symbol& s) { return std::pair(s.node().get(), s.result()); };
  for (std::size_t k = 0; k < xs.size(); ++k) known.emplace(place(inputs_[k]), xs[k]);
  for (const SymbolNode* node : nodes_) {
    Tensors operands;
    for (const Symbol& x : node->inputs) operands.push_back(known.at(place(x)));
    const Tensors results = (*node->layer)(operands);
    for (std::size_t k = 0; k < results.size(); ++k) known.emplace(std::pair(node, k), results[k]);
  }
  Tensors ys;
  for (const Symbol& y : outputs_) ys.push_back(known.at(place(y)));
  return ys;
}

}  // namespace sinter::detail
