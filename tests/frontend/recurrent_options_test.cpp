// Dropout within recurrences, states that outlive a batch, states handed in and out.

#include <algorithm>
#include <cmath>

#include <sinter/ir/graph.h>

#include "frontend/layer_run.h"
#include "frontend/layers_for_tests.h"

using namespace sinter;
using namespace sinter_test;

namespace {

/// Identity matrix.
Array eye(std::int64_t n) {
  Array a = Array::zeros({n, n});
  for (std::int64_t k = 0; k < n; ++k) a.mutable_span<float>()[static_cast<std::size_t>(k * n + k)] = 1.0F;
  return a;
}

/// h = x W + h U without bias and activation.
SimpleRNNOptions linear(std::int64_t units) {
  return {.units = units, .activation = {}, .use_bias = false, .return_sequences = true};
}

/// How many random tensors a training step draws.
std::int64_t draws(Layer& layer, const Shape& input) {
  StepBuilder b;
  b.output("y", layer(b.input("x", input)));
  const auto& nodes = b.graph().nodes();
  return std::count_if(nodes.begin(), nodes.end(),
                       [](const ir::Node& n) { return ir::info(n.kind).name == "rng_bits"; });
}

Array steps_of(const Array& x, std::int64_t from, std::int64_t to) {
  std::vector<float> part;
  for (std::int64_t n = 0; n < x.shape()[0]; ++n)
    for (std::int64_t t = from; t < to; ++t)
      for (std::int64_t k = 0; k < x.shape()[2]; ++k) part.push_back(static_cast<float>(x.at(n, t, k)));
  return Array::from(std::move(part), {x.shape()[0], to - from, x.shape()[2]});
}

void check_same(const Array& a, const Array& b) {
  REQUIRE(a.shape() == b.shape());
  for (std::int64_t i = 0; i < a.size(); ++i) CHECK(a.flat(i) == b.flat(i));
}

}  // namespace

TEST_CASE("dropout of a recurrent layer: one draw for all steps of a sequence", "[recurrent][1.2:LSTM]") {
  SimpleRNNOptions options = linear(40);
  options.dropout = 0.25;
  const Array x = Array::full({6, 5, 40}, 1.0);
  SimpleRNN layer(options);
  const Array y = run_layer(layer, {x}, {eye(40), Array::zeros({40, 40})}, {.training = true});
  int kept = 0;
  bool rows_differ = false;
  for (std::int64_t n = 0; n < 6; ++n)
    for (std::int64_t u = 0; u < 40; ++u) {
      const double first = y.at(n, 0, u);
      REQUIRE((first == 0.0 || first == Approx(1 / 0.75)));
      kept += first != 0.0 ? 1 : 0;
      rows_differ = rows_differ || first != y.at(0, 0, u);
      for (std::int64_t t = 1; t < 5; ++t) CHECK(y.at(n, t, u) == first);
    }
  CHECK(rows_differ);
  CHECK(std::abs(kept - 180) < 30);                           // standard deviation 6.7
  check_same(run_layer(layer, {x}, layer.get_weights()), x);  // none in inference
}

TEST_CASE("recurrent dropout drops units of h, the same at every step", "[recurrent][1.2:LSTM]") {
  SimpleRNNOptions options = linear(30);
  options.recurrent_dropout = 0.5;
  SimpleRNN layer(options);
  const Array x = Array::zeros({4, 3, 1}), start = Array::full({4, 30}, 1.0);
  const Array y = run_layer(layer, {x, start}, {Array::zeros({1, 30}), eye(30)}, {.training = true});
  int kept = 0;
  for (std::int64_t n = 0; n < 4; ++n)
    for (std::int64_t u = 0; u < 30; ++u) {
      const bool stays = y.at(n, 0, u) != 0.0;
      kept += stays ? 1 : 0;
      for (std::int64_t t = 0; t < 3; ++t) CHECK(y.at(n, t, u) == (stays ? std::pow(2.0, double(t + 1)) : 0.0));
    }
  CHECK(std::abs(kept - 60) < 25);
  check_same(run_layer(layer, {x, start}, layer.get_weights()), Array::full({4, 3, 30}, 1.0));
}

TEST_CASE("with recurrent dropout every gate has draws of its own", "[recurrent][1.2:LSTM][1.2:GRU]") {
  LSTM none(3), input({.units = 3, .dropout = 0.5}), gates({.units = 3, .recurrent_dropout = 0.5}),
      both({.units = 3, .dropout = 0.5, .recurrent_dropout = 0.5});
  GRU gru({.units = 3, .dropout = 0.5, .recurrent_dropout = 0.5});
  SimpleRNN simple({.units = 3, .dropout = 0.5, .recurrent_dropout = 0.5});
  const Shape shape{2, 4, 5};
  CHECK(draws(none, shape) == 0);
  CHECK(draws(input, shape) == 1);
  CHECK(draws(gates, shape) == 4);
  CHECK(draws(both, shape) == 8);
  CHECK(draws(gru, shape) == 6);
  CHECK(draws(simple, shape) == 2);
}

TEST_CASE("dropout within a recurrence keeps means and the interpreter's bits", "[recurrent]") {
  const auto check = [](Layer& layer) {
    const Array x = numbers({3, 4, 5});
    const Array slow = run_layer(layer, {x}, {}, {.training = true});
    check_same(run_layer(layer, {x}, layer.get_weights(), {.training = true, .backend = Backend::jit}), slow);
    const Array still = run_layer(layer, {x}, layer.get_weights());
    CHECK(!std::ranges::equal(still.bytes(), slow.bytes()));
  };
  LSTM lstm({.units = 4, .dropout = 0.3, .recurrent_dropout = 0.3});
  GRU after({.units = 4, .dropout = 0.3, .recurrent_dropout = 0.3}),
      before({.units = 4, .reset_after = false, .dropout = 0.3, .recurrent_dropout = 0.3});
  Bidirectional both(GRU({.units = 4, .dropout = 0.3}));
  check(lstm);
  check(after);
  check(before);
  check(both);
}

TEST_CASE("a stateful layer goes on where the batch before ended", "[recurrent]") {
  const Array x = numbers({2, 6, 3});
  LSTM whole({.units = 4, .return_state = true});
  const std::vector<Array> end = run_all(whole, {x}, {}, {.many = true});
  const std::vector<Array> weights = whole.get_weights();

  const auto layer = make<LSTM>({.units = 4, .stateful = true});
  Sequential model(Input({3, 3}, {.batch_size = 2}), layer);
  std::vector<Array> all = weights;
  all.insert(all.end(), {Array::zeros({2, 4}), Array::zeros({2, 4})});  // the states are weights that are not trained
  model.set_weights(all);
  CHECK(model.non_trainable_weights().size() == 2);
  CHECK(model.weights()[3].name() == "state_0");
  const PredictOptions two{.batch_size = 2};
  const Array first = model.predict(steps_of(x, 0, 3), two).copy();
  check_same(model.predict(steps_of(x, 3, 6), two), end[0]);
  check_same(model.weight("lstm/state_0").value(), end[1]);
  check_same(model.weight("lstm/state_1").value(), end[2]);
  layer->reset_states();
  check_same(model.predict(steps_of(x, 0, 3), two), first);

  const auto twins = make<Bidirectional>(GRU({.units = 2, .stateful = true}));
  Sequential both(Input({3, 3}, {.batch_size = 2}), twins);
  const Array fresh = both.predict(steps_of(x, 0, 3), two).copy();
  CHECK(both.predict(steps_of(x, 0, 3), two).flat(0) != fresh.flat(0));
  twins->reset_states();
  check_same(both.predict(steps_of(x, 0, 3), two), fresh);
}

TEST_CASE("states go on in training, one gradient per batch", "[recurrent]") {
  Input x({3, 2}, {.batch_size = 2});
  Model model(x, x | GRU({.units = 3, .stateful = true}) | Dense(1));  // symbols know the batch as well
  model.compile("sgd", "mse");
  const Array data = numbers({4, 3, 2}), y = Array::from<float>({1, 0, -1, 1}, {4, 1});
  const Array before = model.weight("gru/state_0").value();
  CHECK(before.flat(0) == 0.0);
  model.fit(data, y, {.batch_size = 2, .epochs = 3, .shuffle = false, .verbose = 0});
  CHECK(model.weight("gru/state_0").value().flat(0) != 0.0);
}

TEST_CASE("what stateful layers refuse", "[recurrent][errors]") {
  CHECK_THROWS_WITH(Sequential(Input({3, 2}), LSTM({.units = 2, .stateful = true})),
                    "sequential/lstm: a stateful layer keeps states for a batch of one size; say which: Input({steps, "
                    "features}, {.batch_size = 32})");
  Sequential model(Input({3, 2}, {.batch_size = 4}), LSTM({.units = 2, .stateful = true}), Dense(1));
  CHECK_THROWS_WITH(model.predict(numbers({3, 3, 2})),
                    "sequential: its Input says batches of 4 samples (batch_size), got one of 3; give .batch_size = 4 "
                    "and whole batches of data");
  model.compile("sgd", "mse");
  CHECK_THROWS_AS(model.fit(numbers({6, 3, 2}), Array::zeros({6, 1}), {.batch_size = 4, .verbose = 0}), UserError);
  LSTM plain(2);
  CHECK_THROWS_WITH(plain.reset_states(),
                    "lstm: the layer keeps no states between batches; make it with .stateful = true");
  Input four({3, 2}, {.batch_size = 4}), five({3, 2}, {.batch_size = 5});
  CHECK_THROWS_WITH((Symbols{four, five} | Add()), "add: its inputs come in batches of 4 and of 5 samples");
  CHECK_THROWS_WITH(Input({1}, {.batch_size = -1}), "Input: batch_size must be positive, or 0 for any, got -1");
}

TEST_CASE("initial states go in, last states come out, for every kind", "[recurrent]") {
  const Array x = numbers({2, 4, 3});
  const auto check = [&](auto&& make_layer, int states) {
    const auto whole = make_layer(), first = make_layer(), second = make_layer();
    const std::vector<Array> all = run_all(*whole, {x}, {}, {.many = true});
    REQUIRE(static_cast<int>(all.size()) == 1 + states);
    const std::vector<Array> middle = run_all(*first, {steps_of(x, 0, 2)}, whole->get_weights(), {.many = true});
    std::vector<Array> inputs = middle;
    inputs[0] = steps_of(x, 2, 4);
    const std::vector<Array> last = run_all(*second, inputs, whole->get_weights());
    for (std::size_t k = 0; k < last.size(); ++k) check_same(last[k], all[k]);
  };
  check([] { return std::make_shared<SimpleRNN>(SimpleRNNOptions{.units = 2, .return_state = true}); }, 1);
  check([] { return std::make_shared<LSTM>(LSTMOptions{.units = 2, .return_state = true}); }, 2);
  check([] { return std::make_shared<GRU>(GRUOptions{.units = 2, .return_state = true}); }, 1);
  LSTM wrong(2);
  CHECK_THROWS_WITH(run_layer(wrong, {x, Array::zeros({2, 2})}),
                    "lstm: expected 2 initial states behind the input, got 1");
  LSTM narrow(2);
  CHECK_THROWS_WITH(run_layer(narrow, {x, Array::zeros({2, 3}), Array::zeros({2, 3})}),
                    "lstm: expected an initial state of shape [2,2], got [2,3]");
}

TEST_CASE("Bidirectional: states of both directions, and results side by side", "[recurrent]") {
  const Array x = numbers({2, 4, 3});
  Bidirectional both(LSTM({.units = 2, .return_sequences = true, .return_state = true}), {.merge_mode = "none"});
  const std::vector<Array> all = run_all(both, {x}, {}, {.many = true});
  REQUIRE(all.size() == 6);  // two sequences, then h and c of each direction
  for (std::int64_t u = 0; u < 2; ++u) {
    CHECK(all[0].at(1, 3, u) == all[2].at(1, u));  // the forward layer ends at the last step
    CHECK(all[1].at(1, 0, u) == all[4].at(1, u));  // the backward layer at the first
  }
  const Array half = Array::full({2, 2}, 0.5), zero = Array::zeros({2, 2});
  const std::vector<Array> begun = run_all(both, {x, half, half, zero, zero}, both.get_weights());
  CHECK(begun[0].at(0, 0, 0) != all[0].at(0, 0, 0));
  check_same(begun[1], all[1]);  // zeros are where the backward layer begins anyway
  Bidirectional odd(LSTM(2));
  CHECK_THROWS_WITH(run_layer(odd, {x, half}),
                    "bidirectional: expected as many initial states for one direction as for the other, got 1");
  CHECK_THROWS_WITH(Bidirectional(GRU({.units = 2, .go_backwards = true})),
                    "bidirectional: the layer has to read forwards (go_backwards = false); its mirror image goes "
                    "backwards");
}

TEST_CASE("rates of dropout out of range", "[recurrent][errors]") {
  CHECK_THROWS_WITH(LSTM({.units = 2, .dropout = 1.0}),
                    "lstm: dropout and recurrent_dropout must be at least 0 and below 1, got 1");
  CHECK_THROWS_WITH(GRU({.units = 2, .recurrent_dropout = -0.5}),
                    "gru: dropout and recurrent_dropout must be at least 0 and below 1, got -0.5");
}
