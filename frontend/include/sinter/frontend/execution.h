#pragma once
// How compiled graphs are run. The environment variable SINTER_DUMP=DIR writes every stage of what is compiled to DIR.

#include <cstdint>
#include <string>
#include <vector>

namespace sinter {

enum class Backend : std::uint8_t {
  jit,          // machine code
  interpreter,  // the reference interpreter: the same bits, thousands of times slower
};

struct ExecutionOptions {
  Backend backend = Backend::jit;
  int threads = 1;                         // size of the team for kernels large enough to share
  std::vector<std::string> disabled = {};  // graph passes to leave out, by name ("fuse")
};

}  // namespace sinter
