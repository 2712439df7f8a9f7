#include <sinter/frontend/history.h>
#include <sinter/frontend/near_matches.h>

#include <algorithm>
#include <limits>

namespace sinter {
namespace {

template <class Items>
auto find(Items& items, std::string_view name) {
  return std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.first == name; });
}

template <class Items>
std::vector<std::string> names(const Items& items) {
  std::vector<std::string> result;
  for (const auto& item : items) result.push_back(item.first);
  return result;
}

}  // namespace

void Logs::set(std::string name, double value) {
  if (const auto known = find(items_, name); known != items_.end())
    known->second = value;
  else
    items_.emplace_back(std::move(name), value);
}

double Logs::operator[](std::string_view name) const {
  const auto found = find(items_, name);
  if (found == items_.end()) unknown_name("log", name, names(items_));
  return found->second;
}

bool Logs::contains(std::string_view name) const { return find(items_, name) != items_.end(); }

void History::append(int epoch, const Logs& logs) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [name, value] : logs)
    if (!contains(name)) series_.emplace_back(name, std::vector<double>(epochs_.size(), none));
  for (auto& [name, values] : series_) values.push_back(logs.contains(name) ? logs[name] : none);
  epochs_.push_back(epoch);
}

const std::vector<double>& History::operator[](std::string_view name) const {
  const auto found = find(series_, name);
  if (found == series_.end()) unknown_name("history", name, names(series_));
  return found->second;
}

bool History::contains(std::string_view name) const { return find(series_, name) != series_.end(); }
std::vector<std::string> History::keys() const { return names(series_); }

}  // namespace sinter
