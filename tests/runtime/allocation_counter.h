#pragma once
// Counts calls of operator new in the whole test program.

#include <cstdint>

namespace sinter::test {

/// Allocations since the program started.
std::int64_t allocation_count();

}  // namespace sinter::test
