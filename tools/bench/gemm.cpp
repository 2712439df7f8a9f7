// One product alone, packing included. Machines change their clock, so each sample stands between two runs of a loop of
// pure multiply-adds, and its share of the peak is taken from those.

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sinter/ir/error.h>
#include <sinter/ir/near_matches.h>
#include <sinter/ir/ops.h>

#include "ceilings.h"
#include "commands.h"
#include "protocol.h"

namespace sinter::bench {

namespace {

using ir::Expr;

constexpr std::array<std::string_view, 4> variants = {"nn", "tn", "nt", "nn_bias_relu"};

struct Product {
  std::int64_t m = 0, k = 0, n = 0;  // batch, inputs, outputs of a dense layer
  std::string variant;
  double flops() const { return 2.0 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n); }
  std::string name() const { return str(m, ',', k, ',', n, ',', variant); }
};

Expr input(ir::Graph& graph, const char* name, const ir::Shape& shape) {
  return ir::input(graph, name, {ir::DType::f32, shape});
}

/// nn: y = x w; tn: dw = x' dy; nt: dx = dy w'.
ir::Graph graph_of(const Product& p) {
  ir::Graph graph("gemm");
  Expr result;
  if (p.variant == "tn") {
    result = dot(input(graph, "x", {p.m, p.k}), input(graph, "dy", {p.m, p.n}), {{}, {}, {0}, {0}});
  } else if (p.variant == "nt") {
    result = dot(input(graph, "dy", {p.m, p.n}), input(graph, "w", {p.k, p.n}), {{}, {}, {1}, {1}});
  } else {
    result = dot(input(graph, "x", {p.m, p.k}), input(graph, "w", {p.k, p.n}), {{}, {}, {1}, {0}});
    if (p.variant == "nn_bias_relu")
      result = max(result + broadcast(input(graph, "bias", {p.n}), result.shape(), {1}), 0.0);
  }
  graph.add_output("result", result.value());
  return graph;
}

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

void bench_product(const Product& product, const GemmArguments& arguments) {
  const int threads = arguments.compile.threads;
  const ir::Graph graph = graph_of(product);
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
    return 1e-9 * product.flops() * static_cast<double>(runs) / (now() - start);
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
      {"gemm", product.name()},
      {"threads", threads},
      {"gflops", rounded(median(rates), 1)},
      {"best_gflops", rounded(std::ranges::max(rates), 1)},
      {"fma_peak_gflops", rounded(median(peaks), 1)},
      {"fma_share", rounded(median(shares), 3)},
      {"undisturbed_share", rounded(calm.empty() ? 0.0 : median(calm), 3)},
      {"undisturbed_samples", rounded(static_cast<double>(calm.size()) / static_cast<double>(shares.size()), 2)},
      {"microseconds", rounded(1e-3 * product.flops() / median(rates), 2)},
      {"compile_ms", rounded(compile_ms, 1)},
  };
  fmt::print("{}\n", line.dump());
  std::fflush(stdout);
}

std::int64_t parse_extent(std::string_view text, std::string_view whole) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1)
    user_error("--gemm ", whole, ": expected M,K,N,VARIANT with positive numbers, got '", text, "'");
  return value;
}

Product parse(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  if (parts.size() != 4) user_error("--gemm ", text, ": expected M,K,N,VARIANT, as in 256,1024,1024,nn, or all");
  if (std::ranges::find(variants, parts[3]) == variants.end())
    user_error("--gemm ", text, ": unknown variant '", parts[3], "'", ir::did_you_mean(parts[3], variants),
               "; there are nn, tn, nt and nn_bias_relu");
  return {parse_extent(parts[0], text), parse_extent(parts[1], text), parse_extent(parts[2], text), parts[3]};
}

/// Shapes of dense layers, small to large.
constexpr std::int64_t usual_shapes[][3] = {{32, 784, 128},     {128, 784, 128},   {64, 576, 64},
                                            {64, 128, 512},     {32, 128, 10},     {256, 1024, 1024},
                                            {1024, 1024, 1024}, {512, 4096, 1024}, {256, 4096, 4096}};

}  // namespace

void bench_gemm(const GemmArguments& arguments) {
  if (arguments.shape != "all") return bench_product(parse(arguments.shape), arguments);
  for (const auto& [m, k, n] : usual_shapes)
    for (const std::string_view variant : variants) bench_product({m, k, n, std::string(variant)}, arguments);
}

}  // namespace sinter::bench
