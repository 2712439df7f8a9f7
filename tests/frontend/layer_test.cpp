// The layer protocol.

#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using sinter::testing::Block;
using sinter::testing::SimpleDense;

TEST_CASE("a layer is built once, whatever the number of calls", "[layer][1.1:build]") {
  const auto layer = make<SimpleDense>(5, "relu");
  Sequential model(Input({3}), layer);
  model.predict(Array::zeros({4, 3}));
  model.predict(Array::zeros({7, 3}));
  CHECK(layer->builds == 1);
  CHECK(layer->built());
  REQUIRE(layer->weights().size() == 2);
  CHECK(layer->weights()[0].path() == "sequential/simple_dense/kernel");
  CHECK(layer->weights()[0].shape() == Shape{3, 5});
  CHECK(layer->count_params() == 20);
}

TEST_CASE("names are snake case and numbered within the model", "[layer][1.1:names]") {
  struct PReLU : Layer {
    Tensor call(Tensor x) override { return x; }
  };
  struct Conv2DTranspose : PReLU {};
  struct LSTM : PReLU {};
  const Sequential model(Input({3}), Dense(2), Dense(2), PReLU(), Conv2DTranspose(), LSTM(),
                         Dense({.units = 2, .name = "last"}), Dense(1));
  const std::vector<std::string> expected{"dense", "dense_1", "p_re_lu", "conv2d_transpose", "lstm", "last", "dense_2"};
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK(model.layer(k).name() == expected[k]);
  CHECK(model.layer(2).class_name() == "PReLU");
  CHECK(model.layer(-1).name() == "dense_2");
  CHECK(&model.layer("last") == &model.layer(5));
}

TEST_CASE("layers held as members are found when they are called", "[layer]") {
  Sequential model(Input({4}), Block(), Block());
  std::vector<std::string> paths;
  for (const Variable& v : model.weights()) paths.push_back(v.path());
  CHECK(paths == std::vector<std::string>{"sequential/block/dense/kernel", "sequential/block/dense/bias",
                                          "sequential/block/dense_1/kernel", "sequential/block/dense_1/bias",
                                          "sequential/block_1/dense/kernel", "sequential/block_1/dense/bias",
                                          "sequential/block_1/dense_1/kernel", "sequential/block_1/dense_1/bias"});
  CHECK(model.weight("block/dense/kernel").shape() == Shape{4, 3});
  CHECK(model.predict(Array::zeros({5, 4})).shape() == Shape{5, 2});
}

TEST_CASE("x | layer keeps layers that call() makes on the spot", "[layer]") {
  struct Fresh : Layer {
    Tensor call(Tensor x) override { return x | Dense(4, "relu") | Dense(2); }
  };
  Sequential model(Input({3}), Fresh());
  CHECK(model.weights().size() == 4);
  const Array x = testing::points(3).reshape({2, 3});
  const Array first = model.predict(x);
  CHECK(model.predict(x).flat(3) == first.flat(3));
  CHECK(model.predict(x.rows(0, 1)).flat(1) == first.flat(1));  // another batch size, the same weights
  CHECK(model.weights().size() == 4);
}

TEST_CASE("a layer made with make is shared", "[layer]") {
  const auto shared = make<Dense>({.units = 3, .activation = "tanh"});
  Model model(Input({3}), [&](Tensor x) { return shared(x) + shared(x * 2.0); });
  CHECK(model.weights().size() == 2);
  CHECK(shared->name() == "dense");
}

TEST_CASE("weights come in Keras's order and can be replaced", "[layer][1.1:trainable]") {
  struct Mixed : Layer {
    Variable count, gain;
    void build(const Shape&) override {
      count = add_weight("count", {1}, {.initializer = "zeros", .trainable = false});
      gain = add_weight("gain", {1}, {.initializer = "ones"});
    }
    Tensor call(Tensor x) override { return x * gain + count; }
  };
  Sequential model(Input({1}), Mixed(), Dense(1));
  REQUIRE(model.weights().size() == 4);
  CHECK(model.weights()[0].name() == "gain");
  CHECK(model.weights()[1].name() == "count");
  CHECK(model.trainable_weights().size() == 3);
  CHECK(model.non_trainable_weights().size() == 1);
  model.set_weights(
      {Array::from<float>({3}), Array::from<float>({10}), Array::from<float>({2}, {1, 1}), Array::from<float>({1})});
  CHECK(model.predict({5.0}).item() == 51.0);
  CHECK(model.get_weights()[1].item() == 10.0);
}

TEST_CASE("a call may update a weight that is not trained", "[layer]") {
  struct Counter : Layer {
    Variable seen;
    void build(const Shape&) override { seen = add_weight("seen", {}, {.initializer = "zeros", .trainable = false}); }
    Tensor call(Tensor x) override {
      seen.update(seen + 1.0);
      return x;
    }
  };
  Sequential model(Input({1}), Counter(), Dense(1));
  model.compile("sgd", "mse", {}, testing::interpreted());
  model.fit(testing::line_x(), testing::line_y(), {.batch_size = 4, .epochs = 3, .verbose = 0});
  CHECK(model.weight("counter/seen").value().item() == 6.0);
  model.predict(testing::line_x());  // inference leaves it
  CHECK(model.weight("counter/seen").value().item() == 6.0);
}

TEST_CASE("training() tells the mode", "[layer][1.1:training]") {
  struct Mode : Layer {
    Tensor call(Tensor x) override { return training() ? x * 0.0 : x; }
  };
  Sequential model(Input({1}), Mode(), Dense({.units = 1, .kernel_initializer = "ones"}));
  model.compile("sgd", "mse", {}, testing::interpreted());
  CHECK(model.evaluate({1.0}, {1.0}, {.verbose = 0})["loss"] == 0.0);
  CHECK(model.train_on_batch({1.0}, {1.0})["loss"] == 1.0);
}

TEST_CASE("Dense contracts the last axis of any rank", "[layer][1.2:Dense]") {
  Sequential model(Input({2, 3}), Dense({.units = 4, .use_bias = false, .kernel_initializer = "ones"}));
  CHECK(model.weights().size() == 1);
  const Array y = model.predict(Array::from<float>({1, 2, 3, 4, 5, 6}, {1, 2, 3}));
  CHECK(y.shape() == Shape{1, 2, 4});
  CHECK(y.at(0, 0, 3) == 6.0);
  CHECK(y.at(0, 1, 0) == 15.0);
}

TEST_CASE("Lambda takes functions, overloaded ones too, and lambdas", "[layer][1.2:Lambda]") {
  const Array x = Array::from<float>({-2, 0.25F, 3}, {1, 3});
  const auto run = [&](Lambda layer) {
    Sequential model(Input({3}), std::move(layer));
    return model.predict(x);
  };
  CHECK(run(Lambda(abs)).at(0, 0) == 2.0);
  CHECK(run(Lambda(relu)).at(0, 0) == 0.0);
  const Array half = run(Lambda([](Tensor t) { return maximum(0.5, t); }));
  CHECK(half.at(0, 0) == 0.5);
  CHECK(half.at(0, 1) == 0.5);
  CHECK(half.at(0, 2) == 3.0);
}

TEST_CASE("the gradient of maximum(0.5, x) is 0 below and 1 above", "[layer][1.2:Lambda]") {
  StepBuilder b;
  const Tensor x = b.input("x", {4});
  b.output("g", gradients(sum(maximum(0.5, x)), {x})[0]);
  const Array g = b.compile(testing::interpreted()).run({{"x", Array::from<float>({-1, 0, 0.75F, 2})}})["g"];
  CHECK(g.span<float>()[0] == 0.0F);
  CHECK(g.span<float>()[1] == 0.0F);
  CHECK(g.span<float>()[2] == 1.0F);
  CHECK(g.span<float>()[3] == 1.0F);
}

TEST_CASE("dropout keeps about 1 - rate, scales, and is off in inference", "[layer][1.2:Dropout]") {
  StepBuilder b;
  Dropout dropout(0.25);
  b.output("y", dropout(b.input("x", {64, 100})));
  Step step = b.compile(testing::interpreted());
  const Array ones = Array::full({64, 100}, 1.0);
  const Array y = step.run({{"x", ones}})["y"];
  int kept = 0;
  for (const float v : y.span<float>()) {
    REQUIRE((v == 0.0F || v == Approx(1.0 / 0.75)));
    kept += v != 0.0F ? 1 : 0;
  }
  CHECK(kept > 4650);  // 4800 expected, standard deviation 35
  CHECK(kept < 4950);
  const Array again = step.run({{"x", ones}})["y"];  // the next step drops others
  CHECK(!std::equal(y.span<float>().begin(), y.span<float>().end(), again.span<float>().begin()));

  Sequential model(Input({100}), Dropout(0.25));
  CHECK(model.predict(ones).at(3, 3) == 1.0);
  CHECK(model.weights().empty());
}

TEST_CASE("what dropout drops depends on the row, not on the batch it is in", "[layer]") {
  const auto mask = [](std::int64_t rows) {
    StepBuilder b({.seed = 3});
    Dropout dropout(0.5);
    b.output("y", dropout(b.input("x", {rows, 40})));
    return b.compile(testing::interpreted()).run({{"x", Array::full({rows, 40}, 1.0)}})["y"];
  };
  const Array few = mask(2), many = mask(5);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 40; ++j) CHECK(few.at(i, j) == many.at(i, j));
}

TEST_CASE("two dropouts drop different elements; rates 0 and 1 are exact", "[layer][1.2:Dropout]") {
  StepBuilder b;
  const Tensor x = b.input("x", {8, 40});
  Dropout first(0.5), second(0.5), none(0.0), all(1.0);
  b.output("first", first(x));
  b.output("second", second(x));
  b.output("again", first(x));
  b.output("none", none(x));
  b.output("all", all(x));
  const StepResult r = b.compile(testing::interpreted()).run({{"x", Array::full({8, 40}, 1.0)}});
  const auto same = [&](const char* p, const char* q) {
    return std::equal(r[p].span<float>().begin(), r[p].span<float>().end(), r[q].span<float>().begin());
  };
  CHECK(!same("first", "second"));
  CHECK(!same("first", "again"));
  CHECK(r["none"].at(7, 39) == 1.0);
  CHECK(r["all"].at(0, 0) == 0.0);
}
