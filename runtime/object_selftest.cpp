// The self-test of an object file: every step once on a made-up sample, and a fingerprint of all outputs and of the
// state afterwards. Written twice, as code for the object file and as functions that run here: they have to agree.

#include <array>
#include <cstring>
#include <map>

#include <sinter/ir/hash.h>
#include <sinter/ir/memory.h>
#include <sinter/runtime/executable.h>

#include "object_glue.h"

namespace sinter::runtime {

namespace {

/// Elements of the sample are base + (some bits) mod modulus, as unsigned integers of the element's size: floats in
/// [0.5, 1), whatever their dtype, and integers below a bound.
struct Pattern {
  std::uint64_t base = 0, modulus = 1;
};

Pattern pattern_of(const ObjectArgument& argument) {
  switch (argument.type.dtype) {
    case ir::DType::f64: return {std::uint64_t{0x3FE} << 52U, std::uint64_t{1} << 52U};
    case ir::DType::f32: return {0x3F000000, std::uint64_t{1} << 23U};
    case ir::DType::f16: return {0x3800, std::uint64_t{1} << 10U};
    case ir::DType::bf16: return {0x3F00, std::uint64_t{1} << 7U};
    case ir::DType::i1: return {0, 2};
    case ir::DType::u8: return {0, std::min<std::uint64_t>(argument.below, 256)};
    default: return {0, argument.below};
  }
}

constexpr std::uint64_t spread = 0x9E3779B97F4A7C15U;  // 2^64 / golden ratio
std::uint64_t some_bits(std::uint64_t position) {
  const std::uint64_t z = position * spread;
  return z ^ (z >> 32U);
}

std::uint64_t salt_of(const PlannedStep& planned, const ObjectArgument& argument) {
  return ir::fnv(planned.step->name + "/" + argument.name);
}

// ---- Here ----

void fill(const PlannedStep& planned, const ObjectArgument& argument, std::byte* to) {
  const Pattern pattern = pattern_of(argument);
  const auto width = static_cast<std::size_t>(size_of(argument.type.dtype));
  const std::uint64_t salt = salt_of(planned, argument);
  for (std::uint64_t k = 0; k < static_cast<std::uint64_t>(argument.type.elements()); ++k) {
    const std::uint64_t element = pattern.base + some_bits(salt + k) % pattern.modulus;
    std::memcpy(to + k * width, &element, width);  // little-endian, as every target is
  }
}

class Rehearsal {
 public:
  explicit Rehearsal(const ObjectPlan& plan) : plan_(plan), state_(ir::allocate_aligned(plan.state_bytes())) {
    std::memcpy(state_.get(), plan.image->bytes.data(), plan.image->bytes.size());
  }

  std::uint64_t run() {
    for (const PlannedStep& planned : plan_.steps) run(planned);
    if (plan_.writes_state()) add(state_.get(), plan_.state_bytes());
    return digest_;
  }

 private:
  void run(const PlannedStep& planned) {
    const auto executable =
        Executable::compile(planned.step->programs.front(), {host_target(), /*checked=*/false, /*dump_directory=*/{}});
    std::map<std::string, ir::AlignedBytes> inputs, outputs;
    for (const ObjectArgument& argument : planned.arguments) {
      auto memory = ir::allocate_zeros(argument.type.bytes());
      if (!argument.output) fill(planned, argument, memory.get());
      (argument.output ? outputs : inputs)[argument.name] = std::move(memory);
    }
    std::vector<const void*> in;
    std::vector<void*> states, out;
    for (const Port& port : executable->signature().inputs) {
      const auto fixed = planned.step->fixed.find(port.name);
      in.push_back(fixed != planned.step->fixed.end() ? static_cast<const void*>(fixed->second.bytes->data())
                                                      : inputs.at(port.name).get());
    }
    for (const Port& port : executable->signature().states) states.push_back(state(port.name));
    for (const Port& port : executable->signature().outputs) out.push_back(outputs.at(port.name).get());
    Session(executable).run({in, states, out});
    for (const ObjectArgument& argument : planned.arguments)
      if (argument.output) add(outputs.at(argument.name).get(), argument.type.bytes());
  }

  void* state(const std::string& name) {
    for (const ObjectState& known : plan_.image->states)
      if (known.name == name) return state_.get() + known.offset;
    return nullptr;  // Session::run complains
  }

  void add(const std::byte* bytes, std::int64_t count) {
    digest_ = ir::fnv({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count)}, digest_);
  }

  const ObjectPlan& plan_;
  ir::AlignedBytes state_;
  std::uint64_t digest_ = ir::fnv_begin;
};

// ---- There ----

/// void fill(ptr to, i64 count, i64 salt, i64 base, i64 modulus), for elements of `width` bytes.
llvm::Function* emit_fill(ObjectModule& object, unsigned width) {
  llvm::Type* pointer = llvm::PointerType::get(object.context(), 0);
  llvm::Type* i64 = llvm::Type::getInt64Ty(object.context());
  GlueFunction f(object, "fill_" + std::to_string(width), Visibility::internal, {pointer, i64, i64, i64, i64},
                 llvm::Type::getVoidTy(object.context()));
  llvm::IRBuilder<>& b = f.builder();
  llvm::Type* element = b.getIntNTy(8 * width);
  f.repeat(f.argument(1), [&](llvm::Value* index) {
    llvm::Value* z = b.CreateMul(b.CreateAdd(f.argument(2), index), f.i64(spread));
    llvm::Value* bits = b.CreateXor(z, b.CreateLShr(z, 32));
    llvm::Value* value = b.CreateAdd(f.argument(3), b.CreateURem(bits, f.argument(4)));
    b.CreateAlignedStore(b.CreateTrunc(value, element), b.CreateGEP(element, f.argument(0), index), llvm::Align(1));
  });
  b.CreateRetVoid();
  return f.function();
}

/// i64 digest(ptr bytes, i64 count, i64 before)
llvm::Function* emit_digest(ObjectModule& object) {
  llvm::Type* i64 = llvm::Type::getInt64Ty(object.context());
  GlueFunction f(object, "digest", Visibility::internal, {llvm::PointerType::get(object.context(), 0), i64, i64}, i64);
  llvm::IRBuilder<>& b = f.builder();
  llvm::AllocaInst* digest = b.CreateAlloca(i64);
  b.CreateStore(f.argument(2), digest);
  f.repeat(f.argument(1), [&](llvm::Value* index) {
    llvm::Value* byte = b.CreateLoad(b.getInt8Ty(), b.CreateGEP(b.getInt8Ty(), f.argument(0), index));
    llvm::Value* mixed = b.CreateXor(b.CreateLoad(i64, digest), b.CreateZExt(byte, i64));
    b.CreateStore(b.CreateMul(mixed, f.i64(ir::fnv_factor)), digest);
  });
  b.CreateRet(b.CreateLoad(i64, digest));
  return f.function();
}

class SelftestEmitter {
 public:
  explicit SelftestEmitter(ObjectModule& object)
      : object_(object),
        digest_function_(emit_digest(object)),
        f_(object, object.plan().symbol("selftest"), Visibility::visible,
           {llvm::PointerType::get(object.context(), 0)}),
        b_(f_.builder()) {}

  llvm::Function* emit(llvm::Function* init, llvm::Function* prepare, const std::vector<llvm::Function*>& steps,
                       std::uint64_t expected) {
    const ObjectPlan& plan = object_.plan();
    llvm::Value* state = f_.argument(0);
    f_.call_or_return(init, {state});
    f_.call_or_return(prepare, {f_.at(state, plan.selftest_work)});
    digest_ = f_.i64(ir::fnv_begin);
    for (std::size_t k = 0; k < steps.size(); ++k) run(plan.steps[k], steps[k]);
    if (plan.writes_state()) add(state, plan.state_bytes());
    f_.return_if(b_.CreateICmpNE(digest_, f_.i64(expected)), object_error_selftest);
    f_.return_code(object_ok);
    return f_.function();
  }

 private:
  void run(const PlannedStep& planned, llvm::Function* step) {
    llvm::AllocaInst* table = f_.addresses(planned.arguments.size() + 2);
    b_.CreateStore(f_.argument(0), table);
    b_.CreateStore(f_.at(f_.argument(0), object_.plan().selftest_work), f_.at(table, 8));
    std::vector<llvm::Value*> data;
    std::int64_t offset = object_.plan().selftest_data;
    for (const ObjectArgument& argument : planned.arguments) {
      data.push_back(f_.at(f_.argument(0), offset));
      offset += aligned(argument.type.bytes());
      b_.CreateStore(data.back(), f_.at(table, static_cast<std::int64_t>(8 * (data.size() + 1))));
      if (!argument.output && argument.type.elements() > 0) fill(planned, argument, data.back());
    }
    f_.call_or_return(step, {table});
    for (std::size_t k = 0; k < data.size(); ++k)
      if (planned.arguments[k].output) add(data[k], planned.arguments[k].type.bytes());
  }

  void fill(const PlannedStep& planned, const ObjectArgument& argument, llvm::Value* to) {
    const auto width = static_cast<unsigned>(size_of(argument.type.dtype));
    llvm::Function*& function = fill_functions_[width];
    if (function == nullptr) function = emit_fill(object_, width);
    const Pattern pattern = pattern_of(argument);
    b_.CreateCall(function, {to, f_.i64(static_cast<std::uint64_t>(argument.type.elements())),
                             f_.i64(salt_of(planned, argument)), f_.i64(pattern.base), f_.i64(pattern.modulus)});
  }

  void add(llvm::Value* bytes, std::int64_t count) {
    if (count == 0) return;
    digest_ = b_.CreateCall(digest_function_, {bytes, f_.i64(static_cast<std::uint64_t>(count)), digest_});
  }

  ObjectModule& object_;
  llvm::Function* digest_function_;
  GlueFunction f_;
  llvm::IRBuilder<>& b_;
  llvm::Value* digest_ = nullptr;
  std::map<unsigned, llvm::Function*> fill_functions_;
};

}  // namespace

std::uint64_t expected_selftest(const ObjectPlan& plan) { return Rehearsal(plan).run(); }

llvm::Function* emit_selftest(ObjectModule& object, llvm::Function* init, llvm::Function* prepare,
                              const std::vector<llvm::Function*>& steps, std::uint64_t expected) {
  return SelftestEmitter(object).emit(init, prepare, steps, expected);
}

}  // namespace sinter::runtime
