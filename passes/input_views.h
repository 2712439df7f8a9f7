#pragma once

#include <memory>

#include <sinter/ir/graph.h>

namespace sinter::passes {

/// The body of a kernel with inputs that are read through one view alone taken in the view's shape: a buffer may be
/// seen with any shape of as many elements, and addresses are then sums of products instead of quotients and
/// remainders.
std::shared_ptr<const ir::Graph> with_inputs_as_viewed(std::shared_ptr<const ir::Graph> body);

}  // namespace sinter::passes
