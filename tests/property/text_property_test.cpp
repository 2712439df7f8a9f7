// parse(print(x)) == x for random graphs.

#include <sinter/ir/text.h>

#include "support/catch.h"
#include "support/shrink.h"

namespace sinter::test {

TEST_CASE("random graphs print and parse back", "[text]") {
  const Judge judge = [](const RandomGraph& g) -> std::string {
    const std::string text = ir::print(g.graph);
    const ir::Graph parsed = ir::parse_graph(text);
    if (!(parsed == g.graph)) return "the parsed graph is another one";
    return ir::print(parsed) == text ? "" : "the parsed graph prints differently";
  };
  REQUIRE(verdicts(0, 1000, {}, judge) == "");
}

}  // namespace sinter::test
