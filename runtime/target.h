#pragma once
// What follows from a target's feature list.

#include <sinter/ir/target.h>

namespace sinter::runtime {

/// Derives vector width, registers and masked memory from the triple and the feature list.
void set_vector_properties(ir::Target& target);

}  // namespace sinter::runtime
