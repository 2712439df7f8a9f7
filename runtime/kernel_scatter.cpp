// Scatter form: the operand is copied, then the updates are combined into it one after the other in row-major order.
// Vectors run along the updates' innermost axis where it is the result's innermost axis too; lanes then never meet.

#include <sinter/ir/error.h>
#include "kernel_forms.h"

namespace sinter::runtime {

using ir::Affine;
using ir::NodeId;

namespace {

class ScatterEmitter {
 public:
  explicit ScatterEmitter(KernelJob& job)
      : job_(job),
        node_(job.emit.shape().anchors.front()),
        space_(job.emit.space(node_)),
        type_(job.emit.body().node(node_).results[0]),
        output_(job.emit.body().inputs().size()) {}

  void run() {
    copy();
    if (ir::Shape(space_.parallel).elements() > 0) update();
  }

 private:
  const EmitContext& context() const { return job_.context; }

  /// result = first operand, element by element. The result's axes are numbered after the updates' axes here.
  void copy() {
    const ir::Value operand = job_.emit.body().node(node_).operands[0];
    llvm::IRBuilder<>& b = job_.builder();
    emit_loop(b, job_.i64(0), job_.i64(type_.elements()), 1, [&](llvm::Value* flat, llvm::Instruction* entry) {
      Point p;
      p.parent = &job_.root;
      p.entry = entry;
      LiveIndices index;
      const ir::Ints strides = type_.shape.strides();
      for (int k = 0; k < type_.rank(); ++k) {
        llvm::Value* digit = b.CreateUDiv(flat, job_.i64(strides[static_cast<std::size_t>(k)]));
        index.push_back({std::nullopt, b.CreateURem(digit, job_.i64(type_.shape[k]))});
      }
      job_.emit.store(output_, job_.emit.evaluate(operand, index, p), type_.elements(), {std::nullopt, flat}, p);
    });
  }

  /// The last axis moves through neighbouring elements of the result and steers no lookup.
  bool last_axis_is_vector() const {
    const int last = static_cast<int>(space_.parallel.size()) - 1;
    if (last < 0 || space_.parallel[static_cast<std::size_t>(last)] < 2 || type_.rank() == 0) return false;
    const auto& coordinates = space_.write->coordinates;
    for (std::size_t k = 0; k < coordinates.size(); ++k) {
      const ir::Coordinate& c = coordinates[k];
      if (c.indirect)
        for (const ir::Coordinate& i : c.indirect->map->coordinates)
          if (i.scale_of(last) != 0) return false;
      const std::int64_t wanted = k + 1 == coordinates.size() ? 1 : 0;
      if (c.scale_of(last) != wanted || c.divisor != 1 || c.modulus != 0) return false;
    }
    return true;
  }

  void update() {
    const int axes = static_cast<int>(space_.parallel.size());
    const bool vector = last_axis_is_vector();
    std::vector<int> loops;
    for (int k = 0; k < axes - (vector ? 1 : 0); ++k) loops.push_back(k);
    loop_axes(job_, loops, false, job_.root, [&](Point& at) {
      if (!vector) return add_at(at);
      const std::int64_t extent = space_.parallel.back();
      const auto place = [&](Point& p) { p.group = {axes - 1}; };
      sweep_vectors(job_, extent, 1, job_.i64(0), job_.i64(block_count(extent, context().lanes, 1)), at, place,
                    [&](std::span<Point> points) {
                      for (Point& p : points) add_at(p);
                    });
    });
  }

  void add_at(Point& p) {
    LiveIndices axes;
    for (std::size_t k = 0; k < space_.parallel.size(); ++k)
      axes.push_back({Affine::axis(static_cast<int>(k)), nullptr});
    llvm::Value* inside = nullptr;
    const LiveIndices where = job_.emit.apply(node_, *space_.write, axes, p, type_.shape, nullptr, inside);
    const LiveIndex flat = job_.emit.flatten(where, type_.shape, p);
    // Outside, nothing is touched: the old value is read, and the new one written, under the same condition.
    std::vector<LlvmValue> x = {job_.emit.load(output_, type_.dtype, type_.elements(), flat, p, inside)};
    for (std::size_t k = 1; k < space_.reads.size(); ++k) x.push_back(job_.emit.evaluate_read(node_, k, axes, p));
    job_.emit.store(output_, job_.emit.ops(node_).scalar(x, {}), type_.elements(), flat, p, inside);
  }

  KernelJob& job_;
  NodeId node_;
  const ir::Space& space_;
  const ir::TensorType& type_;
  std::size_t output_;
};

}  // namespace

void emit_scatter(KernelJob& job) { ScatterEmitter(job).run(); }

}  // namespace sinter::runtime
