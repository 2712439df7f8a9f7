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
  Image image;                              // without objects and the contents of constants
  std::vector<ir::AlignedBytes> constants;  // copies at addresses of our own choosing
  double compile_milliseconds = 0;
  std::unique_ptr<LinkedCode> code;
  StepFunction step = nullptr;
};

}  // namespace sinter::runtime
