#pragma once
// The threads that run a step together. Compiled steps know no thread library: they are called once per thread and meet
// at a barrier that the team provides. Pass a Team of your own to Session to run steps on OpenMP, TBB or a game's jobs.

#include <cstdint>

#include <sinter/ir/export.h>

namespace sinter::runtime {

/// One thread's part of some work; does not throw. All threads of a run see the same `threads`, and all of them call
/// `barrier(barrier_arg)` equally often: it returns when every thread has arrived, and orders memory between them.
using TeamTask = void (*)(void* context, std::int32_t thread, std::int32_t threads, void (*barrier)(void*),
                          void* barrier_arg);

class SINTER_API Team {
 public:
  Team() = default;
  virtual ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  /// The most threads that run() uses.
  virtual int size() const = 0;
  /// Calls task(context, t, n, ...) once for each t < n, all at the same time, and returns when all have returned. n is
  /// at most `threads`; it may be smaller, down to 1: results do not depend on it. The caller may be one of the
  /// threads.
  virtual void run(int threads, TeamTask task, void* context) = 0;
};

/// The built-in team, one per process. Its threads start with the first run that needs them, wait by spinning for a
/// moment and then sleep. When it is busy, a second caller runs alone. It allocates only when it grows, and works again
/// in the child of a fork.
SINTER_API Team& default_team();

/// How long threads of the built-in team spin before they sleep, in rounds of a few tens of nanoseconds; 0: not at all.
SINTER_API void set_team_spin(int rounds);

}  // namespace sinter::runtime
