// What fit() costs beyond the steps that it runs: epochs and bare steps in turns, so that both see the same machine.

#include <algorithm>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sinter/frontend/layers.h>
#include <sinter/frontend/losses.h>

#include "commands.h"
#include "protocol.h"

namespace sinter::bench {

namespace {

constexpr std::int64_t samples = 60000, batch = 32, steps = samples / batch;

struct Samples {
  Array x, y;
};

/// As large as Fashion-MNIST: pictures in [0, 1) and their classes.
Samples pictures() {
  std::mt19937 random(7);  // NOLINT: the same numbers every time
  std::vector<float> x(static_cast<std::size_t>(samples * 28 * 28));
  for (float& v : x) v = static_cast<float>(random() >> 8) * 0x1p-24F;
  std::vector<std::uint8_t> y(static_cast<std::size_t>(samples));
  for (std::uint8_t& v : y) v = static_cast<std::uint8_t>(random() % 10);
  return {Array::from(std::move(x), Shape{samples, 28, 28}), Array::from(std::move(y))};
}

/// The step that fit() runs, without fit(): resident batches in turn.
class BareSteps {
 public:
  BareSteps(Sequential& model, const Samples& data, const CompileChoices& choices) {
    TrainingGraph traced;
    traced.graph = model.graph("train", batch, {ir::DType::u8, {}});
    for (const Variable& v : model.weights()) traced.weights.emplace_back(v.path(), v);
    traced.scalars.emplace_back("adam/learning_rate", Array(model.learning_rate()));
    std::vector<Batch> batches;
    for (std::int64_t k = 0; k < resident; ++k)
      batches.push_back(
          {{"x", data.x.rows(k * batch, (k + 1) * batch)}, {"y", data.y.rows(k * batch, (k + 1) * batch)}});
    fill_storage(storage_, batches, traced);
    bound_ = std::make_unique<BoundProgram>(compile_program(traced.graph, choices), storage_, choices, resident);
    epoch();  // warm
  }

  /// Seconds of as many steps as an epoch has.
  double epoch() {
    const double start = now();
    for (std::int64_t k = 0; k < steps; ++k) bound_->run(static_cast<std::size_t>(k % resident));
    return now() - start;
  }

 private:
  static constexpr std::int64_t resident = 4;
  Storage storage_;
  std::unique_ptr<BoundProgram> bound_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// The least step: 6 numbers, one weight, one bias. What fit() itself takes per step shows undisturbed.
void bench_line(const CompileChoices& choices) {
  constexpr std::int64_t size = 6, count = 20000;
  std::vector<float> values(size * count);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>(k % 6) - 1.0F;
  const Array x = Array::from(std::move(values), Shape{size * count, 1}), y = x * 2.0 - 1.0;
  for (const std::int64_t per_execution : {1, 32}) {
    Sequential model(Input({1}), Dense(1));
    model.compile("sgd", "mse", {}, {.threads = choices.threads, .steps_per_execution = per_execution});
    std::vector<double> seconds;
    double start = now();
    const auto after_epoch = [&](int epoch, const Logs&) {
      if (epoch > 0) seconds.push_back(now() - start);
      start = now();
      return true;
    };
    model.fit(x, y, {.batch_size = size, .epochs = 12, .shuffle = false, .verbose = 0, .on_epoch_end = after_epoch});
    const nlohmann::ordered_json line = {{"fit", "line, batch 6, sgd"},
                                         {"threads", choices.threads},
                                         {"steps_per_execution", per_execution},
                                         {"step_us", rounded(1e6 * median(seconds) / count, 4)},
                                         {"step_min_us", rounded(1e6 * std::ranges::min(seconds) / count, 4)}};
    fmt::print("{}\n", line.dump());
  }
}

}  // namespace

void bench_fit(const CompileChoices& choices) {
  const Samples data = pictures();
  Sequential model(Input({28, 28}), Flatten(), Dense(128, "relu"), Dropout(0.2), Dense(10, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"},
                {.threads = choices.threads, .disabled = choices.disabled});
  BareSteps bare(model, data, choices);

  std::vector<double> fit_seconds, bare_seconds;
  double start = now();
  constexpr int epochs = 8;
  const auto after_epoch = [&](int epoch, const Logs&) {
    if (epoch > 0) fit_seconds.push_back(now() - start);  // the first one compiles
    bare_seconds.push_back(bare.epoch());
    start = now();
    return true;
  };
  model.fit(data.x, data.y, {.batch_size = batch, .epochs = epochs, .verbose = 0, .on_epoch_end = after_epoch});

  const double fit = median(fit_seconds), steps_alone = median(bare_seconds);
  const nlohmann::ordered_json line = {{"fit", "60000x28x28, batch 32, adam, accuracy"},
                                       {"threads", choices.threads},
                                       {"epoch_ms", rounded(1e3 * fit, 2)},
                                       {"epoch_min_ms", rounded(1e3 * std::ranges::min(fit_seconds), 2)},
                                       {"bare_steps", steps},
                                       {"bare_ms", rounded(1e3 * steps_alone, 2)},
                                       {"bare_min_ms", rounded(1e3 * std::ranges::min(bare_seconds), 2)},
                                       {"ratio", rounded(fit / steps_alone, 3)}};
  fmt::print("{}\n", line.dump());
  bench_line(choices);
}

}  // namespace sinter::bench
