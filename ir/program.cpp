#include <sinter/ir/program.h>

#include <array>

namespace sinter::ir {

std::string_view to_string(BufferKind kind) {
  constexpr std::array<std::string_view, 8> names = {"arena",    "input",   "output", "state",
                                                     "constant", "derived", "slice",  "strip"};
  const auto at = static_cast<std::size_t>(kind);
  return at < names.size() ? names[at] : "?";
}

std::string_view to_string(KernelForm form) {
  constexpr std::array<std::string_view, 6> names = {"pointwise", "row", "column", "contract", "scatter", "extern"};
  const auto at = static_cast<std::size_t>(form);
  return at < names.size() ? names[at] : "?";
}

std::vector<BufferId> Program::of_kind(BufferKind kind) const {
  std::vector<BufferId> ids;
  for (BufferId id = 0; id < buffers.size(); ++id)
    if (buffers[id].kind == kind) ids.push_back(id);
  return ids;
}

BufferId Program::root_of(BufferId id) const {
  while (buffers[id].kind == BufferKind::slice && buffers[id].of < id) id = buffers[id].of;
  return id;
}

bool Program::is_parallel() const {
  bool parallel = false;
  for_each_kernel(items, [&](const Kernel& k) { parallel = parallel || k.schedule.parallel; });
  return parallel;
}

}  // namespace sinter::ir
