// Functions on symbolic tensors, against numbers worked out by hand (numpy's semantics).

#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;

namespace {

/// Builds, runs through the interpreter, returns the result.
template <class F>
Array eval(F f, const Array& a = Array::from<float>({1, 2, 3, 4, 5, 6}, {2, 3})) {
  StepBuilder b;
  b.output("y", f(b.input("x", a.shape(), a.dtype())));
  return b.compile(testing::interpreted()).run({{"x", a}})["y"];
}

void expect(const Array& got, const Shape& shape, const std::vector<double>& values) {
  REQUIRE(got.shape() == shape);
  for (std::size_t k = 0; k < values.size(); ++k) {
    INFO("element " << k);
    CHECK(got.flat(static_cast<std::int64_t>(k)) == Approx(values[k]).margin(1e-6));
  }
}

}  // namespace

TEST_CASE("operands broadcast as in numpy", "[tensor]") {
  expect(eval([](Tensor x) { return x + 1; }), {2, 3}, {2, 3, 4, 5, 6, 7});
  expect(eval([](Tensor x) { return 10.0 - x; }), {2, 3}, {9, 8, 7, 6, 5, 4});
  expect(eval([](Tensor x) { return x * Array::from<float>({1, 10, 100}); }), {2, 3}, {1, 20, 300, 4, 50, 600});
  expect(eval([](Tensor x) { return x / Array::from<float>({1, 2}, {2, 1}); }), {2, 3}, {1, 2, 3, 2, 2.5, 3});
  expect(eval([](Tensor x) { return sum(x, -1, {.keepdims = true}) - reshape(x, {2, 1, 3}); }), {2, 2, 3}, {});
  expect(eval([](Tensor x) { return -x; }), {2, 3}, {-1, -2, -3, -4, -5, -6});
  CHECK(broadcast_shapes("t", {3, 1}, {4}) == Shape{3, 4});
  CHECK(broadcast_shapes("t", {}, {2, 1}) == Shape{2, 1});
  CHECK(broadcast_shapes("t", {0, 1}, {1, 5}) == Shape{0, 5});
  CHECK_THROWS_WITH(broadcast_shapes("t", {2, 3}, {2}),
                    "t: shapes [2,3] and [2] do not broadcast: axis 1 has extents 3 and 2; extents must be equal or 1, "
                    "counted from the last axis");
}

TEST_CASE("maximum, minimum, clip, where and comparisons", "[tensor]") {
  expect(eval([](Tensor x) { return maximum(3.0, x); }), {2, 3}, {3, 3, 3, 4, 5, 6});
  expect(eval([](Tensor x) { return clip(x, 2, 5); }), {2, 3}, {2, 2, 3, 4, 5, 5});
  expect(eval([](Tensor x) { return where(greater(x, 2.5), x, 0.0); }), {2, 3}, {0, 0, 3, 4, 5, 6});
  expect(eval([](Tensor x) { return where(less_equal(sum(x, -1, {.keepdims = true}), 6), 1.0, -x); }), {2, 3},
         {1, 1, 1, -4, -5, -6});
  expect(eval([](Tensor x) { return cast(logical_and(not_equal(x, 2), less(x, 4)), DType::f32); }), {2, 3},
         {1, 0, 1, 0, 0, 0});
  CHECK(eval([](Tensor x) { return equal(x, 3); }).dtype() == DType::i1);
}

TEST_CASE("reductions take one axis, several or all", "[tensor]") {
  expect(eval([](Tensor x) { return sum(x); }), {}, {21});
  expect(eval([](Tensor x) { return sum(x, 0); }), {3}, {5, 7, 9});
  expect(eval([](Tensor x) { return mean(x, -1, {.keepdims = true}); }), {2, 1}, {2, 5});
  expect(eval([](Tensor x) { return max(x, {0, 1}); }), {}, {6});
  expect(eval([](Tensor x) { return min(x, 1); }), {2}, {1, 4});
  expect(eval([](Tensor x) { return prod(x, 1); }), {2}, {6, 120});
  expect(eval([](Tensor x) { return variance(x); }), {}, {35.0 / 12});
  expect(eval([](Tensor x) { return logsumexp(x * 100, 1); }), {2}, {300, 600});
  expect(eval([](Tensor x) { return argmax(x); }), {2}, {2, 2});
  expect(eval([](Tensor x) { return argmin(x, 0); }), {3}, {0, 0, 0});
  CHECK_THROWS_WITH(eval([](Tensor x) { return sum(x, 2); }),
                    "sum: axis 2 is out of range for a tensor of rank 2; expected -2 to 1");
  CHECK_THROWS_WITH(eval([](Tensor x) { return sum(x, {0, -2}); }), "sum: axis 0 is named twice");
}

TEST_CASE("softmax, log_softmax and what they remember", "[tensor]") {
  const double e = std::exp(1.0), s = 1 + e + e * e;
  const Array x = Array::from<float>({0, 1, 2, 1000, 1001, 1002}, {2, 3});
  expect(eval([](Tensor t) { return softmax(t); }, x), {2, 3}, {1 / s, e / s, e * e / s, 1 / s, e / s, e * e / s});
  expect(eval([](Tensor t) { return log_softmax(t); }, x), {2, 3}, {-std::log(s), 1 - std::log(s), 2 - std::log(s)});
  StepBuilder b;
  const Tensor t = b.input("x", {2, 3});
  CHECK(softmax(t).probabilities() == Tensor::Probabilities::softmax);
  CHECK(softmax(t).logits().expr().value() == t.expr().value());
  CHECK(sigmoid(t).probabilities() == Tensor::Probabilities::sigmoid);
  CHECK(softmax(t, 0).probabilities() == Tensor::Probabilities::no);
  CHECK((softmax(t) * 1.0).probabilities() == Tensor::Probabilities::no);
}

TEST_CASE("matmul follows numpy for vectors, matrices and batches", "[tensor]") {
  const Array v = Array::from<float>({1, 0, 2}), m = Array::from<float>({1, 2, 3, 4, 5, 6}, {3, 2});
  expect(eval([&](Tensor x) { return matmul(x, v); }), {2}, {7, 16});
  expect(eval([&](Tensor x) { return matmul(x, m); }), {2, 2}, {22, 28, 49, 64});
  expect(eval([&](Tensor x) { return matmul(reshape(x, {1, 2, 3}), m); }), {1, 2, 2}, {22, 28, 49, 64});
  expect(eval([&](Tensor x) { return matmul(v, reshape(x, {1, 3, 2})); }), {1, 2}, {11, 14});
  expect(eval([&](Tensor x) { return matmul(reshape(x, {2, 1, 1, 3}), reshape(x, {2, 3, 1})); }), {2, 2, 1, 1},
         {14, 32, 32, 77});
  CHECK_THROWS_WITH(eval([](Tensor x) { return matmul(x, x); }),
                    "matmul: inner dimensions differ: f32[2,3] x f32[2,3]");
}

TEST_CASE("functions that move elements", "[tensor]") {
  expect(eval([](Tensor x) { return reshape(x, {3, -1}); }), {3, 2}, {1, 2, 3, 4, 5, 6});
  expect(eval([](Tensor x) { return transpose(x); }), {3, 2}, {1, 4, 2, 5, 3, 6});
  expect(eval([](Tensor x) { return flatten(reshape(x, {2, 3, 1})); }), {2, 3}, {1, 2, 3, 4, 5, 6});
  expect(eval([](Tensor x) { return expand_dims(x, 1); }), {2, 1, 3}, {});
  expect(eval([](Tensor x) { return squeeze(expand_dims(x, -1)); }), {2, 3}, {});
  expect(eval([](Tensor x) { return concatenate({x, x}, 0); }), {4, 3}, {});
  expect(eval([](Tensor x) { return stack({x, -x}, -1); }), {2, 3, 2}, {1, -1, 2, -2});
  expect(eval([](Tensor x) { return slice(x, {0, 1}, {2, 3}); }), {2, 2}, {2, 3, 5, 6});
  expect(eval([](Tensor x) { return slice(x, {-1}, {2}); }), {1, 3}, {4, 5, 6});
  expect(eval([](Tensor x) { return slice(x, {0, 0}, {2, 3}, {1, 2}); }), {2, 2}, {1, 3, 4, 6});
  expect(eval([](Tensor x) { return flip(x, 1); }), {2, 3}, {3, 2, 1, 6, 5, 4});
  expect(eval([](Tensor x) { return pad(x, {0, 1}, {0, 0}, 9); }), {2, 4}, {9, 1, 2, 3, 9, 4, 5, 6});
  expect(eval([](Tensor x) { return gather(x, Array::from({2, 0}), 1); }), {2, 2}, {3, 1, 6, 4});
  expect(eval([](Tensor x) { return broadcast_to(sum(x, 0), {2, 3}); }), {2, 3}, {5, 7, 9, 5, 7, 9});
  expect(eval([](Tensor x) { return one_hot(cast(x, DType::i32), 3); }, Array::from<float>({0, 2, 5})), {3, 3},
         {1, 0, 0, 0, 0, 1, 0, 0, 0});
  CHECK_THROWS_WITH(eval([](Tensor x) { return reshape(x, {4, -1}); }),
                    "reshape: f32[2,3] with 6 elements cannot take the shape [4,-1]");
}

TEST_CASE("dtypes do not mix silently", "[tensor]") {
  StepBuilder b;
  const Tensor i = b.input("i", {2}, DType::i32), f = b.input("f", {2});
  CHECK_THROWS_WITH(
      i + f, "add: operands have different dtypes: i32[2] and f32[2]; bring them to one with cast(x, DType::f32)");
  CHECK_THROWS_WITH(i * 0.5,
                    "number: 0.5 is no value of i32, the dtype of the tensor beside it; use cast(x, DType::f32) first");
  CHECK_THROWS_WITH(exp(i), "exp: expected a float tensor, got i32[2]; use cast(x, DType::f32) first");
  CHECK((i * 2).dtype() == DType::i32);
  CHECK_THROWS_WITH(Tensor() + 1.0, "an empty Tensor was used: it has to be assigned first");
}

TEST_CASE("any integer is a dimension, a float or a bool is none", "[tensor]") {
  STATIC_REQUIRE(std::is_convertible_v<std::size_t, Dim>);
  STATIC_REQUIRE(std::is_convertible_v<std::uint8_t, Dim>);
  STATIC_REQUIRE(!std::is_convertible_v<double, Dim>);
  STATIC_REQUIRE(!std::is_convertible_v<bool, Dim>);
  STATIC_REQUIRE(!std::is_convertible_v<std::nullptr_t, Dim>);
  STATIC_REQUIRE(!std::is_constructible_v<bool, Tensor>);
  STATIC_REQUIRE(!std::is_copy_constructible_v<Dense>);
  STATIC_REQUIRE(std::is_move_constructible_v<Dense>);
  CHECK_THROWS_AS(Dim(std::numeric_limits<std::uint64_t>::max()), UserError);
}
