#pragma once
// Graphs that `sinter dump NAME` knows without a file: whole training steps.

#include <span>
#include <string_view>

#include <sinter/ir/graph.h>

namespace sinter::tool {

struct Example {
  std::string_view name;
  std::string_view summary;
  ir::Graph (*make)();
};

std::span<const Example> examples();
/// The example of that name, or nullptr.
const Example* find_example(std::string_view name);

}  // namespace sinter::tool
