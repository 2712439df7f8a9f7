#pragma once
// Reading the case files: JSON values with errors that name the place.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <sinter/frontend/array.h>

namespace keras_cases {

using Json = nlohmann::json;

/// The case needs something that Sinter does not have (yet).
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The member `key` of an object. Throws UserError when there is none.
const Json& member(const Json& object, std::string_view key);
/// The member, or null.
const Json* find(const Json& object, std::string_view key);
std::string text_of(const Json& value, std::string_view what);
bool flag_of(const Json& value, std::string_view what);

/// {"shape", "dtype", "data"} as keras-golden writes tensors.
sinter::Array tensor_of(const Json& value, std::string_view what);
/// Nested lists of numbers (or one number) as keras-vectors.json writes them.
sinter::Array nested_of(const Json& value, sinter::DType dtype, std::string_view what);
/// Both of the above, or a list of either.
std::vector<sinter::Array> tensors_of(const Json& value, std::string_view what);

/// A Keras config. Values may be JSON or text that Python printed ("0.5", "True", "None", "[3, 6]").
class Config {
 public:
  explicit Config(const Json& object);

  bool has(std::string_view key) const;  // present and not None
  double number(std::string_view key, double otherwise) const;
  std::optional<double> maybe(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  std::int64_t integer(std::string_view key, std::int64_t otherwise) const;
  bool flag(std::string_view key, bool otherwise) const;
  std::string text(std::string_view key, const std::string& otherwise) const;
  std::vector<double> numbers(std::string_view key) const;
  const Json* value(std::string_view key) const { return find(object_, key); }

  /// Throws Unsupported when one of these is set to anything but None, False or an empty list.
  void refuse(std::initializer_list<std::string_view> keys) const;

 private:
  Json plain(std::string_view key) const;  // null when absent; text read as Python wrote it
  const Json& object_;
};

}  // namespace keras_cases
