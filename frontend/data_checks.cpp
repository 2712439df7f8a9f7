// Data are checked where they enter, so that a mistake is named before anything is computed.

#include <algorithm>
#include <cmath>
#include <iostream>
#include <iterator>
#include <mutex>
#include <set>

#include <sinter/frontend/near_matches.h>

#include "model_state.h"

namespace sinter::detail {
namespace {

Array as_input(const Array& data, DType wanted) {
  const bool cast_in_graph = data.dtype() == wanted || (wanted == DType::f32 && data.dtype() == DType::u8);
  return cast_in_graph ? data : data.astype(wanted);
}

Array as_labels(const Array& data) {
  switch (data.dtype()) {
    case DType::f32:
    case DType::u8:
    case DType::i32:
    case DType::i64: return data;
    case DType::i1: return data.astype(DType::u8);
    case DType::u32: return data.astype(DType::i64);
    default: return data.astype(DType::f32);
  }
}

Shape sample_shape(const Array& data) { return Shape(ir::Ints(data.shape().begin() + 1, data.shape().end())); }

void expect_samples(std::string_view who, const Array& data) {
  if (data.rank() == 0) user_error(who, ": expected samples along axis 0, got a scalar");
  if (data.length() == 0) user_error(who, ": expected at least one sample, got shape ", data.shape());
}

/// "x", or the input's name among several.
std::string who_of(std::string_view prefix, std::string_view what, const std::vector<std::string>& names,
                   std::size_t k) {
  return str(prefix, names.size() == 1 ? std::string(what) : names[k]);
}

std::vector<std::string> names_of(const std::vector<ModelPort>& ports) {
  std::vector<std::string> names;
  for (const ModelPort& port : ports) names.push_back(port.name);
  return names;
}

Array checked_input(const Model& model, const std::string& who, Array x, const TensorType& wanted) {
  expect_samples(who, x);
  if (x.rank() == 1 && wanted.shape == Shape{1}) x = x.reshape(Shape{x.length(), 1});
  if (sample_shape(x) != wanted.shape)
    user_error(who, ": ", model.name(), " takes samples of shape ", wanted.shape, ", got ", sample_shape(x),
               " (the whole array is ", x.shape(), ", samples along axis 0)");
  return as_input(x, wanted.dtype);
}

}  // namespace

std::vector<Array> in_order(const Model& model, const std::string& who, const Data& data,
                            const std::vector<std::string>& names) {
  if (!data.given()) user_error(who, ": no data were given");
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
  const auto& items = data.items();
  if (items.size() != names.size())
    user_error(who, ": ", model.name(), " takes ", names.size(), names.size() == 1 ? " array" : " arrays", " (", known,
               "), got ", items.size());
  std::vector<Array> result(names.size());
  std::vector<bool> found(names.size(), false);
  for (std::size_t k = 0; k < items.size(); ++k) {
    const auto named = std::find(names.begin(), names.end(), items[k].name);
    if (!items[k].name.empty() && named == names.end())
      unknown_name(str("array of ", who, " for ", model.name()), items[k].name, names);
    const auto place = items[k].name.empty() ? k : static_cast<std::size_t>(named - names.begin());
    if (found[place]) user_error(who, ": '", names[place], "' is given twice");
    found[place] = true;
    result[place] = items[k].array;
  }
  return result;
}

std::vector<Array> checked_inputs(const Model& model, const ModelState& state, std::string_view prefix,
                                  const Data& data) {
  const std::vector<std::string> names = names_of(state.inputs);
  std::vector<Array> xs = in_order(model, str(prefix, "x"), data, names);
  for (std::size_t k = 0; k < xs.size(); ++k) {
    const std::string who = who_of(prefix, "x", names, k);
    xs[k] = checked_input(model, who, xs[k], state.inputs[k].sample);
    if (xs[k].length() != xs[0].length())
      user_error(who_of(prefix, "x", names, 0), " and ", who, " differ in length: ", xs[0].length(), " and ",
                 xs[k].length(), " samples");
  }
  return xs;
}

std::vector<Array> checked_labels(const Model& model, const ModelState& state, std::string_view prefix,
                                  const Data& data, std::int64_t samples) {
  std::vector<std::string> names;
  for (const Supervision& s : supervision(model, state)) names.push_back(state.outputs[s.output].name);
  std::vector<Array> ys = in_order(model, str(prefix, "y"), data, names);
  const std::string x = str(prefix, "x");
  for (std::size_t k = 0; k < ys.size(); ++k) {
    const std::string who = who_of(prefix, "y", names, k);
    expect_samples(who, ys[k]);
    if (ys[k].length() != samples)
      user_error(x, " and ", who, " differ in length: ", x, " has ", samples, " samples, ", who, " has ",
                 ys[k].length(), "; every sample needs one label");
    ys[k] = as_labels(ys[k]);
  }
  return ys;
}

namespace {

template <class T>
void check_range(const std::string& who, std::span<const T> labels, std::int64_t classes) {
  const auto bad = std::find_if(labels.begin(), labels.end(), [&](T v) {
    const double d = static_cast<double>(v);
    const bool in_range = d >= 0.0 && d < static_cast<double>(classes);  // NaN is not
    return !in_range || d != std::floor(d);
  });
  if (bad == labels.end()) return;
  user_error(who, ": label ", static_cast<double>(*bad), " at index ", std::distance(labels.begin(), bad),
             " is out of range: the model has ", classes, " outputs, so labels are 0 to ", classes - 1,
             "; give the last layer more units, or number the classes from 0");
}

void check_label_range(const std::string& who, const Array& labels, std::int64_t classes) {
  if (classes <= 0) return;
  switch (labels.dtype()) {
    case DType::u8: return check_range(who, labels.span<std::uint8_t>(), classes);
    case DType::i32: return check_range(who, labels.span<std::int32_t>(), classes);
    case DType::i64: return check_range(who, labels.span<std::int64_t>(), classes);
    default: return check_range(who, labels.astype(DType::f32).span<float>(), classes);
  }
}

void check_indices(const std::string& who, const Array& data, const Trace::IndexRange& range) {
  const Array indices = data.astype(DType::f64);
  const std::span<const double> values = indices.span<double>();
  const auto bad = std::find_if(values.begin(), values.end(), [&](double v) {
    const bool in_range = v > -1.0 && v < static_cast<double>(range.count);  // NaN is not
    return !in_range;
  });
  if (bad == values.end()) return;
  const std::int64_t per_sample = data.size() / data.length();
  user_error(who, ": index ", *bad, " in sample ", std::distance(values.begin(), bad) / per_sample,
             " is out of range: ", range.path, " has ", range.count, " rows, so indices are 0 to ", range.count - 1);
}

}  // namespace

void check_ranges(const Model& model, const ModelState& state, const ModelStep& step, std::string_view prefix,
                  const std::vector<Array>& x, const std::vector<Array>& y) {
  const std::vector<std::string> inputs = names_of(state.inputs);
  for (const Trace::IndexRange& range : step.index_ranges)
    for (std::size_t k = 0; k < x.size(); ++k)
      if (range.input == port_name("x", state.inputs, k)) check_indices(who_of(prefix, "x", inputs, k), x[k], range);
  if (y.empty()) return;
  std::vector<std::string> labelled;
  for (const Supervision& s : supervision(model, state)) labelled.push_back(state.outputs[s.output].name);
  for (std::size_t k = 0; k < y.size(); ++k) check_label_range(who_of(prefix, "y", labelled, k), y[k], step.classes[k]);
}

namespace {

void check_finite(const std::string& who, const Array& data) {
  if (data.dtype() != DType::f32) return;
  const std::span<const float> values = data.span<float>();
  const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad == values.end()) return;
  const std::int64_t per_sample = data.size() / data.length();
  user_error(who, ": ", *bad, " in sample ", std::distance(values.begin(), bad) / per_sample,
             "; remove or replace it, or train with check_finite = false");
}

}  // namespace

void check_finite(const ModelState& state, const std::vector<Array>& x) {
  for (std::size_t k = 0; k < x.size(); ++k) check_finite(who_of("", "x", names_of(state.inputs), k), x[k]);
}

Compiled& expect_compiled(const Model& model, ModelState& state, std::string_view what) {
  if (!state.compiled)
    user_error(model.name(), ": call compile() before ", what,
               ": it chooses the optimizer and the loss, as in compile(\"adam\", \"mse\")");
  return *state.compiled;
}

void warn(const std::string& message) { std::cerr << "sinter: warning: " << message << std::endl; }

void warn_once(const std::string& message) {
  static std::mutex mutex;
  static std::set<std::string> said;
  const std::lock_guard lock(mutex);
  if (said.insert(message).second) warn(message);
}

}  // namespace sinter::detail
