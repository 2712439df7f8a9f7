#pragma once
// Threads of our own for what the machine can do at most: they start together by spinning and never sleep, so that the
// ceilings do not depend on the team that runs the steps.

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "protocol.h"

namespace sinter::bench {

/// work(thread, threads) once per thread, at the same time. Returns the seconds from the first start to the last end.
template <class Work>
double parallel_run(int threads, Work work) {
  struct Times {
    double start = 0, end = 0;
  };
  std::vector<Times> times(static_cast<std::size_t>(threads));
  std::atomic<int> waiting = threads;
  const auto body = [&](int thread) {
    for (--waiting; waiting > 0;) std::this_thread::yield();
    Times& own = times[static_cast<std::size_t>(thread)];
    own.start = now();
    work(thread, threads);
    own.end = now();
  };
  std::vector<std::jthread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(body, t);
  body(0);
  others.clear();
  return std::ranges::max(times, {}, &Times::end).end - std::ranges::min(times, {}, &Times::start).start;
}

}  // namespace sinter::bench
