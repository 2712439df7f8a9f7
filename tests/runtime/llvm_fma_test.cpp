// fma without an instruction for it, against the C library's.

#include <bit>
#include <cmath>
#include <limits>

#include <llvm/AsmParser/Parser.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/SourceMgr.h>

#include <sinter/ir/fp_environment.h>
#include <sinter/runtime/executable.h>

#include "runtime/jit.h"
#include "runtime/llvm_fma.h"
#include "support/catch.h"
#include "support/random.h"

namespace sinter::test {

namespace {

constexpr const char* functions = R"(
  declare <4 x float> @llvm.fma.v4f32(<4 x float>, <4 x float>, <4 x float>)
  declare <2 x double> @llvm.fma.v2f64(<2 x double>, <2 x double>, <2 x double>)
  define void @singles(ptr %x, ptr %y, ptr %z, ptr %r) {
    %a = load <4 x float>, ptr %x, align 4
    %b = load <4 x float>, ptr %y, align 4
    %c = load <4 x float>, ptr %z, align 4
    %d = call <4 x float> @llvm.fma.v4f32(<4 x float> %a, <4 x float> %b, <4 x float> %c)
    store <4 x float> %d, ptr %r, align 4
    ret void
  }
  define void @doubles(ptr %x, ptr %y, ptr %z, ptr %r) {
    %a = load <2 x double>, ptr %x, align 4
    %b = load <2 x double>, ptr %y, align 4
    %c = load <2 x double>, ptr %z, align 4
    %d = call <2 x double> @llvm.fma.v2f64(<2 x double> %a, <2 x double> %b, <2 x double> %c)
    store <2 x double> %d, ptr %r, align 4
    ret void
  })";

/// The functions above, with the expansion or with the instruction.
std::unique_ptr<runtime::LinkedCode> compiled(bool expanded) {
  runtime::GeneratedModule generated;
  generated.context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic diagnostic;
  generated.module = llvm::parseAssemblyString(functions, diagnostic, *generated.context);
  REQUIRE(generated.module != nullptr);
  const ir::Target host = runtime::host_target();
  if (expanded) runtime::expand_fma(*generated.module);
  std::vector<runtime::GeneratedModule> modules;
  modules.push_back(std::move(generated));
  return compile_modules(std::move(modules), expanded ? runtime::restrict_target(host, "baseline") : host);
}

/// Any bits; often near each other's exponents, so that sums cancel, or at the ends of the range.
template <class T, class Bits>
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : random_(seed) {}

  T any() {
    static constexpr T ends[] = {T(0),
                                 -T(0),
                                 T(1),
                                 -T(1),
                                 std::numeric_limits<T>::infinity(),
                                 -std::numeric_limits<T>::infinity(),
                                 std::numeric_limits<T>::quiet_NaN(),
                                 std::numeric_limits<T>::min(),
                                 std::numeric_limits<T>::max(),
                                 std::numeric_limits<T>::denorm_min(),
                                 std::numeric_limits<T>::epsilon()};
    switch (random_.below(8)) {
      case 0: return ends[random_.below(std::size(ends))];
      case 1: return std::bit_cast<T>(static_cast<Bits>(random_.bits()));
      case 2: return static_cast<T>(std::ldexp(random_.uniform(1, 2), static_cast<int>(random_.below(40)) - 20));
      case 3: return std::bit_cast<T>(static_cast<Bits>(std::bit_cast<Bits>(T(1)) + random_.below(3) - 1));
      default: return static_cast<T>(random_.uniform(-2, 2));
    }
  }
  /// One that may cancel x * y.
  T third(T x, T y) {
    if (random_.below(3) == 0) return any();
    const T product = -x * y;
    const auto steps = static_cast<Bits>(random_.below(5));
    return random_.below(2) == 0
               ? std::bit_cast<T>(static_cast<Bits>(std::bit_cast<Bits>(product) + steps - 2))
               : product * static_cast<T>(std::ldexp(1.0, static_cast<int>(random_.below(240)) - 120));
  }

 private:
  Random random_;
};

template <class T, class Bits>
void compare(const char* function, int lanes) {
  using Function = void (*)(const T*, const T*, const T*, T*);
  const auto expanded = compiled(true), plain = compiled(false);
  const auto by_arithmetic = reinterpret_cast<Function>(expanded->address(function));
  const auto by_instruction = reinterpret_cast<Function>(plain->address(function));
  Numbers<T, Bits> numbers(1);
  int wrong = 0, nans = 0, zeros = 0;
  for (int k = 0; k < 300000; ++k) {
    T x[4], y[4], z[4], r[4], s[4];
    for (int lane = 0; lane < lanes; ++lane) {
      x[lane] = numbers.any();
      y[lane] = numbers.any();
      z[lane] = numbers.third(x[lane], y[lane]);
    }
    {
      const ir::FlushDenormals flush;
      by_arithmetic(x, y, z, r);
      by_instruction(x, y, z, s);
    }
    for (int lane = 0; lane < lanes; ++lane) {
      nans += std::isnan(s[lane]) ? 1 : 0;
      zeros += s[lane] == 0 ? 1 : 0;
      const bool same =
          std::isnan(s[lane]) ? std::isnan(r[lane]) : std::bit_cast<Bits>(r[lane]) == std::bit_cast<Bits>(s[lane]);
      if (same || ++wrong > 5) continue;
      UNSCOPED_INFO(std::hexfloat << x[lane] << " * " << y[lane] << " + " << z[lane] << ": " << r[lane] << ", expected "
                                  << s[lane]);
      CHECK(same);
    }
  }
  CHECK(wrong == 0);
  CHECK(nans > 1000);
  CHECK(zeros > 1000);
}

}  // namespace

TEST_CASE("fma of floats without an instruction has its bits", "[fma]") { compare<float, std::uint32_t>("singles", 4); }

TEST_CASE("fma of doubles without an instruction has its bits", "[fma]") {
  compare<double, std::uint64_t>("doubles", 2);
}

}  // namespace sinter::test
