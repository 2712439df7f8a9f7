#pragma once
// What is decided about an object file before code is made: names, the arguments of each function, and where things lie
// in the memory that callers provide.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/runtime/object_file.h>

namespace sinter::runtime {

/// What functions return; the header documents them.
enum ObjectError : int {
  object_ok = 0,
  object_error_cpu = 1,
  object_error_argument = 2,
  object_error_not_prepared = 3,
  object_error_state = 4,
  object_error_selftest = 5,
};

/// An input or output of a step: one pointer of its arguments.
struct ObjectArgument {
  std::string field;  // a C identifier
  std::string name;
  ir::TensorType type;
  bool output = false;
  std::uint64_t below = 0;  // integers of the sample are below this
};

/// A function of the exporting program's that the steps call; whoever links the object file defines it.
struct ObjectExtern {
  std::string name;
  std::vector<std::string> calls;  // "sequential/lambda: (f32[32,4]) -> (f32[32,4])"
};

struct PlannedStep {
  const ObjectStep* step = nullptr;
  std::vector<ObjectArgument> arguments;    // behind state and work, in this order
  bool writes_state = false;                // of the blob
  std::vector<std::int64_t> derived_begin;  // for each target, in the work memory
};

/// Sizes and places in bytes. Every part begins at a multiple of object_alignment.
struct ObjectPlan {
  const StateImage* image = nullptr;
  const ObjectOptions* options = nullptr;
  std::vector<PlannedStep> steps;
  std::vector<ObjectExtern> externs;  // by name
  std::uint64_t identity = 0;         // tells memory that was prepared by this object file

  // The work memory: identity and choice, derived buffers, arena, workspace.
  std::int64_t arena_begin = 0, workspace_begin = 0, work_bytes = 0;
  // The memory of the self-test: state, work, inputs and outputs.
  std::int64_t selftest_work = 0, selftest_data = 0, selftest_bytes = 0;

  std::string symbol(const std::string& name) const { return options->prefix + "_" + name; }
  std::int64_t state_bytes() const { return static_cast<std::int64_t>(image->bytes.size()); }
  bool writes_state() const;
  std::size_t name_bytes() const;  // of the longest name, closed by a zero
  std::size_t most_axes() const;   // of any tensor, at least 1
};

inline constexpr std::int64_t object_alignment = 64;
inline std::int64_t aligned(std::int64_t bytes) {
  return (bytes + object_alignment - 1) / object_alignment * object_alignment;
}

/// The steps and the image outlive the plan. Throws UserError for options that do not fit.
ObjectPlan plan_object(const std::vector<ObjectStep>& steps, const StateImage& image, const ObjectOptions& options);

/// The header file.
std::string object_header(const ObjectPlan& plan);

}  // namespace sinter::runtime
