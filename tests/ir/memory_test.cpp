#include <sinter/ir/memory.h>

#include <algorithm>

#include "support/catch.h"

using namespace sinter;

TEST_CASE("memory begins at a cache line and is there even when nothing is asked for") {
  for (const std::int64_t size : {0, 1, 63, 64, 65, 100'000, (4 << 20) - 1, 4 << 20, (4 << 20) + 1}) {
    const ir::AlignedBytes memory = ir::allocate_zeros(size);
    INFO(size);
    REQUIRE(memory != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(memory.get()) % ir::memory_alignment == 0);
    CHECK(std::all_of(memory.get(), memory.get() + size, [](std::byte b) { return b == std::byte{0}; }));
  }
}
