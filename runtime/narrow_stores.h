#pragma once
// A workaround for LLVM's x86 code generator.

namespace llvm {
class Module;
}

namespace sinter::runtime {

/// Writes masked stores of one constant lane as stores of that element, where the element is narrower than 32 bits. The
/// code generator (of LLVM 22 at least) would make a scalar store of it, but of the lane as it was before it was
/// truncated, so that the store overwrites what follows the element.
void write_single_narrow_lanes(llvm::Module& module);

}  // namespace sinter::runtime
