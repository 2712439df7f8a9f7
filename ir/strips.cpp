#include <sinter/ir/strips.h>

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/sum_order.h>
#include <sinter/ir/window_nest.h>

namespace sinter::ir {

namespace {

std::optional<int> first_real_axis(const Ints& extents, std::size_t first, std::size_t last) {
  for (std::size_t k = first; k < last; ++k)
    if (extents[k] != 1) return static_cast<int>(k);
  return std::nullopt;
}

bool all_ones(const Space& space, std::span<const int> axes) {
  return std::ranges::all_of(axes, [&](int axis) { return space.extent(axis) == 1; });
}

bool reads_axis(const IndexMap& map, int axis) {
  return std::ranges::any_of(map.coordinates, [&](const Coordinate& c) { return c.scale_of(axis) != 0; });
}

/// Whether an index below `size` stays in part k where the axis does: a whole number of indices per step of the axis.
bool stays_in_part(const Affine& index, std::int64_t size, int axis, const Ints& extents) {
  const std::int64_t scale = index.scale_of(axis);
  if (scale <= 0 || scale * extents[static_cast<std::size_t>(axis)] != size) return false;
  Affine rest = index;
  rest.scales.erase(axis);
  const CoordinateRange range = rest.range(extents);
  return range.low >= 0 && range.high < scale;
}

class Cutter {
 public:
  Cutter(const Graph& body, const KernelShape& shape, const Schedule& schedule, std::int64_t count)
      : body_(body), shape_(shape), schedule_(schedule), count_(count), extents_(shape.extents()) {}

  std::optional<StripReads> along_results() {
    const std::optional<int> axis = first_real_axis(extents_, 0, shape_.outer.size());
    if (!axis || !is_cut_evenly(*axis) || !has_loop_over(*axis)) return std::nullopt;
    for (std::size_t o = 0; o < shape_.output_addresses.size(); ++o) {
      const std::int64_t elements = body_.type(body_.outputs()[o].value).elements();
      if (!stays_in_part(shape_.output_addresses[o], elements, *axis, extents_)) return std::nullopt;
    }
    return reads(*axis);
  }

  std::optional<StripReads> along_terms() {
    const std::optional<int> axis = first_real_axis(extents_, shape_.outer.size(), extents_.size());
    if (!axis || !is_cut_evenly(*axis) || !cuts_between_chunks() || !keeps_chunks()) return std::nullopt;
    return reads(*axis);
  }

 private:
  bool is_cut_evenly(int axis) const { return extents_[static_cast<std::size_t>(axis)] % count_ == 0; }

  /// Whether the outermost loop of the nest can be one over this axis, the first of the results.
  bool has_loop_over(int axis) const {
    if (shape_.form != KernelForm::contract) return true;
    const Node& anchor = body_.node(shape_.anchors.front());
    const Space space = node_space(body_, anchor);
    if (Shape(space.parallel) != Shape(shape_.outer)) return false;
    if (!runs_as_window(body_, shape_, schedule_))
      return !schedule_.swap && !schedule_.pack_rows && reads_axis(space.reads[0], axis) &&
             !reads_axis(space.reads[1], axis);
    const WindowNest nest = *window_nest(space, operand_types(body_, anchor));
    if (nest.chunked || !all_ones(space, nest.batch)) return false;
    for (const int unit : nest.units)
      if (space.extent(unit) != 1) return unit == axis;
    return false;
  }

  bool cuts_between_chunks() const {
    const ChainChunks chunks(shape_.inner);
    if (chunks.total == 0 || chunks.total % count_ != 0) return false;
    const std::int64_t part = chunks.total / count_;
    return part % chunks.slab == 0 || (chunks.slab % part == 0 && part % chunks.length == 0);
  }

  /// Whether the nest can take chunk after chunk and keep the sums of each.
  bool keeps_chunks() const {
    if (shape_.form == KernelForm::contract) {
      const Node& anchor = body_.node(shape_.anchors.front());
      const Space space = node_space(body_, anchor);
      if (!runs_as_window(body_, shape_, schedule_)) return packs_chunks(space);
      const WindowNest nest = *window_nest(space, operand_types(body_, anchor));
      return nest.chunked && all_ones(space, nest.batch);
    }
    if (shape_.form != KernelForm::column) return false;
    const auto columns = std::ranges::count_if(shape_.outer, [](std::int64_t extent) { return extent != 1; });
    const std::vector<std::size_t> depths = anchor_depths(body_, shape_.anchors);
    return columns == 1 && std::ranges::all_of(shape_.anchors, [&](NodeId anchor) { return depths[anchor] == 1; });
  }

  /// A contraction that packs what it reads takes chunk after chunk where there are several.
  bool packs_chunks(const Space& space) const {
    const ChainChunks chunks(shape_.inner);
    if (!schedule_.pack_vectors || schedule_.swap || chunks.end(0) == chunks.total) return false;
    for (std::size_t k = 0; k < space.parallel.size(); ++k) {
      const auto axis = static_cast<int>(k);
      if (space.extent(axis) != 1 && reads_axis(space.reads[0], axis) && reads_axis(space.reads[1], axis)) return false;
    }
    return true;
  }

  StripReads reads(int axis) const {
    const std::vector<NodeId> inputs = body_.inputs();
    StripReads in_part(inputs.size(), true);
    for (const KernelRead& r : shape_.reads)
      if (!stays(r, body_.node(inputs[r.input]).results[0].shape, axis)) in_part[r.input] = false;
    return in_part;
  }

  bool stays(const KernelRead& read, const Shape& shape, int axis) const {
    if (read.address && stays_in_part(*read.address, shape.elements(), axis, extents_)) return true;
    if (!read.leading) return false;
    for (int k = 0; k < shape.rank(); ++k)
      if (shape[k] != 1) return stays_in_part(*read.leading, shape[k], axis, extents_);
    return false;
  }

  const Graph& body_;
  const KernelShape& shape_;
  const Schedule& schedule_;
  std::int64_t count_;
  Ints extents_;
};

}  // namespace

std::optional<StripReads> strip_reads(const Graph& body, const KernelShape& shape, const Schedule& schedule,
                                      StripCut cut, std::int64_t count) {
  if (shape.form == KernelForm::scatter || shape.form == KernelForm::external || count < 2) return std::nullopt;
  if (Shape(shape.extents()).elements() == 0) return std::nullopt;
  Cutter cutter(body, shape, schedule, count);
  return cut == StripCut::results ? cutter.along_results() : cutter.along_terms();
}

std::int64_t strip_kept_bytes(const Graph& body, const KernelShape& shape) {
  std::int64_t values = 0;
  for (const NodeId anchor : shape.anchors) values += info(body.node(anchor).kind).accumulators;
  return ChainChunks(shape.inner).count() * Shape(shape.outer).elements() * std::max<std::int64_t>(values, 1) * 4;
}

std::string StripGroup::why_not(const Kernel& kernel, StripCut cut, const StripReads& reads) const {
  std::set<BufferId> across = read_across_;
  for (std::size_t i = 0; i < kernel.inputs.size(); ++i) {
    const BufferId root = program_->root_of(kernel.inputs[i]);
    const bool in_part = reads[i] && root == kernel.inputs[i];
    if (!in_part) across.insert(root);
    if (program_->buffers[root].kind == BufferKind::strip && !written_.contains(root))
      return str("reads %b", root, ", of which nothing was written among these strips");
    if (!in_part && written_.contains(root))
      return str("reads other strips of %b", root, ", which is written strip by strip");
    if (summed_.contains(root)) return str("reads %b", root, ", which is made behind the last strip");
  }
  for (const BufferId id : kernel.outputs) {
    const BufferId root = program_->root_of(id);
    if (root != id) return str("writes a slice of %b", root);
    if (summed_.contains(root)) return str("writes %b", root, ", which is made behind the last strip");
    if (cut == StripCut::terms && program_->buffers[root].kind == BufferKind::strip)
      return str("writes %b behind the last strip, where it is gone", root);
    if (cut == StripCut::results && across.contains(root))
      return str("writes %b", root, ", of which other strips are read");
    // Sums are combined on all threads, with no barrier between two kernels.
    if (cut == StripCut::terms && (written_.contains(root) || read_by_sums_.contains(root)))
      return str("writes %b", root, ", which other sums or strips need");
  }
  return {};
}

void StripGroup::add(const Kernel& kernel, StripCut cut, const StripReads& reads) {
  for (std::size_t i = 0; i < kernel.inputs.size(); ++i) {
    const BufferId root = program_->root_of(kernel.inputs[i]);
    if (!reads[i] || root != kernel.inputs[i]) read_across_.insert(root);
    if (cut == StripCut::terms) read_by_sums_.insert(root);
  }
  for (const BufferId id : kernel.outputs) (cut == StripCut::terms ? summed_ : written_).insert(program_->root_of(id));
}

namespace {

std::string why_not_next(StripGroup& group, const Kernel& k, std::int64_t count) {
  if (k.schedule.strips != count) return str("is scheduled for ", k.schedule.strips, " strips, not for ", count);
  const auto shape = kernel_shape(*k.body);
  if (const auto* why = std::get_if<std::string>(&shape)) return "has no loop nest: " + *why;
  const StripCut cut = strip_cut(k.schedule);
  const auto reads = strip_reads(*k.body, std::get<KernelShape>(shape), k.schedule, cut, count);
  if (!reads) return str("cannot be cut into ", count, " strips");
  std::string why = group.why_not(k, cut, *reads);
  if (why.empty()) group.add(k, cut, *reads);
  return why;
}

}  // namespace

std::string why_not_in_strips(const Strips& strips, const Program& program) {
  StripGroup group(program);
  for (const Kernel& k : strips.kernels)
    if (const std::string why = why_not_next(group, k, strips.count); !why.empty())
      return "kernel \"" + k.name + "\" " + why;
  return {};
}

}  // namespace sinter::ir
