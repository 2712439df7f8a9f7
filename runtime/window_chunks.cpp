// Window form: sums of several chunks. Threads share the tiles, or, where those are few, the chunks.

#include <algorithm>

#include <sinter/ir/node_space.h>
#include <sinter/ir/sum_order.h>

#include "tile_sums.h"
#include "window_emitter.h"

namespace sinter::runtime {

std::map<int, WindowEmitter::Bounds> WindowEmitter::box_of(llvm::Value* number) const {
  const ir::ChainChunks all(plan_.space.reduced);
  std::map<int, Bounds> box;
  for (std::size_t k = all.axis + 1; k-- > 0;) {
    const int axis = outer_ + static_cast<int>(k);
    const bool is_cut = k == all.axis;
    const std::int64_t extent = plan_.space.extent(axis);
    const std::int64_t pieces = is_cut ? all.pieces_of_slab() : extent;
    llvm::Value* piece = k == 0 ? number : b().CreateURem(number, job_.i64(pieces));
    number = b().CreateUDiv(number, job_.i64(pieces));
    const std::int64_t step = is_cut ? all.step : 1;
    llvm::Value* low = b().CreateNSWMul(piece, job_.i64(step));
    llvm::Value* high = b().CreateNSWAdd(low, job_.i64(step));
    box[axis] = {low, extent % step == 0 ? high : smaller(high, job_.i64(extent))};
  }
  return box;
}

void WindowEmitter::pack_chunk(std::span<Point> columns, llvm::Value* number) {
  if (!job_.schedule.pack_vectors) return;
  const auto [begin, end] = ChunkWalk(plan_.space.reduced).bounds(job_, number);
  pack(columns, begin, end);
}

WindowEmitter::Tile WindowEmitter::chunk(llvm::Value* number, std::span<Point> at, llvm::Value* start,
                                         const TileGroup& group) {
  box_ = box_of(number);
  Tile sums = nest(0, at, start, group, Tile(tile_size(at, group), zero()));
  box_ = {};
  return sums;
}

llvm::Value* WindowEmitter::sum_of_chunks(std::span<Point> at, llvm::Value* start, const TileGroup& group) {
  llvm::Value* totals = stack_memory(b(), vector_type(), static_cast<std::int64_t>(tile_size(at, group)));
  emit_loop(b(), job_.i64(0), job_.i64(plan_.chunks), 1, [&](llvm::Value* number, llvm::Instruction* entry) {
    std::vector<Point> inner = inside(at, entry, {});
    add(chunk(number, inner, start, group), totals, number);
  });
  return totals;
}

void WindowEmitter::chunks(std::span<Point> columns) {
  const auto own_totals = [&](std::span<Point> at, llvm::Value* number) {
    return vectors_at(job_.workspace,
                      b().CreateNSWMul(number, job_.i64(plan_.most_rows * static_cast<std::int64_t>(at.size()))));
  };
  emit_loop(b(), job_.i64(0), job_.i64(plan_.chunks), 1, [&](llvm::Value* number, llvm::Instruction* entry) {
    std::vector<Point> inner = inside(columns, entry, {});
    pack_chunk(inner, number);
    each_tile(inner, own_tiles(),
              [&](std::span<Point> at, llvm::Value* tile, llvm::Value* start, const TileGroup& group) {
                add(chunk(number, at, start, group), own_totals(at, tile), number);
              });
  });
  each_tile(columns, own_tiles(),
            [&](std::span<Point> at, llvm::Value* tile, llvm::Value* start, const TileGroup& group) {
              epilogue(at, start, group.rows, own_totals(at, tile));
            });
}

void WindowEmitter::shared_chunks() {
  in_phases(job_, [&] { keep_chunks(); }, [&] { combine_chunks(); });
}

void WindowEmitter::keep_chunks() {
  llvm::Value* begin = job_.share_begin(plan_.chunks);
  emit_loop(b(), begin, job_.share_end(plan_.chunks), 1, [&](llvm::Value* number, llvm::Instruction* entry) {
    std::vector<Point> region = inside({&batch_, 1}, entry, {});
    each_columns(region[0], [&](std::span<Point> columns) {
      pack_chunk(columns, number);
      each_tile(columns, all_tiles(),
                [&](std::span<Point> at, llvm::Value* tile, llvm::Value* start, const TileGroup& group) {
                  llvm::Value* memory = kept(number, tile, at);
                  const Tile sums = chunk(number, at, start, group);
                  for (std::size_t k = 0; k < sums.size(); ++k) b().CreateStore(sums[k], slot(memory, k));
                });
    });
  });
}

void WindowEmitter::combine_chunks() {
  const auto share = [&](llvm::Value* chunk) {
    return b().CreateUDiv(b().CreateNSWMul(chunk, job_.i64(plan_.units * plan_.tiles)), job_.i64(plan_.chunks));
  };
  const Tiles tiles = tiles_between(share(job_.share_begin(plan_.chunks)), share(job_.share_end(plan_.chunks)));
  each_columns(batch_, [&](std::span<Point> columns) {
    each_tile(columns, tiles, [&](std::span<Point> at, llvm::Value* tile, llvm::Value* start, const TileGroup& group) {
      epilogue(at, start, group.rows, sum_of_kept(at, tile, tile_size(at, group)));
    });
  });
}

llvm::Value* WindowEmitter::sum_of_kept(std::span<Point> at, llvm::Value* tile, std::size_t size) {
  llvm::Value* scratch = stack_memory(b(), vector_type(), static_cast<std::int64_t>(size));
  emit_loop(b(), job_.i64(0), job_.i64(plan_.chunks), 1, [&](llvm::Value* number, llvm::Instruction*) {
    llvm::Value* memory = kept(number, tile, at);
    Tile sums;
    for (std::size_t k = 0; k < size; ++k) sums.push_back(b().CreateLoad(vector_type(), slot(memory, k)));
    add(sums, scratch, number);
  });
  return scratch;
}

llvm::Value* WindowEmitter::kept(llvm::Value* chunk, llvm::Value* tile, std::span<Point> at) const {
  const Point* p = &at[0];
  while (p->counter == nullptr) p = p->parent;
  const std::int64_t vectors = job_.schedule.tile_vectors;
  llvm::Value* block = b().CreateUDiv(p->counter, job_.i64(vectors * job_.schedule.lanes));
  llvm::Value* number = b().CreateNSWAdd(b().CreateNSWMul(chunk, job_.i64(plan_.units * plan_.tiles)), tile);
  number = b().CreateNSWAdd(b().CreateNSWMul(number, job_.i64(plan_.column_blocks)), block);
  return vectors_at(job_.exchange, b().CreateNSWMul(number, job_.i64(plan_.most_rows * vectors)));
}

void WindowEmitter::add(const Tile& chunk, llvm::Value* totals, llvm::Value* number) {
  std::vector<LlvmValue> values;
  for (llvm::Value* v : chunk) values.emplace_back(job_.context, dtype_, v);
  add_to_totals(job_, node_, values, totals, number);
}

}  // namespace sinter::runtime
