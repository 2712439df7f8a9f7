#pragma once
// What an epoch visits: arrays in memory, or the batches of a source.

#include <cstdint>
#include <memory>

#include <sinter/frontend/data_source.h>

#include "batches.h"
#include "fit_checks.h"

namespace sinter::detail {

/// Epochs that the model was trained for before this one, and those of this fit().
struct EpochNumber {
  std::uint64_t trained = 0;
  std::int64_t of_fit = 0;
};

class Feed {
 public:
  virtual ~Feed() = default;
  virtual std::int64_t steps() const = 0;    // 0: not known
  virtual std::int64_t samples() const = 0;  // likewise
  /// A compiled step, which says what logs there are.
  virtual const ModelStep& any_step() const = 0;
  /// Visits what the epoch has not visited yet. `line` and `watcher` may be null.
  virtual Logs run(const EpochNumber& epoch, EpochProgress& progress, Progress* line, BatchWatcher* watcher) = 0;
};

/// Arrays. Class numbers and indices are checked here.
class ArrayFeed : public Feed {
 public:
  ArrayFeed(Model& model, ModelState& state, Mode mode, Samples samples, std::int64_t batch_size, bool shuffle,
            int threads, std::string_view prefix, const Steps& steps = {});
  std::int64_t steps() const override { return steps_; }
  std::int64_t samples() const override { return samples_.size(); }
  const ModelStep& any_step() const override { return batches_.step(0); }
  /// Epochs shorter than the data go on where the last one of the fit ended, in the order of the first one.
  Logs run(const EpochNumber& epoch, EpochProgress& progress, Progress* line, BatchWatcher* watcher) override;

 private:
  ModelState& state_;
  std::string name_;
  Samples samples_;
  Batches batches_;
  std::int64_t steps_;
  bool shuffle_;
};

/// A source. Batches are checked as they come.
class SourceFeed : public Feed {
 public:
  /// Looks at the first batch.
  SourceFeed(Model& model, ModelState& state, Mode mode, const DataSource& source, const ClassWeights& class_weight,
             int threads, const Steps& steps, std::string_view prefix = "");
  std::int64_t steps() const override { return steps_.wanted; }
  std::int64_t samples() const override { return 0; }
  const ModelStep& any_step() const override { return *first_; }
  Logs run(const EpochNumber& epoch, EpochProgress& progress, Progress* line, BatchWatcher* watcher) override;

 private:
  std::string who(std::int64_t number) const { return str(prefix_, "batch ", number, ": "); }
  Samples checked(const Batch& batch, std::int64_t number);

  Model& model_;
  ModelState& state_;
  Mode mode_;
  const DataSource& source_;
  const ClassWeights& class_weight_;
  int threads_;
  Steps steps_;
  std::string prefix_;
  std::shared_ptr<ModelStep> first_;
};

}  // namespace sinter::detail
