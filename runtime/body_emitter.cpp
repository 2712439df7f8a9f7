#include "body_emitter.h"

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/node_space.h>
#include "bounds_check.h"

namespace sinter::runtime {

using ir::Affine;
using ir::Node;
using ir::NodeId;

llvm::Value* Point::axis(int k) const {
  for (const Point* p = this; p != nullptr; p = p->parent)
    if (const auto found = p->axes.find(k); found != p->axes.end()) return found->second;
  return nullptr;
}

void Point::finish(NodeId node, std::span<const LlvmValue> results) {
  for (std::uint32_t r = 0; r < results.size(); ++r) anchors.insert_or_assign(ir::Value{node, r}, results[r]);
}

namespace {

/// A condition that is known to be false (null is true).
bool is_never(llvm::Value* condition) {
  const auto* known = llvm::dyn_cast_or_null<llvm::ConstantInt>(condition);
  return known != nullptr && known->isZero();
}

/// The point, at or above, that stands for a vector of elements.
const Point* group_point(const Point& point) {
  for (const Point* p = &point; p != nullptr; p = p->parent)
    if (p->counter != nullptr) return p;
  return nullptr;
}

}  // namespace

BodyEmitter::BodyEmitter(const EmitContext& context, const ir::Kernel& kernel, const ir::KernelShape& shape,
                         std::vector<llvm::Value*> pointers, bool checked)
    : context_(context),
      kernel_(kernel),
      shape_(shape),
      pointers_(std::move(pointers)),
      checked_(checked),
      extents_(shape.extents()),
      inputs_(kernel.body->inputs()) {
  std::int64_t stride = 1;
  for (std::size_t k = shape.outer.size(); k-- > 0;) {
    if (extents_[k] != 1) outer_number_.add(static_cast<int>(k), stride);
    stride *= extents_[k];
  }
  for (NodeId id = 0; id < body().size(); ++id) {
    const Node& n = body().node(id);
    bodies_.push_back(ir::body_of<LlvmValue>(n));
    spaces_.push_back(ir::node_space(body(), n));
    bool needs = std::find(shape.anchors.begin(), shape.anchors.end(), id) != shape.anchors.end();
    for (const ir::Value& v : n.operands) needs = needs || needs_anchor_[v.node];
    needs_anchor_.push_back(needs);
    relabels_.push_back(ir::is_view(body(), n, spaces_.back()));
  }
}

void BodyEmitter::restrict_axis(int axis, std::int64_t begin, std::int64_t end) {
  restricted_.insert_or_assign(axis, ir::CoordinateRange{begin, end - 1});
}

ir::CoordinateRange BodyEmitter::range_of(const Affine& index) const {
  Affine shifted = index;
  ir::Ints extents = extents_;
  for (const auto& [axis, range] : restricted_) {
    shifted.offset += index.scale_of(axis) * range.low;
    extents[static_cast<std::size_t>(axis)] = range.high - range.low + 1;
  }
  return shifted.range(extents);
}

std::size_t BodyEmitter::input_position(NodeId node) const {
  return static_cast<std::size_t>(std::find(inputs_.begin(), inputs_.end(), node) - inputs_.begin());
}

// ---- Numbers ----

llvm::Value* BodyEmitter::add(llvm::Value* a, llvm::Value* b) const {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  const bool vector = a->getType()->isVectorTy() || b->getType()->isVectorTy();
  return context_.builder.CreateAdd(vector ? context_.splat(a) : a, vector ? context_.splat(b) : b);
}

llvm::Value* BodyEmitter::scaled(llvm::Value* a, std::int64_t factor) const {
  if (factor == 1) return a;
  llvm::Value* f = context_.i64(factor);
  return context_.builder.CreateMul(a, a->getType()->isVectorTy() ? context_.splat(f) : f);
}

llvm::Value* BodyEmitter::both(llvm::Value* a, llvm::Value* b) const {
  if (a == nullptr || is_never(b)) return b;
  if (b == nullptr || is_never(a)) return a;
  const bool vector = a->getType()->isVectorTy() || b->getType()->isVectorTy();
  return context_.builder.CreateAnd(vector ? context_.splat(a) : a, vector ? context_.splat(b) : b);
}

std::int64_t BodyEmitter::flat_scale(const Affine& index, const FlatAxes& flat) const {
  std::int64_t innermost = 0;
  std::int64_t expected = 0;
  for (std::size_t k = flat.axes.size(); k-- > 0;) {
    const std::int64_t extent = extents_[static_cast<std::size_t>(flat.axes[k])];
    if (extent == 1) continue;
    const std::int64_t scale = index.scale_of(flat.axes[k]);
    if (innermost == 0) innermost = expected = scale;
    if (scale == 0 || scale != expected) return 0;
    expected *= extent;
  }
  return innermost;
}

llvm::Value* BodyEmitter::add_flat(llvm::Value* sum, Affine& rest, const Point& point) const {
  for (const Point* p = &point; p != nullptr; p = p->parent)
    for (const FlatAxes& flat : p->flat) {
      const bool current = std::all_of(flat.axes.begin(), flat.axes.end(),
                                       [&](int axis) { return point.axis(axis) == p->axes.at(axis); });
      const std::int64_t scale = current ? flat_scale(rest, flat) : 0;
      if (scale == 0) continue;
      sum = add(sum, scaled(flat.number, scale));
      for (const int axis : flat.axes) rest.scales.erase(axis);
    }
  return sum;
}

BodyEmitter::Address BodyEmitter::address(const LiveIndex& index, const Point& point) {
  Address a;
  if (!index.affine) {
    check(index.value != nullptr, "kernel '", kernel_.name, "': an index is unknown");
    (index.value->getType()->isVectorTy() ? a.varying : a.uniform) = index.value;
    return a;
  }
  const Point* grouped = group_point(point);
  llvm::Value* varying = nullptr;
  Affine rest = *index.affine;
  a.uniform = add_flat(context_.i64(rest.offset), rest, point);
  for (const auto& [axis, scale] : rest.scales) {
    const bool in_group =
        grouped != nullptr && std::find(grouped->group.begin(), grouped->group.end(), axis) != grouped->group.end();
    if (in_group) {
      // The axes of a group are counted together: only the innermost one's scale matters.
      if (axis != grouped->group.back()) continue;
      a.uniform = add(a.uniform, scaled(grouped->counter, scale));
      a.lane_stride = scale;
      continue;
    }
    llvm::Value* value = point.axis(axis);
    check(value != nullptr, "kernel '", kernel_.name, "': axis ", axis, " has no value");
    (value->getType()->isVectorTy() ? varying : a.uniform) =
        add(value->getType()->isVectorTy() ? varying : a.uniform, scaled(value, scale));
  }
  if (index.value != nullptr) a.uniform = add(a.uniform, index.value);
  if (varying != nullptr) {
    if (a.lane_stride != 0) varying = add(varying, scaled(context_.lane_numbers(), a.lane_stride));
    a.varying = add(varying, a.uniform);
  }
  return a;
}

llvm::Value* BodyEmitter::vector_address(const Address& a) const {
  if (a.varying != nullptr) return a.varying;
  if (a.lane_stride == 0 || context_.lanes == 1) return a.uniform;
  return add(scaled(context_.lane_numbers(), a.lane_stride), a.uniform);
}

llvm::Value* BodyEmitter::number(const LiveIndex& index, const Point& point) {
  return vector_address(address(index, point));
}

LiveIndex BodyEmitter::flatten(const LiveIndices& index, const ir::Shape& shape, const Point& point) {
  if (index.flat) return *index.flat;
  const ir::Ints strides = shape.strides();
  Affine sum;
  llvm::Value* live = nullptr;
  for (std::size_t k = 0; k < index.size(); ++k) {
    if (shape[static_cast<int>(k)] == 1) continue;
    if (index[k].affine)
      sum = sum + index[k].affine->scaled(strides[k]);
    else
      live = add(live, scaled(index[k].value, strides[k]));
  }
  if (live == nullptr || !live->getType()->isVectorTy()) return {sum, live};
  if (!sum.scales.empty() || sum.offset != 0) live = add(live, number({sum, nullptr}, point));
  return {std::nullopt, live};
}

LiveIndices BodyEmitter::index_of(const LiveIndex& address, const ir::Shape& shape) const {
  LiveIndices index;
  index.flat = address;
  if (address.is_affine())
    for (const std::optional<Affine>& digit : ir::unflatten(*address.affine, shape, extents_))
      index.push_back({digit, nullptr});
  else
    index.resize(static_cast<std::size_t>(shape.rank()));
  return index;
}

LiveIndices BodyEmitter::resolved(LiveIndices index, const ir::Shape& shape, const Point& point) {
  const ir::Ints strides = shape.strides();
  for (std::size_t d = 0; d < index.size(); ++d) {
    if (index[d].affine || index[d].value != nullptr) continue;
    llvm::Value* flat = number(*index.flat, point);
    const auto like_flat = [&](std::int64_t v) {
      return flat->getType()->isVectorTy() ? context_.splat(context_.i64(v)) : context_.i64(v);
    };
    llvm::Value* quotient = context_.builder.CreateUDiv(flat, like_flat(strides[d]));
    index[d].value = d == 0 ? quotient : context_.builder.CreateURem(quotient, like_flat(shape[static_cast<int>(d)]));
  }
  return index;
}

LiveIndices BodyEmitter::anchor_axes(NodeId node, Point& point) {
  LiveIndices axes = resolved(index_of({outer_number_, nullptr}, ir::Shape(spaces_[node].parallel)),
                              ir::Shape(spaces_[node].parallel), point);
  axes.flat.reset();
  for (std::size_t k = 0; k < shape_.inner.size(); ++k)
    axes.push_back({Affine::axis(static_cast<int>(shape_.outer.size() + k)), nullptr});
  return axes;
}

// ---- Memory ----

LlvmValue BodyEmitter::load(std::size_t parameter, DType dtype, std::int64_t elements, const LiveIndex& index,
                            Point& point, llvm::Value* guard) {
  const Address a = address(index, point);
  llvm::Value* pointer = pointers_[parameter];
  const bool varies = a.varying != nullptr || (a.lane_stride != 0 && context_.lanes > 1);
  if (!varies) {
    // Where any lane is guarded in, the address is inside, and it is the same for all.
    llvm::Value* mask =
        guard != nullptr && guard->getType()->isVectorTy() ? context_.builder.CreateOrReduce(guard) : guard;
    if (checked_)
      mask =
          both(mask, emit_bounds_check(context_, kernel_.name, static_cast<int>(parameter), a.uniform, mask, elements));
    return load_element(context_, dtype, context_.address(dtype, pointer, a.uniform), mask);
  }
  const Point* grouped = group_point(point);
  llvm::Value* mask = both(grouped != nullptr ? grouped->mask : nullptr, guard);
  if (checked_)
    mask = both(mask, emit_bounds_check(context_, kernel_.name, static_cast<int>(parameter), vector_address(a), mask,
                                        elements));
  if (a.varying == nullptr && a.lane_stride == 1)
    return load_vector(context_, dtype, context_.address(dtype, pointer, a.uniform), mask);
  return gather(context_, dtype, pointer, vector_address(a), mask);
}

void BodyEmitter::store(std::size_t parameter, const LlvmValue& value, std::int64_t elements, const LiveIndex& index,
                        Point& point, llvm::Value* guard) {
  const Address a = address(index, point);
  llvm::Value* pointer = pointers_[parameter];
  const DType dtype = value.dtype();
  if (a.varying == nullptr && (a.lane_stride == 0 || context_.lanes == 1)) {
    llvm::Value* mask = guard;
    if (checked_)
      mask =
          both(mask, emit_bounds_check(context_, kernel_.name, static_cast<int>(parameter), a.uniform, mask, elements));
    store_element(value, context_.address(dtype, pointer, a.uniform), mask);
    return;
  }
  const Point* grouped = group_point(point);
  llvm::Value* mask = both(grouped != nullptr ? grouped->mask : nullptr, guard);
  if (checked_)
    mask = both(mask, emit_bounds_check(context_, kernel_.name, static_cast<int>(parameter), vector_address(a), mask,
                                        elements));
  if (a.varying == nullptr && a.lane_stride == 1)
    store_vector(value, context_.address(dtype, pointer, a.uniform), mask);
  else
    scatter(value, pointer, vector_address(a), mask);
}

void BodyEmitter::prefetch(NodeId node, std::size_t k, Point& point, CacheLevel level) {
  if (const std::optional<ir::OperandRead> read = ir::operand_read(body(), shape_, node, k))
    prefetch(read->input, read->address, point, level);
}

void BodyEmitter::prefetch(std::size_t input, const Affine& element, Point& point, CacheLevel level) {
  prefetch_parameter(input, body().node(inputs_[input]).results[0].dtype, element, point, false, level);
}

void BodyEmitter::prefetch_outputs(Point& point, CacheLevel level) {
  const auto is_overwritten = [&](std::size_t input) {  // fetched below, once, as what is written
    return std::ranges::count(kernel_.outputs, kernel_.inputs[input]) > 0;
  };
  constexpr std::int64_t small = 4096;
  const auto is_small = [&](std::size_t input) {  // a bias: it stays in the cache
    return body().node(inputs_[input]).results[0].bytes() <= small;
  };
  for (const ir::KernelRead& r : shape_.reads)
    if (!r.in_anchor && r.address && !is_small(r.input) && !is_overwritten(r.input))
      prefetch(r.input, *r.address, point, level);
  for (std::size_t k = 0; k < shape_.output_addresses.size(); ++k) {
    const Affine& place = shape_.output_addresses[k];
    if (!place.is_constant())
      prefetch_parameter(inputs_.size() + k, body().type(body().outputs()[k].value).dtype, place, point,
                         level == CacheLevel::first, level);
  }
}

void BodyEmitter::prefetch_parameter(std::size_t parameter, DType dtype, const Affine& element, Point& point,
                                     bool for_writing, CacheLevel level) {
  const Address a = address({element, nullptr}, point);
  if (a.varying != nullptr) return;
  llvm::IRBuilder<>& b = context_.builder;
  llvm::Value* place = context_.address(dtype, pointers_[parameter], a.uniform);
  emit_prefetch(b, place, for_writing, level);
}

void emit_prefetch(llvm::IRBuilder<>& b, llvm::Value* address, bool for_writing, CacheLevel level) {
  constexpr std::uint32_t data = 1;
  b.CreateIntrinsic(
      b.getVoidTy(), llvm::Intrinsic::prefetch,
      {address, b.getInt32(for_writing ? 1 : 0), b.getInt32(static_cast<std::uint32_t>(level)), b.getInt32(data)});
}

// ---- Index maps ----

llvm::Value* BodyEmitter::runtime_coordinate(NodeId node, const ir::Coordinate& c, const LiveIndices& axes,
                                             Point& point, llvm::Value* guard, llvm::Value*& inside) {
  llvm::IRBuilder<>& b = context_.builder;
  Affine known = Affine::constant(c.offset);
  llvm::Value* value = nullptr;
  for (const ir::AxisTerm& t : c.terms) {
    const LiveIndex& axis = axes[static_cast<std::size_t>(t.axis)];
    if (axis.affine)
      known = known + axis.affine->scaled(t.scale);
    else
      value = add(value, scaled(axis.value, t.scale));
  }
  if (c.indirect) {
    llvm::Value* present = nullptr;
    const Node& n = body().node(node);
    const auto operand = static_cast<std::size_t>(c.indirect->operand);
    const LiveIndices at =
        apply(node, *c.indirect->map, axes, point, body().type(n.operands[operand]).shape, guard, present);
    const LlvmValue read = convert(evaluate_guarded(n.operands[operand], at, point, both(guard, present)), DType::i64);
    value = add(value, scaled(read.value(), c.indirect->scale));
    inside = both(inside, present);
  }
  value = add(number({known, nullptr}, point), value);
  const auto constant_of = [&](std::int64_t v) {
    llvm::Value* k = context_.i64(v);
    return value->getType()->isVectorTy() ? context_.splat(k) : k;
  };
  if (c.divisor != 1 && trusted_ == node && c.division == ir::Division::exact) {
    value = b.CreateExactSDiv(value, constant_of(c.divisor));
  } else if (c.divisor != 1) {
    llvm::Value* rest = b.CreateSRem(value, constant_of(c.divisor));
    if (c.division == ir::Division::exact) inside = both(inside, b.CreateICmpEQ(rest, constant_of(0)));
    llvm::Value* quotient = b.CreateSDiv(value, constant_of(c.divisor));
    value = b.CreateSelect(b.CreateICmpSLT(rest, constant_of(0)), b.CreateSub(quotient, constant_of(1)), quotient);
  }
  if (c.modulus != 0) {
    llvm::Value* rest = b.CreateSRem(value, constant_of(c.modulus));
    value = b.CreateSelect(b.CreateICmpSLT(rest, constant_of(0)), b.CreateAdd(rest, constant_of(c.modulus)), rest);
  }
  return value;
}

LiveIndex BodyEmitter::apply(NodeId node, const ir::Coordinate& c, const LiveIndices& axes, Point& point,
                             std::int64_t extent, bool safe, llvm::Value* guard, llvm::Value*& inside) {
  std::optional<Affine> affine;
  bool known = !c.indirect && !(c.division == ir::Division::exact && c.divisor != 1);
  Affine sum = Affine::constant(c.offset);
  for (const ir::AxisTerm& t : c.terms) {
    const LiveIndex& axis = axes[static_cast<std::size_t>(t.axis)];
    known = known && axis.affine.has_value();
    if (axis.affine) sum = sum + axis.affine->scaled(t.scale);
  }
  if (known) {
    affine = sum.divide_floor(c.divisor, extents_);
    if (affine && c.modulus != 0) affine = affine->modulo(c.modulus, extents_);
  }
  LiveIndex result{affine, nullptr};
  if (affine) {
    const ir::CoordinateRange r = range_of(*affine);
    if (r.low >= 0 && r.high < extent) return result;
    if (!safe && (r.high < 0 || r.low >= extent)) inside = context_.builder.getFalse();
  } else {
    result.value = runtime_coordinate(node, c, axes, point, guard, inside);
  }
  if (safe || is_never(inside)) return result;
  llvm::Value* value = affine ? number(result, point) : result.value;
  llvm::Value* bound = context_.i64(extent);
  inside = both(inside,
                context_.builder.CreateICmpULT(value, value->getType()->isVectorTy() ? context_.splat(bound) : bound));
  return result;
}

LiveIndices BodyEmitter::apply(NodeId node, const ir::IndexMap& map, const LiveIndices& axes, Point& point,
                               const ir::Shape& operand, llvm::Value* guard, llvm::Value*& inside) {
  // What the op's own space proves inside needs no test; with axes counted together there could be none.
  const bool safe = trusted_ == node || ir::always_inside(map, spaces_[node], operand);
  const LiveIndices known = axes.flat ? resolved(axes, ir::Shape(spaces_[node].parallel), point) : axes;
  LiveIndices index;
  for (std::size_t k = 0; k < map.coordinates.size(); ++k)
    index.push_back(apply(node, map.coordinates[k], known, point, operand[static_cast<int>(k)], safe, guard, inside));
  return index;
}

// ---- Values ----

std::string BodyEmitter::key(ir::Value value, const LiveIndices& index, llvm::Value* guard) const {
  std::string text = std::to_string(value.node) + "." + std::to_string(value.result);
  const auto part = [](const LiveIndex& i) {
    return (i.affine ? to_string(*i.affine) : "") + "+v" + std::to_string(reinterpret_cast<std::uintptr_t>(i.value));
  };
  if (index.flat)
    text += "=" + part(*index.flat);
  else
    for (const LiveIndex& i : index) text += ";" + part(i);
  if (guard != nullptr) text += "|" + std::to_string(reinterpret_cast<std::uintptr_t>(guard));
  return text;
}

Point* BodyEmitter::hoisted(ir::Value value, const LiveIndices& index, Point& point) const {
  // The axes that the index depends on.
  std::vector<int> used;
  const auto use = [&](const Affine& a) {
    for (const auto& [axis, scale] : a.scales) used.push_back(axis);
  };
  if (index.flat && index.flat->is_affine()) {
    use(*index.flat->affine);
  } else {
    for (const LiveIndex& i : index) {
      if (!i.is_affine()) return &point;
      use(*i.affine);
    }
  }
  Point* p = &point;
  while (p->parent != nullptr) {
    if (needs_anchor_[value.node] && !p->anchors.empty()) break;
    const bool varies = std::any_of(used.begin(), used.end(), [&](int axis) {
      return p->axes.contains(axis) || std::find(p->group.begin(), p->group.end(), axis) != p->group.end();
    });
    if (varies) break;
    p = p->parent;
  }
  return p;
}

LlvmValue BodyEmitter::evaluate(ir::Value value, const LiveIndices& index, Point& point) {
  return evaluate_guarded(value, index, point, nullptr);
}

LlvmValue BodyEmitter::evaluate_guarded(ir::Value value, const LiveIndices& index, Point& point, llvm::Value* guard) {
  for (Point* p = &point; p != nullptr; p = p->parent)
    if (const auto found = p->anchors.find(value); found != p->anchors.end()) return found->second;
  Point* home = guard == nullptr ? hoisted(value, index, point) : &point;
  const std::string name = key(value, index, guard);
  if (const auto found = home->memo.find(name); found != home->memo.end()) return found->second;
  LlvmValue result;
  if (home == &point) {
    result = compute(value, index, point, guard);
  } else {
    // Stand in front of the instruction that leads from `home` towards `point`, if they are in different regions.
    llvm::Instruction* entry = nullptr;
    for (const Point* p = &point; p != home; p = p->parent)
      if (p->entry != nullptr) entry = p->entry;
    llvm::IRBuilder<>::InsertPointGuard restore(context_.builder);
    if (entry != nullptr) context_.builder.SetInsertPoint(entry);
    result = compute(value, index, *home, guard);
  }
  home->memo.insert_or_assign(name, result);
  return result;
}

LlvmValue BodyEmitter::compute(ir::Value value, const LiveIndices& index, Point& point, llvm::Value* guard) {
  const Node& n = body().node(value);
  if (n.kind == ir::kind_of<ir::Input>()) {
    const ir::TensorType& type = n.results[0];
    return load(input_position(value.node), type.dtype, type.elements(), flatten(index, type.shape, point), point,
                guard);
  }
  if (n.kind == ir::kind_of<ir::Constant>()) {
    const auto attrs = ir::unpack<ir::Constant::Attrs>(n.attributes);
    check(attrs.value.type.elements() == 1, "kernel '", kernel_.name, "': a tensor constant must be an input");
    return stored_constant(context_, attrs.value.type.dtype, attrs.value.bytes->data());
  }
  return compute_node(value.node, index, point, guard);
}

LlvmValue BodyEmitter::fill(NodeId node) const {
  const Node& n = body().node(node);
  const DType dtype = n.results[0].dtype;
  return constant(context_, dtype, ir::info(n.kind).fill(n.attributes, dtype));
}

LlvmValue BodyEmitter::read_operand(NodeId node, std::size_t k, const LiveIndices& axes, Point& point,
                                    llvm::Value* guard, llvm::Value*& inside) {
  const Node& n = body().node(node);
  const ir::Value operand = n.operands[static_cast<std::size_t>(spaces_[node].operand_of(k))];
  const ir::Shape& shape = body().type(operand).shape;
  if (relabels_[node])
    return evaluate_guarded(operand, index_of(flatten(axes, n.results[0].shape, point), shape), point, guard);
  const ir::Space& space = spaces_[node];
  if (space.reduced.empty() && space.reads[k].is_identity() && ir::Shape(space.parallel) == shape)
    return evaluate_guarded(operand, axes, point, guard);
  const LiveIndices index = apply(node, space.reads[k], axes, point, shape, guard, inside);
  if (is_never(inside)) return constant(context_, body().type(operand).dtype, 0);
  return evaluate_guarded(operand, index, point, both(guard, inside));
}

LlvmValue BodyEmitter::evaluate_read(NodeId node, std::size_t k, const LiveIndices& axes, Point& point) {
  llvm::Value* inside = nullptr;
  const LlvmValue value = evaluate_read(node, k, axes, point, inside);
  check(inside == nullptr, "kernel '", kernel_.name, "': a reduction with absent terms");
  return value;
}

LlvmValue BodyEmitter::evaluate_read(NodeId node, std::size_t k, const LiveIndices& axes, Point& point,
                                     llvm::Value*& inside) {
  return read_operand(node, k, axes, point, nullptr, inside);
}

LlvmValue BodyEmitter::compute_node(NodeId node, const LiveIndices& index, Point& point, llvm::Value* guard) {
  const ir::OpInfo& op = ir::info(body().node(node).kind);
  check(op.accumulators == 0, "kernel '", kernel_.name, "': '", op.name, "' is needed before it is computed");
  if (!bodies_[node].scalar) return movement(node, index, point, guard);
  std::vector<LlvmValue> x;
  for (std::size_t k = 0; k < spaces_[node].reads.size(); ++k) {
    llvm::Value* inside = nullptr;
    LlvmValue v = read_operand(node, k, index, point, guard, inside);
    if (inside != nullptr)
      v = is_never(inside) ? fill(node) : select(LlvmValue(context_, DType::i1, inside), v, fill(node));
    x.push_back(v);
  }
  std::vector<LlvmValue> axes;
  if (op.reads_axes)
    for (const LiveIndex& i : resolved(index, body().node(node).results[0].shape, point))
      axes.emplace_back(context_, DType::i64, number(i, point));
  return bodies_[node].scalar(x, axes);
}

LlvmValue BodyEmitter::movement(NodeId node, const LiveIndices& index, Point& point, llvm::Value* guard) {
  std::optional<LlvmValue> result;
  for (std::size_t k = 0; k < spaces_[node].reads.size(); ++k) {
    llvm::Value* inside = nullptr;
    const LlvmValue v = read_operand(node, k, index, point, guard, inside);
    if (is_never(inside)) continue;
    result = inside == nullptr ? v : select(LlvmValue(context_, DType::i1, inside), v, result ? *result : fill(node));
  }
  return result ? *result : fill(node);
}

// ---- Outputs ----

LiveIndices BodyEmitter::output_index(std::size_t k) const {
  const ir::Shape& shape = body().type(body().outputs()[k].value).shape;
  LiveIndices index = index_of({shape_.output_addresses[k], nullptr}, shape);
  if (shape_.output_is_full[k] && shape == shape_.full_shape)
    for (std::size_t d = 0; d < index.size(); ++d) index[d] = {shape_.full[d], nullptr};
  return index;
}

void BodyEmitter::store_outputs(std::span<const std::size_t> outputs, Point& point) {
  std::vector<LlvmValue> values;
  for (const std::size_t k : outputs) values.push_back(evaluate(body().outputs()[k].value, output_index(k), point));
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    const std::size_t k = outputs[j];
    const std::int64_t elements = body().type(body().outputs()[k].value).elements();
    store(inputs_.size() + k, values[j], elements, {shape_.output_addresses[k], nullptr}, point);
  }
}

}  // namespace sinter::runtime
