#pragma once
// How compiled graphs are run. The environment variable SINTER_DUMP=DIR writes every stage of what is compiled to DIR.

#include <cstdint>
#include <string>
#include <vector>

namespace sinter {

namespace runtime {
class Team;
}

enum class Backend : std::uint8_t {
  jit,          // machine code
  interpreter,  // the reference interpreter: the same bits, thousands of times slower
};

struct ExecutionOptions {
  Backend backend = Backend::jit;
  int threads = 1;  // size of the team for kernels large enough to share; results have the same bits for any number
  /// Threads of your own (sinter/runtime/team.h), as many as its size() says; outlives what is compiled. Null: the
  /// built-in team, with `threads` of them.
  runtime::Team* team = nullptr;
  /// Steps that fit() and evaluate() run before they look at the clock and the progress line again. For models whose
  /// step takes about a microsecond; changes no result.
  std::int64_t steps_per_execution = 1;
  std::vector<std::string> disabled = {};  // graph passes to leave out, by name ("fuse")
  /// Compiled steps are kept on disk, so that the same program, started again, compiles nothing: in the directory that
  /// the environment variable SINTER_CACHE names ("off": nowhere), else in $XDG_CACHE_HOME/sinter or ~/.cache/sinter.
  bool cache = true;
};

}  // namespace sinter
