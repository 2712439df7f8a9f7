#pragma once
// Values that never leave the cache: what is made and read among the same strips needs memory for one strip at a time.
// What a cheap kernel makes of a value that later groups read anyway is made there once more (the activation behind a
// batch normalisation: the gradients need it, and read what it is made of).

#include <sinter/ir/program.h>

namespace sinter::passes {

/// Turns arena buffers into buffers of kind `strip` where it can. Memory is not planned yet.
void keep_in_strips(ir::Program& program);

}  // namespace sinter::passes
