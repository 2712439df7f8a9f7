// Which outputs have labels: losses, weights and metrics by the names of outputs.

#include <sinter/frontend/near_matches.h>

#include <algorithm>

#include "model_state.h"

namespace sinter::detail {
namespace {

std::vector<std::string> names_of(const std::vector<ModelPort>& ports) {
  std::vector<std::string> names;
  for (const ModelPort& port : ports) names.push_back(port.name);
  return names;
}

/// The entry for an output, or null. Throws UserError for a name that is none.
template <class T>
const T* entry(const std::vector<std::pair<std::string, T>>& list, const std::string& name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const auto& item) { return item.first == name; });
  return found == list.end() ? nullptr : &found->second;
}

template <class T>
void expect_outputs(const Model& model, const std::vector<std::string>& outputs, std::string_view what,
                    const std::vector<std::pair<std::string, T>>& list) {
  for (const auto& [name, value] : list)
    if (std::find(outputs.begin(), outputs.end(), name) == outputs.end())
      unknown_name(str("output of ", model.name(), " in ", what), name, outputs);
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::vector<Supervision> supervision(const Model& model, const ModelState& state) {
  const CompileOptions& options = state.compiled->options;
  const std::vector<std::string> outputs = names_of(state.outputs);
  expect_outputs(model, outputs, "losses", options.losses);
  expect_outputs(model, outputs, "loss_weights", options.loss_weights);
  expect_outputs(model, outputs, "output_metrics", options.output_metrics);
  expect_outputs(model, outputs, "output_weighted_metrics", options.output_weighted_metrics);
  if (outputs.size() > 1 && !(options.metrics.empty() && options.weighted_metrics.empty()))
    user_error(model.name(), ": the model has ", outputs.size(), " outputs (", listed(outputs),
               "); say to which a metric belongs: .output_metrics = {{\"", outputs.front(), "\", {\"",
               (options.metrics.empty() ? options.weighted_metrics : options.metrics).front().name(), "\"}}}");
  std::vector<Supervision> result;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    Supervision s{.output = k,
                  .loss = std::nullopt,
                  .weight = 1.0,
                  .metrics = options.metrics,
                  .weighted_metrics = options.weighted_metrics};
    if (options.losses.empty())
      s.loss = options.loss;
    else if (const AnyLoss* loss = entry(options.losses, outputs[k]))
      s.loss = *loss;
    if (const double* weight = entry(options.loss_weights, outputs[k])) s.weight = *weight;
    if (const auto* metrics = entry(options.output_metrics, outputs[k])) s.metrics = *metrics;
    if (const auto* metrics = entry(options.output_weighted_metrics, outputs[k])) s.weighted_metrics = *metrics;
    if (s.loss || !s.metrics.empty() || !s.weighted_metrics.empty()) result.push_back(std::move(s));
  }
  return result;
}

}  // namespace sinter::detail
