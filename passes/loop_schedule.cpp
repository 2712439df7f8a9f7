// A small model of the machine: lanes from the widest element, register tiles from the register count, unrolling from
// the size of the body, and sharing between threads when the work outweighs meeting at a barrier.

#include "loop_schedule.h"

#include <algorithm>

#include <sinter/ir/ops.h>
#include <sinter/ir/sum_order.h>

namespace sinter::passes {

using ir::Graph;
using ir::KernelForm;
using ir::KernelShape;
using ir::Schedule;

namespace {

/// Work below this many cycles is not worth a barrier (about 1 microsecond on each side of it).
constexpr double shared_work = 40000.0;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::int64_t lanes_for(const Graph& body, const ir::Target& target) {
  std::int64_t bytes = 4;
  for (const ir::Node& n : body.nodes())
    for (const ir::TensorType& t : n.results)
      if (t.elements() > 1) bytes = std::max(bytes, ir::size_of(t.dtype));
  return std::min<std::int64_t>(target.lanes(bytes), 16);
}

/// Rough instruction count of one element of the body.
double cost_of(const Graph& body) {
  double cost = 0;
  for (const ir::Node& n : body.nodes()) {
    const ir::OpInfo& op = ir::info(n.kind);
    if (op.expensive)
      cost += op.reads_axes ? 60 : 15;
    else if (op.form == ir::Form::pointwise || op.form == ir::Form::reduce)
      cost += 1;
  }
  return cost + 2.0 * static_cast<double>(body.inputs().size() + body.outputs().size());
}

/// Columns of the contraction: outer axes that only its second operand moves along.
std::int64_t count_axes(const KernelShape& shape, const ir::Space& space, std::size_t with, std::size_t without) {
  std::int64_t count = 1;
  for (std::size_t k = 0; k < shape.outer.size(); ++k) {
    const auto reads = [&](std::size_t operand) {
      return std::any_of(space.reads[operand].coordinates.begin(), space.reads[operand].coordinates.end(),
                         [&](const ir::Coordinate& c) { return c.scale_of(static_cast<int>(k)) != 0; });
    };
    if (reads(with) && !reads(without)) count *= shape.outer[k];
  }
  return count;
}

/// The element number at which a contraction reads operand `slot`, where the operand is an input or a view of one.
const ir::Affine* address_of(const Graph& body, const KernelShape& shape, std::size_t slot) {
  ir::Value v = body.node(shape.anchors.front()).operands[slot];
  while (body.node(v).kind != ir::kind_of<ir::Input>()) {
    if (body.node(v).operands.size() != 1) return nullptr;
    v = body.node(v).operands[0];
  }
  const std::vector<ir::NodeId> inputs = body.inputs();
  const auto position = static_cast<std::size_t>(std::find(inputs.begin(), inputs.end(), v.node) - inputs.begin());
  const ir::KernelRead* found = nullptr;
  for (const ir::KernelRead& r : shape.reads) {
    if (r.input != position || !r.in_anchor) continue;
    if (found != nullptr || !r.address) return nullptr;
    found = &r;
  }
  return found == nullptr ? nullptr : &*found->address;
}

/// How far apart neighbouring columns of the second operand lie, in elements; 0 when that is no single number.
std::int64_t column_stride(const Graph& body, const KernelShape& shape) {
  const ir::Affine* address = address_of(body, shape, 1);
  std::int64_t stride = 0;
  for (std::size_t k = 0; address != nullptr && k < shape.outer.size(); ++k)
    if (shape.outer[k] > 1 && address->scale_of(static_cast<int>(k)) != 0)
      stride = address->scale_of(static_cast<int>(k));
  return stride;
}

/// Whether copying the second operand into panels pays: when its columns are not neighbours in memory, when its rows
/// lie a multiple of 4 KiB apart (they meet in one cache set), or when it is larger than the cache and read by many
/// rows.
bool pays_to_pack(const Graph& body, const KernelShape& shape, const ir::Target& target, std::int64_t rows) {
  const ir::Affine* address = address_of(body, shape, 1);
  if (address == nullptr) return true;
  if (column_stride(body, shape) > 1) return rows > 1;
  const ir::TensorType& type = body.type(body.node(shape.anchors.front()).operands[1]);
  const std::int64_t terms = shape.inner.empty() ? 1 : shape.inner.back();
  const int last_axis = static_cast<int>(shape.outer.size() + shape.inner.size()) - 1;
  const std::int64_t term_stride = shape.inner.empty() ? 0 : ir::size_of(type.dtype) * address->scale_of(last_axis);
  if (term_stride > 0 && term_stride % 4096 == 0 && terms > target.l1_ways) return rows > 16;
  return type.bytes() > target.l2_bytes && rows >= 256;
}

/// Whether packing the row side pays as well: its terms lie far apart (a transposed operand), in one cache set or in
/// more bytes than the cache holds, and there are enough columns to use each packed row again and again.
bool pays_to_pack_rows(const Graph& body, const KernelShape& shape, const ir::Target& target, std::int64_t columns) {
  const ir::Affine* address = address_of(body, shape, 0);
  const ir::ChainChunks chunks(shape.inner);
  if (address == nullptr || shape.inner.empty() || chunks.end(0) != chunks.total || columns < 256) return false;
  const ir::TensorType& type = body.type(body.node(shape.anchors.front()).operands[0]);
  const std::int64_t stride =
      address->scale_of(static_cast<int>(shape.outer.size() + shape.inner.size() - 1)) * ir::size_of(type.dtype);
  if (stride <= ir::size_of(type.dtype)) return false;
  return type.bytes() > target.l2_bytes || (stride % 4096 == 0 && chunks.total > target.l1_ways);
}

void schedule_contract(const Graph& body, const KernelShape& shape, const ir::Target& target, Schedule& s) {
  const ir::Node& n = body.node(shape.anchors.front());
  std::vector<ir::TensorType> types;
  for (const ir::Value& v : n.operands) types.push_back(body.type(v));
  const ir::Space space = ir::info(n.kind).space(n.attributes, types);
  const std::int64_t columns = count_axes(shape, space, 1, 0);
  // Some axes belong to no operand's own; those of extent 1 do not matter.
  const std::int64_t rows = count_axes(shape, space, 0, 1);
  // rows * vectors accumulators, a vector of b per column, one broadcast; one register stays free.
  // Two vectors per row read b least often; four reach whole lines of what a large result updates in place.
  s.pack_rows = pays_to_pack_rows(body, shape, target, columns);
  const bool large = body.type(n.operands[1]).bytes() > target.l2_bytes && column_stride(body, shape) == 1;
  const std::int64_t widest = (s.pack_rows || large) && target.vector_registers >= 32 ? 4 : 2;
  s.tile_vectors = std::clamp<std::int64_t>(divide_up(columns, s.lanes), 1, widest);  // 0 columns: an empty result
  const std::int64_t most = std::max<std::int64_t>(1, (target.vector_registers - 2 - s.tile_vectors) / s.tile_vectors);
  const std::int64_t tiles = std::max<std::int64_t>(1, divide_up(rows, std::min<std::int64_t>(most, 24)));
  s.tile_rows = std::max<std::int64_t>(1, divide_up(rows, tiles));
  s.pack_vectors = s.pack_rows || pays_to_pack(body, shape, target, rows);
}

double work_of(const Graph& body, const KernelShape& shape, const Schedule& s) {
  const double outer = static_cast<double>(ir::Shape(shape.outer).elements());
  const double inner = static_cast<double>(ir::Shape(shape.inner).elements());
  const double lanes = static_cast<double>(s.lanes);
  if (shape.form == KernelForm::contract) return outer * inner / lanes / 2 + outer * cost_of(body) / lanes;
  return outer * inner * cost_of(body) / lanes;
}

}  // namespace

Schedule choose_schedule(const Graph& body, const KernelShape& shape, const ir::Target& target) {
  Schedule s;
  s.form = shape.form;
  s.lanes = lanes_for(body, target);
  const double cost = cost_of(body);
  const std::int64_t wanted = shape.form == KernelForm::column ? 4 : cost < 16 ? 4 : cost < 48 ? 2 : 1;
  const std::int64_t along =
      shape.form == KernelForm::row ? ir::Shape(shape.inner).elements() : ir::Shape(shape.outer).elements();
  s.unroll = std::clamp<std::int64_t>(divide_up(along, s.lanes), 1, wanted);
  if (shape.form == KernelForm::contract) schedule_contract(body, shape, target, s);
  if (shape.form == KernelForm::contract) s.unroll = 1;
  s.parallel = shape.form != KernelForm::scatter && work_of(body, shape, s) > shared_work;
  return s;
}

}  // namespace sinter::passes
