// scan(): loops inside layers and steps; what a turn may read, what it may not do, and a gated unit of a user's own.

#include <cmath>

#include <sinter/ir/ops.h>

#include "frontend/evaluate.h"
#include "frontend/layer_gradient.h"
#include "frontend/layer_run.h"

using namespace sinter;
using namespace sinter_test;

namespace {

const ir::Node& loop_of(const ir::Graph& graph) {
  for (const ir::Node& n : graph.nodes())
    if (n.kind == ir::kind_of<ir::Scan>()) return n;
  throw std::runtime_error("no loop");
}

/// A gated unit with sub-layers and a state: 15 lines of a user's.
class Gated : public Layer {
 public:
  explicit Gated(Dim units) : units_(units.value()), gate_(units, "sigmoid"), candidate_(units, "tanh") {}
  Tensor call(Tensor x) override {
    const Tensor steps = transpose(x, {1, 0, 2});
    const Tensor h0 = broadcast_to(0.0 * mean(x), {x.dim(0), units_});
    const Turn loop = scan({h0}, {steps}, [&](const Tensors& carries, const Tensors& slices) -> Turn {
      const Tensor both = concatenate({slices[0], carries[0]});
      const Tensor g = gate_(both);
      return {{g * carries[0] + (1.0 - g) * candidate_(both)}};
    });
    return loop.carries[0];
  }

 private:
  std::int64_t units_;
  Dense gate_, candidate_;
};

std::string message(const std::function<void(StepBuilder&)>& work) {
  StepBuilder b;
  try {
    work(b);
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("scan: carries go on, outputs are stacked, in both directions") {
  for (const bool reverse : {false, true}) {
    StepBuilder b;
    const Tensor x = b.input("x", {4, 2}), start = b.input("start", {2});
    const Turn loop = scan({start}, {x},
                           [](const Tensors& carries, const Tensors& slices) -> Turn {
                             const Tensor next = 2.0 * carries[0] + slices[0];
                             return {{next}, {next, -slices[0]}};
                           },
                           {.reverse = reverse});
    b.output("last", loop.carries[0]);
    b.output("all", loop.outputs[0]);
    b.output("negative", loop.outputs[1]);
    const StepResult r = b.compile().run(
        {{"x", Array::from<float>({1, 10, 2, 20, 3, 30, 4, 40}, {4, 2})}, {"start", Array::from<float>({1, 1})}});
    const std::vector<double> ahead = {3, 12, 8, 44, 19, 118, 42, 276};
    const std::vector<double> back = {65, 506, 32, 248, 15, 114, 6, 42};
    check_values(r["all"].copy(), {4, 2}, reverse ? back : ahead);
    check_values(r["last"].copy(), {2}, reverse ? std::vector<double>{65, 506} : std::vector<double>{42, 276});
    check_values(r["negative"].copy(), {4, 2}, {-1, -10, -2, -20, -3, -30, -4, -40});
  }
}

TEST_CASE("scan: what is the same in every turn is computed before the loop") {
  StepBuilder b;
  const Tensor x = b.input("x", {3, 2, 4});
  const Variable w = b.variable("w", Array::zeros({4, 8}));
  const Tensor scale = mean(x);
  const Turn loop = scan({}, {x}, [&](const Tensors&, const Tensors& slices) -> Turn {
    return {{}, {matmul(slices[0], transpose(slice(w, {0, 0}, {4, 4}), {1, 0})) * scale}};
  });
  b.output("y", loop.outputs[0]);
  const ir::Node& node = loop_of(b.graph());
  for (const ir::Node& n : node.body->nodes()) {
    CHECK(n.kind != ir::kind_of<ir::Slice>());
    CHECK(n.kind != ir::kind_of<ir::Transpose>());
  }
  CHECK(node.operands.size() == 3);  // x, the part of w, the mean; not w itself
}

TEST_CASE("scan: random numbers are the same in every turn, and differ from step to step") {
  StepBuilder b({.training = true});
  const Tensor x = b.input("x", {3, 50});
  const Turn loop = scan({}, {x}, [&](const Tensors&, const Tensors& slices) -> Turn {
    return {{}, {where(less(random_uniform(slices[0].shape()), 0.5), slices[0], 0.0)}};
  });
  b.output("y", loop.outputs[0]);
  Step step = b.compile();
  const Step::Inputs ones{{"x", Array::full({3, 50}, 1.0)}};
  const Array first = step.run(ones)["y"].copy(), second = step.run(ones)["y"].copy();
  int kept = 0, changed = 0;
  for (std::int64_t k = 0; k < 50; ++k) {
    CHECK(first.at(0, k) == first.at(2, k));
    kept += first.at(0, k) != 0.0;
    changed += first.at(0, k) != second.at(0, k);
  }
  CHECK((kept > 10 && kept < 40 && changed > 5));
}

TEST_CASE("scan: a user's gated unit trains, differentiates and can be used in both kinds of models") {
  Gated layer(3);
  check_gradient(layer, {numbers({2, 4, 2})});

  Sequential model(Input({4, 2}), Gated(3), Dense(1));
  model.compile(Adam({.learning_rate = 0.02}), "mse");
  const Array x = numbers({32, 4, 2}, 11, 17, 8), y = numbers({32, 1}, 11, 17, 8);
  const double before = model.evaluate(x, y)["loss"];
  (void)model.fit(x, y, {.epochs = 60, .verbose = 0});
  CHECK(model.evaluate(x, y)["loss"] < before / 2);
  CHECK(model.weights()[0].path() == "sequential/gated/dense/kernel");

  Input in({4, 2});
  auto out = in | Gated(3) | Dense(1);
  Model functional(in, out);
  CHECK(functional.predict(x).shape() == Shape{32, 1});
}

TEST_CASE("scan: a loop inside a loop") {
  StepBuilder b;
  const Tensor x = b.input("x", {3, 4});
  const Tensor zero = b.input("zero", {});
  const Turn rows = scan({zero}, {x}, [&](const Tensors& outer, const Tensors& row) -> Turn {
    const Turn inner = scan({outer[0]}, {row[0]}, [&](const Tensors& carries, const Tensors& slices) -> Turn {
      const Tensor next = carries[0] * 0.5 + slices[0] * outer[0] + 1.0;
      return {{next}, {next}};
    });
    return {{inner.carries[0]}, {inner.outputs[0]}};
  });
  b.output("y", rows.outputs[0]);
  b.output("slope", gradients(rows.carries[0], {x})[0]);
  const Step::Inputs data{{"x", numbers({3, 4})}, {"zero", Array::from<float>({0.0F}, {})}};
  const StepResult jit = b.compile().run(data);
  const StepResult oracle = b.compile({.backend = Backend::interpreter}).run(data);
  double carry = 0.0;
  for (std::int64_t i = 0; i < 3; ++i) {
    const double outer = carry;
    for (std::int64_t k = 0; k < 4; ++k) {
      carry = carry * 0.5 + numbers({3, 4}).at(i, k) * outer + 1.0;
      CHECK(jit["y"].at(i, k) == Approx(carry));
      CHECK(jit["y"].at(i, k) == oracle["y"].at(i, k));
      CHECK(jit["slope"].at(i, k) == oracle["slope"].at(i, k));
    }
  }
  CHECK(jit["slope"].at(2, 3) == Approx(jit["y"].at(1, 3)));
}

TEST_CASE("scan: mistakes are told") {
  const auto keep = [](const Tensors& carries, const Tensors&) -> Turn { return {carries}; };
  CHECK(message([&](StepBuilder& b) { (void)scan({b.input("c", {2})}, {}, keep); }) ==
        "scan: expected at least one sequence");
  CHECK(message([&](StepBuilder& b) { (void)scan({}, {b.input("x", {})}, keep); }) ==
        "scan: expected a sequence of at least one slice along axis 0, got f32[]");
  CHECK(message([&](StepBuilder& b) { (void)scan({}, {b.input("x", {3}), b.input("y", {4})}, keep); }) ==
        "scan: sequences of one length are read together; expected 3 slices along axis 0, got f32[4]");
  CHECK(message([&](StepBuilder& b) {
          (void)scan({b.input("c", {2})}, {b.input("x", {3, 4})},
                     [](const Tensors&, const Tensors& slices) -> Turn { return {slices}; });
        }) == "scan: carry 0 began as f32[2], but a turn gave f32[4]");
  CHECK(message([&](StepBuilder& b) {
          (void)scan({b.input("c", {2})}, {b.input("x", {3, 4})},
                     [](const Tensors&, const Tensors&) -> Turn { return {}; });
        }) == "scan: a turn got 1 carries and gave 0");
  CHECK(message([&](StepBuilder& b) {
          const Variable w = b.variable("w", Array::zeros({2}));
          (void)scan({}, {b.input("x", {3, 2})}, [&](const Tensors&, const Tensors& slices) -> Turn {
            w.update(slices[0]);
            return {{}, {slices[0]}};
          });
        }).find("hand the value out as a result of scan()") != std::string::npos);
  CHECK(message([&](StepBuilder& b) {
          Tensor leaked;
          (void)scan({}, {b.input("x", {3, 2})}, [&](const Tensors&, const Tensors& slices) -> Turn {
            leaked = slices[0];
            return {{}, {slices[0]}};
          });
          (void)(leaked + 1.0);
        }).find("a tensor of another tracing was used") != std::string::npos);
}

TEST_CASE("cumsum: running sums, from either end, with or without the element itself", "[scan]") {
  const Array x = Array::from<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  const auto sums = [&](Dim axis, CumsumOptions options) {
    return evaluate([&](const Tensors& xs) { return cumsum(xs[0], axis, options); }, {x});
  };
  check_values(sums(1, {}), {2, 3}, {1, 3, 6, 4, 9, 15});
  check_values(sums(-1, {.exclusive = true}), {2, 3}, {0, 1, 3, 0, 4, 9});
  check_values(sums(1, {.reverse = true}), {2, 3}, {6, 5, 3, 15, 11, 6});
  check_values(sums(1, {.exclusive = true, .reverse = true}), {2, 3}, {5, 3, 0, 11, 6, 0});
  check_values(sums(0, {}), {2, 3}, {1, 2, 3, 5, 7, 9});
  const Array whole = evaluate([](const Tensors& xs) { return cast(cumsum(xs[0], 0), DType::f32); },
                               {Array::from<std::int32_t>({3, -1, 2})});
  check_values(whole, {3}, {3, 2, 4});
  for (const CumsumOptions options :
       {CumsumOptions{}, CumsumOptions{.exclusive = true}, CumsumOptions{.reverse = true}}) {
    Lambda layer([options](Tensor t) { return square(cumsum(t, 1, options)); });
    const Array input = numbers({2, 5, 3});
    check_gradient(layer, {input});
    const Array slow = run_layer(layer, {input}), fast = run_layer(layer, {input}, {}, {.backend = Backend::jit});
    for (std::int64_t i = 0; i < slow.size(); ++i) CHECK(slow.flat(i) == fast.flat(i));
  }
}
