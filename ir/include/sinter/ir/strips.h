#pragma once
// Which kernels can run strip by strip. A strip is a part of every kernel of a group: the same part of its outermost
// axis, and the same part of each buffer that the group writes, counted from the first byte. What a kernel makes of a
// strip is then still in the cache when the next one reads it, and strips need nothing of each other.

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sinter/ir/kernel.h>
#include <sinter/ir/memory.h>

namespace sinter::ir {

/// Along what a kernel is cut.
enum class StripCut : std::uint8_t {
  results,  // its outermost axis: strip k writes part k of every output
  terms,    // the outermost axis of its sums, between chunks: results are made behind the last strip
};

/// Per input: whether strip k reads nothing of it but part k.
using StripReads = std::vector<bool>;

/// How a kernel reads when it is cut into `count` strips; empty where it cannot be cut so.
SINTER_API std::optional<StripReads> strip_reads(const Graph& body, const KernelShape& shape, const Schedule& schedule,
                                                 StripCut cut, std::int64_t count);

/// The cut that a kernel among strips has.
inline StripCut strip_cut(const Schedule& schedule) {
  return schedule.strip_terms ? StripCut::terms : StripCut::results;
}

/// Bytes of one strip of a buffer of kind `strip`.
inline std::int64_t strip_bytes(const Buffer& buffer, std::int64_t count) { return buffer.type.bytes() / count; }

/// The same in whole cache lines: what it takes of a thread's strips.
inline std::int64_t strip_room(const Buffer& buffer, std::int64_t count) {
  constexpr auto line = static_cast<std::int64_t>(memory_alignment);
  return (strip_bytes(buffer, count) + line - 1) / line * line;
}

/// Memory in which the sums of chunks wait for the last strip, about, for a kernel cut along its terms.
SINTER_API std::int64_t strip_kept_bytes(const Graph& body, const KernelShape& shape);

/// Kernels that run strip by strip, in order, and mean what they mean one after the other.
class SINTER_API StripGroup {
 public:
  explicit StripGroup(const Program& program) : program_(&program) {}

  /// Why a kernel must not join behind those that did; empty: it may.
  std::string why_not(const Kernel& kernel, StripCut cut, const StripReads& reads) const;
  void add(const Kernel& kernel, StripCut cut, const StripReads& reads);

 private:
  const Program* program_;
  std::set<BufferId> written_;       // strip by strip
  std::set<BufferId> read_across_;   // by strips that need more than their part
  std::set<BufferId> summed_;        // behind the last strip
  std::set<BufferId> read_by_sums_;  // there or before
};

/// Why these kernels would not mean in strips what they mean one after the other; empty: they do. The kernels
/// themselves must be valid.
SINTER_API std::string why_not_in_strips(const Strips& strips, const Program& program);

}  // namespace sinter::ir
