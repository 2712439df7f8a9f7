#pragma once
// What fit, evaluate and predict take.

#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include <sinter/frontend/array.h>

namespace sinter {

/// Samples along axis 0: an Array, a std::span or a std::vector. Spans and vectors are seen in place, without a copy,
/// and must live until the call returns; temporaries are taken over.
class SINTER_API Data {
 public:
  Data() : given_(false) {}
  Data(Array array) : array_(std::move(array)) {}  // NOLINT: implicit by design
  template <ArrayElement T>
    requires(!std::same_as<T, bool>)
  Data(const std::vector<T>& values) : array_(Array::view(values)) {}  // NOLINT: implicit by design
  template <ArrayElement T>
    requires(!std::same_as<T, bool>)
  Data(std::vector<T>&& values) : array_(Array::from(std::move(values))) {}  // NOLINT: implicit by design
  template <class T>
    requires ArrayElement<std::remove_const_t<T>>
  Data(std::span<T> values) : array_(Array::view(std::span<const T>(values))) {}  // NOLINT: implicit by design
  Data(std::initializer_list<double> values) : array_(Array::from(values).astype(DType::f32)) {}

  bool given() const { return given_; }
  const Array& array() const { return array_; }

 private:
  Array array_;
  bool given_ = true;
};

/// Inputs with their labels: `.validation_data = {x_val, y_val}`.
struct DataPair {
  Data x = {};
  Data y = {};
};

}  // namespace sinter
