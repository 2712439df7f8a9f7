// summary(): the table of layers.

#include <cstdio>
#include <string>

#include "model_state.h"

namespace sinter {
namespace {

using detail::LayerState;

constexpr std::size_t widths[] = {34, 24, 15, 13};

std::string grouped(std::int64_t n) {  // 101,770
  std::string text = std::to_string(n);
  for (auto k = static_cast<std::int64_t>(text.size()) - 3; k > 0; k -= 3)
    text.insert(static_cast<std::size_t>(k), ",");
  return text;
}

std::string readable_bytes(std::int64_t bytes) {  // 397.54 KB
  const char* const units[] = {"B", "KB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024.0 && unit < 4; ++unit) value /= 1024.0;
  char text[48];
  std::snprintf(text, sizeof text, "%.2f %s", value, units[unit]);
  return text;
}

std::string batch_shape(const Shape& shape) {  // (None, 28, 28)
  std::string text = "(None";
  for (int k = 1; k < shape.rank(); ++k) text += str(", ", shape[k]);
  return text + ")";
}

std::string cell(std::string text, std::size_t width) {
  if (text.size() > width - 1) text = text.substr(0, width - 4) + "...";
  return text + std::string(width - text.size(), ' ');
}

std::string row(const std::string& a, const std::string& b, const std::string& c, const std::string& d) {
  std::string line = " " + cell(a, widths[0]) + cell(b, widths[1]) + cell(c, widths[2]) + d;
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

struct Count {
  std::int64_t elements = 0;
  std::int64_t bytes = 0;
  void add(const TensorType& type) {
    elements += type.elements();
    bytes += type.bytes();
  }
  std::string text() const { return grouped(elements) + " (" + readable_bytes(bytes) + ")"; }
};

/// What the layers below `path` compute on one sample.
std::int64_t flops_below(const detail::ModelState& model, const std::string& path) {
  std::int64_t total = 0;
  for (const auto& [where, flops] : model.flops)
    if (where == path || where.starts_with(path + "/")) total += flops;
  return total;
}

/// Bytes of a layer's results for one sample.
std::int64_t activation_bytes(const LayerState& layer) {
  std::int64_t bytes = 0;
  for (const TensorType& type : layer.outputs)
    bytes += type.shape.rank() == 0 || type.shape[0] == 0 ? 0 : type.bytes() / type.shape[0];
  return bytes;
}

std::string layer_row(const LayerState& layer, const detail::ModelState& model, const std::string& model_name) {
  std::vector<Variable> weights;
  layer.collect(weights);
  Count count;
  for (const Variable& v : weights) count.add(v.type());
  std::string shape;
  for (const TensorType& t : layer.outputs) shape += (shape.empty() ? "" : ", ") + batch_shape(t.shape);
  const bool known = layer.built && !model.outputs.empty();
  return row(layer.name + " (" + layer.class_name + ")", layer.built ? shape : "?",
             layer.built ? grouped(count.elements) : "0 (unbuilt)",
             known ? grouped(flops_below(model, model_name + "/" + layer.name)) : "");
}

}  // namespace

std::string Model::summary_text() const {
  const std::size_t width = 1 + widths[0] + widths[1] + widths[2] + widths[3];
  std::string text = "Model: \"" + name() + "\"\n" + std::string(width, '_') + "\n" +
                     row("Layer (type)", "Output Shape", "Param #", "FLOPs") + std::string(width, '=') + "\n";
  std::int64_t activations = 0;
  for (const auto& child : detail::LayerAccess::checked(*this).children) {
    text += layer_row(*child, *model_, name());
    activations += activation_bytes(*child);
  }
  text += std::string(width, '=') + "\n";
  Count trainable, frozen, optimizer;
  for (const Variable& v : trainable_weights()) trainable.add(v.type());
  for (const Variable& v : non_trainable_weights()) frozen.add(v.type());
  for (const auto& [name, variable] : model_->optimizer) optimizer.add(variable->type);
  const Count total{trainable.elements + frozen.elements + optimizer.elements,
                    trainable.bytes + frozen.bytes + optimizer.bytes};
  text += " Total params: " + total.text() + "\n Trainable params: " + trainable.text() +
          "\n Non-trainable params: " + frozen.text() + "\n";
  if (optimizer.elements != 0) text += " Optimizer params: " + optimizer.text() + "\n";
  if (!model_->outputs.empty())
    text += " Per sample, forward: " + grouped(flops_below(*model_, name())) + " FLOPs, " +
            readable_bytes(activations) + " of activations\n";
  return text + std::string(width, '_') + "\n";
}

void Model::summary() const { std::fputs(summary_text().c_str(), stdout); }

}  // namespace sinter
