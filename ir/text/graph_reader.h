#pragma once
// The grammar of a graph. Private to ir.

#include <memory>

#include <sinter/ir/graph.h>

#include "text/reader.h"

namespace sinter::ir::text {

/// `graph @name { ... }`
Graph read_graph(Reader& reader);
/// `[@name] { ... }`: the body of a region op or kernel that stands `depth` bodies deep.
std::shared_ptr<const Graph> read_body(Reader& reader, int depth);

}  // namespace sinter::ir::text
