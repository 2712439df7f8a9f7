#pragma once
// Tensors on the host: what goes into a model and what comes out of it.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <sinter/ir/attributes.h>
#include <sinter/ir/export.h>
#include <sinter/ir/type.h>

namespace sinter {

using ir::DType;
using ir::Shape;

namespace detail {

/// The dtype whose elements are stored as T. bf16 and f16 have no C++ type here: use astype() first.
template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> : std::integral_constant<DType, DType::f32> {};
template <>
struct DTypeOf<double> : std::integral_constant<DType, DType::f64> {};
template <>
struct DTypeOf<std::int32_t> : std::integral_constant<DType, DType::i32> {};
template <>
struct DTypeOf<std::int64_t> : std::integral_constant<DType, DType::i64> {};
template <>
struct DTypeOf<std::uint32_t> : std::integral_constant<DType, DType::u32> {};
template <>
struct DTypeOf<std::uint8_t> : std::integral_constant<DType, DType::u8> {};
template <>
struct DTypeOf<bool> : std::integral_constant<DType, DType::i1> {};

}  // namespace detail

/// A C++ type that an Array can hold: float, double, int32, int64, uint32, uint8, bool.
template <class T>
concept ArrayElement = requires { detail::DTypeOf<T>::value; };

/// A dense row-major tensor in host memory. Copies, reshapes and row ranges share the elements; writing through
/// mutable_span() first makes them the array's own, so one array never changes another. Errors are UserErrors.
class SINTER_API Array {
 public:
  /// A float scalar 0.
  Array();
  /// A float scalar.
  explicit Array(double value);
  /// Takes the elements over; the shape is [n] unless given.
  template <ArrayElement T>
    requires(!std::same_as<T, bool>)
  Array(std::vector<T>&& values) : Array(from(std::move(values))) {}  // NOLINT: implicit, so that fit({..}) reads well

  /// Copies `values`. Without a shape the result is [n]; with one, its number of elements must be n.
  template <ArrayElement T>
  static Array from(std::span<const T> values) {
    return copied(type_of<T>({static_cast<std::int64_t>(values.size())}), values.data(), values.size());
  }
  template <ArrayElement T>
  static Array from(std::span<const T> values, Shape shape) {
    return copied(type_of<T>(std::move(shape)), values.data(), values.size());
  }
  template <ArrayElement T>
  static Array from(const std::vector<T>& values) {
    return from(std::span<const T>(values));
  }
  template <ArrayElement T>
  static Array from(const std::vector<T>& values, Shape shape) {
    return from(std::span<const T>(values), std::move(shape));
  }
  template <ArrayElement T>
  static Array from(std::initializer_list<T> values) {
    return from(std::span<const T>(values.begin(), values.size()));
  }
  template <ArrayElement T>
  static Array from(std::initializer_list<T> values, Shape shape) {
    return from(std::span<const T>(values.begin(), values.size()), std::move(shape));
  }
  /// Takes the vector over without a copy.
  template <ArrayElement T>
  static Array from(std::vector<T>&& values) {
    const auto n = static_cast<std::int64_t>(values.size());
    return from(std::move(values), Shape{n});
  }
  template <ArrayElement T>
  static Array from(std::vector<T>&& values, Shape shape) {
    auto owner = std::make_shared<const std::vector<T>>(std::move(values));
    const T* data = owner->data();
    const std::size_t n = owner->size();
    return adopted(type_of<T>(std::move(shape)), std::move(owner), data, n);
  }

  /// Sees the caller's elements without a copy; they must outlive the array and everything made of it by copy, reshape
  /// or rows().
  template <ArrayElement T>
  static Array view(std::span<const T> values) {
    return adopted(type_of<T>({static_cast<std::int64_t>(values.size())}), nullptr, values.data(), values.size());
  }
  template <ArrayElement T>
  static Array view(std::span<const T> values, Shape shape) {
    return adopted(type_of<T>(std::move(shape)), nullptr, values.data(), values.size());
  }
  template <ArrayElement T>
  static Array view(const std::vector<T>& values) {
    return view(std::span<const T>(values));
  }
  template <ArrayElement T>
  static Array view(const std::vector<T>& values, Shape shape) {
    return view(std::span<const T>(values), std::move(shape));
  }
  template <ArrayElement T>
  static Array view(std::vector<T>&& values) = delete;
  template <ArrayElement T>
  static Array view(std::vector<T>&& values, Shape shape) = delete;

  /// Sees elements of this type at `data`, in memory that `owner` keeps.
  static Array shared(ir::TensorType type, std::shared_ptr<const void> owner, const void* data) {
    return {std::move(type), std::move(owner), data, false};
  }

  static Array zeros(Shape shape, DType dtype = DType::f32);
  /// Every element is `value`, rounded to the dtype.
  static Array full(Shape shape, double value, DType dtype = DType::f32);
  /// Copies `bytes` as they lie in memory.
  static Array from_bytes(ir::TensorType type, std::span<const std::byte> bytes);
  /// Shares the contents of a constant.
  static Array from(const ir::TensorData& data);
  /// A constant with these contents.
  ir::TensorData to_data() const;

  DType dtype() const { return type_.dtype; }
  const Shape& shape() const { return type_.shape; }
  const ir::TensorType& type() const { return type_; }
  int rank() const { return type_.shape.rank(); }
  /// Number of elements.
  std::int64_t size() const { return type_.shape.elements(); }
  /// Extent of axis 0. Error for a scalar.
  std::int64_t length() const;

  std::span<const std::byte> bytes() const { return {data_, static_cast<std::size_t>(type_.bytes())}; }
  /// The elements; the dtype must be that of T.
  template <ArrayElement T>
  std::span<const T> span() const {
    expect_dtype(detail::DTypeOf<T>::value);
    return {reinterpret_cast<const T*>(data_), static_cast<std::size_t>(size())};
  }
  /// The elements for writing; copied first when they are shared or borrowed.
  template <ArrayElement T>
  std::span<T> mutable_span() {
    expect_dtype(detail::DTypeOf<T>::value);
    return {reinterpret_cast<T*>(own()), static_cast<std::size_t>(size())};
  }
  std::span<std::byte> mutable_bytes() { return {own(), static_cast<std::size_t>(type_.bytes())}; }

  /// One element as a double: `at(i, j)` of a matrix. Negative indices count from the end.
  template <std::integral... Index>
  double at(Index... index) const {
    const std::int64_t where[sizeof...(Index) + 1] = {static_cast<std::int64_t>(index)..., 0};
    return element({where, sizeof...(Index)});
  }
  /// The only element of an array of size 1.
  double item() const;
  /// Element `k` in row-major order, as a double.
  double flat(std::int64_t k) const;

  /// The same elements in another shape; one extent may be -1 and is worked out.
  Array reshape(const ir::Ints& dims) const;
  template <std::same_as<Shape> S>  // a template, so that reshape({2, -1}) means the other one
  Array reshape(const S& shape) const {
    return reshape(shape.ints());
  }
  /// Rows [begin, end) of axis 0; shares the elements.
  Array rows(std::int64_t begin, std::int64_t end) const;
  /// Row i of axis 0, one rank less.
  Array row(std::int64_t i) const;
  /// The elements converted: floats are rounded, float to integer truncates and saturates (NaN gives 0), to i1 is != 0.
  Array astype(DType to) const;
  /// An owning copy.
  Array copy() const;

  /// Elementwise with a number; integers become f32 first. `images / 255` is the usual scaling of pixels.
  friend SINTER_API Array operator+(const Array& a, double b);
  friend SINTER_API Array operator-(const Array& a, double b);
  friend SINTER_API Array operator*(const Array& a, double b);
  friend SINTER_API Array operator/(const Array& a, double b);

  /// As numpy prints: nested brackets, aligned columns, `...` beyond 1000 elements.
  std::string to_string() const;

 private:
  template <class T>
  static ir::TensorType type_of(Shape shape) {
    return {detail::DTypeOf<T>::value, std::move(shape)};
  }
  Array(ir::TensorType type, std::shared_ptr<const void> owner, const void* data, bool writable)
      : type_(std::move(type)),
        owner_(std::move(owner)),
        data_(static_cast<const std::byte*>(data)),
        writable_(writable) {}
  static Array copied(ir::TensorType type, const void* data, std::size_t elements);
  static Array adopted(ir::TensorType type, std::shared_ptr<const void> owner, const void* data, std::size_t elements);
  static Array uninitialized(ir::TensorType type);
  void expect_dtype(DType expected) const;
  double element(std::span<const std::int64_t> index) const;
  std::byte* own();

  ir::TensorType type_;
  std::shared_ptr<const void> owner_;  // null: borrowed
  const std::byte* data_ = nullptr;
  bool writable_ = false;  // owner_ is memory that own() may write when nobody else holds it
};

SINTER_API std::ostream& operator<<(std::ostream& out, const Array& array);

}  // namespace sinter
