// The built-in team. Three rules keep it simple: only threads that take part in a run are woken (each by a ticket of
// its own, so nobody else reads the job), a fork throws the whole crew away (the child has none of its threads), and a
// thread that finds itself on the processor of another one leaves it.

#include <sinter/runtime/team.h>

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

namespace sinter::runtime {

Team::~Team() = default;

namespace {

constexpr int default_spin_rounds = 1000;
constexpr int most_threads = 256;
std::atomic<int> spin_rounds = default_spin_rounds;

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Whether `word` stops holding `old` within some rounds of spinning.
bool changes_soon(const std::atomic<std::uint32_t>& word, std::uint32_t old, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    if (word.load(std::memory_order_acquire) != old) return true;
    relax();
  }
  return false;
}

/// Returns when `word` no longer holds `old`: spins for a while, then sleeps.
void wait_while(const std::atomic<std::uint32_t>& word, std::uint32_t old, int rounds) {
  if (!changes_soon(word, old, rounds)) word.wait(old, std::memory_order_acquire);
}

/// Which processor each thread of a run was on when it last looked.
///
/// The system wakes a thread on the processor of whoever woke it when the others look busy, and there it stays: two
/// threads that sleep in turn never look like two that could run at once, and a run takes as long as with one thread.
/// So a thread that shares a processor with one of a smaller number forbids itself the processors of all the others.
/// The caller, who is number 0, is never moved.
class Places {
 public:
  Places() {
    for (std::atomic<int>& place : of_) place.store(-1, std::memory_order_relaxed);
  }

  /// Notes where the calling thread is. Nothing is written as long as it stays there.
  void note(std::int32_t thread) {
    const int here = current();
    std::atomic<int>& own = of_[static_cast<std::size_t>(thread)];
    if (own.load(std::memory_order_relaxed) != here) own.store(here, std::memory_order_relaxed);
  }

  /// Moves the calling thread if it is in the way of another one. `allowed`: where it may be at all.
  void leave_others(std::int32_t thread, std::int32_t threads, const cpu_set_t& allowed) {
    note(thread);
    if (!is_shared(thread)) return;
    cpu_set_t free = allowed;
    for (std::int32_t t = 0; t < threads; ++t)
      if (const int place = at(t); t != thread && place >= 0) CPU_CLR(static_cast<std::size_t>(place), &free);
    if (CPU_COUNT(&free) > 0 && sched_setaffinity(0, sizeof free, &free) == 0) note(thread);
  }

 private:
  /// -1 where it is not known, and beyond what a cpu_set_t holds.
  static int current() {
    const int place = sched_getcpu();
    return place < CPU_SETSIZE ? place : -1;
  }
  int at(std::int32_t thread) const { return of_[static_cast<std::size_t>(thread)].load(std::memory_order_relaxed); }
  bool is_shared(std::int32_t thread) const {
    const int here = at(thread);
    for (std::int32_t t = 0; t < thread; ++t)
      if (here >= 0 && at(t) == here) return true;
    return false;
  }

  std::array<std::atomic<int>, most_threads> of_;
};

/// All threads meet; the last one opens the next phase.
struct MeetingPoint {
  std::int32_t threads = 1;
  int rounds = 0;
  alignas(64) std::atomic<std::int32_t> arrived = 0;
  alignas(64) std::atomic<std::uint32_t> phase = 0;
  alignas(64) Places places;
};

/// What one thread of the crew knows of itself: the argument of its barrier.
struct Seat {
  MeetingPoint& point;
  std::int32_t thread = 0;
  std::optional<cpu_set_t> allowed = {};  // where it may be moved to; the caller stays where it is

  void look_around() {
    if (allowed)
      point.places.leave_others(thread, point.threads, *allowed);
    else
      point.places.note(thread);
  }

  void meet() {
    // Read before arriving: afterwards the meeting may be over and the caller preparing the next run.
    const std::uint32_t current = point.phase.load(std::memory_order_relaxed);
    const std::int32_t expected = point.threads;
    const int patience = point.rounds;
    point.places.note(thread);
    if (point.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == expected) {
      point.arrived.store(0, std::memory_order_relaxed);
      point.phase.store(current + 1, std::memory_order_release);
      point.phase.notify_all();
      return;
    }
    if (changes_soon(point.phase, current, patience)) return;
    if (allowed && patience > 0) {  // perhaps the thread that is missing waits for this one's processor
      point.places.leave_others(thread, expected, *allowed);
      if (changes_soon(point.phase, current, patience)) return;
    }
    point.phase.wait(current, std::memory_order_acquire);
  }
};

void meet(void* seat) { static_cast<Seat*>(seat)->meet(); }
void meet_nobody(void*) {}

/// Where the calling thread may run; nothing when the system does not tell.
std::optional<cpu_set_t> own_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return std::nullopt;
  return set;
}

void run_alone(TeamTask task, void* context) { task(context, 0, 1, &meet_nobody, nullptr); }

/// The threads of one process, and the job they are on.
class Crew {
 public:
  Crew() { workers_.reserve(most_threads); }
  ~Crew() {
    for (const auto& worker : workers_) worker->call(Worker::quit);
    for (const auto& worker : workers_) worker->thread.join();
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// True when no run is going on; from then on none can start.
  bool retire() { return !busy_.test_and_set(std::memory_order_acquire); }

  /// False when another run is going on.
  bool try_run(int threads, TeamTask task, void* context) {
    if (busy_.test_and_set(std::memory_order_acquire)) return false;
    grow(threads - 1);
    start(std::min(threads, static_cast<int>(workers_.size()) + 1), task, context);
    busy_.clear(std::memory_order_release);
    return true;
  }

 private:
  struct alignas(64) Worker {
    static constexpr std::uint32_t quit = 1;  // tickets are even; adding an odd number asks to quit
    static constexpr std::uint32_t work = 2;

    void call(std::uint32_t what) {
      ticket.fetch_add(what, std::memory_order_release);
      ticket.notify_one();
    }

    std::atomic<std::uint32_t> ticket = 0;
    std::thread thread;
  };

  /// Starts threads up to `count`; fewer if the system refuses.
  void grow(int count) {
    while (static_cast<int>(workers_.size()) < count) {
      auto worker = std::make_unique<Worker>();
      const auto index = static_cast<std::int32_t>(workers_.size()) + 1;
      try {
        worker->thread = std::thread(&Crew::serve, this, std::ref(*worker), index);
      } catch (const std::system_error&) {
        return;
      }
      workers_.push_back(std::move(worker));
    }
  }

  void start(int threads, TeamTask task, void* context) {
    if (threads == 1) return run_alone(task, context);
    task_ = task;
    context_ = context;
    point_.threads = threads;
    // Spinning for a thread that has no processor to arrive on only keeps it away longer.
    point_.rounds = threads <= processors_ ? spin_rounds.load(std::memory_order_relaxed) : 0;
    Seat seat{point_};
    seat.look_around();
    for (int i = 0; i < threads - 1; ++i) workers_[static_cast<std::size_t>(i)]->call(Worker::work);
    take_part(seat);
  }

  /// The part of one thread. The last meeting tells the caller that all are done with job and context.
  void take_part(Seat& seat) {
    task_(context_, seat.thread, point_.threads, &meet, &seat);
    seat.meet();
  }

  void serve(Worker& self, std::int32_t index) {
    Seat seat{point_, index, own_processors()};
    std::uint32_t seen = 0;
    int rounds = spin_rounds.load(std::memory_order_relaxed);
    while (true) {
      wait_while(self.ticket, seen, rounds);
      const std::uint32_t now = self.ticket.load(std::memory_order_acquire);
      if (now == seen) continue;
      if (now % 2 == Worker::quit) return;
      seen = now;
      rounds = point_.rounds;
      if (rounds > 0) seat.look_around();
      take_part(seat);
    }
  }

  const int processors_ = static_cast<int>(std::thread::hardware_concurrency());
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  MeetingPoint point_;
  TeamTask task_ = nullptr;
  void* context_ = nullptr;
  std::vector<std::unique_ptr<Worker>> workers_;
};

/// The crew of this process. After a fork the child forgets it without touching it: its threads, and perhaps a lock
/// held by one of them, stayed with the parent. It is kept reachable, for the sake of leak checkers.
class CrewOfProcess {
 public:
  static CrewOfProcess& get() {
    static CrewOfProcess instance;
    return instance;
  }

  Crew& crew() {
    Crew* existing = current_.load(std::memory_order_acquire);
    if (existing != nullptr) return *existing;
    auto fresh = std::make_unique<Crew>();
    if (current_.compare_exchange_strong(existing, fresh.get(), std::memory_order_acq_rel)) return *fresh.release();
    return *existing;
  }

 private:
  CrewOfProcess() {
    pthread_atfork(nullptr, nullptr, [] { forgotten_ = current_.exchange(nullptr); });
  }
  /// A run that is still going on when the process ends keeps its crew.
  ~CrewOfProcess() {
    Crew* last = current_.exchange(nullptr);
    if (last != nullptr && last->retire()) delete last;
  }

  static inline std::atomic<Crew*> current_ = nullptr;
  static inline std::atomic<Crew*> forgotten_ = nullptr;
};

class DefaultTeam final : public Team {
 public:
  int size() const override {
    return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, most_threads);
  }

  void run(int threads, TeamTask task, void* context) override {
    threads = std::min(threads, most_threads);
    if (threads <= 1 || !CrewOfProcess::get().crew().try_run(threads, task, context)) run_alone(task, context);
  }
};

}  // namespace

Team& default_team() {
  static DefaultTeam team;
  return team;
}

void set_team_spin(int rounds) { spin_rounds.store(std::max(rounds, 0), std::memory_order_relaxed); }

}  // namespace sinter::runtime
