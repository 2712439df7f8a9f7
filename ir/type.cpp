#include <sinter/ir/type.h>

#include <array>
#include <limits>
#include <ostream>

#include <sinter/ir/error.h>

namespace sinter {

Error::~Error() = default;
UserError::~UserError() = default;
InternalError::~InternalError() = default;

}  // namespace sinter

namespace sinter::ir {

namespace {

struct DTypeFacts {
  DType dtype;
  std::string_view name;
  std::int64_t bytes;
  int bits;
};

constexpr std::array<DTypeFacts, 9> facts = {{{DType::f32, "f32", 4, 32},
                                              {DType::f64, "f64", 8, 64},
                                              {DType::bf16, "bf16", 2, 16},
                                              {DType::f16, "f16", 2, 16},
                                              {DType::i32, "i32", 4, 32},
                                              {DType::i64, "i64", 8, 64},
                                              {DType::u32, "u32", 4, 32},
                                              {DType::u8, "u8", 1, 8},
                                              {DType::i1, "i1", 1, 1}}};

const DTypeFacts& facts_of(DType dtype) { return facts[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::string_view to_string(DType dtype) { return facts_of(dtype).name; }
std::int64_t size_of(DType dtype) { return facts_of(dtype).bytes; }
int bit_width(DType dtype) { return facts_of(dtype).bits; }

std::optional<DType> parse_dtype(std::string_view name) {
  for (const DTypeFacts& f : facts)
    if (f.name == name) return f.dtype;
  return std::nullopt;
}

std::int64_t Shape::operator[](int axis) const {
  const int at = axis < 0 ? axis + rank() : axis;
  check(at >= 0 && at < rank(), "axis ", axis, " of shape ", to_string(*this));
  return dims_[static_cast<std::size_t>(at)];
}

std::int64_t Shape::elements() const {
  std::int64_t n = 1;
  for (const std::int64_t d : dims_) n *= d;
  return n;
}

Ints Shape::strides() const {
  Ints result(dims_.size(), 1);
  for (std::size_t k = dims_.size(); k-- > 1;) result[k - 1] = result[k] * dims_[k];
  return result;
}

void Shape::validate() const {
  std::int64_t n = 1;
  for (const std::int64_t d : dims_) {
    if (d < 0) user_error("shape ", to_string(dims_), ": extents must not be negative");
    if (d != 0 && n > std::numeric_limits<std::int64_t>::max() / 16 / d)
      user_error("shape ", to_string(dims_), ": too many elements");
    n *= d == 0 ? 1 : d;
  }
}

std::string to_string(std::span<const std::int64_t> ints) {
  std::string out = "[";
  for (std::size_t k = 0; k < ints.size(); ++k) out += (k == 0 ? "" : ",") + std::to_string(ints[k]);
  return out + "]";
}

std::string to_string(const Shape& shape) { return to_string(shape.dims()); }
std::string to_string(const TensorType& type) { return std::string(to_string(type.dtype)) + to_string(type.shape); }

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << to_string(dtype); }
std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << to_string(shape); }
std::ostream& operator<<(std::ostream& out, const TensorType& type) { return out << to_string(type); }

}  // namespace sinter::ir
