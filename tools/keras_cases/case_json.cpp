#include "case_json.h"

#include <cmath>

#include <sinter/ir/error.h>

namespace keras_cases {

using sinter::Array;
using sinter::DType;
using sinter::Shape;
using sinter::str;
using sinter::user_error;

const Json* find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

const Json& member(const Json& object, std::string_view key) {
  if (!object.is_object()) user_error("malformed case: expected an object with '", key, "', got ", object.type_name());
  const Json* found = find(object, key);
  if (found == nullptr) user_error("malformed case: '", key, "' is missing");
  return *found;
}

std::string text_of(const Json& value, std::string_view what) {
  if (!value.is_string()) user_error("malformed case: ", what, ": expected text, got ", value.type_name());
  return value.get<std::string>();
}

bool flag_of(const Json& value, std::string_view what) {
  if (!value.is_boolean()) user_error("malformed case: ", what, ": expected true or false, got ", value.type_name());
  return value.get<bool>();
}

namespace {

double number_of(const Json& value, std::string_view what) {
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  if (!value.is_number()) user_error("malformed case: ", what, ": expected a number, got ", value.type_name());
  return value.get<double>();
}

std::int64_t whole_of(const Json& value, std::string_view what) {
  const double number = number_of(value, what);
  if (!(std::abs(number) < 9e15) || number != std::floor(number))
    user_error("malformed case: ", what, ": expected a whole number, got ", number);
  return static_cast<std::int64_t>(number);
}

Shape shape_of(const Json& value, std::string_view what) {
  if (!value.is_array()) user_error("malformed case: ", what, ": expected a list of extents, got ", value.type_name());
  sinter::ir::Ints dims;
  for (const Json& extent : value) dims.push_back(whole_of(extent, what));
  return Shape(std::move(dims));
}

DType dtype_of(const std::string& name, std::string_view what) {
  if (name == "float32") return DType::f32;
  if (name == "float64") return DType::f64;
  if (name == "int32") return DType::i32;
  if (name == "int64") return DType::i64;
  if (name == "uint8") return DType::u8;
  if (name == "bool") return DType::i1;
  throw Unsupported(str(what, ": dtype '", name, "'"));
}

Array array_of(const std::vector<double>& values, Shape shape, DType dtype, std::string_view what) {
  if (static_cast<std::int64_t>(values.size()) != shape.elements())
    user_error("malformed case: ", what, ": shape ", shape, " needs ", shape.elements(), " values, got ",
               values.size());
  return Array::from(values, std::move(shape)).astype(dtype);
}

}  // namespace

Array tensor_of(const Json& value, std::string_view what) {
  const Json& data = member(value, "data");
  if (!data.is_array()) user_error("malformed case: ", what, ": 'data' must be a list");
  std::vector<double> values;
  values.reserve(data.size());
  for (const Json& number : data) values.push_back(number.is_null() ? std::nan("") : number_of(number, what));
  const Json* dtype = find(value, "dtype");
  return array_of(values, shape_of(member(value, "shape"), what),
                  dtype_of(dtype == nullptr ? "float32" : text_of(*dtype, what), what), what);
}

namespace {

void collect(const Json& value, std::size_t depth, sinter::ir::Ints& dims, std::vector<double>& into,
             std::string_view what) {
  if (!value.is_array()) {
    if (depth != dims.size()) user_error("malformed case: ", what, ": the lists are not nested evenly");
    into.push_back(number_of(value, what));
    return;
  }
  if (depth >= dims.size() || static_cast<std::int64_t>(value.size()) != dims[depth])
    user_error("malformed case: ", what, ": the lists are not nested evenly");
  for (const Json& item : value) collect(item, depth + 1, dims, into, what);
}

}  // namespace

Array nested_of(const Json& value, DType dtype, std::string_view what) {
  sinter::ir::Ints dims;
  for (const Json* level = &value; level->is_array(); level = &level->front()) {
    dims.push_back(static_cast<std::int64_t>(level->size()));
    if (level->empty()) break;
  }
  std::vector<double> values;
  collect(value, 0, dims, values, what);
  return array_of(values, Shape(dims), dtype, what);
}

std::vector<Array> tensors_of(const Json& value, std::string_view what) {
  if (value.is_object()) return {tensor_of(value, what)};
  if (!value.is_array()) user_error("malformed case: ", what, ": expected tensors, got ", value.type_name());
  std::vector<Array> result;
  for (const Json& item : value) result.push_back(tensor_of(item, what));
  return result;
}

Config::Config(const Json& object) : object_(object) {
  if (!object.is_object()) user_error("malformed case: expected a config object, got ", object.type_name());
}

Json Config::plain(std::string_view key) const {
  const Json* found = find(object_, key);
  if (found == nullptr) return {};
  if (!found->is_string()) return *found;
  const auto text = found->get<std::string>();
  if (text == "None") return {};
  if (text == "True" || text == "False") return text == "True";
  Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_number() || parsed.is_array() ? parsed : *found;
}

bool Config::has(std::string_view key) const { return !plain(key).is_null(); }

std::optional<double> Config::maybe(std::string_view key) const {
  const Json found = plain(key);
  if (found.is_null()) return std::nullopt;
  if (found.is_object()) throw Unsupported(str("'", key, "' given as an object"));
  return number_of(found, key);
}

double Config::number(std::string_view key, double otherwise) const { return maybe(key).value_or(otherwise); }

std::int64_t Config::integer(std::string_view key) const {
  const Json found = plain(key);
  if (found.is_null()) user_error("malformed case: '", key, "' is missing");
  return whole_of(found, key);
}

std::int64_t Config::integer(std::string_view key, std::int64_t otherwise) const {
  return has(key) ? integer(key) : otherwise;
}

bool Config::flag(std::string_view key, bool otherwise) const {
  const Json found = plain(key);
  return found.is_null() ? otherwise : flag_of(found, key);
}

std::string Config::text(std::string_view key, const std::string& otherwise) const {
  const Json found = plain(key);
  return found.is_null() ? otherwise : text_of(found, key);
}

std::vector<double> Config::numbers(std::string_view key) const {
  const Json found = plain(key);
  if (!found.is_array()) user_error("malformed case: '", key, "': expected a list of numbers");
  std::vector<double> result;
  for (const Json& item : found) result.push_back(number_of(item, key));
  return result;
}

void Config::refuse(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    const Json found = plain(key);
    const bool unset = found.is_null() || found == Json(false) || (found.is_array() && found.empty());
    if (!unset) throw Unsupported(str("option '", key, "'"));
  }
}

}  // namespace keras_cases
