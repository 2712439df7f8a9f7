#pragma once
// What a Symbol names, and the model made of symbols.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sinter/frontend/symbol.h>

#include "layer_state.h"

namespace sinter::detail {

/// One use of a layer, or an input (no layer).
struct SymbolNode {
  std::uint64_t serial = 0;  // nodes made earlier have smaller ones, so this is a topological order
  std::shared_ptr<Layer> layer;
  Symbols inputs;
  std::vector<TensorType> results;  // of one sample
  std::string input_name;           // of an input; may be empty
  std::int64_t batch_size = 0;      // 0: any
};

std::uint64_t next_symbol_serial();

/// The part of a graph of symbols between inputs and outputs.
class SymbolGraph {
 public:
  /// Throws UserError, beginning with `who`, when an output needs something that is not computed from the inputs.
  SymbolGraph(std::string_view who, Symbols inputs, Symbols outputs);

  const Symbols& inputs() const { return inputs_; }
  const Symbols& outputs() const { return outputs_; }
  /// Uses of layers, operands first.
  const std::vector<const SymbolNode*>& nodes() const { return nodes_; }
  /// Each layer once, in the order they were first used.
  std::vector<std::shared_ptr<Layer>> layers() const;
  /// Each layer once, in Keras's order: by their distance from the outputs, the farthest first; this is the order of
  /// weights.
  std::vector<std::shared_ptr<Layer>> layers_by_depth() const;
  /// Calls the layers on `xs` in the current trace.
  Tensors run(const Tensors& xs) const;

 private:
  void collect(std::string_view who);
  Symbols inputs_, outputs_;
  std::vector<const SymbolNode*> nodes_;
  std::vector<const SymbolNode*> visited_;  // as a search from the outputs meets them
};

}  // namespace sinter::detail
