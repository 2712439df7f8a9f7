#include "feed.h"

#include <algorithm>

#include <sinter/ir/error.h>

namespace sinter::detail {

ArrayFeed::ArrayFeed(Model& model, ModelState& state, Mode mode, Samples samples, std::int64_t batch_size, bool shuffle,
                     int threads, std::string_view prefix, const Steps& steps)
    : state_(state),
      name_(model.name()),
      samples_(std::move(samples)),
      batches_(model, state, mode, samples_, batch_size, threads),
      steps_(steps_of(model, batches_, samples_, steps)),
      shuffle_(shuffle) {
  check_values(model, state, batches_, samples_, prefix);
}

Logs ArrayFeed::run(const EpochNumber& epoch, EpochProgress& progress, Progress* line, BatchWatcher* watcher) {
  const std::int64_t epochs_of_pass = (batches_.count() + steps_ - 1) / steps_;
  const std::int64_t in_pass = epoch.of_fit % epochs_of_pass;
  const std::int64_t first = in_pass * steps_, count = std::min(steps_, batches_.count() - first);
  if (shuffle_)
    samples_.order = shuffled(samples_.size(), state_.seed, epoch.trained - static_cast<std::uint64_t>(in_pass));
  if (count < steps_) {
    warn(str(name_, ": the samples ended after ", count, " of the ", steps_,
             " batches of an epoch; the next one begins anew"));
    if (line != nullptr) line->set_steps(count);
  }
  return run_epoch(batches_, samples_, {first, count}, progress, line, watcher);
}

namespace {

/// The epoch that the first batch is looked at of.
std::uint64_t first_epoch(const ModelState& state, Mode mode) { return mode == Mode::train ? state.epochs_trained : 0; }

}  // namespace

SourceFeed::SourceFeed(Model& model, ModelState& state, Mode mode, const DataSource& source,
                       const ClassWeights& class_weight, int threads, const Steps& steps, std::string_view prefix)
    : model_(model),
      state_(state),
      mode_(mode),
      source_(source),
      class_weight_(class_weight),
      threads_(threads),
      steps_(steps.wanted != 0 ? steps : Steps{"SourceOptions::steps", source.options().steps}),
      prefix_(prefix) {
  expect_steps(model_, steps_);
  const std::optional<Batch> batch = source_.begin(first_epoch(state_, mode_))();
  if (!batch) user_error(model_.name(), ": the ", prefix_, "source gives no batches");
  know_inputs(model_, state_, batch->x);
  seal(LayerAccess::checked(model_));
  if (mode_ == Mode::train) check_trainable(model_, *state_.compiled);
  const Samples samples = checked(*batch, 0);
  first_ = Batches(model_, state_, mode_, samples, samples.size(), threads_).shared_step();
}

Samples SourceFeed::checked(const Batch& batch, std::int64_t number) {
  return labelled_samples(model_, state_, batch.x, batch.y, {batch.sample_weight, class_weight_}, who(number));
}

Logs SourceFeed::run(const EpochNumber& epoch, EpochProgress& progress, Progress* line, BatchWatcher* watcher) {
  BatchStream stream(source_, epoch.trained);
  const std::int64_t wanted = steps();
  for (std::int64_t skipped = 0; skipped < progress.done; ++skipped) (void)stream.next();  // before the checkpoint
  while (wanted == 0 || progress.done < wanted) {
    const std::optional<Batch> batch = stream.next();
    if (!batch) break;
    const Samples samples = checked(*batch, progress.done);
    const Batches one(model_, state_, mode_, samples, samples.size(), threads_);
    check_values(model_, state_, one, samples, who(progress.done));
    if (watcher != nullptr) watcher->begin(progress.done);
    const ModelStep& step = one.run(0, samples);
    progress.totals.add(step, samples.size());
    ++progress.done;
    if (line != nullptr && line->due(progress.done)) line->update(progress.done, progress.totals.logs(step).items());
    if (watcher != nullptr && !watcher->end(progress.done - 1, progress.totals.logs(step)))
      return progress.totals.logs(*first_);
  }
  if (progress.done == 0)
    user_error(model_.name(), ": the ", prefix_, "source gives no batches in epoch ", epoch.trained);
  if (progress.done < wanted)
    user_error(model_.name(), ": the ", prefix_, "source ended after ", progress.done, " batches of epoch ",
               epoch.trained, ", expected ", wanted, "; set ", steps_.name, " to what there is");
  if (line != nullptr) line->set_steps(progress.done);
  return progress.totals.logs(*first_);
}

}  // namespace sinter::detail
