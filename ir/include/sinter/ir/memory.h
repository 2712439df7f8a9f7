#pragma once
// Memory for tensors.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include <sinter/ir/export.h>

namespace sinter::ir {

/// Where the memory of tensors begins: at multiples of a cache line, which is also a vector.
inline constexpr std::size_t memory_alignment = 64;

struct FreeMemory {
  void operator()(std::byte* memory) const { std::free(memory); }
};
using AlignedBytes = std::unique_ptr<std::byte[], FreeMemory>;

/// At least `size` bytes, never null. From 4 MiB on the system is asked for large pages: rows of a large weight lie
/// kilobytes apart, and with pages of 4 KiB every row costs a walk through the page table. Throws std::bad_alloc.
SINTER_API AlignedBytes allocate_aligned(std::int64_t size);
/// The same, filled with zeros.
SINTER_API AlignedBytes allocate_zeros(std::int64_t size);

}  // namespace sinter::ir
