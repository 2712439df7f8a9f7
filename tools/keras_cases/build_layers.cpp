#include <algorithm>
#include <functional>
#include <map>

#include <sinter/frontend/activations.h>
#include <sinter/frontend/layers.h>
#include <sinter/ir/error.h>

#include "builders.h"

namespace keras_cases {

using namespace sinter;

ActivationFn make_activation(const std::string& name) {
  const auto& known = ActivationFn::names();
  if (std::ranges::find(known, name) == known.end()) throw Unsupported("activation '" + name + "'");
  return name;
}

namespace {

using LayerPtr = std::shared_ptr<Layer>;

LayerPtr activation_layer(ActivationFn function) { return std::make_shared<Activation>(std::move(function)); }

LayerPtr dense(const Config& c, const std::string&) {
  c.refuse({"lora_rank", "quantization_config"});
  return std::make_shared<Dense>(
      with_limits(c, DenseOptions{.units = c.integer("units"),
                                  .activation = make_activation(c.text("activation", "linear")),
                                  .use_bias = c.flag("use_bias", true)}));
}

LayerPtr flatten_layer(const Config& c, const std::string&) {
  return std::make_shared<Flatten>(FlattenOptions{.data_format = c.text("data_format", "channels_last")});
}

LayerPtr dropout(const Config& c, const std::string&) {
  c.refuse({"noise_shape"});
  return std::make_shared<Dropout>(c.number("rate", 0.5));
}

LayerPtr activation(const Config& c, const std::string&) {
  return activation_layer(make_activation(c.text("activation", "linear")));
}

LayerPtr lambda(const Config&, const std::string& name) {
  if (name != "lambda_abs") throw Unsupported("the function of Lambda '" + name + "' is not known");
  return std::make_shared<Lambda>(sinter::abs);
}

LayerPtr rescaling(const Config& c, const std::string&) {
  return std::make_shared<Rescaling>(
      RescalingOptions{.scale = c.number("scale", 1.0), .offset = c.number("offset", 0.0)});
}

using Builder = LayerPtr (*)(const Config& config, const std::string& name);

const std::map<std::string, Builder>& builders() {
  static const std::map<std::string, Builder> all = {{"Activation", activation}, {"Dense", dense},
                                                     {"Dropout", dropout},       {"Flatten", flatten_layer},
                                                     {"Lambda", lambda},         {"Rescaling", rescaling}};
  return all;
}

}  // namespace

LayerPtr make_layer(const std::string& class_name, const Config& config, const std::string& name) {
  if (const Json* dtype = config.value("dtype"); dtype != nullptr && dtype->is_object()) {
    const std::string policy = Config(member(*dtype, "config")).text("name", "float32");
    if (policy != "float32") throw Unsupported("dtype policy '" + policy + "'");
  }
  if (const auto found = builders().find(class_name); found != builders().end()) return found->second(config, name);
  if (LayerPtr layer = make_composed_layer(class_name, config)) return layer;
  if (LayerPtr layer = make_window_layer(class_name, config)) return layer;
  if (LayerPtr layer = make_recurrent_layer(class_name, config)) return layer;
  throw Unsupported("layer " + class_name);
}

}  // namespace keras_cases
