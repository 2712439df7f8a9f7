#pragma once
// Proves that a program's memory plan is sound. It knows nothing of how the plan was made.

#include <string>
#include <vector>

#include <sinter/ir/export.h>
#include <sinter/ir/program.h>

namespace sinter::ir {

/// All violations of these rules; the kernels themselves must be valid (verify.h):
///  * arena buffers start at multiples of 64 bytes and lie inside the arena, whose size is at least the lower bound;
///  * no two arena buffers that are live at the same kernel share bytes. A buffer is live from the kernel that writes
///  it
///    to the last one that reads it; a write that reads nothing of the old value begins a new life. What is touched in
///    a loop is live throughout the outermost such loop;
///  * no arena or output buffer is read before it was written, and every output is written;
///  * no two buffers of kind strip that one group of strips writes share bytes;
///  * a kernel writes a buffer that it also reads only where each element is read for that same element alone
///    (or in sums over its row, which are finished before the row is written).
SINTER_API std::vector<std::string> plan_violations(const Program& program);

}  // namespace sinter::ir
