// Compiled calls of users' functions: addresses, teams, loops, exported objects, and what is refused.

#include <sinter/ir/error.h>
#include <sinter/ir/extern.h>
#include <sinter/ir/memory.h>
#include <sinter/ir/text.h>
#include <sinter/ir/verify.h>
#include <sinter/runtime/executable.h>
#include <sinter/runtime/object_file.h>

#include <algorithm>
#include <cstring>

#include "programs.h"
#include "runtime/jit.h"
#include "support/catch.h"
#include "support/test_externs.h"

namespace sinter::test {

namespace {

using Catch::Matchers::Contains;
using runtime::Executable;

/// y = sqrt(|twice(x) * x|) in two shared kernels around the call of one thread, three times over.
constexpr const char* text = R"(program @p {
  arena 1088 bytes, lower bound 1088 bytes
  %b0 = input "x" : f32[8,16]
  %b1 = state "s" : f32[8,16]
  %b2 = arena offset 0 : f32[8,16]
  %b3 = arena offset 512 : f32[8,16]
  %b4 = arena offset 1024 : i32[]
  %b5 = output "y" : f32[8,16]
  for 3 {
    kernel "sum" (%b0, %b1) -> (%b2) {form = pointwise, lanes = 4, parallel = true} {
      %0 = input "p0" : f32[8,16]
      %1 = input "p1" : f32[8,16]
      %2 = add %0, %1 : f32[8,16]
      return %2 "r0"
    }
    barrier
    kernel "layer: extern test_product_f32" (%b2, %b0) -> (%b3, %b4) {form = extern} {
      %0 = input "p0" : f32[8,16]
      %1 = input "p1" : f32[8,16]
      %2 = extern %0, %1 {symbol = "test_product_f32"} : (f32[8,16], i32[]) at "layer"
      return %2.0 "r0", %2.1 "r1"
    }
    barrier
    kernel "root" (%b3) -> (%b1) {form = pointwise, lanes = 4, parallel = true} {
      %0 = input "p0" : f32[8,16]
      %1 = abs %0 : f32[8,16]
      %2 = sqrt %1 : f32[8,16]
      return %2 "r0"
    }
    barrier
  }
  kernel "copy" (%b1) -> (%b5) {form = pointwise, lanes = 4} {
    %0 = input "p0" : f32[8,16]
    return %0 "r0"
  }
})";

ir::Program program() { return ir::bind_externs(ir::parse_program(text), test_externs()); }

runtime::CompileOptions options_for(bool checked = false) {
  runtime::CompileOptions options;
  options.target = runtime::host_target();
  options.checked = checked;
  return options;
}

std::string compiling(const ir::Program& p) {
  try {
    (void)Executable::compile(p, options_for());
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

void does_nothing(const void* const*, void* const*, const sinter_shape*) {}

/// The program as an object file with these functions.
runtime::ObjectFile exported(bool linkable, const std::string& prefix = "m", const std::string& name = "") {
  ir::Program p = ir::parse_program(text);
  std::vector<ir::ExternPointer> functions;
  for (const ir::ExternPointer& function : test_externs()) {
    ir::ExternFunction changed = *function;
    changed.linkable = linkable;
    functions.push_back(std::make_shared<const ir::ExternFunction>(changed));
  }
  if (!name.empty()) {
    std::string renamed = text;
    for (std::size_t at = renamed.find("test_product_f32"); at != std::string::npos;
         at = renamed.find("test_product_f32", at + 1))
      renamed.replace(at, std::strlen("test_product_f32"), name);
    p = ir::parse_program(renamed);
    ir::ExternFunction changed = *test_externs()[1];
    changed.name = name;
    changed.linkable = linkable;
    functions = {std::make_shared<const ir::ExternFunction>(changed)};
  }
  p = ir::bind_externs(p, functions);
  runtime::StateImage image;
  image.bytes = std::string(64 + 512, '\0');
  image.header_bytes = 64;
  image.states = {{"s", {ir::DType::f32, {8, 16}}, 64}};
  runtime::ObjectOptions options;
  options.prefix = prefix;
  options.targets = {runtime::object_target("host")};
  return make_object_file({{"step", {p}, {}, {}}}, image, options);
}

std::string exporting(bool linkable, const std::string& prefix = "m", const std::string& name = "") {
  try {
    (void)exported(linkable, prefix, name);
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

std::int64_t number_in(const std::string& header, const std::string& macro) {
  const std::size_t at = header.find("#define " + macro + " ");
  REQUIRE(at != std::string::npos);
  return std::stoll(header.substr(at + macro.size() + 9));
}

}  // namespace

TEST_CASE("one thread calls a user's function, the others wait", "[extern]") {
  const int threads = GENERATE(1, 2, 3, 7);
  const bool checked = GENERATE(false, true);
  CAPTURE(threads, checked);
  const ir::Program p = program();
  REQUIRE(ir::violations(p).empty());
  runtime::Session session(Executable::compile(p, options_for(checked)), threads);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Tensors tensors(p, seed);
    const std::vector<float> expected = tensors.interpreted(p);
    session.run(tensors.bindings());
    CHECK(same(tensors.results(), expected));
  }
}

TEST_CASE("a program with a user's function prints and reads back", "[extern]") {
  const ir::Program p = program();
  CHECK(ir::parse_program(ir::print(p)) == p);
  CHECK_THAT(ir::print(p), Contains("(%b2, %b0) -> (%b3, %b4) {form = extern} {"));
}

TEST_CASE("programs whose functions are missing are looked at, but not compiled", "[extern]") {
  const ir::Program unbound = ir::parse_program(text);
  CHECK_THAT(Executable::llvm_ir(unbound, options_for()), Contains("call void @extern.test_product_f32(ptr"));
  CHECK_THAT(compiling(unbound), Contains("layer: extern 'test_product_f32': no function of that name is registered"));
  CHECK(compiling(program()) == "no error");
  ir::Program two = program();
  ir::ExternFunction other = *test_externs()[1];
  other.address = &does_nothing;
  const std::vector<ir::ExternPointer> others = {std::make_shared<const ir::ExternFunction>(other)};
  two.items.push_back(ir::bind_externs(unbound, others).items.front());
  CHECK_THAT(compiling(two), Contains("is another function than layer: extern 'test_product_f32'; give each a name"));
}

TEST_CASE("an exported step calls the function by its name", "[extern][object_file]") {
  const runtime::ObjectFile file = exported(true);
  const std::vector<std::string> undefined = runtime::undefined_symbols(file.object);
  CHECK(std::ranges::count(undefined, "test_product_f32") == 1);
  for (const std::string& symbol : undefined)
    CHECK((symbol == "test_product_f32" || symbol == "memcpy" || symbol == "memset"));
  CHECK_THAT(file.header,
             Contains("void test_product_f32(const void* const* inputs, void* const* outputs, const sinter_shape* "
                      "shapes);") &&
                 Contains("/* layer: (f32[8,16], f32[8,16]) -> (f32[8,16], i32[]) */") &&
                 Contains("typedef struct sinter_shape {"));

  const auto selftest = [&](sinter_extern_function function) {
    const auto memory = ir::allocate_zeros(number_in(file.header, "M_SELFTEST_BYTES"));  // nothing left over in it
    const runtime::LinkedCode code({file.object}, {{"test_product_f32", function}});
    return reinterpret_cast<int (*)(void*)>(code.address("m_selftest"))(memory.get());
  };
  CHECK(selftest(test_externs()[1]->address) == 0);
  CHECK(selftest(&does_nothing) == 5);  // another function gives other numbers
}

TEST_CASE("an exported step has the function's name to itself", "[extern][object_file]") {
  // Names of functions inside the object file make room.
  for (const char* name : {"choose_target", "digest", "m", "step_step_0", "k0_sum"}) {
    const runtime::ObjectFile file = exported(true, "m", name);
    CHECK(std::ranges::count(runtime::undefined_symbols(file.object), name) == 1);
    const auto memory = ir::allocate_zeros(number_in(file.header, "M_SELFTEST_BYTES"));
    const runtime::LinkedCode code({file.object}, {{name, test_externs()[1]->address}});
    CHECK(reinterpret_cast<int (*)(void*)>(code.address("m_selftest"))(memory.get()) == 0);
  }
}

TEST_CASE("functions that an object file cannot call are refused by name", "[extern][object_file]") {
  CHECK(
      exporting(false) ==
      "export: layer: extern 'test_product_f32': it is not linkable; exported steps call it by its name, so make it a "
      "C function (extern \"C\") of that very name and register it with `linkable`");
  CHECK_THAT(exporting(true, "test"), Contains("its name begins with the prefix of the export, 'test_'"));
  CHECK_THAT(exporting(true, "m", "memset"), Contains("a function in the C library"));
  CHECK_THAT(exporting(true, "m", "while"), Contains("a word of C or C++"));
  const ir::Program unbound = ir::parse_program(text);
  runtime::ObjectOptions options;
  options.targets = {runtime::object_target("host")};
  runtime::StateImage image;
  image.bytes = std::string(64 + 512, '\0');
  image.states = {{"s", {ir::DType::f32, {8, 16}}, 64}};
  CHECK_THROWS_WITH(make_object_file({{"step", {unbound}, {}, {}}}, image, options),
                    Contains("layer: extern 'test_product_f32': no function of that name is registered"));
}

}  // namespace sinter::test
