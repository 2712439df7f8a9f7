#include "protocol.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace sinter::bench {

namespace {

double environment(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtod(text, nullptr);
}

/// Seconds since 1970, as the harness counts.
double wall_clock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

const double program_start = wall_clock();

/// The most memory this program has used; 0 where the system does not say.
double peak_rss_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024.0;
  return 0.0;
}

class Measurement {
 public:
  Measurement(const std::function<double(std::size_t)>& step, std::size_t batches) : step_(step), batches_(batches) {
    times_.reserve(most_steps);
  }

  Timing run(double seconds) {
    Timing t;
    t.startup_s = wall_clock() - environment("PEER_T0", program_start);
    t.first_ms = 1e3 * one();
    t.loss_first = loss_;
    t.second_ms = 1e3 * one();
    t.warmup_max_ms = std::max(t.second_ms, 1e3 * warm_up());
    const std::uint64_t before = allocations();
    repeat(seconds);
    t.allocations_per_step = static_cast<double>(allocations() - before) / static_cast<double>(times_.size());
    t.loss_last = loss_;
    t.peak_rss_mb = peak_rss_mb();
    fill_quantiles(t);
    return t;
  }

 private:
  static constexpr std::size_t least_steps = 15, most_steps = 5000;

  double one() {
    const double start = now();
    loss_ = step_(count_ % batches_);
    ++count_;
    return now() - start;
  }

  double warm_up() {
    double most = 0.0;
    const double start = now();
    while ((count_ < 7 || now() - start < 0.3) && now() - begin_ <= max_wall_) most = std::max(most, one());
    return most;
  }

  void repeat(double seconds) {
    const double start = now();
    while ((now() - start < seconds || times_.size() < least_steps) && times_.size() < most_steps) {
      times_.push_back(one());
      if (now() - begin_ > max_wall_ && times_.size() >= 3) break;
    }
  }

  void fill_quantiles(Timing& t) {
    std::ranges::sort(times_);
    const std::size_t n = times_.size();
    t.steps = n;
    t.min_ms = 1e3 * times_.front();
    t.p10_ms = 1e3 * times_[n / 10];
    t.median_ms = 1e3 * times_[n / 2];
    t.p90_ms = 1e3 * times_[n * 9 / 10];
  }

  const std::function<double(std::size_t)>& step_;
  std::size_t batches_;
  double max_wall_ = environment("PEER_MAX_WALL", 120.0);
  double begin_ = now();
  std::size_t count_ = 0;
  double loss_ = 0.0;
  std::vector<double> times_;
};

}  // namespace

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double rounded(double value, int decimals) {
  const double scale = std::pow(10.0, decimals);
  return std::round(value * scale) / scale;
}

Timing measure(const std::function<double(std::size_t)>& step, std::size_t batches, double seconds) {
  return Measurement(step, batches).run(seconds);
}

void write(const Timing& t, nlohmann::ordered_json& line) {
  line["step_ms"] = rounded(t.median_ms, 7);
  line["min_ms"] = rounded(t.min_ms, 7);
  line["p10_ms"] = rounded(t.p10_ms, 7);
  line["p90_ms"] = rounded(t.p90_ms, 7);
  line["steps"] = t.steps;
  line["first_step_ms"] = rounded(t.first_ms, 3);
  line["second_step_ms"] = rounded(t.second_ms, 3);
  line["warmup_max_ms"] = rounded(t.warmup_max_ms, 3);
  line["startup_s"] = rounded(t.startup_s, 3);
  line["peak_rss_mb"] = rounded(t.peak_rss_mb, 1);
  line["loss_first"] = rounded(t.loss_first, 5);
  line["loss_last"] = rounded(t.loss_last, 5);
  line["allocations_per_step"] = rounded(t.allocations_per_step, 5);
}

}  // namespace sinter::bench
