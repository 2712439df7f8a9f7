// Passes keep every bit; programs do what their graphs do; plans never overlap; programs print and parse back.

#include <cstdio>

#include <sinter/ir/plan_checker.h>
#include <sinter/ir/text.h>
#include <sinter/ir/verify.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/pipeline.h>
#include <sinter/passes/registry.h>
#include <sinter/passes/rematerialise.h>
#include <sinter/runtime/executable.h>

#include "support/catch.h"
#include "support/compare.h"
#include "support/random.h"
#include "support/shrink.h"

namespace sinter::test {

namespace {

passes::Options pass_options(bool fuse) {
  passes::Options options;
  options.target = runtime::host_target();
  options.verify = true;
  if (!fuse) options.disabled = {"fuse"};
  return options;
}

std::string objections(const std::vector<std::string>& violations) {
  std::string all;
  for (const std::string& v : violations) all += "\n  " + v;
  return all;
}

std::string difference_after(const RandomGraph& random, const ir::Graph& rewritten) {
  return difference(ir::interpret(random.graph, random.environment), ir::interpret(rewritten, random.environment),
                    random.environment);
}

/// "differentiate" adds outputs and asks for one named "loss"; gradient_test.cpp judges it.
std::vector<std::string> exact_passes() {
  std::vector<std::string> names;
  for (const passes::Pass& p : passes::all_passes())
    if (p.exact && p.name != "differentiate") names.emplace_back(p.name);
  return names;
}

void require_on_random_graphs(std::uint64_t first, std::uint64_t last, const Judge& judge) {
  REQUIRE(verdicts(first, last, {}, judge) == "");
}

}  // namespace

TEST_CASE("each pass alone keeps every bit", "[passes]") {
  for (const std::string& name : exact_passes()) {
    const Judge judge = [&](const RandomGraph& g) {
      const std::vector<std::string> one = {name};
      const std::string found = difference_after(g, passes::run_passes(g.graph, one, pass_options(true)));
      return found.empty() ? found : str("after ", name, ": ", found);
    };
    require_on_random_graphs(0, 300, judge);
  }
}

TEST_CASE("passes in any order keep every bit", "[passes]") {
  const std::vector<std::string> names = exact_passes();
  for (std::uint64_t seed = 1000; seed < 1300; ++seed) {
    Random random(seed);
    std::vector<std::string> order;
    for (int k = 0; k < 5; ++k) order.push_back(random.pick(names));
    if (const auto fuse = std::find(order.begin(), order.end(), "fuse"); fuse != order.end())
      order.erase(fuse + 1, order.end());
    const std::string found = verdict(random_graph(seed), [&](const RandomGraph& g) {
      return difference_after(g, passes::run_passes(g.graph, order, pass_options(true)));
    });
    CAPTURE(order);
    REQUIRE(found == "");
  }
}

TEST_CASE("all passes together keep every bit, fused or not", "[passes]") {
  for (const bool fuse : {true, false})
    require_on_random_graphs(2000, 2600, [fuse](const RandomGraph& g) {
      return difference_after(g, passes::optimize(g.graph, pass_options(fuse)));
    });
}

TEST_CASE("programs do what their graphs do, and their plans hold", "[program]") {
  std::int64_t kernels = 0, bytes = 0, bound = 0;
  for (const bool fuse : {true, false}) {
    require_on_random_graphs(3000, 3500, [&, fuse](const RandomGraph& g) -> std::string {
      const ir::Program program = passes::compile(g.graph, pass_options(fuse));
      if (const auto wrong = ir::violations(program); !wrong.empty()) return "invalid program:" + objections(wrong);
      if (const auto wrong = ir::plan_violations(program); !wrong.empty()) return "bad plan:" + objections(wrong);
      const ir::InterpreterResult expected = ir::interpret(g.graph, g.environment);
      const std::string apart = difference(expected, ir::interpret(program, g.environment), g.environment);
      if (!apart.empty()) return apart + "\n" + ir::print(program);
      const std::string placed = difference(expected, run_in_arena(program, g.environment), g.environment);
      if (!placed.empty()) return "in the arena: " + placed + "\n" + ir::print(program);
      ir::for_each_kernel(program.items, [&](const ir::Kernel&) { ++kernels; });
      bytes += program.arena_bytes;
      bound += program.arena_lower_bound;
      return {};
    });
  }
  std::printf("%lld kernels; arenas of %lld bytes, lower bound %lld\n", static_cast<long long>(kernels),
              static_cast<long long>(bytes), static_cast<long long>(bound));
}

TEST_CASE("every point of a memory curve does what its graph does, in the memory it says", "[passes]") {
  int points = 0, shorter = 0;
  const Judge judge = [&](const RandomGraph& g) -> std::string {
    const ir::InterpreterResult expected = ir::interpret(g.graph, g.environment);
    const ir::Graph fused = passes::optimize(g.graph, pass_options(g.seed % 3 != 0));
    const std::vector<passes::MemoryPoint> curve = passes::memory_curve(fused, runtime::host_target());
    if (!(curve.front().graph == fused)) return "the curve begins with another graph";
    for (const passes::MemoryPoint& point : std::span(curve).subspan(1)) {
      if (const auto wrong = ir::violations(point.graph); !wrong.empty()) return "invalid graph:" + objections(wrong);
      const ir::Program program = passes::lower(point.graph, pass_options(true));
      if (program.arena_bytes != point.arena_bytes) return "the arena is not what the curve says";
      const std::string apart = difference(expected, run_in_arena(program, g.environment), g.environment);
      if (!apart.empty()) return apart + "\n" + ir::print(point.graph);
      ++points;
    }
    shorter += curve.size() > 1 ? 1 : 0;
    return {};
  };
  REQUIRE(verdicts(7000, 7200, {}, judge) == "");
  REQUIRE(verdicts(7200, 7300, {.nodes = 60, .work = 30'000}, judge) == "");
  std::printf("%d graphs of 300 can do with less memory, %d points in all\n", shorter, points);
  CHECK(shorter > 30);
}

TEST_CASE("all passes together keep every bit of graphs with empty tensors", "[passes]") {
  const Judge judge = [](const RandomGraph& g) -> std::string {
    const ir::Program program = passes::compile(g.graph, pass_options(true));
    if (const auto wrong = ir::plan_violations(program); !wrong.empty()) return "bad plan:" + objections(wrong);
    if (!(ir::parse_program(ir::print(program)) == program)) return "the parsed program is another one";
    return difference(ir::interpret(g.graph, g.environment), ir::interpret(program, g.environment), g.environment);
  };
  REQUIRE(verdicts(6000, 6300, {.empty = 0.08}, judge) == "");
}

TEST_CASE("programs of random graphs print and parse back", "[text]") {
  require_on_random_graphs(4000, 4400, [](const RandomGraph& g) -> std::string {
    const ir::Graph fused = passes::optimize(g.graph, pass_options(true));
    if (!(ir::parse_graph(ir::print(fused)) == fused)) return "the fused graph does not survive its text form";
    const ir::Program program = passes::lower(fused, pass_options(true));
    const std::string text = ir::print(program);
    const ir::Program parsed = ir::parse_program(text);
    if (!(parsed == program)) return "the parsed program is another one";
    return ir::print(parsed) == text ? "" : "the parsed program prints differently";
  });
}

TEST_CASE("optimizing twice changes nothing more", "[passes]") {
  require_on_random_graphs(5000, 5300, [](const RandomGraph& g) -> std::string {
    const ir::Graph once = passes::optimize(g.graph, pass_options(false));
    const ir::Graph twice = passes::optimize(once, pass_options(false));
    return once == twice ? "" : "first:\n" + ir::print(once) + "then:\n" + ir::print(twice);
  });
}

}  // namespace sinter::test
