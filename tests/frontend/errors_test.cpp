// The mistakes that the study notes and their quiz name, and some more: each is a UserError that teaches.

#include <limits>

#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using sinter::testing::SimpleDense;

namespace {

const Array x = Array::zeros({8, 4});
const Array y = Array::zeros({8, 1});
const std::vector<std::int32_t> labels{0, 1, 2, 0, 1, 2, 0, 3};
const FitOptions quiet{.verbose = 0};

Sequential compiled(Dim units, ActivationFn activation, AnyLoss loss) {
  Sequential model(Input({4}), Dense(units, std::move(activation)));
  model.compile("sgd", std::move(loss));
  return model;
}

}  // namespace

TEST_CASE("no input shape", "[errors][1.1:no-input]") {
  Sequential model{Dense(3)};
  CHECK_THROWS_WITH(model.count_params(),
                    "sequential: there are no weights yet, they are made when the input shape is known: begin the "
                    "model with an Input, or "
                    "call fit() or predict() first");
  CHECK_THROWS_AS(model.get_weights(), UserError);
  Sequential empty;
  CHECK_THROWS_WITH(empty.predict(x), "sequential: the model has no layers; add some, as in Sequential(Dense(1))");
  CHECK_THROWS_WITH(Sequential(Dense(1), Input({4})),
                    "sequential: an Input comes before all layers, it says what the first one gets");
}

TEST_CASE("another shape at the second call", "[errors][1.1:other-shape]") {
  const auto dense = make<Dense>(3);
  Sequential first(Input({4}), dense);
  CHECK_THROWS_WITH(Sequential(Input({5}), dense), "sequential/dense: expected inputs with last axis 4, got f32[2,5]");
  const auto custom = make<SimpleDense>(3);
  Sequential second(Input({4}), custom);
  CHECK_THROWS_WITH(Sequential(Input({5}), custom),
                    "sequential/simple_dense: matmul: inner dimensions differ: f32[2,5] x f32[4,3]\n"
                    "  sequential/simple_dense was built for inputs [*,4] and is now called with [*,5]; a layer keeps "
                    "the shapes of its "
                    "first call");
  Sequential model(Input({5}), Dense(3));
  CHECK_THROWS_WITH(
      model.predict(x),
      "x: sequential takes samples of shape [5], got [4] (the whole array is [8,4], samples along axis 0)");
}

TEST_CASE("weights where none can be kept", "[errors][1.1:late-weight][1.2:Lambda]") {
  struct Late : Layer {
    Tensor call(Tensor t) override { return matmul(t, add_weight("w", {4, 4})); }
  };
  CHECK_THROWS_WITH(Sequential(Input({4}), Late()),
                    "sequential/late: weight 'w' is added after build(); a weight made in call() would be new at every "
                    "step, so make it in "
                    "build() and keep the Variable as a member");
  struct Twice : Layer {
    void build(const Shape&) override {
      add_weight("w", {1});
      add_weight("w", {1});
    }
    Tensor call(Tensor t) override { return t; }
  };
  CHECK_THROWS_WITH(Sequential(Input({4}), Twice()), "sequential/twice: two weights are named 'w'");
  struct Unset : Layer {
    Variable w;
    Tensor call(Tensor t) override { return t * w; }
  };
  CHECK_THROWS_WITH(
      Sequential(Input({4}), Unset()),
      "sequential/unset: variable: it names no weight; build() has to assign the result of add_weight() to it");
  CHECK_THROWS_WITH(Sequential(Input({4}), Lambda([](Tensor t) { return t | Dense(2); })),
                    "sequential/lambda: the function makes layers with weights, which a Lambda does not own; write a "
                    "class derived from "
                    "Layer that keeps them as members");
}

TEST_CASE("a layer that changes from call to call", "[errors][1.1:late-weight]") {
  struct Grows : Layer {
    std::vector<Dense> parts;
    Tensor call(Tensor t) override {
      parts.emplace_back(4);
      return parts.back()(t);
    }
  };
  Sequential model(Input({4}), Grows());
  CHECK_THROWS_WITH(model.predict(x),
                    "sequential/grows: call() used the new layer 'Dense' after the model was built; make layers in the "
                    "constructor or keep "
                    "them as members, so that every call uses the same ones");
  struct Keeps : Layer {
    Tensors kept;
    Tensor call(Tensor t) override {
      kept.push_back(t);
      return t + kept.front();
    }
  };
  CHECK_THROWS_WITH(
      Sequential(Input({4}), Keeps()),
      "sequential/keeps: tensor: a tensor of another tracing was used; a layer must not keep tensors between calls");
}

TEST_CASE("call() is missing", "[errors][1.1:no-call]") {
  struct Nothing : Layer {};
  CHECK_THROWS_WITH(
      Sequential(Input({4}), Nothing()),
      "sequential/nothing: Nothing has no call(): override `Tensor call(Tensor x)`, which computes the layer's result");
}

TEST_CASE("layers used after they were moved, or outside", "[errors][1.1:constructor]") {
  Dense dense(3);
  const Sequential model(Input({4}), std::move(dense));
  CHECK_THROWS_WITH(
      dense.name(),  // NOLINT: use after move is the point
      "a layer was used after it had been moved away (into a model?); keep a handle with make<L>(...) instead");
  Dense other(3);
  CHECK_THROWS_WITH(
      other(Tensor()),
      "dense: a layer is called inside a model, another layer's call() or a StepBuilder; to compute numbers use "
      "Sequential(...) and predict()");
  const Variable w = model.weight("dense/kernel");
  CHECK_THROWS_WITH(
      w * 2.0,
      "sequential/dense/kernel: a weight stands for a symbolic value only inside a layer's call(); value() reads its "
      "contents");
}

// keras-semantics 1.3: fit before compile (error)
TEST_CASE("fit and evaluate before compile", "[errors]") {
  Sequential model(Input({4}), Dense(1));
  CHECK_THROWS_WITH(model.fit(x, y, quiet),
                    "sequential: call compile() before fit(): it chooses the optimizer and the loss, as in "
                    "compile(\"adam\", \"mse\")");
  CHECK_THROWS_AS(model.evaluate(x, y), UserError);
  CHECK_THROWS_AS(model.learning_rate(), UserError);
}

// keras-semantics 1.3: labels that do not fit the loss (error)
TEST_CASE("a loss that does not fit the output", "[errors]") {
  CHECK_THROWS_WITH(compiled(3, {}, "mse").fit(x, y, quiet),
                    "loss mean_squared_error: expected labels of the output's shape [8,3], got [8,1]");
  CHECK_THROWS_WITH(compiled(3, "softmax", "categorical_crossentropy").fit(x, labels, quiet),
                    "loss categorical_crossentropy: expected labels of the output's shape [8,3], got [8]; labels that "
                    "are class numbers "
                    "need sparse_categorical_crossentropy");
  CHECK_THROWS_WITH(compiled(3, "softmax", "sparse_categorical_crossentropy").fit(x, Array::zeros({8, 3}), quiet),
                    "loss sparse_categorical_crossentropy: expected class numbers of shape [8] for predictions [8,3], "
                    "got labels of shape "
                    "[8,3]; one-hot labels need categorical_crossentropy");
  CHECK_THROWS_WITH(
      compiled(1, {}, MeanSquaredError({.reduction = Reduction::none})).fit(x, y, quiet),
      "loss 'mean_squared_error' gives f32[8] instead of one number; choose a reduction other than Reduction::none");
}

// keras-semantics 1.3: labels out of range (error)
TEST_CASE("labels out of range", "[errors]") {
  Sequential model = compiled(3, "softmax", "sparse_categorical_crossentropy");
  const std::string expected =
      "y: label 3 at index 7 is out of range: the model has 3 outputs, so labels are 0 to 2; give the last layer more "
      "units, or number the "
      "classes from 0";
  const std::vector<Array> before = model.get_weights();
  CHECK_THROWS_WITH(model.fit(x, labels, quiet), expected);
  CHECK_THROWS_WITH(model.evaluate(x, labels, {.verbose = 0}), expected);
  CHECK(model.get_weights()[0].to_string() == before[0].to_string());
  CHECK_THROWS_AS(model.fit(x, Array::from<float>({0, 1, 2, 0.5F, 0, 0, 0, 0}), quiet), UserError);
  CHECK_THROWS_AS(model.fit(x, Array::from<std::int64_t>({0, 1, 2, -1, 0, 0, 0, 0}), quiet), UserError);
}

// keras-semantics 1.3: lengths of x and y (error); 1.5: fit (errors)
TEST_CASE("x and y of different lengths, and other data", "[errors]") {
  Sequential model = compiled(1, {}, "mse");
  CHECK_THROWS_WITH(model.fit(x, Array::zeros({7, 1}), quiet),
                    "x and y differ in length: x has 8 samples, y has 7; every sample needs one label");
  CHECK_THROWS_WITH(model.fit(x, Data(), quiet), "y: no data were given");
  CHECK_THROWS_WITH(model.fit(x, y, {.validation_split = 1.5, .verbose = 0}),
                    "sequential: validation_split must be in [0, 1), got 1.5");
  CHECK_THROWS_WITH(model.fit(x, y, {.batch_size = 0, .verbose = 0}), "sequential: batch_size must be positive, got 0");
  CHECK_THROWS_WITH(model.fit(x, y, {.verbose = 0, .threads = -1}),
                    "sequential: threads must be positive, or 0 for what compile() was told, got -1");
  CHECK_THROWS_WITH(model.compile("sgd", "mse", {}, {.threads = 0}),
                    "sequential: compile(): threads must be positive, got 0");
  CHECK_THROWS_WITH(model.compile("sgd", "mse", {}, {.steps_per_execution = 0}),
                    "sequential: compile(): steps_per_execution must be positive, got 0");
  const Array bad = Array::full({8, 4}, std::numeric_limits<double>::quiet_NaN());
  CHECK_THROWS_WITH(model.fit(bad, y, {.verbose = 0, .check_finite = true}),
                    "x: nan in sample 0; remove or replace it, or train with check_finite = false");
}

// keras-semantics 1.3: names (error)
TEST_CASE("unknown names list near matches", "[errors][1.2:SimpleDense]") {
  CHECK_THROWS_WITH(Dense(3, "rleu"), Catch::Contains("unknown activation 'rleu'; did you mean 'relu'?"));
  Sequential model(Input({4}), Dense(1));
  CHECK_THROWS_WITH(model.compile("adm", "mse"), Catch::Contains("unknown optimizer 'adm'; did you mean 'adam'?"));
  CHECK_THROWS_WITH(model.compile("adam", "msee"), Catch::Contains("unknown loss 'msee'; did you mean 'mse'"));
  CHECK_THROWS_WITH(model.compile("adam", "mse", {"acuracy"}),
                    Catch::Contains("unknown metric 'acuracy'; did you mean 'accuracy'?"));
  CHECK_THROWS_WITH(Dense({.units = 1, .kernel_initializer = "glorot_unifrom"}),
                    Catch::Contains("unknown initializer 'glorot_unifrom'; did you mean 'glorot_uniform'?"));
  CHECK_THROWS_WITH(model.layer("dens"), "unknown layer of sequential 'dens'; did you mean 'dense'? Known: dense");
  CHECK_THROWS_WITH(
      model.weight("dense/kernal"),
      "unknown weight of sequential 'dense/kernal'; did you mean 'dense/kernel'? Known: dense/kernel, dense/bias");
  model.compile("sgd", "mse");
  CHECK_THROWS_WITH(model.fit(x, y, quiet)["los"], "unknown history 'los'; did you mean 'loss'? Known: loss");
}

TEST_CASE("hyperparameters and names out of range", "[errors][1.1:names][1.2:Dense][1.2:Dropout]") {
  CHECK_THROWS_WITH(Dense(0), "dense: units must be positive, got 0");
  CHECK_THROWS_WITH(Dropout(1.5), "dropout: rate must be between 0 and 1, got 1.5");
  CHECK_THROWS_WITH(Sequential(Input({4}), Dense({.units = 1, .name = "a"}), Dense({.units = 2, .name = "a"})),
                    "sequential: two layers are named 'a'; names are unique within a model");
  CHECK_THROWS_WITH(Sequential(Input(Dims{}), Dense(1)),
                    "sequential/dense: expected inputs of rank 2 or more (with the batch), got [2]");
}

TEST_CASE("weights of other shapes", "[errors]") {
  Sequential model(Input({4}), Dense(1));
  CHECK_THROWS_WITH(model.set_weights({Array::zeros({4, 1})}), "sequential: set_weights: expected 2 arrays, got 1");
  CHECK_THROWS_WITH(model.set_weights({Array::zeros({1, 4}), Array::zeros({1})}),
                    "sequential: set_weights: array 0 is for sequential/dense/kernel: expected shape [4,1], got [1,4]");
  CHECK_THROWS_WITH(model.weight("dense/bias").assign(Array::zeros({2})),
                    "sequential/dense/bias: expected a value of shape [1], got [2]");
}

TEST_CASE("a layer added to a model in use; one that does not fit", "[errors]") {
  Sequential model(Input({4}), Dense(2));
  struct Bad : Layer {
    Tensor call(Tensor t) override { return t + Array::zeros({3}); }
  };
  CHECK_THROWS_WITH(model.add(Bad()),
                    "sequential/bad: add: shapes [2,2] and [3] do not broadcast: axis 1 has extents 2 and 3; extents "
                    "must be equal or 1, "
                    "counted from the last axis");
  CHECK(model.size() == 1);  // the model stays as it was
  CHECK(model.predict(x).shape() == Shape{8, 2});
  CHECK_THROWS_WITH(
      model.add(Dense(2)),
      "sequential: 'dense' is added to a model that is in use; add all layers before compile(), fit() and predict()");
}
