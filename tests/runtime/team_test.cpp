// The built-in team: everybody runs, everybody meets, nobody allocates, and neither contention nor fork stops it.

#include <sinter/runtime/team.h>

#include <atomic>
#include <thread>
#include <vector>

#include "allocation_counter.h"
#include "in_child.h"
#include "support/catch.h"

namespace sinter::test {

namespace {

using runtime::default_team;

using Barrier = void (*)(void*);

/// Rounds in which each thread writes its own number and, after the barrier, reads those of all others: wrong sums and
/// (under ThreadSanitizer) races show a barrier that does not hold. The numbers are plain on purpose.
struct Exchange {
  static constexpr int rounds = 200;

  void run(int threads) {
    numbers.assign(static_cast<std::size_t>(threads), 0);
    visits = std::vector<std::atomic<int>>(static_cast<std::size_t>(threads));
    default_team().run(threads, &Exchange::part, this);
  }

  static void part(void* context, std::int32_t thread, std::int32_t threads, Barrier barrier, void* arg) {
    auto& self = *static_cast<Exchange*>(context);
    self.visits[static_cast<std::size_t>(thread)]++;
    if (thread == 0) self.granted = threads;
    for (int round = 1; round <= rounds; ++round) {
      self.numbers[static_cast<std::size_t>(thread)] = round * (thread + 1);
      barrier(arg);
      int sum = 0;
      for (int t = 0; t < threads; ++t) sum += self.numbers[static_cast<std::size_t>(t)];
      if (sum != round * threads * (threads + 1) / 2) self.wrong++;
      barrier(arg);
    }
  }

  bool good() const {
    for (int t = 0; t < granted; ++t) {
      if (visits[static_cast<std::size_t>(t)] != 1) return false;
    }
    return wrong == 0 && granted >= 1;
  }

  std::vector<int> numbers;
  std::vector<std::atomic<int>> visits;
  std::atomic<int> wrong = 0;
  int granted = 0;
};

void count_up(void* context, std::int32_t, std::int32_t, Barrier, void*) { ++*static_cast<std::atomic<int>*>(context); }

}  // namespace

TEST_CASE("all threads of a team run and meet", "[team]") {
  const int threads = GENERATE(1, 2, 3, 4, 8);
  CAPTURE(threads);
  Exchange exchange;
  exchange.run(threads);
  CHECK(exchange.granted == threads);
  CHECK(exchange.good());
}

TEST_CASE("runs of changing size follow each other", "[team]") {
  std::atomic<int> count = 0;
  int expected = 0;
  for (int k = 0; k < 2000; ++k) {
    const int threads = 1 + k % 4;
    default_team().run(threads, &count_up, &count);
    expected += threads;
  }
  CHECK(count == expected);
}

TEST_CASE("threads that sleep at once work as well as spinning ones", "[team]") {
  const int rounds = GENERATE(0, 1, 100000);
  runtime::set_team_spin(rounds);
  Exchange exchange;
  exchange.run(2);
  runtime::set_team_spin(1000);
  CHECK(exchange.good());
}

TEST_CASE("a busy team lets the second caller run alone", "[team]") {
  std::atomic<int> failures = 0;
  std::vector<std::thread> callers;
  for (int k = 0; k < 4; ++k) {
    callers.emplace_back([&failures] {
      for (int i = 0; i < 10; ++i) {
        Exchange exchange;
        exchange.run(3);
        if (!exchange.good()) failures++;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(failures == 0);
}

TEST_CASE("a run inside a run is alone", "[team]") {
  struct Outer {
    static void part(void* context, std::int32_t, std::int32_t, Barrier, void*) {
      default_team().run(2, &count_up, context);
    }
  };
  std::atomic<int> count = 0;
  default_team().run(2, &Outer::part, &count);
  CHECK(count == 2);
}

TEST_CASE("a run allocates nothing once the threads exist", "[team]") {
  std::atomic<int> count = 0;
  default_team().run(4, &count_up, &count);
  const std::int64_t before = allocation_count();
  for (int k = 0; k < 100; ++k) default_team().run(4, &count_up, &count);
  CHECK(allocation_count() == before);
}

TEST_CASE("the team works again in a forked child", "[team]") {
  if (!threads_survive_fork) return;
  Exchange before;
  before.run(3);
  CHECK(succeeds_in_child([] {
    Exchange exchange;
    exchange.run(3);
    return exchange.good() && exchange.granted == 3;
  }));
  // Forked while another thread uses the team: its lock must not stay taken in the child.
  std::atomic<bool> stop = false;
  std::thread user([&stop] {
    while (!stop) {
      Exchange exchange;
      exchange.run(2);
    }
  });
  for (int k = 0; k < 10; ++k) {
    CHECK(succeeds_in_child([] {
      Exchange exchange;
      exchange.run(3);
      return exchange.good() && exchange.granted == 3;
    }));
  }
  stop = true;
  user.join();
  Exchange after;
  after.run(3);
  CHECK(after.good());
}

}  // namespace sinter::test
