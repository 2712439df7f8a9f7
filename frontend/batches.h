#pragma once
// Visiting samples in batches.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sinter/frontend/progress.h>

#include "model_state.h"
#include "totals.h"

namespace sinter::detail {

/// Samples with their labels and weights, in the order in which they are visited.
struct Samples {
  std::vector<Array> x = {}, y = {};
  std::vector<Array> w = {};              // empty: all count the same
  std::vector<std::uint32_t> order = {};  // empty: as they lie

  std::int64_t size() const { return x.front().length(); }
};

/// A permutation of n samples that depends on seed and epoch alone.
std::vector<std::uint32_t> shuffled(std::int64_t n, std::uint64_t seed, std::uint64_t epoch);

/// The one or two steps that visit all samples: whole batches, and the smaller last one. Both are compiled here.
class Batches {
 public:
  /// `threads`: size of the team; 0: as compile() was told.
  Batches(Model& model, ModelState& state, Mode mode, const Samples& samples, std::int64_t batch_size, int threads = 0);
  std::int64_t count() const { return (n_ + batch_ - 1) / batch_; }
  std::int64_t first(std::int64_t k) const { return k * batch_; }
  std::int64_t rows(std::int64_t k) const { return std::min(batch_, n_ - first(k)); }
  ModelStep& step(std::int64_t k) const { return rows(k) == batch_ ? *whole_ : *rest_; }
  /// The step of whole batches, to keep.
  std::shared_ptr<ModelStep> shared_step() const { return whole_; }
  /// Steps between two looks at the clock.
  std::int64_t steps_per_execution() const { return steps_per_execution_; }
  /// Runs batch k.
  ModelStep& run(std::int64_t k, const Samples& samples) const;

 private:
  std::int64_t batch_, n_, steps_per_execution_;
  std::vector<std::string> x_ports_, y_ports_, w_ports_;
  std::shared_ptr<ModelStep> whole_, rest_;  // kept even if the model is compiled again meanwhile
};

/// What is told of the batches of an epoch.
class BatchWatcher {
 public:
  virtual ~BatchWatcher() = default;
  virtual void begin(std::int64_t batch) = 0;
  /// Returns false to leave out the rest of the epoch.
  virtual bool end(std::int64_t batch, const Logs& so_far) = 0;
};

/// Some batches, one after the other.
struct BatchRange {
  std::int64_t first = 0, count = 0;
};
/// Visits those of the batches `range` that the epoch has not visited yet. `line` and `watcher` may be null.
Logs run_epoch(const Batches& batches, const Samples& samples, const BatchRange& range, EpochProgress& progress,
               Progress* line, BatchWatcher* watcher);
/// Visits the first `steps` batches once.
Logs run_epoch(const Batches& batches, const Samples& samples, std::int64_t steps, Progress* line = nullptr);

}  // namespace sinter::detail
