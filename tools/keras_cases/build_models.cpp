// Sequential and functional models from configs.

#include <map>
#include <set>

#include <sinter/ir/error.h>

#include "builders.h"

namespace keras_cases {

using namespace sinter;

namespace {

Input input_layer(const Config& config) {
  const Json* shape = config.value("batch_shape");
  if (shape == nullptr) shape = config.value("batch_input_shape");
  if (shape == nullptr || !shape->is_array() || shape->empty())
    user_error("malformed case: InputLayer without batch_shape");
  ir::Ints sample;
  for (std::size_t k = 1; k < shape->size(); ++k) {
    if (!(*shape)[k].is_number_integer()) throw Unsupported("an input with an open extent besides the batch");
    sample.push_back((*shape)[k].get<std::int64_t>());
  }
  return Input(sample, {.name = config.text("name", "")});
}

bool is_model(const std::string& kind) { return kind == "Sequential" || kind == "Functional" || kind == "Model"; }

std::shared_ptr<Layer> layer_or_model(const Json& layer) {
  const std::string kind = text_of(member(layer, "class_name"), "class_name");
  if (is_model(kind)) return make_model(layer).model;
  const Config config(member(layer, "config"));
  return make_layer(kind, config, config.text("name", kind));
}

std::shared_ptr<Sequential> sequential(const Json& model) {
  auto result = std::make_shared<Sequential>();
  const Json& layers = member(member(model, "config"), "layers");
  if (!layers.is_array()) user_error("malformed case: 'layers' must be a list");
  for (const Json& layer : layers) {
    if (text_of(member(layer, "class_name"), "class_name") == "InputLayer")
      result->add(input_layer(Config(member(layer, "config"))));
    else
      result->add(Ref<Layer>(layer_or_model(layer)));
  }
  return result;
}

/// Layer, number of its use, number of the result.
struct Place {
  std::string layer;
  std::size_t use = 0, result = 0;
  explicit Place(const Json& json) {
    if (!json.is_array() || json.size() < 3) user_error("malformed case: expected [layer, use, result]");
    layer = text_of(json[0], "layer");
    use = json[1].get<std::size_t>();
    result = json[2].get<std::size_t>();
  }
};

/// All tensors that a use of a layer names, in order. Masks are left out: they travel with the tensors.
void collect(const Json& arguments, std::vector<Place>& into) {
  if (arguments.is_array())
    for (const Json& a : arguments) collect(a, into);
  else if (const Json* config = find(arguments, "config"))
    into.emplace_back(member(*config, "keras_history"));
  else if (!arguments.is_null())
    throw Unsupported("a layer called with something else than tensors");
}

std::vector<Place> operands_of(const Json& use) {
  std::vector<Place> operands;
  collect(member(use, "args"), operands);
  for (const auto& [key, value] : member(use, "kwargs").items())
    if (!value.is_null() && key != "mask" && !(key == "training" && value.is_boolean()))
      throw Unsupported("a layer called with the argument '" + key + "'");
  return operands;
}

/// [layer, use, result], a list of these, or a map to them.
std::vector<Place> places_of(const Json& json) {
  if (json.is_array() && !json.empty() && json[0].is_string()) return {Place(json)};
  std::vector<Place> places;
  for (const Json& place : json) places.emplace_back(place);
  return places;
}

class FunctionalReader {
 public:
  explicit FunctionalReader(const Json& config) : config_(config) {}

  BuiltModel read() {
    const Json& layers = member(config_, "layers");
    for (const Json& layer : layers) by_name_[text_of(member(layer, "name"), "name")] = &layer;
    for (const std::string_view ends : {"output_layers", "input_layers"})
      for (const Place& place : places_of(member(config_, ends))) need(place.layer);
    for (bool progress = true; progress;) {
      progress = false;
      for (const Json& layer : layers)
        if (needed_.contains(text_of(member(layer, "name"), "name"))) progress = read_next_use(layer) || progress;
    }
    BuiltModel result;
    Symbols outputs;
    for (const Place& place : places_of(member(config_, "output_layers"))) {
      outputs.push_back(at(place));
      result.output_names.push_back(place.layer);
    }
    Symbols inputs;
    for (const Place& place : places_of(member(config_, "input_layers"))) inputs.push_back(at(place));
    result.model = std::make_shared<Model>(inputs, outputs);
    return result;
  }

 private:
  struct Read {
    std::shared_ptr<Layer> layer;
    std::vector<Symbols> uses;
  };

  Symbol at(const Place& place) const {
    const auto found = read_.find(place.layer);
    if (found == read_.end() || found->second.uses.size() <= place.use)
      user_error("malformed case: nothing makes '", place.layer, "'");
    return found->second.uses[place.use].at(place.result);
  }

  /// The layers that the outputs depend on; others make masks alone.
  void need(const std::string& name) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end() || !needed_.insert(name).second) return;
    const Json* uses = find(*found->second, "inbound_nodes");
    if (uses == nullptr) return;
    for (const Json& use : *uses)
      for (const Place& place : operands_of(use)) need(place.layer);
  }

  /// True when one more use of the layer could be read.
  bool read_next_use(const Json& json) {
    const std::string name = text_of(member(json, "name"), "name");
    Read& read = read_[name];
    if (text_of(member(json, "class_name"), "class_name") == "InputLayer") {
      if (!read.uses.empty()) return false;
      read.uses.push_back({input_layer(Config(member(json, "config")))});
      return true;
    }
    const Json& uses = member(json, "inbound_nodes");
    if (read.uses.size() == uses.size()) return false;
    Symbols operands;
    for (const Place& place : operands_of(uses[read.uses.size()])) {
      const auto found = read_.find(place.layer);
      if (found == read_.end() || found->second.uses.size() <= place.use) return false;  // later
      operands.push_back(at(place));
    }
    if (read.layer == nullptr) read.layer = layer_or_model(json);
    read.uses.push_back(Ref<Layer>(read.layer)(operands));
    return true;
  }

  const Json& config_;
  std::map<std::string, const Json*> by_name_;
  std::set<std::string> needed_;
  std::map<std::string, Read> read_;
};

}  // namespace

BuiltModel make_model(const Json& model) {
  const std::string kind = text_of(member(model, "class_name"), "class_name");
  if (kind == "Sequential") return {sequential(model), {}};
  if (is_model(kind)) return FunctionalReader(member(model, "config")).read();
  throw Unsupported("model class " + kind);
}

}  // namespace keras_cases
