#pragma once
// The documented orders of summation (ir/README.md), written down a second time.

#include <array>
#include <cstdint>
#include <vector>

#include <sinter/ir/type.h>

namespace sinter::reference {

/// "chain": how many terms each chunk has, for terms in row-major order of `extents`.
inline std::vector<std::int64_t> chain_lengths(const ir::Ints& extents) {
  std::int64_t inside = 1;  // terms of the innermost axes, as many as are whole in a chunk
  std::size_t axes = extents.size();
  for (const std::int64_t extent : extents)
    if (extent == 0) return {};
  while (axes > 0 && inside * extents[axes - 1] <= 1024) inside *= extents[--axes];
  if (axes == 0) return {inside};
  // The next axis is cut: evenly, if more than half of what fits does that, but the innermost always every 1024.
  const std::int64_t cut = extents[axes - 1];
  const std::int64_t fit = 1024 / inside;
  std::int64_t values = fit;
  for (std::int64_t part = fit; inside > 1 && 2 * part > fit; --part) {
    if (cut % part != 0) continue;
    values = part;
    break;
  }
  std::int64_t outside = 1;
  for (std::size_t k = 0; k + 1 < axes; ++k) outside *= extents[k];
  std::vector<std::int64_t> lengths;
  for (std::int64_t k = 0; k < outside; ++k)
    for (std::int64_t left = cut; left > 0; left -= values) lengths.push_back(inside * (left < values ? left : values));
  return lengths;
}

/// "chain" over terms: step(carry, term number) extends a chain that starts from `identity`, join(a, b) adds chunks.
template <class Carry, class Step, class Join>
Carry chain(const ir::Ints& extents, const Carry& identity, Step step, Join join) {
  Carry total = identity;
  bool first = true;
  std::int64_t next = 0;
  for (const std::int64_t length : chain_lengths(extents)) {
    Carry carry = identity;
    for (std::int64_t k = 0; k < length; ++k) carry = step(carry, next++);
    total = first ? carry : join(total, carry);
    first = false;
  }
  return total;
}

/// "lanes" over `count` terms.
template <class Carry, class Step, class Join>
Carry lanes(std::int64_t count, const Carry& identity, Step step, Join join) {
  Carry total = identity;
  for (std::int64_t begin = 0; begin < count; begin += 65536) {
    std::vector<Carry> lane(64, identity);
    for (std::int64_t j = 0; j < 65536 && begin + j < count; ++j) {
      Carry& mine = lane[static_cast<std::size_t>(j % 64)];
      mine = step(mine, begin + j);
    }
    for (std::size_t width = 32; width > 0; width /= 2)
      for (std::size_t k = 0; k < width; ++k) lane[k] = join(lane[k], lane[k + width]);
    total = begin == 0 ? lane[0] : join(total, lane[0]);
  }
  return total;
}

}  // namespace sinter::reference
