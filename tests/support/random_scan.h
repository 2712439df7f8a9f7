#pragma once
// The generator of loops.

#include "support/graph_maker.h"

namespace sinter::test {

/// Appends a loop whose operands are new inputs. Returns one of its results; the others are kept for later operands.
ir::Expr random_scan(GraphMaker& m);

}  // namespace sinter::test
