#pragma once
// Memory for tensors.

#include <cstddef>
#include <cstdint>
#include <memory>

#include <sinter/ir/export.h>

namespace sinter::ir {

/// Where the memory of tensors begins: at multiples of a cache line, which is also a vector.
inline constexpr std::size_t memory_alignment = 64;

struct FreeMemory {
  std::size_t mapped = 0;  // bytes that came from the system itself; 0: from malloc
  SINTER_API void operator()(std::byte* memory) const;
};
using AlignedBytes = std::unique_ptr<std::byte[], FreeMemory>;

/// At least `size` bytes, never null. From 4 MiB on the system is asked for large pages: rows of a large weight lie
/// kilobytes apart, and with pages of 4 KiB every row costs a walk through the page table. From 8 MiB on the memory
/// comes from the system and goes back to it at once, whatever malloc is told to keep: otherwise a copy that lived for
/// a moment could stay as a hole in the heap, too small for the next weight by its alignment. Throws std::bad_alloc.
SINTER_API AlignedBytes allocate_aligned(std::int64_t size);
/// The same, filled with zeros.
SINTER_API AlignedBytes allocate_zeros(std::int64_t size);

}  // namespace sinter::ir
