#include "strip_buffers.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <sinter/ir/kernel.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/strips.h>

namespace sinter::passes {

namespace {

using ir::BufferId;
using ir::Kernel;
using ir::Program;
using ir::Strips;

/// A kernel of a group, by the group's item and its place there.
struct Place {
  std::size_t item = 0, kernel = 0;
};

bool writes(const Program& program, const Kernel& k, BufferId root) {
  return std::ranges::any_of(k.outputs, [&](BufferId id) { return program.root_of(id) == root; });
}
bool reads(const Program& program, const Kernel& k, BufferId root) {
  return std::ranges::any_of(k.inputs, [&](BufferId id) { return program.root_of(id) == root; });
}

/// A few operations per element, nothing that takes long.
bool is_cheap(const Kernel& k) {
  constexpr int most = 8;
  int operations = 0;
  for (const ir::Node& n : k.body->nodes()) {
    const ir::OpInfo& op = ir::info(n.kind);
    if (op.expensive || op.form == ir::Form::reduce || op.form == ir::Form::contract) return false;
    operations += op.form == ir::Form::pointwise ? 1 : 0;
  }
  return k.schedule.form == ir::KernelForm::pointwise && operations <= most;
}

class Keeper {
 public:
  explicit Keeper(Program& program) : program_(program) {}

  void run() {
    for (std::size_t item = 0; item < program_.items.size(); ++item) {
      if (!std::holds_alternative<Strips>(program_.items[item])) continue;
      for (std::size_t k = 0; k < group(item).kernels.size(); ++k)
        for (const BufferId value : std::vector(kernel({item, k}).outputs)) keep_value({item, k}, value);
    }
    place();
  }

 private:
  Strips& group(std::size_t item) { return std::get<Strips>(program_.items[item]); }
  const Kernel& kernel(Place p) { return group(p.item).kernels[p.kernel]; }

  void keep_value(Place maker, BufferId value) {
    const Kernel& k = kernel(maker);
    if (k.schedule.strip_terms) return;
    if (program_.buffers[value].kind != ir::BufferKind::arena || reads(program_, k, value)) return;
    const auto readers = readers_of(value, maker);
    if (!readers) return;
    std::map<std::size_t, Strips> changed;  // groups that make the value anew
    for (const auto& [item, first] : *readers) {
      if (item == maker.item) continue;
      std::optional<Strips> with = with_copy(maker, {item, first}, value);
      if (!with) return;
      changed.emplace(item, std::move(*with));
    }
    program_.buffers[value].kind = ir::BufferKind::strip;
    for (auto& [item, with] : changed) program_.items[item] = std::move(with);
  }

  /// By group: the first kernel that reads the value. Empty where something else touches it.
  std::optional<std::map<std::size_t, std::size_t>> readers_of(BufferId value, Place maker) {
    std::map<std::size_t, std::size_t> first;
    bool known = true;
    for (std::size_t item = 0; item < program_.items.size(); ++item) {
      std::size_t at = 0;
      const bool in_strips = std::holds_alternative<Strips>(program_.items[item]);
      ir::for_each_kernel({&program_.items[item], 1}, [&](const Kernel& k) {
        const std::size_t here = at++;
        if (item == maker.item && here == maker.kernel) return;
        if (writes(program_, k, value)) known = false;
        if (!reads(program_, k, value)) return;
        known = known && in_strips && item >= maker.item && in_part(k, value);
        first.try_emplace(item, here);
      });
    }
    return known ? std::optional(first) : std::nullopt;
  }

  /// Whether a kernel among strips reads nothing of the buffer but the strip at hand.
  bool in_part(const Kernel& k, BufferId buffer) const {
    const auto shape = ir::kernel_shape(*k.body);
    const auto cut = ir::strip_cut(k.schedule);
    const auto found = ir::strip_reads(*k.body, std::get<ir::KernelShape>(shape), k.schedule, cut, k.schedule.strips);
    if (!found) return false;
    for (std::size_t i = 0; i < k.inputs.size(); ++i)
      if (program_.root_of(k.inputs[i]) == buffer && (!(*found)[i] || k.inputs[i] != buffer)) return false;
    return true;
  }

  /// The reader's group with a copy of the maker before the reader, if it makes the same there and costs little.
  std::optional<Strips> with_copy(Place maker, Place reader, BufferId value) {
    Kernel copy = kernel(maker);
    if (copy.outputs.size() != 1 || !is_cheap(copy) || !has_same_sources(maker, reader)) return std::nullopt;
    Strips with = group(reader.item);
    if (!reads_what_is_read(copy, with, value)) return std::nullopt;
    copy.schedule.strips = with.count;
    const BufferId made = add_strip(value);
    copy.outputs[0] = made;
    for (Kernel& k : with.kernels) std::ranges::replace(k.inputs, value, made);
    with.kernels.insert(with.kernels.begin() + static_cast<std::ptrdiff_t>(reader.kernel), std::move(copy));
    if (ir::why_not_in_strips(with, program_).empty()) return with;
    program_.buffers.pop_back();
    return std::nullopt;
  }

  BufferId add_strip(BufferId like) {
    ir::Buffer buffer = program_.buffers[like];
    buffer.kind = ir::BufferKind::strip;
    program_.buffers.push_back(std::move(buffer));
    return static_cast<BufferId>(program_.buffers.size() - 1);
  }

  /// Nothing that the maker reads is written between it and the reader.
  bool has_same_sources(Place maker, Place reader) {
    const Kernel& k = kernel(maker);
    bool same = true;
    for (std::size_t item = maker.item; item <= reader.item; ++item) {
      std::size_t at = 0;
      ir::for_each_kernel({&program_.items[item], 1}, [&](const Kernel& other) {
        const std::size_t here = at++;
        if (item == maker.item && here <= maker.kernel) return;
        if (item == reader.item && here >= reader.kernel) return;
        for (const BufferId id : k.inputs) same = same && !writes(program_, other, program_.root_of(id));
      });
    }
    return same;
  }

  /// The group touches every large operand of the kernel anyway, strip by strip.
  bool reads_what_is_read(const Kernel& k, const Strips& strips, BufferId value) const {
    const std::int64_t large = program_.buffers[value].type.bytes() / 4;
    return std::ranges::all_of(k.inputs, [&](BufferId id) {
      if (program_.buffers[id].type.bytes() < large) return true;
      return std::ranges::any_of(strips.kernels, [&](const Kernel& other) {
        return writes(program_, other, id) || (reads(program_, other, id) && in_part(other, id));
      });
    });
  }

  /// The strips of a group lie side by side.
  void place() {
    for (const ir::Item& item : program_.items) {
      const auto* strips = std::get_if<Strips>(&item);
      if (strips == nullptr) continue;
      std::int64_t end = 0;
      for (const Kernel& k : strips->kernels)
        for (const BufferId id : k.outputs) {
          ir::Buffer& buffer = program_.buffers[id];
          if (buffer.kind != ir::BufferKind::strip) continue;
          buffer.offset = end;
          end += ir::strip_room(buffer, strips->count);
        }
    }
  }

  Program& program_;
};

}  // namespace

void keep_in_strips(Program& program) { Keeper(program).run(); }

}  // namespace sinter::passes
