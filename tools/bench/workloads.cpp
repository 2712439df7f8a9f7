#include "workloads.h"

#include <algorithm>
#include <iterator>

#include <sinter/ir/error.h>
#include <sinter/ir/near_matches.h>

namespace sinter::bench {

namespace {

using Layers = std::vector<LayerSpec>;

LayerSpec layer(std::string op) { return {.op = std::move(op)}; }
LayerSpec dense(std::int64_t units, std::string activation = {}) {
  return {.op = "dense", .units = units, .activation = std::move(activation)};
}
LayerSpec pool(std::int64_t size) { return {.op = "maxpool", .units = size}; }

void append(Layers& to, Layers more) { std::ranges::move(more, std::back_inserter(to)); }

/// A convolution without bias and its normalisation.
Layers normed(std::string op, std::int64_t filters, std::int64_t kernel, std::int64_t stride = 1) {
  return {{.op = std::move(op), .units = filters, .kernel = kernel, .stride = stride, .same = true, .use_bias = false},
          layer("batchnorm")};
}

ModelSpec seed() {
  return {.input = {28, 28},
          .classes = 10,
          .layers = {layer("flatten"), dense(128, "relu"), {.op = "dropout", .rate = 0.2}, dense(10)}};
}

ModelSpec wide() {
  return {.input = {1024}, .classes = 1000, .layers = {dense(4096, "relu"), dense(4096, "relu"), dense(1000)}};
}

ModelSpec lenet() {
  const auto conv = [](std::int64_t filters) {
    return LayerSpec{.op = "conv2d", .units = filters, .activation = "relu", .kernel = 3};
  };
  return {
      .input = {28, 28, 1},
      .classes = 10,
      .layers = {conv(32), pool(2), conv(64), pool(2), layer("flatten"), {.op = "dropout", .rate = 0.5}, dense(10)}};
}

ModelSpec resnet() {
  ModelSpec model{.input = {32, 32, 3}, .classes = 10, .layers = normed("conv2d", 16, 3)};
  model.layers.push_back(layer("relu"));
  for (const std::int64_t filters : {16, 32, 64}) {
    const std::int64_t stride = filters == 16 ? 1 : 2;
    LayerSpec block = layer("residual");
    block.body = normed("conv2d", filters, 3, stride);
    block.body.push_back(layer("relu"));
    append(block.body, normed("conv2d", filters, 3));
    if (stride != 1) block.shortcut = normed("conv2d", filters, 1, stride);
    model.layers.push_back(std::move(block));
    model.layers.push_back(layer("relu"));
  }
  append(model.layers, {layer("gap"), dense(10)});
  return model;
}

ModelSpec separable() {
  ModelSpec model{.input = {96, 96, 3}, .classes = 10};
  const auto add = [&](Layers layers) {
    append(model.layers, std::move(layers));
    model.layers.push_back(layer("relu"));
  };
  add(normed("conv2d", 32, 3, 2));
  for (const auto& [filters, stride] : {std::pair{64, 1}, {128, 2}, {128, 1}, {256, 2}}) {
    add(normed("depthwise2d", 0, 3, stride));
    add(normed("conv2d", filters, 1));
  }
  append(model.layers, {layer("gap"), dense(10)});
  return model;
}

ModelSpec recurrent(std::string op) {
  return {.input = {64, 64}, .classes = 10, .layers = {{.op = std::move(op), .units = 128}, dense(10)}};
}
ModelSpec lstm() { return recurrent("lstm"); }
ModelSpec gru() { return recurrent("gru"); }

ModelSpec line() { return {.input = {1}, .loss = LossKind::squared_error, .layers = {dense(1)}}; }

ModelSpec elementwise() { return {.input = {4194304}, .loss = LossKind::elementwise}; }

constexpr Config list[] = {
    {"W1-b32-sgd", seed, 32, OptimizerKind::sgd},
    {"W1-b32-adam", seed, 32, OptimizerKind::adam},
    {"W1-b256-sgd", seed, 256, OptimizerKind::sgd},
    {"W1-b256-adam", seed, 256, OptimizerKind::adam},
    {"W2-b256-adam", wide, 256, OptimizerKind::adam},
    {"W3-b128-adam", lenet, 128, OptimizerKind::adam},
    {"W4-b128-sgdm", resnet, 128, OptimizerKind::momentum},
    {"W5-b32-sgdm", separable, 32, OptimizerKind::momentum},
    {"W6-b64-adam", lstm, 64, OptimizerKind::adam},
    {"W6b-b64-adam", gru, 64, OptimizerKind::adam},
    {"W7-b6-sgd", line, 6, OptimizerKind::sgd},
    {"W8-4M", elementwise, 1, OptimizerKind::none},
};

}  // namespace

std::span<const Config> configs() { return list; }

const Config& find_config(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Config& config : configs()) {
    if (config.name == name) return config;
    known.push_back(config.name);
  }
  const std::string near = ir::did_you_mean(name, known);
  user_error("unknown config '", name, "'", near.empty() ? "; sinter-bench --list shows all" : near);
}

}  // namespace sinter::bench
