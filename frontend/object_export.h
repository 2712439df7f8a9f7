#pragma once
// From graphs and the contents of their states to an object file.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sinter/frontend/export.h>

namespace sinter::detail {

/// A function of the object file.
struct ExportedFunction {
  std::string name;
  ir::Graph graph;
  std::map<std::string, ir::TensorData> fixed;   // inputs that always hold the same
  std::map<std::string, std::int64_t> index_of;  // integer inputs that are below a bound
};

/// Contents by the names of states.
using StateContents = std::map<std::string, Array>;

/// Writes `path` and the header. `functions` in the order in which the self-test runs them.
void write_object(const std::string& path, const std::vector<ExportedFunction>& functions, const StateContents& states,
                  const ExportOptions& options);

}  // namespace sinter::detail
