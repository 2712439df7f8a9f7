// The pipeline and what surrounds it: names, times, dumps, the search for a wrong pass.

#include <sinter/passes/pipeline.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <unistd.h>

#include <sinter/ir/ops.h>
#include <sinter/ir/text.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/differentiate.h>
#include <sinter/passes/registry.h>
#include <sinter/passes/rewrites.h>

#include "support/catch.h"
#include "support/compare.h"
#include "support/random_graph.h"

using namespace sinter;
using ir::DType;
using ir::Expr;
using ir::Graph;

namespace {

/// A graph that every default pass has something to do with, updates included.
Graph training_graph() {
  Graph g("train");
  const Expr x = input(g, "x", {DType::f32, {4, 3}});
  const Expr w = ir::state(g, "w", {DType::f32, {3, 5}});
  const Expr loss = reduce_sum(max(matmul(x, w), 0.0), {0, 1}) / 16.0;
  const Expr gradient = passes::gradients(loss, std::vector<Expr>{w})[0];
  g.add_output("loss", loss.value());
  g.set_update(w.value().node, (w - gradient * 0.5).value());
  return g;
}

const std::vector<std::string> tidy = {
    "erase_stop_gradient", "simplify", "constant_fold", "cse", "simplify", "cse", "dce"};

// Wrong passes, each wrong in its own way.

Graph add_for_sub(const Graph& g) {
  Graph result(g.name());
  for (ir::Node node : g.nodes()) {
    if (node.kind == ir::kind_of<ir::Sub>()) node.kind = ir::kind_of<ir::Add>();
    result.add_unchecked(node);
  }
  for (const ir::Output& o : g.outputs()) result.add_output(o.name, o.value);
  for (const ir::Update& u : g.updates()) result.set_update(u.state, u.value);
  return result;
}

Graph lose_updates(const Graph& g) {
  Graph result(g.name());
  for (const ir::Node& node : g.nodes()) result.add_unchecked(node);
  for (const ir::Output& o : g.outputs()) result.add_output(o.name, o.value);
  return result;
}

Graph break_a_type(const Graph& g) {
  Graph result = g;
  ir::Node node = g.node(static_cast<ir::NodeId>(g.size() - 1));
  node.results[0].shape = ir::Shape{77};
  result.add_unchecked(node);
  return result;
}

Graph fail(const Graph&) { user_error("gives up"); }

/// What bisect says of a list in which the wrong pass comes second.
passes::Culprit culprit_of(Graph (*wrong)(const Graph&)) {
  const passes::Pass list[] = {passes::find_pass("simplify"), {"wrong", "", wrong}, passes::find_pass("dce")};
  const auto found = passes::bisect(training_graph(), list, 3);
  REQUIRE(found);
  return *found;
}

/// A directory for SINTER_DUMP, gone afterwards.
struct DumpDirectory {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("sinter_dump_test_" + std::to_string(::getpid()));
  DumpDirectory() { ::setenv("SINTER_DUMP", path.c_str(), 1); }
  ~DumpDirectory() {
    ::unsetenv("SINTER_DUMP");
    std::filesystem::remove_all(path);
  }
};

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("every pass has a name of its own and a sentence, and all default passes are exact") {
  std::set<std::string_view> names;
  for (const passes::Pass& pass : passes::all_passes()) {
    CHECK(names.insert(pass.name).second);
    CHECK(pass.summary.ends_with("."));
  }
  for (const std::string_view name : passes::default_passes()) CHECK(passes::find_pass(name).exact);
}

TEST_CASE("each rule says why it is exact, and no two share a name") {
  std::set<std::string_view> names;
  for (const passes::RuleInfo& rule : passes::simplify_rules()) {
    CHECK(names.insert(rule.name).second);
    CHECK_FALSE(rule.why_exact.empty());
  }
}

TEST_CASE("an unknown pass is refused with the names that are near") {
  CHECK_THROWS_WITH(passes::find_pass("simplfy"), Catch::Contains("simplify"));
  passes::Options options;
  options.disabled = {"fus"};
  CHECK_THROWS_AS(passes::optimize(training_graph(), options), UserError);
}

TEST_CASE("passes are timed and dumped in order; dumps read back") {
  std::vector<passes::PassTime> times;
  std::vector<std::string> dumped;
  passes::Options options;
  options.times = &times;
  options.dump = [&](std::string_view pass, std::string_view text) {
    dumped.emplace_back(pass);
    CHECK(ir::print(ir::parse_graph(text)) == text);
  };
  passes::run_passes(training_graph(), tidy, options);
  CHECK(dumped == tidy);
  REQUIRE(times.size() == tidy.size());
  for (std::size_t k = 0; k < tidy.size(); ++k) CHECK(times[k].pass == tidy[k]);
}

TEST_CASE("a disabled pass does not run") {
  std::vector<passes::PassTime> times;
  passes::Options options;
  options.times = &times;
  options.disabled = {"fuse", "simplify"};
  passes::optimize(training_graph(), options);
  for (const passes::PassTime& t : times) CHECK((t.pass != "fuse" && t.pass != "simplify"));
}

TEST_CASE("right passes are cleared by the interpreter") {
  CHECK_FALSE(passes::bisect(training_graph(), tidy, 1));
  CHECK_FALSE(passes::difference(training_graph(), passes::optimize(training_graph(), {}), 2));
}

TEST_CASE("a wrong pass is found, whatever is wrong with it") {
  for (const auto wrong : {add_for_sub, lose_updates, break_a_type, fail}) {
    const passes::Culprit culprit = culprit_of(wrong);
    CHECK(culprit.position == 1);
    CHECK(culprit.pass == "wrong");
  }
  CHECK(culprit_of(add_for_sub).reason.find("state w") != std::string::npos);
  CHECK(culprit_of(lose_updates).reason.find("update of state w is gone") != std::string::npos);
  CHECK(culprit_of(break_a_type).reason.find("not valid") != std::string::npos);
  CHECK(culprit_of(fail).reason == "gives up");
}

TEST_CASE("an inexact pass may change bits, and is not blamed") {
  const passes::Pass list[] = {{"inexact", "", add_for_sub, false}};
  CHECK_FALSE(passes::bisect(training_graph(), list, 3));
}

TEST_CASE("the tidy passes keep every bit of random graphs") {
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    const test::RandomGraph random = test::random_graph(seed);
    INFO(test::describe(random));
    const Graph after = passes::run_passes(random.graph, tidy, {});
    const ir::Environment& environment = random.environment;
    CHECK(test::difference(interpret(random.graph, environment), interpret(after, environment), environment).empty());
    for (const auto pass : {passes::simplify, passes::cse, passes::dce, passes::constant_fold}) {
      const Graph once = pass(after);
      CHECK(pass(once) == once);  // nothing is left to do
    }
  }
}

TEST_CASE("the forward part has neither gradients nor updates") {
  const Graph forward = passes::forward_part(training_graph());
  CHECK(forward.updates().empty());
  CHECK(forward.outputs().size() == 1);
  CHECK(forward.size() < training_graph().size());
  CHECK(forward.states().size() == 1);
}

TEST_CASE("SINTER_DUMP writes numbered files that read back") {
  CHECK(passes::dump_directory().empty());
  const DumpDirectory directory;
  passes::write_stage("a/b", "graph", "one");
  passes::write_stage("a/b", "graph", "two");
  CHECK(contents(directory.path / "0001-a_b-graph.sir") == "one");
  CHECK(contents(directory.path / "0002-a_b-graph.sir") == "two");
  passes::compile(training_graph(), {});
  const std::string grad = contents(directory.path / "0004-train-grad.sir");
  CHECK(ir::parse_graph(grad) == training_graph());
  CHECK(std::filesystem::exists(directory.path / "0003-train-graph.sir"));
  CHECK(std::filesystem::exists(directory.path / "0005-train-fused.sir"));
  CHECK(std::filesystem::exists(directory.path / "0006-train-program.sir"));
}

TEST_CASE("a directory that cannot be written does not stop a compilation") {
  const DumpDirectory directory;
  ::setenv("SINTER_DUMP", "/proc/no_such_directory", 1);
  CHECK_NOTHROW(passes::write_stage("f", "graph", "text"));
}

TEST_CASE("random environments depend on names and seed, not on order") {
  const Graph g = training_graph();
  const ir::Environment one = passes::random_environment(g, 1);
  CHECK(one.at("x").values.size() == 12);
  CHECK(one.at("x").values[0].as_double() == passes::random_environment(g, 1).at("x").values[0].as_double());
  CHECK(one.at("x").values[0].as_double() != passes::random_environment(g, 2).at("x").values[0].as_double());
  for (const ir::Num& n : one.at("w").values) CHECK((n.as_double() >= 0.0 && n.as_double() < 1.0));
}
