#pragma once
// Attributes of a node as data: a short list of named values. An op declares its typed `Attrs` struct once, with a list
// of its fields; packing, unpacking, printing, parsing, comparing and hashing follow from that.

#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <sinter/ir/error.h>
#include <sinter/ir/type.h>

namespace sinter::ir {

/// Immutable tensor contents, row-major and dense; shared between graphs.
struct SINTER_API TensorData {
  TensorType type;
  std::shared_ptr<const std::vector<std::byte>> bytes;

  /// Copies `type.bytes()` bytes from `source`.
  static TensorData copy(TensorType type, const void* source);
  /// One number, rounded to the dtype.
  static TensorData scalar(DType dtype, double value);
  /// Same type and same bits.
  friend SINTER_API bool operator==(const TensorData& a, const TensorData& b);
};

using AttributeValue = std::variant<bool, std::int64_t, double, std::string, DType, Ints, Shape, TensorData>;

struct Attribute {
  std::string name;
  AttributeValue value;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

/// The attributes of one node, in the order in which its op lists them.
class SINTER_API Attributes {
 public:
  Attributes() = default;
  explicit Attributes(std::vector<Attribute> items) : items_(std::move(items)) {}

  const std::vector<Attribute>& items() const { return items_; }
  bool empty() const { return items_.empty(); }
  /// The value named `name`, or nullptr.
  const AttributeValue* find(std::string_view name) const;
  void set(std::string name, AttributeValue value);
  friend bool operator==(const Attributes&, const Attributes&) = default;

 private:
  std::vector<Attribute> items_;
};

/// One field of an Attrs struct: its spelling and where it lives.
template <class Struct, class T>
struct Field {
  std::string_view name;
  T Struct::* member;
};
template <class Struct, class T>
Field(const char*, T Struct::*) -> Field<Struct, T>;

/// Attrs of an op without attributes.
struct NoAttrs {
  static constexpr auto fields() { return std::tuple<>(); }
};

/// Typed struct -> list.
template <class Attrs>
Attributes pack(const Attrs& attrs) {
  std::vector<Attribute> items;
  std::apply([&](const auto&... f) { (items.push_back({std::string(f.name), attrs.*(f.member)}), ...); },
             Attrs::fields());
  return Attributes(std::move(items));
}

namespace detail {

template <class T>
void read_field(const Attributes& from, std::string_view name, T& into) {
  const AttributeValue* value = from.find(name);
  if (value == nullptr) user_error("attribute '", name, "' is missing");
  if (const T* typed = std::get_if<T>(value)) {
    into = *typed;
    return;
  }
  if constexpr (std::is_same_v<T, double>) {
    if (const auto* whole = std::get_if<std::int64_t>(value)) {
      into = static_cast<double>(*whole);
      return;
    }
  }
  user_error("attribute '", name, "' has the wrong type");
}

}  // namespace detail

/// List -> typed struct. Throws UserError for a missing, unknown or wrongly typed attribute.
template <class Attrs>
Attrs unpack(const Attributes& attributes) {
  Attrs attrs;
  std::size_t known = 0;
  std::apply([&](const auto&... f) { ((detail::read_field(attributes, f.name, attrs.*(f.member)), ++known), ...); },
             Attrs::fields());
  if (known != attributes.items().size()) {
    for (const Attribute& a : attributes.items()) {
      const bool found =
          std::apply([&](const auto&... f) { return ((f.name == std::string_view(a.name)) || ...); }, Attrs::fields());
      if (!found) user_error("unknown attribute '", a.name, "'");
    }
    user_error("an attribute is given twice");
  }
  return attrs;
}

}  // namespace sinter::ir
