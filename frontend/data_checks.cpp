// Data are checked where they enter, so that a mistake is named before anything is computed.

#include <algorithm>
#include <cmath>
#include <iostream>
#include <iterator>

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

void expect_samples(std::string_view who, const Data& data) {
  if (!data.given()) user_error(who, ": no data were given");
  if (data.array().rank() == 0) user_error(who, ": expected samples along axis 0, got a scalar");
  if (data.array().length() == 0) user_error(who, ": expected at least one sample, got shape ", data.array().shape());
}

}  // namespace

Array checked_inputs(const Model& model, const ModelState& state, std::string_view who, const Data& data) {
  expect_samples(who, data);
  Array x = data.array();
  const Shape& wanted = state.sample->shape;
  if (x.rank() == 1 && wanted == Shape{1}) x = x.reshape(Shape{x.length(), 1});
  if (sample_shape(x) != wanted)
    user_error(who, ": ", model.name(), " takes samples of shape ", wanted, ", got ", sample_shape(x),
               " (the whole array is ", x.shape(), ", samples along axis 0)");
  return as_input(x, state.sample->dtype);
}

Array checked_labels(std::string_view who, const Data& data, std::string_view other, std::int64_t samples) {
  expect_samples(who, data);
  const std::int64_t n = data.array().length();
  if (n != samples)
    user_error(other, " and ", who, " differ in length: ", other, " has ", samples, " samples, ", who, " has ", n,
               "; every sample needs one label");
  return as_labels(data.array());
}

namespace {

template <class T>
void check_range(std::string_view who, std::span<const T> labels, std::int64_t classes) {
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

}  // namespace

void check_label_range(std::string_view who, const Array& labels, std::int64_t classes) {
  if (classes <= 0) return;
  switch (labels.dtype()) {
    case DType::u8: return check_range(who, labels.span<std::uint8_t>(), classes);
    case DType::i32: return check_range(who, labels.span<std::int32_t>(), classes);
    case DType::i64: return check_range(who, labels.span<std::int64_t>(), classes);
    default: return check_range(who, labels.astype(DType::f32).span<float>(), classes);
  }
}

void check_finite(std::string_view who, const Array& data) {
  if (data.dtype() != DType::f32) return;
  const std::span<const float> values = data.span<float>();
  const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad == values.end()) return;
  const std::int64_t per_sample = data.size() / data.length();
  user_error(who, ": ", *bad, " in sample ", std::distance(values.begin(), bad) / per_sample,
             "; remove or replace it, or train with check_finite = false");
}

Compiled& expect_compiled(const Model& model, ModelState& state, std::string_view what) {
  if (!state.compiled)
    user_error(model.name(), ": call compile() before ", what,
               ": it chooses the optimizer and the loss, as in compile(\"adam\", \"mse\")");
  return *state.compiled;
}

void warn(const std::string& message) { std::cerr << "sinter: warning: " << message << std::endl; }

}  // namespace sinter::detail
