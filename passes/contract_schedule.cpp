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

#include "contract_packing.h"

namespace sinter::passes {

using ir::Graph;
using ir::KernelShape;
using ir::Schedule;

namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t real_axes(const ir::Ints& extents) {
  return std::count_if(extents.begin(), extents.end(), [](std::int64_t e) { return e > 1; });
}

/// Whether a should supply the vectors.
bool pays_to_swap(const Side& a, const Side& b, const KernelShape& shape, std::int64_t lanes) {
  if (!a.known || !b.known || a.axes != 1 || b.axes != 1 || real_axes(shape.inner) != 1 || lanes == 1) return false;
  if (b.stride != 1 && b.term_stride == 1 && a.term_stride == 1) return a.bytes <= b.bytes;
  return b.count < lanes && a.count >= lanes && a.stride == 1;
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
