#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <sinter/frontend/activations.h>
#include <sinter/ir/error.h>

#include "frontend/evaluate.h"
#include "support/catch.h"

using namespace sinter;
using sinter_test::derivative;
using sinter_test::evaluate;

namespace {

Array applied(const ActivationFn& f, const Array& x) {
  return evaluate([&](const Tensors& xs) { return f(xs[0]); }, {x});
}
Array slope(const ActivationFn& f, const Array& x) {
  return derivative([&](const Tensor& t) { return f(t); }, x);
}

/// Value and slope of an activation as plain C++ in double.
struct Plain {
  const char* name;
  std::function<double(double)> value;
  std::vector<double> kinks = {};  // where a difference quotient means nothing
};

double sigmoid_of(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double elu_of(double x, double alpha) { return x > 0.0 ? x : alpha * std::expm1(x); }

const std::vector<Plain>& plain_activations() {
  static const std::vector<Plain> all = {
      {"linear", [](double x) { return x; }},
      {"relu", [](double x) { return std::max(x, 0.0); }, {0.0}},
      {"relu6", [](double x) { return std::min(std::max(x, 0.0), 6.0); }, {0.0, 6.0}},
      {"leaky_relu", [](double x) { return x > 0.0 ? x : 0.2 * x; }, {0.0}},
      {"elu", [](double x) { return elu_of(x, 1.0); }},
      {"selu", [](double x) { return 1.0507009873554805 * elu_of(x, 1.6732632423543772); }, {0.0}},
      {"celu", [](double x) { return elu_of(x, 1.0); }},
      {"gelu", [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }},
      {"silu", [](double x) { return x * sigmoid_of(x); }},
      {"swish", [](double x) { return x * sigmoid_of(x); }},
      {"mish", [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {"sigmoid", sigmoid_of},
      {"hard_sigmoid", [](double x) { return std::min(std::max(x + 3.0, 0.0), 6.0) / 6.0; }, {-3.0, 3.0}},
      {"hard_silu", [](double x) { return x * std::min(std::max(x + 3.0, 0.0), 6.0) / 6.0; }, {-3.0, 3.0}},
      {"log_sigmoid", [](double x) { return -std::log1p(std::exp(-x)); }},
      {"sparse_sigmoid", [](double x) { return x <= -1.0  ? 0.0
                                               : x >= 1.0 ? 1.0
                                                          : 0.5 * (x + 1.0); }, {-1.0, 1.0}},
      {"tanh", [](double x) { return std::tanh(x); }},
      {"hard_tanh", [](double x) { return std::min(std::max(x, -1.0), 1.0); }, {-1.0, 1.0}},
      {"softplus", [](double x) { return std::log1p(std::exp(x)); }},
      {"squareplus", [](double x) { return 0.5 * (x + std::sqrt(x * x + 4.0)); }},
      {"sparse_plus",
       [](double x) { return x <= -1.0  ? 0.0
                             : x >= 1.0 ? x
                                        : 0.25 * (x + 1.0) * (x + 1.0); },
       {-1.0, 1.0}},
      {"softsign", [](double x) { return x / (1.0 + std::abs(x)); }},
      {"hard_shrink", [](double x) { return std::abs(x) > 0.5 ? x : 0.0; }, {-0.5, 0.5}},
      {"soft_shrink", [](double x) { return x > 0.5    ? x - 0.5
                                            : x < -0.5 ? x + 0.5
                                                       : 0.0; }, {-0.5, 0.5}},
      {"tanh_shrink", [](double x) { return x - std::tanh(x); }},
      {"exponential", [](double x) { return std::exp(x); }}};
  return all;
}

const std::vector<double> points = {-30.0, -6.0, -3.0, -1.7, -1.0, -0.5, -0.25, -1e-4, 0.0,
                                    1e-4,  0.3,  0.5,  1.0,  2.5,  3.0,  6.0,   8.0,   30.0};

bool is_kink(const Plain& plain, double x) {
  for (const double kink : plain.kinks)
    if (x == kink) return true;
  return false;
}

}  // namespace

TEST_CASE("activations by name compute Keras's formulas", "[activations][1.2:ELU][1.2:LeakyReLU]") {
  for (const Plain& plain : plain_activations()) {
    INFO(plain.name);
    const Array y = applied(plain.name, Array::from(points).astype(DType::f32));
    for (std::size_t k = 0; k < points.size(); ++k) {
      INFO("x = " << points[k]);
      const double x = static_cast<float>(points[k]);
      CHECK(y.flat(static_cast<std::int64_t>(k)) == Approx(plain.value(x)).epsilon(2e-6).margin(2e-7));
    }
  }
}

TEST_CASE("gradients of activations equal difference quotients", "[activations][1.2:ELU]") {
  constexpr double h = 1e-6;
  for (const Plain& plain : plain_activations()) {
    INFO(plain.name);
    const Array dy = slope(plain.name, Array::from(points));
    for (std::size_t k = 0; k < points.size(); ++k) {
      if (is_kink(plain, points[k])) continue;
      INFO("x = " << points[k]);
      const double quotient = (plain.value(points[k] + h) - plain.value(points[k] - h)) / (2 * h);
      CHECK(dy.flat(static_cast<std::int64_t>(k)) == Approx(quotient).epsilon(1e-6).margin(1e-7));
    }
  }
}

TEST_CASE("gradients at kinks are those of Keras on torch", "[activations]") {
  const auto at = [](const ActivationFn& f, double x) { return slope(f, Array::from({static_cast<float>(x)})).at(0); };
  CHECK(at("relu", 0.0) == 0.0);
  CHECK(at("relu6", 0.0) == 0.0);
  CHECK(at("relu6", 6.0) == 0.0);
  CHECK(at("leaky_relu", 0.0) == Approx(0.2));
  CHECK(at("elu", 0.0) == 1.0);
  CHECK(at("selu", 0.0) == Approx(1.0507009873554805 * 1.6732632423543772));
  CHECK(at("hard_sigmoid", 3.0) == 0.0);
  CHECK(at("hard_tanh", 1.0) == 0.0);
  CHECK(at("hard_tanh", -1.0) == 0.0);
  CHECK(at("hard_shrink", 0.5) == 0.0);
  CHECK(at("soft_shrink", 0.5) == 0.0);
  CHECK(at("softsign", 0.0) == 1.0);
  CHECK(at("sparse_plus", 1.0) == 1.0);
}

TEST_CASE("no activation turns a large input into NaN", "[activations]") {
  const Array extremes = Array::from({-1e4f, -200.0f, 200.0f, 1e4f});
  for (const std::string& name : ActivationFn::names()) {
    if (name == "exponential") continue;  // overflows, as it should
    INFO(name);
    const Array y = applied(name, extremes);
    const Array dy = slope(name, extremes);
    for (std::int64_t k = 0; k < 4; ++k) {
      CHECK_FALSE(std::isnan(y.at(k)));
      CHECK_FALSE(std::isnan(dy.at(k)));
    }
  }
}

TEST_CASE("NaN stays NaN", "[activations]") {
  const Array nan = Array::from({std::numeric_limits<float>::quiet_NaN()});
  for (const char* name : {"relu", "relu6", "elu", "gelu", "sigmoid", "tanh", "softplus", "softmax", "hard_sigmoid"}) {
    INFO(name);
    CHECK(std::isnan(applied(name, nan).at(0)));
  }
}

TEST_CASE("relu's options", "[activations][1.2:Activation]") {
  const Array x = Array::from({-10.0f, -5.0f, 0.0f, 5.0f, 10.0f});
  const auto with = [&](ReluOptions o) { return applied([o](const Tensor& t) { return relu(t, o); }, x); };
  CHECK(with({.max_value = 7.0}).at(4) == 7.0);
  CHECK(with({.negative_slope = 0.5}).at(0) == -5.0);
  CHECK(with({.threshold = 5.0}).at(3) == 0.0);
  CHECK(with({.threshold = 5.0}).at(4) == 10.0);
  CHECK(with({.negative_slope = 0.1, .threshold = 5.0}).at(0) == Approx(-1.5));
}

TEST_CASE("an activation may be a name, one of the functions, or a lambda", "[activations]") {
  CHECK(ActivationFn("relu").name() == "relu");
  CHECK(ActivationFn(relu).name() == "relu");
  CHECK(ActivationFn(softmax).name() == "softmax");
  CHECK(ActivationFn("softmax").name() == "softmax");
  CHECK(ActivationFn(tanh).name() == "tanh");
  CHECK(ActivationFn().is_linear());
  CHECK(ActivationFn("swish").name() == "silu");
  const ActivationFn mine = [](const Tensor& x) { return maximum(0.5, x); };
  CHECK(mine.name().empty());
  const Array x = Array::from({0.2f, 0.9f});
  CHECK(applied(mine, x).at(0) == 0.5);
  CHECK(slope(mine, x).at(0) == 0.0);
  CHECK(slope(mine, x).at(1) == 1.0);
  // NOLINTBEGIN(performance-unnecessary-copy-initialization): that copies copy, and are not taken for functions
  const ActivationFn copy = mine;
  ActivationFn same = copy;
  ActivationFn again(same);
  // NOLINTEND(performance-unnecessary-copy-initialization)
  CHECK(applied(again, x).at(0) == 0.5);
}

TEST_CASE("an unknown activation lists near matches", "[activations]") {
  CHECK_THROWS_WITH(ActivationFn("rleu"), Catch::Contains("unknown activation 'rleu'; did you mean 'relu'"));
  CHECK_THROWS_AS(ActivationFn(""), UserError);
}
