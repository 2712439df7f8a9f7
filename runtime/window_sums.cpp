// Window form: the sums of a tile. Along the tile it is known which terms exist; elsewhere bounds of loops decide.

#include <algorithm>

#include <sinter/ir/node_space.h>
#include <sinter/ir/sum_order.h>

#include "tile_sums.h"
#include "window_emitter.h"

namespace sinter::runtime {

LlvmValue WindowEmitter::read(std::size_t side, Point& p) {
  return job_.emit.evaluate_read(node_, side, job_.emit.anchor_axes(node_, p), p);
}

llvm::Value* WindowEmitter::coordinate_rest(const ir::Coordinate& c, int without, const Point& p) const {
  llvm::Value* rest = job_.i64(c.offset);
  for (const ir::AxisTerm& t : c.terms)
    if (t.axis != without && plan_.space.extent(t.axis) > 1)
      rest = b().CreateNSWAdd(rest, b().CreateNSWMul(p.axis(t.axis), job_.i64(t.scale)));
  return rest;
}

llvm::Value* WindowEmitter::smaller(llvm::Value* x, llvm::Value* y) const {
  return b().CreateBinaryIntrinsic(llvm::Intrinsic::smin, x, y);
}

llvm::Value* WindowEmitter::larger(llvm::Value* x, llvm::Value* y) const {
  return b().CreateBinaryIntrinsic(llvm::Intrinsic::smax, x, y);
}

llvm::Value* WindowEmitter::divide_up(llvm::Value* x, std::int64_t divisor) const {
  llvm::Value* natural = larger(x, job_.i64(0));
  return divisor == 1 ? natural : b().CreateUDiv(b().CreateNSWAdd(natural, job_.i64(divisor - 1)), job_.i64(divisor));
}

WindowEmitter::Bounds WindowEmitter::bounds_of(int axis, const Point& p) const {
  Bounds bounds{job_.i64(0), job_.i64(plan_.space.extent(axis))};
  for (std::size_t k = 0; k < plan_.space.reads[0].coordinates.size(); ++k) {
    const ir::Coordinate& c = plan_.space.reads[0].coordinates[k];
    const std::int64_t scale = c.scale_of(axis);
    if (scale == 0 || c.scale_of(plan_.nest.tile) != 0 || ir::moving_axes(c, plan_.space).size() != 2) continue;
    // 0 <= rest + scale * q <= last
    llvm::Value* rest = coordinate_rest(c, axis, p);
    llvm::Value* last = job_.i64((operand_[static_cast<int>(k)] - 1) * c.divisor);
    if (scale > 0) {
      bounds.low = larger(bounds.low, divide_up(b().CreateNSWNeg(rest), scale));
      bounds.high = smaller(bounds.high, divide_up(b().CreateNSWAdd(b().CreateNSWSub(last, rest), job_.i64(1)), scale));
    } else {
      bounds.low = larger(bounds.low, divide_up(b().CreateNSWSub(rest, last), -scale));
      bounds.high = smaller(bounds.high, divide_up(b().CreateNSWAdd(rest, job_.i64(1)), -scale));
    }
  }
  return bounds;
}

WindowEmitter::Bounds WindowEmitter::in_box(int axis, Bounds bounds) const {
  const auto box = box_.find(axis);
  if (box == box_.end()) return bounds;
  return {larger(bounds.low, box->second.low), smaller(bounds.high, box->second.high)};
}

llvm::Value* WindowEmitter::condition(const Point& p, const std::function<bool(const ir::Coordinate&)>& wanted,
                                      bool division_only) {
  llvm::Value* all = nullptr;
  for (std::size_t k = 0; k < plan_.space.reads[0].coordinates.size(); ++k) {
    const ir::Coordinate& c = plan_.space.reads[0].coordinates[k];
    if (c.scale_of(plan_.nest.tile) != 0 || !wanted(c)) continue;
    llvm::Value* value = coordinate_rest(c, -1, p);
    if (c.divisor != 1)
      all = job_.emit.both(all, b().CreateICmpEQ(b().CreateSRem(value, job_.i64(c.divisor)), job_.i64(0)));
    if (division_only) continue;
    llvm::Value* extent = job_.i64((operand_[static_cast<int>(k)] - 1) * c.divisor + 1);
    all = job_.emit.both(all, b().CreateICmpULT(value, extent));
  }
  return all;
}

WindowEmitter::Tile WindowEmitter::guarded(llvm::Value* condition, std::span<Point> at, const Tile& tile,
                                           const std::function<Tile(std::span<Point>, const Tile&)>& body) {
  if (condition == nullptr) return body(at, tile);
  return emit_if(b(), condition, tile, [&](llvm::Instruction* entry) {
    std::vector<Point> regions = inside(at, entry, {});
    return body(regions, tile);
  });
}

WindowEmitter::Tile WindowEmitter::nest(std::size_t level, std::span<Point> at, llvm::Value* start,
                                        const TileGroup& group, const Tile& tile) {
  if (level == 0) {  // coordinates of the units alone: a window of one element
    const auto of_units = [&](const ir::Coordinate& c) {
      const std::vector<int> axes = ir::moving_axes(c, plan_.space);
      return axes.size() == 1 && axes[0] < outer_ && needs_test(c);
    };
    rows_ = plan_.nest.partner < 0 ? &group.intervals.front().rows : nullptr;
    return guarded(condition(at[0], of_units, false), at, tile,
                   [&](std::span<Point> inner, const Tile& now) { return axis_loop(0, inner, start, group, now); });
  }
  return axis_loop(level, at, start, group, tile);
}

bool WindowEmitter::needs_test(const ir::Coordinate& c) const {
  const auto k = static_cast<std::size_t>(&c - plan_.space.reads[0].coordinates.data());
  const ir::CoordinateRange range = ir::range_of(c, plan_.space);
  return c.divisor != 1 || range.low < 0 || range.high >= operand_[static_cast<int>(k)];
}

WindowEmitter::Tile WindowEmitter::axis_loop(std::size_t level, std::span<Point> at, llvm::Value* start,
                                             const TileGroup& group, const Tile& tile) {
  if (level == plan_.space.reduced.size()) return add_term(at, start, group, tile);
  const int axis = outer_ + static_cast<int>(level);
  const bool innermost = level + 1 == plan_.space.reduced.size();
  if (axis == plan_.nest.partner) return partner_loop(level, at, start, group, tile);
  if (plan_.space.extent(axis) == 1) {
    std::vector<Point> regions = inside(at, nullptr, {{axis, job_.i64(0)}});
    return axis_loop(level + 1, regions, start, group, tile);
  }
  const Bounds bounds = in_box(axis, bounds_of(axis, at[0]));
  const auto step = [&](llvm::Value* value, std::span<Point> inner, llvm::Instruction* entry, const Tile& now) {
    std::vector<Point> regions = inside(inner, entry, {{axis, value}});
    const auto of_axis = [&](const ir::Coordinate& c) {
      return c.scale_of(axis) != 0 && ir::moving_axes(c, plan_.space).size() == 2;
    };
    return guarded(condition(regions[0], of_axis, true), regions, now, [&](std::span<Point> deeper, const Tile& t) {
      return axis_loop(level + 1, deeper, start, group, t);
    });
  };
  return unrolled_loop(bounds.low, bounds.high, innermost ? terms_per_trip : 1, at, tile, step);
}

WindowEmitter::Tile WindowEmitter::unrolled_loop(llvm::Value* low, llvm::Value* high, std::int64_t unroll,
                                                 std::span<Point> at, Tile tile, const Step& step) {
  llvm::Value* middle = low;
  const auto loop = [&](llvm::Value* from, llvm::Value* to, std::int64_t steps) {
    tile = emit_loop(b(), from, to, steps, tile,
                     [&](llvm::Value* value, const std::vector<llvm::Value*>& carried, llvm::Instruction* entry) {
                       Tile now = carried;
                       if (steps > 1) fetch_ahead(job_);
                       for (std::int64_t u = 0; u < steps; ++u)
                         now = step(b().CreateNSWAdd(value, job_.i64(u)), at, entry, now);
                       return now;
                     });
  };
  if (unroll > 1) {
    llvm::Value* length = larger(b().CreateNSWSub(high, low), job_.i64(0));
    middle = b().CreateNSWAdd(low, b().CreateAnd(length, job_.i64(~(unroll - 1))));
    loop(low, middle, unroll);
  }
  loop(middle, high, 1);
  return tile;
}

WindowEmitter::Tile WindowEmitter::partner_loop(std::size_t level, std::span<Point> at, llvm::Value* start,
                                                const TileGroup& group, Tile tile) {
  const int axis = plan_.nest.partner;
  for (const Interval& run : group.intervals) {
    if (run.rows.empty()) continue;
    rows_ = &run.rows;
    const auto step = [&](llvm::Value* value, std::span<Point> inner, llvm::Instruction* entry, const Tile& now) {
      std::vector<Point> regions = inside(inner, entry, {{axis, value}});
      return axis_loop(level + 1, regions, start, group, now);
    };
    const std::int64_t unroll = level + 1 == plan_.space.reduced.size() ? terms_per_trip : 1;
    const Bounds bounds = in_box(axis, {job_.i64(run.begin), job_.i64(run.end)});
    if (run.end - run.begin == 1 && !box_.contains(axis))
      tile = step(bounds.low, at, nullptr, tile);
    else
      tile = unrolled_loop(bounds.low, bounds.high, unroll, at, tile, step);
  }
  return tile;
}

WindowEmitter::Tile WindowEmitter::add_term(std::span<Point> at, llvm::Value* start, const TileGroup&,
                                            const Tile& tile) {
  std::vector<LlvmValue> vectors;
  for (std::size_t j = 0; j < at.size(); ++j) {
    if (job_.schedule.pack_vectors)
      vectors.emplace_back(job_.context, dtype_,
                           b().CreateLoad(vector_type(), panel(term_number(at[j]), j, at.size())));
    else
      vectors.push_back(read(1, at[j]));
  }
  Tile next = tile;
  for (const std::int64_t i : *rows_) {
    std::vector<Point> row = inside(at.first(1), nullptr, {{plan_.nest.tile, b().CreateNSWAdd(start, job_.i64(i))}});
    LlvmValue value = read(0, row[0]);
    for (std::size_t j = 0; j < at.size(); ++j) {
      if (plan_.nest.shared_columns && j > 0) {  // a vector of its own
        row = inside(at.subspan(j, 1), nullptr, {{plan_.nest.tile, b().CreateNSWAdd(start, job_.i64(i))}});
        value = read(0, row[0]);
      }
      llvm::Value*& sum = next[static_cast<std::size_t>(i) * at.size() + j];
      const std::vector<LlvmValue> carry = {LlvmValue(job_.context, dtype_, sum)};
      sum = splat(job_.emit.ops(node_).accumulate(carry, std::vector{value, vectors[j]}, {})[0]).value();
    }
  }
  return next;
}

}  // namespace sinter::runtime
