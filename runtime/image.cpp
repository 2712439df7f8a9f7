// Images as CBOR (RFC 8949): integers, texts, and bytes as they are.

#include <sinter/runtime/image.h>

#include <nlohmann/json.hpp>

#include <sinter/ir/error.h>

namespace sinter::runtime {

namespace {

using Json = nlohmann::json;

Json binary(std::span<const std::byte> bytes) {
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return Json::binary(Json::binary_t::container_type(first, first + bytes.size()));
}

Json type_json(const ir::TensorType& type) { return {static_cast<int>(type.dtype), type.shape.dims()}; }

ir::TensorType type_from(const Json& json) {
  return {static_cast<ir::DType>(json.at(0).get<int>()), ir::Shape(json.at(1).get<ir::Ints>())};
}

Json ports_json(const std::vector<Port>& ports) {
  Json json = Json::array();
  for (const Port& port : ports) json.push_back({port.name, type_json(port.type)});
  return json;
}

std::vector<Port> ports_from(const Json& json) {
  std::vector<Port> ports;
  for (const Json& port : json) ports.push_back({port.at(0).get<std::string>(), type_from(port.at(1))});
  return ports;
}

Json slots_json(const std::vector<Image::Slot>& slots) {
  Json json = Json::array();
  for (const Image::Slot& slot : slots)
    json.push_back({static_cast<int>(slot.kind), slot.index, slot.offset, slot.bytes});
  return json;
}

std::vector<Image::Slot> slots_from(const Json& json) {
  std::vector<Image::Slot> slots;
  for (const Json& slot : json)
    slots.push_back({static_cast<ir::BufferKind>(slot.at(0).get<int>()), slot.at(1).get<std::size_t>(),
                     slot.at(2).get<std::int64_t>(), slot.at(3).get<std::int64_t>()});
  return slots;
}

Json constants_json(const std::vector<ir::TensorData>& constants) {
  Json json = Json::array();
  for (const ir::TensorData& constant : constants)
    json.push_back({type_json(constant.type), binary(std::as_bytes(std::span(*constant.bytes)))});
  return json;
}

std::vector<ir::TensorData> constants_from(const Json& json) {
  std::vector<ir::TensorData> constants;
  for (const Json& constant : json) {
    const ir::TensorType type = type_from(constant.at(0));
    const auto& bytes = constant.at(1).get_binary();
    if (static_cast<std::int64_t>(bytes.size()) != type.bytes())
      user_error("a constant of type ", type, " has ", bytes.size(), " bytes");
    constants.push_back(ir::TensorData::copy(type, bytes.data()));
  }
  return constants;
}

Json objects_json(const std::vector<std::string>& objects) {
  Json json = Json::array();
  for (const std::string& object : objects) json.push_back(binary(std::as_bytes(std::span(object))));
  return json;
}

std::vector<std::string> objects_from(const Json& json) {
  std::vector<std::string> objects;
  for (const Json& object : json) {
    const auto& bytes = object.get_binary();
    objects.emplace_back(bytes.begin(), bytes.end());
  }
  return objects;
}

}  // namespace

std::vector<std::byte> to_bytes(const Image& image) {
  const Json json = {{"inputs", ports_json(image.signature.inputs)},
                     {"states", ports_json(image.signature.states)},
                     {"outputs", ports_json(image.signature.outputs)},
                     {"slots", slots_json(image.slots)},
                     {"constants", constants_json(image.constants)},
                     {"arena", image.arena_bytes},
                     {"workspace", image.workspace_bytes},
                     {"shared", image.shared_bytes},
                     {"parallel", image.parallel},
                     {"checked", image.checked},
                     {"objects", objects_json(image.objects)}};
  const std::vector<std::uint8_t> bytes = Json::to_cbor(json);
  const std::span<const std::byte> view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

Image image_from(std::span<const std::byte> bytes) {
  try {
    const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
    const Json json = Json::from_cbor(first, first + bytes.size());
    Image image;
    image.signature = {ports_from(json.at("inputs")), ports_from(json.at("states")), ports_from(json.at("outputs"))};
    image.slots = slots_from(json.at("slots"));
    image.constants = constants_from(json.at("constants"));
    image.arena_bytes = json.at("arena").get<std::int64_t>();
    image.workspace_bytes = json.at("workspace").get<std::int64_t>();
    image.shared_bytes = json.at("shared").get<std::int64_t>();
    image.parallel = json.at("parallel").get<bool>();
    image.checked = json.at("checked").get<bool>();
    image.objects = objects_from(json.at("objects"));
    return image;
  } catch (const nlohmann::json::exception& e) {
    user_error("these bytes hold no compiled step: ", e.what());
  }
}

}  // namespace sinter::runtime
