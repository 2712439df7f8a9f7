// The mechanism by which ops are declared: the README's example is an op, and what lacks a member is none.

#include <cmath>

#include <sinter/ir/num.h>
#include <sinter/ir/ops.h>

#include "support/catch.h"

using namespace sinter;
using namespace sinter::ir;

namespace {

/// x limited to [low, high]; NaN stays NaN.
struct Clamp : Pointwise<1> {
  static constexpr std::string_view name = "clamp";
  struct Attrs {
    double low = 0.0;
    double high = 1.0;
    static constexpr auto fields() { return std::tuple(Field{"low", &Attrs::low}, Field{"high", &Attrs::high}); }
  };
  static std::vector<TensorType> infer(const Attrs& a, Types types) {
    detail::expect_float(types[0]);
    if (!(a.low <= a.high)) user_error("low ", a.low, " is above high ", a.high);
    return {types[0]};
  }
  template <class V>
  static V scalar(const Attrs& a, const V& x) {
    return min_propagating(max_propagating(x, like(x, a.low)), like(x, a.high));
  }
  /// 1 where x was kept, 0 where it was limited.
  static Gradients vjp(const VjpContext& c) {
    const Expr kept = compare(c.operand(0), Direction::eq, c.result());
    return {select(kept, c.grad(), full_like(c.grad(), 0.0))};
  }
};

struct WithoutGradient : Clamp {
  static Gradients vjp(const VjpContext& c) = delete;
};

struct WithoutSpace {
  static constexpr std::string_view name = "nothing";
  static constexpr int arity = 1;
  static constexpr Form form = Form::map;
  [[maybe_unused]] static constexpr bool not_differentiable = true;
  using Attrs = NoAttrs;
  static std::vector<TensorType> infer(const Attrs&, Types types) { return {types[0]}; }
};

static_assert(OpDefinition<Clamp>);
static_assert(!OpDefinition<WithoutGradient>);
static_assert(!OpDefinition<WithoutSpace>);

}  // namespace

TEST_CASE("the README's example computes") {
  const auto clamped = [](double x) { return Clamp::scalar({-1.0, 2.0}, Num::from_double(DType::f32, x)).as_double(); };
  CHECK(clamped(0.5) == 0.5);
  CHECK(clamped(-3.0) == -1.0);
  CHECK(clamped(3.0) == 2.0);
  CHECK(std::isnan(clamped(std::nan(""))));
  CHECK_THROWS_WITH(Clamp::infer({2.0, 1.0}, std::vector<TensorType>{{DType::f32, {}}}), "low 2 is above high 1");
}

TEST_CASE("attributes survive packing, and mistakes in them are named") {
  const Attributes packed = pack(Clamp::Attrs{-1.0, 2.0});
  CHECK(unpack<Clamp::Attrs>(packed).low == -1.0);
  CHECK(unpack<Clamp::Attrs>(packed).high == 2.0);
  Attributes whole = packed;
  whole.set("low", std::int64_t{-4});
  CHECK(unpack<Clamp::Attrs>(whole).low == -4.0);
  Attributes wrong = packed;
  wrong.set("low", std::string("x"));
  CHECK_THROWS_WITH(unpack<Clamp::Attrs>(wrong), "attribute 'low' has the wrong type");
  Attributes extra = packed;
  extra.set("middle", 0.0);
  CHECK_THROWS_WITH(unpack<Clamp::Attrs>(extra), "unknown attribute 'middle'");
  CHECK_THROWS_WITH(unpack<Clamp::Attrs>(Attributes()), "attribute 'low' is missing");
}

TEST_CASE("every op of the list has a complete description") {
  for (const OpInfo& op : all_ops()) {
    INFO(op.name);
    CHECK(info(op.kind).name == op.name);
    CHECK(op.infer != nullptr);
    CHECK(op.space != nullptr);
    CHECK(op.fill != nullptr);
    CHECK(op.differentiable == (op.vjp != nullptr));
    CHECK_FALSE((op.differentiable && op.zero_gradient));
    const bool sums = op.form == Form::reduce || op.form == Form::contract;
    CHECK(sums == (op.accumulators > 0));
    CHECK(sums == (op.order != nullptr));
    CHECK(op.arity >= -1);
  }
}
