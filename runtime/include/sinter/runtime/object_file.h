#pragma once
// Steps as an object file with a C header: compiled code for programs that have neither Sinter nor LLVM. What the file
// promises is stated in runtime/README.md, "Object files".

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/export.h>
#include <sinter/ir/program.h>
#include <sinter/ir/target.h>

namespace sinter::runtime {

/// Version of what object files and their headers promise.
inline constexpr int object_file_version = 1;

/// A state that the steps read and write, and its place in the state blob.
struct ObjectState {
  std::string name;
  ir::TensorType type;
  std::int64_t offset = 0;
};

/// The state blob as it begins. It holds no addresses, so it may be copied, moved and stored as it is.
struct StateImage {
  std::string bytes;
  std::int64_t header_bytes = 0;  // how many bytes at its begin tell whether a blob belongs to these steps
  std::vector<ObjectState> states;
};

/// One function of the object file.
struct ObjectStep {
  std::string name;                              // "train_step": the function is PREFIX_train_step
  std::vector<ir::Program> programs;             // the same step, lowered for each of the targets
  std::map<std::string, ir::TensorData> fixed;   // inputs that always hold the same; callers do not see them
  std::map<std::string, std::int64_t> index_of;  // integer inputs that count something: the self-test stays below this
};

struct ObjectOptions {
  std::string prefix = "m";         // of all symbols: a C identifier
  std::vector<ir::Target> targets;  // see object_target(); the first one that the processor can run is used
  int threads = 1;                  // the most that may run a step together
};

struct ObjectFile {
  std::string object;  // relocatable ELF
  std::string header;  // C99 and C++
};

/// Compiles the steps, in the order in which the self-test runs them, by the way of Executable::compile: the same bits.
/// Runs them once on this processor, on a made-up sample, to know what the self-test has to expect.
/// Throws UserError for options that do not fit.
SINTER_API ObjectFile make_object_file(const std::vector<ObjectStep>& steps, const StateImage& image,
                                       const ObjectOptions& options);

/// "host", "x86-64-v2", "x86-64-v3", "x86-64-v4" or "aarch64". Of the host's features only those remain that generated
/// code can ask the processor for. Throws UserError for another name, and for a kind of processor that LLVM was built
/// without.
SINTER_API ir::Target object_target(std::string_view name);

}  // namespace sinter::runtime
