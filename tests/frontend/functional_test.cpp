// Models made of symbols, of functions with several inputs, and of classes.

#include <iostream>
#include <sstream>

#include <sinter/ir/program.h>
#include <sinter/passes/pipeline.h>

#include "frontend/layer_gradient.h"
#include "frontend/layer_run.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;

namespace {

Array column(const std::vector<float>& values) {
  return Array::from(std::vector<float>(values), {static_cast<std::int64_t>(values.size()), 1});
}

const Array xs = testing::line_x(), ys = testing::line_y();
const FitOptions quiet{.batch_size = 3, .epochs = 2, .shuffle = false, .verbose = 0};

/// A layer as a user writes it, with sub-layers and a state: it mixes its input with the level of its gate so far.
class Gated : public Layer {
 public:
  explicit Gated(Dim units) : value_(units, "tanh"), gate_(units, "sigmoid") {}
  void build(const Shape&) override { level_ = add_weight("level", {}, {.initializer = "zeros", .trainable = false}); }
  Tensor call(Tensor x) override {
    const Tensor g = gate_(x);
    level_.update(0.9 * level_ + 0.1 * mean(g));
    return g * value_(x) + (1.0 - g) * level_;
  }

 private:
  Dense value_, gate_;
  Variable level_;
};

std::vector<std::string> paths(const Layer& model) {
  std::vector<std::string> result;
  for (const Variable& v : model.weights()) result.push_back(v.path());
  return result;
}

}  // namespace

TEST_CASE("a functional model is the chain it describes", "[functional]") {
  Input x({2});
  const Symbol hidden = x | Dense(3, "tanh");
  CHECK(hidden.shape() == Shape{3});
  const Symbol y = hidden | Dense(1);
  Model model(x, y);
  Sequential chain(ModelOptions{.name = "model"}, Input({2}), Dense(3, "tanh"), Dense(1));
  CHECK(paths(model) == paths(chain));
  CHECK(paths(model)[0] == "model/dense/kernel");
  for (Model* m : {&model, static_cast<Model*>(&chain)}) m->compile("adam", "mse");
  const Array points = testing::points(6);
  model.fit(points, ys, quiet);
  chain.fit(points, ys, quiet);
  for (std::size_t k = 0; k < 4; ++k)
    for (std::int64_t i = 0; i < model.get_weights()[k].size(); ++i)
      CHECK(model.get_weights()[k].flat(i) ==
            chain.get_weights()[k].flat(i));  // the same seed and paths, the same bits
}

TEST_CASE("residual connections, shared layers and arithmetic", "[functional]") {
  Input x({2});
  const auto shared = make<Dense>({.units = 2, .use_bias = false});
  Symbol y = x + shared(shared(x));
  y = 2.0 * y - 1.0;
  y = y | relu | [](Tensor t) { return t * t; };
  Model model(x, y);
  CHECK(model.weights().size() == 1);
  model.set_weights({Array::from<float>({0, 1, 2, 0}, {2, 2})});  // twice: x becomes 2 x
  const Array out = model.predict(Array::from<float>({1, -1}, {1, 2}));
  CHECK(out.at(0, 0) == 25.0);  // 2 (1 + 2) - 1 = 5
  CHECK(out.at(0, 1) == 0.0);
}

TEST_CASE("several inputs and outputs, by place and by name", "[functional]") {
  Input a({1}, {.name = "left"}), b({2}, {.name = "right"});
  const Symbol both = Symbols{a, b} | Concatenate();
  CHECK(both.shape() == Shape{3});
  const Symbol sum_of = both | Dense({.units = 1, .kernel_initializer = "ones", .name = "total"});
  const Symbol half = a * 0.5;
  Model model({a, b}, {sum_of, half});
  CHECK(model.input_names() == std::vector<std::string>{"left", "right"});
  CHECK(model.output_names() == std::vector<std::string>{"total", "multiply"});
  const Array left = column({1, 2}), right = Array::from<float>({10, 20, 30, 40}, {2, 2});
  const std::vector<Array> y = model.predict_many({left, right});
  REQUIRE(y.size() == 2);
  CHECK(y[0].at(1, 0) == 72.0);
  CHECK(y[1].at(1, 0) == 1.0);
  CHECK(model.predict_many({{"right", right}, {"left", left}})[0].at(0, 0) == 31.0);
  const std::vector<Array> listed{left, right};
  CHECK(model.predict_many(listed)[0].at(0, 0) == 31.0);
}

TEST_CASE("losses, weights and metrics per output", "[functional]") {
  Input x({1});
  const Symbol first = x | Dense({.units = 1, .kernel_initializer = "ones", .name = "first"});
  const Symbol second = first | Dense({.units = 1, .kernel_initializer = "ones", .name = "second"});
  Model model(x, {first, second});
  model.compile({.optimizer = SGD({.learning_rate = 0.1}),
                 .losses = {{"first", "mse"}, {"second", "mae"}},
                 .loss_weights = {{"second", 0.25}},
                 .output_metrics = {{"second", {"mse"}}}});
  const Array in = column({1, 3}), t1 = column({0, 0}), t2 = column({2, 2});
  const Logs logs = model.evaluate(in, {t1, t2}, {.verbose = 0});
  CHECK(logs["first_loss"] == Approx(5.0));   // (1 + 9) / 2
  CHECK(logs["second_loss"] == Approx(1.0));  // (1 + 1) / 2
  CHECK(logs["loss"] == Approx(5.25));
  CHECK(logs["second_mse"] == Approx(1.0));
  CHECK(logs.items().size() == 4);
  // d loss / d bias of second = 0.25 mean(sign(p - t)) = 0; of first: 2 mean(p1) + 0 = 4.
  model.train_on_batch(in, {{"second", t2}, {"first", t1}});
  CHECK(model.weight("first/bias").value().item() == Approx(-0.4));
  CHECK(model.weight("second/bias").value().item() == Approx(0.0));
  const History history =
      model.fit(in, {t1, t2}, {.batch_size = 1, .epochs = 2, .validation_data = {in, {t1, t2}}, .verbose = 0});
  CHECK(history.contains("val_second_mse"));
  CHECK(history.contains("first_loss"));
}

TEST_CASE("an output without loss or metric needs no labels", "[functional]") {
  Input x({1});
  const Symbol code = x | Dense({.units = 2, .name = "code"});
  const Symbol y = code | Dense({.units = 1, .name = "y"});
  Model model(x, {code, y});
  model.compile({.optimizer = "sgd", .losses = {{"y", "mse"}}});
  const Logs logs = model.train_on_batch(xs, ys);
  CHECK(logs.contains("y_loss"));
  CHECK(logs["loss"] == Approx(logs["y_loss"]));
}

TEST_CASE("models of the same symbols share layers; a model may begin in the middle", "[functional]") {
  Input x({1});
  const Symbol code = x | Dense({.units = 2, .name = "encode"});
  const Symbol y = code | Dense({.units = 1, .name = "decode"});
  Model whole(x, y), encoder(x, code), decoder(code, y);
  whole.compile(SGD({.learning_rate = 0.01}), "mse");
  whole.fit(xs, ys, quiet);
  const Array through = decoder.predict(encoder.predict(xs));
  const Array direct = whole.predict(xs);
  for (std::int64_t i = 0; i < 6; ++i) CHECK(through.flat(i) == direct.flat(i));
}

TEST_CASE("models are layers", "[functional]") {
  Input x({2});
  const auto inner = make<Sequential>(ModelOptions{.name = "inner"}, Input({2}), Dense(3, "relu"), Dense(2));
  const Symbol y = x + inner(x);
  Model model(x, Symbols{y, x} | Add() | Dense(1));
  CHECK(paths(model) == std::vector<std::string>{"inner/dense/kernel", "inner/dense/bias", "inner/dense_1/kernel",
                                                 "inner/dense_1/bias", "model/dense/kernel", "model/dense/bias"});
  CHECK(model.layer("inner").class_name() == "Sequential");
  CHECK(model.layer("inner/dense_1").count_params() == 8);
  model.compile("sgd", "mse");
  model.fit(testing::points(6), ys, quiet);
  Input p({1}), q({1});
  Model two({p, q}, {p + q, p - q});
  Input r({1});
  const auto shared = make<Model>(std::move(two));
  const Symbols both = shared(Symbols{r, r * 3.0});
  Model outer(r, both);
  const std::vector<Array> out = outer.predict_many(column({2}));
  CHECK(out[0].item() == 8.0);
  CHECK(out[1].item() == -4.0);
}

TEST_CASE("weights come in Keras's order: by distance from the output", "[functional]") {
  Input x({2});
  const Symbol side = x | Dense({.units = 2, .name = "made_first"});
  const Symbol deep = x | Dense({.units = 2, .name = "a"}) | Dense({.units = 2, .name = "b"});
  Model model(x, Symbols{deep, side} | Add());
  CHECK(paths(model)[0] == "model/a/kernel");
  CHECK(paths(model)[2] == "model/b/kernel");
  CHECK(paths(model)[4] == "model/made_first/kernel");
}

TEST_CASE("freezing: layers, models, and after compile", "[functional]") {
  Input x({1});
  const auto encode = make<Dense>({.units = 2, .name = "encode"});
  Model model(x, encode(x) | Dense({.units = 1, .name = "head"}));
  encode->set_trainable(false);
  CHECK(model.trainable_weights().size() == 2);
  CHECK(model.non_trainable_weights().size() == 2);
  model.compile("sgd", "mse");
  const Array before = model.weight("encode/kernel").value();
  const Array head = model.weight("head/kernel").value();
  model.fit(xs, ys, quiet);
  CHECK(model.weight("encode/kernel").value().flat(1) == before.flat(1));
  CHECK(model.weight("head/kernel").value().flat(1) != head.flat(1));
  model.layer("encode").set_trainable(true);
  std::ostringstream text;
  std::streambuf* saved = std::cerr.rdbuf(text.rdbuf());
  model.fit(xs, ys, quiet);
  std::cerr.rdbuf(saved);
  CHECK(text.str() ==
        "sinter: warning: model: layers were frozen or unfrozen after compile(); call compile() again for "
        "it to take effect\n");
  CHECK(model.weight("encode/kernel").value().flat(1) == before.flat(1));
  model.set_trainable(false);
  CHECK(model.trainable_weights().empty());
}

TEST_CASE("a frozen model does not freeze another that shares its layers once they are thawed", "[functional]") {
  Input x({1});
  const Symbol code = x | Dense({.units = 2, .name = "encode"});
  Model encoder(x, code), whole(x, code | Dense({.units = 1, .name = "decode"}));
  encoder.set_trainable(false);
  CHECK(whole.trainable_weights().size() == 2);
  whole.set_trainable(true);
  CHECK(whole.trainable_weights().size() == 4);
  CHECK(encoder.trainable_weights().empty());  // the model itself is still frozen
  CHECK(encoder.non_trainable_weights().size() == 2);
}

TEST_CASE("a layer frozen before it has parts freezes them, and thaws them", "[functional]") {
  const auto block = make<testing::Block>();
  block->set_trainable(false);
  Sequential model(Input({2}), block, BatchNormalization(), Dense(1));
  CHECK(model.trainable_weights().size() == 4);
  CHECK(!block->weights()[0].trainable());
  block->set_trainable(true);
  CHECK(model.trainable_weights().size() == 8);
  CHECK(block->weights()[0].trainable());
}

TEST_CASE("a function of several inputs, and a class", "[functional]") {
  Model by_function({Input({1}), Input({1})}, [](Tensors in) {
    const Tensor hidden = in | Concatenate() | Dense(4, "relu");
    return Tensors{hidden | Dense(1), in[0] * in[1]};
  });
  CHECK(by_function.output_names() == std::vector<std::string>{"output", "output_1"});
  CHECK(by_function.weights().size() == 4);
  CHECK(by_function.predict_many({column({2}), column({5})})[1].item() == 10.0);

  class Twin : public Model {
   public:
    Tensors call_many(Tensors in) override { return {head_(in[0]) + head_(in[1])}; }

   private:
    Dense head_{1};
  };
  Twin twin;
  twin.compile("sgd", "mse");
  twin.fit({xs, xs}, ys, quiet);
  CHECK(twin.weights().size() == 2);
  CHECK(twin.predict({xs, xs}).shape() == Shape{6, 1});
}

TEST_CASE("1.1 a gated unit with sub-layers and state works everywhere", "[functional]") {
  Sequential chain(Input({2}), Gated(4), Dense(1));
  chain.compile("adam", "mse");
  const Array points = testing::points(6);
  chain.fit(points, ys, quiet);
  CHECK(chain.weight("gated/level").value().item() > 0.1);
  Input x({2});
  Model model(x, x | Gated(4) | Gated(4) | Dense(1));
  model.compile("adam", "mse");
  const double first = model.evaluate(points, ys, {.verbose = 0})["loss"];
  model.fit(points, ys, {.batch_size = 6, .epochs = 60, .verbose = 0});
  CHECK(model.evaluate(points, ys, {.verbose = 0})["loss"] < first);
  CHECK(model.weights().size() == 12);
}

TEST_CASE("1.1 a user's layer fuses and differentiates", "[functional]") {
  Input x({2});
  Model model(x, x | Gated(4) | Dense(1));
  const ir::Program program = passes::compile(model.graph("predict", 8), passes::Options{});
  int contractions = 0, others = 0;
  ir::for_each_kernel(program.items, [&](const ir::Kernel& kernel) {
    ++(kernel.schedule.form == ir::KernelForm::contract ? contractions : others);
  });
  CHECK(contractions == 3);  // value, gate with the mixing as its epilogue, dense
  CHECK(others == 0);
  Gated layer(3);
  sinter_test::check_gradient(layer, {sinter_test::numbers({4, 2})});
}

TEST_CASE("embedding indices are checked where data enter", "[functional][errors]") {
  Sequential model(Input({2}, {.dtype = DType::i32}), Embedding(5, 3), Flatten(), Dense(1));
  model.compile("adam", "mse");
  const Array good = Array::from<std::int32_t>({0, 4, 1, 2}, {2, 2}),
              bad = Array::from<std::int32_t>({0, 4, 5, 2}, {2, 2});
  const Array labels = column({0, 1});
  model.fit(good, labels, quiet);
  const std::string message =
      "index 5 in sample 1 is out of range: sequential/embedding has 5 rows, so indices are 0 to 4";
  CHECK_THROWS_WITH(model.fit(bad, labels, quiet), "x: " + message);
  CHECK_THROWS_WITH(model.predict(bad), "x: " + message);
  CHECK_THROWS_WITH(model.fit(good, labels, {.validation_data = {bad, labels}, .verbose = 0}),
                    "validation x: " + message);
}

TEST_CASE("what functional models refuse", "[functional][errors]") {
  Input x({2}), other({3}, {.name = "other"});
  CHECK_THROWS_WITH(x | Dense(3) | Permute({2, 1}),
                    "permute: expected inputs of rank 3 (with the batch), got f32[2,3]");
  const Symbol y = Symbols{x, other} | Concatenate() | Dense({.units = 1, .name = "y"});
  CHECK_THROWS_WITH(
      Model(x, y),
      "model: an output depends on the input 'other', which is not among the inputs of the model; list it");
  CHECK_THROWS_WITH(Model({x, x}, x), "model: input 1 is listed twice");
  Model model({x, other}, {y, x * 2.0});
  CHECK_THROWS_WITH(model.predict_many(Array::zeros({4, 2})), "x: model takes 2 arrays (x_1, other), got 1");
  CHECK_THROWS_WITH(model.predict_many({{"x_1", Array::zeros({4, 2})}, {"othr", Array::zeros({4, 3})}}),
                    "unknown array of x for model 'othr'; did you mean 'other'? Known: x_1, other");
  CHECK_THROWS_WITH(model.predict_many({Array::zeros({4, 2}), Array::zeros({5, 3})}),
                    "x_1 and other differ in length: 4 and 5 samples");
  CHECK_THROWS_WITH(model.predict({Array::zeros({4, 2}), Array::zeros({4, 3})}),
                    "model: the model has 2 outputs; predict_many() returns them all");
  CHECK_THROWS_WITH(model.compile({.losses = {{"z", "mse"}}}),
                    "unknown output of model in losses 'z'; known: y, multiply");
  CHECK_THROWS_WITH(model.compile({.metrics = {"mae"}}),
                    "model: the model has 2 outputs (y, multiply); say to which a metric belongs: .output_metrics = "
                    "{{\"y\", {\"mae\"}}}");
  model.compile("sgd", "mse");
  CHECK_THROWS_WITH(model.fit({Array::zeros({4, 2}), Array::zeros({4, 3})}, Array::zeros({4, 1}), quiet),
                    "y: model takes 2 arrays (y, multiply), got 1");
  CHECK_THROWS_WITH(model.layer("yy"), "unknown layer of model 'yy'; known: concatenate, y, multiply");
}
