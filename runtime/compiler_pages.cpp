// Compiling a step maps some 70 MB of LLVM, code and tables, that nobody needs while the step runs.

#include "compiler_pages.h"

#if defined(__linux__) && defined(__GLIBC__)
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <cstdint>
#include <span>

#include <llvm/Support/raw_ostream.h>

namespace sinter::runtime {

#if defined(__linux__) && defined(__GLIBC__)

namespace {

struct Search {
  std::uintptr_t inside;  // an address of the library
  std::size_t given = 0;
};

std::span<const ElfW(Phdr)> headers(const dl_phdr_info& library) { return {library.dlpi_phdr, library.dlpi_phnum}; }

bool holds(const dl_phdr_info& library, std::uintptr_t address) {
  for (const ElfW(Phdr) & h : headers(library))
    if (h.p_type == PT_LOAD && address - (library.dlpi_addr + h.p_vaddr) < h.p_memsz) return true;
  return false;
}

/// Whether the loader has written into pages that count as read-only: these would be lost.
bool has_text_relocations(const dl_phdr_info& library) {
  for (const ElfW(Phdr) & h : headers(library)) {
    if (h.p_type != PT_DYNAMIC) continue;
    for (auto d = reinterpret_cast<const ElfW(Dyn)*>(library.dlpi_addr + h.p_vaddr); d->d_tag != DT_NULL; ++d)
      if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL) != 0)) return true;
  }
  return false;
}

/// Whole pages only: the ends of a segment may share theirs with a neighbour that can be written.
std::size_t give_back(std::uintptr_t begin, std::uintptr_t end) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  begin = (begin + page - 1) / page * page;
  end = end / page * page;
  if (begin >= end || madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED) != 0) return 0;
  return end - begin;
}

int visit(dl_phdr_info* library, std::size_t /*size*/, void* data) {
  auto& search = *static_cast<Search*>(data);
  if (!holds(*library, search.inside)) return 0;
  if (has_text_relocations(*library)) return 1;
  for (const ElfW(Phdr) & h : headers(*library)) {
    const std::uintptr_t begin = library->dlpi_addr + h.p_vaddr;
    if (h.p_type == PT_LOAD && (h.p_flags & PF_W) == 0) search.given += give_back(begin, begin + h.p_filesz);
  }
  return 1;
}

}  // namespace

std::size_t give_back_compiler_pages() {
  Search search{reinterpret_cast<std::uintptr_t>(&llvm::nulls())};
  dl_iterate_phdr(&visit, &search);
  return search.given;
}

#else

std::size_t give_back_compiler_pages() { return 0; }

#endif

}  // namespace sinter::runtime
