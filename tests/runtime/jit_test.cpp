// From LLVM IR to code that runs, and how failures on that way are told.

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

#include <llvm/AsmParser/Parser.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/SourceMgr.h>

#include <sinter/ir/error.h>
#include <sinter/ir/fp_environment.h>
#include <sinter/runtime/executable.h>

#include "element_functions.h"
#include "programs.h"
#include "runtime/bounds_check.h"
#include "runtime/checked.h"
#include "runtime/constant_offsets.h"
#include "runtime/jit.h"
#include "support/catch.h"

namespace sinter::test {

namespace {

using Catch::Matchers::Contains;

runtime::GeneratedModule parsed(const char* text) {
  runtime::GeneratedModule generated;
  generated.context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic diagnostic;
  generated.module = llvm::parseAssemblyString(text, diagnostic, *generated.context);
  REQUIRE(generated.module != nullptr);
  return generated;
}

std::unique_ptr<runtime::LinkedCode> compiled(const std::vector<const char*>& texts) {
  std::vector<runtime::GeneratedModule> modules;
  for (const char* text : texts) modules.push_back(parsed(text));
  return compile_modules(std::move(modules), runtime::host_target());
}

/// Memory that LLVM's library takes by pages that cannot be written, in KiB; negative where the system does not say.
long llvm_kilobytes() {
  std::ifstream maps("/proc/self/smaps");
  long sum = -1;
  bool counts = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') < line.find(' ') &&
        line.find(':') > line.find(' '))  // "7f..-7f.. r-xp 0000 08:01 12 /usr/lib/..."
      counts = line.find("/libLLVM") != std::string::npos && line[line.find(' ') + 2] != 'w';
    else if (counts && line.starts_with("Rss:"))
      sum = std::max(sum, 0L) + std::strtol(line.c_str() + 4, nullptr, 10);
  }
  return sum;
}

constexpr const char* scale_by_two = R"(
  define void @scale(ptr %x) {
    %v = load <16 x float>, ptr %x, align 4
    %w = fmul <16 x float> %v, splat (float 2.0)
    store <16 x float> %w, ptr %x, align 4
    ret void
  })";

}  // namespace

TEST_CASE("a module is compiled, linked and runs", "[jit]") {
  const auto code = compiled({scale_by_two});
  auto* scale = reinterpret_cast<void (*)(float*)>(code->address("scale"));
  float x[16] = {1, -3};
  scale(x);
  CHECK(x[0] == 2);
  CHECK(x[1] == -6);
}

TEST_CASE("constants stand last in addresses", "[jit]") {
  // Two rows of a tile, two terms of a loop: x[(i + 1) * 64 + (3 - (k - 2)) * 4 + j] and the like.
  constexpr const char* text = R"(
    define i64 @address(ptr %x, i64 %i, i64 %k, i64 %j) {
      %row = add nsw i64 %i, 1
      %a = mul nsw i64 %row, 64
      %term = sub nsw i64 %k, 2
      %rest = sub nsw i64 3, %term
      %b = mul nsw i64 4, %rest
      %c = add nsw i64 %a, %b
      %d = add nsw i64 %c, %j
      %p = getelementptr float, ptr %x, i64 %d
      %n = ptrtoint ptr %p to i64
      ret i64 %n
    }
    define i64 @plain(ptr %x, i64 %i, i64 %j) {
      %product = mul nsw i64 %i, %j
      %p = getelementptr float, ptr %x, i64 %product
      %n = ptrtoint ptr %p to i64
      ret i64 %n
    })";
  runtime::GeneratedModule module = parsed(text);
  runtime::separate_constant_offsets(*module.module);
  CHECK_THAT(runtime::print_ir(module), Contains(", i64 84\n"));  // 1 * 64 + (3 + 2) * 4
  std::vector<runtime::GeneratedModule> modules;
  modules.push_back(std::move(module));
  const auto code = compile_modules(std::move(modules), runtime::host_target());
  auto* address =
      reinterpret_cast<std::int64_t (*)(float*, std::int64_t, std::int64_t, std::int64_t)>(code->address("address"));
  CHECK(address(nullptr, 7, 9, 11) == ((7 + 1) * 64 + (3 - (9 - 2)) * 4 + 11) * 4);
  auto* plain = reinterpret_cast<std::int64_t (*)(float*, std::int64_t, std::int64_t)>(code->address("plain"));
  CHECK(plain(nullptr, 7, 9) == 7 * 9 * 4);
}

TEST_CASE("modules call each other", "[jit]") {
  const auto code =
      compiled({"declare i32 @seven() define i32 @eight() { %a = call i32 @seven() %b = add i32 %a, 1 ret i32 %b }",
                "define i32 @seven() { ret i32 7 }"});
  CHECK(reinterpret_cast<int (*)()>(code->address("eight"))() == 8);
}

TEST_CASE("code lives as long as its owner, apart from other code", "[jit]") {
  auto first = compiled({"define i32 @f() { ret i32 1 }"});
  const auto second = compiled({"define i32 @f() { ret i32 2 }"});
  CHECK(reinterpret_cast<int (*)()>(first->address("f"))() == 1);
  first.reset();
  CHECK(reinterpret_cast<int (*)()>(second->address("f"))() == 2);
}

TEST_CASE("the compiler's pages go back to the system behind it", "[jit]") {
  const ir::Program program = repeated_program(3, 2);
  const auto compile = [&] {
    runtime::CompileOptions options;
    options.target = runtime::host_target();
    return runtime::Executable::compile(program, options);
  };
  {
    const auto code = compiled({scale_by_two});  // links, and gives nothing back
    if (llvm_kilobytes() < 0) return;            // LLVM is a part of the program
    CHECK(llvm_kilobytes() > 8192);
  }
  for (int turn = 0; turn < 2; ++turn) {
    const auto executable = compile();
    CHECK(llvm_kilobytes() < 4096);
  }
}

TEST_CASE("what LLVM refuses becomes an InternalError", "[jit]") {
  setenv("SINTER_VERIFY_LLVM", "1", 1);
  const auto code = compiled({scale_by_two});
  CHECK_THROWS_AS(code->address("nothing"), InternalError);
  const auto unresolved = compiled({"declare void @missing() define void @f() { call void @missing() ret void }"});
  CHECK_THROWS_WITH(unresolved->address("f"), Contains("missing"));

  runtime::GeneratedModule invalid = parsed("define i32 @f() { ret i32 0 }");
  invalid.module->getFunction("f")->begin()->getTerminator()->eraseFromParent();
  CHECK_THROWS_WITH(optimize(invalid, runtime::host_target()), Contains("invalid LLVM IR"));

  ir::Target unknown = runtime::host_target();
  unknown.triple = "quux-unknown-unknown";
  CHECK_THROWS_AS(optimize(invalid, unknown), InternalError);
}

TEST_CASE("the feature list decides the instructions", "[jit]") {
  const ir::Target host = runtime::host_target();
  const auto assembly = [](const ir::Target& target) {
    runtime::GeneratedModule generated = parsed(scale_by_two);
    optimize(generated, target);
    return emit_assembly(std::move(generated), target);
  };
  CHECK((host.vector_bits == 128 || host.vector_bits == 256 || host.vector_bits == 512));
  if (host.vector_bits == 512) CHECK_THAT(assembly(host), Contains("zmm"));
  const ir::Target avx2 = runtime::restrict_target(host, "avx2");
  CHECK(avx2.vector_bits <= 256);
  CHECK_FALSE(avx2.has("avx512f"));
  CHECK_FALSE(avx2.masked_memory);
  CHECK_THAT(assembly(avx2), !Contains("zmm"));
  const ir::Target baseline = runtime::restrict_target(host, "baseline");
  CHECK(baseline.vector_bits == 128);
  CHECK_THAT(assembly(baseline), !Contains("ymm"));
  CHECK_THROWS_AS(runtime::restrict_target(host, "avx1024"), UserError);
}

TEST_CASE("the host's target is plausible", "[jit]") {
  const ir::Target host = runtime::host_target();
  CHECK_FALSE(host.triple.empty());
  CHECK(std::is_sorted(host.features.begin(), host.features.end()));
  CHECK(host.l1_bytes >= std::int64_t{8} * 1024);
  CHECK(host.l2_bytes >= host.l1_bytes);
  CHECK(host.l1_ways >= 1);
  CHECK(host.cache_line >= 16);
  CHECK(host.vector_registers >= 16);
}

TEST_CASE("an access out of bounds is reported and left out", "[checked]") {
  // out[i + 3] = in[i + 3] for i < 8, where both have 8 elements by declaration and 16 in truth.
  runtime::GeneratedModule generated;
  generated.context = std::make_unique<llvm::LLVMContext>();
  generated.module = std::make_unique<llvm::Module>("checked", *generated.context);
  llvm::IRBuilder<> b(*generated.context);
  const int lanes = GENERATE(1, 8);
  auto* type = llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy(), b.getPtrTy(), b.getInt64Ty()}, false);
  auto* f = llvm::Function::Create(type, llvm::Function::ExternalLinkage, "copy", *generated.module);
  b.SetInsertPoint(llvm::BasicBlock::Create(*generated.context, "entry", f));
  const runtime::EmitContext context{b, lanes};
  llvm::Value* index = context.lane_indices(f->getArg(2));
  llvm::Value* mask = emit_bounds_check(context, "copier", 1, index, nullptr, 8);
  const LlvmValue x = load_vector(context, DType::f32, context.address(DType::f32, f->getArg(0), f->getArg(2)), mask);
  store_vector(x, context.address(DType::f32, f->getArg(1), f->getArg(2)), mask);
  b.CreateRetVoid();
  std::vector<runtime::GeneratedModule> modules;
  modules.push_back(std::move(generated));
  const auto code = compile_modules(std::move(modules), runtime::host_target());
  auto* copy = reinterpret_cast<void (*)(const float*, float*, std::int64_t)>(code->address("copy"));

  std::vector<float> in(16, 5.0F);
  std::vector<float> out(16, 0.0F);
  {
    runtime::CheckedRun run;
    copy(in.data(), out.data(), 0);
    CHECK_NOTHROW(run.finish());
  }
  runtime::CheckedRun run;
  const std::int64_t start = lanes == 1 ? 8 : 3;
  copy(in.data(), out.data(), start);
  CHECK_THROWS_WITH(run.finish(), Contains("kernel copier: operand 1 accessed at element 8 of 8"));
  for (std::size_t k = 8; k < 16; ++k) CHECK(out[k] == 0.0F);
}

}  // namespace sinter::test
