// Regularizers and constraints.

#include <optional>

#include "builders.h"

namespace keras_cases {

using namespace sinter;

namespace {

/// A serialized object: its class name (or name), and its config.
struct Serialized {
  std::string name;
  Json config = Json::object();
};

/// Nothing for None.
std::optional<Serialized> serialized(const Json* value, std::string_view what) {
  if (value == nullptr || value->is_null() || *value == "None") return std::nullopt;
  if (value->is_string()) return Serialized{text_of(*value, what)};
  return Serialized{text_of(member(*value, "class_name"), what), member(*value, "config")};
}

Axes axes_of(const Config& c) {
  const Json* value = c.value("axis");
  if (value == nullptr || !value->is_array()) return Axes(Dim(c.integer("axis", 0)));
  ir::Ints axes;
  for (const double axis : c.numbers("axis")) axes.push_back(static_cast<std::int64_t>(axis));
  return Axes(axes);
}

template <class Limit>
Limit by_name(const std::string& name, std::string_view what) {
  try {
    return Limit(name);
  } catch (const std::exception&) {
    throw Unsupported(std::string(what) + " '" + name + "'");
  }
}

}  // namespace

Regularizer make_regularizer(const Json* value) {
  const auto found = serialized(value, "regularizer");
  if (!found) return {};
  const Config c(found->config);
  if (found->name == "L1") return L1{.l1 = c.number("l1", 0.01)};
  if (found->name == "L2") return L2{.l2 = c.number("l2", 0.01)};
  if (found->name == "L1L2") return L1L2{.l1 = c.number("l1", 0.0), .l2 = c.number("l2", 0.0)};
  return by_name<Regularizer>(found->name, "regularizer");
}

Constraint make_constraint(const Json* value) {
  const auto found = serialized(value, "constraint");
  if (!found) return {};
  const Config c(found->config);
  if (found->name == "MaxNorm") return MaxNorm{.max_value = c.number("max_value", 2.0), .axis = axes_of(c)};
  if (found->name == "UnitNorm") return UnitNorm{.axis = axes_of(c)};
  if (found->name == "MinMaxNorm")
    return MinMaxNorm{.min_value = c.number("min_value", 0.0),
                      .max_value = c.number("max_value", 1.0),
                      .rate = c.number("rate", 1.0),
                      .axis = axes_of(c)};
  return by_name<Constraint>(found->name, "constraint");
}

}  // namespace keras_cases
