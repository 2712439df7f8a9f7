#pragma once
// LLVM module -> machine code in memory. The only place that knows target machines and ORC; no LLVM header is needed to
// include this, and every llvm::Error becomes an exception of ours inside jit.cpp.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sinter/ir/extern_abi.h>
#include <sinter/ir/target.h>

#include "codegen.h"

namespace sinter::runtime {

/// Sets triple and data layout of the module.
void prepare_module(GeneratedModule& generated, const ir::Target& target);

/// Makes the functions that have no target yet code for this one.
void attach_target(GeneratedModule& generated, const ir::Target& target);

/// Gives the functions of the module that have none the target's attributes and runs the short pass list. Verifies the
/// module in debug builds and when the environment variable SINTER_VERIFY_LLVM is set.
void optimize(GeneratedModule& generated, const ir::Target& target);

/// The module as LLVM text.
std::string print_ir(const GeneratedModule& generated);

/// With a section for each function and constant, a linker can leave out what a program does not call.
enum class Sections : std::uint8_t { one, one_each };

/// Code generation; takes the module, because it leaves it in no useful state. The object is relocatable ELF (Mach-O on
/// its systems): the JIT, a cache and an export can all use it.
std::string emit_object(GeneratedModule generated, const ir::Target& target, Sections sections = Sections::one);
std::string emit_assembly(GeneratedModule generated, const ir::Target& target);

/// Users' functions by the symbols under which code calls them.
using ExternAddresses = std::map<std::string, sinter_extern_function>;

/// Linked code in executable memory, freed with this object.
class LinkedCode {
 public:
  /// Links the objects with each other, with the few symbols that compiled code may use (see jit.cpp), and with users'
  /// functions.
  explicit LinkedCode(const std::vector<std::string>& objects, const ExternAddresses& externs = {});
  ~LinkedCode();
  LinkedCode(const LinkedCode&) = delete;
  LinkedCode& operator=(const LinkedCode&) = delete;

  /// Address of a function. Throws InternalError when there is none of that name.
  void* address(const std::string& symbol) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// optimize, emit_object and link for every module.
std::unique_ptr<LinkedCode> compile_modules(std::vector<GeneratedModule> modules, const ir::Target& target,
                                            const ExternAddresses& externs = {});

/// The names that the object expects others to define, sorted.
std::vector<std::string> undefined_symbols(const std::string& object);

/// Whether LLVM was built with a code generator for the triple.
bool has_code_generator(const std::string& triple);

/// The target triple of this process and the names of its features with sign, sorted ("+avx2").
std::string host_triple();
std::vector<std::string> host_features();

}  // namespace sinter::runtime
