#include <algorithm>
#include <cmath>
#include <vector>

#include <sinter/frontend/initializers.h>
#include <sinter/ir/error.h>
#include <sinter/ir/num.h>
#include <sinter/ir/philox.h>

#include "frontend/random.h"
#include "support/catch.h"

using namespace sinter;

namespace {

InitializerRequest request(Shape shape, std::string path = "dense/kernel", std::uint64_t seed = 1) {
  return {std::move(shape), DType::f32, seed, std::move(path)};
}

struct Moments {
  double mean = 0.0, stddev = 0.0, low = 0.0, high = 0.0;
};

Moments moments(const Array& a) {
  Moments m;
  double squares = 0.0;
  m.low = m.high = a.flat(0);
  for (const float x : a.span<float>()) {
    m.mean += x;
    squares += static_cast<double>(x) * x;
    m.low = std::min<double>(m.low, x);
    m.high = std::max<double>(m.high, x);
  }
  const auto n = static_cast<double>(a.size());
  m.mean /= n;
  m.stddev = std::sqrt(squares / n - m.mean * m.mean);
  return m;
}

bool same(const Array& a, const Array& b) { return a.type() == b.type() && std::ranges::equal(a.bytes(), b.bytes()); }

}  // namespace

TEST_CASE("host Philox is the Philox of compiled code", "[initializers]") {
  using ir::Num;
  const auto u32 = [](std::uint32_t v) { return Num::from_integer(DType::u32, v); };
  for (const std::uint64_t seed : {0ULL, 7ULL, 0xDEADBEEF12345678ULL}) {
    const std::array<std::uint32_t, 4> counter = {1, 0xFFFFFFFF, 3, 0x80000000};
    const auto ours = philox(counter, seed);
    const auto theirs =
        ir::philox4x32<Num>({u32(counter[0]), u32(counter[1]), u32(counter[2]), u32(counter[3])},
                            u32(static_cast<std::uint32_t>(seed)), u32(static_cast<std::uint32_t>(seed >> 32)));
    for (std::size_t k = 0; k < 4; ++k) CHECK(ours[k] == theirs[k].as_integer());
  }
  // Known answer of the authors' implementation (Random123, kat_vectors).
  CHECK(philox({0, 0, 0, 0}, 0) == std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
}

TEST_CASE("the normal quantile inverts the normal distribution", "[initializers]") {
  for (const double p : {1e-10, 1e-5, 0.02275, 0.0749, 0.0751, 0.3, 0.5, 0.7, 0.95, 0.99999, 1 - 1e-9}) {
    const double back = 0.5 * std::erfc(-normal_quantile(p) / std::sqrt(2.0));
    CHECK(back == Approx(p).epsilon(1e-13).margin(1e-15));
  }
  CHECK(normal_quantile(0.5) == 0.0);
  CHECK(normal_quantile(0.25) == -normal_quantile(0.75));
}

TEST_CASE("weights depend on the seed and the path alone", "[initializers]") {
  const Initializer init = "glorot_uniform";
  CHECK(same(init(request({30, 20})), init(request({30, 20}))));
  CHECK_FALSE(same(init(request({30, 20})), init(request({30, 20}, "dense_1/kernel"))));
  CHECK_FALSE(same(init(request({30, 20})), init(request({30, 20}, "dense/kernel", 2))));
  const Initializer own = RandomNormal{.seed = 5};
  CHECK(same(own(request({4}, "a", 1)), own(request({4}, "a", 2))));
}

TEST_CASE("the first weights of a model never change between versions", "[initializers]") {
  const Array a = Initializer("random_normal")(request({3}, "line/kernel", 0));
  INFO(a);
  const Array b = RandomNormal{}(request({3}, "line/kernel", 0));
  CHECK(same(a, b));
}

TEST_CASE("distributions have the moments that Keras's have", "[initializers][1.2:initializers]") {
  const Shape shape = {400, 300};
  const double glorot = std::sqrt(2.0 / 700.0);
  const double he = std::sqrt(2.0 / 400.0);
  const double lecun = std::sqrt(1.0 / 400.0);
  struct Case {
    const char* name;
    double stddev, limit;
  };
  const double cut = 2.0 / 0.87962566103423978;
  for (const Case& c :
       {Case{"glorot_uniform", glorot, glorot * std::sqrt(3.0)}, Case{"glorot_normal", glorot, glorot * cut},
        Case{"he_uniform", he, he * std::sqrt(3.0)}, Case{"he_normal", he, he * cut},
        Case{"lecun_uniform", lecun, lecun * std::sqrt(3.0)}, Case{"lecun_normal", lecun, lecun * cut},
        Case{"random_normal", 0.05, 0.4}, Case{"random_uniform", 0.1 / std::sqrt(12.0), 0.05},
        Case{"truncated_normal", 0.05 * 0.87962566103423978, 0.1}}) {
    INFO(c.name);
    const Moments m = moments(Initializer(c.name)(request(shape)));
    CHECK(std::abs(m.mean) < c.stddev * 0.012);
    CHECK(m.stddev == Approx(c.stddev).epsilon(0.01));
    CHECK(m.high <= c.limit * 1.000001);
    CHECK(m.low >= -c.limit * 1.000001);
    CHECK(m.high > c.limit * 0.4);
  }
}

TEST_CASE("fans of dense, convolution and vector weights", "[initializers][1.2:initializers]") {
  CHECK(compute_fans({7, 5}).in == 7.0);
  CHECK(compute_fans({7, 5}).out == 5.0);
  CHECK(compute_fans({3, 2, 4, 8}).in == 24.0);
  CHECK(compute_fans({3, 2, 4, 8}).out == 48.0);
  CHECK(compute_fans({6}).in == 6.0);
  CHECK(compute_fans({}).out == 1.0);
}

TEST_CASE("an orthogonal weight has orthonormal rows or columns", "[initializers][1.2:initializers]") {
  for (const Shape& shape : {Shape{6, 4}, Shape{4, 6}, Shape{5, 5}, Shape{2, 3, 4}}) {
    const Array q = Orthogonal{.gain = 2.0}({shape, DType::f64, 3, "lstm/recurrent"});
    const std::int64_t columns = shape[-1];
    const std::int64_t rows = shape.elements() / columns;
    const Array m = q.reshape({rows, columns});
    const bool by_column = rows >= columns;
    for (std::int64_t a = 0; a < std::min(rows, columns); ++a) {
      for (std::int64_t b = 0; b < std::min(rows, columns); ++b) {
        double product = 0.0;
        for (std::int64_t k = 0; k < std::max(rows, columns); ++k)
          product += by_column ? m.at(k, a) * m.at(k, b) : m.at(a, k) * m.at(b, k);
        CHECK(product == Approx(a == b ? 4.0 : 0.0).margin(1e-12));
      }
    }
  }
  CHECK_THROWS_AS(Orthogonal{}(request({4})), UserError);
}

TEST_CASE("constants, ones, identity", "[initializers]") {
  CHECK(Initializer("zeros")(request({2})).at(1) == 0.0);
  CHECK(Initializer("ones")(request({2})).at(1) == 1.0);
  CHECK(Initializer(Constant(0.25))(request({2})).at(1) == 0.25);
  for (const Shape& shape : {Shape{3, 3}, Shape{2, 4}, Shape{5, 2}}) {
    const Array eye = Identity{.gain = 3.0}(request(shape));
    for (std::int64_t i = 0; i < shape[0]; ++i)
      for (std::int64_t j = 0; j < shape[1]; ++j) CHECK(eye.at(i, j) == (i == j ? 3.0 : 0.0));
  }
}

TEST_CASE("an initializer may be a user's function", "[initializers]") {
  const Initializer mine = [](const InitializerRequest& r) { return Array::full(r.shape, 7.0, r.dtype); };
  CHECK(mine(request({2})).at(0) == 7.0);
  const Initializer wrong = [](const InitializerRequest&) { return Array::zeros({1}); };
  CHECK_THROWS_WITH(wrong(request({2})), "dense/kernel: the initializer returned shape [1], expected [2]");
}

TEST_CASE("an unknown initializer lists near matches", "[initializers]") {
  CHECK_THROWS_WITH(Initializer("glorot_unifrm"), Catch::Contains("unknown initializer 'glorot_unifrm'") &&
                                                      Catch::Contains("did you mean 'glorot_uniform'"));
  CHECK(Initializer("GlorotUniform").name() == "glorot_uniform");
}
