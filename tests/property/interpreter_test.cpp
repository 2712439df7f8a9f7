// The interpreter against the plain definitions of tests/reference.

#include <algorithm>
#include <cstdio>

#include <sinter/ir/interpreter.h>
#include <sinter/ir/ops.h>

#include "reference/reference.h"
#include "support/catch.h"
#include "support/draws.h"
#include "support/random_graph.h"
#include "support/random_values.h"

namespace sinter::test {

namespace {

using ir::NumArray;

std::vector<reference::Tensor> tensors(const std::vector<NumArray>& arrays) {
  std::vector<reference::Tensor> result;
  for (const NumArray& a : arrays) result.push_back(reference::Tensor::from(a.to_data()));
  return result;
}

std::string difference_from_reference(const RandomGraph& random);

/// Elements [begin, begin + count) of `a` against all of `b`, bit for bit.
bool same_elements(const NumArray& a, std::int64_t begin, const NumArray& b) {
  return std::equal(b.values.begin(), b.values.end(), a.values.begin() + begin,
                    [](const ir::Num& x, const ir::Num& y) { return identical(x, y); });
}

/// A loop, turn by turn: every node of the body does what its reference says, carries go on, slices are stacked.
std::string difference_of_loop(const ir::Node& node, const std::vector<NumArray>& operands,
                               const std::vector<NumArray>& got) {
  const auto attrs = ir::unpack<ir::Scan::Attrs>(node.attributes);
  const std::vector<ir::NodeId> inputs = node.body->inputs();
  std::vector<NumArray> carries(operands.begin(), operands.begin() + attrs.carries);
  for (std::int64_t k = 0; k < attrs.length; ++k) {
    const std::int64_t turn = attrs.reverse ? attrs.length - 1 - k : k;
    RandomGraph body{0, *node.body, {}};
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(inputs.size()); ++i) {
      const auto at = static_cast<std::size_t>(i);
      NumArray value = i < attrs.carries ? carries[at] : operands[at];
      if (i >= attrs.carries && i < attrs.carries + attrs.sequences) {
        value.type = node.body->node(inputs[at]).results[0];
        const auto first = operands[at].values.begin() + turn * value.type.elements();
        value.values.assign(first, first + value.type.elements());
      }
      body.environment[name_of(node.body->node(inputs[at]))] = value;
    }
    if (const std::string message = difference_from_reference(body); !message.empty())
      return str("turn ", turn, ": ", message);
    const std::vector<NumArray> made = ir::interpret(body.graph, body.environment).outputs;
    for (std::size_t r = 0; r < made.size(); ++r) {
      if (r < carries.size())
        carries[r] = made[r];
      else if (!same_elements(got[r], turn * made[r].type.elements(), made[r]))
        return str("turn ", turn, ": slice of result ", r, " differs");
    }
  }
  for (std::size_t r = 0; r < carries.size(); ++r)
    if (!same_elements(got[r], 0, carries[r])) return str("carry ", r, " differs");
  return {};
}

/// Empty when every node of the graph does what its reference says, given what the interpreter gave its operands.
std::string difference_from_reference(const RandomGraph& random) {
  const ir::Graph& graph = random.graph;
  const auto values = ir::interpret_all(graph, random.environment);
  for (ir::NodeId id = 0; id < graph.size(); ++id) {
    const ir::Node& node = graph.node(id);
    std::vector<NumArray> operands;
    for (const ir::Value& v : node.operands) operands.push_back(values[v.node][v.result]);
    const bool is_bound = node.kind == ir::kind_of<ir::Input>() || node.kind == ir::kind_of<ir::State>();
    if (is_bound) operands = {random.environment.find(name_of(node))->second};
    const std::string message = node.kind == ir::kind_of<ir::Scan>()
                                    ? difference_of_loop(node, operands, values[id])
                                    : reference::difference(node, tensors(operands), tensors(values[id]));
    if (!message.empty()) return str("node ", id, ": ", message);
  }
  return {};
}

void check_op(std::string_view op, std::uint64_t seeds, const GraphOptions& options) {
  for (std::uint64_t seed = 0; seed < seeds; seed += draw_stride) {
    const RandomGraph random = random_node(op, seed, options);
    const std::string message = difference_from_reference(random);
    if (message.empty()) continue;
    FAIL_CHECK(message << "\n" << describe(random));
    return;
  }
}

}  // namespace

TEST_CASE("every op has a reference and a generator of operands", "[reference]") {
  CHECK(reference::undefined_ops() == std::vector<std::string>{});
  CHECK(ops_without_generator() == std::vector<std::string>{});
}

TEST_CASE("the interpreter equals the reference, op by op", "[reference]") {
  for (const ir::OpInfo& op : ir::all_ops())
    if (op.name != ir::Fused::name) check_op(op.name, op.form == ir::Form::region ? 300 : 1500, {.elements = 400});
}

TEST_CASE("the interpreter equals the reference on long reductions", "[reference]") {
  for (const std::string_view op : {"reduce_sum", "reduce_prod", "reduce_max", "argmax", "dot"})
    check_op(op, 300, {.elements = 1200});
  for (const ir::Shape& shape : {ir::Shape{65537}, ir::Shape{2, 131, 501}, ir::Shape{1025, 3}, ir::Shape{2, 1030}}) {
    RandomGraph g{1, ir::Graph("sum"), {}};
    const ir::Expr x = ir::input(g.graph, "x", {ir::DType::f32, shape});
    g.graph.add_output("y", reduce_sum(x, {shape.rank() - 1}).value());
    g.graph.add_output("z", reduce_sum(x, {0}).value());
    Random random(5);
    g.environment["x"] = ir::NumArray::from(random_data(x.type(), {Domain::Kind::tame, 0}, random));
    CHECK(difference_from_reference(g) == "");
  }
}

TEST_CASE("the interpreter equals the reference on empty tensors", "[reference]") {
  for (const ir::OpInfo& op : ir::all_ops())
    if (op.name != ir::Fused::name) check_op(op.name, 60, {.elements = 200, .empty = 0.3});
}

TEST_CASE("the interpreter equals the reference in random graphs", "[reference]") {
  OpCounts counts;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const RandomGraph random = random_graph(seed, {.nodes = 16, .elements = 200, .work = 3000});
    count_ops(random.graph, counts);
    const std::string message = difference_from_reference(random);
    if (message.empty()) continue;
    FAIL_CHECK(message << "\n" << describe(random));
    break;
  }
  std::printf("ops in 1000 random graphs:");
  for (const ir::OpInfo& op : ir::all_ops()) {
    if (op.name == ir::Fused::name) continue;
    const int count = counts[std::string(op.name)];
    std::printf(" %s %d", std::string(op.name).c_str(), count);
    CHECK(std::pair(op.name, count >= 50) == std::pair(op.name, true));
  }
  std::printf("\n");
}

}  // namespace sinter::test
