#include "element_functions.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include "support/random.h"

namespace sinter::test {

namespace {

std::vector<double> special_values(DType dtype) {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> values = {0.0,          -0.0,
                                1.0,          -1.0,
                                0.5,          -0.5,
                                1.5,          2.5,
                                -2.5,         3.0,
                                127.0,        255.0,
                                255.5,        256.0,
                                -0.9,         2147483647.0,
                                -0x1p31,      0x1p31,
                                0x1p32,       0x1p63,
                                -0x1p63,      inf,
                                -inf,         nan,
                                0x1p-126,     0x1.fffffep-127,
                                -0x1p-140,    0x1p-1022,
                                0x1p-1040,    65504.0,
                                65520.0,      65519.0,
                                0x1p-14,      0x1p-24,
                                0x1p-25,      0x1.8p-25,
                                -0x1.ffcp-15, 8388607.5};
  if (dtype == DType::f64) values.insert(values.end(), {0x1.fffffffffffffp+1023, 0x1p-149, 4503599627370495.5});
  return values;
}

/// Ordinary magnitudes, where most arithmetic happens.
double ordinary(Random& random) {
  return random.uniform(-1, 1) * std::ldexp(1.0, static_cast<int>(random.between(-4, 8)));
}

void put_float(DType dtype, double value, std::byte* into) {
  if (dtype == DType::f64) std::memcpy(into, &value, 8);
  const auto narrow = static_cast<float>(value);
  if (dtype == DType::f32) std::memcpy(into, &narrow, 4);
  if (ir::is_half(dtype)) Num::from_double(dtype, value).store(into);
}

std::int64_t random_integer(Random& random) {
  static const std::vector<std::int64_t> special = {
      0, 1, 2, 7, 8, 31, 32, 63, 64, -1, -2, 127, 255, 2147483647, -2147483648, 4294967295, INT64_MAX, INT64_MIN};
  switch (random.below(3)) {
    case 0: return random.pick(special);
    case 1: return random.between(-100, 100);
    default: return static_cast<std::int64_t>(random.bits());
  }
}

void put_random_bits(DType dtype, Random& random, std::byte* into) {
  const std::uint64_t bits = dtype == DType::i1 ? random.bits() & 1 : random.bits();
  std::memcpy(into, &bits, static_cast<std::size_t>(ir::size_of(dtype)));
}

void put_random(DType dtype, Random& random, std::byte* into) {
  if (dtype == DType::i1) return put_random_bits(dtype, random, into);
  if (ir::is_integer(dtype)) return Num::from_integer(dtype, random_integer(random)).store(into);
  switch (random.below(3)) {
    case 0: return put_float(dtype, random.pick(special_values(dtype)), into);
    case 1: return put_float(dtype, ordinary(random), into);
    default: return put_random_bits(dtype, random, into);
  }
}

bool is_nan_element(DType dtype, const std::byte* element) {
  return ir::is_float(dtype) && std::isnan(Num::load(dtype, element).as_double());
}

std::size_t width(DType dtype) { return static_cast<std::size_t>(ir::size_of(dtype)); }

/// for (i = 0; i < n; i += lanes) out[i ...] = op(in[i ...] ...), lanes beyond n masked.
void emit_loop(llvm::Module& module, const ElementFunction& function, const std::string& symbol, int lanes,
               bool uniform_last) {
  llvm::LLVMContext& c = module.getContext();
  llvm::IRBuilder<> b(c);
  std::vector<llvm::Type*> parameters(function.inputs.size() + 1, b.getPtrTy());
  parameters.push_back(b.getInt64Ty());
  auto* type = llvm::FunctionType::get(b.getVoidTy(), parameters, false);
  auto* f = llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol, module);
  auto* entry = llvm::BasicBlock::Create(c, "entry", f);
  auto* loop = llvm::BasicBlock::Create(c, "loop", f);
  auto* done = llvm::BasicBlock::Create(c, "done", f);
  b.SetInsertPoint(entry);
  b.CreateBr(loop);
  b.SetInsertPoint(loop);
  auto* i = b.CreatePHI(b.getInt64Ty(), 2);
  i->addIncoming(b.getInt64(0), entry);
  const runtime::EmitContext context{b, lanes};
  llvm::Value* n = f->getArg(static_cast<unsigned>(f->arg_size() - 1));
  llvm::Value* mask = context.lane_mask(b.CreateSub(n, i));
  std::vector<LlvmValue> operands;
  for (std::size_t k = 0; k < function.inputs.size(); ++k) {
    llvm::Value* base = f->getArg(static_cast<unsigned>(k));
    const DType dtype = function.inputs[k];
    operands.push_back(uniform_last && k + 1 == function.inputs.size()
                           ? load_element(context, dtype, base)
                           : load_vector(context, dtype, context.address(dtype, base, i), mask));
  }
  const LlvmValue result = function.emit(operands);
  llvm::Value* out = f->getArg(static_cast<unsigned>(function.inputs.size()));
  store_vector(result, context.address(result.dtype(), out, i), mask);
  llvm::Value* next = b.CreateAdd(i, context.i64(lanes));
  i->addIncoming(next, b.GetInsertBlock());
  b.CreateCondBr(b.CreateICmpSLT(next, n), loop, done);
  b.SetInsertPoint(done);
  b.CreateRetVoid();
}

void call(void* address, const std::vector<Bytes>& in, std::byte* out, std::int64_t n) {
  switch (in.size()) {
    case 1: return reinterpret_cast<void (*)(const void*, void*, std::int64_t)>(address)(in[0].data(), out, n);
    case 2:
      return reinterpret_cast<void (*)(const void*, const void*, void*, std::int64_t)>(address)(in[0].data(),
                                                                                                in[1].data(), out, n);
    default:
      return reinterpret_cast<void (*)(const void*, const void*, const void*, void*, std::int64_t)>(address)(
          in[0].data(), in[1].data(), in[2].data(), out, n);
  }
}

}  // namespace

Bytes random_elements(DType dtype, std::size_t count, std::uint64_t seed) {
  Random random(seed);
  Bytes bytes(count * width(dtype));
  for (std::size_t i = 0; i < count; ++i) put_random(dtype, random, bytes.data() + i * width(dtype));
  return bytes;
}

Bytes evaluate(const ElementFunction& function, const std::vector<Bytes>& inputs, std::size_t count) {
  Bytes out(count * width(function.output));
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<Num> operands;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      operands.push_back(Num::load(function.inputs[k], inputs[k].data() + i * width(function.inputs[k])));
    }
    function.evaluate(operands).store(out.data() + i * width(function.output));
  }
  return out;
}

CompiledFunctions::CompiledFunctions(std::vector<ElementFunction> functions, int lanes, const ir::Target& target,
                                     bool uniform_last)
    : functions_(std::move(functions)) {
  runtime::GeneratedModule generated;
  generated.context = std::make_unique<llvm::LLVMContext>();
  generated.module = std::make_unique<llvm::Module>("test", *generated.context);
  for (std::size_t k = 0; k < functions_.size(); ++k) {
    emit_loop(*generated.module, functions_[k], "f" + std::to_string(k), lanes, uniform_last);
  }
  std::vector<runtime::GeneratedModule> modules;
  modules.push_back(std::move(generated));
  code_ = compile_modules(std::move(modules), target);
}

Bytes CompiledFunctions::run(std::size_t k, const std::vector<Bytes>& inputs, std::size_t count) const {
  constexpr std::size_t guard = 64;  // must not be written
  const std::size_t size = count * width(functions_[k].output);
  Bytes out(size + guard, std::byte{0xA5});
  call(code_->address("f" + std::to_string(k)), inputs, out.data(), static_cast<std::int64_t>(count));
  for (std::size_t i = size; i < out.size(); ++i) {
    if (out[i] != std::byte{0xA5}) throw std::runtime_error("a masked lane was written");
  }
  out.resize(size);
  return out;
}

std::ptrdiff_t first_difference(DType dtype, const Bytes& a, const Bytes& b) {
  const std::size_t w = width(dtype);
  for (std::size_t i = 0; i * w < a.size(); ++i) {
    const std::byte* x = a.data() + i * w;
    const std::byte* y = b.data() + i * w;
    if (std::memcmp(x, y, w) != 0 && !(is_nan_element(dtype, x) && is_nan_element(dtype, y))) {
      return static_cast<std::ptrdiff_t>(i);
    }
  }
  return -1;
}

std::string show_element(DType dtype, const Bytes& bytes, std::size_t index) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes.data() + index * width(dtype), width(dtype));
  char text[64];
  std::snprintf(text, sizeof text, " %.17g (0x%llx)", Num::load(dtype, bytes.data() + index * width(dtype)).as_double(),
                static_cast<unsigned long long>(bits));
  return std::string(to_string(dtype)) + text;
}

}  // namespace sinter::test
