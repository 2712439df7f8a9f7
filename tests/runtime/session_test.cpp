// Whole programs through compile and run: the step function, its threads, bindings, and what must stay untouched.

#include <sinter/ir/error.h>
#include <sinter/ir/text.h>
#include <sinter/runtime/executable.h>
#include <sinter/runtime/team.h>

#include <atomic>
#include <filesystem>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "allocation_counter.h"
#include "in_child.h"
#include "programs.h"
#include "runtime/codegen.h"
#include "support/catch.h"

namespace sinter::test {

namespace {

using Catch::Matchers::Contains;
using runtime::Executable;
using runtime::Session;

runtime::CompileOptions options_for(const ir::Target& target = runtime::host_target()) {
  runtime::CompileOptions options;
  options.target = target;
  return options;
}

std::shared_ptr<const Executable> compile(const ir::Program& program) {
  return Executable::compile(program, options_for());
}

/// Runs once on fresh tensors and compares with the interpreter.
bool agrees(const ir::Program& program, Session& session, std::uint64_t seed) {
  Tensors tensors(program, seed);
  const std::vector<float> expected = tensors.interpreted(program);
  session.run(tensors.bindings());
  return same(tensors.results(), expected);
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("a step computes what the interpreter computes, on any number of threads", "[session]") {
  const int threads = GENERATE(1, 2, 3, 7);
  const int lanes = GENERATE(1, 8, 16);
  CAPTURE(threads, lanes);
  const ir::Program program = update_program(13, 37, lanes);
  Session session(compile(program), threads);
  for (std::uint64_t seed = 0; seed < 5; ++seed) CHECK(agrees(program, session, seed));
}

TEST_CASE("threads share a single long row, turn after turn of a loop", "[session]") {
  // Pieces of 65536 terms; what threads exchange in one turn must be read before the next one writes.
  const char* text = R"(program @p {
  %b0 = input "x" : f32[140000]
  %b1 = state "s" : f32[]
  %b2 = output "y" : f32[140000]
  for 3 {
    kernel "sum" (%b0, %b1) -> (%b2, %b1) {form = row, lanes = 16, parallel = true} {
      %0 = input "x" : f32[140000]
      %1 = input "s" : f32[]
      %2 = broadcast %1 {shape = <140000>, dims = []} : f32[140000]
      %3 = mul %0, %2 : f32[140000]
      %4 = reduce_sum %3 {axes = [0]} : f32[]
      %5 = broadcast %4 {shape = <140000>, dims = []} : f32[140000]
      %6 = add %3, %5 : f32[140000]
      return %6 "y", %4 "s"
    }
    barrier
  }
})";
  const ir::Program program = ir::parse_program(text);
  Tensors tensors(program, 3);
  const std::vector<float> start = tensors.state(0);
  const std::vector<float> expected = tensors.interpreted(program);
  for (const int threads : {1, 2, 3, 5}) {
    CAPTURE(threads);
    Session session(compile(program), threads);
    tensors.state(0) = start;
    session.run(tensors.bindings());
    CHECK(same(tensors.results(), expected));
  }
}

TEST_CASE("poorer targets give the same bits", "[session]") {
  const ir::Program program = update_program(5, 50, 8);
  const ir::Target host = runtime::host_target();
  for (const char* level : {"avx2", "baseline"}) {
    CAPTURE(level);
    Session session(Executable::compile(program, options_for(runtime::restrict_target(host, level))));
    CHECK(agrees(program, session, 1));
  }
}

TEST_CASE("code for another processor is refused", "[session]") {
  const ir::Program program = update_program(2, 3, 1);
  CHECK_THROWS_WITH(Executable::compile(program, {}), Contains("host_target()"));
  ir::Target target = runtime::host_target();
  target.features.emplace_back("+timetravel");
  CHECK_THROWS_WITH(Executable::compile(program, options_for(target)), Contains("timetravel"));
}

TEST_CASE("loops run their items, and equal kernels are emitted once", "[session]") {
  const ir::Program program = repeated_program(3, 4);
  Session session(compile(program));
  CHECK(agrees(program, session, 1));
  CHECK(occurrences(Executable::llvm_ir(program, options_for()), "define internal void @k") == 1);
}

TEST_CASE("the signature lists inputs, states and outputs", "[session]") {
  const auto executable = compile(update_program(2, 3, 1));
  const runtime::Signature& signature = executable->signature();
  REQUIRE(signature.inputs.size() == 1);
  REQUIRE(signature.states.size() == 1);
  REQUIRE(signature.outputs.size() == 1);
  CHECK(signature.inputs[0].name == "x");
  CHECK(signature.states[0].name == "w");
  CHECK(signature.outputs[0].type == ir::TensorType{ir::DType::f32, {2, 3}});
  CHECK(executable->arena_bytes() == 64);
  CHECK(executable->compile_milliseconds() > 0);
}

TEST_CASE("wrong bindings are told by name", "[session]") {
  const ir::Program program = update_program(2, 3, 1);
  Session session(compile(program));
  Tensors tensors(program, 1);
  runtime::Bindings bindings = tensors.bindings();
  bindings.inputs = {};
  CHECK_THROWS_WITH(session.run(bindings), Contains("expected 1 inputs (x f32[2,3]), got 0"));
  bindings = tensors.bindings();
  void* const nothing[] = {nullptr};
  bindings.states = nothing;
  CHECK_THROWS_AS(session.run(bindings), UserError);
  CHECK_THROWS_WITH(session.run(bindings), Contains("state 'w'") && Contains("24 bytes"));
}

TEST_CASE("a run allocates nothing", "[session]") {
  const ir::Program program = update_program(13, 37, 8);
  const int threads = GENERATE(1, 2);
  Session session(compile(program), threads);
  Tensors tensors(program, 1);
  session.run(tensors.bindings());
  const std::int64_t before = allocation_count();
  for (int k = 0; k < 20; ++k) session.run(tensors.bindings());
  CHECK(allocation_count() == before);
}

TEST_CASE("memory need not be aligned", "[session]") {
  const ir::Program program = update_program(3, 50, 16);
  Tensors aligned(program, 4);
  const std::vector<float> expected = aligned.interpreted(program);
  std::vector<float> x(151), w(151), y(151);
  std::copy(aligned.input(0).begin(), aligned.input(0).end(), x.begin() + 1);
  std::copy(aligned.state(0).begin(), aligned.state(0).end(), w.begin() + 1);
  const void* const inputs[] = {x.data() + 1};
  void* const states[] = {w.data() + 1};
  void* const outputs[] = {y.data() + 1};
  Session session(compile(program));
  session.run({inputs, states, outputs});
  std::vector<float> got(y.begin() + 1, y.end());
  got.insert(got.end(), w.begin() + 1, w.end());
  CHECK(same(got, expected));
}

TEST_CASE("two executables, and two sessions of one, work side by side", "[session]") {
  const ir::Program first = update_program(20, 30, 16);
  const ir::Program second = update_program(31, 17, 8);
  const auto shared = compile(first);
  const auto other = compile(second);
  std::atomic<int> failures = 0;
  std::vector<std::thread> users;
  for (int k = 0; k < 3; ++k) {
    users.emplace_back([&, k] {
      const ir::Program& program = k == 2 ? second : first;
      Session session(k == 2 ? other : shared, 2);
      for (std::uint64_t seed = 0; seed < 10; ++seed) failures += agrees(program, session, seed) ? 0 : 1;
    });
  }
  for (std::thread& user : users) user.join();
  CHECK(failures == 0);
}

TEST_CASE("a step runs in a forked child", "[session]") {
  const ir::Program program = update_program(20, 30, 16);
  const int threads = threads_survive_fork ? 2 : 1;
  Session session(compile(program), threads);
  CHECK(agrees(program, session, 1));
  CHECK(succeeds_in_child([&] { return agrees(program, session, 2); }));
  CHECK(succeeds_in_child([&] {
    Session fresh(compile(program), threads);
    return agrees(program, fresh, 3);
  }));
  CHECK(agrees(program, session, 4));
}

#if defined(__x86_64__)
TEST_CASE("the caller's floating-point control register is left alone", "[session]") {
  const ir::Program program = update_program(20, 30, 16);
  Session session(compile(program), 2);
  Tensors tensors(program, 1);
  const unsigned before = _mm_getcsr();
  for (const unsigned mode : {0x1F80U, 0x1FC0U, 0x9F80U, 0x9FC0U, 0x5F80U}) {  // FTZ and DAZ off and on, rounding up
    _mm_setcsr(mode);
    session.run(tensors.bindings());
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    CHECK(after == mode);
  }
}

TEST_CASE("denormals are flushed whatever the caller's mode", "[session]") {
  const ir::Program program = update_program(4, 16, 16);
  Session session(compile(program), 2);
  Tensors tensors(program, 1);
  for (float& v : tensors.input(0)) v = 0;
  for (float& v : tensors.state(0)) v = 1e-40F;
  session.run(tensors.bindings());
  CHECK(same(tensors.state(0), std::vector<float>(64, 0.0F)));
}
#endif

TEST_CASE("a caller's own team runs the step", "[session]") {
  struct OwnTeam final : runtime::Team {
    int size() const override { return 2; }
    void run(int threads, runtime::TeamTask task, void* context) override {
      asked = threads;
      task(context, 0, 1, nullptr, nullptr);  // a team may give fewer threads than asked for
    }
    int asked = 0;
  };
  const ir::Program program = update_program(4, 16, 16);
  OwnTeam team;
  Session session(compile(program), team);
  CHECK(agrees(program, session, 1));
  CHECK(team.asked == 2);
}

TEST_CASE("a step without shared kernels never enters the team", "[session]") {
  struct Forbidden final : runtime::Team {
    int size() const override { return 4; }
    void run(int, runtime::TeamTask, void*) override { internal_error("entered"); }
  };
  const ir::Program program = repeated_program(2, 1);
  Forbidden team;
  Session session(compile(program), team);
  CHECK(agrees(program, session, 1));
}

TEST_CASE("checked code computes the same", "[session]") {
  const ir::Program program = update_program(13, 37, 8);
  runtime::CompileOptions options = options_for();
  options.checked = true;
  Session session(Executable::compile(program, options), 2);
  CHECK(agrees(program, session, 1));
}

TEST_CASE("LLVM IR and assembly can be read, and dumped", "[session]") {
  const ir::Program program = update_program(13, 37, 8);
  CHECK_THAT(Executable::llvm_ir(program, options_for()),
             Contains("define void @sinter_step") && Contains("fadd <8 x float>"));
  CHECK_THAT(Executable::assembly(program, options_for()), Contains("sinter_step:"));
  runtime::CompileOptions options = options_for();
  const auto directory = std::filesystem::temp_directory_path() / "sinter_session_test_dump";
  options.dump_directory = directory.string();
  Executable::compile(program, options);
  CHECK(std::filesystem::exists(directory / "update.ll"));
  CHECK(std::filesystem::exists(directory / "update.s"));
  std::filesystem::remove_all(directory);
}

}  // namespace sinter::test
