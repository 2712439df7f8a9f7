// Best fit by a priority order: buffers are placed one by one, each into the smallest hole that takes it between the
// buffers placed before that live at the same time. Which order is best depends on the instance (few big activations,
// many equal gradients), so several are tried and the smallest arena is kept. If none comes near the lower bound, the
// best order is improved a little: the buffer on top of the arena is placed earlier. An exact solver would be NP-hard
// work for the last percent.

#include <sinter/passes/memory_plan.h>

#include <algorithm>

#include <sinter/ir/error.h>

namespace sinter::passes {

namespace {

using Order = std::vector<std::size_t>;

std::int64_t align(std::int64_t bytes) { return (bytes + arena_alignment - 1) / arena_alignment * arena_alignment; }

bool alive_together(const Lifetime& a, const Lifetime& b) { return a.first <= b.last && b.first <= a.last; }

/// Most bytes alive at one moment.
std::int64_t most_alive(std::span<const Lifetime> lifetimes) {
  struct Event {
    std::int64_t time, bytes;
  };
  std::vector<Event> events;
  for (const Lifetime& l : lifetimes) {
    events.push_back({l.first, l.bytes});
    events.push_back({l.last + 1, -l.bytes});
  }
  std::ranges::sort(events, [](const Event& a, const Event& b) {
    return a.time != b.time ? a.time < b.time : a.bytes < b.bytes;  // at equal times deaths come first
  });
  std::int64_t alive = 0;
  std::int64_t most = 0;
  for (const Event& e : events) most = std::max(most, alive += e.bytes);
  return most;
}

/// Pairs of buffers looked at while improving: some milliseconds.
constexpr std::int64_t work_limit = 500'000;

class Planner {
 public:
  explicit Planner(std::span<const Lifetime> lifetimes)
      : lifetimes_(lifetimes.begin(), lifetimes.end()), conflicts_(lifetimes.size()) {
    for (Lifetime& l : lifetimes_) l.bytes = align(l.bytes);
    lower_bound_ = most_alive(lifetimes_);
    find_conflicts();
    for (const Lifetime& l : lifetimes_) {  // all side by side: a valid plan to begin with
      best_.offsets.push_back(l.bytes == 0 ? 0 : best_.peak);
      best_.peak += l.bytes;
    }
    best_.lower_bound = lower_bound_;
  }

  MemoryPlan run() {
    using Key = std::int64_t (*)(const Lifetime&);
    const Key keys[] = {
        [](const Lifetime& l) { return l.bytes; },
        [](const Lifetime& l) { return l.bytes * (l.last - l.first + 1); },
        [](const Lifetime& l) { return l.last - l.first; },
        [](const Lifetime& l) { return -l.first; },
        [](const Lifetime& l) { return l.last; },
    };
    Order best_order;
    for (const Key key : keys)
      for (const bool lowest : {false, true}) {
        if (done() || spent_ > 4 * work_limit) return best_;
        const Order order = sorted_by(key);
        if (place(order, lowest)) best_order = order, lowest_ = lowest;
      }
    improve(best_order);
    return best_;
  }

 private:
  /// Within 1% of what no plan can beat.
  bool done() const { return best_.peak - best_.peak / 100 <= lower_bound_; }

  /// Buffers alive together, by a sweep over first uses.
  void find_conflicts() {
    Order by_first = all();
    std::ranges::sort(by_first, {}, [&](std::size_t k) { return std::pair(lifetimes_[k].first, k); });
    Order active;
    for (const std::size_t k : by_first) {
      std::erase_if(active, [&](std::size_t a) { return lifetimes_[a].last < lifetimes_[k].first; });
      for (const std::size_t a : active) {
        conflicts_[a].push_back(k);
        conflicts_[k].push_back(a);
        ++work_;
      }
      active.push_back(k);
    }
  }

  /// The buffers that take space.
  Order all() const {
    Order order;
    for (std::size_t k = 0; k < lifetimes_.size(); ++k)
      if (lifetimes_[k].bytes > 0) order.push_back(k);
    return order;
  }

  /// Largest key first; ties by size, then by position.
  template <class Key>
  Order sorted_by(Key key) const {
    Order order = all();
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      const auto ka = key(lifetimes_[a]);
      const auto kb = key(lifetimes_[b]);
      if (ka != kb) return ka > kb;
      return lifetimes_[a].bytes != lifetimes_[b].bytes ? lifetimes_[a].bytes > lifetimes_[b].bytes : a < b;
    });
    return order;
  }

  /// The hole for buffer k: the smallest that fits, or the lowest.
  std::int64_t hole_for(std::size_t k, bool lowest) {
    taken_.clear();
    for (const std::size_t c : conflicts_[k])
      if (offsets_[c] >= 0) taken_.emplace_back(offsets_[c], offsets_[c] + lifetimes_[c].bytes);
    std::ranges::sort(taken_);
    const std::int64_t bytes = lifetimes_[k].bytes;
    std::int64_t end = 0;
    std::int64_t found = -1;
    std::int64_t found_size = 0;
    for (const auto& [from, to] : taken_) {
      const std::int64_t size = from - end;
      if (size >= bytes && (found < 0 || size < found_size)) {
        found = end;
        found_size = size;
        if (lowest) break;
      }
      end = std::max(end, to);
    }
    return found >= 0 ? found : end;
  }

  /// Places all buffers in this order; keeps the plan if it is the smallest so far.
  bool place(const Order& order, bool lowest) {
    spent_ += work_;
    offsets_.assign(lifetimes_.size(), -1);
    std::int64_t peak = 0;
    top_ = order.empty() ? 0 : order.front();
    for (const std::size_t k : order) {
      offsets_[k] = hole_for(k, lowest);
      const std::int64_t end = offsets_[k] + lifetimes_[k].bytes;
      if (end > peak) peak = end, top_ = k;
    }
    if (peak >= best_.peak) return false;
    best_.peak = peak;
    for (std::size_t k = 0; k < offsets_.size(); ++k) best_.offsets[k] = std::max<std::int64_t>(0, offsets_[k]);
    return true;
  }

  /// Moves the buffer on top of the arena ahead in the order, again and again, within a fixed amount of work.
  void improve(Order order) {
    const std::int64_t rounds =
        std::min<std::int64_t>(400, work_limit / (work_ + static_cast<std::int64_t>(order.size()) + 1));
    if (rounds <= 0) return;
    place(order, lowest_);
    for (std::int64_t round = 0; round < rounds && !done(); ++round) {
      const auto at = std::ranges::find(order, top_);
      const auto ahead = (at - order.begin()) / 2;
      std::rotate(order.begin() + ahead, at, at + 1);
      place(order, (round % 2 == 0) == lowest_);
    }
  }

  std::vector<Lifetime> lifetimes_;
  std::vector<Order> conflicts_;
  std::int64_t lower_bound_ = 0;
  std::int64_t work_ = 0;  // pairs alive together: what one placement of all buffers costs
  std::int64_t spent_ = 0;
  MemoryPlan best_;
  bool lowest_ = false;

  // Of the placement at work:
  std::vector<std::int64_t> offsets_;  // -1: not placed yet
  std::vector<std::pair<std::int64_t, std::int64_t>> taken_;
  std::size_t top_ = 0;
};

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes) {
  for (const Lifetime& l : lifetimes)
    check(l.bytes >= 0 && l.first <= l.last, "lifetime of ", l.bytes, " bytes from item ", l.first, " to item ",
          l.last);
  return Planner(lifetimes).run();
}

std::vector<std::string> violations(const MemoryPlan& plan, std::span<const Lifetime> lifetimes) {
  std::vector<std::string> found;
  if (plan.offsets.size() != lifetimes.size()) {
    found.push_back(str("plan has ", plan.offsets.size(), " offsets for ", lifetimes.size(), " buffers"));
    return found;
  }
  if (plan.peak < most_alive(lifetimes))
    found.push_back(str("peak ", plan.peak, " is below the bytes alive at one moment"));
  for (std::size_t a = 0; a < lifetimes.size(); ++a) {
    const std::int64_t begin = plan.offsets[a];
    const std::int64_t end = begin + lifetimes[a].bytes;
    if (begin < 0 || begin % arena_alignment != 0)
      found.push_back(str("buffer ", a, ": offset ", begin, " is not a multiple of ", arena_alignment));
    if (end > plan.peak)
      found.push_back(str("buffer ", a, ": ends at ", end, ", after the arena's ", plan.peak, " bytes"));
    for (std::size_t b = 0; b < a; ++b) {
      const bool apart = plan.offsets[b] >= end || plan.offsets[b] + lifetimes[b].bytes <= begin;
      if (!apart && lifetimes[a].bytes > 0 && lifetimes[b].bytes > 0 && alive_together(lifetimes[a], lifetimes[b]))
        found.push_back(str("buffers ", b, " and ", a, " overlap while both are alive: [", plan.offsets[b], ", ",
                            plan.offsets[b] + lifetimes[b].bytes, ") and [", begin, ", ", end, ")"));
    }
  }
  return found;
}

}  // namespace sinter::passes
