#include "batches.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <span>

#include "random.h"

namespace sinter::detail {

// Fisher and Yates.
std::vector<std::uint32_t> shuffled(std::int64_t n, std::uint64_t seed, std::uint64_t epoch) {
  const RandomStream stream(seed, str("shuffle/", epoch));
  std::vector<std::uint32_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0U);
  for (std::size_t k = order.size(); k > 1; --k) {
    const auto j = static_cast<std::size_t>((std::uint64_t{stream.bits(k)} * k) >> 32);
    std::swap(order[k - 1], order[j]);
  }
  return order;
}

namespace {

/// Asks for memory that is read soon.
void prefetch(const std::byte* from, std::size_t bytes) {
  constexpr std::size_t cache_line = 64;
  for (std::size_t k = 0; k < bytes; k += cache_line) __builtin_prefetch(from + k);
}

/// The address of rows [first, first + count): in place, or gathered into `rows` when they are shuffled.
const void* batch_rows(const Array& data, const std::vector<std::uint32_t>& order, std::int64_t first,
                       std::int64_t count, HostBuffer& rows) {
  const auto row_bytes = static_cast<std::size_t>(data.type().bytes() / data.length());
  const std::byte* source = data.bytes().data();
  if (order.empty()) return source + static_cast<std::size_t>(first) * row_bytes;
  const auto needed = static_cast<std::int64_t>(row_bytes) * count;
  if (rows.size() < needed) rows = HostBuffer(needed);
  // No processor foresees where shuffled rows lie, so they are asked for ahead.
  constexpr std::size_t ahead_bytes = 16 * 1024;
  const auto chosen = std::span(order).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
  const std::size_t ahead = std::max<std::size_t>(1, ahead_bytes / std::max<std::size_t>(1, row_bytes));
  const auto ask_for = [&](std::size_t k) {
    if (k < chosen.size()) prefetch(source + chosen[k] * row_bytes, std::min(row_bytes, ahead_bytes));
  };
  for (std::size_t k = 0; k < ahead; ++k) ask_for(k);
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    ask_for(k + ahead);
    std::memcpy(rows.data() + k * row_bytes, source + chosen[k] * row_bytes, row_bytes);
  }
  return rows.data();
}

}  // namespace

Batches::Batches(Model& model, ModelState& state, Mode mode, const Samples& samples, std::int64_t batch_size,
                 int threads)
    : batch_(std::min(batch_size, samples.size())), n_(samples.size()) {
  const ExecutionOptions execution = state.compiled ? state.compiled->options.execution : ExecutionOptions{};
  steps_per_execution_ = execution.steps_per_execution;
  if (threads < 0)
    user_error(model.name(), ": threads must be positive, or 0 for what compile() was told, got ", threads);
  const auto step = [&](std::int64_t rows) {
    auto made = step_for(model, state, mode, batch_types(samples.x, rows), batch_types(samples.y, rows),
                         batch_types(samples.w, rows));
    made->bound.set_threads(threads > 0 ? threads : execution.threads);
    return made;
  };
  whole_ = step(batch_);
  if (n_ % batch_ != 0) rest_ = step(n_ % batch_);
  for (std::size_t k = 0; k < samples.x.size(); ++k) x_ports_.push_back(port_name("x", state.inputs, k));
  if (samples.y.empty()) return;
  for (const Supervision& s : supervision(model, state)) {
    y_ports_.push_back(port_name("y", state.outputs, s.output));
    w_ports_.push_back(port_name("sample_weight", state.outputs, s.output));
  }
}

ModelStep& Batches::run(std::int64_t k, const Samples& samples) const {
  ModelStep& batch = step(k);
  const auto bind = [&](const std::vector<std::string>& ports, const std::vector<Array>& data,
                        std::vector<HostBuffer>& buffers) {
    buffers.resize(data.size());
    for (std::size_t i = 0; i < data.size(); ++i)
      batch.bound.bind(ports[i], batch_rows(data[i], samples.order, first(k), rows(k), buffers[i]));
  };
  bind(x_ports_, samples.x, batch.x_rows);
  bind(y_ports_, samples.y, batch.y_rows);
  bind(w_ports_, samples.w, batch.w_rows);
  batch.bound.run();
  return batch;
}

Logs run_epoch(const Batches& batches, const Samples& samples, const BatchRange& range, EpochProgress& progress,
               Progress* line, BatchWatcher* watcher) {
  Totals& totals = progress.totals;
  while (progress.done < range.count) {
    const std::int64_t stop = std::min(range.count, progress.done + batches.steps_per_execution());
    if (watcher != nullptr) watcher->begin(progress.done);
    for (; progress.done < stop; ++progress.done)
      totals.add(batches.run(range.first + progress.done, samples), batches.rows(range.first + progress.done));
    const ModelStep& last = batches.step(range.first + stop - 1);
    if (line != nullptr && line->due(stop)) line->update(stop, totals.logs(last).items());
    if (watcher != nullptr && !watcher->end(stop - 1, totals.logs(last))) break;
  }
  return totals.logs(batches.step(0));
}

Logs run_epoch(const Batches& batches, const Samples& samples, std::int64_t steps, Progress* line) {
  EpochProgress progress;
  return run_epoch(batches, samples, {0, steps}, progress, line, nullptr);
}

}  // namespace sinter::detail
