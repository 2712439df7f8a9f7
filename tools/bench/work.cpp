#include "work.h"

#include <functional>

#include <sinter/ir/node_space.h>
#include <sinter/ir/op.h>
#include <sinter/ir/region.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/executable.h>

#include "ceilings.h"

namespace sinter::bench {

namespace {

/// Elements per sample of what each product gives.
std::int64_t saved_elements(const std::vector<LayerSpec>& layers) {
  std::int64_t sum = 0;
  for (const LayerSpec& layer : layers)
    if (layer.op == "dense") sum += layer.units;
  return sum;
}

}  // namespace

double contraction_flops(const ir::Graph& graph) {
  double flops = 0.0;
  for (const ir::Node& node : graph.nodes()) {
    const auto loop = ir::repetition_of(node);
    if (node.body != nullptr) flops += contraction_flops(*node.body) * static_cast<double>(loop ? loop->length : 1);
    const ir::OpInfo& op = ir::info(node.kind);
    if (op.form != ir::Form::contract || op.space == nullptr) continue;
    const ir::Space space = ir::node_space(graph, node);
    flops += 2.0 * static_cast<double>(space.parallel_elements()) * static_cast<double>(space.reduced_elements());
  }
  return flops;
}

double needed_flops(const ir::Graph& traced) {
  passes::Options options;
  options.target = runtime::host_target();
  options.disabled = {"fuse"};  // a kernel may compute a cheap product twice
  return contraction_flops(passes::optimize(traced, options));
}

double needed_bytes(const ir::Graph& traced, const ModelSpec& spec, std::int64_t batch) {
  double bytes = 2.0 * 4.0 * static_cast<double>(batch * saved_elements(spec.layers));
  for (const ir::NodeId id : traced.inputs()) bytes += static_cast<double>(traced.node(id).results[0].bytes());
  for (const ir::Update& u : traced.updates())
    bytes += 2.0 * static_cast<double>(traced.node(u.state).results[0].bytes());
  if (spec.loss == LossKind::elementwise)  // its gradient
    for (const ir::Output& o : traced.outputs()) bytes += static_cast<double>(traced.type(o.value).bytes());
  return bytes;
}

Bound bound_of(double flops, double bytes, double peak_gflops, int threads) {
  constexpr std::int64_t mib = 1 << 20;
  const bool in_l2 = bytes < 2e6 * threads;
  const bool in_l3 = bytes < 200e6;
  const double rate = update_bandwidth_gbs(threads, in_l2 ? mib : in_l3 ? 32 * mib : 256 * mib);
  return {.compute_ms = flops / peak_gflops * 1e-6, .traffic_ms = bytes / rate * 1e-6};
}

}  // namespace sinter::bench
