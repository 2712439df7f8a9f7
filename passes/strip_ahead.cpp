#include "strip_ahead.h"

#include <algorithm>
#include <set>
#include <vector>

#include <sinter/ir/kernel.h>
#include <sinter/ir/strips.h>

namespace sinter::passes {

namespace {

using ir::BufferId;
using ir::Kernel;

/// What a strip touches, and the kernel that does so first.
struct Touched {
  BufferId buffer = 0;
  std::size_t first = 0;
};

/// A contraction that computes long enough to fetch something meanwhile.
struct Fetcher {
  std::size_t kernel = 0;
  double work = 0;   // terms added
  double bytes = 0;  // that it fetches, of all strips

  double load() const { return bytes / work; }
};

class Group {
 public:
  Group(const ir::Program& program, ir::Strips& strips, std::int64_t cache)
      : program_(program), strips_(strips), free_(cache) {
    for (std::size_t k = 0; k < strips.kernels.size(); ++k) look_at(k);
  }

  void choose() {
    for (const Touched& t : touched_) {
      Fetcher* best = least_loaded(0, t.first);
      const bool next = best == nullptr;
      if (next) best = least_loaded(t.first, strips_.kernels.size());
      if (best == nullptr) continue;
      const std::int64_t bytes = program_.buffers[t.buffer].type.bytes();
      if (next && free_ < bytes / strips_.count) continue;
      if (next) free_ -= bytes / strips_.count;
      best->bytes += static_cast<double>(bytes);
      strips_.kernels[best->kernel].ahead.push_back({t.buffer, bytes / strips_.count, next});
    }
  }

 private:
  void look_at(std::size_t k) {
    const Kernel& kernel = strips_.kernels[k];
    const auto found = ir::kernel_shape(*kernel.body);
    const auto& shape = std::get<ir::KernelShape>(found);
    const ir::StripCut cut = ir::strip_cut(kernel.schedule);
    const auto reads = ir::strip_reads(*kernel.body, shape, kernel.schedule, cut, strips_.count);
    for (std::size_t i = 0; reads && i < kernel.inputs.size(); ++i)
      if ((*reads)[i]) touch(kernel.inputs[i], k);
    if (cut == ir::StripCut::results)
      for (const BufferId id : kernel.outputs) touch(id, k);
    constexpr std::int64_t least_terms = 16;
    const std::int64_t terms = ir::Shape(shape.inner).elements();
    if (shape.form != ir::KernelForm::contract || terms < least_terms) return;
    fetchers_.push_back({k, static_cast<double>(terms) * static_cast<double>(ir::Shape(shape.outer).elements())});
  }

  void touch(BufferId id, std::size_t k) {
    constexpr std::int64_t least_bytes = 4096;
    const ir::Buffer& buffer = program_.buffers[id];
    if (known_.contains(id)) return;
    free_ -= buffer.type.bytes() / strips_.count;
    known_.insert(id);
    if (buffer.kind == ir::BufferKind::strip || buffer.type.bytes() / strips_.count < least_bytes) return;
    touched_.push_back({id, k});
  }

  /// Of the kernels [first, last): the one that fetches least for what it computes.
  Fetcher* least_loaded(std::size_t first, std::size_t last) {
    constexpr std::size_t most = 4;
    Fetcher* best = nullptr;
    for (Fetcher& f : fetchers_) {
      if (f.kernel < first || f.kernel >= last || strips_.kernels[f.kernel].ahead.size() >= most) continue;
      if (best == nullptr || f.load() < best->load()) best = &f;
    }
    return best;
  }

  const ir::Program& program_;
  ir::Strips& strips_;
  std::int64_t free_;  // of the cache, beside what one strip touches
  std::vector<Touched> touched_;
  std::set<BufferId> known_;
  std::vector<Fetcher> fetchers_;
};

}  // namespace

void fetch_ahead_in_strips(ir::Program& program, const ir::Target& target) {
  for (ir::Item& item : program.items)
    if (auto* strips = std::get_if<ir::Strips>(&item)) Group(program, *strips, target.l2_bytes).choose();
}

}  // namespace sinter::passes
