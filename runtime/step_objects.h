#pragma once
// Program -> object code, on several threads.

#include <string>
#include <string_view>
#include <vector>

#include <sinter/ir/program.h>
#include <sinter/runtime/executable.h>

namespace sinter::runtime {

/// Object files that together hold the step as `entry_name`. They are compiled side by side, one per processor; how
/// many there are changes no bit of what the step computes. Throws InternalError for a program that the code generator
/// cannot handle.
std::vector<std::string> step_objects(const ir::Program& program, const CompileOptions& options,
                                      std::string_view entry_name);

}  // namespace sinter::runtime
