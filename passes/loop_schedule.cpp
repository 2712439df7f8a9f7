// A small model of the machine: lanes from the widest element, unrolling from the size of the body, and sharing between
// threads when the work outweighs meeting at a barrier. Contractions: contract_schedule.cpp.

#include "loop_schedule.h"

#include <algorithm>

#include <sinter/ir/ops.h>
#include <sinter/ir/sum_order.h>

#include "contract_schedule.h"

namespace sinter::passes {

using ir::Graph;
using ir::KernelForm;
using ir::KernelShape;
using ir::Schedule;

namespace {

/// Work below this many cycles is not shared: a barrier costs about 1 microsecond. Where neighbours in the order are
/// shared there is a barrier anyway, and the others would wait at it.
constexpr double shared_work = 16000.0;

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

double work_of(const Graph& body, const KernelShape& shape, const Schedule& s) {
  const double outer = static_cast<double>(ir::Shape(shape.outer).elements());
  const double inner = static_cast<double>(ir::Shape(shape.inner).elements());
  const double lanes = static_cast<double>(s.lanes);
  if (shape.form == KernelForm::contract) return outer * inner / lanes / 2 + outer * cost_of(body) / lanes;
  return outer * inner * cost_of(body) / lanes;
}

/// Registers per value. A long body is one chain of dependent operations, longer than what the processor looks ahead;
/// values of two registers put two chains side by side (four would run out of registers: 5 % slower on W8). Takes many
/// registers, and rows that fill them.
std::int64_t registers_per_value(const KernelShape& shape, const ir::Target& target, double cost, std::int64_t lanes) {
  constexpr double long_body = 48.0;
  if (cost < long_body || target.vector_registers < 32) return 1;
  if (shape.form != KernelForm::row && shape.form != KernelForm::pointwise) return 1;
  const ir::Ints& axes = shape.form == KernelForm::row ? shape.inner : shape.outer;
  std::int64_t registers = 1;
  while (registers < 2 && !axes.empty() && axes.back() >= 2 * registers * lanes) registers *= 2;
  return registers;
}

/// Many rows are read from beyond the cache: as much of each as the registers can sum.
bool long_sums_side_by_side(const KernelShape& shape, const ir::Target& target) {
  return target.vector_registers >= 32 && shape.anchors.size() <= 2 &&
         ir::Shape(shape.inner).elements() > 4 * ir::chain_chunk;
}

}  // namespace

Schedule choose_schedule(const Graph& body, const KernelShape& shape, const ir::Target& target) {
  Schedule s;
  s.form = shape.form;
  if (shape.form == KernelForm::external) return s;  // one thread calls the function
  s.lanes = lanes_for(body, target);
  const double cost = cost_of(body);
  const double work = work_of(body, shape, s);
  s.lanes *= registers_per_value(shape, target, cost, s.lanes);
  const std::int64_t column = long_sums_side_by_side(shape, target) ? 8 : 4;
  const std::int64_t wanted = shape.form == KernelForm::column ? column : cost < 16 ? 4 : cost < 48 ? 2 : 1;
  const std::int64_t along =
      shape.form == KernelForm::row ? ir::Shape(shape.inner).elements() : ir::Shape(shape.outer).elements();
  s.unroll = std::clamp<std::int64_t>(divide_up(along, s.lanes), 1, wanted);
  s.parallel = shape.form != KernelForm::scatter && work > shared_work;
  if (shape.form == KernelForm::contract) choose_contract_schedule(body, shape, target, s);
  if (shape.form == KernelForm::contract) s.unroll = 1;
  return s;
}

}  // namespace sinter::passes
