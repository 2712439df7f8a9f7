// Object files: linked into this process as a user's linker would, and called through the addresses of their symbols.

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/memory.h>
#include <sinter/runtime/object_file.h>

#include "programs.h"
#include "runtime/jit.h"
#include "support/catch.h"

namespace sinter::test {

namespace {

using Catch::Matchers::Contains;
using runtime::ObjectFile;
using runtime::ObjectOptions;
using runtime::ObjectStep;
using runtime::StateImage;

enum Code { ok = 0, cpu = 1, argument = 2, not_prepared = 3, wrong_state = 4, failed_selftest = 5 };

constexpr std::int64_t rows = 8, columns = 48;

/// "a header of 64 bytes", then the state "w" with these contents.
StateImage image_of(const ir::Program& program, const std::vector<float>& w) {
  StateImage image;
  image.bytes = "the form of the state";
  image.bytes.resize(64, ' ');
  image.header_bytes = 64;
  for (const ir::BufferId id : program.of_kind(ir::BufferKind::state))
    image.states.push_back({program.buffers[id].name, program.buffers[id].type, 64});
  image.bytes.append(reinterpret_cast<const char*>(w.data()), w.size() * sizeof(float));
  return image;
}

std::vector<float> numbers(std::size_t n, float first) {
  std::vector<float> result(n);
  for (std::size_t k = 0; k < n; ++k) result[k] = first + 0.125F * static_cast<float>(k % 17);
  return result;
}

ObjectOptions host_options() {
  ObjectOptions options;
  options.targets = {runtime::object_target("host")};
  return options;
}

/// A linked object file of one step with an input, an output and perhaps a state.
class Linked {
 public:
  explicit Linked(const std::string& object) : code_({object}) {}

  int call(const char* symbol, void* memory) const {
    return reinterpret_cast<int (*)(void*)>(code_.address(symbol))(memory);
  }
  int step(const void* arguments) const {
    return reinterpret_cast<int (*)(const void*)>(code_.address("m_step"))(arguments);
  }

 private:
  runtime::LinkedCode code_;
};

/// "#define M_WORK_BYTES 128u" -> 128.
std::int64_t number_in(const std::string& header, const std::string& macro) {
  const std::size_t at = header.find("#define " + macro + " ");
  REQUIRE(at != std::string::npos);
  return std::stoll(header.substr(at + macro.size() + 9));
}

/// The step of update_program() as a file, and memory for it.
struct Fixture {
  Fixture() : Fixture(update_program(rows, columns, 16)) {}
  explicit Fixture(ir::Program p)
      : program(std::move(p)),
        w(numbers(static_cast<std::size_t>(rows * columns), -1.0F)),
        image(image_of(program, w)),
        file(make_object_file({{"step", {program}, {}, {}}}, image, host_options())),
        linked(file.object),
        state(ir::allocate_zeros(number_in(file.header, "M_STATE_BYTES"))),
        work(ir::allocate_zeros(number_in(file.header, "M_WORK_BYTES"))),
        x(numbers(w.size(), 0.5F)),
        y(x.size()) {}

  struct Arguments {
    void* state;
    void* work;
    const float* x;
    float* y;
  };
  Arguments arguments() { return {state.get(), work.get(), x.data(), y.data()}; }
  int step() {
    const Arguments all = arguments();
    return linked.step(&all);
  }
  std::vector<float> state_now() const {
    const auto* first = reinterpret_cast<const float*>(state.get() + 64);
    return {first, first + w.size()};
  }

  ir::Program program;
  std::vector<float> w;
  StateImage image;
  ObjectFile file;
  Linked linked;
  ir::AlignedBytes state, work;
  std::vector<float> x, y;
};

std::string message_of(const std::vector<ObjectStep>& steps, const StateImage& image, const ObjectOptions& options) {
  try {
    (void)make_object_file(steps, image, options);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("an exported step gives the bits of a session", "[object_file]") {
  Fixture f;
  REQUIRE(f.linked.call("m_prepare", f.work.get()) == ok);
  REQUIRE(f.linked.call("m_init", f.state.get()) == ok);
  CHECK(same(f.state_now(), f.w));

  runtime::CompileOptions options;
  options.target = runtime::host_target();
  runtime::Session session(runtime::Executable::compile(f.program, options));
  std::vector<float> w = f.w, y(f.y.size());
  const void* inputs[] = {f.x.data()};
  void* states[] = {w.data()};
  void* outputs[] = {y.data()};
  for (int turn = 0; turn < 3; ++turn) {
    session.run({inputs, states, outputs});
    REQUIRE(f.step() == ok);
    CHECK(same(f.y, y));
    CHECK(same(f.state_now(), w));
  }
  CHECK_FALSE(same(w, f.w));
}

TEST_CASE("an exported step refuses what does not fit", "[object_file]") {
  Fixture f;
  CHECK(f.step() == not_prepared);
  REQUIRE(f.linked.call("m_prepare", f.work.get()) == ok);
  REQUIRE(f.linked.call("m_init", f.state.get()) == ok);
  REQUIRE(f.step() == ok);

  const auto with = [&](auto change) {
    Fixture::Arguments a = f.arguments();
    change(a);
    return f.linked.step(&a);
  };
  CHECK(with([](auto& a) { a.state = nullptr; }) == argument);
  CHECK(with([](auto& a) { a.work = nullptr; }) == argument);
  CHECK(with([](auto& a) { a.x = nullptr; }) == argument);
  CHECK(with([](auto& a) { a.y = nullptr; }) == argument);
  CHECK(with([&](auto& a) { a.state = f.state.get() + 32; }) == argument);
  CHECK(f.linked.step(nullptr) == argument);
  CHECK(f.linked.call("m_init", nullptr) == argument);
  CHECK(f.linked.call("m_prepare", f.work.get() + 8) == argument);
  CHECK(f.linked.call("m_selftest", nullptr) == argument);

  f.work[0] ^= std::byte{1};  // memory that another object file prepared
  CHECK(f.step() == not_prepared);
  f.work[0] ^= std::byte{1};
  f.work[8] = std::byte{1};  // what prepare() writes on a processor that can run none of the targets
  CHECK(f.step() == cpu);
}

TEST_CASE("a stored state is recognised by its form", "[object_file]") {
  Fixture f;
  CHECK(f.linked.call("m_check_state", f.state.get()) == wrong_state);
  REQUIRE(f.linked.call("m_init", f.state.get()) == ok);
  CHECK(f.linked.call("m_check_state", f.state.get()) == ok);
  f.state[70] ^= std::byte{1};  // contents are nobody's business
  CHECK(f.linked.call("m_check_state", f.state.get()) == ok);
  f.state[63] ^= std::byte{1};
  CHECK(f.linked.call("m_check_state", f.state.get()) == wrong_state);
}

TEST_CASE("the self-test sees a changed weight", "[object_file]") {
  Fixture f;
  const auto memory = ir::allocate_zeros(number_in(f.file.header, "M_SELFTEST_BYTES"));
  CHECK(f.linked.call("m_selftest", memory.get()) == ok);

  std::string object = f.file.object;
  const std::size_t at = object.find(f.image.bytes.substr(64, 32));
  REQUIRE(at != std::string::npos);
  object[at + 2] = static_cast<char>(object[at + 2] ^ 1);  // of the first weight, not its last bit
  CHECK(Linked(object).call("m_selftest", memory.get()) == failed_selftest);
}

TEST_CASE("derived buffers of an exported step begin as zeros", "[object_file]") {
  ir::Program program = update_program(rows, columns, 16);
  for (ir::Buffer& buffer : program.buffers)
    if (buffer.kind == ir::BufferKind::state) buffer.kind = ir::BufferKind::derived;
  Fixture f(program);
  std::fill_n(f.work.get(), number_in(f.file.header, "M_WORK_BYTES"), std::byte{0xFF});
  REQUIRE(f.linked.call("m_prepare", f.work.get()) == ok);

  runtime::CompileOptions options;
  options.target = runtime::host_target();
  runtime::Session session(runtime::Executable::compile(f.program, options));
  std::vector<float> y(f.y.size());
  const void* inputs[] = {f.x.data()};
  void* outputs[] = {y.data()};
  for (int turn = 0; turn < 2; ++turn) {
    session.run({inputs, {}, outputs});
    REQUIRE(f.step() == ok);
    CHECK(same(f.y, y));
  }
  CHECK_THAT(f.file.header, Contains("extern const unsigned char m_initial_state"));  // nothing writes it
}

#if defined(__SSE2__)
TEST_CASE("exported steps leave the floating-point environment as it was", "[object_file]") {
  Fixture f;
  REQUIRE(f.linked.call("m_prepare", f.work.get()) == ok);
  REQUIRE(f.linked.call("m_init", f.state.get()) == ok);
  const unsigned usual = _mm_getcsr();
  REQUIRE(f.step() == ok);
  const std::vector<float> expected = f.y;
  REQUIRE(f.linked.call("m_init", f.state.get()) == ok);

  const unsigned unusual = (usual & ~0x3FU) | 0x4000U;  // rounds up; no flag is set
  _mm_setcsr(unusual);
  const int result = f.step();
  const unsigned after = _mm_getcsr();
  _mm_setcsr(usual);
  CHECK(result == ok);
  CHECK(after == unusual);
  CHECK(same(f.y, expected));
}
#endif

TEST_CASE("an object file needs memcpy and memset alone", "[object_file]") {
  const Fixture f;
  for (const std::string& symbol : runtime::undefined_symbols(f.file.object))
    CHECK((symbol == "memcpy" || symbol == "memset"));
}

TEST_CASE("object files for other processors are made here", "[object_file]") {
  const ir::Program program = update_program(rows, columns, 16);
  const StateImage image = image_of(program, numbers(static_cast<std::size_t>(rows * columns), 0.0F));
  for (const char* name : {"x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"}) {
    INFO(name);
    ObjectOptions options;
    options.targets = {runtime::object_target(name)};
    const ObjectFile file = make_object_file({{"step", {program}, {}, {}}}, image, options);
    CHECK(file.object.substr(1, 3) == "ELF");
    CHECK_THAT(file.header, Contains("int m_step(const m_step_args* args);"));
  }
}

TEST_CASE("exports say what does not fit", "[object_file]") {
  const ir::Program program = update_program(rows, columns, 16);
  const std::vector<ObjectStep> steps = {{"step", {program}, {}, {}}};
  const StateImage image = image_of(program, numbers(static_cast<std::size_t>(rows * columns), 0.0F));
  const auto with = [&](auto change) {
    ObjectOptions options = host_options();
    change(options);
    return message_of(steps, image, options);
  };
  CHECK(with([](auto& o) { o.prefix = "my-model"; }) ==
        "export: expected a prefix that C takes as a name, got 'my-model'; set `prefix`");
  CHECK(with([](auto& o) { o.threads = 0; }) == "export: threads must be between 1 and 1024, got 0");
  CHECK(with([](auto& o) { o.targets.clear(); }) == "export: name a target, for instance object_target(\"host\")");
  CHECK_THAT(
      with([](auto& o) { o.targets = {runtime::object_target("x86-64-v3"), runtime::object_target("aarch64")}; }),
      Contains("one object file is for one kind of processor"));
  CHECK_THAT(with([](auto& o) {
               o.targets = {runtime::object_target("x86-64-v3")};
               o.targets.front().features.emplace_back("+amx-tile");
             }),
             Contains("code cannot ask a processor for 'amx-tile'"));
  CHECK(message_of({{"prepare", {program}, {}, {}}}, image, host_options()) ==
        "export: the name 'prepare' is taken; name the step otherwise");
  CHECK(message_of({steps[0], steps[0]}, image, host_options()) ==
        "export: the name 'step' is taken; name the step otherwise");
  CHECK(message_of({}, image, host_options()) == "export: there is no step to export");
  CHECK_THAT(message_of(steps, StateImage{}, host_options()), Contains("export: step: the state blob has no"));
  CHECK_THROWS_WITH(runtime::object_target("x86-64-v5"),
                    Contains("unknown target 'x86-64-v5'; did you mean 'x86-64-v"));
}

}  // namespace sinter::test
