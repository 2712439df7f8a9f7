#include <sinter/frontend/data.h>

namespace sinter {

Data::Data(std::initializer_list<Data> parts) {
  for (const Data& part : parts) items_.insert(items_.end(), part.items_.begin(), part.items_.end());
}

Data::Data(const std::vector<Array>& parts) {
  for (const Array& part : parts) items_.push_back({{}, part});
}

Data::Data(std::initializer_list<std::pair<std::string, Data>> parts) {
  for (const auto& [name, data] : parts) items_.push_back({name, data.array()});
}

const Array& Data::array() const {
  if (items_.size() != 1) user_error("data: expected one array, got ", items_.size());
  return items_.front().array;
}

}  // namespace sinter
