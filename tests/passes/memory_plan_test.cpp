// The memory planner, alone: random lifetimes, a checker, and a checker of the checker.

#include <sinter/passes/memory_plan.h>

#include <numeric>
#include <random>

#include "support/catch.h"

using namespace sinter::passes;

namespace {

using Random = std::mt19937_64;

std::int64_t draw(Random& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
}

std::vector<Lifetime> random_lifetimes(Random& random) {
  std::vector<Lifetime> all(static_cast<std::size_t>(draw(random, 0, 60)));
  for (Lifetime& l : all) {
    const std::int64_t first = draw(random, 0, 40);
    const std::int64_t bytes = draw(random, 0, 9) == 0 ? 0 : draw(random, 1, 5000);
    l = {bytes, first, first + draw(random, 0, draw(random, 0, 1) == 0 ? 3 : 40)};
  }
  return all;
}

/// Forward: an activation of each layer that lives until its backward step, and a temporary; backward: the gradient
/// that is handed on and the weight's gradient, which the update takes at once.
std::vector<Lifetime> training_step(Random& random, std::int64_t layers) {
  std::vector<Lifetime> all;
  const std::int64_t end = 4 * layers;
  for (std::int64_t k = 0; k < layers; ++k) {
    const std::int64_t activation = 4 * draw(random, 16, 1 << 16);
    const std::int64_t weights = 4 * draw(random, 16, 1 << 16);
    all.push_back({activation, 2 * k, end - 2 * k});
    all.push_back({activation, 2 * k, 2 * k + 1});
    all.push_back({activation, end - 2 * k - 1, end - 2 * k + 1});
    all.push_back({weights, end - 2 * k, end - 2 * k + 1});
  }
  return all;
}

std::int64_t sum_of_bytes(const std::vector<Lifetime>& all) {
  return std::accumulate(all.begin(), all.end(), std::int64_t{0},
                         [](std::int64_t sum, const Lifetime& l) { return sum + (l.bytes + 63) / 64 * 64; });
}

}  // namespace

TEST_CASE("plans of random lifetimes never overlap") {
  Random random(1);
  for (int round = 0; round < 500; ++round) {
    const std::vector<Lifetime> all = random_lifetimes(random);
    const MemoryPlan plan = plan_memory(all);
    INFO("round " << round);
    CHECK(violations(plan, all).empty());
    CHECK(plan.peak >= plan.lower_bound);
    CHECK(plan.peak <= sum_of_bytes(all));
  }
}

TEST_CASE("plans of training steps stay within 5% of the lower bound") {
  Random random(2);
  double sum = 0.0;
  int within = 0;
  const int rounds = 100;
  for (int round = 0; round < rounds; ++round) {
    const std::vector<Lifetime> all = training_step(random, draw(random, 1, 60));
    const MemoryPlan plan = plan_memory(all);
    CHECK(violations(plan, all).empty());
    const double ratio = static_cast<double>(plan.peak) / static_cast<double>(plan.lower_bound);
    sum += ratio;
    if (ratio <= 1.05) ++within;
    CHECK(ratio <= 1.20);
  }
  CHECK(within >= 95);
  CHECK(sum / rounds <= 1.02);
}

TEST_CASE("a plan is the same each time") {
  Random random(3);
  const std::vector<Lifetime> all = training_step(random, 30);
  CHECK(plan_memory(all).offsets == plan_memory(all).offsets);
}

TEST_CASE("buffers that never meet share their bytes") {
  const std::vector<Lifetime> all = {{1000, 0, 1}, {1000, 2, 3}, {1000, 4, 9}};
  const MemoryPlan plan = plan_memory(all);
  CHECK(plan.peak == 1024);
  CHECK(plan.lower_bound == 1024);
}

TEST_CASE("a last use and a first use in one item are alive together") {
  const std::vector<Lifetime> all = {{64, 0, 1}, {64, 1, 2}};
  CHECK(plan_memory(all).peak == 128);
}

TEST_CASE("no buffers, and empty buffers, take no space") {
  CHECK(plan_memory({}).peak == 0);
  const std::vector<Lifetime> empty = {{0, 0, 5}, {0, 1, 2}};
  CHECK(plan_memory(empty).peak == 0);
  CHECK(violations(plan_memory(empty), empty).empty());
}

TEST_CASE("the checker catches an overlap, a bad offset and a short arena") {
  Random random(4);
  int caught = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<Lifetime> all = training_step(random, 5);
    MemoryPlan plan = plan_memory(all);
    // Put one buffer where another one lies that is alive at the same time.
    for (std::size_t a = 1; a < all.size(); ++a) {
      if (all[a].first > all[0].last || all[0].first > all[a].last) continue;
      plan.offsets[a] = plan.offsets[0];
      break;
    }
    if (!violations(plan, all).empty()) ++caught;
  }
  CHECK(caught == 100);

  const std::vector<Lifetime> one = {{100, 0, 0}};
  CHECK_FALSE(violations(MemoryPlan{{32}, 256, 128}, one).empty());
  CHECK_FALSE(violations(MemoryPlan{{64}, 128, 128}, one).empty());
  CHECK_FALSE(violations(MemoryPlan{{-64}, 128, 128}, one).empty());
  CHECK_FALSE(violations(MemoryPlan{{}, 128, 128}, one).empty());
  CHECK(violations(MemoryPlan{{64}, 192, 128}, one).empty());
}
