#include "feed.h"

#include <sinter/ir/error.h>

namespace sinter::detail {

ArrayFeed::ArrayFeed(Model& model, ModelState& state, Mode mode, Samples samples, std::int64_t batch_size, bool shuffle,
                     int threads, std::string_view prefix)
    : state_(state),
      samples_(std::move(samples)),
      batches_(model, state, mode, samples_, batch_size, threads),
      shuffle_(shuffle) {
  check_values(model, state, batches_, samples_, prefix);
}

Logs ArrayFeed::run(std::uint64_t epoch, EpochProgress& progress, Progress* line, BatchWatcher* watcher) {
  if (shuffle_) samples_.order = shuffled(samples_.size(), state_.seed, epoch);
  return run_epoch(batches_, samples_, progress, line, watcher);
}

SourceFeed::SourceFeed(Model& model, ModelState& state, Mode mode, const DataSource& source,
                       const ClassWeights& class_weight, int threads)
    : model_(model), state_(state), mode_(mode), source_(source), class_weight_(class_weight), threads_(threads) {
  const std::optional<Batch> batch = source_.begin(state_.epochs_trained)();
  if (!batch) user_error(model_.name(), ": the source gives no batches");
  know_inputs(model_, state_, batch->x);
  seal(LayerAccess::checked(model_));
  if (mode_ == Mode::train) check_trainable(model_, *state_.compiled);
  const Samples samples = checked(*batch, 0);
  first_ = Batches(model_, state_, mode_, samples, samples.size(), threads_).shared_step();
}

Samples SourceFeed::checked(const Batch& batch, std::int64_t number) {
  return labelled_samples(model_, state_, batch.x, batch.y, {batch.sample_weight, class_weight_},
                          str("batch ", number, ": "));
}

Logs SourceFeed::run(std::uint64_t epoch, EpochProgress& progress, Progress* line, BatchWatcher* watcher) {
  BatchStream stream(source_, epoch);
  const std::int64_t wanted = steps();
  for (std::int64_t skipped = 0; skipped < progress.done; ++skipped) (void)stream.next();  // before the checkpoint
  while (wanted == 0 || progress.done < wanted) {
    const std::optional<Batch> batch = stream.next();
    if (!batch) break;
    const Samples samples = checked(*batch, progress.done);
    const Batches one(model_, state_, mode_, samples, samples.size(), threads_);
    check_values(model_, state_, one, samples, str("batch ", progress.done, ": "));
    if (watcher != nullptr) watcher->begin(progress.done);
    const ModelStep& step = one.run(0, samples);
    progress.totals.add(step, samples.size());
    ++progress.done;
    if (line != nullptr && line->due(progress.done)) line->update(progress.done, progress.totals.logs(step).items());
    if (watcher != nullptr && !watcher->end(progress.done - 1, progress.totals.logs(step)))
      return progress.totals.logs(*first_);
  }
  if (progress.done == 0) user_error(model_.name(), ": the source gives no batches in epoch ", epoch);
  if (progress.done < wanted)
    user_error(model_.name(), ": the source ended after ", progress.done, " batches of epoch ", epoch, ", expected ",
               wanted, "; set SourceOptions::steps to what there is");
  if (line != nullptr) line->set_steps(progress.done);
  return progress.totals.logs(*first_);
}

}  // namespace sinter::detail
