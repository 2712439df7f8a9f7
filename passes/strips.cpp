#include "strips.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <sinter/ir/kernel.h>
#include <sinter/ir/strips.h>

namespace sinter::passes {

namespace {

using ir::BufferId;
using ir::Kernel;
using ir::KernelShape;
using ir::Program;
using ir::StripCut;
using ir::StripReads;

/// A kernel of a group and how it is cut.
struct Member {
  std::size_t item = 0;
  ir::Schedule schedule;
};

/// The schedule of a kernel among strips. Sums of contractions go chunk by chunk over operands that the strip has left
/// in the cache.
ir::Schedule in_strips(const Kernel& k, const KernelShape& shape, StripCut cut, std::int64_t count) {
  ir::Schedule s = k.schedule;
  s.strips = count;
  s.strip_terms = cut == StripCut::terms;
  if (!s.strip_terms || s.form != ir::KernelForm::contract) return s;
  s.swap = s.pack_rows = s.prefetch = false;
  s.pack_vectors = true;
  s.part = 0;
  s.pack_vectors = !ir::runs_as_window(*k.body, shape, s);
  return s;
}

struct Group {
  std::int64_t count = 0;
  std::vector<Member> members;
  std::int64_t reused = 0;   // bytes that a member touches and one before it has touched
  std::int64_t touched = 0;  // bytes that all touch strip by strip

  /// The bytes that are in the cache when they are touched again, about.
  double gain(const ir::Target& target) const {
    const double strip = static_cast<double>(touched) / static_cast<double>(count);
    return static_cast<double>(reused) * std::min(1.0, static_cast<double>(target.l2_bytes) / strip);
  }
};

class Grouping {
 public:
  Grouping(const Program& program, const ir::Target& target) : program_(program), target_(target) {
    for (const ir::Item& item : program.items) {
      const auto* kernel = std::get_if<Kernel>(&item);
      shapes_.emplace_back();
      if (kernel == nullptr || !kernel->schedule.parallel) continue;
      auto shape = ir::kernel_shape(*kernel->body);
      if (auto* known = std::get_if<KernelShape>(&shape)) shapes_.back() = std::move(*known);
    }
  }

  std::vector<ir::Item> run() {
    std::vector<ir::Item> made;
    for (std::size_t k = 0; k < program_.items.size(); ++k) {
      if (taken_.contains(k)) continue;
      if (const std::optional<Group> group = best_group(k))
        made.emplace_back(strips_of(*group));
      else
        made.push_back(program_.items[k]);
    }
    return made;
  }

 private:
  const Kernel& kernel(std::size_t item) const { return std::get<Kernel>(program_.items[item]); }
  std::int64_t bytes(BufferId id) const { return program_.buffers[id].type.bytes(); }

  /// The group that begins with this item; empty where none is worth it.
  std::optional<Group> best_group(std::size_t first) const {
    constexpr std::int64_t counts[] = {16, 32, 8, 64, 4, 2};  // the first of equals: threads share 16 well
    constexpr double better = 1.05;
    if (!shapes_[first] || bytes_of(kernel(first)) <= target_.l2_bytes / 4) return std::nullopt;
    std::optional<Group> best;
    for (const std::int64_t count : counts) {
      Group group = grow(first, count);
      if (group.members.size() < 2 || group.touched <= target_.l2_bytes) continue;
      if (!best || group.gain(target_) > better * best->gain(target_)) best = std::move(group);
    }
    return best;
  }

  std::int64_t bytes_of(const Kernel& k) const {
    std::int64_t sum = 0;
    for (const BufferId id : k.inputs) sum += bytes(id);
    for (const BufferId id : k.outputs) sum += bytes(id);
    return sum;
  }

  /// Kernels from `first` on that join, as far as the next few that do not let it.
  Group grow(std::size_t first, std::int64_t count) const {
    constexpr std::size_t most_passed = 4;
    Group group;
    group.count = count;
    ir::StripGroup so_far(program_);
    std::set<BufferId> touched;
    std::vector<std::size_t> passed;
    for (std::size_t k = first; k < program_.items.size() && passed.size() <= most_passed; ++k) {
      if (taken_.contains(k)) continue;
      if (!std::holds_alternative<Kernel>(program_.items[k])) break;
      const bool moves = std::ranges::any_of(passed, [&](std::size_t p) { return conflict(kernel(p), kernel(k)); });
      if (moves || !join(k, group, so_far, touched)) {
        if (k == first) return group;
        passed.push_back(k);
      }
    }
    return group;
  }

  bool join(std::size_t item, Group& group, ir::StripGroup& so_far, std::set<BufferId>& touched) const {
    if (!shapes_[item]) return false;
    const Kernel& k = kernel(item);
    for (const StripCut cut : {StripCut::terms, StripCut::results}) {
      if (cut == StripCut::terms && (group.members.empty() || !is_worth_keeping(item))) continue;
      const ir::Schedule schedule = in_strips(k, *shapes_[item], cut, group.count);
      const std::optional<StripReads> reads = ir::strip_reads(*k.body, *shapes_[item], schedule, cut, group.count);
      if (!reads || !so_far.why_not(k, cut, *reads).empty()) continue;
      if (bytes_of_whole_reads(k, *reads) > target_.l2_bytes) continue;
      std::set<BufferId> own;
      for (std::size_t i = 0; i < k.inputs.size(); ++i)
        if ((*reads)[i]) own.insert(k.inputs[i]);
      if (cut == StripCut::results) own.insert(k.outputs.begin(), k.outputs.end());
      std::int64_t reused = 0;
      for (const BufferId id : own)
        if (touched.contains(id)) reused += bytes(id);
      if (!group.members.empty() && reused == 0) continue;
      so_far.add(k, cut, *reads);
      group.members.push_back({item, schedule});
      group.reused += reused;
      for (const BufferId id : own)
        if (touched.insert(id).second) group.touched += bytes(id);
      return true;
    }
    return false;
  }

  /// Bytes of what every strip reads all of, such as weights: more than the cache would come from memory again and
  /// again.
  std::int64_t bytes_of_whole_reads(const Kernel& k, const StripReads& reads) const {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < k.inputs.size(); ++i)
      if (!reads[i]) sum += bytes(k.inputs[i]);
    return sum;
  }

  /// Whether the sums of chunks are few beside what they are the sums of.
  bool is_worth_keeping(std::size_t item) const {
    constexpr std::int64_t least_ratio = 4;
    const Kernel& k = kernel(item);
    if (shapes_[item]->form != ir::KernelForm::column && shapes_[item]->form != ir::KernelForm::contract) return false;
    return ir::strip_kept_bytes(*k.body, *shapes_[item]) * least_ratio <= bytes_of(k);
  }

  /// Whether two kernels must keep their order.
  bool conflict(const Kernel& a, const Kernel& b) const {
    const auto meet = [&](const std::vector<BufferId>& x, const std::vector<BufferId>& y) {
      return std::ranges::any_of(x, [&](BufferId id) {
        return std::ranges::any_of(y, [&](BufferId other) { return program_.root_of(id) == program_.root_of(other); });
      });
    };
    return meet(a.outputs, b.inputs) || meet(a.inputs, b.outputs) || meet(a.outputs, b.outputs);
  }

  ir::Strips strips_of(const Group& group) {
    ir::Strips strips;
    strips.count = group.count;
    for (const Member& m : group.members) {
      taken_.insert(m.item);
      Kernel k = kernel(m.item);
      k.schedule = m.schedule;
      strips.kernels.push_back(std::move(k));
    }
    return strips;
  }

  const Program& program_;
  const ir::Target& target_;
  std::vector<std::optional<KernelShape>> shapes_;  // of kernels that threads share
  std::set<std::size_t> taken_;                     // items that are in a group
};

}  // namespace

void put_in_strips(Program& program, const ir::Target& target) { program.items = Grouping(program, target).run(); }

}  // namespace sinter::passes
