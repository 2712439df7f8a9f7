// Recurrent layers, and the wrappers around them.

#include <sinter/sinter.h>

#include "builders.h"

namespace keras_cases {

using namespace sinter;

namespace {

void refuse_common(const Config& c) {
  c.refuse({"stateful"});
  if (c.number("dropout", 0.0) != 0.0 || c.number("recurrent_dropout", 0.0) != 0.0)
    throw Unsupported("random numbers of another library");
}

/// The options that all three have.
template <class Options>
Options common(const Config& c) {
  refuse_common(c);
  Options options;
  options.units = c.integer("units");
  options.activation = make_activation(c.text("activation", "tanh"));
  options.use_bias = c.flag("use_bias", true);
  options.return_sequences = c.flag("return_sequences", false);
  options.return_state = c.flag("return_state", false);
  options.go_backwards = c.flag("go_backwards", false);
  options.zero_output_for_mask = c.flag("zero_output_for_mask", false);
  return with_limits(c, options);
}

std::shared_ptr<Recurrent> recurrent(const std::string& class_name, const Config& c) {
  if (class_name == "SimpleRNN") return std::make_shared<SimpleRNN>(common<SimpleRNNOptions>(c));
  if (class_name == "LSTM") {
    auto options = common<LSTMOptions>(c);
    options.recurrent_activation = make_activation(c.text("recurrent_activation", "sigmoid"));
    options.unit_forget_bias = c.flag("unit_forget_bias", true);
    return std::make_shared<LSTM>(options);
  }
  if (class_name == "GRU") {
    auto options = common<GRUOptions>(c);
    options.recurrent_activation = make_activation(c.text("recurrent_activation", "sigmoid"));
    options.reset_after = c.flag("reset_after", true);
    return std::make_shared<GRU>(options);
  }
  return nullptr;
}

std::shared_ptr<Layer> bidirectional(const Config& c) {
  const Json& inner = *c.value("layer");
  const std::string class_name = text_of(member(inner, "class_name"), "class_name");
  std::shared_ptr<Recurrent> forward = recurrent(class_name, Config(member(inner, "config")));
  if (forward == nullptr) throw Unsupported("Bidirectional around " + class_name);
  return std::make_shared<Bidirectional>(std::move(forward),
                                         BidirectionalOptions{.merge_mode = c.text("merge_mode", "concat")});
}

std::shared_ptr<Layer> time_distributed(const Config& c) {
  const Json& inner = *c.value("layer");
  return std::make_shared<TimeDistributed>(
      make_layer(text_of(member(inner, "class_name"), "class_name"), Config(member(inner, "config")), ""));
}

}  // namespace

std::shared_ptr<Layer> make_recurrent_layer(const std::string& class_name, const Config& config) {
  if (class_name == "Bidirectional") return bidirectional(config);
  if (class_name == "TimeDistributed") return time_distributed(config);
  return recurrent(class_name, config);
}

}  // namespace keras_cases
