// Register tiles, sides and packing of a contraction, from its shape and the target.
//
// The side that supplies vectors should have neighbouring columns in memory. Where it has not, but neighbouring terms
// (dx = dy w': the columns are rows of w), the sides are swapped: the other, smaller operand is packed, w is read as it
// lies, and each tile is transposed on its way out. The same helps a narrow result whose rows are neighbours in memory.

#include "contract_schedule.h"

#include <algorithm>

#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/sum_order.h>
#include <sinter/ir/window_nest.h>

namespace sinter::passes {

using ir::Graph;
using ir::KernelShape;
using ir::Schedule;

namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Distances of this many bytes fall into one set of the first cache, whatever its size.
constexpr std::int64_t set_stride = 4096;

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

bool reads_axis(const ir::IndexMap& map, std::size_t axis) {
  return std::any_of(map.coordinates.begin(), map.coordinates.end(),
                     [&](const ir::Coordinate& c) { return c.scale_of(static_cast<int>(axis)) != 0; });
}

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

std::int64_t real_axes(const ir::Ints& extents) {
  return std::count_if(extents.begin(), extents.end(), [](std::int64_t e) { return e > 1; });
}

/// Whether a should supply the vectors.
bool pays_to_swap(const Side& a, const Side& b, const KernelShape& shape, std::int64_t lanes) {
  if (!a.known || !b.known || a.axes != 1 || b.axes != 1 || real_axes(shape.inner) != 1 || lanes == 1) return false;
  if (b.stride != 1 && b.term_stride == 1 && a.term_stride == 1) return a.bytes <= b.bytes;
  return b.count < lanes && a.count >= lanes && a.stride == 1;
}

/// Whether copying the vector side into panels pays: when its columns are not neighbours in memory, when its rows
/// lie a multiple of 4 KiB apart (they meet in one cache set), or when it is larger than the cache and read by many
/// rows.
bool pays_to_pack(const Side& vectors, std::int64_t rows, std::int64_t terms, const ir::Target& target) {
  if (!vectors.known) return true;
  if (vectors.stride > 1) return rows > 1;
  if (vectors.terms_in_one_set() && terms > target.l1_ways) return rows > 16;
  return vectors.bytes > target.l2_bytes && rows >= 64;
}

/// Whether packing the row side pays as well: its terms lie apart (a transposed operand), and a chunk of both sides
/// does not stay in the cache, or its terms meet in one cache set; and there are enough columns to use each packed row
/// again and again.
bool pays_to_pack_rows(const Side& rows, const Side& vectors, std::int64_t terms, const ir::Target& target) {
  constexpr std::int64_t few = 64, enough = 256;
  if (!rows.known || vectors.count < few || rows.term_stride <= 1) return false;
  const bool is_cold = rows.chunk_bytes(terms) + vectors.chunk_bytes(terms) > target.l2_bytes * 3 / 4;
  if (is_cold || vectors.count < enough) return is_cold;
  return (terms > ir::chain_chunk && rows.bytes >= target.l2_bytes) ||
         (rows.terms_in_one_set() && terms > target.l1_ways);
}

/// Terms after which all columns have their turn before the next terms, where the vector side is larger than the cache,
/// read as it lies and met by so few rows that waiting for it is most of the time: a few of its rows are then read from
/// end to end side by side, which the processor fetches ahead, where column by column each term is somewhere else. Sums
/// wait in memory meanwhile. 0: it does not pay.
std::int64_t part_of_a_stream(const Side& rows, const Side& vectors, bool packs_rows, std::int64_t terms,
                              const ir::Target& target) {
  if (!vectors.known || vectors.stride != 1 || vectors.bytes <= target.l2_bytes || vectors.count < target.lanes(4))
    return 0;
  if (packs_rows) return terms > ir::chain_chunk && rows.count <= 256 && !vectors.terms_in_one_set() ? 128 : 0;
  return rows.count <= 64 && terms >= 256 && rows.term_stride == 1 ? 16 : 0;
}

/// How many terms of a chunk to pack at once with all columns, so that sums wait in memory less often between parts:
/// as many as leave half of the second cache to the rest. 0: so few that a few columns at a time are better.
std::int64_t part_of_all_columns(const Side& vectors, std::int64_t terms, const ir::Target& target) {
  constexpr std::int64_t least = 256;
  if (terms <= ir::chain_chunk) return 0;
  std::int64_t part = ir::chain_chunk;
  while (part > least && vectors.count * part * vectors.element > target.l2_bytes / 2) part /= 2;
  return part > least ? part : 0;
}

/// Rows that stay in the second cache until they have met all panels, if their distance is a multiple of 4 KiB: they
/// share so few of its sets that this does not depend on how much of a row is read. 0: as many as fit by their bytes.
std::int64_t rows_that_stay(std::int64_t stride_bytes, std::int64_t share, std::int64_t least,
                            const ir::Target& target) {
  if (stride_bytes <= 0 || stride_bytes % set_stride != 0) return 0;
  return std::max(least, target.l2_bytes / (share * stride_bytes));
}

/// Rows of a block that are read as they lie: half of the ways are theirs.
std::int64_t block_of_read_rows(const Side& rows, const ir::Target& target) {
  return rows.known && rows.term_stride == 1 ? rows_that_stay(rows.stride * rows.element, 2, 16, target) : 0;
}

/// Rows of a block that are packed: those of the outputs stay. Pieces of fewer are packed slowly.
std::int64_t block_of_packed_rows(const Side& vectors, const ir::Target& target) {
  return rows_that_stay(vectors.count * vectors.element, 1, 128, target);
}

/// Bytes that the outputs write, and read beside the sums: a state and its slots, say.
std::int64_t bytes_beside(const Graph& body, const KernelShape& shape) {
  const std::vector<ir::NodeId> inputs = body.inputs();
  std::int64_t bytes = 0;
  for (const ir::Output& o : body.outputs()) bytes += body.type(o.value).bytes();
  for (const ir::KernelRead& r : shape.reads)
    if (!r.in_anchor) bytes += body.node(inputs[r.input]).results[0].bytes();
  return bytes;
}

/// Whether an op of the body uses the processor's divider.
bool divides(const Graph& body) {
  return std::ranges::any_of(body.nodes(), [](const ir::Node& n) { return ir::info(n.kind).divides; });
}

/// rows * vectors accumulators, a vector per column, one broadcast; one register stays free.
std::int64_t most_rows(std::int64_t vectors, const ir::Target& target) {
  return std::max<std::int64_t>(1, (target.vector_registers - 2 - vectors) / vectors);
}

/// Rows are split evenly: 32 rows in tiles of 11, 11 and 10, never 14, 14 and 4. Where threads share a few tiles, into
/// an even number of them: 64 rows in 6 tiles, not 5, of which one thread of two would get 3.
std::int64_t even_rows(std::int64_t rows, std::int64_t most, bool shared = false) {
  constexpr std::int64_t few = 8, least = 8;
  std::int64_t tiles = std::max<std::int64_t>(1, divide_up(rows, std::min<std::int64_t>(most, 24)));
  if (shared && tiles > 1 && tiles < few && tiles % 2 == 1 && rows / (tiles + 1) >= least) ++tiles;
  return std::max<std::int64_t>(1, divide_up(rows, tiles));
}

/// The vectors come from a: as many as leave few alone in the last tile. Rows: a power of two, so that tiles fill the
/// vectors into which they are transposed.
void swapped_tile(const Side& a, const ir::Target& target, Schedule& s) {
  const std::int64_t vectors = divide_up(a.count, s.lanes);
  const std::int64_t widest = target.vector_registers >= 32 && vectors % 3 != 1 ? 3 : 2;
  s.tile_vectors = std::min(vectors, widest);
  s.tile_rows = 1;
  while (s.tile_rows * 2 <= std::min(most_rows(s.tile_vectors, target), s.lanes)) s.tile_rows *= 2;
}

/// Convolutions: places along one axis times vectors; the second operand is packed where its columns lie apart, or its
/// terms too far from each other.
void window_tile(const KernelShape& shape, const ir::WindowNest& nest, const Side& a, const Side& b, std::int64_t bytes,
                 const ir::Target& target, Schedule& s) {
  const std::int64_t places = shape.outer[static_cast<std::size_t>(nest.tile)];
  const std::int64_t vectors = divide_up(shape.outer[static_cast<std::size_t>(nest.columns)], s.lanes);
  const std::int64_t terms = ir::Shape(shape.inner).elements();
  // Whether what a chunk reads does not stay in the cache from one pass of the tiles over it to the next.
  const std::int64_t of_chunk = (a.bytes + b.bytes) / std::max<std::int64_t>(1, ir::ChainChunks(shape.inner).count());
  const bool passes_are_cold = nest.chunked && of_chunk > target.l2_bytes / 2;
  // Four where places are few, where vectors beside each other share no read, and where passes are cold: more of a
  // place's memory at once.
  const bool wide = target.vector_registers >= 32 && (places <= 6 || nest.shared_columns || passes_are_cold);
  s.tile_vectors = std::min<std::int64_t>(vectors, wide ? 4 : 2);
  s.tile_rows = even_rows(places, most_rows(s.tile_vectors, target));
  s.pack_vectors = !nest.shared_columns && (nest.chunked ? passes_are_cold : pays_to_pack(b, a.count, terms, target));
  s.prefetch = nest.shared_columns && !nest.chunked && bytes > target.l2_bytes;
}

}  // namespace

void choose_contract_schedule(const Graph& body, const KernelShape& shape, const ir::Target& target, Schedule& s) {
  const ir::Node& n = body.node(shape.anchors.front());
  const std::vector<ir::TensorType> types = ir::operand_types(body, n);
  const ir::Space space = ir::info(n.kind).space(n.attributes, types);
  const Side a = side_of(body, shape, space, 0);
  const Side b = side_of(body, shape, space, 1);
  if (ir::is_windowed(space, types)) {
    const std::int64_t read_and_written = a.bytes + bytes_beside(body, shape);
    return window_tile(shape, *ir::window_nest(space, types), a, b, read_and_written, target, s);
  }
  const std::int64_t terms = ir::Shape(shape.inner).elements();
  s.swap = pays_to_swap(a, b, shape, s.lanes);
  if (s.swap) {
    swapped_tile(a, target, s);
    s.pack_vectors = pays_to_pack(a, b.count, terms, target);
    if (!s.pack_vectors) return;
    s.part = part_of_all_columns(a, terms, target);
    s.block_rows = block_of_read_rows(b, target);
    return;
  }
  // Two vectors per row read b least often; four reach whole lines of what a large result updates in place, and leave
  // fewer rows, of which each term is a line where they are neighbours.
  s.pack_rows = pays_to_pack_rows(a, b, terms, target);
  const bool large = b.bytes > target.l2_bytes && b.stride == 1;
  const bool rows_are_neighbours = a.known && a.stride == 1 && a.term_stride > 1;
  const bool wide = (s.pack_rows || large || rows_are_neighbours) && target.vector_registers >= 32;
  const std::int64_t widest = wide ? 4 : 2;
  s.tile_vectors = std::clamp<std::int64_t>(divide_up(b.count, s.lanes), 1, widest);  // 0 columns: an empty result
  const std::int64_t most = most_rows(s.tile_vectors, target);
  const bool shares_rows = s.parallel && divide_up(a.count, most) > divide_up(b.count, s.tile_vectors * s.lanes);
  s.tile_rows = even_rows(a.count, most, shares_rows);
  s.part = part_of_a_stream(a, b, s.pack_rows, terms, target);
  s.pack_vectors = s.part == 0 && (s.pack_rows || pays_to_pack(b, a.count, terms, target));
  if (s.pack_vectors) s.block_rows = s.pack_rows ? block_of_packed_rows(b, target) : block_of_read_rows(a, target);
  // In a loop results and what they read are parts of larger tensors, so a part of the cache is much already.
  const std::int64_t much = target.l2_bytes / 16;
  const bool rows_from_afar = a.known && a.term_stride == 1 && !s.pack_rows && a.bytes > target.l2_bytes;
  s.prefetch = rows_from_afar || bytes_beside(body, shape) > much;
  // The divider works beside the other units, if there is something for them to do.
  s.trail = divides(body);
}

}  // namespace sinter::passes
