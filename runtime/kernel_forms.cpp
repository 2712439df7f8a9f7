// Loop structure shared by the forms, and the simple forms: pointwise and column.

#include "kernel_forms.h"

#include <algorithm>
#include <deque>

#include <sinter/ir/error.h>
#include <sinter/ir/node_space.h>
#include <sinter/ir/sum_order.h>

namespace sinter::runtime {

using ir::Affine;
using ir::NodeId;

namespace {

/// True when no node looks at single axis numbers: neither through scalar nor through a test for absent reads.
bool axes_are_only_addresses(const ir::Graph& body) {
  for (const ir::Node& n : body.nodes()) {
    const ir::OpInfo& op = ir::info(n.kind);
    if (op.reads_axes) return false;
    if (op.form == ir::Form::source || op.form == ir::Form::scatter) continue;
    const std::vector<ir::TensorType> types = ir::operand_types(body, n);
    const ir::Space space = op.space(n.attributes, types);
    for (std::size_t k = 0; k < space.reads.size(); ++k)
      if (!ir::always_inside(space.reads[k], space, types[static_cast<std::size_t>(space.operand_of(k))].shape))
        return false;
  }
  return true;
}

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return a <= 0 ? 0 : (a + b - 1) / b; }

/// Every access moves along `outer` as far as over a whole run of `inner`.
bool merge(const ir::KernelShape& shape, int outer, int inner, std::int64_t inner_extent) {
  const auto fits = [&](const Affine& a) { return a.scale_of(outer) == a.scale_of(inner) * inner_extent; };
  for (const ir::KernelRead& r : shape.reads)
    if (!r.address || !fits(*r.address)) return false;
  return std::all_of(shape.output_addresses.begin(), shape.output_addresses.end(), fits);
}

}  // namespace

AxisSplit split_axes(const ir::Graph& body, const ir::KernelShape& shape, int first, int last) {
  const ir::Ints extents = shape.extents();
  AxisSplit split;
  const bool may_merge = axes_are_only_addresses(body);
  int k = last - 1;
  for (; k >= first; --k) {
    const std::int64_t extent = extents[static_cast<std::size_t>(k)];
    if (extent == 1) continue;
    if (!split.group.empty()) {
      const int inner = split.group.front();
      if (!may_merge || !merge(shape, k, inner, extents[static_cast<std::size_t>(inner)])) break;
    }
    split.group.insert(split.group.begin(), k);
    split.group_extent *= extent;
  }
  for (int axis = first; axis < last; ++axis)
    if (std::find(split.group.begin(), split.group.end(), axis) == split.group.end()) split.loops.push_back(axis);
  return split;
}

std::vector<std::int64_t> guard_borders(const ir::KernelShape& shape, int axis, std::int64_t lanes) {
  constexpr std::size_t most_pieces = 8;
  const std::int64_t extent = shape.extents()[static_cast<std::size_t>(axis)];
  std::vector<std::int64_t> borders = {0, extent};
  for (const ir::KernelGuard& g : shape.guards) {
    const std::int64_t scale = g.coordinate.scale_of(axis);
    if (scale == 0 || g.coordinate.scales.size() != 1) continue;
    // The first places at which the coordinate is no longer below (scale < 0: above) 0 and the extent.
    for (const std::int64_t limit : {std::int64_t{0}, g.extent}) {
      const std::int64_t distance = scale > 0 ? limit - g.coordinate.offset : g.coordinate.offset - limit + 1;
      const std::int64_t place = divide_up(distance, std::abs(scale));
      if (place > 0 && place < extent) borders.push_back(place);
    }
  }
  std::ranges::sort(borders);
  borders.erase(std::ranges::unique(borders).begin(), borders.end());
  std::int64_t vectors = 0;
  for (std::size_t k = 1; k < borders.size(); ++k) vectors += divide_up(borders[k] - borders[k - 1], lanes);
  if (borders.size() - 1 > most_pieces || vectors > divide_up(extent, lanes)) return {0, extent};
  return borders;
}

void loop_axes(KernelJob& job, std::span<const int> axes, bool shared, Point& parent,
               const std::function<void(Point&)>& body) {
  if (axes.empty()) return body(parent);
  const std::int64_t extent = job.emit.shape().extents()[static_cast<std::size_t>(axes[0])];
  if (extent == 1 && !shared) {
    parent.axes[axes[0]] = job.i64(0);
    return loop_axes(job, axes.subspan(1), false, parent, body);
  }
  emit_loop(job.builder(), shared ? job.share_begin(extent) : job.i64(0),
            shared ? job.share_end(extent) : job.i64(extent), 1, [&](llvm::Value* index, llvm::Instruction* entry) {
              Point point;
              point.parent = &parent;
              point.entry = entry;
              point.axes[axes[0]] = index;
              loop_axes(job, axes.subspan(1), false, point, body);
            });
}

std::int64_t block_count(std::int64_t extent, std::int64_t lanes, std::int64_t unroll) {
  return (extent + lanes * unroll - 1) / (lanes * unroll);
}

namespace {

/// `count` points of consecutive vectors that start at element `start`.
std::deque<Point> vector_points(KernelJob& job, Point& parent, llvm::Instruction* entry, llvm::Value* start,
                                std::int64_t count, std::int64_t rest, const std::function<void(Point&)>& place) {
  std::deque<Point> points;
  for (std::int64_t u = 0; u < count; ++u) {
    Point& p = points.emplace_back();
    p.parent = &parent;
    p.entry = entry;
    p.counter = job.builder().CreateNSWAdd(start, job.i64(u * job.context.lanes));
    const std::int64_t present = rest - u * job.context.lanes;
    if (present < job.context.lanes) p.mask = job.context.lane_mask(job.i64(present));
    place(p);
  }
  return points;
}

void run(std::deque<Point>& points, const std::function<void(std::span<Point>)>& body) {
  std::vector<Point> together(std::make_move_iterator(points.begin()), std::make_move_iterator(points.end()));
  body(together);
}

}  // namespace

void sweep_vectors(KernelJob& job, std::int64_t extent, std::int64_t unroll, llvm::Value* begin, llvm::Value* end,
                   Point& parent, const std::function<void(Point&)>& place,
                   const std::function<void(std::span<Point>)>& body) {
  llvm::IRBuilder<>& b = job.builder();
  const std::int64_t lanes = job.context.lanes;
  const std::int64_t block = lanes * unroll;
  const std::int64_t full = extent / block;
  const std::int64_t rest = extent - full * block;
  if (full > 0) {
    llvm::Value* stop = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, end, job.i64(full));
    emit_loop(b, begin, stop, 1, [&](llvm::Value* index, llvm::Instruction* entry) {
      llvm::Value* start = b.CreateNSWMul(index, job.i64(block));
      std::deque<Point> points = vector_points(job, parent, entry, start, unroll, block, place);
      run(points, body);
    });
  }
  if (rest == 0) return;
  emit_if(b, b.CreateICmpSGT(end, job.i64(full)), [&](llvm::Instruction* entry) {
    std::deque<Point> points =
        vector_points(job, parent, entry, job.i64(full * block), (rest + lanes - 1) / lanes, rest, place);
    run(points, body);
  });
}

void place_inner(const KernelJob& job, llvm::Value* flat, Point& point) {
  const ir::KernelShape& shape = job.emit.shape();
  std::int64_t stride = 1;
  for (std::size_t k = shape.inner.size(); k-- > 0;) {
    const std::int64_t extent = shape.inner[k];
    const auto constant = [&](std::int64_t v) {
      return flat->getType()->isVectorTy() ? job.context.splat(job.i64(v)) : job.i64(v);
    };
    llvm::Value* digit = stride == 1 ? flat : job.builder().CreateUDiv(flat, constant(stride));
    stride *= extent;
    if (k > 0) digit = job.builder().CreateURem(digit, constant(extent));
    point.axes[static_cast<int>(shape.outer.size() + k)] = digit;
  }
  if (flat->getType()->isVectorTy()) return;
  FlatAxes all;
  for (std::size_t k = 0; k < shape.inner.size(); ++k) all.axes.push_back(static_cast<int>(shape.outer.size() + k));
  all.number = flat;
  point.flat.push_back(std::move(all));
}

std::pair<llvm::Value*, llvm::Value*> ChunkWalk::bounds(const KernelJob& job, llvm::Value* number) const {
  llvm::IRBuilder<>& b = job.builder();
  llvm::Value* slab_begin = job.i64(0);
  llvm::Value* slab_end = job.i64(total);
  if (slab < total) {
    const std::int64_t pieces = pieces_of_slab();
    slab_begin = b.CreateNSWMul(b.CreateUDiv(number, job.i64(pieces)), job.i64(slab));
    slab_end = b.CreateNSWAdd(slab_begin, job.i64(slab));
    number = b.CreateURem(number, job.i64(pieces));
  }
  llvm::Value* begin = b.CreateNSWAdd(slab_begin, b.CreateNSWMul(number, job.i64(length)));
  return {begin, b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateNSWAdd(begin, job.i64(length)), slab_end)};
}

std::vector<std::size_t> all_outputs(const KernelJob& job) {
  std::vector<std::size_t> outputs(job.emit.body().outputs().size());
  for (std::size_t k = 0; k < outputs.size(); ++k) outputs[k] = k;
  return outputs;
}

namespace {

/// One row of vectors, in pieces that know which reads exist.
void sweep_pieces(KernelJob& job, int axis, Point& row, const std::function<void(std::span<Point>)>& body) {
  const std::vector<std::int64_t> borders = guard_borders(job.emit.shape(), axis, job.context.lanes);
  for (std::size_t k = 1; k < borders.size(); ++k) {
    const std::int64_t first = borders[k - 1];
    const std::int64_t extent = borders[k] - first;
    job.emit.restrict_axis(axis, first, borders[k]);
    const auto place = [&](Point& p) {
      p.group = {axis};
      p.counter = job.builder().CreateNSWAdd(p.counter, job.i64(first));
    };
    const std::int64_t blocks = block_count(extent, job.context.lanes, job.schedule.unroll);
    sweep_vectors(job, extent, job.schedule.unroll, job.i64(0), job.i64(blocks), row, place, body);
  }
  job.emit.restrict_axis(axis, 0, borders.back());
}

/// Vectors over `extent` elements whose blocks are the outermost loop.
void sweep_share(KernelJob& job, const AxisSplit& split, Point& at, const std::function<void(std::span<Point>)>& body) {
  const auto sweep = [&](std::int64_t extent, llvm::Value* begin, llvm::Value* end, llvm::Value* first, Point& parent) {
    const auto place = [&](Point& p) {
      p.group = split.group;
      if (first != nullptr) p.counter = job.builder().CreateNSWAdd(first, p.counter);
    };
    sweep_vectors(job, extent, job.schedule.unroll, begin, end, parent, place, body);
  };
  if (job.schedule.strips == 1) return sweep(split.group_extent, job.begin, job.end, nullptr, at);
  const std::int64_t extent = split.group_extent / job.schedule.strips;
  llvm::Value* blocks = job.i64(block_count(extent, job.context.lanes, job.schedule.unroll));
  emit_loop(job.builder(), job.begin, job.end, 1, [&](llvm::Value* strip, llvm::Instruction* entry) {
    Point region;
    region.parent = &at;
    region.entry = entry;
    sweep(extent, job.i64(0), blocks, job.builder().CreateNSWMul(strip, job.i64(extent)), region);
  });
}

}  // namespace

void over_outer(KernelJob& job, bool in_pieces, const std::function<void(std::span<Point>)>& body) {
  const AxisSplit split =
      split_axes(job.emit.body(), job.emit.shape(), 0, static_cast<int>(job.emit.shape().outer.size()));
  const bool share_loop = std::any_of(split.loops.begin(), split.loops.end(),
                                      [&](int k) { return job.emit.shape().outer[static_cast<std::size_t>(k)] > 1; });
  // Unit axes first, so that the shared loop is the first real one.
  std::vector<int> loops = split.loops;
  for (const int k : split.loops)
    if (job.emit.shape().outer[static_cast<std::size_t>(k)] == 1) job.root.axes[k] = job.i64(0);
  std::erase_if(loops, [&](int k) { return job.emit.shape().outer[static_cast<std::size_t>(k)] == 1; });
  loop_axes(job, loops, share_loop, job.root, [&](Point& at) {
    if (in_pieces && share_loop && split.group.size() == 1) return sweep_pieces(job, split.group[0], at, body);
    if (!share_loop) return sweep_share(job, split, at, body);
    const std::int64_t blocks = block_count(split.group_extent, job.context.lanes, job.schedule.unroll);
    sweep_vectors(
        job, split.group_extent, job.schedule.unroll, job.i64(0), job.i64(blocks), at,
        [&](Point& p) { p.group = split.group; }, body);
  });
}

void meet(KernelJob& job) {
  llvm::IRBuilder<>& b = job.builder();
  emit_if(b, b.CreateIsNotNull(job.barrier), [&](llvm::Instruction*) {
    auto* type = llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy()}, false);
    b.CreateCall(type, job.barrier, {job.barrier_argument});
  });
}

void start_ahead(KernelJob& job, std::int64_t trips) {
  constexpr std::int64_t least = 16;  // bytes: a line is asked for a few times at most
  llvm::IRBuilder<>& b = job.builder();
  for (AheadStream& stream : job.ahead) {
    stream.step = std::max(least, divide_up(divide_up(stream.bytes, std::max<std::int64_t>(trips, 1)), least) * least);
    stream.cursor = stack_memory(b, b.getPtrTy(), 1);
    b.CreateStore(stream.begin, stream.cursor);
  }
}

void fetch_ahead(const KernelJob& job) {
  constexpr auto line = static_cast<std::int64_t>(ir::memory_alignment);
  constexpr std::int64_t most_lines = 8;  // more at once would hold up the sums
  llvm::IRBuilder<>& b = job.builder();
  const auto behind = [&](llvm::Value* at, std::int64_t bytes) {
    return b.CreateGEP(b.getInt8Ty(), at, job.i64(bytes));
  };
  for (const AheadStream& stream : job.ahead) {
    if (stream.cursor == nullptr) continue;
    llvm::Value* at = b.CreateLoad(b.getPtrTy(), stream.cursor);
    const std::int64_t lines = std::min(most_lines, divide_up(stream.step, line));
    for (std::int64_t k = 0; k < lines; ++k) emit_prefetch(b, behind(at, k * line), false, CacheLevel::second);
    b.CreateStore(behind(at, stream.step), stream.cursor);
  }
}

void in_phases(KernelJob& job, const std::function<void()>& keep, const std::function<void()>& combine) {
  if (job.phase != KernelPhase::combine) keep();
  if (job.phase == KernelPhase::whole) meet(job);
  if (job.phase != KernelPhase::keep) combine();
}

std::int64_t carried_values(const ir::Graph& body, std::span<const NodeId> anchors) {
  std::int64_t values = 0;
  for (const NodeId anchor : anchors) values += ir::info(body.node(anchor).kind).accumulators;
  return values;
}

void emit_pointwise(KernelJob& job) {
  const std::vector<std::size_t> outputs = all_outputs(job);
  over_outer(job, true, [&](std::span<Point> vectors) {
    for (Point& p : vectors) job.emit.store_outputs(outputs, p);
  });
}

}  // namespace sinter::runtime
