#include <cmath>
#include <limits>
#include <vector>

#include <sinter/frontend/array.h>
#include <sinter/ir/error.h>

#include "support/catch.h"

using namespace sinter;

TEST_CASE("an array made from values knows its dtype and shape", "[array]") {
  const Array a = Array::from({1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f}, {2, 3});
  CHECK(a.dtype() == DType::f32);
  CHECK(a.shape() == Shape{2, 3});
  CHECK(a.at(0, 0) == 1.0);
  CHECK(a.at(1, 2) == 6.0);
  CHECK(a.at(-1, -3) == 4.0);
  CHECK(a.flat(4) == 5.0);
  CHECK(Array::from({1, 2, 3}).dtype() == DType::i32);
  CHECK(Array::from(std::vector<double>{1.0}).dtype() == DType::f64);
  CHECK(Array(2.5).item() == 2.5);
  CHECK(Array(2.5).rank() == 0);
  CHECK(Array().item() == 0.0);
}

TEST_CASE("errors of an array name what was asked", "[array]") {
  const Array a = Array::zeros({2, 3});
  CHECK_THROWS_WITH(a.span<double>(), "array: elements are f32, asked for f64; convert with astype()");
  CHECK_THROWS_WITH(a.at(2, 0), "array: index 2 is outside axis 0 of shape [2,3]");
  CHECK_THROWS_WITH(a.at(0), "array: 1 indices for shape [2,3]");
  CHECK_THROWS_WITH(a.item(), "array: item() needs one element, the shape is [2,3]");
  CHECK_THROWS_WITH(a.flat(6), "array: element 6 of 6");
  CHECK_THROWS_WITH(a.reshape({4, 2}), "array: cannot reshape [2,3] to [4,2]: 6 elements become 8");
  CHECK_THROWS_AS(a.reshape({-1, 4}), UserError);
  CHECK_THROWS_WITH(a.rows(1, 3), "array: rows 1 to 3 of 2");
  CHECK_THROWS_AS(Array::from({1.0f, 2.0f}, {3}), UserError);
  CHECK_THROWS_AS(Array(1.0).length(), UserError);
}

TEST_CASE("a view sees the caller's elements and never changes them", "[array]") {
  std::vector<float> values = {1, 2, 3, 4};
  Array view = Array::view(values, {2, 2});
  CHECK(view.span<float>().data() == values.data());
  values[3] = 7;
  CHECK(view.at(1, 1) == 7.0);
  view.mutable_span<float>()[0] = 100;
  CHECK(values[0] == 1.0f);
  CHECK(view.at(0, 0) == 100.0);
}

TEST_CASE("copies share until one is written", "[array]") {
  Array a = Array::from({1.0f, 2.0f});
  const Array b = a;
  CHECK(a.span<float>().data() == b.span<float>().data());
  a.mutable_span<float>()[0] = 5.0f;
  CHECK(b.at(0) == 1.0);
  CHECK(a.at(0) == 5.0);
  const float* own = a.span<float>().data();
  a.mutable_span<float>()[1] = 6.0f;
  CHECK(a.span<float>().data() == own);
}

TEST_CASE("a vector that is moved in is not copied", "[array]") {
  std::vector<float> values = {1, 2, 3};
  const float* data = values.data();
  const Array a = Array::from(std::move(values));
  CHECK(a.span<float>().data() == data);
}

TEST_CASE("reshape and rows share the elements", "[array]") {
  const Array a = Array::from({0, 1, 2, 3, 4, 5}, {3, 2});
  CHECK(a.reshape({2, -1}).shape() == Shape{2, 3});
  CHECK(a.reshape(Shape{6}).at(5) == 5.0);
  CHECK(a.rows(1, 3).shape() == Shape{2, 2});
  CHECK(a.rows(1, 3).at(0, 1) == 3.0);
  CHECK(a.rows(1, 3).span<std::int32_t>().data() == a.span<std::int32_t>().data() + 2);
  CHECK(a.row(-1).shape() == Shape{2});
  CHECK(a.row(-1).at(0) == 4.0);
  CHECK(a.rows(3, 3).size() == 0);
}

TEST_CASE("astype rounds, truncates and saturates", "[array]") {
  const double inf = std::numeric_limits<double>::infinity();
  const Array a = Array::from({1.9, -1.9, 1e20, -inf, std::nan(""), 0.0});
  const Array i = a.astype(DType::i32);
  CHECK(i.at(0) == 1.0);
  CHECK(i.at(1) == -1.0);
  CHECK(i.at(2) == 2147483647.0);
  CHECK(i.at(3) == -2147483648.0);
  CHECK(i.at(4) == 0.0);
  CHECK(a.astype(DType::u8).at(1) == 0.0);
  CHECK(a.astype(DType::u8).at(2) == 255.0);
  CHECK(a.astype(DType::i1).at(0) == 1.0);
  CHECK(a.astype(DType::i1).at(5) == 0.0);
  CHECK(Array::from({std::uint8_t{200}}).astype(DType::f32).at(0) == 200.0);
  CHECK(Array::from({1.00390625}).astype(DType::bf16).at(0) == 1.0);
  CHECK(Array::from({300}).astype(DType::u8).at(0) == 44.0);
}

TEST_CASE("arithmetic with a number", "[array]") {
  const Array pixels = Array::from({std::uint8_t{0}, std::uint8_t{255}});
  const Array scaled = pixels / 255;
  CHECK(scaled.dtype() == DType::f32);
  CHECK(scaled.at(1) == 1.0);
  CHECK((Array::from({1.0}) * 3.0 + 1.0 - 2.0).at(0) == 2.0);
  CHECK((Array::from({1.0}) * 3.0).dtype() == DType::f64);
}

TEST_CASE("constants and back", "[array]") {
  const Array a = Array::from({1.5f, -2.5f}, {1, 2});
  const ir::TensorData data = a.to_data();
  CHECK(data.type == a.type());
  const Array b = Array::from(data);
  CHECK(b.at(0, 1) == -2.5);
  Array c = b;
  c.mutable_span<float>()[0] = 9;
  CHECK(b.at(0, 0) == 1.5);
}

TEST_CASE("arrays print as numpy prints them", "[array]") {
  CHECK(Array::from({1.0f, 2.5f, -3.0f}).to_string() == "[ 1.   2.5 -3. ]");
  CHECK(Array::from({1, 20, 300}, {1, 3}).to_string() == "[[  1  20 300]]");
  CHECK(Array::from({1.0, 0.1, 0.25, 3.0}, {2, 2}).to_string() == "[[1.   0.1 ]\n [0.25 3.  ]]");
  CHECK(Array::from({1e-5, 123.0}).to_string() == "[1.00e-05 1.23e+02]");
  CHECK(Array::from({std::nan(""), 1.0}).to_string() == "[nan  1.]");
  CHECK(Array::full({2}, 1.0, DType::i1).to_string() == "[ True  True]");
  CHECK(Array::zeros({2, 1, 2}, DType::i32).to_string() == "[[[0 0]]\n\n [[0 0]]]");
  CHECK(Array::zeros({0}).to_string() == "[]");
  CHECK(Array::from({0.1f}).to_string() == "[0.1]");
}

TEST_CASE("a large array prints its corners only", "[array]") {
  std::vector<std::int32_t> values(2000);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<std::int32_t>(k);
  CHECK(Array::view(values).to_string() == "[   0    1    2 ... 1997 1998 1999]");
  const std::string matrix = Array::view(values, {1000, 2}).to_string();
  CHECK(matrix.find("...") != std::string::npos);
  CHECK(matrix.find("[1998 1999]") != std::string::npos);
  CHECK(matrix.find("500") == std::string::npos);
}

TEST_CASE("long rows are broken", "[array]") {
  const std::string text = Array::zeros({40}, DType::i64).to_string();
  CHECK(text.find('\n') == 74);
}
