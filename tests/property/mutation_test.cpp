// Bugs put in on purpose: each is caught by the same checks that the property tests use, and the unharmed thing passes.

#include <algorithm>
#include <cmath>

#include <sinter/ir/ops.h>
#include <sinter/ir/plan_checker.h>
#include <sinter/ir/verify.h>
#include <sinter/passes/differentiate.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/executable.h>

#include "reference/reference.h"
#include "support/catch.h"
#include "support/compare.h"
#include "support/gradient_check.h"
#include "support/random_values.h"

namespace sinter::test {

namespace {

using ir::DType;
using ir::Expr;

passes::Options options() {
  passes::Options o;
  o.target = runtime::host_target();
  return o;
}

passes::Options unfused() {
  passes::Options o = options();
  o.disabled = {"fuse"};
  return o;
}

/// Contents for all inputs and states.
RandomGraph with_values(ir::Graph graph, std::uint64_t seed) {
  RandomGraph r{seed, std::move(graph), {}};
  Random random(seed);
  for (const ir::Node& n : r.graph.nodes())
    if (n.kind == ir::kind_of<ir::Input>() || n.kind == ir::kind_of<ir::State>())
      r.environment[name_of(n)] = ir::NumArray::from(random_data(n.results[0], {Domain::Kind::tame, 0}, random));
  return r;
}

/// The checks of a program, joined: rules, plan, interpreter, arena, compiled code.
struct Findings {
  std::string rules, plan, interpreter, arena, compiled;
};

Findings examine(const RandomGraph& g, const ir::Program& program) {
  const ir::InterpreterResult expected = ir::interpret(g.graph, g.environment);
  const auto guarded = [](auto run) -> std::string {
    try {
      return run();
    } catch (const Error& e) {
      return e.what();
    }
  };
  Findings f;
  for (const std::string& v : ir::violations(program)) f.rules += v + "\n";
  for (const std::string& v : ir::plan_violations(program)) f.plan += v + "\n";
  f.interpreter = guarded([&] { return difference(expected, ir::interpret(program, g.environment), g.environment); });
  f.arena = guarded([&] { return difference(expected, run_in_arena(program, g.environment), g.environment); });
  if (f.rules.empty())
    f.compiled = guarded([&] {
      return difference(expected, run_compiled(program, g.environment, {options().target, false, 1}), g.environment);
    });
  return f;
}

void require_healthy(const RandomGraph& g, const ir::Program& program) {
  const Findings f = examine(g, program);
  REQUIRE(f.rules == "");
  REQUIRE(f.plan == "");
  REQUIRE(f.interpreter == "");
  REQUIRE(f.arena == "");
  REQUIRE(f.compiled == "");
}

/// Replaces the body of the only kernel that has a node of `op` by what `change` makes of it.
template <class Change>
ir::Program with_changed_body(const ir::Program& program, std::string_view op, Change change) {
  ir::Program changed = program;
  int found = 0;
  for (ir::Item& item : changed.items) {
    auto* kernel = std::get_if<ir::Kernel>(&item);
    if (kernel == nullptr) continue;
    for (const ir::Node& n : kernel->body->nodes()) {
      if (ir::info(n.kind).name != op) continue;
      kernel->body = std::make_shared<const ir::Graph>(change(*kernel->body));
      ++found;
      break;
    }
  }
  REQUIRE(found == 1);
  return changed;
}

/// The body with other attributes on its node of `op`.
ir::Graph with_attributes(const ir::Graph& body, std::string_view op, const ir::Attributes& attributes) {
  ir::Graph copy(body.name());
  for (ir::Node n : body.nodes()) {
    if (ir::info(n.kind).name == op) n.attributes = attributes;
    copy.add_unchecked(std::move(n));
  }
  for (const ir::Output& o : body.outputs()) copy.add_output(o.name, o.value);
  return copy;
}

}  // namespace

TEST_CASE("caught: a wrong gradient", "[mutation]") {
  const GradientsFn right = [](const Expr& loss, std::span<const Expr> p) { return passes::gradients(loss, p); };
  const GradientsFn wrong = [&](const Expr& loss, std::span<const Expr> p) {
    std::vector<Expr> g = passes::gradients(loss, p);
    g[0] = g[0] * 1.001;
    return g;
  };
  const GradientsFn swapped = [&](const Expr& loss, std::span<const Expr> p) {
    std::vector<Expr> g = passes::gradients(loss, p);
    std::swap(g[0], g[1]);
    return g;
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const RandomGraph g = random_node("div", seed, {.smooth = true});
    INFO(describe(g));
    CHECK(check_gradient(g, 1, right).objection == "");
    CHECK(check_gradient(g, 1, wrong).objection != "");
    CHECK(check_gradient(g, 1, swapped).objection != "");
    CHECK(check_gradient(g, 2, right).objection == "");
    CHECK(check_gradient(g, 2, wrong).objection != "");
  }
}

TEST_CASE("caught: one wrong element of any op", "[mutation]") {
  for (const ir::OpInfo& op : ir::all_ops()) {
    if (op.form == ir::Form::region) continue;
    const RandomGraph g = random_node(op.name, 5, {});
    const auto values = ir::interpret_all(g.graph, g.environment);
    const ir::NodeId id = g.graph.outputs()[0].value.node;
    const ir::Node& node = g.graph.node(id);
    std::vector<reference::Tensor> operands;
    for (const ir::Value& v : node.operands)
      operands.push_back(reference::Tensor::from(values[v.node][v.result].to_data()));
    std::vector<reference::Tensor> results;
    for (const ir::NumArray& value : values[id]) results.push_back(reference::Tensor::from(value.to_data()));
    if (op.form == ir::Form::source && node.operands.empty()) operands = results;
    INFO(describe(g));
    CHECK(reference::difference(node, operands, results) == "");
    for (reference::Tensor& result : results) {
      reference::Cell& cell = result.cells.back();
      const reference::Cell right = cell;
      cell.integer ^= 1;
      cell.real = cell.real == 0.0 ? 1e-3 : cell.real * (1 + 0x1p-5);
      if (std::isnan(cell.real) || std::isinf(cell.real)) cell.real = 1.0;
      CHECK(reference::difference(node, operands, results) != "");
      cell = right;
    }
  }
}

TEST_CASE("caught: a swapped index", "[mutation]") {
  ir::Graph graph("swapped");
  const Expr a = ir::input(graph, "a", {DType::f32, {7, 7}});
  const Expr b = ir::input(graph, "b", {DType::f32, {7, 7}});
  graph.add_output("y", ir::matmul(a, b).value());
  const RandomGraph g = with_values(std::move(graph), 1);
  const ir::Program program = passes::compile(g.graph, options());
  require_healthy(g, program);
  const ir::Program mutant = with_changed_body(program, "dot", [](const ir::Graph& body) {
    return with_attributes(body, "dot", ir::pack(ir::Dot::Attrs{{}, {}, {1}, {1}}));  // b's rows for its columns
  });
  const Findings f = examine(g, mutant);
  CHECK(f.interpreter != "");
  CHECK(f.arena != "");
  CHECK(f.compiled != "");
}

TEST_CASE("caught: an overlap in the plan", "[mutation]") {
  ir::Graph graph("overlap");
  const Expr x = ir::input(graph, "x", {DType::f32, {40}});
  const Expr first = exp(x);
  const Expr second = ir::tanh(x);
  graph.add_output("y", ir::reverse(first, {0}).value());
  graph.add_output("z", ir::reverse(second, {0}).value());
  graph.add_output("w", (first / second).value());
  const RandomGraph g = with_values(std::move(graph), 2);
  const ir::Program program = passes::compile(g.graph, unfused());
  require_healthy(g, program);
  ir::Program mutant = program;
  const std::vector<ir::BufferId> arena = mutant.of_kind(ir::BufferKind::arena);
  REQUIRE(arena.size() >= 2);
  for (const ir::BufferId id : arena) mutant.buffers[id].offset = 0;
  const Findings f = examine(g, mutant);
  CHECK(f.plan != "");
  CHECK(f.arena != "");
  CHECK(f.rules + f.compiled != "");  // compiled only when the rules have no objection
}

TEST_CASE("caught: a lost anti-dependence", "[mutation]") {
  ir::Graph graph("anti_dependence");
  const Expr w = ir::state(graph, "w", {DType::f32, {5, 5}});
  const Expr x = ir::input(graph, "x", {DType::f32, {5, 5}});
  graph.add_output("y", ir::matmul(x, w).value());
  graph.set_update(w.value().node, (w * 0.5 + x).value());
  const RandomGraph g = with_values(std::move(graph), 3);
  const ir::Program program = passes::compile(g.graph, options());
  require_healthy(g, program);
  // The update moves to the front, before the last reader of the old value.
  ir::Program mutant = program;
  const ir::BufferId state = mutant.of_kind(ir::BufferKind::state)[0];
  const auto writes_state = [&](const ir::Item& item) {
    const auto* kernel = std::get_if<ir::Kernel>(&item);
    return kernel != nullptr &&
           std::find(kernel->outputs.begin(), kernel->outputs.end(), state) != kernel->outputs.end();
  };
  const auto writer = std::find_if(mutant.items.begin(), mutant.items.end(), writes_state);
  REQUIRE(writer != mutant.items.end());
  REQUIRE(writer != mutant.items.begin());
  std::rotate(mutant.items.begin(), writer, writer + 1);
  const Findings f = examine(g, mutant);
  CHECK(f.interpreter != "");
  CHECK(f.arena != "");
  CHECK(f.compiled != "");
}

TEST_CASE("caught: a wrong tail", "[mutation]") {
  ir::Graph graph("tail");
  const Expr x = ir::input(graph, "x", {DType::f32, {17}});
  graph.add_output("y", ir::tanh(x).value());
  const RandomGraph g = with_values(std::move(graph), 4);
  const ir::Program program = passes::compile(g.graph, options());
  require_healthy(g, program);
  // The kernel stops one element short.
  const ir::Program mutant = with_changed_body(program, "tanh", [](const ir::Graph&) {
    ir::Graph body("short");
    const Expr part = ir::input(body, "x", {DType::f32, {16}});
    body.add_output("y", ir::tanh(part).value());
    return body;
  });
  const Findings f = examine(g, mutant);
  CHECK(f.rules != "");
  CHECK(f.arena != "");
  // The same fault where the rules cannot see it: the last element is made from its neighbour.
  const ir::Program blurred = with_changed_body(program, "tanh", [](const ir::Graph&) {
    ir::Graph body("blurred");
    const Expr whole = ir::input(body, "x", {DType::f32, {17}});
    const Expr y = ir::tanh(ir::concat({ir::slice(whole, {0}, {16}), ir::slice(whole, {15}, {16})}, 0));
    body.add_output("y", y.value());
    return body;
  });
  const Findings b = examine(g, blurred);
  CHECK(b.interpreter != "");
  CHECK(b.arena != "");
}

TEST_CASE("caught: another order of a sum", "[mutation]") {
  ir::Graph graph("order");
  const Expr x = ir::input(graph, "x", {DType::f32, {3, 200}});
  graph.add_output("y", reduce_sum(x, {1}).value());
  const RandomGraph g = with_values(std::move(graph), 5);
  const ir::Program program = passes::compile(g.graph, options());
  require_healthy(g, program);
  const ir::Program mutant = with_changed_body(program, "reduce_sum", [](const ir::Graph&) {
    ir::Graph body("backwards");
    const Expr whole = ir::input(body, "x", {DType::f32, {3, 200}});
    body.add_output("y", reduce_sum(ir::reverse(whole, {1}), {1}).value());
    return body;
  });
  const Findings f = examine(g, mutant);
  CHECK(f.interpreter != "");
  CHECK(f.arena != "");
}

TEST_CASE("caught: a state that is not written back", "[mutation]") {
  ir::Graph graph("forgotten");
  const Expr w = ir::state(graph, "w", {DType::f32, {9}});
  graph.add_output("y", exp(w).value());
  graph.set_update(w.value().node, (w + 1.0).value());
  const RandomGraph g = with_values(std::move(graph), 6);
  const ir::Program program = passes::compile(g.graph, options());
  require_healthy(g, program);
  RandomGraph mutant = g;
  mutant.graph.set_update(w.value().node, w.value());
  CHECK(examine(mutant, program).interpreter != "");
  CHECK(examine(mutant, program).compiled != "");
}

}  // namespace sinter::test
