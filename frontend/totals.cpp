#include "totals.h"

#include "model_state.h"

namespace sinter::detail {

void Totals::add(const ModelStep& step, std::int64_t batch) {
  sums.resize(step.metrics.size());
  loss += step.bound.scalar(step.results.front()) * static_cast<double>(batch);
  samples += batch;
  for (std::size_t m = 0; m < sums.size(); ++m) {
    sums[m].resize(step.metric_outputs[m].size());
    for (std::size_t k = 0; k < sums[m].size(); ++k) sums[m][k] += step.bound.scalar(step.metric_outputs[m][k]);
  }
}

Logs Totals::logs(const ModelStep& step) const {
  Logs logs;
  logs.set("loss", samples == 0 ? 0.0 : loss / static_cast<double>(samples));
  for (std::size_t m = 0; m < sums.size(); ++m) logs.set(step.metrics[m].name, step.metrics[m].metric->result(sums[m]));
  return logs;
}

}  // namespace sinter::detail
