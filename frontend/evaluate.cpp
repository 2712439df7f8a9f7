// evaluate, predict and single steps: data in, logs and arrays out. fit() is in fit.cpp.

#include <sinter/frontend/progress.h>

#include <algorithm>
#include <cstring>

#include "exclusive.h"
#include "feed.h"
#include "moving_average.h"

namespace sinter {

using detail::Batches;
using detail::Exclusive;
using detail::Mode;
using detail::ModelState;
using detail::ModelStep;
using detail::Samples;

namespace {

Logs one_batch(Model& model, ModelState& state, Mode mode, const Samples& samples) {
  const Batches batches(model, state, mode, samples, samples.size());
  check_values(model, state, batches, samples, "");
  return detail::run_epoch(batches, samples, batches.count());
}

}  // namespace

Logs Model::evaluate(const Data& x, const Data& y, const EvaluateOptions& options) {
  detail::ModelState& state = *model_;
  detail::expect_compiled(*this, state, "evaluate()");
  detail::expect_batch_size(*this, options.batch_size);
  const Exclusive turn(*this, state, Exclusive::Use::look, "evaluate()");
  know_inputs(*this, state, x);
  detail::seal(detail::LayerAccess::checked(*this));
  const Samples samples = labelled_samples(*this, state, x, y, {options.sample_weight, {}}, "");
  const Batches batches(*this, state, Mode::evaluate, samples, options.batch_size, options.threads);
  check_values(*this, state, batches, samples, "");
  const std::int64_t steps = steps_of(*this, batches, samples, {.wanted = options.steps});
  Progress progress({.steps = steps, .verbose = options.verbose, .look = options.look});
  const Logs logs = detail::run_epoch(batches, samples, steps, &progress);
  progress.finish(logs.items());
  return logs;
}

Logs Model::evaluate(const DataSource& source, const EvaluateOptions& options) {
  detail::ModelState& state = *model_;
  detail::expect_compiled(*this, state, "evaluate()");
  if (options.sample_weight.given())
    user_error(name(), ": evaluate(): the weights of a source's samples come with its batches, not as an option");
  const Exclusive turn(*this, state, Exclusive::Use::look, "evaluate()");
  const ClassWeights none;
  detail::SourceFeed feed(*this, state, Mode::evaluate, source, none, options.threads, {.wanted = options.steps});
  Progress progress({.steps = feed.steps(), .verbose = options.verbose, .look = options.look});
  detail::EpochProgress whole;
  const Logs logs = feed.run({}, whole, &progress, nullptr);
  progress.finish(logs.items());
  return logs;
}

Logs Model::train_on_batch(const Data& x, const Data& y, const BatchOptions& options) {
  detail::ModelState& state = *model_;
  detail::Compiled& compiled = detail::expect_compiled(*this, state, "train_on_batch()");
  const Exclusive alone(*this, state, Exclusive::Use::train, "train_on_batch()");
  know_inputs(*this, state, x);
  detail::seal(detail::LayerAccess::checked(*this));
  const Samples samples = labelled_samples(*this, state, x, y, {options.sample_weight, options.class_weight}, "");
  check_trainable(*this, compiled);
  detail::expect_own_weights(*this, state, "train_on_batch()");
  return one_batch(*this, state, Mode::train, samples);
}

Logs Model::test_on_batch(const Data& x, const Data& y, const BatchOptions& options) {
  detail::ModelState& state = *model_;
  detail::expect_compiled(*this, state, "test_on_batch()");
  const Exclusive turn(*this, state, Exclusive::Use::look, "test_on_batch()");
  know_inputs(*this, state, x);
  detail::seal(detail::LayerAccess::checked(*this));
  const Samples samples = labelled_samples(*this, state, x, y, {options.sample_weight, options.class_weight}, "");
  return one_batch(*this, state, Mode::evaluate, samples);
}

namespace {

Array only(const Model& model, std::vector<Array> results) {
  if (results.size() != 1)
    user_error(model.name(), ": the model has ", results.size(), " outputs; predict_many() returns them all");
  return std::move(results.front());
}

}  // namespace

Array Model::predict(const Data& x, const PredictOptions& options) { return only(*this, predict_many(x, options)); }

std::vector<Array> Model::predict_many(const Data& x, const PredictOptions& options) {
  detail::ModelState& state = *model_;
  detail::expect_batch_size(*this, options.batch_size);
  const Exclusive turn(*this, state, Exclusive::Use::look, "predict()");
  know_inputs(*this, state, x);
  detail::seal(detail::LayerAccess::checked(*this));
  const Samples samples{.x = checked_inputs(*this, state, "", x)};
  const Batches batches(*this, state, Mode::predict, samples, options.batch_size, options.threads);
  check_values(*this, state, batches, samples, "");
  const std::int64_t steps = steps_of(*this, batches, samples, {.wanted = options.steps});
  std::vector<Array> results;
  std::vector<std::byte*> to;
  for (const std::size_t output : batches.step(0).results) {
    const TensorType& batch = batches.step(0).bound.output_type(output);
    ir::Ints dims = batch.shape.ints();
    dims.front() = std::min(samples.size(), batches.first(steps));
    to.push_back(results.emplace_back(Array::zeros(Shape(std::move(dims)), batch.dtype)).mutable_bytes().data());
  }
  for (std::int64_t k = 0; k < steps; ++k) {
    const ModelStep& step = batches.run(k, samples);
    for (std::size_t r = 0; r < to.size(); ++r) {
      const auto bytes = static_cast<std::size_t>(step.bound.output_type(step.results[r]).bytes());
      std::memcpy(to[r], step.bound.output(step.results[r]), bytes);
      to[r] += bytes;
    }
  }
  return results;
}

namespace {

/// Rows of one output, one batch after the other.
struct CollectedRows {
  TensorType type;
  std::vector<std::byte> bytes = {};

  void add(const TensorType& batch, const void* rows) {
    const auto* begin = static_cast<const std::byte*>(rows);
    bytes.insert(bytes.end(), begin, begin + batch.bytes());
    ir::Ints dims = batch.shape.ints();
    if (type.shape.rank() != 0) dims.front() += type.shape[0];
    type = {batch.dtype, Shape(std::move(dims))};
  }
};

}  // namespace

Array Model::predict(const DataSource& source, const PredictOptions& options) {
  return only(*this, predict_many(source, options));
}

std::vector<Array> Model::predict_many(const DataSource& source, const PredictOptions& options) {
  detail::ModelState& state = *model_;
  const detail::Steps steps = {.wanted = options.steps != 0 ? options.steps : source.options().steps};
  expect_steps(*this, steps);
  const Exclusive turn(*this, state, Exclusive::Use::look, "predict()");
  BatchStream stream(source, 0);
  std::vector<CollectedRows> collected;
  std::int64_t done = 0;
  for (; steps.wanted == 0 || done < steps.wanted; ++done) {
    const std::optional<Batch> batch = stream.next();
    if (!batch) break;
    if (done == 0) know_inputs(*this, state, batch->x);
    if (done == 0) detail::seal(detail::LayerAccess::checked(*this));
    const std::string who = str("batch ", done, ": ");
    const Samples samples{.x = checked_inputs(*this, state, who, batch->x)};
    const Batches one(*this, state, Mode::predict, samples, samples.size(), options.threads);
    check_values(*this, state, one, samples, who);
    const ModelStep& step = one.run(0, samples);
    collected.resize(step.results.size());
    for (std::size_t r = 0; r < collected.size(); ++r)
      collected[r].add(step.bound.output_type(step.results[r]), step.bound.output(step.results[r]));
  }
  if (done < std::max<std::int64_t>(steps.wanted, 1))
    user_error(name(), ": predict(): the source ended after ", done, " batches, expected ",
               steps.wanted == 0 ? "at least one" : std::to_string(steps.wanted));
  std::vector<Array> results;
  for (const CollectedRows& rows : collected) results.push_back(Array::from_bytes(rows.type, rows.bytes));
  return results;
}

std::vector<std::pair<std::string, Array>> Model::trace_values(const Data& x) {
  detail::ModelState& state = *model_;
  const Exclusive turn(*this, state, Exclusive::Use::look, "trace_values()");
  know_inputs(*this, state, x);
  const std::vector<Array> inputs = checked_inputs(*this, state, "", x);
  detail::TracedStep traced =
      trace_step(*this, state, Mode::inspect, detail::batch_types(inputs, inputs.front().length()), {});
  detail::BoundStep step(traced.graph, traced.variables, {.backend = Backend::interpreter});
  static const std::uint32_t first_row = 0;
  for (std::size_t k = 0; k < inputs.size(); ++k)
    step.bind(detail::port_name("x", state.inputs, k), inputs[k].bytes().data());
  step.bind("first_row", &first_row);
  step.run();
  std::vector<std::pair<std::string, Array>> values;
  for (std::size_t k = 0; k < step.outputs().size(); ++k)
    if (const std::string& name = step.outputs()[k].name; name.starts_with("tap/"))
      values.emplace_back(name.substr(4), step.array(k));
  return values;
}

}  // namespace sinter
