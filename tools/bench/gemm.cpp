// One product alone, packing included.

#include <algorithm>
#include <array>
#include <vector>

#include <sinter/ir/error.h>
#include <sinter/ir/near_matches.h>
#include <sinter/ir/ops.h>

#include "commands.h"
#include "contraction.h"

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

void bench_product(const Product& product, const ContractionArguments& arguments) {
  bench_contraction("gemm", product.name(), graph_of(product), product.flops(), arguments);
}

Product parse(const std::string& text) {
  const std::vector<std::string> parts = split_at_commas(text);
  if (parts.size() != 4) user_error("--gemm ", text, ": expected M,K,N,VARIANT, as in 256,1024,1024,nn, or all");
  if (std::ranges::find(variants, parts[3]) == variants.end())
    user_error("--gemm ", text, ": unknown variant '", parts[3], "'", ir::did_you_mean(parts[3], variants),
               "; there are nn, tn, nt and nn_bias_relu");
  const std::vector<std::int64_t> extents = positive_numbers("--gemm " + text, std::span(parts).first(3));
  return {extents[0], extents[1], extents[2], parts[3]};
}

/// Shapes of dense layers, small to large.
constexpr std::int64_t usual_shapes[][3] = {{32, 784, 128},     {128, 784, 128},   {64, 576, 64},
                                            {64, 128, 512},     {32, 128, 10},     {256, 1024, 1024},
                                            {1024, 1024, 1024}, {512, 4096, 1024}, {256, 4096, 4096}};

}  // namespace

void bench_gemm(const ContractionArguments& arguments) {
  if (arguments.shape != "all") return bench_product(parse(arguments.shape), arguments);
  for (const auto& [m, k, n] : usual_shapes)
    for (const std::string_view variant : variants) bench_product({m, k, n, std::string(variant)}, arguments);
}

}  // namespace sinter::bench
