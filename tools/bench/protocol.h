#pragma once
// How a step is timed; the same for every program of the comparison:
//   first call (with compilation); then warm-up of at least 5 steps and 0.3 s; then timed steps until `seconds` have
//   passed, at least 15, at most 5000. Every call is timed alone and ends with the loss on the host.

#include <cstdint>
#include <functional>

#include <nlohmann/json_fwd.hpp>

namespace sinter::bench {

struct Timing {
  double median_ms = 0, min_ms = 0, p10_ms = 0, p90_ms = 0;
  std::size_t steps = 0;
  double first_ms = 0, second_ms = 0, warmup_max_ms = 0;
  double startup_s = 0;
  double peak_rss_mb = 0;
  double loss_first = 0, loss_last = 0;
  double allocations_per_step = 0;  // of the timed steps
};

/// `step(k)` runs on batch k of `batches` and returns the loss.
Timing measure(const std::function<double(std::size_t)>& step, std::size_t batches, double seconds);

/// The fields of a result line.
void write(const Timing& timing, nlohmann::ordered_json& line);

/// Seconds on a clock that never goes back.
double now();
/// `value` with this many decimals.
double rounded(double value, int decimals);
/// Calls of operator new by any thread of this process so far.
std::uint64_t allocations();

}  // namespace sinter::bench
