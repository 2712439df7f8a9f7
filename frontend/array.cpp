#include <sinter/frontend/array.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <ostream>

#include <sinter/ir/error.h>
#include <sinter/ir/memory.h>
#include <sinter/ir/num.h>

namespace sinter {

namespace {

/// Calls `use(T{})` with the C++ type that stores the dtype; bf16 and f16 are not among them.
template <class Use>
void with_type(DType dtype, Use use) {
  switch (dtype) {
    case DType::f32: return use(float{});
    case DType::f64: return use(double{});
    case DType::i32: return use(std::int32_t{});
    case DType::i64: return use(std::int64_t{});
    case DType::u32: return use(std::uint32_t{});
    case DType::u8: return use(std::uint8_t{});
    case DType::i1: return use(bool{});
    default: internal_error("no C++ type stores ", dtype);
  }
}

template <class To, class From>
To convert_element(From from) {
  if constexpr (std::is_same_v<To, bool>) {
    return from != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (std::isnan(from)) return To{};
    constexpr auto low = static_cast<double>(std::numeric_limits<To>::min());
    constexpr auto high = static_cast<double>(std::numeric_limits<To>::max());
    const auto value = static_cast<double>(from);
    if (value <= low) return std::numeric_limits<To>::min();
    if (value >= high) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(from);
  }
}

template <class From, class To>
void convert_all(const std::byte* from, std::byte* to, std::int64_t n) {
  const auto* source = reinterpret_cast<const From*>(from);
  auto* target = reinterpret_cast<To*>(to);
  for (std::int64_t k = 0; k < n; ++k) target[k] = convert_element<To>(source[k]);
}

/// Through the interpreter's numbers: any dtype, slowly.
void convert_slowly(const std::byte* from, DType source, std::byte* to, DType target, std::int64_t n) {
  for (std::int64_t k = 0; k < n; ++k)
    ir::convert(ir::Num::load(source, from + k * ir::size_of(source)), target).store(to + k * ir::size_of(target));
}

void expect_elements(const ir::TensorType& type, std::size_t elements) {
  if (static_cast<std::uint64_t>(type.elements()) != elements)
    user_error("array: shape ", type.shape, " has ", type.elements(), " elements, but ", elements,
               " values were given");
}

}  // namespace

Array::Array() : Array(0.0) {}
Array::Array(double value) : Array(full({}, value)) {}

Array Array::uninitialized(ir::TensorType type) {
  auto memory = std::shared_ptr<std::byte[]>(ir::allocate_aligned(type.bytes()));
  const std::byte* data = memory.get();
  return {std::move(type), std::move(memory), data, true};
}

Array Array::adopted(ir::TensorType type, std::shared_ptr<const void> owner, const void* data, std::size_t elements) {
  expect_elements(type, elements);
  return {std::move(type), std::move(owner), data, false};
}

Array Array::copied(ir::TensorType type, const void* data, std::size_t elements) {
  expect_elements(type, elements);
  Array array = uninitialized(std::move(type));
  if (elements > 0) std::memcpy(array.own(), data, static_cast<std::size_t>(array.type_.bytes()));
  return array;
}

Array Array::zeros(Shape shape, DType dtype) {
  ir::TensorType type{dtype, std::move(shape)};
  auto memory =
      std::shared_ptr<std::byte[]>(ir::allocate_zeros(type.bytes()));  // large ones take no room until written
  const std::byte* data = memory.get();
  return {std::move(type), std::move(memory), data, true};
}

Array Array::full(Shape shape, double value, DType dtype) {
  if (value == 0.0 && !std::signbit(value)) return zeros(std::move(shape), dtype);
  Array array = uninitialized({dtype, std::move(shape)});
  const ir::Num number = ir::Num::from_double(dtype, value);
  const std::int64_t width = ir::size_of(dtype);
  std::byte* to = array.own();
  for (std::int64_t k = 0; k < array.size(); ++k) number.store(to + k * width);
  return array;
}

Array Array::from_bytes(ir::TensorType type, std::span<const std::byte> bytes) {
  if (bytes.size() != static_cast<std::size_t>(type.bytes()))
    user_error("array: ", type, " takes ", type.bytes(), " bytes, got ", bytes.size());
  Array array = uninitialized(std::move(type));
  if (!bytes.empty()) std::memcpy(array.own(), bytes.data(), bytes.size());
  return array;
}

Array Array::from(const ir::TensorData& data) { return {data.type, data.bytes, data.bytes->data(), false}; }

ir::TensorData Array::to_data() const { return ir::TensorData::copy(type_, data_); }

std::int64_t Array::length() const {
  if (rank() == 0) user_error("array: a scalar has no rows");
  return shape()[0];
}

void Array::expect_dtype(DType expected) const {
  if (dtype() != expected)
    user_error("array: elements are ", dtype(), ", asked for ", expected, "; convert with astype()");
}

std::byte* Array::own() {
  if (!writable_ || owner_.use_count() != 1) *this = copy();
  return const_cast<std::byte*>(data_);  // memory that uninitialized() allocated and nobody else sees
}

double Array::flat(std::int64_t k) const {
  if (k < 0 || k >= size()) user_error("array: element ", k, " of ", size());
  return ir::Num::load(dtype(), data_ + k * ir::size_of(dtype())).as_double();
}

double Array::element(std::span<const std::int64_t> index) const {
  if (static_cast<int>(index.size()) != rank()) user_error("array: ", index.size(), " indices for shape ", shape());
  std::int64_t position = 0;
  for (int axis = 0; axis < rank(); ++axis) {
    const std::int64_t extent = shape()[axis];
    const std::int64_t given = index[static_cast<std::size_t>(axis)];
    const std::int64_t i = given < 0 ? given + extent : given;
    if (i < 0 || i >= extent) user_error("array: index ", given, " is outside axis ", axis, " of shape ", shape());
    position = position * extent + i;
  }
  return flat(position);
}

double Array::item() const {
  if (size() != 1) user_error("array: item() needs one element, the shape is ", shape());
  return flat(0);
}

Array Array::reshape(const ir::Ints& dims) const {
  ir::Ints result = dims;
  const auto open = std::find(result.begin(), result.end(), -1);
  if (open != result.end()) {
    *open = 1;
    const std::int64_t rest = Shape(result).elements();
    if (rest == 0 || size() % rest != 0)
      user_error("array: cannot reshape ", shape(), " to ", ir::to_string(dims), ": ", size(), " elements");
    *open = size() / rest;
  }
  Shape to(std::move(result));
  if (to.elements() != size())
    user_error("array: cannot reshape ", shape(), " to ", to, ": ", size(), " elements become ", to.elements());
  return {{dtype(), std::move(to)}, owner_, data_, writable_};
}

Array Array::rows(std::int64_t begin, std::int64_t end) const {
  if (begin < 0 || begin > end || end > length()) user_error("array: rows ", begin, " to ", end, " of ", length());
  ir::Ints dims = shape().ints();
  dims[0] = end - begin;
  ir::TensorType part{dtype(), Shape(std::move(dims))};
  const std::int64_t row_bytes = length() == 0 ? 0 : type_.bytes() / length();
  return {std::move(part), owner_, data_ + begin * row_bytes, writable_};
}

Array Array::row(std::int64_t i) const {
  const Array one = rows(i < 0 ? i + length() : i, (i < 0 ? i + length() : i) + 1);
  return one.reshape(ir::Ints(shape().begin() + 1, shape().end()));
}

Array Array::astype(DType to) const {
  if (to == dtype()) return *this;
  Array result = uninitialized({to, shape()});
  std::byte* target = result.own();
  if (ir::is_half(dtype()) || ir::is_half(to)) {
    convert_slowly(data_, dtype(), target, to, size());
    return result;
  }
  with_type(dtype(), [&](auto from) {
    with_type(to, [&](auto into) { convert_all<decltype(from), decltype(into)>(data_, target, size()); });
  });
  return result;
}

Array Array::copy() const { return from_bytes(type_, bytes()); }

namespace {

template <class Apply>
Array map(const Array& a, Apply apply) {
  if (ir::is_half(a.dtype())) return map(a.astype(DType::f32), apply).astype(a.dtype());
  if (a.dtype() == DType::f64) {
    Array result = a.copy();
    for (double& x : result.mutable_span<double>()) x = apply(x);
    return result;
  }
  Array result = a.dtype() == DType::f32 ? a.copy() : a.astype(DType::f32);
  for (float& x : result.mutable_span<float>()) x = apply(x);
  return result;
}

}  // namespace

Array operator+(const Array& a, double b) {
  return map(a, [b](auto x) { return x + static_cast<decltype(x)>(b); });
}
Array operator-(const Array& a, double b) {
  return map(a, [b](auto x) { return x - static_cast<decltype(x)>(b); });
}
Array operator*(const Array& a, double b) {
  return map(a, [b](auto x) { return x * static_cast<decltype(x)>(b); });
}
Array operator/(const Array& a, double b) {
  return map(a, [b](auto x) { return x / static_cast<decltype(x)>(b); });
}

}  // namespace sinter
