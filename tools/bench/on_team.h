#pragma once
// Runs a piece of work on the built-in team, for measurements that must use the same threads as a step.

#include <cstdint>

#include <sinter/runtime/team.h>

namespace sinter::bench {

/// work(thread, threads) once per thread, at the same time. Returns how many threads there were.
template <class Work>
int on_team(int threads, Work work) {
  struct Context {
    Work& work;
    int threads;
  } context{work, 1};
  if (threads <= 1) {
    work(0, 1);
    return 1;
  }
  const runtime::TeamTask task = [](void* c, std::int32_t thread, std::int32_t all, void (*)(void*), void*) {
    auto& own = *static_cast<Context*>(c);
    if (thread == 0) own.threads = all;
    own.work(thread, all);
  };
  runtime::default_team().run(threads, task, &context);
  return context.threads;
}

}  // namespace sinter::bench
