// Window form: sums of several chunks. Threads share the tiles, or, where those are few, the chunks.

#include <algorithm>

#include <sinter/ir/node_space.h>
#include <sinter/ir/sum_order.h>

#include "tile_sums.h"
#include "window_emitter.h"

namespace sinter::runtime {

void WindowEmitter::in_chunk(llvm::Value* number,
                             const std::function<void(llvm::Value* first, llvm::Value* last)>& body) {
  const ir::ChainChunks all(plan_.space.reduced);
  if (all.rows > 0) {
    llvm::Value* first = b().CreateNSWMul(number, job_.i64(all.rows));
    return body(first, smaller(b().CreateNSWAdd(first, job_.i64(all.rows)), job_.i64(all.total / all.row)));
  }
  const std::int64_t pieces = (all.row + ir::chain_chunk - 1) / ir::chain_chunk;
  llvm::Value* row = b().CreateUDiv(number, job_.i64(pieces));
  llvm::Value* low = b().CreateNSWMul(b().CreateURem(number, job_.i64(pieces)), job_.i64(ir::chain_chunk));
  piece_ = {low, smaller(b().CreateNSWAdd(low, job_.i64(ir::chain_chunk)), job_.i64(all.row))};
  body(row, b().CreateNSWAdd(row, job_.i64(1)));
  piece_ = {};
}

void WindowEmitter::chunks(std::span<Point> columns) {
  const auto own_totals = [&](std::span<Point> at, llvm::Value* number) {
    return vectors_at(job_.workspace,
                      b().CreateNSWMul(number, job_.i64(plan_.most_rows * static_cast<std::int64_t>(at.size()))));
  };
  emit_loop(b(), job_.i64(0), job_.i64(plan_.chunks), 1, [&](llvm::Value* number, llvm::Instruction* entry) {
    std::vector<Point> inner = inside(columns, entry, {});
    in_chunk(number, [&](llvm::Value* first, llvm::Value* last) {
      each_tile(inner, own_tiles(),
                [&](std::span<Point> at, llvm::Value* tile, llvm::Value* start, const TileGroup& group) {
                  add(chunk(at, start, group, first, last), own_totals(at, tile), number);
                });
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
    in_chunk(number, [&](llvm::Value* first, llvm::Value* last) {
      each_columns(region[0], [&](std::span<Point> columns) {
        each_tile(columns, all_tiles(),
                  [&](std::span<Point> at, llvm::Value* tile, llvm::Value* start, const TileGroup& group) {
                    llvm::Value* memory = kept(number, tile, at);
                    const Tile sums = chunk(at, start, group, first, last);
                    for (std::size_t k = 0; k < sums.size(); ++k) b().CreateStore(sums[k], slot(memory, k));
                  });
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

WindowEmitter::Tile WindowEmitter::chunk(std::span<Point> at, llvm::Value* start, const TileGroup& group,
                                         llvm::Value* first, llvm::Value* last) {
  std::vector<int> axes;
  for (int k = outer_; k + 1 < plan_.space.axes(); ++k) axes.push_back(k);
  rows_ = plan_.nest.partner < 0 ? &group.intervals.front().rows : nullptr;
  return emit_loop(b(), first, last, 1, Tile(tile_size(at, group), zero()),
                   [&](llvm::Value* row, const std::vector<llvm::Value*>& carried, llvm::Instruction* entry) {
                     std::vector<Point> regions = inside(at, entry, digits(axes, row));
                     const auto of_rows = [&](const ir::Coordinate& c) {
                       return c.scale_of(plan_.space.axes() - 1) == 0 && needs_test(c);
                     };
                     return guarded(condition(regions[0], of_rows, false), regions, carried,
                                    [&](std::span<Point> inner, const Tile& now) {
                                      return axis_loop(axes.size(), inner, start, group, now);
                                    });
                   });
}

void WindowEmitter::add(const Tile& chunk, llvm::Value* totals, llvm::Value* number) {
  std::vector<LlvmValue> values;
  for (llvm::Value* v : chunk) values.emplace_back(job_.context, dtype_, v);
  add_to_totals(job_, node_, values, totals, number);
}

}  // namespace sinter::runtime
