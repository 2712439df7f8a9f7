#pragma once
// What an Executable holds, for Session.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <sinter/ir/memory.h>
#include <sinter/ir/program.h>
#include <sinter/runtime/executable.h>

#include "jit.h"

namespace sinter::runtime {

/// The step ABI of ir/program.h.
using StepFunction = void (*)(void* const* buffers, std::int32_t thread, std::int32_t threads, void (*barrier)(void*),
                              void* barrier_arg);

struct Executable::Impl {
  /// One entry of the step's first argument.
  struct Slot {
    ir::BufferKind kind = ir::BufferKind::arena;
    std::size_t index = 0;    // among the buffers of its kind
    std::int64_t offset = 0;  // arena
    std::int64_t bytes = 0;
    std::byte* constant = nullptr;
  };

  Signature signature;
  std::vector<Slot> slots;
  std::vector<ir::AlignedBytes> constants;
  std::int64_t arena_bytes = 0;
  std::int64_t workspace_bytes = 0;  // per thread
  std::int64_t shared_bytes = 0;     // of all threads together, behind their own parts
  bool parallel = false;
  bool checked = false;
  double compile_milliseconds = 0;
  std::unique_ptr<LinkedCode> code;
  StepFunction step = nullptr;
};

}  // namespace sinter::runtime
