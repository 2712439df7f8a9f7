#pragma once
// Evaluates a kernel body on demand inside a loop nest: ask for a value at an index and the instructions appear at the
// right depth. Knows index maps and bodies, never ops.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sinter/ir/affine.h>
#include <sinter/ir/evaluate.h>
#include <sinter/ir/kernel.h>
#include <sinter/ir/program.h>
#include "llvm_value.h"

namespace sinter::runtime {

/// One index of a tensor: affine over the kernel's axes, or an i64 computed at run time (scalar, or one per lane). A
/// flat element number may be the sum of both, the value then being a scalar: lanes stay neighbours where only a
/// coordinate further out is computed.
struct LiveIndex {
  std::optional<ir::Affine> affine;
  llvm::Value* value = nullptr;

  bool is_affine() const { return affine && value == nullptr; }
};

/// An index of a tensor. An entry with neither affine nor value is found from the flat number when it is needed.
struct LiveIndices : std::vector<LiveIndex> {
  using std::vector<LiveIndex>::vector;
  std::optional<LiveIndex> flat;  // row-major element number, where known
};

/// Axes, the outermost first, whose numbers are the digits of one number.
struct FlatAxes {
  std::vector<int> axes;
  llvm::Value* number = nullptr;  // a scalar i64
};

/// Which cache a prefetch fills: the first for what is used at once, the second for what would not stay in the first.
/// The values are LLVM's locality hints.
enum class CacheLevel : std::uint32_t { second = 2, first = 3 };

/// Asks for the line at `address`, which need not exist.
void emit_prefetch(llvm::IRBuilder<>& b, llvm::Value* address, bool for_writing, CacheLevel level);

/// Where the loop nest stands. Points nest as loops do; a value that does not vary at a point is computed at its
/// parent, in front of the instruction through which the point is entered.
struct Point {
  Point* parent = nullptr;
  llvm::Instruction* entry = nullptr;      // in the parent's region; null: straight-line code of that same region
  std::map<int, llvm::Value*> axes;        // i64 numbers of the axes set here: scalar, or one per lane
  std::vector<FlatAxes> flat;              // of axes set here: addresses that see them as one need no digits
  std::vector<int> group;                  // consecutive axes counted together by the vector
  llvm::Value* counter = nullptr;          // number of the group's first lane, a scalar i64
  llvm::Value* mask = nullptr;             // lanes that exist; null: all
  std::map<ir::Value, LlvmValue> anchors;  // results of reductions and contractions, once they are known
  std::map<std::string, LlvmValue> memo;

  llvm::Value* axis(int k) const;
  /// The results of anchor `node` at this point.
  void finish(ir::NodeId node, std::span<const LlvmValue> results);
};

class BodyEmitter {
 public:
  /// `pointers`: one per kernel input, then one per output.
  BodyEmitter(const EmitContext& context, const ir::Kernel& kernel, const ir::KernelShape& shape,
              std::vector<llvm::Value*> pointers, bool checked);

  const EmitContext& context() const { return context_; }
  const ir::Kernel& kernel() const { return kernel_; }
  const ir::Graph& body() const { return *kernel_.body; }
  const ir::KernelShape& shape() const { return shape_; }
  /// The address of an input, or behind them of an output.
  llvm::Value* pointer(std::size_t parameter) const { return pointers_[parameter]; }
  const ir::NodeBody<LlvmValue>& ops(ir::NodeId node) const { return bodies_[node]; }

  /// The value at an index.
  LlvmValue evaluate(ir::Value value, const LiveIndices& index, Point& point);
  /// What scalar sees of read `k` of `node` whose axes are `axes`.
  LlvmValue evaluate_read(ir::NodeId node, std::size_t k, const LiveIndices& axes, Point& point);
  /// The same where the read may be absent: `inside` receives the condition under which it is there (null: always). The
  /// value is of no use elsewhere.
  LlvmValue evaluate_read(ir::NodeId node, std::size_t k, const LiveIndices& axes, Point& point, llvm::Value*& inside);
  /// Fetches what read `k` of anchor `node` will need at the point into the cache, where ir::operand_read knows the
  /// place. The point may lie outside the operand.
  void prefetch(ir::NodeId node, std::size_t k, Point& point, CacheLevel level = CacheLevel::first);
  /// The same for element number `element` of an input of the body.
  void prefetch(std::size_t input, const ir::Affine& element, Point& point, CacheLevel level = CacheLevel::first);
  /// Fetches what the outputs at the point read beside the anchor, and the places that they write.
  void prefetch_outputs(Point& point, CacheLevel level = CacheLevel::first);
  /// From now on code is emitted for points of `axis` in [begin, end) only: reads that exist at all of them, or at
  /// none, need no guard.
  void restrict_axis(int axis, std::int64_t begin, std::int64_t end);
  /// The form reads operands of `node` only where they are present: no guards.
  void trust_reads(ir::NodeId node) { trusted_ = node; }
  /// Coordinates of flat element `address` in a tensor of `shape`.
  LiveIndices index_of(const LiveIndex& address, const ir::Shape& shape) const;
  /// Axes of anchor `node`: its parallel axes at the outer point, then the inner axes.
  LiveIndices anchor_axes(ir::NodeId node, Point& point);
  /// Evaluates the given outputs at the point, then stores them all (so that in-place writes come after every read).
  void store_outputs(std::span<const std::size_t> outputs, Point& point);
  /// Index of output `k` at the point.
  LiveIndices output_index(std::size_t k) const;

  /// A number over the axes as scalar or vector i64.
  llvm::Value* number(const LiveIndex& index, const Point& point);
  /// Loads and stores element `index` of a pointer; `parameter` counts inputs, then outputs.
  LlvmValue load(std::size_t parameter, DType dtype, std::int64_t elements, const LiveIndex& index, Point& point,
                 llvm::Value* guard);
  void store(std::size_t parameter, const LlvmValue& value, std::int64_t elements, const LiveIndex& index, Point& point,
             llvm::Value* guard = nullptr);
  /// Coordinates of `map` at `axes`; `inside` receives the condition under which the read is present (null: always).
  /// Integer operands that steer the map are only read where `guard` (null: always) holds.
  LiveIndices apply(ir::NodeId node, const ir::IndexMap& map, const LiveIndices& axes, Point& point,
                    const ir::Shape& operand, llvm::Value* guard, llvm::Value*& inside);
  /// Flat element number.
  LiveIndex flatten(const LiveIndices& index, const ir::Shape& shape, const Point& point);
  /// a & b where null means true; splats where needed. Known to be false where one of them is.
  llvm::Value* both(llvm::Value* a, llvm::Value* b) const;
  const ir::Space& space(ir::NodeId node) const { return spaces_[node]; }
  std::size_t input_position(ir::NodeId node) const;

 private:
  void prefetch_parameter(std::size_t parameter, ir::DType dtype, const ir::Affine& element, Point& point,
                          bool for_writing, CacheLevel level = CacheLevel::first);
  struct Address {
    llvm::Value* uniform = nullptr;  // scalar i64
    std::int64_t lane_stride = 0;    // element distance between lanes
    llvm::Value* varying = nullptr;  // vector i64 with everything, when lanes are not evenly spaced
  };
  /// The distance between neighbours of axes that the index sees as one; 0 when it does not.
  std::int64_t flat_scale(const ir::Affine& index, const FlatAxes& flat) const;
  /// Adds what an index gets from axes that are digits of one number to `sum`; takes them out of `rest`.
  llvm::Value* add_flat(llvm::Value* sum, ir::Affine& rest, const Point& point) const;
  Address address(const LiveIndex& index, const Point& point);
  /// Fills in what is only known through the flat number.
  LiveIndices resolved(LiveIndices index, const ir::Shape& shape, const Point& point);
  LlvmValue compute(ir::Value value, const LiveIndices& index, Point& point, llvm::Value* guard);
  LlvmValue evaluate_guarded(ir::Value value, const LiveIndices& index, Point& point, llvm::Value* guard);
  LlvmValue compute_node(ir::NodeId node, const LiveIndices& index, Point& point, llvm::Value* guard);
  LlvmValue movement(ir::NodeId node, const LiveIndices& index, Point& point, llvm::Value* guard);
  LlvmValue read_operand(ir::NodeId node, std::size_t k, const LiveIndices& axes, Point& point, llvm::Value* guard,
                         llvm::Value*& inside);
  LiveIndex apply(ir::NodeId node, const ir::Coordinate& c, const LiveIndices& axes, Point& point, std::int64_t extent,
                  bool safe, llvm::Value* guard, llvm::Value*& inside);
  llvm::Value* runtime_coordinate(ir::NodeId node, const ir::Coordinate& c, const LiveIndices& axes, Point& point,
                                  llvm::Value* guard, llvm::Value*& inside);
  Point* hoisted(ir::Value value, const LiveIndices& index, Point& point) const;
  std::string key(ir::Value value, const LiveIndices& index, llvm::Value* guard) const;
  LlvmValue fill(ir::NodeId node) const;
  /// Smallest and largest value at the points for which code is emitted.
  ir::CoordinateRange range_of(const ir::Affine& index) const;
  llvm::Value* add(llvm::Value* a, llvm::Value* b) const;
  llvm::Value* scaled(llvm::Value* a, std::int64_t factor) const;
  llvm::Value* vector_address(const Address& a) const;

  const EmitContext& context_;
  const ir::Kernel& kernel_;
  const ir::KernelShape& shape_;
  std::vector<llvm::Value*> pointers_;
  bool checked_;
  ir::Ints extents_;
  std::map<int, ir::CoordinateRange> restricted_;  // axes of which only a part is emitted
  ir::Affine outer_number_;
  std::vector<ir::NodeId> inputs_;
  std::vector<ir::NodeBody<LlvmValue>> bodies_;
  std::vector<ir::Space> spaces_;
  std::optional<ir::NodeId> trusted_;
  std::vector<bool> needs_anchor_;
  std::vector<bool> relabels_;  // views: the operand's element number is the result's
};

}  // namespace sinter::runtime
