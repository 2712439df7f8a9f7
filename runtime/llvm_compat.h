#pragma once
// What differs between the LLVM versions we build with, 19 to 22. Nothing else asks for the version.

#include <memory>
#include <string>

#include <llvm/Config/llvm-config.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Triple.h>

// Both headers were split off after version 19.
#if __has_include(<llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h>)
#include <llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h>
#else
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#endif
#if __has_include(<llvm/ExecutionEngine/Orc/AbsoluteSymbols.h>)
#include <llvm/ExecutionEngine/Orc/AbsoluteSymbols.h>
#endif

#if LLVM_VERSION_MAJOR < 19
#error "Sinter needs LLVM 19 or newer"
#endif

namespace sinter::runtime::compat {

// Version 21 turned triples from strings into llvm::Triple.
#if LLVM_VERSION_MAJOR >= 21
using TripleArgument = llvm::Triple;
#else
using TripleArgument = std::string;
#endif

inline void set_triple(llvm::Module& module, const std::string& triple) {
  module.setTargetTriple(TripleArgument(triple));
}

inline const llvm::Target* find_target(const std::string& triple, std::string& error) {
  return llvm::TargetRegistry::lookupTarget(TripleArgument(triple), error);
}

inline std::unique_ptr<llvm::TargetMachine> target_machine(const llvm::Target& target, const std::string& triple,
                                                           const std::string& cpu, const std::string& features,
                                                           const llvm::TargetOptions& options,
                                                           llvm::CodeGenOptLevel level) {
  // Position independent and small: one object serves the JIT, the cache and export.
  return std::unique_ptr<llvm::TargetMachine>(target.createTargetMachine(
      TripleArgument(triple), cpu, features, options, llvm::Reloc::PIC_, llvm::CodeModel::Small, level, /*JIT=*/true));
}

}  // namespace sinter::runtime::compat
