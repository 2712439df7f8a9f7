#pragma once
// Loss and metrics of an epoch, added up on the host in double.

#include <cstdint>
#include <vector>

#include <sinter/frontend/history.h>

namespace sinter::detail {

struct ModelStep;

/// Of the batches so far.
struct Totals {
  double loss = 0.0;  // weighted by samples
  std::int64_t samples = 0;
  std::vector<std::vector<double>> sums;  // of each metric

  /// What `step` has just worked out for so many samples.
  void add(const ModelStep& step, std::int64_t batch);
  Logs logs(const ModelStep& step) const;
};

/// How far an epoch has got.
struct EpochProgress {
  std::int64_t done = 0;  // batches
  Totals totals;
};

}  // namespace sinter::detail
