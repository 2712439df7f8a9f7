#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <sinter/ir/error.h>
#include <sinter/ir/fp_environment.h>
#include <sinter/runtime/executable.h>
#include <sinter/runtime/team.h>

#include "checked.h"
#include "executable_impl.h"

namespace sinter::runtime {

namespace {

using Slot = Image::Slot;

/// Whether the arena is filled with NaN before each run, so that a read of what nobody wrote shows.
bool fills_arena(bool checked) {
#ifdef NDEBUG
  return checked || std::getenv("SINTER_FILL_ARENA") != nullptr;
#else
  static_cast<void>(checked);
  return true;
#endif
}

/// "x f32[32,784], y i32[32]".
std::string list_of(const std::vector<Port>& ports) {
  std::string text;
  for (const Port& port : ports) text += str(text.empty() ? "" : ", ", port.name, " ", port.type);
  return text.empty() ? "none" : text;
}

[[noreturn]] void wrong_count(const char* what, const std::vector<Port>& ports, std::size_t given) {
  user_error("run: expected ", ports.size(), " ", what, "s (", list_of(ports), "), got ", given);
}

[[noreturn]] void null_address(const char* what, const Port& port) {
  user_error("run: the address of ", what, " '", port.name, "' (", port.type, ") is null; bind memory of ",
             port.type.bytes(), " bytes");
}

/// Counts and null pointers of one kind of binding. Allocates only to complain.
template <class Pointer>
void check_bindings(const char* what, const std::vector<Port>& ports, std::span<Pointer const> given) {
  if (given.size() != ports.size()) wrong_count(what, ports, given.size());
  for (std::size_t k = 0; k < ports.size(); ++k) {
    if (given[k] == nullptr && ports[k].type.elements() > 0) null_address(what, ports[k]);
  }
}

/// What each thread of a run needs.
struct Call {
  StepFunction step;
  void* const* buffers;
};

void run_share(void* context, std::int32_t thread, std::int32_t threads, void (*barrier)(void*), void* barrier_arg) {
  const auto& call = *static_cast<const Call*>(context);
  const ir::FlushDenormals flush;
  call.step(call.buffers, thread, threads, barrier, barrier_arg);
}

}  // namespace

struct Session::State {
  State(std::shared_ptr<const Executable> e, Team* t, int n)
      : executable(std::move(e)),
        impl(executable->impl()),
        image(impl.image),
        team(t),
        threads(n),
        buffers(image.slots.size() + 1) {
    arena = ir::allocate_aligned(image.arena_bytes);
    for (std::size_t k = 0; k < image.slots.size(); ++k) buffers[k] = fixed_address(image.slots[k]);
    workspace = ir::allocate_aligned(image.workspace_bytes * (image.parallel ? threads : 1) + image.shared_bytes);
    buffers.back() = workspace.get();
  }

  /// Address of what the caller does not bind.
  void* fixed_address(const Slot& slot) {
    switch (slot.kind) {
      case ir::BufferKind::arena: return arena.get() + slot.offset;
      case ir::BufferKind::constant: return impl.constants[slot.index].get();
      case ir::BufferKind::derived: derived.push_back(ir::allocate_zeros(slot.bytes)); return derived.back().get();
      default: return nullptr;
    }
  }

  void bind(const Bindings& bindings) {
    for (std::size_t k = 0; k < image.slots.size(); ++k) {
      const Slot& slot = image.slots[k];
      // The step takes one list of addresses; the program says which of them are only read.
      if (slot.kind == ir::BufferKind::input) buffers[k] = const_cast<void*>(bindings.inputs[slot.index]);
      if (slot.kind == ir::BufferKind::state) buffers[k] = bindings.states[slot.index];
      if (slot.kind == ir::BufferKind::output) buffers[k] = bindings.outputs[slot.index];
    }
  }

  void call_step() {
    Call call{impl.step, buffers.data()};
    if (team != nullptr && threads > 1 && image.parallel) {
      team->run(threads, &run_share, &call);
    } else {
      run_share(&call, 0, 1, nullptr, nullptr);
    }
  }

  std::shared_ptr<const Executable> executable;
  const Executable::Impl& impl;
  const Image& image;
  Team* team;
  int threads;
  bool fill = fills_arena(image.checked);
  ir::AlignedBytes arena;
  ir::AlignedBytes workspace;  // a part for each thread, then one for all
  std::vector<ir::AlignedBytes> derived;
  std::vector<void*> buffers;  // the step's first argument: one per buffer, then the workspace
};

Session::Session(std::shared_ptr<const Executable> executable, int threads)
    : state_(std::make_unique<State>(std::move(executable), threads > 1 ? &default_team() : nullptr,
                                     std::max(threads, 1))) {}
Session::Session(std::shared_ptr<const Executable> executable, Team& team)
    : state_(std::make_unique<State>(std::move(executable), &team, std::max(team.size(), 1))) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

void Session::run(const Bindings& bindings) {
  State& s = *state_;
  const Signature& signature = s.image.signature;
  check_bindings("input", signature.inputs, bindings.inputs);
  check_bindings("state", signature.states, bindings.states);
  check_bindings("output", signature.outputs, bindings.outputs);
  s.bind(bindings);
  if (s.fill) std::memset(s.arena.get(), 0xFF, static_cast<std::size_t>(s.image.arena_bytes));
  if (!s.image.checked) return s.call_step();
  CheckedRun checked;
  s.call_step();
  checked.finish();
}

const Executable& Session::executable() const { return *state_->executable; }

}  // namespace sinter::runtime
