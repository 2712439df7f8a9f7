#pragma once
// What a step has to do, counted from its graph.

#include <cstdint>
#include <vector>

#include <sinter/ir/graph.h>

#include "workloads.h"

namespace sinter::bench {

/// 2 M K N for every contraction, bodies included.
double contraction_flops(const ir::Graph& graph);
/// The same for a step as it was traced, once what nobody needs is gone.
double needed_flops(const ir::Graph& traced);

/// Bytes that have to pass L2 even with ideal fusion: the inputs are read, every state that changes is read and
/// written, and what the backward pass needs of each product is written and read.
double needed_bytes(const ir::Graph& traced, const ModelSpec& spec, std::int64_t batch);

/// No step can be faster on a machine with this peak; traffic is counted at the rate of the level that holds it.
struct Bound {
  double compute_ms = 0, traffic_ms = 0;
  double ms() const { return compute_ms > traffic_ms ? compute_ms : traffic_ms; }
};
Bound bound_of(double flops, double bytes, double peak_gflops, int threads);

}  // namespace sinter::bench
