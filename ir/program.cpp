#include <sinter/ir/program.h>

#include <array>

namespace sinter::ir {

std::string_view to_string(BufferKind kind) {
  constexpr std::array<std::string_view, 6> names = {"arena", "input", "output", "state", "constant", "derived"};
  const auto at = static_cast<std::size_t>(kind);
  return at < names.size() ? names[at] : "?";
}

std::string_view to_string(KernelForm form) {
  constexpr std::array<std::string_view, 5> names = {"pointwise", "row", "column", "contract", "scatter"};
  const auto at = static_cast<std::size_t>(form);
  return at < names.size() ? names[at] : "?";
}

std::vector<BufferId> Program::of_kind(BufferKind kind) const {
  std::vector<BufferId> ids;
  for (BufferId id = 0; id < buffers.size(); ++id)
    if (buffers[id].kind == kind) ids.push_back(id);
  return ids;
}

bool Program::is_parallel() const {
  bool parallel = false;
  for_each_kernel(items, [&](const Kernel& k) { parallel = parallel || k.schedule.parallel; });
  return parallel;
}

}  // namespace sinter::ir
