#pragma once
// The training steps that are measured, as data. Names and numbers are those of the harness that also runs the peers.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::bench {

struct LayerSpec {
  std::string op;
  std::int64_t units = 0;  // dense, lstm, gru: units; conv2d: filters; maxpool: size
  std::string activation = {};
  double rate = 0.0;  // dropout
  std::int64_t kernel = 0;
  std::int64_t stride = 1;
  bool same = false;  // padding
  bool use_bias = true;
  std::vector<LayerSpec> body = {}, shortcut = {};  // residual
};

enum class LossKind : std::uint8_t { crossentropy, squared_error, elementwise };

struct ModelSpec {
  std::vector<std::int64_t> input;  // one sample
  std::int64_t classes = 0;
  LossKind loss = LossKind::crossentropy;
  std::vector<LayerSpec> layers = {};
};

enum class OptimizerKind : std::uint8_t { none, sgd, momentum, adam };

struct Config {
  std::string_view name;
  ModelSpec (*model)();
  std::int64_t batch;
  OptimizerKind optimizer;
};

std::span<const Config> configs();
/// Throws UserError with near matches.
const Config& find_config(std::string_view name);

}  // namespace sinter::bench
