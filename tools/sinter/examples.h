#pragma once
// Models that `sinter dump NAME` and `sinter export NAME` know without a file.

#include <memory>
#include <span>
#include <string_view>

#include <sinter/frontend/model.h>
#include <sinter/ir/graph.h>

namespace sinter::tool {

struct Example {
  std::string_view name;
  std::string_view summary;
  std::unique_ptr<Model> (*model)();  // ready to be trained
  ir::TensorType (*label)();          // of one sample

  /// The whole training step, batch 32.
  ir::Graph graph() const;
};

std::span<const Example> examples();
/// The example of that name, or nullptr.
const Example* find_example(std::string_view name);

}  // namespace sinter::tool
