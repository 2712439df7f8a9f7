#pragma once
// Which operands of a contraction are copied into the order in which tiles read them, and how much of a sum and how
// many rows have their turn before the next: what stays in the cache. Private to passes.

#include <algorithm>
#include <cstdint>

#include <sinter/ir/index_map.h>
#include <sinter/ir/kernel.h>
#include <sinter/ir/sum_order.h>
#include <sinter/ir/target.h>

namespace sinter::passes {

/// Distances of this many bytes fall into one set of the first cache, whatever its size.
inline constexpr std::int64_t set_stride = 4096;

/// One operand as the loop nest reads it.
struct Side {
  std::int64_t count = 1;        // points of the axes that it has alone
  int axes = 0;                  // how many of those axes are real
  bool known = false;            // read from one input at an affine address: the strides are known
  std::int64_t stride = 0;       // between neighbours along the innermost such axis, in elements
  std::int64_t term_stride = 0;  // between neighbouring terms
  std::int64_t bytes = 0;        // of the whole operand
  std::int64_t element = 4;      // bytes

  /// Bytes that one chunk of a sum of so many terms reads.
  std::int64_t chunk_bytes(std::int64_t terms) const { return count * std::min(terms, ir::chain_chunk) * element; }
  bool terms_in_one_set() const { return term_stride > 0 && term_stride * element % set_stride == 0; }
};

/// Operand `slot` of the kernel's contraction.
Side side_of(const ir::Graph& body, const ir::KernelShape& shape, const ir::Space& space, std::size_t slot);

/// Whether copying the vector side into panels pays: when its columns are not neighbours in memory, when its rows
/// lie a multiple of 4 KiB apart (they meet in one cache set), or when it is larger than the cache and read by many
/// rows.
bool pays_to_pack(const Side& vectors, std::int64_t rows, std::int64_t terms, const ir::Target& target);
/// Whether packing the row side pays as well: its terms lie apart (a transposed operand), and a chunk of both sides
/// does not stay in the cache, or its terms meet in one cache set; and there are enough columns to use each packed row
/// again and again.
bool pays_to_pack_rows(const Side& rows, const Side& vectors, std::int64_t terms, const ir::Target& target);
/// Terms after which all columns have their turn before the next terms, where the vector side is larger than the cache,
/// read as it lies and met by so few rows that waiting for it is most of the time: a few of its rows are then read from
/// end to end side by side, which the processor fetches ahead, where column by column each term is somewhere else. Sums
/// wait in memory meanwhile. 0: it does not pay.
std::int64_t part_of_a_stream(const Side& rows, const Side& vectors, bool packs_rows, std::int64_t terms,
                              const ir::Target& target);
/// How many terms of a chunk to pack at once with all columns, so that sums wait in memory less often between parts:
/// as many as leave half of the second cache to the rest. 0: so few that a few columns at a time are better.
std::int64_t part_of_all_columns(const Side& vectors, std::int64_t terms, const ir::Target& target);
/// Rows of a block that are read as they lie: half of the ways are theirs.
std::int64_t block_of_read_rows(const Side& rows, const ir::Target& target);
/// Rows of a block that are packed: those of the outputs stay. Pieces of fewer are packed slowly.
std::int64_t block_of_packed_rows(const Side& vectors, const ir::Target& target);

}  // namespace sinter::passes
