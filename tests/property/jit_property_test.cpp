// Compiled code equals the interpreter, bit for bit (NaN as a class): on this machine's instructions and on fewer, with
// and without fusion, bounds-checked and not, alone and in a team.

#include <cstdio>
#include <functional>

#include <sinter/ir/ops.h>
#include <sinter/ir/text.h>
#include <sinter/passes/fuse.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/executable.h>

#include "support/catch.h"
#include "support/compare.h"
#include "support/draws.h"
#include "support/random.h"
#include "support/random_values.h"
#include "support/shared_kernels.h"
#include "support/shrink.h"

namespace sinter::test {

namespace {

struct Way {
  const char* name;
  const char* level;  // of restrict_target; empty: all that the machine has
  bool fuse = true;
  bool checked = false;
  int threads = 1;
  bool recompute = false;  // whatever a reader can compute again, however small
};

/// What the code was made of, to see that every form is met.
struct Tally {
  OpCounts ops, forms, drawn;  // drawn: ops of the graphs
  int graphs = 0, fused = 0, parallel = 0;
};

void count(const ir::Program& program, Tally& tally) {
  ++tally.graphs;
  ir::for_each_kernel(program.items, [&](const ir::Kernel& k) {
    count_ops(*k.body, tally.ops);
    ++tally.forms[std::string(ir::to_string(k.schedule.form))];
    tally.fused += k.body->size() - k.body->inputs().size() > 1;
    tally.parallel += k.schedule.parallel;
  });
}

void print(const char* name, const Tally& tally) {
  std::printf("%s: %d graphs, %d fused kernels, %d parallel;", name, tally.graphs, tally.fused, tally.parallel);
  for (const auto& [form, n] : tally.forms) std::printf(" %s %d", form.c_str(), n);
  std::printf(";");
  for (const auto& [op, n] : tally.ops) std::printf(" %s %d", op.c_str(), n);
  std::printf("\n");
}

Judge judge_of(const Way& way, Tally& tally) {
  passes::Options options;
  options.target = runtime::host_target();
  if (*way.level != '\0') options.target = runtime::restrict_target(options.target, way.level);
  if (!way.fuse) options.disabled = {"fuse"};
  if (way.recompute) options.disabled = {"fuse"};
  return [way, options, &tally](const RandomGraph& g) -> std::string {
    ir::Graph graph = passes::optimize(g.graph, options);
    if (way.recompute) graph = passes::fuse(graph, {.least_elements = 2, .most_operations = 20, .little = 1});
    ir::Program program = passes::lower(graph, options);
    if (way.threads > 1) program.items = shared_items(program.items);
    count(program, tally);
    count_ops(g.graph, tally.drawn);
    const ir::InterpreterResult expected = ir::interpret(g.graph, g.environment);
    const ir::InterpreterResult got = run_compiled(program, g.environment, {options.target, way.checked, way.threads});
    const std::string found = difference(expected, got, g.environment);
    return found.empty() ? found : found + "\n" + ir::print(program);
  };
}

void check_graphs(const Way& way, std::uint64_t first, std::uint64_t last, const GraphOptions& options = {}) {
  Tally tally;
  const Judge judge = judge_of(way, tally);
  CHECK(verdicts(first, last, options, judge) == "");
  print(way.name, tally);
  CHECK((way.threads == 1 || tally.parallel > tally.graphs));
  if (draw_stride > 1) return;  // what the few graphs of a sanitizer's run meet says little
  for (const auto& [form, n] : tally.forms) CHECK(std::pair(form, n * 20 >= tally.graphs) == std::pair(form, true));
  CHECK(tally.forms.size() == 6);
  for (const char* op : {"conv", "max_pool", "window_sum", "scan"})
    CHECK(std::pair(op, tally.drawn[op] > 0) == std::pair(op, true));
}

/// Any choice a schedule can make; barriers everywhere, so that every kernel may be shared.
ir::Program with_random_schedules(const ir::Program& program, Random& random) {
  ir::Program changed = program;
  changed.items.clear();
  for (const ir::Item& item : program.items) {
    if (std::holds_alternative<ir::Barrier>(item)) continue;
    changed.items.push_back(item);
    if (auto* kernel = std::get_if<ir::Kernel>(&changed.items.back())) {
      ir::Schedule& s = kernel->schedule;
      s.lanes = std::int64_t{1} << random.below(5);
      s.unroll = random.between(1, 4);
      s.tile_rows = random.between(1, 7);
      s.tile_vectors = random.between(1, 4);
      if (s.form == ir::KernelForm::contract) {
        s.swap = random.chance(0.5);
        s.pack_vectors = random.chance(0.5);
        s.pack_rows = random.chance(0.5);
        s.prefetch = random.chance(0.5);
        s.trail = random.chance(0.5);
        s.part = random.chance(0.5) ? random.between(1, 300) : 0;
        s.block_rows = random.chance(0.5) ? random.between(1, 40) : 0;
      }
      s.parallel = s.form != ir::KernelForm::scatter && random.chance(0.7);
    }
    changed.items.emplace_back(ir::Barrier{});
  }
  return changed;
}

}  // namespace

TEST_CASE("compiled code equals the interpreter: any schedule, any number of threads", "[jit]") {
  passes::Options options;
  options.target = runtime::host_target();
  Tally tally;
  const Judge judge = [&](const RandomGraph& g) -> std::string {
    Random random(g.seed);
    const ir::Program program = with_random_schedules(passes::compile(g.graph, options), random);
    count(program, tally);
    const int threads = static_cast<int>(random.between(1, 4));
    const ir::InterpreterResult expected = ir::interpret(g.graph, g.environment);
    const std::string found =
        difference(expected, run_compiled(program, g.environment, {options.target, false, threads}), g.environment);
    return found.empty() ? found : str(threads, " threads: ", found, "\n", ir::print(program));
  };
  CHECK(verdicts(16'000, 16'200, {}, judge) == "");
  print("schedules", tally);
}

TEST_CASE("compiled code equals the interpreter: random graphs, first part", "[jit]") {
  check_graphs({"host", ""}, 10'000, 10'300);
}
TEST_CASE("compiled code equals the interpreter: random graphs, second part", "[jit]") {
  check_graphs({"host", ""}, 10'300, 10'600);
}
TEST_CASE("compiled code equals the interpreter: without fusion", "[jit]") {
  check_graphs({"host, not fused", "", false}, 11'000, 11'150);
}
TEST_CASE("compiled code equals the interpreter: computed again by readers", "[jit]") {
  check_graphs({.name = "recompute", .level = "", .recompute = true}, 18'000, 18'200);
}
TEST_CASE("compiled code equals the interpreter: AVX2", "[jit]") { check_graphs({"avx2", "avx2"}, 12'000, 12'250); }
TEST_CASE("compiled code equals the interpreter: the architecture's least", "[jit]") {
  check_graphs({"baseline", "baseline"}, 13'000, 13'100);
}
TEST_CASE("compiled code equals the interpreter: checked", "[jit]") {
  check_graphs({"checked", "", true, true}, 14'000, 14'200);
}
TEST_CASE("compiled code equals the interpreter: a team of three", "[jit]") {
  check_graphs({"team", "", true, false, 3}, 15'000, 15'060, {.nodes = 12, .elements = 8000, .work = 150'000});
}

TEST_CASE("compiled code equals the interpreter: long sums", "[jit]") {
  // Lengths on both sides of the chunks of both orders of summation.
  const auto input = [](ir::Graph& g, const ir::Shape& shape) {
    return ir::input(g, str("x", g.size()), {ir::DType::f32, shape});
  };
  using Make = std::function<ir::Expr(ir::Graph&)>;
  const std::vector<Make> sums = {
      [&](ir::Graph& g) { return reduce_sum(input(g, {2, 65535}), {1}); },
      [&](ir::Graph& g) { return reduce_sum(input(g, {65537}), {0}); },
      [&](ir::Graph& g) { return reduce_sum(input(g, {3, 131, 500}), {1, 2}); },
      [&](ir::Graph& g) { return reduce_sum(input(g, {1025, 3}), {0}); },
      [&](ir::Graph& g) { return reduce_sum(input(g, {2, 2049, 17}), {1}); },
      [&](ir::Graph& g) { return reduce_sum(input(g, {5, 700, 9}), {0, 1}); },
      [&](ir::Graph& g) { return ir::argmax(input(g, {3000, 2}), 0); },
      [&](ir::Graph& g) { return ir::argmax(input(g, {70000}), 0); },
      [&](ir::Graph& g) { return ir::matmul(input(g, {3, 1025}), input(g, {1025, 18})); },
      [&](ir::Graph& g) { return ir::matmul(input(g, {7, 2500}), input(g, {2500, 5})); },
      [&](ir::Graph& g) { return ir::dot(input(g, {4, 7, 333}), input(g, {7, 333, 6}), {{}, {}, {1, 2}, {0, 1}}); },
      [&](ir::Graph& g) { return ir::dot(input(g, {3, 2, 1100}), input(g, {1100, 6, 3}), {{}, {}, {0, 2}, {2, 0}}); },
  };
  Tally tally;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    RandomGraph g{k, ir::Graph("sum"), {}};
    g.graph.add_output("y", sums[k](g.graph).value());
    Random random(k);
    for (const ir::NodeId id : g.graph.inputs())
      g.environment[name_of(g.graph.node(id))] =
          ir::NumArray::from(random_data(g.graph.node(id).results[0], {Domain::Kind::tame, 0}, random));
    for (const char* level : {"", "avx2", "baseline"}) CHECK(verdict(g, judge_of({"long sums", level}, tally)) == "");
  }
}

TEST_CASE("compiled code equals the interpreter: constants too small to compute with", "[jit]") {
  Tally tally;
  for (const char* type : {"1e-39 : f32", "1e-310 : f64", "1e-39 : bf16", "6e-08 : f16"}) {
    const std::string dtype = std::string(type).substr(std::string(type).find(": ") + 2);
    const std::string text =
        str("graph @g {\n  %0 = constant ", type, "[]\n  %1 = broadcast %0 {shape = <40>, dims = []} : ", dtype,
            "[40]\n  return %1 \"y\"\n}\n");
    const RandomGraph g{0, ir::parse_graph(text), {}};
    CHECK(verdict(g, judge_of({type, ""}, tally)) == "");
  }
}

TEST_CASE("compiled code equals the interpreter: empty tensors", "[jit]") {
  check_graphs({"empty tensors", ""}, 17'000, 17'100, {.empty = 0.08});
  check_graphs({"empty tensors, not fused", "", false}, 17'100, 17'150, {.empty = 0.08});
}

TEST_CASE("compiled code equals the interpreter: windows", "[jit]") {
  // Convolution has many geometries and several nests.
  for (const char* level : {"", "avx2"}) {
    Tally tally;
    const Judge judge = judge_of({"windows", level, true, *level == '\0'}, tally);
    for (std::uint64_t seed = 100; seed < 400; seed += draw_stride)
      CHECK(verdict(random_node("conv", seed, {.elements = 400}), judge) == "");
    for (const std::string_view op : {"max_pool", "max_unpool", "window_pick", "window_sum"})
      for (std::uint64_t seed = 100; seed < 130; ++seed)
        CHECK(verdict(random_node(op, seed, {.elements = 400}), judge) == "");
    print("windows", tally);
    CHECK(tally.forms["contract"] * int{draw_stride} > 100);
    CHECK(tally.forms["column"] > 100);
  }
}

TEST_CASE("compiled code equals the interpreter, op by op", "[jit]") {
  for (const char* level : {"", "avx2"}) {
    Tally tally;
    const Judge judge = judge_of({"single ops", level}, tally);
    for (const ir::OpInfo& op : ir::all_ops()) {
      if (op.name == ir::Fused::name) continue;
      for (std::uint64_t seed = 0; seed < (op.form == ir::Form::region ? 40U : 5U); ++seed) {
        const std::string found = verdict(random_node(op.name, seed, {.elements = 400}), judge);
        CHECK(found == "");
      }
    }
  }
}

}  // namespace sinter::test
