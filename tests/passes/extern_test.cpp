// Passes and users' functions: opaque, pure, and differentiated by their own rule.

#include <sinter/ir/extern.h>
#include <sinter/ir/ops.h>
#include <sinter/passes/differentiate.h>
#include <sinter/passes/pipeline.h>
#include <sinter/passes/rewrites.h>

#include "support/catch.h"
#include "support/test_externs.h"

using namespace sinter;
using Catch::Matchers::Contains;
using ir::DType;
using ir::Expr;
using ir::Graph;

namespace {

void does_nothing(const void* const*, void* const*, const sinter_shape*) {}

ir::ExternPointer with_vjp(std::function<ir::Gradients(const ir::VjpContext&)> vjp) {
  ir::ExternFunction function;
  function.name = "f";
  function.address = &does_nothing;
  function.vjp = std::move(vjp);
  return std::make_shared<const ir::ExternFunction>(std::move(function));
}

std::string differentiating(const ir::ExternPointer& function) {
  Graph g;
  g.set_path("sensor");
  const Expr x = input(g, "x", {DType::f32, {3}}), t = input(g, "t", {DType::i32, {3}});
  const Expr y = ir::extern_call(function, std::vector{x, t}).front();
  try {
    (void)passes::gradients(reduce_sum(y, {0}), std::vector{x});
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

std::size_t externs_in(const Graph& g) { return ir::extern_calls(g).size(); }

}  // namespace

TEST_CASE("a user's gradient is asked for, and has to fit", "[extern]") {
  CHECK(differentiating(with_vjp({})) ==
        "sensor: extern 'f' has no vjp, but the loss depends on parameters through it; register it with one, or wrap "
        "its operands in stop_gradient to treat it as a constant");
  CHECK(
      differentiating(with_vjp([](const ir::VjpContext& c) { return ir::Gradients{c.grad()}; })) ==
      "sensor: extern 'f': its vjp gives 1 gradients for 2 operands; expected one each, an empty one where it is zero");
  CHECK(differentiating(with_vjp([](const ir::VjpContext& c) {
          return ir::Gradients{reduce_sum(c.grad(), {0}), {}};
        })) == "sensor: extern 'f': its vjp gives a gradient of type f32[] for operand 0 of type f32[3]");
  CHECK(differentiating(with_vjp([](const ir::VjpContext& c) { return ir::Gradients{c.grad(), {}}; })) == "no error");
  Graph other;
  const Expr elsewhere = input(other, "x", {DType::f32, {3}});
  CHECK(differentiating(with_vjp([&](const ir::VjpContext&) { return ir::Gradients{elsewhere, {}}; })) ==
        "sensor: extern 'f': gradient 0 belongs to another graph");
}

TEST_CASE("no gradient is asked for where none flows", "[extern]") {
  Graph g;
  const Expr x = input(g, "x", {DType::f32, {3}}), w = state(g, "w", {DType::f32, {3}});
  const Expr y = ir::extern_call(with_vjp({}), std::vector{ir::apply<ir::StopGradient>({w})}).front();
  CHECK_NOTHROW(passes::gradients(reduce_sum(y * w, {0}), std::vector{w}));
  CHECK_NOTHROW(
      passes::gradients(reduce_sum(ir::extern_call(with_vjp({}), std::vector{x}).front() * w, {0}), std::vector{w}));
}

TEST_CASE("equal calls are one, calls nobody needs are none", "[extern]") {
  Graph g;
  const Expr x = input(g, "x", {DType::f32, {3}});
  const Expr a = test::extern_twice(x), b = test::extern_twice(x);
  (void)test::extern_twice(a);  // unused
  g.add_output("y", (a + b).value());
  CHECK(externs_in(g) == 3);
  CHECK(externs_in(passes::dce(passes::cse(g))) == 1);
}

TEST_CASE("functions of one name are not taken for each other", "[extern]") {
  ir::ExternFunction other = *test::test_externs()[0];
  other.address = &does_nothing;
  const auto renamed = std::make_shared<const ir::ExternFunction>(other);
  Graph g;
  const Expr x = input(g, "x", {DType::f32, {3}});
  g.add_output("a", test::extern_twice(x).value());
  g.add_output("b", ir::extern_call(renamed, std::vector{x}).front().value());
  CHECK(externs_in(passes::cse(g)) == 2);
}

TEST_CASE("constants are not folded through a user's function", "[extern]") {
  Graph g;
  g.add_output("y", test::extern_twice(ir::constant(g, DType::f32, 3.0)).value());
  CHECK(externs_in(passes::constant_fold(g)) == 1);
}

TEST_CASE("a new value that a function makes of the old one is copied into its state", "[extern]") {
  Graph g;
  const Expr w = state(g, "w", {DType::f32, {3}});
  g.set_update(w.value().node, test::extern_twice(w).value());
  passes::Options options;
  options.target.triple = "x86_64-unknown-linux-gnu";
  options.verify = true;  // the plan checker would object to a write in place
  const ir::Program program = passes::compile(g, options);
  std::vector<std::string> names;
  for_each_kernel(program.items, [&](const ir::Kernel& k) { names.push_back(k.name); });
  CHECK(names == std::vector<std::string>{"extern test_twice_f32", "copy"});
}
