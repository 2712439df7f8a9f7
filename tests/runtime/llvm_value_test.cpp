// Compiled arithmetic equals the interpreter's, bit for bit: every operation of scalar_value.h and every function of
// math.h, for each dtype, as scalars and in vectors, on the machine's full instruction set and on poorer ones.

#include <algorithm>

#include <sinter/ir/error.h>
#include <sinter/ir/fp_environment.h>
#include <sinter/ir/math.h>
#include <sinter/runtime/executable.h>

#include "element_functions.h"
#include "support/catch.h"

namespace sinter::test {

namespace {

namespace math = ir::math;

using List = std::vector<ElementFunction>;

void add_arithmetic(List& list, DType t) {
  list.push_back(element_function("add", {t, t}, t, [](auto x) { return x[0] + x[1]; }));
  list.push_back(element_function("sub", {t, t}, t, [](auto x) { return x[0] - x[1]; }));
  list.push_back(element_function("mul", {t, t}, t, [](auto x) { return x[0] * x[1]; }));
  list.push_back(element_function("div", {t, t}, t, [](auto x) { return x[0] / x[1]; }));
  list.push_back(element_function("neg", {t}, t, [](auto x) { return -x[0]; }));
  list.push_back(element_function("abs", {t}, t, [](auto x) { return abs(x[0]); }));
  list.push_back(element_function("floor", {t}, t, [](auto x) { return floor(x[0]); }));
  list.push_back(element_function("round_even", {t}, t, [](auto x) { return round_even(x[0]); }));
  list.push_back(element_function("fma", {t, t, t}, t, [](auto x) { return fma(x[0], x[1], x[2]); }));
  list.push_back(element_function("copy", {t}, t, [](auto x) { return x[0]; }));
  if (ir::is_float(t)) list.push_back(element_function("sqrt", {t}, t, [](auto x) { return sqrt(x[0]); }));
}

/// Choices with and without results of arithmetic, from which alone no denormal comes.
void add_clamps(List& list, DType t) {
  for (const double c : {0.0, 1.0}) {
    const auto named = [&](const char* what) { return std::string(what) + " " + std::to_string(c); };
    list.push_back(element_function(named("at most"), {t}, t, [c](auto x) {
      const auto limit = ir::like(x[0], c);
      return select(gt(x[0], limit), limit, x[0]);
    }));
    list.push_back(element_function(named("sum at most"), {t, t}, t, [c](auto x) {
      const auto limit = ir::like(x[0], c), sum = x[0] + x[1];
      return select(gt(sum, limit), limit, sum);
    }));
    list.push_back(element_function(named("magnitude of a product at most"), {t, t}, t, [c](auto x) {
      const auto limit = ir::like(x[0], c), product = abs(x[0] * x[1]);
      return select(gt(product, limit), limit, product);
    }));
    list.push_back(element_function(named("product or 0, above"), {t, t}, t, [c](auto x) {
      return select(gt(x[0], ir::like(x[0], c)), x[0] * x[1], ir::like(x[0], 0));
    }));
    list.push_back(element_function(named("x or a sum, up to"), {t, t}, t,
                                    [c](auto x) { return select(le(x[0], ir::like(x[0], c)), x[0], x[0] + x[1]); }));
    list.push_back(element_function(named("a sum or x, where the sum is up to"), {t, t}, t, [c](auto x) {
      const auto sum = x[0] + x[1];
      return select(le(sum, ir::like(x[0], c)), x[0], sum);
    }));
  }
}

void add_choices(List& list, DType t) {
  const DType b = DType::i1;
  list.push_back(element_function("lt", {t, t}, b, [](auto x) { return lt(x[0], x[1]); }));
  list.push_back(element_function("le", {t, t}, b, [](auto x) { return le(x[0], x[1]); }));
  list.push_back(element_function("gt", {t, t}, b, [](auto x) { return gt(x[0], x[1]); }));
  list.push_back(element_function("ge", {t, t}, b, [](auto x) { return ge(x[0], x[1]); }));
  list.push_back(element_function("eq", {t, t}, b, [](auto x) { return eq(x[0], x[1]); }));
  list.push_back(element_function("ne", {t, t}, b, [](auto x) { return ne(x[0], x[1]); }));
  list.push_back(element_function("select", {b, t, t}, t, [](auto x) { return select(x[0], x[1], x[2]); }));
  list.push_back(element_function("max", {t, t}, t, [](auto x) { return ir::max_propagating(x[0], x[1]); }));
  list.push_back(element_function("min", {t, t}, t, [](auto x) { return ir::min_propagating(x[0], x[1]); }));
  // The patterns that processors have instructions for, whose treatment of zeros and denormals is their own.
  list.push_back(element_function("plain max", {t, t}, t, [](auto x) { return select(gt(x[0], x[1]), x[0], x[1]); }));
  list.push_back(element_function("plain min", {t, t}, t, [](auto x) { return select(lt(x[0], x[1]), x[0], x[1]); }));
  list.push_back(element_function("relu", {t}, t, [](auto x) {
    const auto zero = ir::like(x[0], 0);
    return select(gt(x[0], zero), x[0], zero);
  }));
  add_clamps(list, t);
}

void add_bits(List& list, DType t) {
  list.push_back(element_function("bit_and", {t, t}, t, [](auto x) { return bit_and(x[0], x[1]); }));
  list.push_back(element_function("bit_or", {t, t}, t, [](auto x) { return bit_or(x[0], x[1]); }));
  list.push_back(element_function("bit_xor", {t, t}, t, [](auto x) { return bit_xor(x[0], x[1]); }));
  list.push_back(element_function("bit_not", {t}, t, [](auto x) { return bit_not(x[0]); }));
  list.push_back(element_function("shl", {t, t}, t, [](auto x) { return shl(x[0], x[1]); }));
  list.push_back(element_function("shr", {t, t}, t, [](auto x) { return shr(x[0], x[1]); }));
  if (t == DType::u32) {
    list.push_back(element_function("mul_high", {t, t}, t, [](auto x) { return mul_high(x[0], x[1]); }));
  }
}

void add_conversions(List& list, DType t) {
  for (const DType to : ir::all_dtypes) {
    const std::string name(to_string(to));
    list.push_back(element_function("convert to " + name, {t}, to, [to](auto x) { return convert(x[0], to); }));
    list.push_back(element_function("convert to " + name + " and back", {t}, t,
                                    [to, t](auto x) { return convert(convert(x[0], to), t); }));
    if (ir::size_of(to) == ir::size_of(t)) {
      list.push_back(element_function("bitcast to " + name, {t}, to, [to](auto x) { return bitcast(x[0], to); }));
    }
  }
}

/// Constants that make an operation look like one that can be left out.
void add_identities(List& list, DType t) {
  for (const double c : {0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 0.1}) {
    const auto named = [&](const char* op) { return std::string(op) + " " + std::to_string(c); };
    list.push_back(element_function(named("x +"), {t}, t, [c](auto x) { return x[0] + ir::like(x[0], c); }));
    list.push_back(element_function(named("|x| +"), {t}, t, [c](auto x) { return abs(x[0]) + ir::like(x[0], c); }));
    list.push_back(element_function(named("x -"), {t}, t, [c](auto x) { return x[0] - ir::like(x[0], c); }));
    list.push_back(element_function(named("- x +"), {t}, t, [c](auto x) { return ir::like(x[0], c) - x[0]; }));
    list.push_back(element_function(named("x *"), {t}, t, [c](auto x) { return ir::like(x[0], c) * x[0]; }));
    list.push_back(element_function(named("x /"), {t}, t, [c](auto x) { return x[0] / ir::like(x[0], c); }));
    list.push_back(
        element_function(named("fma(x, x, c)"), {t}, t, [c](auto x) { return fma(x[0], x[0], ir::like(x[0], c)); }));
    list.push_back(
        element_function(named("fma(x, c, y)"), {t, t}, t, [c](auto x) { return fma(x[0], ir::like(x[0], c), x[1]); }));
    list.push_back(element_function(named("fma(c, x, c)"), {t}, t,
                                    [c](auto x) { return fma(ir::like(x[0], c), x[0], ir::like(x[0], c)); }));
  }
  list.push_back(element_function("of constants alone", {t}, t, [](auto x) {
    return x[0] + (ir::like(x[0], 1e-20) * ir::like(x[0], 1e-20) + sqrt(ir::like(x[0], 0.1)) / ir::like(x[0], 3));
  }));
}

List operations(DType t) {
  List list;
  add_arithmetic(list, t);
  add_choices(list, t);
  if (ir::is_integer(t)) add_bits(list, t);
  add_conversions(list, t);
  if (ir::is_float(t) && t != DType::f16) add_identities(list, t);  // f16 holds no f32 denormals
  return list;
}

List math_functions(DType t) {
  return {
      element_function("exp", {t}, t, [](auto x) { return math::exp(x[0]); }),
      element_function("expm1", {t}, t, [](auto x) { return math::expm1(x[0]); }),
      element_function("tanh", {t}, t, [](auto x) { return math::tanh(x[0]); }),
      element_function("logistic", {t}, t, [](auto x) { return math::logistic(x[0]); }),
      element_function("log", {t}, t, [](auto x) { return math::log(x[0]); }),
      element_function("softplus", {t}, t, [](auto x) { return math::softplus(x[0]); }),
      element_function("erf", {t}, t, [](auto x) { return math::erf(x[0]); }),
      element_function("sin", {t}, t, [](auto x) { return math::sin(x[0]); }),
      element_function("cos", {t}, t, [](auto x) { return math::cos(x[0]); }),
      element_function("rsqrt", {t}, t, [](auto x) { return math::rsqrt(x[0]); }),
      element_function("pow", {t, t}, t, [](auto x) { return math::pow(x[0], x[1]); }),
  };
}

std::vector<Bytes> random_inputs(const ElementFunction& function, std::size_t count, std::uint64_t seed) {
  std::vector<Bytes> inputs;
  for (const DType dtype : function.inputs) inputs.push_back(random_elements(dtype, count, seed++));
  return inputs;
}

std::string describe(const ElementFunction& f, const std::vector<Bytes>& inputs, std::size_t i) {
  std::string text = f.name + " of";
  for (std::size_t k = 0; k < inputs.size(); ++k) text += " " + show_element(f.inputs[k], inputs[k], i);
  return text;
}

/// With `uniform_last`, the last operand's array repeats its first element.
void make_uniform(Bytes& bytes, DType dtype) {
  const auto w = static_cast<std::size_t>(ir::size_of(dtype));
  for (std::size_t i = w; i < bytes.size(); ++i) bytes[i] = bytes[i % w];
}

/// A function with inputs and what Num makes of them.
struct Expectation {
  std::vector<Bytes> inputs;
  Bytes outputs;
};

std::vector<Expectation> expectations(const List& list, std::size_t count, bool uniform_last = false) {
  const ir::FlushDenormals flush;
  std::vector<Expectation> all;
  for (std::size_t k = 0; k < list.size(); ++k) {
    std::vector<Bytes> inputs = random_inputs(list[k], count, 100 * k);
    if (uniform_last) make_uniform(inputs.back(), list[k].inputs.back());
    Bytes outputs = evaluate(list[k], inputs, count);
    all.push_back({std::move(inputs), std::move(outputs)});
  }
  return all;
}

void compare(const CompiledFunctions& compiled, const std::vector<Expectation>& expected, std::size_t count) {
  const ir::FlushDenormals flush;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const ElementFunction& f = compiled.functions()[k];
    const Expectation& e = expected[k];
    const Bytes got = compiled.run(k, e.inputs, count);
    const std::ptrdiff_t at = first_difference(f.output, e.outputs, got);
    const auto i = static_cast<std::size_t>(std::max<std::ptrdiff_t>(at, 0));
    INFO(describe(f, e.inputs, i) << ": expected " << show_element(f.output, e.outputs, i) << ", got "
                                  << show_element(f.output, got, i));
    CHECK(at == -1);
  }
}

void compare(const List& list, int lanes, const ir::Target& target, std::size_t count, bool uniform_last = false) {
  compare(CompiledFunctions(list, lanes, target, uniform_last), expectations(list, count, uniform_last), count);
}

void compare_everywhere(const List& list, std::size_t count) {
  const ir::Target full = runtime::host_target();
  const ir::Target avx2 = runtime::restrict_target(full, "avx2");
  const std::vector<Expectation> expected = expectations(list, count);
  for (const int lanes : {1, 8, 16}) {
    CAPTURE(lanes);
    compare(CompiledFunctions(list, lanes, full), expected, count);
    if (avx2.features == full.features) continue;
    INFO("restricted to AVX2");
    compare(CompiledFunctions(list, lanes, avx2), expected, count);
  }
}

}  // namespace

TEST_CASE("compiled operations equal Num", "[llvm_value]") {
  const DType dtype = GENERATE(from_range(std::begin(ir::all_dtypes), std::end(ir::all_dtypes)));
  CAPTURE(to_string(dtype));
  compare_everywhere(operations(dtype), 1003);
}

TEST_CASE("compiled transcendental functions equal Num", "[llvm_value]") {
  const DType dtype = GENERATE(DType::f32, DType::f64, DType::bf16, DType::f16);
  CAPTURE(to_string(dtype));
  compare_everywhere(math_functions(dtype), 20003);
}

TEST_CASE("compiled operations equal Num where there is no vector extension", "[llvm_value]") {
  const DType dtype = GENERATE(DType::f32, DType::f16, DType::i32);
  CAPTURE(to_string(dtype));
  const ir::Target baseline = runtime::restrict_target(runtime::host_target(), "baseline");
  compare(operations(dtype), 4, baseline, 503);
}

TEST_CASE("uniform and varying operands mix", "[llvm_value]") {
  const DType dtype = GENERATE(DType::f32, DType::f16, DType::i64, DType::i1);
  CAPTURE(to_string(dtype));
  compare(operations(dtype), 8, runtime::host_target(), 203, true);
}

TEST_CASE("operands of different dtypes are refused", "[llvm_value]") {
  List list;
  list.push_back(element_function("add", {DType::f32, DType::i32}, DType::f32, [](auto x) { return x[0] + x[1]; }));
  CHECK_THROWS_AS(CompiledFunctions(list, 8, runtime::host_target()), InternalError);
  list[0] = element_function("and", {DType::f32, DType::f32}, DType::f32, [](auto x) { return bit_and(x[0], x[1]); });
  CHECK_THROWS_AS(CompiledFunctions(list, 8, runtime::host_target()), InternalError);
}

}  // namespace sinter::test
