// Masks: how they come about, travel and end, and what layers, losses and metrics make of them. Whole fits with masks
// are compared with Keras's in tests/data/keras-masking.

#include <cmath>

#include "frontend/captured.h"
#include "frontend/evaluate.h"
#include "frontend/layer_gradient.h"
#include "frontend/layer_run.h"
#include "frontend/layers_for_tests.h"

using namespace sinter;
using namespace sinter_test;
using sinter::testing::Captured;

namespace {

/// The mask of f(x) as 0 and 1; -1 where there is none.
Array mask_of(const std::function<Tensor(const Tensors&)>& f, const std::vector<Array>& inputs) {
  return evaluate(
      [&](const Tensors& xs) {
        const Tensor mask = f(xs).mask();
        return mask.empty() ? full_like(xs[0], -1.0) : cast(mask, DType::f32);
      },
      inputs);
}

/// Two samples of three steps: 2 and 1 of them count.
Array padded() { return Array::from<float>({1, 2, 0, 3, 0, 0, 4, 5, 0, 0, 0, 0}, {2, 3, 2}); }
const std::vector<double> two_and_one{1, 1, 0, 1, 0, 0};

/// A layer that gets its mask as a second input, so that differences of the first do not change it.
class WithMask : public Layer {
 public:
  explicit WithMask(std::shared_ptr<Layer> inner) : inner_(std::move(inner)) {}
  Tensors call_many(Tensors xs) override {
    Tensors inputs{xs[0].with_mask(xs[1])};
    inputs.insert(inputs.end(), xs.begin() + 2, xs.end());
    return (*inner_)(inputs);
  }

 private:
  std::shared_ptr<Layer> inner_;
};

Array array_of(std::vector<float> values) {
  const auto n = static_cast<std::int64_t>(values.size());
  return Array::from(std::move(values), {n, 1});
}

Array ints(std::vector<std::int32_t> values, const Shape& shape) { return Array::from(std::move(values), shape); }

void check_same(const Array& a, const Array& b) {
  REQUIRE(a.shape() == b.shape());
  for (std::int64_t i = 0; i < a.size(); ++i) CHECK(a.flat(i) == b.flat(i));
}

}  // namespace

TEST_CASE("Masking hides steps whose features all have the value", "[masking]") {
  Masking zero, three(3.0);
  check_values(mask_of([&](const Tensors& xs) { return zero(xs[0]); }, {padded()}), {2, 3}, two_and_one);
  check_values(run_layer(zero, {padded()}), {2, 3, 2}, {1, 2, 0, 3, 0, 0, 4, 5, 0, 0, 0, 0});
  const Array x = Array::from<float>({3, 3, 3, 1}, {1, 2, 2});
  check_values(run_layer(three, {x}), {1, 2, 2}, {0, 0, 3, 1});
  check_values(mask_of([&](const Tensors& xs) { return three(xs[0]); }, {x}), {1, 2}, {0, 1});
  Masking flat;
  CHECK_THROWS_WITH(run_layer(flat, {numbers({3})}),
                    "masking: expected an input of shape [n, steps, features], got [3]");
}

TEST_CASE("Embedding with mask_zero hides index 0", "[masking]") {
  Embedding plain(4, 2), masked({.input_dim = 4, .output_dim = 2, .mask_zero = true});
  const Array x = ints({1, 0, 3, 0}, {2, 2});
  check_values(mask_of([&](const Tensors& xs) { return masked(xs[0]); }, {x}), {2, 2}, {1, 0, 1, 0});
  CHECK(mask_of([&](const Tensors& xs) { return plain(xs[0]); }, {x}).flat(0) == -1.0);
}

TEST_CASE("a mask goes on through layers that support masking and no others", "[masking]") {
  const auto goes_on = [](Layer& layer) {
    const Captured warning(std::cerr);
    Masking masking;
    return mask_of([&](const Tensors& xs) { return layer(masking(xs[0])); }, {padded()}).flat(0) != -1.0;
  };
  Dense dense(3);
  Dropout dropout(0.5);
  LayerNormalization norm;
  BatchNormalization batch_norm;
  LeakyReLU leaky;
  Lambda lambda([](Tensor x) { return x * 2.0; });
  GlobalMaxPooling1D pooling;
  Reshape reshaped({6});
  for (Layer* layer : std::initializer_list<Layer*>{&dense, &dropout, &norm, &batch_norm, &leaky})
    CHECK(goes_on(*layer));
  for (Layer* layer : std::initializer_list<Layer*>{&lambda, &pooling, &reshaped}) CHECK_FALSE(goes_on(*layer));
  GlobalAveragePooling1D consumer;  // uses it; nothing is lost, so there is no warning
  Masking masking;
  const Captured cerr(std::cerr);
  CHECK(mask_of([&](const Tensors& xs) { return consumer(masking(xs[0])); }, {padded()}).flat(0) == -1.0);
  CHECK(cerr.text().empty());
}

TEST_CASE("a mask that ends is warned of once", "[masking]") {
  const Captured cerr(std::cerr);
  Sequential model(Input({3, 2}), Masking(), Flatten(), Dense(1));
  model.predict(padded());
  CHECK(
      cerr.text() ==
      "sinter: warning: sequential/flatten: the mask of its input ends here, Flatten does not support masking; layers "
      "behind it see every position\n");
}

TEST_CASE("a user's layer and a Lambda may use masks and set them", "[masking][1.2:Lambda]") {
  struct Counting : Layer {  // how many steps count, beside each step
    Tensor call(Tensor x) override { return x + expand_dims(sum(cast(x.mask(), x.dtype()), 1, {.keepdims = true}), 2); }
    bool supports_masking() const override { return true; }
  };
  struct Halving : Layer {  // every second step
    Tensor call(Tensor x) override { return slice(x, {0, 0}, {x.dim(0), x.dim(1)}, {1, 2}); }
    bool supports_masking() const override { return true; }
    Tensors compute_mask(const Tensors& xs) const override {
      const Tensor m = xs[0].mask();
      return {slice(m, {0, 0}, {m.dim(0), m.dim(1)}, {1, 2})};
    }
  };
  Masking masking;
  Counting counting;
  const auto count = [&](const Tensors& xs) { return counting(masking(xs[0])); };
  check_values(evaluate(count, {padded()}), {2, 3, 2}, {3, 4, 2, 5, 2, 2, 5, 6, 1, 1, 1, 1});
  check_values(mask_of(count, {padded()}), {2, 3}, two_and_one);
  Halving halving;
  check_values(mask_of([&](const Tensors& xs) { return halving(masking(xs[0])); }, {padded()}), {2, 2}, {1, 0, 1, 0});
  Lambda keeps([](Tensor x) { return (x * 2.0).with_mask(x.mask()); });
  check_values(mask_of([&](const Tensors& xs) { return keeps(masking(xs[0])); }, {padded()}), {2, 3}, two_and_one);
  Lambda drops([](Tensor x) { return x.with_mask(Tensor()); });
  const Captured cerr(std::cerr);
  CHECK(mask_of([&](const Tensors& xs) { return drops(masking(xs[0])); }, {padded()}).flat(0) == -1.0);
}

TEST_CASE("a mask has the first axes of its tensor", "[masking]") {
  StepBuilder b;
  const Tensor x = b.input("x", {2, 3, 4});
  CHECK_NOTHROW(x.with_mask(b.input("m", {2, 3}, DType::i32)));
  CHECK_THROWS_WITH(x.with_mask(b.input("n", {3, 2}, DType::i1)),
                    "with_mask: a mask has the first axes of its tensor; got a mask of shape [3,2] for f32[2,3,4]");
  struct Cut : Layer {
    Tensor call(Tensor t) override { return sum(t, 1); }
    bool supports_masking() const override { return true; }
  };
  Cut cut;
  CHECK_THROWS_AS(cut(x.with_mask(b.input("o", {2, 3}, DType::i1))), UserError);
}

TEST_CASE("masks of merging layers", "[masking]") {
  const Array a = ints({1, 1, 0}, {1, 3}), b = ints({0, 1, 0}, {1, 3}), x = numbers({1, 3, 2});
  const auto merged = [&](Layer& layer, bool second) {
    return mask_of(
        [&](const Tensors& xs) {
          return layer(Tensors{xs[0].with_mask(xs[1]), second ? xs[0].with_mask(xs[2]) : xs[0]})[0];
        },
        {x, a, b});
  };
  Add add, open;
  check_values(merged(add, true), {1, 3}, {1, 1, 0});
  CHECK(merged(open, false).flat(0) == -1.0);
  Concatenate features, half, steps(Dim(1));
  check_values(merged(features, true), {1, 3}, {1, 1, 0});
  check_values(merged(half, false), {1, 3}, {1, 1, 1});
  check_values(merged(steps, true), {1, 6}, {1, 1, 0, 0, 1, 0});
}

TEST_CASE("1.3 a loss counts what the mask leaves: total / valid", "[masking][1.3:reductions]") {
  const Array t = Array::from<float>({1, 2, 9, 3, 9, 9}, {2, 3, 1}), p = Array::zeros({2, 3, 1}),
              m = ints({1, 1, 0, 1, 0, 0}, {2, 3});
  const auto loss = [&](Reduction reduction, const std::vector<float>& weights) {
    return evaluate(
               [&](const Tensors& xs) {
                 const MeanSquaredError mse({.reduction = reduction});
                 const Tensor prediction = xs[1].with_mask(xs[2]);
                 return xs.size() > 3 ? mse(xs[0], prediction, xs[3]) : mse(xs[0], prediction);
               },
               weights.empty() ? std::vector<Array>{t, p, m}
                               : std::vector<Array>{t, p, m, Array::from(std::vector<float>(weights))})
        .item();
  };
  CHECK(loss(Reduction::sum_over_batch_size, {}) == Approx((1.0 + 4 + 9) / 3));
  CHECK(loss(Reduction::mean, {}) == Approx((1.0 + 4 + 9) / 3));
  CHECK(loss(Reduction::sum, {}) == Approx(1.0 + 4 + 9));
  CHECK(loss(Reduction::mean_with_sample_weight, {}) == Approx((1.0 + 4 + 9) / 3));
  CHECK(loss(Reduction::sum_over_batch_size, {2, 1}) == Approx((2.0 * 1 + 2 * 4 + 9) / 3));
  CHECK(loss(Reduction::sum, {2, 1}) == Approx(2.0 * 1 + 2 * 4 + 9));
  CHECK(loss(Reduction::mean_with_sample_weight, {2, 1}) == Approx((2.0 * 1 + 2 * 4 + 9) / 5));
}

TEST_CASE("a batch of padding alone has the loss 0 and no gradient", "[masking]") {
  for (const Reduction r : {Reduction::mean, Reduction::mean_with_sample_weight, Reduction::sum}) {
    const auto loss = [&](const Tensors& xs) {
      return MeanSquaredError({.reduction = r})(full_like(xs[0], 1.0), xs[0].with_mask(xs[1]));
    };
    const std::vector<Array> inputs{numbers({2, 3, 1}), ints({0, 0, 0, 0, 0, 0}, {2, 3})};
    CHECK(evaluate(loss, inputs).item() == 0.0);
    const Array slope = evaluate([&](const Tensors& xs) { return gradients(loss(xs), {xs[0]})[0]; }, inputs);
    for (std::int64_t i = 0; i < slope.size(); ++i) CHECK(slope.flat(i) == 0.0);
  }
}

TEST_CASE("metrics count what the mask leaves", "[masking]") {
  Sequential model(Input({3}, {.dtype = DType::i32}), Embedding({.input_dim = 3, .output_dim = 2, .mask_zero = true}),
                   Activation("softmax"));
  model.set_weights({Array::from<float>({0, 1, 5, 0, 0, 5}, {3, 2})});  // index 1 says class 0, index 2 says class 1
  model.compile("sgd", "sparse_categorical_crossentropy", {"accuracy"}, testing::interpreted());
  const Array x = ints({1, 2, 0, 2, 0, 0}, {2, 3}), y = ints({0, 0, 0, 1, 0, 0}, {2, 3});
  const Logs logs = model.evaluate(x, y, {.verbose = 0});
  CHECK(logs["accuracy"] == Approx(2.0 / 3));
  CHECK(logs["loss"] == Approx((2 * 0.0067153 + 5.0067153) / 3).epsilon(1e-4));
}

TEST_CASE("other metrics count by the mask as well, and weights of samples by their steps", "[masking]") {
  Sequential model(Input({3}, {.dtype = DType::i32}), Embedding({.input_dim = 3, .output_dim = 1, .mask_zero = true}),
                   Activation("sigmoid"));
  model.set_weights({array_of({9, 9, -9})});  // says 1 for the padding and for index 1, 0 for index 2
  model.compile({.optimizer = "sgd",
                 .loss = "mse",
                 .metrics = {Precision(), Recall()},
                 .weighted_metrics = {"binary_accuracy"},
                 .execution = testing::interpreted()});
  const Array x = ints({1, 1, 0, 2, 0, 0}, {2, 3}), y = Array::from<float>({1, 0, 0, 1, 0, 0}, {2, 3, 1});
  const Logs logs = model.evaluate(x, y, {.sample_weight = Array::from<float>({3, 1}), .verbose = 0});
  CHECK(logs["precision"] == Approx(0.5));  // of the two steps said to be 1
  CHECK(logs["recall"] == Approx(0.5));
  CHECK(logs["binary_accuracy"] == Approx(3.0 / 7));  // right: 3; wrong: 3 and 1
  CHECK(logs["loss"] == Approx((3 * 1.0 + 1 * 1.0) / 3).epsilon(1e-3));
}

TEST_CASE("recurrent layers skip masked steps", "[masking]") {
  const Array x = numbers({2, 5, 3}), mask = ints({1, 1, 1, 0, 0, 0, 1, 1, 0, 1}, {2, 5});
  const auto kept = [&](std::int64_t n, std::vector<std::int64_t> steps) {
    std::vector<float> values;
    for (const std::int64_t t : steps)
      for (std::int64_t k = 0; k < 3; ++k) values.push_back(static_cast<float>(x.at(n, t, k)));
    return Array::from(std::move(values), {1, static_cast<std::int64_t>(steps.size()), 3});
  };
  const auto check = [&](const auto& made) {
    using L = typename std::remove_cvref_t<decltype(made)>::Layer;
    for (const bool backwards : {false, true}) {
      auto options = made.options;
      options.go_backwards = backwards;
      WithMask masked(std::make_shared<L>(options));
      const Array y = run_all(masked, {x, mask})[0];
      L plain(options);
      const std::vector<Array> weights = masked.get_weights();
      const Array first = run_layer(plain, {kept(0, {0, 1, 2})}, weights),
                  second = run_layer(plain, {kept(1, {1, 2, 4})}, weights);
      for (std::int64_t u = 0; u < y.shape()[1]; ++u) {
        CHECK(y.at(0, u) == first.at(0, u));
        CHECK(y.at(1, u) == second.at(0, u));
      }
    }
  };
  struct SimpleCase {
    using Layer = SimpleRNN;
    SimpleRNNOptions options{.units = 4};
  };
  struct LstmCase {
    using Layer = LSTM;
    LSTMOptions options{.units = 4};
  };
  struct GruCase {
    using Layer = GRU;
    GRUOptions options{.units = 4};
  };
  check(SimpleCase{});
  check(LstmCase{});
  check(GruCase{});
  check(GruCase{{.units = 4, .reset_after = false}});
}

TEST_CASE("masked steps repeat the output, or give 0", "[masking]") {
  const Array x = numbers({1, 4, 3}), mask = ints({0, 1, 0, 1}, {1, 4}), before = Array::full({1, 2}, 0.5);
  const auto run = [&](LSTMOptions options, bool given) {
    options.units = 2;
    options.return_sequences = options.return_state = true;
    WithMask layer(std::make_shared<LSTM>(options));
    return run_all(layer, given ? std::vector<Array>{x, mask, before, before} : std::vector<Array>{x, mask});
  };
  for (const bool given : {false, true}) {
    const std::vector<Array> repeated = run({}, given), zeros = run({.zero_output_for_mask = true}, given);
    for (std::int64_t u = 0; u < 2; ++u) {
      CHECK(repeated[0].at(0, 0, u) == 0.0);  // before the first output, whatever the initial state
      CHECK(repeated[0].at(0, 2, u) == repeated[0].at(0, 1, u));
      CHECK(repeated[0].at(0, 1, u) != 0.0);
      CHECK(zeros[0].at(0, 0, u) == 0.0);
      CHECK(zeros[0].at(0, 2, u) == 0.0);
      CHECK(zeros[0].at(0, 3, u) == repeated[0].at(0, 3, u));
      CHECK(zeros[1].at(0, u) == repeated[1].at(0, u));  // the state is kept either way
    }
  }
  // The last output alone, the last step hidden.
  const Array end = ints({1, 1, 1, 0}, {1, 4});
  WithMask last(std::make_shared<LSTM>(LSTMOptions{.units = 2}));
  WithMask none(std::make_shared<LSTM>(LSTMOptions{.units = 2, .zero_output_for_mask = true}));
  CHECK(run_all(last, {x, end})[0].at(0, 0) != 0.0);
  CHECK(run_all(none, {x, end})[0].at(0, 0) == 0.0);
  // All steps hidden: the states stay as they were.
  WithMask nothing(std::make_shared<LSTM>(LSTMOptions{.units = 2, .return_state = true}));
  const std::vector<Array> kept = run_all(nothing, {x, ints({0, 0, 0, 0}, {1, 4}), before, before});
  CHECK(kept[0].at(0, 0) == 0.0);
  CHECK(kept[1].at(0, 0) == 0.5);
  CHECK(kept[2].at(0, 1) == 0.5);
}

TEST_CASE("masked recurrences: gradients equal differences, compiled code equals the interpreter", "[masking]") {
  const Array x = numbers({2, 4, 3}), mask = ints({1, 1, 0, 1, 0, 1, 1, 0}, {2, 4});
  const auto check = [&](std::shared_ptr<Layer> inner, std::vector<Array> inputs) {
    inputs.insert(inputs.begin() + 1, mask);
    WithMask layer(std::move(inner));
    check_gradient(layer, inputs);
    const std::vector<Array> weights = layer.get_weights();
    check_same(run_all(layer, inputs, weights)[0], run_all(layer, inputs, weights, {.backend = Backend::jit})[0]);
  };
  check(std::make_shared<SimpleRNN>(SimpleRNNOptions{.units = 2, .return_sequences = true}), {x});
  check(std::make_shared<LSTM>(LSTMOptions{.units = 2}), {x});
  check(std::make_shared<LSTM>(LSTMOptions{.units = 2, .return_sequences = true, .zero_output_for_mask = true}), {x});
  check(std::make_shared<GRU>(GRUOptions{.units = 2, .return_sequences = true}), {x, numbers({2, 2}, 3)});
  check(std::make_shared<Bidirectional>(GRU({.units = 2, .return_sequences = true})), {x});
}

TEST_CASE("the mask goes on with the outputs of every step, turned with them", "[masking]") {
  const Array x = numbers({1, 3, 2}), mask = ints({1, 1, 0}, {1, 3});
  const auto of = [&](Layer& layer) {
    return mask_of([&](const Tensors& xs) { return layer(xs[0].with_mask(xs[1])); }, {x, mask});
  };
  GRU all({.units = 2, .return_sequences = true}), last(2),
      back({.units = 2, .return_sequences = true, .go_backwards = true});
  check_values(of(all), {1, 3}, {1, 1, 0});
  check_values(of(back), {1, 3}, {0, 1, 1});
  CHECK(of(last).flat(0) == -1.0);
  Bidirectional both(LSTM({.units = 2, .return_sequences = true})), ends(LSTM(2));
  check_values(of(both), {1, 3}, {1, 1, 0});
  CHECK(of(ends).flat(0) == -1.0);
  const auto wrong = [&] {
    LSTM layer(2);
    return evaluate([&](const Tensors& xs) { return layer(xs[0].with_mask(xs[1])); }, {x, ints({1}, {1})});
  };
  CHECK_THROWS_WITH(wrong(), "lstm: expected a mask of shape [n, steps] for f32[1,3,2], got [1]");
}

TEST_CASE("TimeDistributed hands masks to its layer", "[masking]") {
  const Array x = numbers({2, 2, 3, 4});
  const Array inner = ints({1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1}, {2, 2, 3});
  TimeDistributed sequences{LSTM(2)}, steps{Dense(2)};
  const auto of = [&](Layer& layer, const Array& mask) {
    return mask_of([&](const Tensors& xs) { return layer(xs[0].with_mask(xs[1])); }, {x, mask});
  };
  check_values(of(sequences, inner), {2, 2}, {1, 1, 0, 1});
  check_values(of(steps, inner), {2, 2, 3}, {1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1});
  check_values(of(steps, ints({1, 0, 1, 1}, {2, 2})), {2, 2}, {1, 0, 1, 1});
  WithMask masked(std::make_shared<TimeDistributed>(LSTM(2)));
  const Array y = run_all(masked, {x, inner})[0];
  LSTM plain(2);
  const Array first = run_layer(plain, {x.reshape({4, 3, 4}).rows(0, 1).reshape({1, 3, 4})}, masked.get_weights());
  CHECK(y.at(0, 0, 0) != first.at(0, 0));  // the third step does not count
  CHECK(y.at(1, 0, 0) == 0.0);             // none counts
}

TEST_CASE("attention does not look at padding", "[masking]") {
  const Array x = numbers({2, 4, 3}), mask = ints({1, 1, 1, 0, 1, 1, 0, 0}, {2, 4});
  Array other = x.copy();  // padding of another kind
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t t = n == 0 ? 3 : 2; t < 4; ++t)
      for (std::int64_t k = 0; k < 3; ++k)
        other.mutable_span<float>()[static_cast<std::size_t>((n * 4 + t) * 3 + k)] = 7.0F;
  const auto check = [&](std::shared_ptr<Layer> inner, bool zero) {
    WithMask layer(std::move(inner));
    const Array a = run_all(layer, {x, mask})[0], b = run_all(layer, {other, mask}, layer.get_weights())[0];
    for (std::int64_t n = 0; n < 2; ++n) {
      for (std::int64_t t = 0; t < (n == 0 ? 3 : 2); ++t)
        for (std::int64_t k = 0; k < 3; ++k) CHECK(a.at(n, t, k) == b.at(n, t, k));
      if (zero) CHECK(a.at(n, 3, 0) == 0.0);
    }
  };
  check(std::make_shared<MultiHeadAttention>(2, 3), false);
  check(std::make_shared<Attention>(), true);
  check(std::make_shared<AdditiveAttention>(), true);
  MultiHeadAttention heads(2, 3);
  check_values(mask_of([&](const Tensors& xs) { return heads(xs[0].with_mask(xs[1])); }, {x, mask}), {2, 4},
               {1, 1, 1, 0, 1, 1, 0, 0});
}

TEST_CASE("statistics and means do not count padding", "[masking]") {
  const Array x = Array::from<float>({1, 3, 100, 5, 100, 100}, {2, 3, 1}), mask = ints({1, 1, 0, 1, 0, 0}, {2, 3});
  WithMask mean(std::make_shared<GlobalAveragePooling1D>());
  check_values(run_all(mean, {x, mask})[0], {2, 1}, {2, 5});
  check_values(run_all(mean, {x, ints({1, 1, 1, 0, 0, 0}, {2, 3})})[0], {2, 1}, {104.0 / 3, 0});
  const auto inner = std::make_shared<BatchNormalization>(BatchNormalizationOptions{.momentum = 0.5, .epsilon = 0.0});
  WithMask norm(inner);
  const Array y = run_all(norm, {x, mask}, {}, {.training = true})[0];
  const double spread = std::sqrt(8.0 / 3);  // of 1, 3 and 5
  CHECK(y.at(0, 0, 0) == Approx((1 - 3) / spread));
  CHECK(y.at(1, 0, 0) == Approx((5 - 3) / spread));
  CHECK(inner->weight("moving_mean").value().item() == 1.5);
  CHECK(inner->weight("moving_variance").value().item() == Approx(0.5 + 0.5 * 8 / 3));
  Softmax softmax;
  const Array p = evaluate([&](const Tensors& xs) { return softmax(xs[0].with_mask(xs[1])); },
                           {Array::from<float>({1, 1, 9, 2, 9, 9}, {2, 3}), mask});
  check_values(p, {2, 3}, {0.5, 0.5, 0, 1, 0, 0});
}

TEST_CASE("masks in a functional model, a nested model and in training", "[masking]") {
  Input x({4}, {.dtype = DType::i32});
  Sequential tower(Dense(3, "tanh"), LSTM({.units = 3, .return_sequences = true}));
  const Symbol words = x | Embedding({.input_dim = 5, .output_dim = 3, .mask_zero = true});
  Model model(x, Symbols{words, words | std::move(tower)} | Add() | GRU(2) | Dense(1));
  model.compile("adam", "mse");
  const Array ids = ints({1, 2, 3, 0, 4, 0, 0, 0}, {2, 4}), y = Array::from<float>({1, -1}, {2, 1});
  const double before = model.evaluate(ids, y, {.verbose = 0})["loss"];
  model.fit(ids, y, {.epochs = 50, .verbose = 0});
  CHECK(model.evaluate(ids, y, {.verbose = 0})["loss"] < before);
  std::vector<Array> weights = model.get_weights();  // what padding looks like makes no difference
  const Array p = model.predict(ids);
  for (std::size_t k = 0; k < 3; ++k) weights[0].mutable_span<float>()[k] = 9.0F;
  model.set_weights(weights);
  check_same(model.predict(ids), p);
}
