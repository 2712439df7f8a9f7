#pragma once
// Addresses as one variable part and a constant.

namespace llvm {
class Module;
}

namespace sinter::runtime {

/// Rewrites the addresses of the module so that constants stand last: of base + ((i + 3) * 64 + j) * 4 the part
/// base + (i * 64 + j) * 4 is computed, and 768 becomes a displacement of the instruction that reads or writes. The
/// rows of a register tile and the terms of an unrolled loop then share one address.
void separate_constant_offsets(llvm::Module& module);

}  // namespace sinter::runtime
