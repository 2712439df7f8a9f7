// One convolution of images alone, with padding "same", in one of its roles.

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

constexpr std::array<std::string_view, 3> roles = {"forward", "input_gradient", "filter_gradient"};

struct Convolution {
  std::int64_t images = 0, side = 0, channels = 0, filters = 0, kernel = 0, stride = 0;
  std::string role;

  std::int64_t out() const { return (side + stride - 1) / stride; }
  std::int64_t low() const { return std::max<std::int64_t>((out() - 1) * stride + kernel - side, 0) / 2; }
  /// Taps outside the image count as well.
  double flops() const {
    return 2.0 * static_cast<double>(images * out() * out() * filters) *
           static_cast<double>(kernel * kernel * channels);
  }
  std::string name() const {
    return str(images, ',', side, ',', channels, ',', filters, ',', kernel, ',', stride, ',', role);
  }
};

ir::Graph graph_of(const Convolution& c) {
  const ir::TensorType x{ir::DType::f32, {c.images, c.side, c.side, 1, c.channels}};
  const ir::TensorType w{ir::DType::f32, {c.kernel, c.kernel, c.channels, 1, c.filters}};
  const ir::TensorType y{ir::DType::f32, {c.images, c.out(), c.out(), 1, c.filters}};
  ir::Graph graph("conv");
  const bool forward = c.role == "forward";
  const bool of_filters = c.role == "filter_gradient";
  const ir::Expr a = forward || of_filters ? ir::input(graph, "x", x) : ir::input(graph, "dy", y);
  const ir::Expr b = of_filters ? ir::input(graph, "dy", y) : ir::input(graph, "w", w);
  const std::int64_t extent = forward ? c.out() : of_filters ? c.kernel : c.side;
  const ir::Expr result = conv(a, b, {c.role, {c.stride, c.stride}, {1, 1}, {c.low(), c.low()}, {extent, extent}});
  graph.add_output("result", result.value());
  return graph;
}

Convolution parse(const std::string& text) {
  const std::vector<std::string> parts = split_at_commas(text);
  if (parts.size() != 7)
    user_error("--conv ", text,
               ": expected IMAGES,SIDE,CHANNELS,FILTERS,KERNEL,STRIDE,ROLE, as in 16,14,256,256,3,1,forward, or all");
  if (std::ranges::find(roles, parts[6]) == roles.end())
    user_error("--conv ", text, ": unknown role '", parts[6], "'", ir::did_you_mean(parts[6], roles),
               "; there are forward, input_gradient and filter_gradient");
  const std::vector<std::int64_t> n = positive_numbers("--conv " + text, std::span(parts).first(6));
  return {n[0], n[1], n[2], n[3], n[4], n[5], parts[6]};
}

void bench(const Convolution& c, const ContractionArguments& arguments) {
  bench_contraction("conv", c.name(), graph_of(c), c.flops(), arguments);
}

/// Images, side, channels, filters, kernel, stride: first layers, then few large images to many small ones.
constexpr std::int64_t usual_shapes[][6] = {
    {32, 96, 3, 32, 3, 2},    {8, 112, 3, 64, 7, 2},     {32, 32, 16, 16, 3, 1},   {32, 28, 64, 64, 3, 1},
    {16, 28, 128, 128, 3, 2}, {16, 14, 128, 128, 3, 1},  {16, 14, 256, 256, 3, 1}, {16, 7, 512, 512, 3, 1},
    {16, 14, 64, 64, 5, 1},   {16, 14, 256, 1024, 1, 1}, {16, 14, 1024, 256, 1, 1}};

}  // namespace

void bench_conv(const ContractionArguments& arguments) {
  if (arguments.shape != "all") return bench(parse(arguments.shape), arguments);
  for (const auto& [images, side, channels, filters, kernel, stride] : usual_shapes)
    for (const std::string_view role : roles)
      bench({images, side, channels, filters, kernel, stride, std::string(role)}, arguments);
}

}  // namespace sinter::bench
