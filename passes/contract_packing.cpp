#include "contract_packing.h"

#include <algorithm>

#include <sinter/ir/node_space.h>

namespace sinter::passes {

using ir::Graph;
using ir::KernelShape;

namespace {

bool reads_axis(const ir::IndexMap& map, std::size_t axis) {
  return std::any_of(map.coordinates.begin(), map.coordinates.end(),
                     [&](const ir::Coordinate& c) { return c.scale_of(static_cast<int>(axis)) != 0; });
}

/// Rows that stay in the second cache until they have met all panels, if their distance is a multiple of 4 KiB: they
/// share so few of its sets that this does not depend on how much of a row is read. 0: as many as fit by their bytes.
std::int64_t rows_that_stay(std::int64_t stride_bytes, std::int64_t share, std::int64_t least,
                            const ir::Target& target) {
  if (stride_bytes <= 0 || stride_bytes % set_stride != 0) return 0;
  return std::max(least, target.l2_bytes / (share * stride_bytes));
}

}  // namespace

Side side_of(const Graph& body, const KernelShape& shape, const ir::Space& space, std::size_t slot) {
  const ir::TensorType& type = body.type(body.node(shape.anchors.front()).operands[slot]);
  const std::optional<ir::OperandRead> read = ir::operand_read(body, shape, shape.anchors.front(), slot);
  Side side;
  side.known = read.has_value();
  side.bytes = type.bytes();
  side.element = ir::size_of(type.dtype);
  for (std::size_t k = 0; k < shape.outer.size(); ++k) {
    if (shape.outer[k] <= 1 || !reads_axis(space.reads[slot], k) || reads_axis(space.reads[1 - slot], k)) continue;
    side.count *= shape.outer[k];
    ++side.axes;
    if (side.known) side.stride = read->address.scale_of(static_cast<int>(k));
  }
  // The last real reduced axis.
  for (std::size_t k = 0; side.known && k < shape.inner.size(); ++k)
    if (shape.inner[k] > 1) side.term_stride = read->address.scale_of(static_cast<int>(shape.outer.size() + k));
  return side;
}

bool pays_to_pack(const Side& vectors, std::int64_t rows, std::int64_t terms, const ir::Target& target) {
  if (!vectors.known) return true;
  if (vectors.stride > 1) return rows > 1;
  if (vectors.terms_in_one_set() && terms > target.l1_ways) return rows > 16;
  return vectors.bytes > target.l2_bytes && rows >= 64;
}

bool pays_to_pack_rows(const Side& rows, const Side& vectors, std::int64_t terms, const ir::Target& target) {
  constexpr std::int64_t few = 64, enough = 256;
  if (!rows.known || vectors.count < few || rows.term_stride <= 1) return false;
  const bool is_cold = rows.chunk_bytes(terms) + vectors.chunk_bytes(terms) > target.l2_bytes * 3 / 4;
  if (is_cold || vectors.count < enough) return is_cold;
  return (terms > ir::chain_chunk && rows.bytes >= target.l2_bytes) ||
         (rows.terms_in_one_set() && terms > target.l1_ways);
}

std::int64_t part_of_a_stream(const Side& rows, const Side& vectors, bool packs_rows, std::int64_t terms,
                              const ir::Target& target) {
  if (!vectors.known || vectors.stride != 1 || vectors.bytes <= target.l2_bytes || vectors.count < target.lanes(4))
    return 0;
  if (packs_rows) return terms > ir::chain_chunk && rows.count <= 256 && !vectors.terms_in_one_set() ? 128 : 0;
  return rows.count <= 64 && terms >= 256 && rows.term_stride == 1 ? 16 : 0;
}

std::int64_t part_of_all_columns(const Side& vectors, std::int64_t terms, const ir::Target& target) {
  constexpr std::int64_t least = 256;
  if (terms <= ir::chain_chunk) return 0;
  std::int64_t part = ir::chain_chunk;
  while (part > least && vectors.count * part * vectors.element > target.l2_bytes / 2) part /= 2;
  return part > least ? part : 0;
}

std::int64_t block_of_read_rows(const Side& rows, const ir::Target& target) {
  return rows.known && rows.term_stride == 1 ? rows_that_stay(rows.stride * rows.element, 2, 16, target) : 0;
}

std::int64_t block_of_packed_rows(const Side& vectors, const ir::Target& target) {
  return rows_that_stay(vectors.count * vectors.element, 1, 128, target);
}

}  // namespace sinter::passes
