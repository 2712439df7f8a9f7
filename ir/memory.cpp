#include <sinter/ir/memory.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace sinter::ir {

namespace {

constexpr std::size_t large_page = std::size_t{2} << 20;
constexpr std::size_t least_mapped = std::size_t{8} << 20;

/// Without effect, and without harm, where the system has no such pages.
void ask_for_large_pages([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) {
#if defined(MADV_HUGEPAGE)
  madvise(memory, size, MADV_HUGEPAGE);
#endif
}

#if defined(__linux__)
/// Fresh pages, all zero, that begin where a large page can. Null when there are none.
std::byte* map_memory(std::size_t size) {
  const std::size_t with_margin = size + large_page;
  void* all = mmap(nullptr, with_margin, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::byte*>(all);
  const std::size_t before = (large_page - reinterpret_cast<std::uintptr_t>(begin) % large_page) % large_page;
  if (before > 0) munmap(begin, before);
  munmap(begin + before + size, large_page - before);
  return begin + before;
}

void unmap_memory(std::byte* memory, std::size_t size) { munmap(memory, size); }
constexpr bool maps_memory = true;
#else
std::byte* map_memory(std::size_t /*size*/) { return nullptr; }
void unmap_memory(std::byte* /*memory*/, std::size_t /*size*/) {}
constexpr bool maps_memory = false;
#endif

}  // namespace

void FreeMemory::operator()(std::byte* memory) const {
  if (mapped > 0)
    unmap_memory(memory, mapped);
  else
    std::free(memory);
}

AlignedBytes allocate_aligned(std::int64_t size) {
  const auto wanted = static_cast<std::size_t>(size);
  const std::size_t unit = wanted >= 2 * large_page ? large_page : memory_alignment;
  const std::size_t rounded = (wanted / unit + (wanted % unit != 0 || wanted == 0 ? 1 : 0)) * unit;
  const bool mapped = maps_memory && wanted >= least_mapped;
  auto* memory = mapped ? map_memory(rounded) : static_cast<std::byte*>(std::aligned_alloc(unit, rounded));
  if (memory == nullptr) throw std::bad_alloc();
  if (unit == large_page) ask_for_large_pages(memory, rounded);
  return {memory, FreeMemory{mapped ? rounded : 0}};
}

AlignedBytes allocate_zeros(std::int64_t size) {
  AlignedBytes memory = allocate_aligned(size);
  if (memory.get_deleter().mapped == 0) std::memset(memory.get(), 0, static_cast<std::size_t>(size));
  return memory;
}

}  // namespace sinter::ir
