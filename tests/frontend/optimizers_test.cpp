#include <cmath>

#include <sinter/frontend/optimizers.h>
#include <sinter/ir/error.h>

#include "frontend/evaluate.h"
#include "support/catch.h"

using namespace sinter;

namespace {

/// A weight moved by given gradients, step after step.
class Walk {
 public:
  Walk(const AnyOptimizer& optimizer, const Array& start) : step_(make(optimizer, start)) {
    step_.set_state(weight_, start);
    for (const OptimizerState& s : list_) step_.set_state(s.name, Array::full(s.type.shape, s.initial, s.type.dtype));
  }
  Array operator()(const Array& gradient) {
    step_.run({{"g", gradient}});
    return step_.state(weight_).copy();
  }
  Step& step() { return step_; }
  const std::vector<OptimizerState>& states() const { return list_; }

 private:
  Step make(const AnyOptimizer& optimizer, const Array& start) {
    StepBuilder builder;
    const Variable w = builder.variable("w", start);
    weight_ = w.path();
    const Parameter parameter{"w", w.tensor(), builder.input("g", start.shape(), start.dtype())};
    OptimizerStates states(builder.graph());
    optimizer->apply({&parameter, 1}, states);
    list_ = states.list();
    return compile_step(builder.graph(), {.backend = Backend::interpreter});
  }
  std::string weight_;
  std::vector<OptimizerState> list_;
  Step step_;
};

Array floats(std::initializer_list<float> values) { return Array::from(values); }

}  // namespace

// keras-semantics 1.4: SGD
TEST_CASE("gradient descent with momentum, plain and Nesterov", "[optimizers]") {
  Walk plain(SGD({.learning_rate = 0.1, .momentum = 0.9}), floats({1.0f}));
  CHECK(plain(floats({1.0f})).at(0) == Approx(0.9));
  CHECK(plain(floats({1.0f})).at(0) == Approx(0.9 - 0.19));
  Walk nesterov(SGD({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true}), floats({1.0f}));
  CHECK(nesterov(floats({1.0f})).at(0) == Approx(1.0 - 0.19));
}

// keras-semantics 1.4: learning rate
TEST_CASE("a learning rate is a state", "[optimizers]") {
  Walk walk("sgd", floats({1.0f}));
  CHECK(walk(floats({1.0f})).at(0) == Approx(0.99));
  walk.step().set_state("sgd/learning_rate", Array(0.5));
  CHECK(walk(floats({1.0f})).at(0) == Approx(0.49));
  CHECK(walk.step().state("sgd/iteration").item() == 2.0);
}

// keras-semantics 1.4: order of slots
TEST_CASE("states are listed in the order in which Keras saves them", "[optimizers]") {
  Walk adam("adam", floats({1.0f}));
  std::vector<std::string> names;
  for (const OptimizerState& s : adam.states()) names.push_back(s.name);
  CHECK(names ==
        std::vector<std::string>{"adam/iteration", "adam/learning_rate", "adam/w/momentum", "adam/w/velocity"});
  CHECK(adam.states()[0].type.dtype == DType::i32);
  Walk nadam("nadam", floats({1.0f}));
  CHECK(nadam.states().back().name == "nadam/u_product");
  Walk scheduled(SGD({.learning_rate = ExponentialDecay{}}), floats({1.0f}));
  CHECK(scheduled.states().size() == 1);
}

// keras-semantics 1.4: clipping (errors too)
TEST_CASE("clipping", "[optimizers]") {
  const Array zero = floats({0.0f, 0.0f});
  const Array g = floats({3.0f, -4.0f});
  Walk value(SGD({.learning_rate = 1.0, .clipvalue = 2.0}), zero);
  CHECK(value(g).at(1) == 2.0);
  Walk norm(SGD({.learning_rate = 1.0, .clipnorm = 1.0}), zero);
  CHECK(norm(g).at(0) == Approx(-0.6));
  Walk loose(SGD({.learning_rate = 1.0, .clipnorm = 10.0}), zero);
  CHECK(loose(g).at(0) == Approx(-3.0));
  CHECK(loose(zero).at(0) == Approx(-3.0));
  CHECK_THROWS_WITH(SGD({.clipnorm = 1.0, .clipvalue = 1.0}),
                    "optimizer sgd: only one of clipnorm, global_clipnorm and clipvalue may be set");
  CHECK_THROWS_AS(SGD({.clipnorm = -1.0}), UserError);
}

// keras-semantics 1.4: global_clipnorm
TEST_CASE("the global norm spans all weights", "[optimizers]") {
  StepBuilder builder;
  const Variable a = builder.variable("a", floats({0.0f}));
  const Variable b = builder.variable("b", floats({0.0f, 0.0f}));
  const Tensor ga = builder.input("ga", {1});
  const Tensor gb = builder.input("gb", {2});
  const std::vector<Parameter> parameters = {{"a", a.tensor(), ga}, {"b", b.tensor(), gb}};
  OptimizerStates states(builder.graph());
  SGD({.learning_rate = 1.0, .global_clipnorm = 1.0}).apply(parameters, states);
  Step step = compile_step(builder.graph(), {.backend = Backend::interpreter});
  step.set_state("sgd/learning_rate", Array(1.0));
  step.run({{"ga", floats({2.0f})}, {"gb", floats({1.0f, 2.0f})}});
  CHECK(step.state(a.path()).at(0) == Approx(-2.0 / 3));
  CHECK(step.state(b.path()).at(1) == Approx(-2.0 / 3));
}

// keras-semantics 1.4: weight decay
TEST_CASE("weight decay is decoupled and comes before the update", "[optimizers]") {
  Walk walk(SGD({.learning_rate = 0.1, .weight_decay = 0.5}), floats({2.0f}));
  CHECK(walk(floats({1.0f})).at(0) == Approx(2.0 - 2.0 * 0.5 * 0.1 - 0.1));
}

// keras-semantics 1.4: Lion, Adadelta, amsgrad
TEST_CASE("optimizers that no golden case covers", "[optimizers]") {
  Walk lion(Lion({.learning_rate = 0.1}), floats({1.0f, 1.0f}));
  CHECK(lion(floats({5.0f, -0.1f})).at(0) == Approx(0.9));
  CHECK(lion(floats({5.0f, -0.1f})).at(1) == Approx(1.2));
  Walk adadelta(Adadelta({.learning_rate = 1.0}), floats({1.0f}));
  const double squares = 0.05 * 4.0;
  const double delta = -std::sqrt(1e-7) * 2.0 / std::sqrt(squares + 1e-7);
  CHECK(adadelta(floats({2.0f})).at(0) == Approx(1.0 + delta));
  Walk amsgrad(Adam({.learning_rate = 0.1, .amsgrad = true}), floats({1.0f}));
  amsgrad(floats({10.0f}));
  const double before = amsgrad.step().state("adam/w/velocity_hat").at(0);
  amsgrad(floats({0.0f}));
  CHECK(amsgrad.step().state("adam/w/velocity_hat").at(0) == before);
  CHECK(amsgrad.step().state("adam/w/velocity").at(0) < before);
}

TEST_CASE("an optimizer of one's own is one function", "[optimizers]") {
  struct SignDescent : Optimizer {
    SignDescent() : Optimizer({.name = "signs", .learning_rate = 0.5}) {}
    void update(UpdateContext& c) const override {
      const Tensor calls = c.slot("calls", 10.0);
      c.assign(calls, calls + 1.0);
      c.assign(c.value() - c.learning_rate() * sign(c.gradient()));
    }
  };
  Walk walk(SignDescent(), floats({1.0f}));
  CHECK(walk(floats({-7.0f})).at(0) == 1.5);
  CHECK(walk.step().state("signs/w/calls").at(0) == 11.0);
}

TEST_CASE("weights of doubles are updated in double", "[optimizers]") {
  for (const std::string& name : AnyOptimizer::names()) {
    INFO(name);
    Walk walk(name, Array::from({1.0}));
    const Array moved = walk(Array::from({0.5}));
    CHECK(moved.dtype() == DType::f64);
    CHECK(moved.at(0) != 1.0);
    CHECK(std::isfinite(moved.at(0)));
  }
}

// keras-semantics 1.3: names of optimizers (error)
TEST_CASE("an unknown optimizer lists near matches", "[optimizers]") {
  CHECK_THROWS_WITH(AnyOptimizer("adm"), Catch::Contains("unknown optimizer 'adm'; did you mean 'adam'"));
  CHECK(AnyOptimizer("RMSprop")->name() == "rmsprop");
  CHECK_THROWS_AS(SGD({.momentum = 2.0}), UserError);
}

// keras-semantics 1.4: schedules
TEST_CASE("a schedule drives the rate by the iteration", "[optimizers]") {
  Walk walk(SGD({.learning_rate = PiecewiseConstantDecay{{0.0}, {1.0, 0.25}}}), floats({0.0f}));
  CHECK(walk(floats({1.0f})).at(0) == -1.0);
  CHECK(walk(floats({1.0f})).at(0) == -1.25);
}

// keras-semantics 1.4: schedules (errors)
TEST_CASE("schedules refuse what makes no sense", "[optimizers]") {
  StepBuilder builder;
  const Tensor step = builder.input("step", Shape{});
  CHECK_THROWS_AS(ExponentialDecay{.decay_steps = 0.0}(step), UserError);
  CHECK_THROWS_AS((PiecewiseConstantDecay{{1.0}, {1.0}}(step)), UserError);
}
