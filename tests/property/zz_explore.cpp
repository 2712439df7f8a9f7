#include <sinter/ir/ops.h>
#include <sinter/ir/plan_checker.h>
#include <sinter/ir/text.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/executable.h>
#include <cstdio>
#include <cstdlib>
#include "runtime/target.h"
#include "support/catch.h"
#include "support/compare.h"
#include "support/random_graph.h"
#include "support/shrink.h"
namespace sinter::test {
TEST_CASE("explore", "[.explore]") {
  const std::uint64_t first = std::strtoull(std::getenv("FIRST"), nullptr, 10),
                      last = std::strtoull(std::getenv("LAST"), nullptr, 10);
  for (std::uint64_t s = first; s < last; ++s) {
    const char* levels[] = {"", "", "avx2", "baseline"};
    passes::Options o;
    o.target = runtime::host_target();
    const char* level = levels[s % 4];
    if (*level) o.target = runtime::restrict_target(o.target, level);
    if (s % 5 == 0) o.disabled = {"fuse"};
    const bool checked = s % 3 == 0;
    GraphOptions go;
    if (s % 7 == 0) go = {.nodes = 40, .elements = 3000, .work = 60000};
    if (s % 11 == 0) go.empty = 0.05;
    std::fprintf(stderr, "\r%llu", static_cast<unsigned long long>(s));
    const std::string v = verdict(random_graph(s, go), [&](const RandomGraph& g) -> std::string {
      const ir::Program p = passes::compile(g.graph, o);
      const auto e = ir::interpret(g.graph, g.environment);
      std::string d = difference(e, ir::interpret(p, g.environment), g.environment);
      if (!d.empty()) return "program: " + d + ir::print(p);
      if (auto w = ir::plan_violations(p); !w.empty()) return "plan " + w[0];
      d = difference(e, run_compiled(p, g.environment, {o.target, checked, s % 2 ? 1 : 2}), g.environment);
      if (!d.empty()) return "jit: " + d + ir::print(p);
      return "";
    });
    if (!v.empty())
      std::printf("level %s checked %d fuse %d\n%s\n", level, checked, s % 5 != 0, v.c_str()), std::fflush(stdout);
  }
}
}  // namespace sinter::test
