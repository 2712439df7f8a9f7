#pragma once
// How many random cases a test draws.

#include <cstdint>

namespace sinter::test {

/// Sanitizers make a compile 20 times slower: there the tests of random cases draw every fourth of them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::uint64_t draw_stride = 4;
#else
inline constexpr std::uint64_t draw_stride = 1;
#endif

}  // namespace sinter::test
