// Model::export_object: the steps of a model as functions of an object file.

#include <sinter/frontend/model.h>
#include <sinter/frontend/near_matches.h>

#include <algorithm>

#include "exclusive.h"
#include "model_state.h"
#include "object_export.h"

namespace sinter {

namespace {

using detail::Mode;
using detail::ModelState;

struct NamedMode {
  std::string_view name;
  Mode mode;
};

constexpr NamedMode functions[] = {
    {"train_step", Mode::train}, {"evaluate_step", Mode::evaluate}, {"predict", Mode::predict}};

/// What shall be exported, in the order of `functions`.
std::vector<NamedMode> wanted_functions(const ModelState& state, const std::vector<std::string>& wanted) {
  const std::vector<std::string> known{"train_step", "evaluate_step", "predict"};
  for (const std::string& name : wanted)
    if (std::ranges::find(known, name) == known.end()) unknown_name("function to export", name, known);
  std::vector<NamedMode> result;
  for (const NamedMode& f : functions) {
    const bool possible = f.mode == Mode::predict || state.compiled;
    if (wanted.empty() ? possible : std::ranges::find(wanted, f.name) != wanted.end()) result.push_back(f);
  }
  return result;
}

/// One sample of the labels of a model of one output.
TensorType label_sample(const Model& model, const ModelState& state, const ExportOptions& options) {
  if (options.labels) return *options.labels;
  for (const detail::Supervision& s : supervision(model, state))
    if (s.loss && (*s.loss)->classes(state.outputs[s.output].sample) > 0) return {DType::i32, {}};
  return state.outputs.front().sample;
}

/// The values that integers among the inputs stay below.
std::map<std::string, std::int64_t> bounds_of(const Model& model, const ModelState& state,
                                              const detail::TracedStep& step) {
  std::map<std::string, std::int64_t> bounds;
  for (const detail::Trace::IndexRange& range : step.index_ranges) {
    const auto known = bounds.emplace(range.input, range.count).first;
    known->second = std::min(known->second, range.count);
  }
  if (step.classes.empty()) return bounds;
  const std::vector<detail::Supervision> labelled = supervision(model, state);
  for (std::size_t k = 0; k < labelled.size(); ++k)
    if (step.classes[k] > 0) bounds[detail::port_name("y", state.outputs, labelled[k].output)] = step.classes[k];
  return bounds;
}

}  // namespace

void Model::export_object(const std::string& path, const ExportOptions& options) {
  ModelState& state = *model_;
  if (!built())
    user_error(name(), ": export_object(): the input shape is not known yet; begin the model with an Input");
  if (options.batch_size < 1)
    user_error(name(), ": export_object(): batch_size must be positive, got ", options.batch_size);
  const detail::Exclusive turn(*this, state, detail::Exclusive::Use::look, "export_object()");
  std::vector<detail::ExportedFunction> exported;
  detail::StateContents contents;
  for (const NamedMode& f : wanted_functions(state, options.functions)) {
    std::vector<TensorType> labels;
    if (f.mode != Mode::predict) {
      detail::Compiled& compiled = detail::expect_compiled(*this, state, "export_object()");
      if (!compiled.trainable) compiled.trainable = trainable_weights();
      labels = label_types(*this, state, f.mode, options.batch_size, label_sample(*this, state, options));
    }
    const detail::TracedStep step =
        trace_step(*this, state, f.mode, detail::batches_of(state.inputs, options.batch_size), labels);
    for (const auto& [name, variable] : step.variables) contents[name] = variable->value();
    exported.push_back({std::string(f.name), step.graph, {}, bounds_of(*this, state, step)});
    exported.back().fixed["first_row"] = ir::TensorData::scalar(DType::u32, 0.0);  // as in fit()
  }
  detail::write_object(path, exported, contents, options);
}

}  // namespace sinter
