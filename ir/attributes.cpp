#include <sinter/ir/attributes.h>

#include <cstring>

#include <sinter/ir/num.h>

namespace sinter::ir {

TensorData TensorData::copy(TensorType type, const void* source) {
  auto bytes = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(type.bytes()));
  if (!bytes->empty()) std::memcpy(bytes->data(), source, bytes->size());
  return {std::move(type), std::move(bytes)};
}

TensorData TensorData::scalar(DType dtype, double value) {
  std::byte memory[8] = {};
  Num::from_double(dtype, value).store(memory);
  return copy(TensorType{dtype, Shape{}}, memory);
}

bool operator==(const TensorData& a, const TensorData& b) {
  if (a.type != b.type) return false;
  if (a.bytes == b.bytes) return true;
  return a.bytes != nullptr && b.bytes != nullptr && *a.bytes == *b.bytes;
}

const AttributeValue* Attributes::find(std::string_view name) const {
  for (const Attribute& a : items_)
    if (a.name == name) return &a.value;
  return nullptr;
}

void Attributes::set(std::string name, AttributeValue value) {
  for (Attribute& a : items_) {
    if (a.name != name) continue;
    a.value = std::move(value);
    return;
  }
  items_.push_back({std::move(name), std::move(value)});
}

}  // namespace sinter::ir
