#pragma once
// A compiled program and what it takes to run it.

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <sinter/ir/export.h>
#include <sinter/ir/extern.h>
#include <sinter/ir/program.h>
#include <sinter/ir/target.h>
#include <sinter/runtime/image.h>

namespace sinter::runtime {

struct CompileOptions {
  ir::Target target;           // see host_target()
  bool checked = false;        // bounds-test every load and store; a violation names kernel, buffer and index
  std::string dump_directory;  // llvm and asm are written there when set
};

/// Addresses in the order of the signature. Dense row-major contents; 4-byte alignment is enough.
struct Bindings {
  std::span<const void* const> inputs;
  std::span<void* const> states;
  std::span<void* const> outputs;
};

class Team;

/// Machine code for one program. Immutable; may be shared by any number of sessions and threads.
class SINTER_API Executable {
 public:
  /// Compiles. Throws UserError for a call of a user's function that is bound to none (ir/extern.h), InternalError for
  /// a program that the code generator cannot handle.
  static std::shared_ptr<const Executable> compile(const ir::Program& program, const CompileOptions& options);
  /// The first half of compile(): what can be kept (code_cache.h).
  static Image build(const ir::Program& program, const CompileOptions& options);
  /// The second half. `externs`: the functions that the program calls, by name. Throws InternalError for objects that
  /// cannot be linked.
  static std::shared_ptr<const Executable> link(Image image, const std::map<std::string, ir::ExternPointer>& externs);
  ~Executable();

  const Signature& signature() const;
  std::int64_t arena_bytes() const;
  /// Of link(), or of all of compile().
  double compile_milliseconds() const;
  /// LLVM IR (optimised) and assembly of the step, for reading.
  static std::string llvm_ir(const ir::Program& program, const CompileOptions& options);
  static std::string assembly(const ir::Program& program, const CompileOptions& options);

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit Executable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Runs an executable: holds its arena. A session is used by one thread at a time; make one per thread.
class SINTER_API Session {
 public:
  /// `threads`: size of the team for shared kernels; 1 never touches a team.
  explicit Session(std::shared_ptr<const Executable> executable, int threads = 1);
  /// Runs shared kernels on the caller's team (team.h), which outlives the session.
  Session(std::shared_ptr<const Executable> executable, Team& team);
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  /// Checks counts and null pointers once, then calls the step. Allocates nothing.
  void run(const Bindings& bindings);
  const Executable& executable() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The machine this process runs on, by its feature list.
SINTER_API ir::Target host_target();
/// A poorer machine of the same kind, whose code runs on the same processor: "avx2" takes AVX-512 and AMX away,
/// "baseline" everything beyond what the architecture guarantees. Throws UserError for another name.
SINTER_API ir::Target restrict_target(ir::Target target, std::string_view level);

}  // namespace sinter::runtime
