// The graph: appending infers, names, paths, updates and uses.

#include <sinter/ir/ops.h>
#include <sinter/ir/verify.h>

#include "support/catch.h"

using namespace sinter;
using namespace sinter::ir;

namespace {

const TensorType two{DType::f32, {2}};

}  // namespace

TEST_CASE("appending a node infers its type") {
  Graph g;
  const Expr x = input(g, "x", {DType::f32, {4, 3}});
  const Expr w = input(g, "w", {DType::f32, {3, 5}});
  CHECK(matmul(x, w).type() == TensorType{DType::f32, {4, 5}});
  CHECK(reduce_sum(x, {0}).type() == TensorType{DType::f32, {3}});
  CHECK(compare(x, Direction::lt, 1.0).type() == TensorType{DType::i1, {4, 3}});
  CHECK(violations(g).empty());
}

TEST_CASE("a node that does not fit is refused with layer and op, and nothing is appended") {
  Graph g;
  const Expr x = input(g, "x", two);
  const Expr i = input(g, "i", {DType::i32, {2}});
  const std::size_t before = g.size();
  const PathScope model(g, "sequential");
  const PathScope layer(g, "dense_1");
  CHECK_THROWS_WITH(x + i,
                    Catch::StartsWith("sequential/dense_1: add: operands must have one type, got f32[2] and i32[2]"));
  CHECK_THROWS_AS(x + i, UserError);
  CHECK_THROWS_WITH(g.add(kind_of<Add>(), {}, {x.value()}), "sequential/dense_1: add: expected 2 operands, got 1");
  CHECK_THROWS_AS(g.add(kind_of<Neg>(), {}, {Value{99, 0}}), InternalError);
  CHECK_THROWS_AS(g.add(kind_of<Neg>(), {}, {Value{0, 1}}), InternalError);
  CHECK(g.size() == before);
}

TEST_CASE("paths follow their scopes") {
  Graph g;
  {
    const PathScope model(g, "model");
    {
      const PathScope layer(g, "dense");
      input(g, "a", two);
    }
    input(g, "b", two);
  }
  input(g, "c", two);
  CHECK(g.node(0).path == "model/dense");
  CHECK(g.node(1).path == "model");
  CHECK(g.node(2).path.empty());
  CHECK(where("model/dense", "add") == "model/dense: add");
  CHECK(where("", "add") == "add");
}

TEST_CASE("inputs and states are found by kind and by name") {
  Graph g;
  input(g, "x", two);
  state(g, "w", two);
  input(g, "y", two);
  state(g, "m", two);
  CHECK(g.inputs() == std::vector<NodeId>{0, 2});
  CHECK(g.states() == std::vector<NodeId>{1, 3});
  CHECK(g.find("m") == NodeId{3});
  CHECK(g.find("y") == NodeId{2});
  CHECK_FALSE(g.find("z").has_value());
  CHECK(name_of(g.node(1)) == "w");
}

TEST_CASE("the last update of a state counts") {
  Graph g;
  const Expr w = state(g, "w", two);
  CHECK_FALSE(g.update_of(w.value().node).has_value());
  g.set_update(w.value().node, (w + 1.0).value());
  const Expr last = w * 2.0;
  g.set_update(w.value().node, last.value());
  CHECK(g.updates().size() == 1);
  CHECK(g.update_of(w.value().node) == last.value());
}

TEST_CASE("uses list every operand slot in order") {
  Graph g;
  const Expr x = input(g, "x", two);
  const Expr y = x * x;
  const Expr z = y + x;
  g.add_output("z", z.value());
  const std::vector<std::vector<Use>> uses = uses_of(g);
  REQUIRE(uses.size() == 3);
  REQUIRE(uses[0].size() == 3);
  CHECK((uses[0][0].user == 1 && uses[0][0].slot == 0));
  CHECK((uses[0][1].user == 1 && uses[0][1].slot == 1));
  CHECK((uses[0][2].user == 2 && uses[0][2].slot == 1));
  CHECK(uses[1].size() == 1);
  CHECK(uses[2].empty());
}

TEST_CASE("a node stays where it is while others are appended") {
  Graph g;
  const Expr x = input(g, "x", two);
  const Node& first = g.node(0);
  Expr y = x;
  for (int k = 0; k < 1000; ++k) y = -y;
  CHECK(&first == &g.node(0));
  CHECK(g.size() == 1001);
}

TEST_CASE("a copy of a graph is equal until either changes") {
  Graph g;
  const Expr x = input(g, "x", two);
  g.add_output("x", x.value());
  Graph copy = g;
  CHECK(copy == g);
  input(copy, "y", two);
  CHECK_FALSE(copy == g);
  Graph renamed = g;
  renamed.rename("other");
  CHECK_FALSE(renamed == g);
}
