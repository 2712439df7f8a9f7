// Kernel analysis: a symbolic run of the loop nest that the builder will emit. Indices are affine expressions over the
// kernel's axes; an index that depends on data, or on a division that does not simplify, is unknown (nullopt) and may
// reach inputs only.

#include <sinter/ir/kernel.h>

#include <algorithm>
#include <set>

#include <sinter/ir/error.h>
#include <sinter/ir/node_space.h>
#include <sinter/ir/ops.h>
#include <sinter/ir/window_nest.h>

namespace sinter::ir {

namespace {

/// An index of a tensor: its coordinates, and its flat element number where that is known beside (or instead of) them.
struct Index : std::vector<std::optional<Affine>> {
  using std::vector<std::optional<Affine>>::vector;
  std::optional<Affine> flat;
};

/// The coordinates in `shape` of a known flat number.
Index at_flat(const Affine& address, const Shape& shape, std::span<const std::int64_t> extents) {
  const std::vector<std::optional<Affine>> digits = unflatten(address, shape, extents);
  Index index(digits.begin(), digits.end());
  index.flat = address;
  return index;
}

std::optional<Affine> apply(const Coordinate& c, std::span<const std::optional<Affine>> axes,
                            std::span<const std::int64_t> extents) {
  if (c.indirect) return std::nullopt;
  Affine value = Affine::constant(c.offset);
  for (const AxisTerm& t : c.terms) {
    const std::optional<Affine>& axis = axes[static_cast<std::size_t>(t.axis)];
    if (!axis) return std::nullopt;
    value = value + axis->scaled(t.scale);
  }
  value.drop_unit_axes(extents);
  if (c.division == Division::exact && c.divisor != 1) return std::nullopt;
  std::optional<Affine> result = value.divide_floor(c.divisor, extents);
  if (result && c.modulus != 0) result = result->modulo(c.modulus, extents);
  return result;
}

Index apply(const IndexMap& map, const Index& axes, std::span<const std::int64_t> extents) {
  Index index;
  for (const Coordinate& c : map.coordinates) index.push_back(apply(c, axes, extents));
  return index;
}

std::optional<Affine> flat(const Index& index, const Shape& shape, std::span<const std::int64_t> extents) {
  if (index.flat) return index.flat;
  const Ints strides = shape.strides();
  Affine sum;
  for (std::size_t k = 0; k < index.size(); ++k) {
    if (shape[static_cast<int>(k)] == 1) continue;
    if (!index[k]) return std::nullopt;
    sum = sum + index[k]->scaled(strides[k]);
  }
  sum.drop_unit_axes(extents);
  return sum;
}

/// The row-major number of the point over the first `count` axes.
Affine point_number(const Ints& extents, std::size_t count) {
  Affine number;
  std::int64_t stride = 1;
  for (std::size_t k = count; k-- > 0;) {
    if (extents[k] != 1) number.add(static_cast<int>(k), stride);
    stride *= extents[k];
  }
  return number;
}

/// The axes of an anchor's space, over those of the kernel.
Index anchor_axes(const KernelShape& shape, const Space& space, std::span<const std::int64_t> extents) {
  Index axes = at_flat(point_number(shape.extents(), shape.outer.size()), Shape(space.parallel), extents);
  axes.flat.reset();
  for (std::size_t k = 0; k < space.reduced.size(); ++k)
    axes.emplace_back(Affine::axis(static_cast<int>(shape.outer.size() + k)));
  return axes;
}

/// The innermost axis of the result that has an extent is also the innermost of every operand.
bool shares_innermost_axis(const Space& space, std::span<const TensorType> types) {
  int axis = static_cast<int>(space.parallel.size()) - 1;
  while (axis >= 0 && space.extent(axis) == 1) --axis;
  for (std::size_t k = 0; k < space.reads.size(); ++k) {
    const Shape& shape = types[static_cast<std::size_t>(space.operand_of(k))].shape;
    int last = shape.rank() - 1;
    while (last >= 0 && shape[last] == 1) --last;
    if (last < 0 || space.reads[k].coordinates[static_cast<std::size_t>(last)].scale_of(axis) != 1) return false;
  }
  return axis >= 0;
}

class Analysis {
 public:
  explicit Analysis(const Graph& body) : body_(body), inputs_(body.inputs()) {}

  std::variant<KernelShape, std::string> run() {
    if (!classify()) return reason_;
    if (shape_.form == KernelForm::external) return shape_;  // nothing is known of what it reads
    extents_ = shape_.extents();
    outer_number_ = point_number(extents_, shape_.outer.size());
    for (const NodeId anchor : shape_.anchors) trace_anchor(anchor);
    in_anchor_ = false;
    for (const Output& o : body_.outputs()) trace_output(o.value);
    if (!reason_.empty()) return reason_;
    return shape_;
  }

 private:
  bool fail(const std::string& why) {
    if (reason_.empty()) reason_ = why;
    return false;
  }

  bool is_anchor(const Node& n) const {
    const Form form = info(n.kind).form;
    return form == Form::reduce || form == Form::contract || form == Form::scatter;
  }

  /// A call of a user's function: it alone, from the inputs to the outputs.
  bool is_extern() const {
    if (body_.size() != inputs_.size() + 1 || info(body_.nodes().back().kind).form != Form::external) return false;
    const auto id = static_cast<NodeId>(body_.size() - 1);
    const std::vector<Output>& outputs = body_.outputs();
    if (outputs.size() != body_.node(id).results.size()) return false;
    for (std::uint32_t r = 0; r < outputs.size(); ++r)
      if (outputs[r].value != Value{id, r}) return false;
    return true;
  }

  /// Form, outer and inner extents from the anchors.
  bool classify() {
    if (is_extern()) {
      shape_.form = KernelForm::external;
      return true;
    }
    for (NodeId id = 0; id < body_.size(); ++id) {
      const Node& n = body_.node(id);
      if (n.body) return fail("a kernel holds plain ops only");
      if (info(n.kind).form == Form::external) return fail("a user's function is called by a kernel of its own");
      if (info(n.kind).form == Form::prefix) return fail("running sums are kernels of their own");
      if (is_anchor(n)) shape_.anchors.push_back(id);
    }
    if (body_.outputs().empty()) return fail("a kernel needs an output");
    if (shape_.anchors.empty()) {
      shape_.form = KernelForm::pointwise;
      shape_.outer = body_.type(body_.outputs()[0].value).shape.ints();
      return true;
    }
    for (const NodeId anchor : shape_.anchors)
      if (!add_anchor(anchor)) return false;
    return true;
  }

  /// Contractions as chains per vector of columns: where every operand lies along the result's innermost axis
  /// (depthwise convolution), and where a window moves in a way that has no nest of its own.
  static bool runs_along(const Space& space, std::span<const TensorType> types) {
    return is_windowed(space, types) ? !window_nest(space, types) : shares_innermost_axis(space, types);
  }

  bool add_anchor(NodeId id) {
    const Node& n = body_.node(id);
    const OpInfo& op = info(n.kind);
    const std::vector<TensorType> types = operand_types(body_, n);
    const Space space = op.space(n.attributes, types);
    const KernelForm form = op.form == Form::contract && !runs_along(space, types) ? KernelForm::contract
                            : op.form == Form::scatter                             ? KernelForm::scatter
                            : op.order(n.attributes, types) == Order::lanes        ? KernelForm::row
                                                                                   : KernelForm::column;
    if (id == shape_.anchors.front()) {
      shape_.form = form;
      shape_.outer = space.parallel;
      shape_.inner = space.reduced;
      if (form == KernelForm::row) set_full(space, types[0].shape);
      return true;
    }
    if (form == KernelForm::contract || shape_.form == KernelForm::contract)
      return fail("a kernel holds one contraction and no other reduction");
    if (form == KernelForm::scatter || shape_.form == KernelForm::scatter)
      return fail("a scatter is a kernel of its own");
    if (form != shape_.form) return fail("reductions along and across rows do not share a kernel");
    if (Shape(space.parallel).elements() != Shape(shape_.outer).elements() || space.reduced != shape_.inner)
      return fail("reductions run over different spaces");
    return true;
  }

  void set_full(const Space& space, const Shape& operand) {
    for (const Coordinate& c : space.reads[0].coordinates) shape_.full.push_back(Affine::axis(c.terms[0].axis));
    shape_.full_shape = operand;
  }

  Index outer_index(const Shape& shape) const { return unflattened(outer_number_, shape); }

  Index unflattened(const Affine& address, const Shape& shape) const { return at_flat(address, shape, extents_); }

  void trace_anchor(NodeId id) {
    const Node& n = body_.node(id);
    const Space space = node_space(body_, n);
    in_anchor_ = true;
    trace_reads(n, space, anchor_axes(shape_, space, extents_));
  }

  void trace_output(const Value& value) {
    const Shape& shape = body_.type(value).shape;
    const std::int64_t outer = Shape(shape_.outer).elements();
    if (shape_.form == KernelForm::scatter) {
      if (value.node != shape_.anchors.front()) fail("a scatter is a kernel of its own");
      shape_.output_is_full.push_back(false);
      shape_.output_addresses.emplace_back();
      return;
    }
    if (shape.elements() == outer) {
      shape_.output_is_full.push_back(false);
      shape_.output_addresses.push_back(outer_number_);
      trace(value, outer_index(shape));
      return;
    }
    if (shape_.form != KernelForm::row || shape.elements() != shape_.full_shape.elements()) {
      fail("an output of shape " + to_string(shape) + " does not fit the loop nest " + to_string(Shape(shape_.outer)));
      return;
    }
    const Affine address = flatten(shape_.full, shape_.full_shape);
    shape_.output_is_full.push_back(true);
    shape_.output_addresses.push_back(address);
    Index index = unflattened(address, shape);
    if (shape == shape_.full_shape) std::copy(shape_.full.begin(), shape_.full.end(), index.begin());
    trace(value, index);
  }

  void trace(const Value& value, const Index& index) {
    if (!reason_.empty()) return;
    const Node& n = body_.node(value);
    const Shape& shape = body_.type(value).shape;
    std::string key = std::to_string(value.node) + "." + std::to_string(value.result) + (in_anchor_ ? "a" : "o");
    for (const std::optional<Affine>& i : index) key += ";" + (i ? to_string(*i) : "?");
    if (index.flat) key += "=" + to_string(*index.flat);
    if (!seen_.insert(key).second) return;
    if (n.kind == kind_of<Input>()) {
      const auto at = static_cast<std::size_t>(std::find(inputs_.begin(), inputs_.end(), value.node) - inputs_.begin());
      shape_.reads.push_back({at, flat(index, shape, extents_), leading(index, shape), in_anchor_});
      return;
    }
    if (is_anchor(n)) {
      const std::optional<Affine> point = flat(index, shape, extents_);
      if (!point || *point != outer_number_)
        fail("'" + std::string(info(n.kind).name) + "' is needed at another point than the loop's");
      if (in_anchor_ && shape_.form != KernelForm::row && shape_.form != KernelForm::column)
        fail("a contraction of its own result");
      return;
    }
    const Space space = node_space(body_, n);
    if (!is_view(body_, n, space)) return trace_reads(n, space, index);
    const Shape& operand = body_.type(n.operands[0]).shape;
    const std::optional<Affine> number = flat(index, shape, extents_);
    trace(n.operands[0], number ? unflattened(*number, operand) : Index(static_cast<std::size_t>(operand.rank())));
  }

  static std::optional<Affine> leading(const Index& index, const Shape& shape) {
    for (std::size_t k = 0; k < index.size(); ++k)
      if (shape[static_cast<int>(k)] != 1) return index[k];
    return std::nullopt;
  }

  void trace_reads(const Node& n, const Space& space, const Index& axes) {
    for (std::size_t k = 0; k < space.reads.size(); ++k) {
      const auto operand = static_cast<std::size_t>(space.operand_of(k));
      const bool same = space.reads[k].is_identity() &&
                        Shape(space.parallel) == body_.type(n.operands[operand]).shape && space.reduced.empty();
      const Index index = same ? axes : apply(space.reads[k], axes, extents_);
      if (!same) add_guards(index, body_.type(n.operands[operand]).shape);
      trace(n.operands[operand], index);
      trace_indirect(n, space.reads[k], axes);
    }
    if (space.write) trace_indirect(n, *space.write, axes);
  }

  void add_guards(const Index& index, const Shape& operand) {
    for (std::size_t k = 0; k < index.size(); ++k) {
      if (!index[k]) continue;
      const CoordinateRange range = index[k]->range(extents_);
      const KernelGuard guard{*index[k], operand[static_cast<int>(k)]};
      const bool inside = range.low >= 0 && range.high < guard.extent;
      if (!inside && std::ranges::count(shape_.guards, guard) == 0) shape_.guards.push_back(guard);
    }
  }

  void trace_indirect(const Node& n, const IndexMap& map, const Index& axes) {
    for (const Coordinate& c : map.coordinates)
      if (c.indirect)
        trace(n.operands[static_cast<std::size_t>(c.indirect->operand)], apply(*c.indirect->map, axes, extents_));
  }

  const Graph& body_;
  std::vector<NodeId> inputs_;
  KernelShape shape_;
  Ints extents_;
  Affine outer_number_;
  bool in_anchor_ = false;
  std::string reason_;
  std::set<std::string> seen_;
};

}  // namespace

Ints KernelShape::extents() const {
  Ints all = outer;
  all.insert(all.end(), inner.begin(), inner.end());
  return all;
}

std::variant<KernelShape, std::string> kernel_shape(const Graph& body) { return Analysis(body).run(); }

std::optional<OperandRead> operand_read(const Graph& body, const KernelShape& shape, NodeId anchor, std::size_t read) {
  const Ints extents = shape.extents();
  const Node* n = &body.node(anchor);
  Space space = node_space(body, *n);
  Index index = apply(space.reads[read], anchor_axes(shape, space, extents), extents);
  Value operand = n->operands[static_cast<std::size_t>(space.operand_of(read))];
  while (body.node(operand).kind != kind_of<Input>()) {
    n = &body.node(operand);
    if (info(n->kind).form != Form::map || n->operands.size() != 1) return std::nullopt;
    space = node_space(body, *n);
    if (space.reads.size() != 1) return std::nullopt;
    if (is_view(body, *n, space)) {
      const std::optional<Affine> number = flat(index, body.type(operand).shape, extents);
      if (!number) return std::nullopt;
      index = at_flat(*number, body.type(n->operands[0]).shape, extents);
    } else {
      index = apply(space.reads[0], index, extents);
    }
    operand = n->operands[0];
  }
  const std::optional<Affine> address = flat(index, body.type(operand).shape, extents);
  if (!address) return std::nullopt;
  const std::vector<NodeId> inputs = body.inputs();
  const auto position = std::find(inputs.begin(), inputs.end(), operand.node) - inputs.begin();
  return OperandRead{static_cast<std::size_t>(position), *address};
}

bool may_overwrite(const Graph& body, const KernelShape& shape, std::size_t input, std::size_t output) {
  const Value written = body.outputs()[output].value;
  if (body.type(written).bytes() != body.node(body.inputs()[input]).results[0].bytes()) return false;
  if (shape.form == KernelForm::scatter || shape.form == KernelForm::external) return false;
  for (const KernelRead& r : shape.reads) {
    if (r.input != input) continue;
    if (!r.address || *r.address != shape.output_addresses[output]) return false;
    // A row's sums are finished before its outputs are written; other anchors' terms belong to other points as well.
    if (r.in_anchor && (shape.form != KernelForm::row || !shape.output_is_full[output])) return false;
  }
  return true;
}

bool runs_as_window(const Graph& body, const KernelShape& shape, const Schedule& schedule) {
  const Node& anchor = body.node(shape.anchors.front());
  const std::vector<TensorType> types = operand_types(body, anchor);
  const Space space = node_space(body, anchor);
  const std::optional<WindowNest> nest = window_nest(space, types);
  if (!nest || is_windowed(space, types)) return nest.has_value();
  if (!nest->chunked || schedule.swap || schedule.pack_vectors || schedule.pack_rows || schedule.part > 0) return false;
  const int inner = space.axes() - 1;
  return std::ranges::all_of(space.reads,
                             [&](const IndexMap& map) { return map.coordinates.back().scale_of(inner) == 0; });
}

std::vector<std::size_t> anchor_depths(const Graph& body, std::span<const NodeId> anchors) {
  std::vector<std::size_t> depths;
  for (NodeId id = 0; id < body.size(); ++id) {
    std::size_t depth = std::ranges::count(anchors, id) > 0 ? 1 : 0;
    const std::size_t own = depth;
    for (const Value& v : body.node(id).operands) depth = std::max(depth, depths[v.node] + own);
    depths.push_back(depth);
  }
  return depths;
}

std::vector<std::optional<Affine>> pulled_index(const IndexMap& map, std::span<const Affine> axes,
                                                std::span<const std::int64_t> extents) {
  const Index known(axes.begin(), axes.end());
  const Index index = apply(map, known, extents);
  return {index.begin(), index.end()};
}

std::vector<std::optional<Affine>> unflatten(const Affine& address, const Shape& shape,
                                             std::span<const std::int64_t> extents) {
  const Ints strides = shape.strides();
  std::vector<std::optional<Affine>> index;
  for (int k = 0; k < shape.rank(); ++k) {
    if (shape[k] == 1) {
      index.emplace_back(Affine{});
      continue;
    }
    std::optional<Affine> digit =
        address.divide_floor(std::max<std::int64_t>(strides[static_cast<std::size_t>(k)], 1), extents);
    if (digit && k > 0) digit = digit->modulo(std::max<std::int64_t>(shape[k], 1), extents);
    index.push_back(std::move(digit));
  }
  return index;
}

Graph single_node_body(const Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  Graph body;
  std::vector<Value> operands;
  for (std::size_t k = 0; k < n.operands.size(); ++k)
    operands.push_back(input(body, "p" + std::to_string(k), graph.type(n.operands[k])).value());
  Node copy = n;
  copy.operands = std::move(operands);
  const NodeId made = body.add_unchecked(std::move(copy));
  for (std::uint32_t r = 0; r < n.results.size(); ++r) body.add_output("r" + std::to_string(r), Value{made, r});
  return body;
}

}  // namespace sinter::ir
