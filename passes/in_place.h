#pragma once
// Results that take the place of an operand: where each of its elements is written over the one that was read for it,
// the lines are in the cache already, and it needs no memory of its own.

#include <map>
#include <span>

#include <sinter/ir/graph.h>

#include "anti_dependence.h"

namespace sinter::passes {

/// By result: the operand, views followed, whose buffer it takes. Nobody reads that one after the kernel, no other
/// result takes it, and it is neither bound nor an output or an update, which are copied at the end.
std::map<ir::Value, ir::Value> places_taken(const ir::Graph& graph, const Storage& storage,
                                            std::span<const ir::NodeId> order, KernelShapes& shapes);

}  // namespace sinter::passes
