#pragma once
// Random numbers on the host, for initial weights and shuffling: Philox4x32-10 (ir/philox.h holds the same function as
// a template for compiled code) addressed by position, so that nothing depends on the order of the draws.

#include <array>
#include <cstdint>
#include <string_view>

#include <sinter/ir/hash.h>

namespace sinter {

/// The four words of `counter` under the key (seed low, seed high).
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::uint64_t seed);

/// Independent numbers for every (seed, name, position).
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view name) : seed_(seed), name_(ir::fnv(name)) {}

  std::uint32_t bits(std::uint64_t position) const;
  /// In (0, 1), never its ends.
  double uniform(std::uint64_t position) const;
  /// Standard normal, through the inverse of its distribution.
  double normal(std::uint64_t position) const;
  /// Standard normal within +-2.
  double truncated_normal(std::uint64_t position) const;

 private:
  std::uint64_t seed_;
  std::uint64_t name_;  // the upper half of a counter
};

/// The x with P(X <= x) = p of a standard normal X; relative error below 1e-15. Wichura, "Algorithm AS 241" (1988). No
/// call of libm, so that weights do not depend on its version.
double normal_quantile(double p);

}  // namespace sinter
