#pragma once
// Places buffers in one arena so that buffers that live at the same time never overlap. Knows only sizes and lifetimes,
// so that it can be tested alone.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sinter/ir/export.h>
#include <sinter/ir/memory.h>

namespace sinter::passes {

/// Offsets and sizes in the arena are multiples of this many bytes.
inline constexpr auto arena_alignment = static_cast<std::int64_t>(ir::memory_alignment);

/// A buffer that is needed from item `first` to item `last` of the program, both included.
struct Lifetime {
  std::int64_t bytes = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
};

struct MemoryPlan {
  std::vector<std::int64_t> offsets;  // one per lifetime, in bytes
  std::int64_t peak = 0;              // bytes of the arena
  std::int64_t lower_bound = 0;       // most bytes alive at one moment: no plan can be smaller
};

/// Deterministic. An empty buffer gets offset 0.
SINTER_API MemoryPlan plan_memory(std::span<const Lifetime> lifetimes);
/// Everything that is wrong with a plan: overlaps, misaligned offsets, buffers that stick out of the arena.
SINTER_API std::vector<std::string> violations(const MemoryPlan& plan, std::span<const Lifetime> lifetimes);

}  // namespace sinter::passes
