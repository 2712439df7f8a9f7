// keras-semantics 1.2, LSTM and GRU: gate orders, initial bias, both forms of the reset gate, states in and out.

#include <cmath>

#include "frontend/layer_gradient.h"
#include "frontend/layer_run.h"
#include "support/compare.h"

using namespace sinter;
using namespace sinter_test;

namespace {

constexpr std::int64_t batch = 2, steps = 4, features = 3, units = 2;

Array input() { return numbers({batch, steps, features}); }

/// Plain loops over doubles, written from the formulas.
struct Reference {
  Array x, kernel, recurrent, bias;

  static double sigmoid(double v) { return 1.0 / (1.0 + std::exp(-v)); }
  double product(const Array& w, std::span<const double> v, std::int64_t column) const {
    double sum = 0.0;
    for (std::size_t k = 0; k < v.size(); ++k) sum += v[k] * w.at(static_cast<std::int64_t>(k), column);
    return sum;
  }
  std::vector<double> features_of(std::int64_t n, std::int64_t t) const {
    std::vector<double> v;
    for (std::int64_t k = 0; k < features; ++k) v.push_back(x.at(n, t, k));
    return v;
  }

  /// h of the last step, sample after sample.
  std::vector<double> lstm() const {
    std::vector<double> result;
    for (std::int64_t n = 0; n < batch; ++n) {
      std::vector<double> h(units, 0.0);
      std::vector<double> c(units, 0.0);
      for (std::int64_t t = 0; t < steps; ++t) {
        const std::vector<double> v = features_of(n, t);
        std::vector<double> next(units);
        for (std::int64_t u = 0; u < units; ++u) {
          const auto z = [&](int gate) {
            const std::int64_t column = gate * units + u;
            return product(kernel, v, column) + product(recurrent, h, column) + bias.at(column);
          };
          const auto place = static_cast<std::size_t>(u);
          c[place] = sigmoid(z(1)) * c[place] + sigmoid(z(0)) * std::tanh(z(2));
          next[place] = sigmoid(z(3)) * std::tanh(c[place]);
        }
        h = next;
      }
      result.insert(result.end(), h.begin(), h.end());
    }
    return result;
  }

  std::vector<double> gru_reset_after() const {
    std::vector<double> result;
    for (std::int64_t n = 0; n < batch; ++n) {
      std::vector<double> h(units, 0.0);
      for (std::int64_t t = 0; t < steps; ++t) {
        const std::vector<double> v = features_of(n, t);
        std::vector<double> next(units);
        for (std::int64_t u = 0; u < units; ++u) {
          const auto from_x = [&](int gate) {
            return product(kernel, v, gate * units + u) + bias.at(0, gate * units + u);
          };
          const auto from_h = [&](int gate) {
            return product(recurrent, h, gate * units + u) + bias.at(1, gate * units + u);
          };
          const double z = sigmoid(from_x(0) + from_h(0));
          const double r = sigmoid(from_x(1) + from_h(1));
          const auto place = static_cast<std::size_t>(u);
          next[place] = z * h[place] + (1.0 - z) * std::tanh(from_x(2) + r * from_h(2));
        }
        h = next;
      }
      result.insert(result.end(), h.begin(), h.end());
    }
    return result;
  }
};

}  // namespace

TEST_CASE("LSTM: gates in the order i, f, c, o", "[1.2:LSTM]") {
  const Reference r{input(), numbers({features, 4 * units}, 5), numbers({units, 4 * units}, 3),
                    numbers({4 * units}, 4)};
  LSTM layer(units);
  const Array y = run_layer(layer, {r.x}, {r.kernel, r.recurrent, r.bias});
  check_values(y, {batch, units}, r.lstm());
}

TEST_CASE("GRU: gates in the order z, r, h; the reset gate behind the product", "[1.2:GRU]") {
  const Reference r{input(), numbers({features, 3 * units}, 5), numbers({units, 3 * units}, 3),
                    numbers({2, 3 * units}, 4)};
  GRU layer(units);
  check_values(run_layer(layer, {r.x}, {r.kernel, r.recurrent, r.bias}), {batch, units}, r.gru_reset_after());
}

TEST_CASE("recurrent layers: the bias of the forget gate starts at 1", "[1.2:LSTM]") {
  LSTM layer(units);
  run_layer(layer, {input()});
  check_values(layer.weight("bias").value(), {4 * units}, {0, 0, 1, 1, 0, 0, 0, 0});
  LSTM plain({.units = units, .unit_forget_bias = false});
  run_layer(plain, {input()});
  check_values(plain.weight("bias").value(), {4 * units}, std::vector<double>(4 * units, 0.0));
}

TEST_CASE("recurrent layers: sequences, states and direction", "[1.2:LSTM]") {
  LSTM sequence({.units = units, .return_sequences = true, .return_state = true});
  const std::vector<Array> all = run_all(sequence, {input()}, {}, {.many = true});
  REQUIRE(all.size() == 3);
  REQUIRE(all[0].shape() == Shape{batch, steps, units});
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t u = 0; u < units; ++u) CHECK(all[0].at(n, steps - 1, u) == all[1].at(n, u));

  // Two halves, the states passed on, give what the whole gives.
  const std::vector<Array> weights = sequence.get_weights();
  const auto half = [&](std::int64_t from) {
    std::vector<float> part;
    for (std::int64_t n = 0; n < batch; ++n)
      for (std::int64_t t = from; t < from + steps / 2; ++t)
        for (std::int64_t k = 0; k < features; ++k) part.push_back(static_cast<float>(input().at(n, t, k)));
    return Array::from(std::move(part), {batch, steps / 2, features});
  };
  LSTM first({.units = units, .return_state = true});
  const std::vector<Array> middle = run_all(first, {half(0)}, weights, {.many = true});
  LSTM second(units);
  const Array end = run_layer(second, {half(steps / 2), middle[1], middle[2]}, weights);
  for (std::int64_t i = 0; i < end.size(); ++i) CHECK(end.flat(i) == all[1].flat(i));

  LSTM backwards({.units = units, .go_backwards = true});
  LSTM forwards(units);
  std::vector<float> turned;
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t t = steps; t-- > 0;)
      for (std::int64_t k = 0; k < features; ++k) turned.push_back(static_cast<float>(input().at(n, t, k)));
  const Array a = run_layer(backwards, {input()}, weights);
  const Array b = run_layer(forwards, {Array::from(std::move(turned), {batch, steps, features})}, weights);
  for (std::int64_t i = 0; i < a.size(); ++i) CHECK(a.flat(i) == b.flat(i));
}

TEST_CASE("recurrent layers: gradients equal differences, compiled code equals the interpreter", "[1.2:GRU]") {
  const auto check = [](Layer& layer) {
    check_gradient(layer, {input()});
    const std::vector<Array> weights = layer.get_weights();
    const Array slow = run_layer(layer, {input()}, weights);
    const Array fast = run_layer(layer, {input()}, weights, {.backend = Backend::jit});
    for (std::int64_t i = 0; i < slow.size(); ++i) CHECK(slow.flat(i) == fast.flat(i));
  };
  SimpleRNN simple({.units = units, .return_sequences = true});
  check(simple);
  LSTM lstm(units);
  check(lstm);
  GRU after(units);
  check(after);
  GRU before({.units = units, .reset_after = false});
  check(before);
  Bidirectional both(LSTM({.units = units, .return_sequences = true}));
  check(both);
}

TEST_CASE("Bidirectional: outputs of the same step meet, merged in one of four ways") {
  for (const char* mode : {"concat", "sum", "mul", "ave"}) {
    GRU ahead({.units = units, .return_sequences = true});
    GRU back({.units = units, .return_sequences = true, .go_backwards = true});
    const Array a = run_layer(ahead, {input()});
    const Array b = run_layer(back, {input()});
    std::vector<Array> weights = ahead.get_weights();
    for (const Array& w : back.get_weights()) weights.push_back(w);
    Bidirectional both(GRU({.units = units, .return_sequences = true}), {.merge_mode = mode});
    run_layer(both, {input()});  // builds
    const Array y = run_layer(both, {input()}, weights);
    for (std::int64_t n = 0; n < batch; ++n) {
      for (std::int64_t t = 0; t < steps; ++t) {
        const double left = a.at(n, t, 1);
        const double right = b.at(n, steps - 1 - t, 1);
        const std::string_view m = mode;
        if (m == "concat") {
          CHECK(y.at(n, t, 1) == left);
          CHECK(y.at(n, t, units + 1) == right);
        } else {
          const double expected = m == "sum" ? left + right : m == "mul" ? left * right : (left + right) / 2;
          CHECK(y.at(n, t, 1) == Approx(expected).margin(1e-6));
        }
      }
    }
  }
}

TEST_CASE("TimeDistributed applies a layer to each step") {
  TimeDistributed layer{Dense(units)};
  const Array y = run_layer(layer, {input()});
  REQUIRE(y.shape() == Shape{batch, steps, units});
  Dense dense(units);
  const Array direct = run_layer(dense, {input()}, layer.get_weights());
  for (std::int64_t i = 0; i < y.size(); ++i) CHECK(y.flat(i) == direct.flat(i));
}

TEST_CASE("recurrent layers: mistakes are explained") {
  const auto message = [](auto&& work) -> std::string {
    try {
      work();
    } catch (const UserError& e) {
      return e.what();
    }
    return "no error";
  };
  CHECK(message([] { LSTM layer(0); }).find("units must be positive, got 0") != std::string::npos);
  LSTM flat(units);
  CHECK(message([&] { run_layer(flat, {numbers({batch, features})}); }).find("[n, steps, features]") !=
        std::string::npos);
  CHECK(message([] { Bidirectional layer{GRU(units), {.merge_mode = "add"}}; }).find("unknown merge_mode 'add'") !=
        std::string::npos);
}
