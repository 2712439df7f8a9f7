#pragma once
// A program: a tree of kernels over buffers, made by the passes and executed by the runtime (or the interpreter).

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <sinter/ir/export.h>
#include <sinter/ir/graph.h>

namespace sinter::ir {

/// Version of the step ABI: void step(void* const* buffers, int32 thread, int32 threads, void (*barrier)(void*), void*
/// barrier_arg).
inline constexpr int step_abi_version = 2;

enum class BufferKind : std::uint8_t {
  arena,     // intermediate, at a fixed offset of the session's arena
  input,     // bound by the caller, read only
  output,    // bound by the caller, written
  state,     // bound by the caller, read and written
  constant,  // contents known when compiling
  derived,   // belongs to the executable (packed weights)
  slice,     // a part of another buffer that moves with the turns of a loop around the kernel
  strip,     // written and read among strips: of each thread only the strip at hand exists
};
SINTER_API std::string_view to_string(BufferKind kind);

using BufferId = std::uint32_t;

struct Buffer {
  BufferKind kind = BufferKind::arena;
  std::string name;  // of the input, output or state; free otherwise
  TensorType type;
  /// Arena: bytes from its start, a multiple of 64. Strip: bytes from the start of the thread's strips, the same.
  /// Slice: bytes from the start of `of`, in turn 0.
  std::int64_t offset = 0;
  TensorData data;          // of a constant
  BufferId of = 0;          // of a slice: an earlier buffer, which may be a slice of another loop
  std::int64_t stride = 0;  // of a slice: bytes from turn to turn; below 0 it moves towards the start
  int depth = 0;            // of a slice: which of the loops around the kernel moves it, 0 the outermost
};

/// How the loop builder treats a kernel's body.
enum class KernelForm : std::uint8_t {
  pointwise,  // one loop nest over the output space
  row,        // per row: sweeps along the row, reductions in lanes order, then outputs
  column,     // per vector of columns: chains over the outer axes, then outputs
  contract,   // register tiles; everything else of the body is epilogue
  scatter,    // updates in order
  external,   // a call of a user's function: the body is one `extern`
};
SINTER_API std::string_view to_string(KernelForm form);

/// The choices of the schedule pass. Any value gives the same bits; only speed differs.
struct Schedule {
  KernelForm form = KernelForm::pointwise;
  std::int64_t lanes = 1;         // elements of one vector along the vector axis
  std::int64_t unroll = 1;        // vectors per iteration
  std::int64_t tile_rows = 1;     // contract: rows of the register tile
  std::int64_t tile_vectors = 1;  // contract: vectors of the register tile
  bool swap = false;              // contract: operand a supplies the vectors
  bool pack_vectors = false;      // contract: the vector side is copied into panels first
  bool pack_rows = false;         // contract: so is the other side
  std::int64_t part = 0;        // contract: terms of a chunk after which all columns have had their turn; 0: a default
  std::int64_t block_rows = 0;  // contract: rows that meet all packed panels before the next rows; 0: a default
  bool prefetch = false;        // contract: the outputs and the next rows are fetched while the terms are summed
  bool trail = false;           // contract: a tile's outputs are computed while the next tile's terms are summed
  bool parallel = false;        // shared between the team's threads along the outermost loop
  std::int64_t strips = 1;      // parts of the outermost loop that are run one by one (Strips)
  bool strip_terms = false;     // these are parts of the terms of its sums; else of its results
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// A buffer of which a kernel among strips fetches a strip into the cache while it computes, because kernels behind it
/// will touch it. Changes no value.
struct Ahead {
  BufferId buffer = 0;
  std::int64_t bytes = 0;  // of a strip
  bool next = false;       // the strip behind the one at hand
  friend bool operator==(const Ahead&, const Ahead&) = default;
};

/// A call of one kernel. The body's inputs are bound to `inputs` in order, its outputs to `outputs`; a buffer may be
/// seen with another shape of the same number of elements. An output may be the same buffer as an input that is read
/// only at the written element.
struct Kernel {
  std::string name;
  std::string note;  // why it was fused and what stopped it
  std::shared_ptr<const Graph> body;
  std::vector<BufferId> inputs;
  std::vector<BufferId> outputs;
  Schedule schedule;
  std::vector<Ahead> ahead = {};  // among strips
};

/// All threads of the team meet.
struct Barrier {};

/// Kernels that run strip by strip: the first part of each, then the second of each, so that what one leaves is still
/// in the cache when the next reads it. A strip needs nothing of other strips (strips.h), so threads share the strips
/// and meet behind the last one, where sums over all strips are combined. Means what the kernels mean one after the
/// other.
struct Strips {
  std::int64_t count = 1;
  std::vector<Kernel> kernels;  // each with schedule.strips == count
};

struct Loop;
using Item = std::variant<Kernel, Barrier, Strips, std::shared_ptr<const Loop>>;

/// Runs its items `count` times.
struct Loop {
  std::int64_t count = 1;
  std::vector<Item> items;
};

struct SINTER_API Program {
  std::string name = "main";
  std::vector<Buffer> buffers;
  std::vector<Item> items;
  std::int64_t arena_bytes = 0;
  std::int64_t arena_lower_bound = 0;  // maximum of live bytes over time

  /// Ids of the buffers of one kind, in order.
  std::vector<BufferId> of_kind(BufferKind kind) const;
  /// The buffer that holds the bytes: that of which `id` is a slice, however often, or itself.
  BufferId root_of(BufferId id) const;
  /// True when some kernel is shared between threads.
  bool is_parallel() const;
};

/// Calls visit(kernel) for every kernel, in order, loops entered once.
template <class Visit>
void for_each_kernel(std::span<const Item> items, const Visit& visit) {
  for (const Item& item : items) {
    if (const auto* kernel = std::get_if<Kernel>(&item)) visit(*kernel);
    if (const auto* strips = std::get_if<Strips>(&item))
      for (const Kernel& kernel : strips->kernels) visit(kernel);
    if (const auto* loop = std::get_if<std::shared_ptr<const Loop>>(&item))
      for_each_kernel(std::span<const Item>((*loop)->items), visit);
  }
}

SINTER_API bool operator==(const Program& a, const Program& b);

}  // namespace sinter::ir
