// Column form: vectors of columns, and for each a chain over the other axes (ir/sum_order.h). Sums that need none of
// each other are taken in one visit to the rows. Where columns are few and rows many (the statistics of batch
// normalisation), threads share the chunks of the sums: each keeps those of its own, all meet, and then each combines
// all chunks, first to last, for its share of the columns.

#include <algorithm>

#include <sinter/ir/ops.h>

#include "kernel_forms.h"

namespace sinter::runtime {

using ir::NodeId;

namespace {

using Carry = std::vector<LlvmValue>;
using Carries = std::vector<Carry>;  // of one anchor after the other, of its points one after the other

/// The chains of anchors that need none of each other, at several points side by side.
class Chains {
 public:
  Chains(KernelJob& job, std::span<const NodeId> anchors, std::span<Point> points)
      : job_(job), anchors_(anchors), points_(points), walk_(job.emit.shape().inner) {
    for (const NodeId anchor : anchors_)
      for (const Point& p : points_) identity_.push_back(identity(anchor, p));
  }

  /// All terms, chunk by chunk.
  Carries all() {
    constexpr std::int64_t straight = 16;  // terms written one after the other: windows, whose places are then known
    if (walk_.count() == 0) return identity_;
    if (walk_.total <= straight) {
      Carries carries = identity_;
      for (std::int64_t t = 0; t < walk_.total; ++t) carries = add_term(points_, job_.i64(t), nullptr, carries);
      return carries;
    }
    if (walk_.count() == 1) return chunk(points_, job_.i64(0), job_.i64(walk_.total));
    return unpack(
        emit_loop(job_.builder(), job_.i64(0), job_.i64(walk_.count()), 1, pack(identity_),
                  [&](llvm::Value* number, const std::vector<llvm::Value*>& carried, llvm::Instruction* entry) {
                    const auto [begin, end] = walk_.bounds(job_, number);
                    std::vector<Point> regions(points_.size());
                    for (std::size_t p = 0; p < points_.size(); ++p) {
                      regions[p].parent = &points_[p];
                      regions[p].entry = entry;
                    }
                    const Carries sums = chunk(regions, begin, end);
                    const LlvmValue first(job_.context, DType::i1, job_.builder().CreateICmpEQ(number, job_.i64(0)));
                    Carries next = combine(unpack(carried), sums);
                    for (std::size_t k = 0; k < next.size(); ++k)
                      for (std::size_t v = 0; v < next[k].size(); ++v)
                        next[k][v] = select(first, sums[k][v], next[k][v]);
                    return pack(next);
                  }));
  }

  /// Terms [begin, end) of one chunk. `regions`: the points inside the innermost region around the code.
  Carries chunk(std::span<Point> regions, llvm::Value* begin, llvm::Value* end) {
    return unpack(emit_loop(job_.builder(), begin, end, 1, pack(identity_),
                            [&](llvm::Value* term, const std::vector<llvm::Value*>& carried, llvm::Instruction* entry) {
                              return pack(add_term(regions, term, entry, unpack(carried)));
                            }));
  }

  Carries combine(const Carries& before, const Carries& next) const {
    Carries result;
    for (std::size_t k = 0; k < before.size(); ++k)
      result.push_back(job_.emit.ops(anchors_[k / points_.size()]).combine(before[k], next[k]));
    return result;
  }

  /// Makes the results known at the points.
  void finish(const Carries& carries) {
    for (std::size_t k = 0; k < carries.size(); ++k) {
      const NodeId anchor = anchors_[k / points_.size()];
      const DType result = job_.emit.body().node(anchor).results[0].dtype;
      points_[k % points_.size()].finish(anchor, job_.emit.ops(anchor).finish(carries[k], result));
    }
  }

  /// Carries as loop-carried LLVM values and back; loops carry vectors, so everything is splatted.
  static std::vector<llvm::Value*> pack(const Carries& carries) {
    std::vector<llvm::Value*> values;
    for (const Carry& carry : carries)
      for (const LlvmValue& v : carry) values.push_back(v.value());
    return values;
  }
  Carries unpack(std::span<llvm::Value* const> values) const {
    Carries carries;
    std::size_t next = 0;
    for (const Carry& carry : identity_) {
      carries.emplace_back();
      for (const LlvmValue& v : carry) carries.back().emplace_back(job_.context, v.dtype(), values[next++]);
    }
    return carries;
  }
  std::vector<llvm::Type*> types() const {
    std::vector<llvm::Type*> types;
    for (llvm::Value* v : pack(identity_)) types.push_back(v->getType());
    return types;
  }

 private:
  Carry identity(NodeId anchor, const Point& point) const {
    const DType dtype = job_.emit.body().type(job_.emit.body().node(anchor).operands[0]).dtype;
    Carry carry;
    for (const LlvmValue& v : job_.emit.ops(anchor).identity(integer(job_.context, dtype, 0)))
      carry.push_back(point.group.empty() ? opaque_one(v) : splat(opaque_one(v)));
    return carry;
  }

  Carries add_term(std::span<Point> regions, llvm::Value* term, llvm::Instruction* entry, Carries carries) {
    std::vector<Point> terms(points_.size());  // one for all anchors: what they have in common is computed once
    for (std::size_t p = 0; p < points_.size(); ++p) {
      terms[p].parent = &regions[p];
      terms[p].entry = entry;
      place_inner(job_, term, terms[p]);
    }
    for (std::size_t k = 0; k < carries.size(); ++k) {
      const std::size_t p = k % points_.size();
      carries[k] = add_present(anchors_[k / points_.size()], terms[p], carries[k]);
      if (!points_[p].group.empty())
        for (LlvmValue& v : carries[k]) v = splat(v);
    }
    return carries;
  }

  /// The carry with the term at `point`, or as it was where the term is absent.
  Carry add_present(NodeId node, Point& point, const Carry& carry) {
    const LiveIndices axes = job_.emit.anchor_axes(node, point);
    llvm::Value* inside = nullptr;
    std::vector<LlvmValue> x;
    for (std::size_t k = 0; k < job_.emit.space(node).reads.size(); ++k)
      x.push_back(job_.emit.evaluate_read(node, k, axes, point, inside));
    std::vector<LlvmValue> reduced;
    for (std::size_t k = 0; k < job_.emit.shape().inner.size(); ++k)
      reduced.emplace_back(job_.context, DType::i64,
                           point.axes.at(static_cast<int>(job_.emit.shape().outer.size() + k)));
    Carry next = job_.emit.ops(node).accumulate(carry, x, reduced);
    if (inside == nullptr) return next;
    for (std::size_t v = 0; v < next.size(); ++v)
      next[v] = select(LlvmValue(job_.context, DType::i1, inside), next[v], carry[v]);
    return next;
  }

  KernelJob& job_;
  std::span<const NodeId> anchors_;
  std::span<Point> points_;
  ChunkWalk walk_;
  Carries identity_;
};

/// The anchors in the order in which they can be reduced, those together that need none of each other.
std::vector<std::vector<NodeId>> visits_of(const ir::Graph& body, const ir::KernelShape& shape) {
  const std::vector<std::size_t> depths = anchor_depths(body, shape.anchors);
  std::vector<std::vector<NodeId>> visits;
  for (const NodeId anchor : shape.anchors) {
    visits.resize(std::max(visits.size(), depths[anchor]));
    visits[depths[anchor] - 1].push_back(anchor);
  }
  std::erase_if(visits, [](const std::vector<NodeId>& visit) { return visit.empty(); });
  return visits;
}

AxisSplit columns_of(const ir::Graph& body, const ir::KernelShape& shape) {
  return split_axes(body, shape, 0, static_cast<int>(shape.outer.size()));
}

/// A vector of values, whatever their type.
std::int64_t kept_vector_bytes(const ir::Schedule& schedule) { return schedule.lanes * 8; }

class SharedColumns {
 public:
  explicit SharedColumns(KernelJob& job)
      : job_(job),
        anchors_(job.emit.shape().anchors),
        split_(columns_of(job.emit.body(), job.emit.shape())),
        walk_(job.emit.shape().inner),
        vectors_(block_count(split_.group_extent, job.schedule.lanes, 1)) {
    for (const int k : split_.loops) job_.root.axes[k] = job_.i64(0);
  }

  void run() {
    in_phases(job_, [&] { keep_chunks(); }, [&] { combine_chunks(); });
  }

 private:
  void keep_chunks() {
    emit_loop(job_.builder(), job_.share_begin(walk_.count()), job_.share_end(walk_.count()), 1,
              [&](llvm::Value* number, llvm::Instruction* entry) { keep_chunk(number, entry); });
  }

  void combine_chunks() {
    llvm::IRBuilder<>& b = job_.builder();
    const auto share = [&](llvm::Value* chunk) {
      return b.CreateUDiv(b.CreateNSWMul(chunk, job_.i64(vectors_)), job_.i64(walk_.count()));
    };
    const std::vector<std::size_t> outputs = all_outputs(job_);
    llvm::Value* begin = share(job_.share_begin(walk_.count()));
    llvm::Value* end = share(job_.share_end(walk_.count()));
    sweep(1, begin, end, job_.root, [&](std::span<Point> points) {
      Chains chains(job_, anchors_, points);
      chains.finish(combined(chains, points));
      for (Point& p : points) job_.emit.store_outputs(outputs, p);
    });
  }

  void sweep(std::int64_t unroll, llvm::Value* begin, llvm::Value* end, Point& parent,
             const std::function<void(std::span<Point>)>& body) {
    sweep_vectors(
        job_, split_.group_extent, unroll, begin, end, parent, [&](Point& p) { p.group = split_.group; }, body);
  }

  /// The sums of a chunk, for all columns.
  void keep_chunk(llvm::Value* number, llvm::Instruction* entry) {
    const auto [begin, end] = walk_.bounds(job_, number);
    Point region;
    region.parent = &job_.root;
    region.entry = entry;
    const std::int64_t unroll = job_.schedule.unroll;
    const std::int64_t blocks = block_count(split_.group_extent, job_.schedule.lanes, unroll);
    sweep(unroll, job_.i64(0), job_.i64(blocks), region, [&](std::span<Point> points) {
      Chains chains(job_, anchors_, points);
      const Carries sums = chains.chunk(points, begin, end);
      for (std::size_t p = 0; p < points.size(); ++p) {
        llvm::Value* place = places(number, points[p]);
        std::int64_t value = 0;
        for (std::size_t a = 0; a < anchors_.size(); ++a)
          for (const LlvmValue& v : sums[a * points.size() + p])
            job_.builder().CreateStore(v.value(), at(place, value++));
      }
    });
  }

  /// What all threads kept for the columns at the one point, combined first to last.
  Carries combined(const Chains& chains, std::span<Point> points) {
    const std::vector<llvm::Type*> types = chains.types();
    const auto load = [&](llvm::Value* number) {
      llvm::Value* place = places(number, points[0]);
      std::vector<llvm::Value*> values;
      for (std::size_t v = 0; v < types.size(); ++v)
        values.push_back(job_.builder().CreateLoad(types[v], at(place, static_cast<std::int64_t>(v))));
      return values;
    };
    return chains.unpack(
        emit_loop(job_.builder(), job_.i64(1), job_.i64(walk_.count()), 1, load(job_.i64(0)),
                  [&](llvm::Value* number, const std::vector<llvm::Value*>& carried, llvm::Instruction*) {
                    const Carries sums = chains.unpack(load(number));
                    return Chains::pack(chains.combine(chains.unpack(carried), sums));
                  }));
  }

  /// Where the sums of a chunk lie, for the columns at a point.
  llvm::Value* places(llvm::Value* chunk, const Point& point) const {
    llvm::IRBuilder<>& b = job_.builder();
    llvm::Value* vector = b.CreateUDiv(point.counter, job_.i64(job_.schedule.lanes));
    llvm::Value* number = b.CreateNSWAdd(b.CreateNSWMul(chunk, job_.i64(vectors_)), vector);
    return at(job_.exchange, b.CreateNSWMul(number, job_.i64(values())));
  }
  llvm::Value* at(llvm::Value* memory, llvm::Value* vector) const {
    llvm::IRBuilder<>& b = job_.builder();
    return b.CreateGEP(b.getInt8Ty(), memory, b.CreateNSWMul(vector, job_.i64(kept_vector_bytes(job_.schedule))));
  }
  llvm::Value* at(llvm::Value* memory, std::int64_t vector) const { return at(memory, job_.i64(vector)); }
  std::int64_t values() const { return carried_values(job_.emit.body(), anchors_); }

  KernelJob& job_;
  std::span<const NodeId> anchors_;
  AxisSplit split_;
  ChunkWalk walk_;
  std::int64_t vectors_;
};

}  // namespace

bool shares_chunks(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  constexpr std::int64_t least_chunks = 4;  // fewer are not worth meeting for,
  constexpr std::int64_t most_blocks = 8;   // and many columns are shared as they are
  if (!kernel.schedule.parallel || shape.form != ir::KernelForm::column) return false;
  if (kernel.schedule.strips > 1) return kernel.schedule.strip_terms;
  const AxisSplit split = columns_of(*kernel.body, shape);
  const bool one_group =
      std::ranges::all_of(split.loops, [&](int k) { return shape.outer[static_cast<std::size_t>(k)] == 1; });
  return one_group && !split.group.empty() && column_chunks(shape) >= least_chunks &&
         block_count(split.group_extent, kernel.schedule.lanes, kernel.schedule.unroll) < most_blocks &&
         visits_of(*kernel.body, shape).size() == 1;
}

std::int64_t column_chunks(const ir::KernelShape& shape) { return ir::ChainChunks(shape.inner).count(); }

std::int64_t column_kept_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const std::int64_t vectors = block_count(columns_of(*kernel.body, shape).group_extent, kernel.schedule.lanes, 1);
  return column_chunks(shape) * vectors * carried_values(*kernel.body, shape.anchors) *
         kept_vector_bytes(kernel.schedule);
}

void emit_column(KernelJob& job) {
  if (shares_chunks(job.emit.kernel(), job.emit.shape())) return SharedColumns(job).run();
  const std::vector<std::size_t> outputs = all_outputs(job);
  over_outer(job, false, [&](std::span<Point> points) {
    for (const std::vector<NodeId>& anchors : visits_of(job.emit.body(), job.emit.shape())) {
      Chains chains(job, anchors, points);
      chains.finish(chains.all());
    }
    for (Point& p : points) job.emit.store_outputs(outputs, p);
  });
}

}  // namespace sinter::runtime
