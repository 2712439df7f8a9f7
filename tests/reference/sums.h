#pragma once
// The documented orders of summation (ir/README.md), written down a second time.

#include <array>
#include <cstdint>
#include <vector>

#include <sinter/ir/type.h>

namespace sinter::reference {

/// "chain": how many terms each chunk has, for terms in row-major order of `extents`.
inline std::vector<std::int64_t> chain_lengths(const ir::Ints& extents) {
  std::int64_t total = 1;
  for (const std::int64_t extent : extents) total *= extent;
  const std::int64_t row = extents.empty() ? 1 : extents.back();
  std::vector<std::int64_t> lengths;
  if (total == 0) return lengths;
  if (row > 1024) {  // each row is cut every 1024 terms
    for (std::int64_t r = 0; r < total / row; ++r)
      for (std::int64_t left = row; left > 0; left -= 1024) lengths.push_back(left < 1024 ? left : 1024);
    return lengths;
  }
  std::int64_t whole_rows = 0;  // as many as fit 1024 terms
  while ((whole_rows + 1) * row <= 1024) ++whole_rows;
  // The outermost axes of the rows, where all axes inside are whole in a chunk: the first that does not fit is cut
  // evenly if more than half of what fits does that.
  std::int64_t inside = 1;
  for (std::size_t axis = extents.size(); axis > 1; --axis) {
    const std::int64_t extent = extents[axis - 2];
    if (inside * extent <= whole_rows) {
      inside *= extent;
      continue;
    }
    const std::int64_t fit = whole_rows / inside;
    for (std::int64_t part = fit; 2 * part > fit; --part) {
      if (extent % part != 0) continue;
      whole_rows = inside * part;
      break;
    }
    break;
  }
  for (std::int64_t left = total; left > 0; left -= whole_rows * row)
    lengths.push_back(left < whole_rows * row ? left : whole_rows * row);
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
