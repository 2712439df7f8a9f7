#pragma once
// Runs a piece of a test in a forked child.

#include <sys/wait.h>
#include <unistd.h>

#include <exception>

namespace sinter::test {

/// True when `body` returned true in the child. A child that hangs is killed after 30 seconds.
template <class Body>
bool succeeds_in_child(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    try {
      _exit(body() ? 0 : 1);
    } catch (const std::exception&) {
      _exit(1);
    }
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#if defined(__SANITIZE_THREAD__)
/// ThreadSanitizer refuses new threads in the child of a process that has several.
inline constexpr bool threads_survive_fork = false;
#else
inline constexpr bool threads_survive_fork = true;
#endif

}  // namespace sinter::test
