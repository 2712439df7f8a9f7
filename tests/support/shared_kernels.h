#pragma once
// Programs whose kernels are shared by the whole team, however small they are.

#include <memory>
#include <variant>
#include <vector>

#include <sinter/ir/program.h>

namespace sinter::test {

/// Every kernel but scatters, loops' included, is shared; a barrier stands behind each.
inline std::vector<ir::Item> shared_items(const std::vector<ir::Item>& items) {
  std::vector<ir::Item> result;
  for (const ir::Item& item : items) {
    if (std::holds_alternative<ir::Barrier>(item)) continue;
    result.push_back(item);
    if (auto* kernel = std::get_if<ir::Kernel>(&result.back()))
      kernel->schedule.parallel = kernel->schedule.form != ir::KernelForm::scatter;
    if (auto* loop = std::get_if<std::shared_ptr<const ir::Loop>>(&result.back()))
      *loop = std::make_shared<const ir::Loop>(ir::Loop{(*loop)->count, shared_items((*loop)->items)});
    result.emplace_back(ir::Barrier{});
  }
  return result;
}

}  // namespace sinter::test
