#pragma once
// What the machine can do at most, measured in this process: arithmetic, traffic, and one workload written by hand.

#include <cstdint>
#include <optional>
#include <span>

namespace sinter::bench {

/// GFLOP/s of f32 multiply-adds in registers, on `threads` threads: the best of repeated runs that take `seconds`
/// together.
double fma_peak_gflops(int threads, double seconds = 0.06);

/// GB/s, read plus written, of a = a * k + c in place over `bytes` per thread.
double update_bandwidth_gbs(int threads, std::int64_t bytes, double seconds = 0.1);

/// The elementwise workload as a person would write it.
struct ByHand {
  double seconds = 0;
  double loss = 0;
};
/// One pass over x, which writes the gradient. Empty on a processor without AVX-512.
std::optional<ByHand> fused_elementwise(int threads, std::span<const float> x, std::span<float> dx);

}  // namespace sinter::bench
