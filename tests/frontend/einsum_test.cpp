#include "frontend/evaluate.h"
#include "frontend/layer_run.h"

using namespace sinter_test;

namespace {

Array product(std::string_view equation, const Array& a, const Array& b) {
  return evaluate([&](const Tensors& xs) { return einsum(equation, xs[0], xs[1]); }, {a, b});
}

}  // namespace

TEST_CASE("einsum: products, batches, orders, sums of one operand", "[einsum]") {
  const Array a = Array::from<float>({1, 2, 3, 4, 5, 6}, {2, 3}), b = Array::from<float>({1, 0, 2, 1, 0, 3}, {3, 2});
  check_values(product("ab,bc->ac", a, b), {2, 2}, {5, 11, 14, 23});
  check_values(product("ab,bc->ca", a, b), {2, 2}, {5, 14, 11, 23});
  check_values(product("ab,cb->ac", a, a), {2, 2}, {14, 32, 32, 77});
  check_values(product("ab,ab->a", a, a), {2}, {14, 77});
  check_values(product("ab,ab->", a, a), {}, {91});
  check_values(product("ab,c->ac", a, Array::from<float>({1, 10})), {2, 2}, {6, 60, 15, 150});  // b is summed alone
  check_values(product("a,b->ab", Array::from<float>({1, 2}), Array::from<float>({3, 4})), {2, 2}, {3, 4, 6, 8});
  check_values(product("...x,xy->...y", a.reshape({1, 2, 3}), b), {1, 2, 2}, {5, 11, 14, 23});
}

TEST_CASE("einsum says what it cannot read", "[einsum][errors]") {
  const Array a = Array::zeros({2, 3}), b = Array::zeros({3, 2});
  CHECK_THROWS_WITH(product("ab,bc", a, b), "einsum: expected an equation like \"ab,bc->ac\", got \"ab,bc\"");
  CHECK_THROWS_WITH(product("abc,bc->a", a, b), "einsum: \"abc,bc->a\": \"abc\" names 3 axes of a tensor of rank 2");
  CHECK_THROWS_WITH(product("aa,ab->b", a, b), "einsum: \"aa,ab->b\": \"aa\" names an axis twice");
  CHECK_THROWS_WITH(product("ab,ac->bc", a, b),
                    "einsum: \"ab,ac->bc\": an axis has extent 2 in f32[2,3] and 3 in f32[3,2]");
  CHECK_THROWS_WITH(product("ab,bc->ad", a, b), "einsum: \"ab,bc->ad\": the result names an axis that no operand has");
}
