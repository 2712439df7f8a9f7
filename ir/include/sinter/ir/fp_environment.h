#pragma once
// The floating-point environment in which scalar bodies run, in compiled steps and in the interpreter alike.

#include <cstdint>

#include <sinter/ir/export.h>

namespace sinter::ir {

/// While it lives, this thread flushes denormal inputs and results to zero, rounds to nearest even and masks all
/// floating-point exceptions. Its end restores the control register exactly as it was, sticky exception flags included.
/// Nests. The compiler knows nothing of it: it may move arithmetic of the same function across the guard, or fold it,
/// so the arithmetic belongs into functions called while the guard lives, as compiled steps and Num's are. On targets
/// other than x86 and AArch64 it does nothing.
class SINTER_API FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  std::uint64_t saved_;
};

}  // namespace sinter::ir
