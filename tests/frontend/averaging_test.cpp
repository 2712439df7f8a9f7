// Moving averages of weights, accumulated gradients, constraints and regularizers: what optimizers do around the rule.
// Numbers of Keras itself for them: tests/data/keras-golden/optimizers_averaged.json.

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "frontend/files_for_tests.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using Catch::Matchers::Contains;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

/// One weight of 1 under given gradients.
class Walk {
 public:
  explicit Walk(const AnyOptimizer& optimizer, Constraint constraint = {}) : step_(make(optimizer, constraint)) {
    step_.set_state("w", Array::from<float>({1.0F}));
    for (const OptimizerState& s : list_) step_.set_state(s.name, Array::full(s.type.shape, s.initial, s.type.dtype));
  }
  double operator()(double gradient) {
    step_.run({{"g", {gradient}}});
    return step_.state("w").item();
  }
  double state(const std::string& name) { return step_.state(name).item(); }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const OptimizerState& s : list_) result.push_back(s.name);
    return result;
  }

 private:
  Step make(const AnyOptimizer& optimizer, const Constraint& constraint) {
    StepBuilder builder;
    const Variable w = builder.variable("w", Array::from<float>({1.0F}));
    const Parameter parameter{"w", w.tensor(), builder.input("g", {1}), constraint};
    OptimizerStates states(builder.graph());
    optimizer->apply({&parameter, 1}, states);
    list_ = states.list();
    return compile_step(builder.graph(), {.backend = Backend::interpreter});
  }
  std::vector<OptimizerState> list_;
  Step step_;
};

Sequential line(AnyOptimizer optimizer, std::uint64_t seed = 0) {
  Sequential model(ModelOptions{.name = "m", .seed = seed}, Input({1}), Dense(1));
  model.compile(std::move(optimizer), "mse", {}, testing::interpreted());
  return model;
}

Sequential classifier(std::uint64_t seed, AnyOptimizer optimizer, ExecutionOptions execution = testing::interpreted()) {
  Sequential model(ModelOptions{.name = "m", .seed = seed}, Input({2}), Dense(6, "relu"), Dropout(0.2),
                   Dense(3, "softmax"));
  model.compile(std::move(optimizer), "sparse_categorical_crossentropy", {}, std::move(execution));
  return model;
}

History train(Model& model, int epochs, std::vector<AnyCallback> callbacks = {}) {
  return model.fit(testing::points(40), testing::classes(40),
                   {.batch_size = 8,
                    .epochs = epochs,
                    .validation_data = {testing::points(10), testing::classes(10)},
                    .verbose = 0,
                    .callbacks = std::move(callbacks)});
}

std::string bits(const Model& model) {
  std::string all;
  const auto add = [&](const Array& a) {
    all.append(reinterpret_cast<const char*>(a.bytes().data()), a.bytes().size());
  };
  for (const Array& a : model.get_weights()) add(a);
  for (const auto& [name, value] : model.optimizer_state()) add(value);
  return all;
}

bool same(const std::vector<Array>& a, const std::vector<Array>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Array& x, const Array& y) { return std::ranges::equal(x.bytes(), y.bytes()); });
}

std::vector<Array> averages(const Model& model) {
  std::vector<Array> result;
  for (const auto& [name, value] : model.optimizer_state())
    if (name.ends_with("/average")) result.push_back(value);
  return result;
}

}  // namespace

// keras-semantics 1.4: gradient_accumulation_steps
TEST_CASE("accumulation: every n-th step updates by the mean of the gradients", "[averaging]") {
  Walk walk(SGD({.learning_rate = 0.1, .momentum = 0.5, .gradient_accumulation_steps = 3}));
  CHECK(walk(1.0) == 1.0);
  CHECK(walk.state("sgd/w/gradient_accumulator") == 1.0);
  CHECK(walk(3.0) == 1.0);
  CHECK(walk.state("sgd/w/gradient_accumulator") == 4.0);
  CHECK(walk.state("sgd/w/momentum") == 0.0);
  const double first = walk(5.0);
  CHECK(first == Approx(1.0 - 0.1 * 3.0));
  CHECK(walk.state("sgd/w/gradient_accumulator") == 0.0);
  CHECK(walk.state("sgd/w/momentum") == Approx(-0.3));
  CHECK(walk.state("sgd/iteration") == 3.0);  // counts steps
  walk(1.0), walk(1.0);
  CHECK(walk(1.0) == Approx(first - 0.5 * 0.3 - 0.1));
}

// keras-semantics 1.4: gradient_accumulation_steps
TEST_CASE("accumulation: t counts updates, schedules count steps; clipping and decay see the mean", "[averaging]") {
  Walk adam(Adam({.learning_rate = 0.1, .gradient_accumulation_steps = 2}));
  Walk plain(Adam({.learning_rate = 0.1}));
  for (const double g : {2.0, -1.0, 0.5}) {
    adam(g);
    CHECK(adam(g) == Approx(plain(g)));
  }
  Walk scheduled(
      SGD({.learning_rate = PiecewiseConstantDecay{{0.0, 2.0}, {1.0, 0.5, 0.25}}, .gradient_accumulation_steps = 2}));
  scheduled(1.0);
  CHECK(scheduled(1.0) == Approx(1.0 - 0.5));  // the rate of step 1
  scheduled(1.0);
  CHECK(scheduled(1.0) == Approx(0.5 - 0.25));  // and of step 3
  Walk clipped(SGD({.learning_rate = 1.0, .weight_decay = 0.5, .clipvalue = 1.0, .gradient_accumulation_steps = 2}));
  CHECK(clipped(10.0) == 1.0);
  CHECK(clipped(-9.0) == Approx(1.0 - 0.5 - 0.5));  // mean 0.5 is not clipped
}

// keras-semantics 1.4: gradient_accumulation_steps
TEST_CASE("accumulation: n small batches are one large one", "[averaging]") {
  const Array x = Array::from<float>({-1, 0, 1, 2, 3, 4, -2, 5}, {8, 1});
  const Array y = Array::from<float>({-3, -1, 1, 3, 5, 7, -5, 9}, {8, 1});
  const auto weights = [&](std::int64_t batch, std::optional<std::int64_t> steps) {
    Sequential model = line(SGD({.learning_rate = 0.02, .momentum = 0.9, .gradient_accumulation_steps = steps}), 5);
    model.fit(x, y, {.batch_size = batch, .epochs = 20, .shuffle = false, .verbose = 0});
    return model.get_weights();
  };
  const std::vector<Array> large = weights(8, std::nullopt), small = weights(2, 4);
  for (std::size_t k = 0; k < large.size(); ++k) CHECK(small[k].item() == Approx(large[k].item()).epsilon(1e-5));
}

// keras-semantics 1.4: EMA
TEST_CASE("moving average: begins with the weight itself, follows with the momentum", "[averaging]") {
  Walk walk(SGD({.learning_rate = 0.1, .use_ema = true, .ema_momentum = 0.75}));
  double w = walk(1.0), average = w;
  CHECK(w == Approx(0.9));
  CHECK(walk.state("sgd/w/average") == Approx(w));
  for (const double g : {2.0, -3.0, 1.0}) {
    w = walk(g);
    average = 0.75 * average + 0.25 * w;
    CHECK(walk.state("sgd/w/average") == Approx(average));
  }
  Walk overwritten(SGD({.learning_rate = 0.1, .use_ema = true, .ema_momentum = 0.75, .ema_overwrite_frequency = 2}));
  overwritten(1.0);
  CHECK(overwritten(1.0) == Approx(0.75 * 0.9 + 0.25 * 0.8));
  CHECK(overwritten.state("sgd/w/average") == Approx(0.75 * 0.9 + 0.25 * 0.8));
}

// keras-semantics 1.4: order per step (clip, weight decay, update, EMA, constraints)
TEST_CASE("one step: clip, decay, update, average, constraint, in this order", "[averaging]") {
  const Constraint at_most_half = [](const Tensor& w) { return minimum(w, 0.5); };
  Walk walk(SGD({.learning_rate = 0.1, .weight_decay = 0.5, .clipvalue = 1.0, .use_ema = true, .ema_momentum = 0.5}),
            at_most_half);
  CHECK(walk(7.0) == 0.5);
  CHECK(walk.state("sgd/w/average") == Approx(1.0 - 1.0 * 0.5 * 0.1 - 0.1 * 1.0));  // before the constraint
  const double second = 0.5 - 0.5 * 0.5 * 0.1 + 0.1;
  CHECK(walk(-7.0) == 0.5);
  CHECK(walk.state("sgd/w/average") == Approx(0.5 * 0.85 + 0.5 * second));
}

// keras-semantics 1.4: order of slots
TEST_CASE("averages and accumulators are saved before the slots", "[averaging]") {
  const Walk walk(Adam({.use_ema = true, .gradient_accumulation_steps = 2}));
  CHECK(walk.names() == std::vector<std::string>{"adam/iteration", "adam/learning_rate", "adam/w/average",
                                                 "adam/w/gradient_accumulator", "adam/w/momentum", "adam/w/velocity"});
}

// keras-semantics 1.4: errors
TEST_CASE("averaging: options that make no sense", "[averaging]") {
  CHECK(message_of([] { SGD({.use_ema = true, .ema_momentum = 1.5}); }) ==
        "optimizer sgd: ema_momentum must lie in [0, 1], got 1.5");
  CHECK(message_of([] { SGD({.use_ema = true, .ema_overwrite_frequency = 0}); }) ==
        "optimizer sgd: ema_overwrite_frequency must be a whole number from 1 to 2147483647, got 0");
  CHECK(message_of([] { SGD({.ema_overwrite_frequency = 3}); }) ==
        "optimizer sgd: ema_overwrite_frequency needs use_ema = true");
  CHECK(message_of([] { Adam({.gradient_accumulation_steps = 1}); }) ==
        "optimizer adam: gradient_accumulation_steps must be a whole number from 2 to 2147483647, got 1");
}

// keras-semantics 1.4: EMA
TEST_CASE("moving average: fit ends with it; swapping shows it before", "[averaging]") {
  const AdamOptions options{.learning_rate = 0.05, .use_ema = true, .ema_momentum = 0.9};
  Sequential model = line(Adam(options), 3), plain = line(Adam({.learning_rate = 0.05}), 3);
  model.fit(testing::line_x(), testing::line_y(), {.batch_size = 2, .epochs = 4, .shuffle = false, .verbose = 0});
  plain.fit(testing::line_x(), testing::line_y(), {.batch_size = 2, .epochs = 4, .shuffle = false, .verbose = 0});
  CHECK(same(model.get_weights(), averages(model)));
  CHECK_FALSE(same(model.get_weights(), plain.get_weights()));

  Sequential by_hand = line(Adam(options), 3);
  for (int step = 0; step < 5; ++step) by_hand.train_on_batch(testing::line_x(), testing::line_y());
  const std::vector<Array> weights = by_hand.get_weights(), expected = averages(by_hand);
  const double before = by_hand.evaluate(testing::line_x(), testing::line_y(), {.verbose = 0})["loss"];
  by_hand.swap_ema_weights();
  CHECK(by_hand.ema_weights_swapped());
  CHECK(same(by_hand.get_weights(), expected));
  CHECK(by_hand.evaluate(testing::line_x(), testing::line_y(), {.verbose = 0})["loss"] != before);
  CHECK(
      message_of([&] { by_hand.train_on_batch(testing::line_x(), testing::line_y()); }) ==
      "m: train_on_batch(): the weights and their moving averages are exchanged; call swap_ema_weights() again before "
      "training");
  CHECK_THAT(message_of([&] { by_hand.fit(testing::line_x(), testing::line_y(), {.verbose = 0}); }),
             Contains("m: fit(): the weights and their moving averages are exchanged"));
  by_hand.swap_ema_weights();
  CHECK(same(by_hand.get_weights(), weights));
  CHECK(message_of([&] { plain.swap_ema_weights(); }) ==
        "m: swap_ema_weights(): the optimizer keeps no averages of the weights; give it use_ema = true");
  Sequential untrained = line(Adam(options));
  CHECK_THAT(message_of([&] { untrained.swap_ema_weights(); }),
             Contains("there are no averages before the first step"));
}

// keras-semantics 1.4: EMA (SwapEMAWeights)
TEST_CASE("SwapEMAWeights: validation and the callbacks after it see the averages", "[averaging]") {
  const SGDOptions options{.learning_rate = 0.02, .use_ema = true, .ema_momentum = 0.9};
  Sequential model = line(SGD(options), 3), plain = line(SGD(options), 3);
  const FitOptions fit{.batch_size = 2,
                       .epochs = 3,
                       .shuffle = false,
                       .validation_data = {testing::line_x(), testing::line_y()},
                       .verbose = 0};
  FitOptions swapping = fit;
  std::vector<double> seen;
  swapping.callbacks = {
      SwapEMAWeights({.swap_on_epoch = true}), LambdaCallback({.on_epoch_end = [&](Training& t, int, Logs&) {
        CHECK(t.model().ema_weights_swapped());
        seen.push_back(t.model().evaluate(testing::line_x(), testing::line_y(), {.verbose = 0})["loss"]);
      }})};
  const History with = model.fit(testing::line_x(), testing::line_y(), swapping);
  const History without = plain.fit(testing::line_x(), testing::line_y(), fit);
  CHECK(with["loss"] == without["loss"]);  // trained by the weights themselves
  CHECK(with["val_loss"] != without["val_loss"]);
  for (std::size_t k = 0; k < seen.size(); ++k) CHECK(seen[k] == Approx(with["val_loss"][k]).epsilon(1e-6));
  CHECK(same(model.get_weights(), plain.get_weights()));
  CHECK(same(model.get_weights(), averages(model)));
  CHECK_FALSE(model.ema_weights_swapped());
  Sequential none = line("sgd");
  CHECK_THAT(message_of([&] {
               none.fit(testing::line_x(), testing::line_y(), {.verbose = 0, .callbacks = {SwapEMAWeights()}});
             }),
             Contains("SwapEMAWeights: m: ema_weights_swapped(): the optimizer keeps no averages"));
}

TEST_CASE("averaging: stopped after any batch and resumed, the bits are the same", "[averaging]") {
  const TemporaryFolder folder;
  const auto optimizer = [] {
    return Adam({.use_ema = true, .ema_momentum = 0.8, .ema_overwrite_frequency = 4, .gradient_accumulation_steps = 3});
  };
  const auto callbacks = [&](const std::string& name, int power) {
    return std::vector<AnyCallback>{
        SwapEMAWeights({.swap_on_epoch = true}),
        BackupAndRestore({.path = folder.file(name), .every_epochs = 1, .every_batches = 2}),
        LambdaCallback({.on_batch_end = [left = power](Training&, std::int64_t, const Logs&) mutable {
          if (--left == 0) user_error("power failure");
        }})};
  };
  Sequential whole = classifier(5, optimizer());
  const History expected = train(whole, 3, callbacks("whole", -1));
  for (int after = 1; after <= 15; ++after) {
    INFO("stopped after " << after);
    Sequential stopped = classifier(5, optimizer());
    REQUIRE(message_of([&] { train(stopped, 3, callbacks("c", after)); }) == "power failure");
    Sequential resumed = classifier(std::filesystem::exists(folder.file("c")) ? 6 : 5, optimizer());
    CHECK(train(resumed, 3, callbacks("c", -1))["val_loss"] == expected["val_loss"]);
    CHECK(bits(resumed) == bits(whole));
  }
  // Saved while they are exchanged.
  Sequential first = classifier(1, optimizer()), second = classifier(2, optimizer());
  first.train_on_batch(testing::points(8), testing::classes(8));
  first.swap_ema_weights();
  first.save_checkpoint(folder.file("swapped"));
  second.load_checkpoint(folder.file("swapped"));
  CHECK(second.ema_weights_swapped());
  second.swap_ema_weights();
  first.swap_ema_weights();
  CHECK(bits(second) == bits(first));
}

TEST_CASE("averaging: machine code and interpreter give the same bits", "[averaging]") {
  const auto trained = [](ExecutionOptions execution) {
    Sequential model = classifier(1,
                                  RMSprop({.centered = true,
                                           .weight_decay = 0.01,
                                           .clipnorm = 1.0,
                                           .use_ema = true,
                                           .ema_overwrite_frequency = 2,
                                           .gradient_accumulation_steps = 2}),
                                  std::move(execution));
    train(model, 2);
    return bits(model);
  };
  CHECK(trained({}) == trained(testing::interpreted()));
}

// keras-semantics 1.4: constraints
TEST_CASE("constraints: formulas, names, a layer of one's own", "[averaging]") {
  const auto apply = [](const Constraint& constraint, const Array& w) {
    StepBuilder builder;
    builder.output("y", constraint(builder.input("w", w.shape())));
    return builder.compile(testing::interpreted()).run({{"w", w}})["y"];
  };
  const Array w = Array::from<float>({3, -0.3F, 4, 0.4F}, {2, 2});  // columns of norm 5 and 0.5
  CHECK(apply("non_neg", w).at(0, 1) == 0.0);
  CHECK(apply("NonNeg", w).at(1, 0) == 4.0);
  CHECK(apply(MaxNorm{.max_value = 2.0}, w).at(0, 0) == Approx(3.0 * 2 / 5));
  CHECK(apply(MaxNorm{.max_value = 2.0}, w).at(1, 1) == Approx(0.4));
  CHECK(apply("max_norm", w).at(0, 0) == Approx(3.0 * 2 / 5));
  CHECK(apply(UnitNorm{.axis = {0, 1}}, w).at(0, 0) == Approx(3.0 / std::sqrt(25.25)));
  CHECK(apply("unit_norm", w).at(1, 1) == Approx(0.8));
  const MinMaxNorm between{.min_value = 1.0, .max_value = 2.0, .rate = 0.5};
  CHECK(apply(between, w).at(0, 0) == Approx(3.0 * (0.5 * 2 + 0.5 * 5) / 5));
  CHECK(apply(between, w).at(0, 1) == Approx(-0.3 * (0.5 * 1 + 0.5 * 0.5) / 0.5));
  CHECK_THAT(message_of([] { Constraint("max_nrom"); }),
             Contains("unknown constraint 'max_nrom'; did you mean 'max_norm'"));
  CHECK_THAT(message_of([&] { apply([](const Tensor& x) { return sum(x); }, w); }),
             Contains("a weight of type f32[2,2] cannot become a value of type f32[]"));

  struct Positive : Layer {
    Variable w;
    void build(const Shape&) override { w = add_weight("w", {1}, {.initializer = "ones", .constraint = "non_neg"}); }
    Tensor call(Tensor x) override { return x * w; }
  };
  Sequential model(Input({1}), Positive());
  model.compile(SGD({.learning_rate = 1.0}), "mse", {}, testing::interpreted());
  model.fit({1.0}, {-9.0}, {.verbose = 0});
  CHECK(model.get_weights()[0].item() == 0.0);
}

// keras-semantics 1.3: losses of regularizers; 1.1: add_weight's regularizer
TEST_CASE("regularizers: terms of the loss, of trainable weights alone", "[averaging]") {
  struct Scaled : Layer {
    explicit Scaled(Regularizer r) : regularizer(std::move(r)) {}
    Regularizer regularizer;
    Variable w;
    void build(const Shape&) override {
      w = add_weight("w", {2}, {.initializer = Constant{-3.0}, .regularizer = regularizer});
    }
    Tensor call(Tensor x) override { return x * w; }
  };
  const auto model_with = [](const Regularizer& r) {
    Sequential model(Input({2}), Scaled(r));
    model.compile(SGD({.learning_rate = 0.5}), "mse", {}, testing::interpreted());
    return model;
  };
  const Array zero = Array::zeros({1, 2});
  const auto loss = [&](const Regularizer& r) {
    Sequential model = model_with(r);
    return model.evaluate(zero, zero, {.verbose = 0})["loss"];
  };
  CHECK(loss("l1") == Approx(0.01 * 6));
  CHECK(loss("L2") == Approx(0.01 * 18));
  CHECK(loss("l1_l2") == Approx(0.01 * 24));
  CHECK(loss(L1L2{.l2 = 0.1}) == Approx(1.8));
  CHECK(loss([](const Tensor& w) { return max(w); }) == Approx(-3.0));
  CHECK_THAT(message_of([] { Regularizer("l3"); }), Contains("unknown regularizer 'l3'"));
  CHECK_THAT(message_of([&] { loss([](const Tensor& w) { return w; }); }),
             Contains("expected one number for a weight, got f32[2]"));
  Sequential model = model_with(L2{.l2 = 0.1});
  model.fit(zero, zero, {.verbose = 0});
  CHECK(model.get_weights()[0].at(0) == Approx(-3.0 - 0.5 * 2 * 0.1 * -3.0));
  Sequential frozen = model_with("l2");
  frozen.layer("scaled").set_trainable(false);
  frozen.compile("sgd", "mse", {}, testing::interpreted());
  CHECK(frozen.evaluate(zero, zero, {.verbose = 0})["loss"] == 0.0);
}
