#pragma once
// How compiled graphs are run. The environment variable SINTER_DUMP=DIR writes every stage of what is compiled to DIR.

#include <cstdint>
#include <optional>
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
  /// The most bytes of each compiled step's arena: of what lies in memory between its kernels, such as activations that
  /// wait for the backward pass. Weights, slots, inputs and outputs are not counted. What does not fit is computed
  /// again where it is read, in the fastest way that is found; all results keep their bits. Empty: no limit. Compiling
  /// throws UserError with the smallest number that can be kept when this one cannot; it takes some seconds longer. The
  /// interpreter has no arena and takes no notice.
  std::optional<std::int64_t> memory_budget = {};
  /// Prints, when a step is compiled, which arena costs how much time (passes/README.md, "Less memory"): the choices
  /// around the budget. Empty: when there is a budget and the step is not found on disk. True: always; what the disk
  /// holds is compiled again for it.
  std::optional<bool> print_memory_curve = {};
  /// Compiled steps are kept on disk, so that the same program, started again, compiles nothing: in the directory that
  /// the environment variable SINTER_CACHE names ("off": nowhere), else in $XDG_CACHE_HOME/sinter or ~/.cache/sinter.
  bool cache = true;
};

}  // namespace sinter
