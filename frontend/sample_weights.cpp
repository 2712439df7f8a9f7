// Weights of samples, given one by one or by class.

#include <algorithm>
#include <cmath>
#include <iterator>

#include <sinter/frontend/near_matches.h>

#include "fit_checks.h"

namespace sinter::detail {

namespace {

Array checked_weight(const std::string& who, const Array& given, std::int64_t samples) {
  if (given.rank() == 0 || given.length() != samples)
    user_error(who, ": expected one weight for each of the ", samples, " samples, got shape ", given.shape());
  const Array weights = given.astype(DType::f32);
  const std::span<const float> values = weights.span<float>();
  const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end())
    user_error(who, ": weight ", *bad, " of sample ",
               std::distance(values.begin(), bad) / (weights.size() / weights.length()), " is no finite number");
  return weights;
}

/// The class of each sample: the label itself, or the place of the largest one of a row.
std::vector<std::int64_t> classes_of(const std::string& who, const Array& labels) {
  const std::int64_t width = labels.size() / labels.length();
  if (labels.rank() > 2)
    user_error(who, ": class_weight is for labels that are class numbers or one row of classes per sample, got shape ",
               labels.shape());
  const Array numbers = labels.astype(DType::f64);
  const std::span<const double> values = numbers.span<double>();
  std::vector<std::int64_t> classes;
  for (auto row = values.begin(); row != values.end(); row += width) {
    const double label = width == 1 ? *row : static_cast<double>(std::max_element(row, row + width) - row);
    if (!(std::abs(label) < 9e15) || label != std::floor(label))
      user_error(who, ": class_weight is for whole numbers, got label ", label, " of sample ", classes.size());
    classes.push_back(static_cast<std::int64_t>(label));
  }
  return classes;
}

Array weights_by_class(const std::string& who, const Array& labels, const ClassWeights& weights) {
  for (const auto& [number, weight] : weights)
    if (number < 0 || !std::isfinite(weight))
      user_error("class_weight: class ", number, " has weight ", weight,
                 "; classes are numbered from 0, weights are finite");
  std::vector<float> values;
  for (const std::int64_t number : classes_of(who, labels)) {
    const auto found = weights.find(number);
    values.push_back(found == weights.end() ? 1.0F : static_cast<float>(found->second));
  }
  return Array::from(std::move(values));
}

}  // namespace

std::vector<Array> checked_weights(const Model& model, const ModelState& state, std::string_view prefix,
                                   const Weighting& given, const Samples& samples) {
  const std::string who = str(prefix, "sample_weight");
  std::vector<std::string> names;
  for (const Supervision& s : supervision(model, state)) names.push_back(state.outputs[s.output].name);
  if (!given.by_class.empty()) {
    if (given.by_sample.given())
      user_error(model.name(), ": sample_weight and class_weight cannot both be given; multiply them yourself");
    if (samples.y.size() != 1)
      user_error(model.name(), ": class_weight is for models of one output, this one has ", samples.y.size(),
                 "; give .sample_weight by the names of outputs");
    return {weights_by_class(str(prefix, "y"), samples.y.front(), given.by_class)};
  }
  if (!given.by_sample.given()) return {};
  const std::vector<Data::Item>& items = given.by_sample.items();
  if (items.size() == 1 && items.front().name.empty())  // one array is for all outputs
    return std::vector<Array>(names.size(), checked_weight(who, items.front().array, samples.size()));
  std::vector<Array> weights = in_order(model, who, given.by_sample, names);
  for (std::size_t k = 0; k < weights.size(); ++k)
    weights[k] = checked_weight(str(who, " for ", names[k]), weights[k], samples.size());
  return weights;
}

}  // namespace sinter::detail
