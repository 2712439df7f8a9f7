// Row form: for each outer point, sweeps along the row. Reductions in lanes order first, in the order of the body, then
// the outputs; everything that is needed only once per row stays scalar.

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/sum_order.h>
#include "kernel_forms.h"

namespace sinter::runtime {

using ir::NodeId;

namespace {

using Carry = std::vector<LlvmValue>;

class RowEmitter {
 public:
  RowEmitter(KernelJob& job, Point& row)
      : job_(job),
        row_(row),
        total_(ir::Shape(job.emit.shape().inner).elements()),
        split_(split_axes(job.emit.body(), job.emit.shape(), static_cast<int>(job.emit.shape().outer.size()),
                          static_cast<int>(job.emit.shape().extents().size()))) {}

  void run() {
    for (const NodeId anchor : job_.emit.shape().anchors) {
      const Carry carry = reduce(anchor);
      const DType result = job_.emit.body().node(anchor).results[0].dtype;
      row_.finish(anchor, job_.emit.ops(anchor).finish(carry, result));
    }
    write();
  }

 private:
  const EmitContext& context() const { return job_.context; }

  /// Sets the inner axes of a vector point.
  void place(Point& p) {
    if (split_.group_extent == total_) {
      p.group = split_.group;
      for (const int k : split_.loops) p.axes[k] = job_.i64(0);
    } else {
      place_inner(job_, context().lane_indices(p.counter), p);
    }
  }

  Point vector_point(llvm::Value* first, std::int64_t present, llvm::Instruction* entry) {
    Point p;
    p.parent = &row_;
    p.entry = entry;
    p.counter = first;
    if (present < context().lanes) p.mask = context().lane_mask(job_.i64(present));
    place(p);
    return p;
  }

  /// Adds the vector of terms that starts at element `first` to one carry.
  Carry add(NodeId node, const Carry& carry, llvm::Value* first, std::int64_t present, llvm::Instruction* entry) {
    Point p = vector_point(first, present, entry);
    const LiveIndices axes = job_.emit.anchor_axes(node, p);
    std::vector<LlvmValue> x;
    for (std::size_t k = 0; k < job_.emit.space(node).reads.size(); ++k)
      x.push_back(job_.emit.evaluate_read(node, k, axes, p));
    std::vector<LlvmValue> reduced;
    const std::size_t outer = job_.emit.shape().outer.size();
    for (std::size_t k = 0; k < job_.emit.shape().inner.size(); ++k)
      reduced.emplace_back(context(), DType::i64,
                           job_.emit.number({ir::Affine::axis(static_cast<int>(outer + k)), nullptr}, p));
    Carry next = job_.emit.ops(node).accumulate(carry, x, reduced);
    for (std::size_t v = 0; v < next.size(); ++v) {
      next[v] = splat(next[v]);
      if (p.mask != nullptr) next[v] = select(LlvmValue(context(), DType::i1, p.mask), next[v], carry[v]);
    }
    return next;
  }

  Carry identity(NodeId node) const {
    const ir::Node& n = job_.emit.body().node(node);
    Carry carry;
    for (const LlvmValue& v :
         job_.emit.ops(node).identity(integer(context(), job_.emit.body().type(n.operands[0]).dtype, 0)))
      carry.push_back(splat(opaque_one(v)));
    return carry;
  }

  /// One chunk of `terms` terms from element `begin`: 64 lanes, then the tree.
  Carry chunk(NodeId node, llvm::Value* begin, std::int64_t terms) {
    llvm::IRBuilder<>& b = job_.builder();
    const std::int64_t lanes = context().lanes;
    const std::int64_t vectors = ir::lane_count / lanes;
    const std::int64_t full = terms / ir::lane_count;
    const std::int64_t rest = terms - full * ir::lane_count;
    const std::int64_t used = full > 0 ? vectors : (rest + lanes - 1) / lanes;
    const Carry start = identity(node);
    std::vector<Carry> carries(static_cast<std::size_t>(used), start);
    if (full > 0) {
      const auto flat = [](const std::vector<Carry>& all) {
        std::vector<llvm::Value*> values;
        for (const Carry& c : all)
          for (const LlvmValue& v : c) values.push_back(v.value());
        return values;
      };
      const auto rebuilt = [&](std::span<llvm::Value* const> values) {
        std::vector<Carry> all;
        std::size_t next = 0;
        for (std::int64_t q = 0; q < used; ++q) {
          all.emplace_back();
          for (const LlvmValue& v : start) all.back().emplace_back(context(), v.dtype(), values[next++]);
        }
        return all;
      };
      carries = rebuilt(emit_loop(
          b, job_.i64(0), job_.i64(full), 1, flat(carries),
          [&](llvm::Value* block, std::vector<llvm::Value*> carried, llvm::Instruction* entry) {
            std::vector<Carry> all = rebuilt(carried);
            llvm::Value* first = b.CreateNSWAdd(begin, b.CreateNSWMul(block, job_.i64(ir::lane_count)));
            for (std::int64_t q = 0; q < used; ++q)
              all[static_cast<std::size_t>(q)] =
                  add(node, all[static_cast<std::size_t>(q)], b.CreateNSWAdd(first, job_.i64(q * lanes)), lanes, entry);
            return flat(all);
          }));
    }
    for (std::int64_t q = 0; q * lanes < rest; ++q) {
      llvm::Value* first = b.CreateNSWAdd(begin, job_.i64(full * ir::lane_count + q * lanes));
      carries[static_cast<std::size_t>(q)] =
          add(node, carries[static_cast<std::size_t>(q)], first, rest - q * lanes, nullptr);
    }
    return tree(node, std::move(carries));
  }

  /// lane[i] = combine(lane[i], lane[i + width]), halving. Lanes that no term reached hold the identity, which is
  /// neutral, so whole vectors of them are left out.
  Carry tree(NodeId node, std::vector<Carry> carries) {
    const auto& combine = job_.emit.ops(node).combine;
    const auto used = static_cast<std::int64_t>(carries.size());
    for (std::int64_t width = ir::lane_count / context().lanes / 2; width > 0; width /= 2)
      for (std::int64_t i = 0; i < width; ++i)
        if (i + width < used)
          carries[static_cast<std::size_t>(i)] =
              combine(carries[static_cast<std::size_t>(i)], carries[static_cast<std::size_t>(i + width)]);
    Carry carry = carries.empty() ? identity(node) : carries[0];
    for (int width = context().lanes / 2; width > 1; width /= 2) {
      Carry upper;
      for (const LlvmValue& v : carry) upper.emplace_back(context(), v.dtype(), shifted(v.value(), width));
      carry = combine(carry, upper);
    }
    if (context().lanes == 1) return carry;
    // The last step is one of scalars. (LLVM 22 gets a vector step whose lane 0 alone is used wrong: argmax of f64.)
    const auto lane = [&](std::uint64_t number) {
      Carry one;
      for (const LlvmValue& v : carry)
        one.emplace_back(context(), v.dtype(), job_.builder().CreateExtractElement(v.value(), number));
      return one;
    };
    return combine(lane(0), lane(1));
  }

  /// Lane i takes what lane i + width holds.
  llvm::Value* shifted(llvm::Value* v, int width) const {
    llvm::SmallVector<int, 64> order;
    for (int k = 0; k < context().lanes; ++k) order.push_back(k + width < context().lanes ? k + width : k);
    return job_.builder().CreateShuffleVector(v, order);
  }

  Carry reduce(NodeId node) {
    const std::int64_t full = total_ / ir::lanes_chunk;
    const std::int64_t rest = total_ - full * ir::lanes_chunk;
    if (full == 0) return chunk(node, job_.i64(0), rest);
    llvm::IRBuilder<>& b = job_.builder();
    Carry sum = chunk(node, job_.i64(0), ir::lanes_chunk);
    std::vector<llvm::Value*> initial;
    for (const LlvmValue& v : sum) initial.push_back(v.value());
    const std::vector<llvm::Value*> last =
        emit_loop(b, job_.i64(1), job_.i64(full), 1, initial,
                  [&](llvm::Value* number, std::vector<llvm::Value*> carried, llvm::Instruction*) {
                    Carry before;
                    for (std::size_t v = 0; v < carried.size(); ++v)
                      before.emplace_back(context(), sum[v].dtype(), carried[v]);
                    std::vector<llvm::Value*> next;
                    for (const LlvmValue& v : job_.emit.ops(node).combine(
                             before, chunk(node, b.CreateNSWMul(number, job_.i64(ir::lanes_chunk)), ir::lanes_chunk)))
                      next.push_back(v.value());
                    return next;
                  });
    for (std::size_t v = 0; v < sum.size(); ++v) sum[v] = LlvmValue(context(), sum[v].dtype(), last[v]);
    if (rest > 0) sum = job_.emit.ops(node).combine(sum, chunk(node, job_.i64(full * ir::lanes_chunk), rest));
    return sum;
  }

  /// Values of the row are computed before anything is stored: an output may lie over an input.
  void write() {
    const ir::Graph& body = job_.emit.body();
    std::vector<std::size_t> full;
    std::vector<std::pair<std::size_t, LlvmValue>> single;
    for (std::size_t k = 0; k < body.outputs().size(); ++k) {
      if (job_.emit.shape().output_is_full[k])
        full.push_back(k);
      else
        single.emplace_back(k, job_.emit.evaluate(body.outputs()[k].value, job_.emit.output_index(k), row_));
    }
    if (!full.empty()) {
      const std::int64_t blocks = block_count(total_, context().lanes, job_.schedule.unroll);
      sweep_vectors(
          job_, total_, job_.schedule.unroll, job_.i64(0), job_.i64(blocks), row_, [&](Point& p) { place(p); },
          [&](std::span<Point> vectors) {
            for (Point& p : vectors) job_.emit.store_outputs(full, p);
          });
    }
    const std::size_t inputs = body.inputs().size();
    for (const auto& [k, value] : single)
      job_.emit.store(inputs + k, value, body.type(body.outputs()[k].value).elements(),
                      {job_.emit.shape().output_addresses[k], nullptr}, row_);
  }

  KernelJob& job_;
  Point& row_;
  std::int64_t total_;
  AxisSplit split_;
};

}  // namespace

void emit_row(KernelJob& job) {
  std::vector<int> axes;
  for (std::size_t k = 0; k < job.emit.shape().outer.size(); ++k) {
    if (job.emit.shape().outer[k] == 1)
      job.root.axes[static_cast<int>(k)] = job.i64(0);
    else
      axes.push_back(static_cast<int>(k));
  }
  loop_axes(job, axes, !axes.empty(), job.root, [&](Point& row) {
    Point inside;  // a point of its own, so that the results of reductions belong to one row
    inside.parent = &row;
    RowEmitter(job, inside).run();
  });
}

}  // namespace sinter::runtime
