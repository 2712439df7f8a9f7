#pragma once

#include <cstddef>

namespace sinter::runtime {

/// Gives the pages of LLVM's library that nobody can write (its code and its constants) back to the system, which
/// reads them again from the page cache when LLVM is next called. Harmless while other threads compile: they wait for
/// a page now and then. Returns how many bytes of addresses these are; 0 where the system has no way to do it.
std::size_t give_back_compiler_pages();

}  // namespace sinter::runtime
