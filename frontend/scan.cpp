#include <sinter/frontend/scan.h>

#include <algorithm>
#include <map>
#include <memory>

#include <sinter/ir/ops/region.h>
#include <sinter/ir/ops/source.h>

#include "broadcasting.h"
#include "trace.h"

namespace sinter {
namespace {

using detail::Trace;

/// What the caller sees around the loop.
ir::Graph& checked_graph(const Tensors& sequences) {
  Trace* outer = Trace::current();
  if (outer == nullptr) user_error("scan: it works inside a layer's call() or a StepBuilder, where there is a graph");
  ir::Graph& graph = outer->graph();
  const std::string where = detail::where(&graph, "scan");
  if (sequences.empty()) user_error(where, ": expected at least one sequence");
  for (const Tensor& s : sequences) {
    if (s.rank() == 0 || s.shape()[0] < 1)
      user_error(where, ": expected a sequence of at least one slice along axis 0, got ", s.type());
    if (s.shape()[0] != sequences[0].shape()[0])
      user_error(where, ": sequences of one length are read together; expected ", sequences[0].shape()[0],
                 " slices along axis 0, got ", s.type());
  }
  return graph;
}

TensorType slice_type(const TensorType& sequence) {
  const ir::Ints extents = sequence.shape.ints();
  return {sequence.dtype, Shape(ir::Ints(extents.begin() + 1, extents.end()))};
}

void check_carries(const Tensors& before, const Tensors& after, const ir::Graph& graph) {
  if (before.size() != after.size())
    user_error(detail::where(&graph, "scan"), ": a turn got ", before.size(), " carries and gave ", after.size());
  for (std::size_t k = 0; k < before.size(); ++k)
    if (before[k].type() != after[k].type())
      user_error(detail::where(&graph, "scan"), ": carry ", k, " began as ", before[k].type(), ", but a turn gave ",
                 after[k].type());
}

/// One turn as its function described it.
struct TracedTurn {
  ir::Graph graph = ir::Graph("turn");
  std::vector<ir::NodeId> inputs;  // carries, then slices
  std::vector<ir::Value> results;  // carries, then outputs
  std::vector<std::pair<ir::NodeId, ir::Expr>> captures;
};

TracedTurn trace_turn(const std::vector<TensorType>& types, std::size_t carries, const TurnFn& turn, Trace& outer) {
  TracedTurn traced;
  Trace trace(traced.graph, outer);
  Tensors given[2];
  for (const TensorType& type : types) {
    const ir::Expr input = ir::input(traced.graph, str("p", traced.inputs.size()), type);
    given[traced.inputs.size() < carries ? 0 : 1].emplace_back(input);
    traced.inputs.push_back(input.value().node);
  }
  const Turn made = turn(given[0], given[1]);
  check_carries(given[0], made.carries, traced.graph);
  for (const Tensors* list : {&made.carries, &made.outputs})
    for (const Tensor& t : *list) traced.results.push_back(t.expr().value());
  traced.captures = trace.captures();
  return traced;
}

/// Moves what is the same in every turn out of a traced body.
class Hoisting {
 public:
  Hoisting(const ir::Graph& traced, ir::Graph& outer) : traced_(traced), outer_(outer), body_("turn") {}

  /// An input that every turn gets for itself.
  void keep_input(ir::NodeId id) { inside_[{id}] = ir::Value{body_.add_unchecked(traced_.node(id))}; }
  /// An input that stands for a value outside.
  void capture(ir::NodeId id, const ir::Expr& outside) { outside_[{id}] = outside; }

  void run() {
    for (ir::NodeId id = 0; id < traced_.size(); ++id) {
      if (inside_.contains({id}) || outside_.contains({id})) continue;
      if (is_invariant(id))
        hoist(id);
      else
        keep(id);
    }
  }

  ir::Value inside(ir::Value v) {
    if (const auto known = inside_.find(v); known != inside_.end()) return known->second;
    const ir::Expr& outside = outside_.at(v);
    const ir::Value input = ir::input(body_, str("whole", constants_.size()), outside.type()).value();
    constants_.push_back(outside);
    return inside_[v] = input;
  }

  ir::Graph& body() { return body_; }
  const std::vector<ir::Expr>& constants() const { return constants_; }

 private:
  /// Nothing in it differs from turn to turn, and it is no larger than what it is made from: a broadcast costs less
  /// where it is read.
  bool is_invariant(ir::NodeId id) const {
    const ir::Node& n = traced_.node(id);
    std::int64_t read = 0, written = 0;
    for (const ir::Value v : n.operands) {
      if (!outside_.contains(v)) return false;
      read += traced_.type(v).elements();
    }
    for (const TensorType& t : n.results) written += t.elements();
    return !n.operands.empty() && written <= read;
  }

  void hoist(ir::NodeId id) {
    ir::Node node = traced_.node(id);
    for (ir::Value& v : node.operands) v = outside_.at(v).value();
    const ir::NodeId now = outer_.add_unchecked(std::move(node));
    for (std::uint32_t r = 0; r < outer_.node(now).results.size(); ++r)
      outside_[{id, r}] = ir::Expr(outer_, ir::Value{now, r});
  }

  void keep(ir::NodeId id) {
    ir::Node node = traced_.node(id);
    for (ir::Value& v : node.operands) v = inside(v);
    const ir::NodeId now = body_.add_unchecked(std::move(node));
    for (std::uint32_t r = 0; r < body_.node(now).results.size(); ++r) inside_[{id, r}] = ir::Value{now, r};
  }

  const ir::Graph& traced_;
  ir::Graph& outer_;
  ir::Graph body_;
  std::map<ir::Value, ir::Value> inside_;  // of the traced body -> of the body
  std::map<ir::Value, ir::Expr> outside_;
  std::vector<ir::Expr> constants_;
};

}  // namespace

Turn scan(const Tensors& carries, const Tensors& sequences, const TurnFn& turn, ScanOptions options) {
  ir::Graph& graph = checked_graph(sequences);
  std::vector<ir::Expr> operands;
  std::vector<TensorType> types;
  for (const Tensor& c : carries) operands.push_back(c.expr()), types.push_back(c.type());
  for (const Tensor& s : sequences) operands.push_back(s.expr()), types.push_back(slice_type(s.type()));
  const ir::Scan::Attrs attrs{sequences[0].shape()[0], static_cast<std::int64_t>(carries.size()),
                              static_cast<std::int64_t>(sequences.size()), options.reverse};

  const TracedTurn traced = trace_turn(types, carries.size(), turn, *Trace::current());
  Hoisting hoisting(traced.graph, graph);
  for (const ir::NodeId id : traced.inputs) hoisting.keep_input(id);
  for (const auto& [input, outside] : traced.captures) hoisting.capture(input, outside);
  hoisting.run();
  for (const ir::Value v : traced.results)
    hoisting.body().add_output(str("r", hoisting.body().outputs().size()), hoisting.inside(v));
  operands.insert(operands.end(), hoisting.constants().begin(), hoisting.constants().end());

  Turn loop;
  for (const ir::Expr& e : ir::scan(attrs, operands, std::make_shared<const ir::Graph>(std::move(hoisting.body()))))
    (loop.carries.size() < carries.size() ? loop.carries : loop.outputs).emplace_back(e);
  return loop;
}

Tensor cumsum(const Operand& operand, Dim axis, CumsumOptions options) {
  const Tensor x = operand.tensor();
  const int along = detail::axis_of(x, axis, "cumsum");
  if (x.shape()[along] == 0) return x;
  ir::Ints order = {along};  // its own inverse when two axes are exchanged
  for (int k = 1; k < x.rank(); ++k) order.push_back(k == along ? 0 : k);
  const Tensor steps = transpose(x, Dims(order));
  const Shape rest(ir::Ints(steps.shape().begin() + 1, steps.shape().end()));
  const Tensor zero = broadcast_to(Operand(0.0).in(x.graph(), x.dtype()), Dims(rest));
  const auto turn = [&](const Tensors& carries, const Tensors& slices) -> Turn {
    const Tensor total = carries[0] + slices[0];
    return {{total}, {options.exclusive ? carries[0] : total}};
  };
  return transpose(scan({zero}, {steps}, turn, {.reverse = options.reverse}).outputs[0], Dims(order));
}

}  // namespace sinter
