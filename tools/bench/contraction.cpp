#include "contraction.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sinter/ir/error.h>

#include "ceilings.h"
#include "protocol.h"

namespace sinter::bench {

namespace {

/// Small numbers of both signs.
Array contents(const ir::Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = 1e-3F * static_cast<float>(static_cast<int>(k % 97) - 48);
  return Array::from(std::move(values), shape);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// The shares of those samples that stand between two peaks close to the best one. On a virtual machine another guest
/// may use the same core for a while: then both the peak and the product are slower, but not alike.
std::vector<double> undisturbed(const std::vector<double>& shares, const std::vector<double>& peaks) {
  constexpr double close = 0.96;
  const double least = close * std::ranges::max(peaks);
  std::vector<double> found;
  for (std::size_t k = 0; k < shares.size(); ++k)
    if (std::min(peaks[k], peaks[k + 1]) >= least) found.push_back(shares[k]);
  return found;
}

}  // namespace

void bench_contraction(const std::string& what, const std::string& name, const ir::Graph& graph, double flops,
                       const ContractionArguments& arguments) {
  const int threads = arguments.compile.threads;
  Storage storage;
  for (const ir::NodeId id : graph.inputs()) {
    const ir::Node& node = graph.node(id);
    storage.fill(input_block(0, name_of(node)), contents(node.results[0].shape));
  }
  const double compile_start = now();
  const ir::Program program = compile_program(graph, arguments.compile);
  BoundProgram bound(program, storage, arguments.compile);
  const double compile_ms = 1e3 * (now() - compile_start);

  const auto sample = [&](double seconds) {  // GFLOP/s
    const double start = now();
    std::int64_t runs = 0;
    do {
      bound.run();
      ++runs;
    } while (now() - start < seconds);
    return 1e-9 * flops * static_cast<double>(runs) / (now() - start);
  };
  // Short, so that most samples lie between two interruptions by other programs.
  constexpr double sample_seconds = 0.002;
  const double peak_seconds = threads > 1 ? 0.004 : 0.001;
  sample(sample_seconds);
  std::vector<double> rates, shares, peaks = {fma_peak_gflops(threads, peak_seconds)};
  const double begin = now();
  while (rates.size() < 5 || now() - begin < arguments.seconds) {
    rates.push_back(sample(sample_seconds));
    peaks.push_back(fma_peak_gflops(threads, peak_seconds));
    shares.push_back(rates.back() / (0.5 * (peaks.back() + peaks[peaks.size() - 2])));
  }
  const std::vector<double> calm = undisturbed(shares, peaks);
  const nlohmann::ordered_json line = {
      {what, name},
      {"threads", threads},
      {"gflops", rounded(median(rates), 1)},
      {"best_gflops", rounded(std::ranges::max(rates), 1)},
      {"fma_peak_gflops", rounded(median(peaks), 1)},
      {"fma_share", rounded(median(shares), 3)},
      {"undisturbed_share", rounded(calm.empty() ? 0.0 : median(calm), 3)},
      {"undisturbed_samples", rounded(static_cast<double>(calm.size()) / static_cast<double>(shares.size()), 2)},
      {"microseconds", rounded(1e-3 * flops / median(rates), 2)},
      {"compile_ms", rounded(compile_ms, 1)},
  };
  fmt::print("{}\n", line.dump());
  std::fflush(stdout);
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::vector<std::int64_t> positive_numbers(const std::string& where, std::span<const std::string> parts) {
  std::vector<std::int64_t> numbers;
  for (const std::string& part : parts) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || value < 1)
      user_error(where, ": expected a positive number, got '", part, "'");
    numbers.push_back(value);
  }
  return numbers;
}

}  // namespace sinter::bench
