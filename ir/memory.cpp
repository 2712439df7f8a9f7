#include <sinter/ir/memory.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstring>
#include <new>

namespace sinter::ir {

namespace {

constexpr std::size_t large_page = std::size_t{2} << 20;

/// Without effect, and without harm, where the system has no such pages.
void ask_for_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) {
#if defined(MADV_HUGEPAGE)
  madvise(memory, size, MADV_HUGEPAGE);
#endif
}

}  // namespace

AlignedBytes allocate_aligned(std::int64_t size) {
  const auto wanted = static_cast<std::size_t>(size);
  const std::size_t unit = wanted >= 2 * large_page ? large_page : memory_alignment;
  const std::size_t rounded = (wanted / unit + (wanted % unit != 0 || wanted == 0 ? 1 : 0)) * unit;
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(unit, rounded));
  if (memory == nullptr) throw std::bad_alloc();
  if (unit == large_page) ask_for_large_pages(memory, rounded);
  return AlignedBytes(memory);
}

AlignedBytes allocate_zeros(std::int64_t size) {
  AlignedBytes memory = allocate_aligned(size);
  std::memset(memory.get(), 0, static_cast<std::size_t>(size));
  return memory;
}

}  // namespace sinter::ir
