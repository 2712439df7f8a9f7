#include <sinter/ir/plan_checker.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include <sinter/ir/error.h>
#include <sinter/ir/kernel.h>
#include <sinter/ir/memory.h>
#include <sinter/ir/node_space.h>
#include <sinter/ir/op.h>
#include <sinter/ir/strips.h>

namespace sinter::ir {

namespace {

constexpr auto arena_alignment = static_cast<std::int64_t>(memory_alignment);

/// One kernel, and the kernels (numbered in item order) at which what it touches must be kept: in a loop and among
/// strips, all of them.
struct Step {
  const Kernel* kernel;
  std::size_t first, last;
};

void append_steps(const std::vector<Item>& items, std::vector<Step>& steps, bool in_loop) {
  for (const Item& item : items) {
    const std::size_t begin = steps.size();
    if (const auto* kernel = std::get_if<Kernel>(&item)) steps.push_back({kernel, begin, begin});
    if (const auto* strips = std::get_if<Strips>(&item))
      for (const Kernel& k : strips->kernels) steps.push_back({&k, begin, begin});
    const auto* loop = std::get_if<std::shared_ptr<const Loop>>(&item);
    if (loop != nullptr) append_steps((*loop)->items, steps, true);
    if (in_loop) continue;
    for (std::size_t k = begin; k < steps.size(); ++k) steps[k] = {steps[k].kernel, begin, steps.size() - 1};
  }
}

/// A buffer's value is kept from kernel `first` to kernel `last`.
struct Life {
  BufferId buffer;
  std::size_t first, last;
};

class PlanChecker {
 public:
  explicit PlanChecker(const Program& program) : program_(program), open_(program.buffers.size()) {
    append_steps(program.items, steps_, false);
  }

  std::vector<std::string> run() {
    check_placement();
    for (std::size_t k = 0; k < steps_.size(); ++k) follow(k);
    check_outputs();
    check_overlaps();
    for (const Item& item : program_.items)
      if (const auto* strips = std::get_if<Strips>(&item)) check_strips(*strips);
    return std::move(found_);
  }

 private:
  template <class... Parts>
  void report(const Parts&... parts) {
    found_.push_back(str(parts...));
  }
  std::string kernel_text(std::size_t k) const { return str("kernel #", k, " \"", steps_[k].kernel->name, "\""); }
  bool is_arena(BufferId id) const { return program_.buffers[id].kind == BufferKind::arena; }

  /// Inside the arena; nothing else can be said about the bytes of one that is not.
  bool is_inside(const Buffer& b) const { return b.offset >= 0 && b.offset <= program_.arena_bytes - b.type.bytes(); }

  void check_placement();
  void follow(std::size_t k);
  void read(std::size_t k, BufferId id);
  void write(std::size_t k, BufferId id);
  bool reads(const Kernel& kernel, BufferId root) const {
    return std::ranges::any_of(kernel.inputs, [&](BufferId id) { return program_.root_of(id) == root; });
  }
  void check_in_place(std::size_t k, std::size_t output);
  void check_outputs();
  void check_overlaps();
  void check_overlap(const Life& a, const Life& b);
  void check_strips(const Strips& strips);

  const Program& program_;
  std::vector<Step> steps_;
  std::vector<Life> lives_;
  std::vector<std::optional<std::size_t>> open_;  // per buffer: its latest life
  std::vector<std::string> found_;
};

void PlanChecker::check_placement() {
  if (program_.arena_lower_bound > program_.arena_bytes)
    report("the arena has ", program_.arena_bytes, " bytes, below its lower bound of ", program_.arena_lower_bound);
  for (const BufferId id : program_.of_kind(BufferKind::arena)) {
    const Buffer& b = program_.buffers[id];
    if (b.offset % arena_alignment != 0)
      report("%b", id, ": offset ", b.offset, " is not a multiple of ", arena_alignment);
    if (!is_inside(b)) {
      report("%b", id, ": ", b.type.bytes(), " bytes at offset ", b.offset, " leave the arena of ",
             program_.arena_bytes, " bytes");
    }
  }
}

/// What kernel k does to the lives of its buffers: first it reads, then it writes.
void PlanChecker::follow(std::size_t k) {
  const Kernel& kernel = *steps_[k].kernel;
  for (const BufferId id : kernel.inputs) read(k, program_.root_of(id));
  for (const BufferId id : kernel.outputs) write(k, program_.root_of(id));
  for (std::size_t o = 0; o < kernel.outputs.size(); ++o) check_in_place(k, o);
}

void PlanChecker::read(std::size_t k, BufferId id) {
  const BufferKind kind = program_.buffers[id].kind;
  if (kind != BufferKind::arena && kind != BufferKind::output) return;
  if (!open_[id]) {
    report(kernel_text(k), " reads %b", id, " before anything was written there");
    open_[id] = lives_.size();
    lives_.push_back({id, steps_[k].first, steps_[k].last});
  }
  Life& life = lives_[*open_[id]];
  life.last = std::max(life.last, steps_[k].last);
}

void PlanChecker::write(std::size_t k, BufferId id) {
  const Step& step = steps_[k];
  // Within one loop all lives last as long as the loop; as one they are reported once.
  const bool same_loop = open_[id] && lives_[*open_[id]].last >= step.first;
  if (!open_[id] || (!same_loop && !reads(*step.kernel, id))) {
    open_[id] = lives_.size();
    lives_.push_back({id, step.first, step.last});
  }
  Life& life = lives_[*open_[id]];
  life.last = std::max(life.last, step.last);
}

bool mentions(const IndexMap& map, std::size_t operand) {
  return std::ranges::any_of(map.coordinates, [&](const Coordinate& c) {
    return c.indirect && (c.indirect->operand == static_cast<int>(operand) ||
                          (c.indirect->map && mentions(*c.indirect->map, operand)));
  });
}

/// True when element i of the result needs no element of the operand but i (in row-major order).
bool reads_own_element(const Graph& body, const Node& node, std::size_t slot) {
  const OpInfo& op = info(node.kind);
  if (op.form == Form::pointwise) return true;
  if (op.form == Form::region || op.form == Form::external) return false;
  const std::vector<TensorType> types = operand_types(body, node);
  const Space space = op.space(node.attributes, types);
  // A point of a scatter writes where it reads the old value, and steers by all its other operands.
  if (space.write) return slot == 0;
  for (std::size_t r = 0; r < space.reads.size(); ++r) {
    if (mentions(space.reads[r], slot)) return false;
    if (space.operand_of(r) != static_cast<int>(slot)) continue;
    if (!is_relabelling(space.reads[r], space, types[slot].shape)) return false;
  }
  return true;
}

std::vector<bool> needed_nodes(const Graph& body) {
  std::vector<bool> needed(body.size());
  for (const Output& o : body.outputs()) needed[o.value.node] = true;
  for (std::size_t id = body.size(); id-- > 0;) {
    if (!needed[id]) continue;
    for (const Value& v : body.node(static_cast<NodeId>(id)).operands) needed[v.node] = true;
  }
  return needed;
}

/// True when every way from `parameter` to an output leads from element i to element i.
bool read_only_in_place(const Graph& body, NodeId parameter) {
  const std::vector<bool> needed = needed_nodes(body);
  std::vector<bool> follows(body.size());
  follows[parameter] = true;
  for (NodeId id = 0; id < body.size(); ++id) {
    const Node& n = body.node(id);
    if (!needed[id]) continue;
    for (std::size_t slot = 0; slot < n.operands.size(); ++slot) {
      if (!follows[n.operands[slot].node]) continue;
      if (!reads_own_element(body, n, slot)) return false;
      follows[id] = true;
    }
  }
  return true;
}

/// Either way of proving it will do: the first looks at the graph alone; the second knows that a row's sums are
/// finished before the row is written.
bool may_write_in_place(const Graph& body, std::size_t input, std::size_t output) {
  if (read_only_in_place(body, body.inputs()[input])) return true;
  const auto shape = kernel_shape(body);
  const auto* known = std::get_if<KernelShape>(&shape);
  return known != nullptr && may_overwrite(body, *known, input, output);
}

void PlanChecker::check_in_place(std::size_t k, std::size_t output) {
  const Kernel& kernel = *steps_[k].kernel;
  for (std::size_t i = 0; i < kernel.inputs.size(); ++i) {
    if (program_.root_of(kernel.inputs[i]) != program_.root_of(kernel.outputs[output])) continue;
    if (kernel.inputs[i] == kernel.outputs[output] && may_write_in_place(*kernel.body, i, output)) continue;
    report(kernel_text(k), " writes %b", kernel.outputs[output], " in place, but reads other elements of it as input ",
           i);
  }
}

void PlanChecker::check_outputs() {
  for (const BufferId id : program_.of_kind(BufferKind::output))
    if (!open_[id]) report("%b", id, ": output \"", program_.buffers[id].name, "\" is never written");
}

void PlanChecker::check_overlaps() {
  std::vector<Life> lives;
  std::ranges::copy_if(lives_, std::back_inserter(lives), [&](const Life& l) { return is_arena(l.buffer); });
  std::ranges::sort(lives, {}, [](const Life& l) { return std::tuple(l.first, l.buffer, l.last); });
  for (std::size_t i = 0; i < lives.size(); ++i) {
    for (std::size_t j = i + 1; j < lives.size() && lives[j].first <= lives[i].last; ++j) {
      check_overlap(lives[i], lives[j]);
    }
  }
}

void PlanChecker::check_overlap(const Life& a, const Life& b) {
  if (a.buffer == b.buffer) return;
  const Buffer& x = program_.buffers[a.buffer];
  const Buffer& y = program_.buffers[b.buffer];
  if (!is_inside(x) || !is_inside(y)) return;
  const std::int64_t begin = std::max(x.offset, y.offset);
  const std::int64_t end = std::min(x.offset + x.type.bytes(), y.offset + y.type.bytes());
  if (begin >= end) return;
  const auto span = [&](const Life& l) {
    return str("%b", l.buffer, " from ", kernel_text(l.first), " to ", kernel_text(l.last));
  };
  report("%b", a.buffer, " and %b", b.buffer, " share bytes ", begin, "..", end - 1,
         " of the arena and are both live: ", span(a), ", ", span(b));
}

/// Buffers of kind strip live as long as the group that writes them.
void PlanChecker::check_strips(const Strips& strips) {
  std::set<BufferId> written;
  for (const Kernel& k : strips.kernels)
    for (const BufferId id : k.outputs)
      if (program_.buffers[id].kind == BufferKind::strip) written.insert(id);
  const auto end = [&](const Buffer& b) { return b.offset + strip_room(b, strips.count); };
  for (const BufferId a : written) {
    for (const BufferId b : written) {
      const Buffer& x = program_.buffers[a];
      const Buffer& y = program_.buffers[b];
      if (a < b && x.offset < end(y) && y.offset < end(x))
        report("%b", a, " and %b", b, " share bytes of a thread's strips");
    }
  }
}

}  // namespace

std::vector<std::string> plan_violations(const Program& program) { return PlanChecker(program).run(); }

}  // namespace sinter::ir
