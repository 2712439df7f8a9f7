// Row form: for each outer point, sweeps along the row. Reductions in lanes order first, in the order of the body, then
// the outputs; everything that is needed only once per row stays scalar. Reductions that need none of each other share
// a sweep, and so do outputs that need none of them: a loss and its gradient are one visit to the data. A single long
// row is shared between threads by the pieces of its sums (ir/sum_order.h).

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/sum_order.h>
#include "kernel_forms.h"

namespace sinter::runtime {

using ir::NodeId;

namespace {

using Carry = std::vector<LlvmValue>;
using Carries = std::vector<Carry>;  // of the reductions of one sweep

/// One visit to the row.
struct Sweep {
  std::vector<NodeId> anchors;       // reductions that need none of each other
  std::vector<std::size_t> outputs;  // that need none of them either
};

struct RowPlan {
  std::vector<Sweep> sweeps;
  std::vector<std::size_t> late;  // outputs of one element per term that are left to a sweep of their own
};

/// An output in place is written last: until then the row's other sweeps may read what it writes over.
bool is_in_place(const ir::Kernel& kernel, std::size_t output) {
  return std::find(kernel.inputs.begin(), kernel.inputs.end(), kernel.outputs[output]) != kernel.inputs.end();
}

RowPlan plan_row(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  const std::vector<std::size_t> depths = anchor_depths(*kernel.body, shape.anchors);
  RowPlan plan;
  for (const NodeId anchor : shape.anchors) {
    plan.sweeps.resize(std::max(plan.sweeps.size(), depths[anchor]));
    plan.sweeps[depths[anchor] - 1].anchors.push_back(anchor);
  }
  for (std::size_t k = 0; k < kernel.outputs.size(); ++k) {
    if (!shape.output_is_full[k]) continue;
    const std::size_t depth = depths[kernel.body->outputs()[k].value.node];
    const bool early = depth < plan.sweeps.size() && !is_in_place(kernel, k);
    (early ? plan.sweeps[depth].outputs : plan.late).push_back(k);
  }
  return plan;
}

std::int64_t terms_of(const ir::KernelShape& shape) { return ir::Shape(shape.inner).elements(); }
std::int64_t piece_count(std::int64_t terms) { return (terms + ir::lanes_chunk - 1) / ir::lanes_chunk; }

/// What a reduction carries, while its pieces wait to be combined: a place of 8 bytes for each value.
constexpr std::int64_t kept_bytes = 8;

class RowEmitter {
 public:
  RowEmitter(KernelJob& job, Point& row)
      : job_(job),
        row_(row),
        total_(terms_of(job.emit.shape())),
        plan_(plan_row(job.emit.kernel(), job.emit.shape())),
        split_(split_axes(job.emit.body(), job.emit.shape(), static_cast<int>(job.emit.shape().outer.size()),
                          static_cast<int>(job.emit.shape().extents().size()))) {}

  void run() {
    for (const Sweep& sweep : plan_.sweeps) finish(sweep, reduce(sweep));
    const Singles singles = evaluate_singles();
    write_late(job_.i64(0), job_.i64(late_blocks()));
    store(singles, row_);
  }

  /// The same for a single row whose pieces [begin, end) are this thread's.
  void run_shared() {
    std::int64_t kept = 0;  // values per sweep follow each other in the exchanged part
    for (const Sweep& sweep : plan_.sweeps) {
      const std::int64_t width = reduce_share(sweep, kept);
      meet(job_);
      finish(sweep, combined(sweep, kept, width));
      kept += width * piece_count(total_);
    }
    const Singles singles = evaluate_singles();
    llvm::IRBuilder<>& b = job_.builder();
    const auto block = [&](llvm::Value* piece) {
      return b.CreateUDiv(b.CreateNUWMul(piece, job_.i64(late_blocks())), job_.i64(piece_count(total_)));
    };
    write_late(block(job_.begin), block(job_.end));
    if (singles.empty()) return;
    // The other threads may still read what is written over.
    if (std::any_of(singles.begin(), singles.end(),
                    [&](const auto& single) { return is_in_place(job_.emit.kernel(), single.first); }))
      meet(job_);
    emit_if(b, b.CreateICmpEQ(job_.end, job_.i64(piece_count(total_))), [&](llvm::Instruction* entry) {
      Point last_thread;
      last_thread.parent = &row_;
      last_thread.entry = entry;
      store(singles, last_thread);
    });
  }

 private:
  using Singles = std::vector<std::pair<std::size_t, LlvmValue>>;

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

  /// The vector of terms that starts at element `first`.
  Point vector_point(Point& region, llvm::Value* first, std::int64_t present, llvm::Instruction* entry) {
    Point p;
    p.parent = &region;
    p.entry = entry;
    p.counter = first;
    if (present < context().lanes) p.mask = context().lane_mask(job_.i64(present));
    place(p);
    return p;
  }

  /// Adds the terms at `p` to one carry.
  Carry add(NodeId node, const Carry& carry, Point& p) {
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

  /// Carries as loop-carried LLVM values and back.
  static std::vector<llvm::Value*> values_of(const Carries& carries) {
    std::vector<llvm::Value*> values;
    for (const Carry& carry : carries)
      for (const LlvmValue& v : carry) values.push_back(v.value());
    return values;
  }
  Carries carries_of(const Carries& like, std::span<llvm::Value* const> values) const {
    Carries carries;
    std::size_t next = 0;
    for (const Carry& carry : like) {
      carries.emplace_back();
      for (const LlvmValue& v : carry) carries.back().emplace_back(context(), v.dtype(), values[next++]);
    }
    return carries;
  }

  /// Takes the vector at `p`, number `q` of its block, into every reduction's carry (`used` per reduction), and writes
  /// the outputs of the sweep there.
  void visit(const Sweep& sweep, Carries& carries, std::size_t q, std::size_t used, Point p) {
    for (std::size_t a = 0; a < sweep.anchors.size(); ++a)
      carries[a * used + q] = add(sweep.anchors[a], carries[a * used + q], p);
    job_.emit.store_outputs(sweep.outputs, p);
  }

  /// One piece of `terms` terms from element `begin`: 64 lanes, then the tree. `region` surrounds the code.
  Carries piece(const Sweep& sweep, Point& region, llvm::Value* begin, std::int64_t terms) {
    llvm::IRBuilder<>& b = job_.builder();
    const std::int64_t lanes = context().lanes;
    const std::int64_t full = terms / ir::lane_count;
    const std::int64_t rest = terms - full * ir::lane_count;
    const auto used = static_cast<std::size_t>(full > 0 ? ir::lane_count / lanes : (rest + lanes - 1) / lanes);
    Carries carries;
    for (const NodeId anchor : sweep.anchors) carries.insert(carries.end(), used, identity(anchor));
    const auto visit_vectors = [&](Carries& into, llvm::Value* first, std::int64_t present, llvm::Instruction* entry) {
      for (std::int64_t q = 0; q * lanes < present; ++q)
        visit(sweep, into, static_cast<std::size_t>(q), used,
              vector_point(region, b.CreateNSWAdd(first, job_.i64(q * lanes)), present - q * lanes, entry));
    };
    if (full > 0) {
      const auto one_block = [&](llvm::Value* block, const std::vector<llvm::Value*>& carried,
                                 llvm::Instruction* entry) {
        Carries next = carries_of(carries, carried);
        visit_vectors(next, b.CreateNSWAdd(begin, b.CreateNSWMul(block, job_.i64(ir::lane_count))), ir::lane_count,
                      entry);
        return values_of(next);
      };
      carries = carries_of(carries, emit_loop(b, job_.i64(0), job_.i64(full), 1, values_of(carries), one_block));
    }
    visit_vectors(carries, b.CreateNSWAdd(begin, job_.i64(full * ir::lane_count)), rest, nullptr);
    Carries results;
    for (std::size_t a = 0; a < sweep.anchors.size(); ++a) {
      const auto from = carries.begin() + static_cast<std::ptrdiff_t>(a * used);
      results.push_back(tree(sweep.anchors[a], Carries(from, from + static_cast<std::ptrdiff_t>(used))));
    }
    return results;
  }

  /// lane[i] = combine(lane[i], lane[i + width]), halving. Lanes that no term reached hold the identity, which is
  /// neutral, so whole vectors of them are left out.
  Carry tree(NodeId node, Carries carries) {
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

  Carries combine(const Sweep& sweep, const Carries& before, const Carries& next) const {
    Carries result;
    for (std::size_t a = 0; a < sweep.anchors.size(); ++a)
      result.push_back(job_.emit.ops(sweep.anchors[a]).combine(before[a], next[a]));
    return result;
  }

  void finish(const Sweep& sweep, const Carries& carries) {
    for (std::size_t a = 0; a < sweep.anchors.size(); ++a) {
      const NodeId anchor = sweep.anchors[a];
      const DType result = job_.emit.body().node(anchor).results[0].dtype;
      row_.finish(anchor, job_.emit.ops(anchor).finish(carries[a], result));
    }
  }

  /// All pieces, combined left to right as they come.
  Carries reduce(const Sweep& sweep) {
    const std::int64_t full = total_ / ir::lanes_chunk;
    const std::int64_t rest = total_ - full * ir::lanes_chunk;
    if (full == 0) return piece(sweep, row_, job_.i64(0), rest);
    llvm::IRBuilder<>& b = job_.builder();
    Carries sum = piece(sweep, row_, job_.i64(0), ir::lanes_chunk);
    sum = carries_of(sum,
                     emit_loop(b, job_.i64(1), job_.i64(full), 1, values_of(sum),
                               [&](llvm::Value* number, std::vector<llvm::Value*> carried, llvm::Instruction* entry) {
                                 Point region = region_at(entry);
                                 return values_of(combine(sweep, carries_of(sum, carried),
                                                          piece(sweep, region, begin_of(number), ir::lanes_chunk)));
                               }));
    if (rest > 0) sum = combine(sweep, sum, piece(sweep, row_, begin_of(job_.i64(full)), rest));
    return sum;
  }

  llvm::Value* begin_of(llvm::Value* piece) { return job_.builder().CreateNSWMul(piece, job_.i64(ir::lanes_chunk)); }

  Point region_at(llvm::Instruction* entry) {
    Point region;
    region.parent = &row_;
    region.entry = entry;
    return region;
  }

  /// Keeps the carries of each piece of this thread's share. Returns how many values a piece has.
  std::int64_t reduce_share(const Sweep& sweep, std::int64_t kept) {
    llvm::IRBuilder<>& b = job_.builder();
    const std::int64_t full = total_ / ir::lanes_chunk;
    std::int64_t width = 0;
    const auto keep_piece = [&](llvm::Value* number, llvm::Instruction* entry, std::int64_t terms) {
      Point region = region_at(entry);
      const std::vector<llvm::Value*> values = values_of(piece(sweep, region, begin_of(number), terms));
      width = static_cast<std::int64_t>(values.size());
      for (std::size_t v = 0; v < values.size(); ++v) b.CreateStore(values[v], place_of(number, kept, width, v));
    };
    llvm::Value* stop = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, job_.end, job_.i64(full));
    emit_loop(b, job_.begin, stop, 1,
              [&](llvm::Value* number, llvm::Instruction* entry) { keep_piece(number, entry, ir::lanes_chunk); });
    if (const std::int64_t rest = total_ - full * ir::lanes_chunk; rest > 0)
      emit_if(b, b.CreateICmpEQ(job_.end, job_.i64(full + 1)),
              [&](llvm::Instruction* entry) { keep_piece(job_.i64(full), entry, rest); });
    return width;
  }

  llvm::Value* place_of(llvm::Value* piece, std::int64_t kept, std::int64_t width, std::size_t value) {
    llvm::IRBuilder<>& b = job_.builder();
    llvm::Value* number =
        b.CreateNSWAdd(b.CreateNSWMul(piece, job_.i64(width)), job_.i64(kept + static_cast<std::int64_t>(value)));
    return b.CreateGEP(b.getInt8Ty(), job_.exchange, b.CreateNSWMul(number, job_.i64(kept_bytes)));
  }

  /// What all threads kept, combined left to right.
  Carries combined(const Sweep& sweep, std::int64_t kept, std::int64_t width) {
    llvm::IRBuilder<>& b = job_.builder();
    Carries like;  // types of the values
    for (const NodeId anchor : sweep.anchors) {
      like.emplace_back();
      for (const LlvmValue& v : identity(anchor)) like.back().emplace_back(context(), v.dtype(), nullptr);
    }
    const auto load = [&](llvm::Value* number) {
      std::vector<llvm::Value*> values;
      for (const Carry& carry : like)
        for (const LlvmValue& v : carry)
          values.push_back(
              b.CreateLoad(context().register_type(v.dtype()), place_of(number, kept, width, values.size())));
      return carries_of(like, values);
    };
    return carries_of(like, emit_loop(b, job_.i64(1), job_.i64(piece_count(total_)), 1, values_of(load(job_.i64(0))),
                                      [&](llvm::Value* number, std::vector<llvm::Value*> carried, llvm::Instruction*) {
                                        return values_of(combine(sweep, carries_of(like, carried), load(number)));
                                      }));
  }

  /// Values of the row are computed before the last sweep stores anything: an output may lie over an input.
  Singles evaluate_singles() {
    const ir::Graph& body = job_.emit.body();
    Singles singles;
    for (std::size_t k = 0; k < body.outputs().size(); ++k)
      if (!job_.emit.shape().output_is_full[k])
        singles.emplace_back(k, job_.emit.evaluate(body.outputs()[k].value, job_.emit.output_index(k), row_));
    return singles;
  }

  void store(const Singles& singles, Point& point) {
    const ir::Graph& body = job_.emit.body();
    for (const auto& [k, value] : singles)
      job_.emit.store(body.inputs().size() + k, value, body.type(body.outputs()[k].value).elements(),
                      {job_.emit.shape().output_addresses[k], nullptr}, point);
  }

  std::int64_t late_blocks() const { return block_count(total_, context().lanes, job_.schedule.unroll); }

  void write_late(llvm::Value* begin, llvm::Value* end) {
    if (plan_.late.empty()) return;
    sweep_vectors(
        job_, total_, job_.schedule.unroll, begin, end, row_, [&](Point& p) { place(p); },
        [&](std::span<Point> vectors) {
          for (Point& p : vectors) job_.emit.store_outputs(plan_.late, p);
        });
  }

  KernelJob& job_;
  Point& row_;
  std::int64_t total_;
  RowPlan plan_;
  AxisSplit split_;
};

}  // namespace

bool shares_one_row(const ir::Schedule& schedule, const ir::KernelShape& shape) {
  return schedule.parallel && shape.form == ir::KernelForm::row && ir::Shape(shape.outer).elements() == 1 &&
         terms_of(shape) > ir::lanes_chunk;
}

std::int64_t row_pieces(const ir::KernelShape& shape) { return piece_count(terms_of(shape)); }

std::int64_t row_kept_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape) {
  return row_pieces(shape) * carried_values(*kernel.body, shape.anchors) * kept_bytes;
}

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
    RowEmitter emitter(job, inside);
    if (shares_one_row(job.schedule, job.emit.shape()))
      emitter.run_shared();
    else
      emitter.run();
  });
}

}  // namespace sinter::runtime
