#pragma once
// What fit, evaluate and predict take.

#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sinter/frontend/array.h>

namespace sinter {

/// Samples along axis 0: an Array, a std::span or a std::vector. Spans and vectors are seen in place, without a copy,
/// and must live until the call returns; temporaries are taken over. A model of several inputs or outputs takes a list,
/// {xa, xb} in the model's order or {{"image", xa}, {"text", xb}} by name.
class SINTER_API Data {
 public:
  /// One array of a list; the name is empty when it is given by its place.
  struct Item {
    std::string name;
    Array array;
  };

  Data() = default;
  Data(Array array) { items_.push_back({{}, std::move(array)}); }  // NOLINT: implicit by design
  template <ArrayElement T>
    requires(!std::same_as<T, bool>)
  Data(const std::vector<T>& values) : Data(Array::view(values)) {}  // NOLINT: implicit by design
  template <ArrayElement T>
    requires(!std::same_as<T, bool>)
  Data(std::vector<T>&& values) : Data(Array::from(std::move(values))) {}  // NOLINT: implicit by design
  template <class T>
    requires ArrayElement<std::remove_const_t<T>>
  Data(std::span<T> values) : Data(Array::view(std::span<const T>(values))) {}  // NOLINT: implicit by design
  Data(std::initializer_list<double> values) : Data(Array::from(values).astype(DType::f32)) {}
  /// A list by places.
  Data(std::initializer_list<Data> parts);
  Data(const std::vector<Array>& parts);  // NOLINT: implicit by design
  /// A list by names.
  Data(std::initializer_list<std::pair<std::string, Data>> parts);

  bool given() const { return !items_.empty(); }
  const std::vector<Item>& items() const { return items_; }
  /// The only array. Throws UserError for a list of several.
  const Array& array() const;

 private:
  std::vector<Item> items_;
};

/// Weights by class number: {{0, 1.0}, {1, 20.0}}. Classes that are not listed have weight 1.
using ClassWeights = std::map<std::int64_t, double>;

}  // namespace sinter
