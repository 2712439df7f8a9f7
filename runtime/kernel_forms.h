#pragma once
// What the emitters of the kernel forms share.

#include <functional>
#include <vector>

#include <sinter/ir/memory.h>
#include <sinter/ir/sum_order.h>

#include "body_emitter.h"
#include "kernel_codegen.h"
#include "loops.h"

namespace sinter::runtime {

/// What a kernel fetches for those behind it: so many bytes from where the cursor stands at each trip.
struct AheadStream {
  llvm::Value* begin = nullptr;
  std::int64_t bytes = 0;
  llvm::Value* cursor = nullptr;  // in memory
  std::int64_t step = 0;
};

/// One kernel under construction. `root` is the function's entry; begin and end are the share of the outermost loop.
struct KernelJob {
  const EmitContext& context;
  BodyEmitter& emit;
  const ir::Schedule& schedule;
  Point root;
  llvm::Value* begin = nullptr;
  llvm::Value* end = nullptr;
  llvm::Value* workspace = nullptr;  // of this thread
  llvm::Value* exchange = nullptr;   // of all threads together, where they exchange values
  llvm::Value* barrier = nullptr;    // where all threads meet inside the kernel (null at run time: one thread)
  llvm::Value* barrier_argument = nullptr;
  KernelPhase phase = KernelPhase::whole;
  std::vector<AheadStream> ahead = {};

  llvm::IRBuilder<>& builder() const { return context.builder; }
  llvm::Value* i64(std::int64_t v) const { return context.i64(v); }
  /// The share [begin, end) of a loop of `count` iterations: where the kernel is cut into strips, begin and end count
  /// those, and each holds as many iterations.
  llvm::Value* share_begin(std::int64_t count) const { return of_share(begin, count); }
  llvm::Value* share_end(std::int64_t count) const { return of_share(end, count); }

 private:
  llvm::Value* of_share(llvm::Value* bound, std::int64_t count) const {
    return schedule.strips == 1 ? bound : builder().CreateNSWMul(bound, i64(count / schedule.strips));
  }
};

/// Axes [first, last) of a kernel as the vector sees them: the innermost ones that every access treats as one long axis
/// are counted together; the others are loops.
struct AxisSplit {
  std::vector<int> loops;  // outermost first; extents of 1 included
  std::vector<int> group;  // non-unit axes counted together; may be empty
  std::int64_t group_extent = 1;
};
AxisSplit split_axes(const ir::Graph& body, const ir::KernelShape& shape, int first, int last);

/// The axis from 0 to its extent, cut where reads that depend on it alone begin or cease to exist: between neighbours a
/// read is there or it is not. Not cut where that takes many pieces or leaves more vectors partly empty.
std::vector<std::int64_t> guard_borders(const ir::KernelShape& shape, int axis, std::int64_t lanes);

/// Nests loops over `axes`; the first one runs over the job's share when `shared`.
void loop_axes(KernelJob& job, std::span<const int> axes, bool shared, Point& parent,
               const std::function<void(Point&)>& body);

/// Runs over `extent` elements in blocks of `unroll` vectors: blocks [begin, end), then (when end reaches past the last
/// full block) single vectors and a masked tail. `body` gets the points of the vectors that belong together.
void sweep_vectors(KernelJob& job, std::int64_t extent, std::int64_t unroll, llvm::Value* begin, llvm::Value* end,
                   Point& parent, const std::function<void(Point& vector)>& place,
                   const std::function<void(std::span<Point>)>& body);

/// Bytes of the cache lines that hold `bytes`: the pieces of a workspace begin at a line each.
constexpr std::int64_t whole_lines(std::int64_t bytes) {
  constexpr auto line = static_cast<std::int64_t>(ir::memory_alignment);
  return (bytes + line - 1) / line * line;
}

/// Number of blocks that sweep_vectors makes.
std::int64_t block_count(std::int64_t extent, std::int64_t lanes, std::int64_t unroll);

/// Sets the inner axes of `point` from the flat number of a term.
void place_inner(const KernelJob& job, llvm::Value* flat, Point& point);

/// The chunks of a chain as the numbers 0 .. count() - 1.
struct ChunkWalk : ir::ChainChunks {
  using ir::ChainChunks::ChainChunks;
  /// First and one past the last term of a chunk.
  std::pair<llvm::Value*, llvm::Value*> bounds(const KernelJob& job, llvm::Value* number) const;
};

/// Runs over the outer axes with the vector on their tail; shares the outermost loop. `in_pieces`: rows are cut at the
/// borders of guards.
void over_outer(KernelJob& job, bool in_pieces, const std::function<void(std::span<Point>)>& body);

/// The numbers of the kernel's outputs.
std::vector<std::size_t> all_outputs(const KernelJob& job);

/// How many values the chains of these anchors carry together.
std::int64_t carried_values(const ir::Graph& body, std::span<const ir::NodeId> anchors);

/// Waits inside the kernel for the other threads, where there are any.
void meet(KernelJob& job);

inline constexpr std::int64_t terms_per_trip = 4;  // of the loops that sum contractions

/// Spreads what is fetched ahead evenly over so many trips; each calls fetch_ahead.
void start_ahead(KernelJob& job, std::int64_t trips);
void fetch_ahead(const KernelJob& job);

/// What a kernel does in two parts with all threads in between: keeps sums of its share, then combines those of all.
void in_phases(KernelJob& job, const std::function<void()>& keep, const std::function<void()>& combine);

void emit_pointwise(KernelJob& job);
void emit_row(KernelJob& job);
void emit_column(KernelJob& job);
void emit_contract(KernelJob& job);
void emit_scatter(KernelJob& job);
void emit_extern(KernelJob& job);

/// Contractions that run as a window nest have an emitter of their own.
void emit_window(KernelJob& job);
std::int64_t window_parallel_extent(const ir::Kernel& kernel, const ir::KernelShape& shape);
/// Bytes of scratch memory: the packed second operand, or running totals.
std::int64_t window_workspace(const ir::Kernel& kernel, const ir::KernelShape& shape);

/// Memory of all threads together, in which the sums of chunks wait to be combined; 0: threads share something else.
std::int64_t window_kept_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape);

/// Whether threads share a kernel of a single row by the pieces of its sums. They meet inside such a kernel.
bool shares_one_row(const ir::Schedule& schedule, const ir::KernelShape& shape);
std::int64_t row_pieces(const ir::KernelShape& shape);
/// Memory of all threads together, in which the results of pieces wait to be combined.
std::int64_t row_kept_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape);

/// Whether threads share a column kernel by the chunks of its sums, of which there are `column_chunks`. They meet
/// inside such a kernel.
bool shares_chunks(const ir::Kernel& kernel, const ir::KernelShape& shape);
std::int64_t column_chunks(const ir::KernelShape& shape);
/// Memory of all threads together, in which the sums of chunks wait to be combined.
std::int64_t column_kept_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape);

/// Memory of all threads together, in which the sums of chunks wait for the last strip.
std::int64_t contract_kept_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape);
std::int64_t contract_parallel_extent(const ir::Kernel& kernel, const ir::KernelShape& shape);
/// Scratch memory that one thread needs, in bytes.
std::int64_t contract_workspace_bytes(const ir::Kernel& kernel, const ir::KernelShape& shape);

}  // namespace sinter::runtime
