// Emission of each ScalarValue operation; ir/num.cpp is what it must agree with.

#include "llvm_value.h"

#include <cmath>

#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/PatternMatch.h>

#include <sinter/ir/error.h>
#include <sinter/ir/num.h>

namespace sinter::runtime {

namespace {

using ir::bit_width;
using ir::is_float;
using ir::is_half;
using ir::is_integer;
using ir::is_signed_integer;
using ir::to_string;
using Builder = llvm::IRBuilder<>;

// ---- Types and shapes of operands ----

/// The same scalar or vector shape as `like`, with another element.
llvm::Type* shaped(llvm::Type* element, llvm::Type* like) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(like);
  return vector == nullptr ? element : llvm::FixedVectorType::get(element, vector->getNumElements());
}

/// Integer type as wide as the elements of the float type `like`.
llvm::Type* bits_type(llvm::Type* like) {
  return shaped(llvm::IntegerType::get(like->getContext(), like->getScalarSizeInBits()), like);
}

llvm::Constant* int_constant(llvm::Type* type, std::uint64_t value) { return llvm::ConstantInt::get(type, value); }

LlvmValue with(const LlvmValue& like, DType dtype, llvm::Value* value) { return {like.context(), dtype, value}; }
LlvmValue with(const LlvmValue& like, llvm::Value* value) { return with(like, like.dtype(), value); }

void same_dtype(const LlvmValue& a, const LlvmValue& b) {
  if (a.dtype() != b.dtype()) {
    internal_error("scalar operands differ: ", to_string(a.dtype()), ", ", to_string(b.dtype()));
  }
}

void need_integer(const LlvmValue& a) { check(is_integer(a.dtype()), "bit operation on ", to_string(a.dtype())); }

/// Two operands of one dtype in one shape.
struct Pair {
  llvm::Value* a;
  llvm::Value* b;
};

Pair unify(const LlvmValue& a, const LlvmValue& b) {
  same_dtype(a, b);
  if (a.is_varying() == b.is_varying()) return {a.value(), b.value()};
  return {a.context().splat(a.value()), b.context().splat(b.value())};
}

// ---- Denormals ----
//
// Hardware flushes what arithmetic reads and writes. What is left to us: constants (folded without the hardware), and
// operations such as x * 1.0 that LLVM knows to be x and removes, and the flushing with them.

/// The float that is this constant, or splatted in it.
const llvm::APFloat* float_constant(llvm::Value* v) {
  auto* constant = llvm::dyn_cast<llvm::Constant>(v);
  if (constant == nullptr) return nullptr;
  if (constant->getType()->isVectorTy()) constant = constant->getSplatValue();
  const auto* scalar = llvm::dyn_cast_or_null<llvm::ConstantFP>(constant);
  return scalar == nullptr ? nullptr : &scalar->getValueAPF();
}

llvm::Value* flush_constant(llvm::Value* v) {
  const llvm::APFloat* f = float_constant(v);
  if (f == nullptr || !f->isDenormal()) return v;
  return llvm::ConstantFP::getZero(v->getType(), f->isNegative());
}

/// True for zero and denormals.
llvm::Value* is_tiny(Builder& b, llvm::Value* v) {
  llvm::Type* type = bits_type(v->getType());
  const std::uint64_t exponent = type->getScalarSizeInBits() == 32 ? 0x7F800000U : 0x7FF0000000000000U;
  llvm::Value* bits = b.CreateAnd(b.CreateBitCast(v, type), int_constant(type, exponent));
  return b.CreateICmpEQ(bits, int_constant(type, 0));
}

/// Denormals become zeros of the same sign; made of integer operations, which nobody optimises away.
llvm::Value* flush(Builder& b, llvm::Value* v) {
  if (llvm::isa<llvm::Constant>(v)) return flush_constant(v);
  llvm::Type* type = bits_type(v->getType());
  const unsigned width = type->getScalarSizeInBits();
  llvm::Value* bits = b.CreateBitCast(v, type);
  llvm::Value* sign = b.CreateAnd(bits, int_constant(type, std::uint64_t{1} << (width - 1)));
  return b.CreateBitCast(b.CreateSelect(is_tiny(b, v), sign, bits), v->getType());
}

/// v + 0: as `flush`, but every zero is positive.
llvm::Value* plus_positive_zero(Builder& b, llvm::Value* v) {
  return b.CreateSelect(is_tiny(b, v), llvm::Constant::getNullValue(v->getType()), v);
}

/// True when v is the constant `expected`, sign of zero included.
bool is_constant(llvm::Value* v, double expected) {
  const llvm::APFloat* f = float_constant(v);
  return f != nullptr && f->isExactlyValue(expected);
}

// ---- Rounding to the half types ----

llvm::Value* fabs(Builder& b, llvm::Value* v) { return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, v); }
llvm::Value* is_nan(Builder& b, llvm::Value* v) { return b.CreateFCmpUNO(v, v); }

/// Rounds the bits of a float at bit `drop`, ties to even, clearing what is below.
llvm::Value* round_bits(Builder& b, llvm::Value* bits, unsigned drop) {
  llvm::Type* type = bits->getType();
  const std::uint64_t unit = std::uint64_t{1} << drop;
  llvm::Value* odd = b.CreateAnd(b.CreateLShr(bits, drop), int_constant(type, 1));
  llvm::Value* sum = b.CreateAdd(b.CreateAdd(bits, int_constant(type, unit / 2 - 1)), odd);
  return b.CreateAnd(sum, int_constant(type, 0xFFFFFFFFU & ~(unit - 1)));
}

/// ir::round_to_bf16 of a value without denormals: every result of arithmetic.
llvm::Value* round_to_bf16(Builder& b, llvm::Value* v) {
  llvm::Type* type = bits_type(v->getType());
  llvm::Value* bits = b.CreateBitCast(v, type);
  llvm::Value* quiet = b.CreateAnd(b.CreateOr(bits, int_constant(type, 0x400000U)), int_constant(type, 0xFFFF0000U));
  return b.CreateBitCast(b.CreateSelect(is_nan(b, v), quiet, round_bits(b, bits, 16)), v->getType());
}

constexpr std::uint64_t f32_magnitude = 0x7FFFFFFFU;
constexpr std::uint64_t f32_sign = 0x80000000U;
constexpr std::uint64_t f32_infinity = 0x7F800000U;
constexpr std::uint64_t f16_overflow = 0x477FF000U;  // from here on f16 rounds to infinity
constexpr std::uint64_t f16_normal = 0x38800000U;    // 2^-14; smaller values are denormal in f16
constexpr std::uint64_t half_bits = 0x3F000000U;     // of 0.5F

/// Float addition of 0.5, whose neighbours are 2^-24 apart like the denormals of f16: it rounds to one of them, which
/// its low mantissa bits then count.
llvm::Value* add_half(Builder& b, llvm::Value* magnitude) {
  return b.CreateFAdd(magnitude, llvm::ConstantFP::get(magnitude->getType(), 0.5));
}

/// ir::round_to_f16.
llvm::Value* round_to_f16(Builder& b, llvm::Value* v) {
  llvm::Type* type = bits_type(v->getType());
  llvm::Value* bits = b.CreateBitCast(v, type);
  llvm::Value* magnitude = b.CreateAnd(bits, int_constant(type, f32_magnitude));
  llvm::Value* half = llvm::ConstantFP::get(v->getType(), 0.5);
  llvm::Value* denormal = b.CreateBitCast(b.CreateFSub(add_half(b, fabs(b, v)), half), type);
  llvm::Value* result = b.CreateSelect(b.CreateICmpULT(magnitude, int_constant(type, f16_normal)), denormal,
                                       round_bits(b, magnitude, 13));
  result = b.CreateSelect(b.CreateICmpUGE(magnitude, int_constant(type, f16_overflow)),
                          int_constant(type, f32_infinity), result);
  llvm::Value* quiet = b.CreateAnd(b.CreateOr(magnitude, int_constant(type, 0x400000U)), int_constant(type, ~0x1FFFU));
  result = b.CreateSelect(is_nan(b, v), quiet, result);
  result = b.CreateOr(result, b.CreateAnd(bits, int_constant(type, f32_sign)));
  return b.CreateBitCast(result, v->getType());
}

llvm::Value* round_to(Builder& b, DType dtype, llvm::Value* v) {
  if (dtype == DType::bf16) return round_to_bf16(b, v);
  if (dtype == DType::f16) return round_to_f16(b, v);
  return v;
}

/// The result of float arithmetic, rounded to the dtype of `like`.
LlvmValue rounded(const LlvmValue& like, llvm::Value* v) {
  return with(like, round_to(like.builder(), like.dtype(), flush_constant(v)));
}

// ---- The 16 bits of a half in memory ----

/// Bits (i16) of a value that is already rounded to `dtype`.
llvm::Value* half_to_bits(Builder& b, DType dtype, llvm::Value* v) {
  llvm::Type* type = bits_type(v->getType());
  llvm::Type* narrow = shaped(b.getInt16Ty(), v->getType());
  llvm::Value* bits = b.CreateBitCast(v, type);
  if (dtype == DType::bf16) return b.CreateTrunc(b.CreateLShr(bits, 16), narrow);
  llvm::Value* magnitude = b.CreateAnd(bits, int_constant(type, f32_magnitude));
  llvm::Value* sign = b.CreateAnd(b.CreateLShr(bits, 16), int_constant(type, 0x8000U));
  llvm::Value* normal = b.CreateLShr(b.CreateSub(magnitude, int_constant(type, 0x38000000U)), 13);
  llvm::Value* denormal = b.CreateSub(b.CreateBitCast(add_half(b, fabs(b, v)), type), int_constant(type, half_bits));
  llvm::Value* special = b.CreateAnd(b.CreateLShr(magnitude, 13), int_constant(type, 0x7FFFU));  // infinity, NaN
  special = b.CreateOr(b.CreateAnd(special, int_constant(type, 0x3FFU)), int_constant(type, 0x7C00U));
  llvm::Value* quiet = b.CreateOr(special, int_constant(type, 0x200U));
  special = b.CreateSelect(b.CreateICmpUGT(magnitude, int_constant(type, f32_infinity)), quiet, special);
  llvm::Value* result = b.CreateSelect(b.CreateICmpULT(magnitude, int_constant(type, f16_normal)), denormal, normal);
  result = b.CreateSelect(b.CreateICmpUGE(magnitude, int_constant(type, f32_infinity)), special, result);
  return b.CreateTrunc(b.CreateOr(result, sign), narrow);
}

llvm::Value* half_from_bits(Builder& b, DType dtype, llvm::Value* half) {
  llvm::Type* type = shaped(b.getInt32Ty(), half->getType());
  llvm::Type* value_type = shaped(b.getFloatTy(), half->getType());
  llvm::Value* wide = b.CreateZExt(half, type);
  if (dtype == DType::bf16) return b.CreateBitCast(b.CreateShl(wide, 16), value_type);
  llvm::Value* magnitude = b.CreateAnd(wide, int_constant(type, 0x7FFFU));
  llvm::Value* sign = b.CreateShl(b.CreateAnd(wide, int_constant(type, 0x8000U)), 16);
  llvm::Value* shifted = b.CreateShl(magnitude, 13);
  llvm::Value* normal = b.CreateAdd(shifted, int_constant(type, 0x38000000U));
  llvm::Value* counted = b.CreateBitCast(b.CreateOr(magnitude, int_constant(type, half_bits)), value_type);
  llvm::Value* denormal = b.CreateBitCast(b.CreateFSub(counted, llvm::ConstantFP::get(value_type, 0.5)), type);
  llvm::Value* special = b.CreateOr(shifted, int_constant(type, f32_infinity));
  llvm::Value* result = b.CreateSelect(b.CreateICmpULT(magnitude, int_constant(type, 0x400U)), denormal, normal);
  result = b.CreateSelect(b.CreateICmpUGE(magnitude, int_constant(type, 0x7C00U)), special, result);
  return b.CreateBitCast(b.CreateOr(result, sign), value_type);
}

llvm::Value* to_memory(const EmitContext& c, DType dtype, llvm::Value* v) {
  if (is_half(dtype)) return half_to_bits(c.builder, dtype, v);
  if (dtype == DType::i1) return c.builder.CreateZExt(v, shaped(c.builder.getInt8Ty(), v->getType()));
  return v;
}

LlvmValue from_memory(const EmitContext& c, DType dtype, llvm::Value* v) {
  if (is_half(dtype)) return {c, dtype, half_from_bits(c.builder, dtype, v)};
  if (dtype == DType::i1) return {c, dtype, c.builder.CreateICmpNE(v, int_constant(v->getType(), 0))};
  return {c, dtype, v};
}

// ---- Arithmetic ----

enum class Arithmetic { add, sub, mul, div };

llvm::Value* divide_integers(Builder& b, DType dtype, llvm::Value* x, llvm::Value* y) {
  llvm::Type* type = x->getType();
  llvm::Constant* zero = int_constant(type, 0);
  llvm::Constant* one = int_constant(type, 1);
  llvm::Value* by_zero = b.CreateICmpEQ(y, zero);
  if (dtype == DType::i1) return b.CreateAnd(x, y);
  if (!is_signed_integer(dtype)) return b.CreateSelect(by_zero, zero, b.CreateUDiv(x, b.CreateSelect(by_zero, one, y)));
  // The remaining case without a defined result is lowest / -1: dividing by -1 is done by negation, which wraps.
  llvm::Value* by_minus_one = b.CreateICmpEQ(y, llvm::Constant::getAllOnesValue(type));
  llvm::Value* safe = b.CreateSelect(b.CreateOr(by_zero, by_minus_one), one, y);
  llvm::Value* quotient = b.CreateSelect(by_minus_one, b.CreateNeg(x), b.CreateSDiv(x, safe));
  return b.CreateSelect(by_zero, zero, quotient);
}

llvm::Value* integer_arithmetic(Builder& b, Arithmetic op, DType dtype, Pair p) {
  switch (op) {
    case Arithmetic::add: return b.CreateAdd(p.a, p.b);
    case Arithmetic::sub: return b.CreateSub(p.a, p.b);
    case Arithmetic::mul: return b.CreateMul(p.a, p.b);
    case Arithmetic::div: return divide_integers(b, dtype, p.a, p.b);
  }
  internal_error("unknown arithmetic");
}

/// The cases that LLVM would replace by a bare operand, losing the flushing; nullptr otherwise.
llvm::Value* float_identity(Builder& b, Arithmetic op, Pair p) {
  switch (op) {
    case Arithmetic::add:
      if (is_constant(p.a, 0.0) || is_constant(p.a, -0.0)) std::swap(p.a, p.b);
      if (is_constant(p.b, -0.0)) return flush(b, p.a);
      if (is_constant(p.b, 0.0)) return plus_positive_zero(b, p.a);
      return nullptr;
    case Arithmetic::sub:
      if (is_constant(p.b, 0.0)) return flush(b, p.a);
      if (is_constant(p.b, -0.0)) return plus_positive_zero(b, p.a);
      if (is_constant(p.a, -0.0)) return flush(b, b.CreateFNeg(p.b));
      return nullptr;
    case Arithmetic::mul:
      if (is_constant(p.a, 1.0) || is_constant(p.a, -1.0)) std::swap(p.a, p.b);
      [[fallthrough]];
    case Arithmetic::div:
      if (is_constant(p.b, 1.0)) return flush(b, p.a);
      if (is_constant(p.b, -1.0)) return flush(b, b.CreateFNeg(p.a));
      return nullptr;
  }
  internal_error("unknown arithmetic");
}

llvm::Value* float_arithmetic(Builder& b, Arithmetic op, Pair p) {
  p = {flush_constant(p.a), flush_constant(p.b)};
  const bool folds = llvm::isa<llvm::Constant>(p.a) && llvm::isa<llvm::Constant>(p.b);
  if (!folds) {
    if (llvm::Value* same = float_identity(b, op, p)) return same;
  }
  switch (op) {
    case Arithmetic::add: return b.CreateFAdd(p.a, p.b);
    case Arithmetic::sub: return b.CreateFSub(p.a, p.b);
    case Arithmetic::mul: return b.CreateFMul(p.a, p.b);
    case Arithmetic::div: return b.CreateFDiv(p.a, p.b);
  }
  internal_error("unknown arithmetic");
}

LlvmValue arithmetic(Arithmetic op, const LlvmValue& a, const LlvmValue& b) {
  const Pair p = unify(a, b);
  if (is_integer(a.dtype())) return with(a, integer_arithmetic(a.builder(), op, a.dtype(), p));
  return rounded(a, float_arithmetic(a.builder(), op, p));
}

LlvmValue compare(const LlvmValue& a, const LlvmValue& b, llvm::CmpInst::Predicate on_float,
                  llvm::CmpInst::Predicate on_signed, llvm::CmpInst::Predicate on_unsigned) {
  const Pair p = unify(a, b);
  Builder& builder = a.builder();
  if (is_float(a.dtype())) {
    return with(a, DType::i1, builder.CreateFCmp(on_float, flush_constant(p.a), flush_constant(p.b)));
  }
  return with(a, DType::i1, builder.CreateICmp(is_signed_integer(a.dtype()) ? on_signed : on_unsigned, p.a, p.b));
}

/// A float operation that rounds to an integer; integers are their own.
LlvmValue to_whole(const LlvmValue& a, llvm::Intrinsic::ID intrinsic) {
  if (is_integer(a.dtype())) return a;
  return rounded(a, a.builder().CreateUnaryIntrinsic(intrinsic, flush_constant(a.value())));
}

// ---- Conversions ----

llvm::Type* converted_type(const LlvmValue& a, DType dtype) {
  return shaped(a.context().register_type(dtype), a.value()->getType());
}

LlvmValue to_bool(const LlvmValue& a) {
  Builder& b = a.builder();
  llvm::Constant* zero = llvm::Constant::getNullValue(a.value()->getType());
  llvm::Value* v =
      is_float(a.dtype()) ? b.CreateFCmpUNE(flush_constant(a.value()), zero) : b.CreateICmpNE(a.value(), zero);
  return with(a, DType::i1, v);
}

LlvmValue integer_to_integer(const LlvmValue& a, DType dtype) {
  llvm::Type* type = converted_type(a, dtype);
  llvm::Value* v = a.builder().CreateIntCast(a.value(), type, is_signed_integer(a.dtype()));
  return with(a, dtype, v);
}

LlvmValue integer_to_float(const LlvmValue& a, DType dtype) {
  Builder& b = a.builder();
  llvm::Type* type = converted_type(a, dtype);
  llvm::Value* v = a.value();
  if (a.dtype() == DType::i1) {
    v = b.CreateSelect(v, llvm::ConstantFP::get(type, 1.0), llvm::ConstantFP::get(type, 0.0));
  } else if (a.dtype() == DType::u8) {
    v = b.CreateSIToFP(b.CreateZExt(v, shaped(b.getInt32Ty(), v->getType())), type);
  } else if (a.dtype() == DType::u32) {
    v = b.CreateUIToFP(v, type);
  } else {
    v = b.CreateSIToFP(v, type);
  }
  return with(a, dtype, round_to(b, dtype, v));
}

/// Truncates; out-of-range lanes of the bare conversion are poison, which the selects drop.
LlvmValue float_to_integer(const LlvmValue& a, DType dtype) {
  Builder& b = a.builder();
  llvm::Value* v = flush_constant(a.value());
  llvm::Type* type = converted_type(a, dtype);
  const int bits = bit_width(dtype);
  const bool is_signed = is_signed_integer(dtype);
  const auto threshold = [&](int exponent) { return llvm::ConstantFP::get(v->getType(), std::ldexp(1.0, exponent)); };
  const auto limit = [&](const llvm::APInt& value) { return llvm::ConstantInt::get(type, value); };
  const auto width = static_cast<unsigned>(bits);

  llvm::Value* above = b.CreateFCmpOGE(v, threshold(is_signed ? bits - 1 : bits));
  if (!is_signed) {
    llvm::Value* whole = dtype == DType::u8
                             ? b.CreateTrunc(b.CreateFPToSI(v, shaped(b.getInt32Ty(), v->getType())), type)
                             : b.CreateFPToUI(v, type);
    llvm::Value* zero_or_nan = b.CreateFCmpULE(v, llvm::ConstantFP::get(v->getType(), 0.0));
    whole = b.CreateSelect(above, limit(llvm::APInt::getMaxValue(width)), whole);
    return with(a, dtype, b.CreateSelect(zero_or_nan, int_constant(type, 0), whole));
  }
  llvm::Constant* lowest = llvm::ConstantFP::get(v->getType(), -std::ldexp(1.0, bits - 1));
  llvm::Value* whole = b.CreateFPToSI(v, type);
  whole = b.CreateSelect(b.CreateFCmpOLE(v, lowest), limit(llvm::APInt::getSignedMinValue(width)), whole);
  whole = b.CreateSelect(above, limit(llvm::APInt::getSignedMaxValue(width)), whole);
  return with(a, dtype, b.CreateSelect(is_nan(b, v), int_constant(type, 0), whole));
}

LlvmValue float_to_float(const LlvmValue& a, DType dtype) {
  Builder& b = a.builder();
  if (a.dtype() == DType::f64) {
    return with(a, dtype, round_to(b, dtype, flush_constant(b.CreateFPTrunc(a.value(), converted_type(a, dtype)))));
  }
  if (is_half(a.dtype()) && dtype == DType::f32) return with(a, dtype, a.value());  // exact, so bits only move
  // f16 holds no f32 denormals. Elsewhere explicit, because LLVM removes an extension that is truncated again.
  llvm::Value* v = a.dtype() == DType::f16 ? a.value() : flush(b, a.value());
  if (dtype == DType::f64) return with(a, dtype, b.CreateFPExt(v, converted_type(a, dtype)));
  return with(a, dtype, round_to(b, dtype, v));
}

}  // namespace

// ---- EmitContext ----

llvm::Type* EmitContext::register_type(DType dtype) const {
  switch (dtype) {
    case DType::f32:
    case DType::bf16:
    case DType::f16: return builder.getFloatTy();
    case DType::f64: return builder.getDoubleTy();
    case DType::i32:
    case DType::u32: return builder.getInt32Ty();
    case DType::i64: return builder.getInt64Ty();
    case DType::u8: return builder.getInt8Ty();
    case DType::i1: return builder.getInt1Ty();
  }
  internal_error("unknown dtype");
}

llvm::Type* EmitContext::memory_type(DType dtype) const {
  if (is_half(dtype)) return builder.getInt16Ty();
  if (dtype == DType::i1) return builder.getInt8Ty();
  return register_type(dtype);
}

llvm::Type* EmitContext::varying_type(llvm::Type* element) const {
  return lanes == 1 ? element : llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes));
}

llvm::Value* EmitContext::splat(llvm::Value* value) const {
  if (lanes == 1 || value->getType()->isVectorTy()) return value;
  if (auto* constant = llvm::dyn_cast<llvm::Constant>(value)) {
    return llvm::ConstantVector::getSplat(llvm::ElementCount::getFixed(static_cast<unsigned>(lanes)), constant);
  }
  return builder.CreateVectorSplat(static_cast<unsigned>(lanes), value);
}

llvm::Value* EmitContext::lane_numbers() const {
  if (lanes == 1) return i64(0);
  llvm::SmallVector<std::uint64_t, 64> numbers;
  for (int k = 0; k < lanes; ++k) numbers.push_back(static_cast<std::uint64_t>(k));
  return llvm::ConstantDataVector::get(llvm_context(), numbers);
}

llvm::Value* EmitContext::lane_indices(llvm::Value* base) const {
  return builder.CreateAdd(splat(base), lane_numbers());
}

llvm::Value* EmitContext::lane_mask(llvm::Value* count) const {
  if (lanes == 1) return builder.CreateICmpSGT(count, i64(0));
  // Clamped first, so that the compare is one of 32-bit lanes.
  llvm::Value* clamped = builder.CreateBinaryIntrinsic(llvm::Intrinsic::smin, count, i64(lanes));
  clamped = builder.CreateBinaryIntrinsic(llvm::Intrinsic::smax, clamped, i64(0));
  llvm::SmallVector<std::uint32_t, 64> numbers;
  for (int k = 0; k < lanes; ++k) numbers.push_back(static_cast<std::uint32_t>(k));
  llvm::Value* narrow = builder.CreateTrunc(clamped, builder.getInt32Ty());
  return builder.CreateICmpULT(llvm::ConstantDataVector::get(llvm_context(), numbers), splat(narrow));
}

llvm::Value* EmitContext::address(DType dtype, llvm::Value* base, llvm::Value* index) const {
  return builder.CreateGEP(memory_type(dtype), base, index);
}

// ---- Constants ----

LlvmValue constant(const EmitContext& context, DType dtype, double value) {
  const ir::Num number = ir::Num::from_double(dtype, value);
  llvm::Type* type = context.register_type(dtype);
  if (is_integer(dtype)) {
    return {context, dtype, int_constant(type, static_cast<std::uint64_t>(number.as_integer()))};
  }
  return {context, dtype, flush_constant(llvm::ConstantFP::get(type, number.as_double()))};
}

LlvmValue integer(const EmitContext& context, DType dtype, std::int64_t value) {
  const ir::Num number = ir::Num::from_integer(dtype, value);
  llvm::Type* type = context.register_type(dtype);
  if (is_float(dtype)) return {context, dtype, llvm::ConstantFP::get(type, number.as_double())};
  return {context, dtype, int_constant(type, static_cast<std::uint64_t>(number.as_integer()))};
}

// ---- Operations ----

LlvmValue operator+(const LlvmValue& a, const LlvmValue& b) { return arithmetic(Arithmetic::add, a, b); }
LlvmValue operator-(const LlvmValue& a, const LlvmValue& b) { return arithmetic(Arithmetic::sub, a, b); }
LlvmValue operator*(const LlvmValue& a, const LlvmValue& b) { return arithmetic(Arithmetic::mul, a, b); }
LlvmValue operator/(const LlvmValue& a, const LlvmValue& b) { return arithmetic(Arithmetic::div, a, b); }

LlvmValue operator-(const LlvmValue& a) {
  Builder& b = a.builder();
  return with(a, is_integer(a.dtype()) ? b.CreateNeg(a.value()) : b.CreateFNeg(a.value()));
}

LlvmValue fma(const LlvmValue& a, const LlvmValue& b, const LlvmValue& c) {
  same_dtype(a, b);
  same_dtype(a, c);
  if (is_integer(a.dtype())) return a * b + c;
  // A product with one is exact, so these are additions; written as such they keep their flushing.
  if (is_constant(a.value(), 1.0)) return b + c;
  if (is_constant(b.value(), 1.0)) return a + c;
  const EmitContext& context = a.context();
  const bool varying = a.is_varying() || b.is_varying() || c.is_varying();
  const auto operand = [&](const LlvmValue& v) {
    return flush_constant(varying ? context.splat(v.value()) : v.value());
  };
  llvm::Value* x = operand(a);
  return rounded(a, a.builder().CreateIntrinsic(llvm::Intrinsic::fma, {x->getType()}, {x, operand(b), operand(c)}));
}

LlvmValue sqrt(const LlvmValue& a) {
  check(is_float(a.dtype()), "sqrt of an integer");
  return rounded(a, a.builder().CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, flush_constant(a.value())));
}

LlvmValue abs(const LlvmValue& a) {
  Builder& b = a.builder();
  if (is_float(a.dtype())) return with(a, fabs(b, a.value()));
  if (!is_signed_integer(a.dtype())) return a;
  return with(a, b.CreateBinaryIntrinsic(llvm::Intrinsic::abs, a.value(), b.getFalse()));
}

LlvmValue floor(const LlvmValue& a) { return to_whole(a, llvm::Intrinsic::floor); }
LlvmValue round_even(const LlvmValue& a) { return to_whole(a, llvm::Intrinsic::roundeven); }

LlvmValue lt(const LlvmValue& a, const LlvmValue& b) {
  return compare(a, b, llvm::CmpInst::FCMP_OLT, llvm::CmpInst::ICMP_SLT, llvm::CmpInst::ICMP_ULT);
}
LlvmValue le(const LlvmValue& a, const LlvmValue& b) {
  return compare(a, b, llvm::CmpInst::FCMP_OLE, llvm::CmpInst::ICMP_SLE, llvm::CmpInst::ICMP_ULE);
}
LlvmValue gt(const LlvmValue& a, const LlvmValue& b) {
  return compare(a, b, llvm::CmpInst::FCMP_OGT, llvm::CmpInst::ICMP_SGT, llvm::CmpInst::ICMP_UGT);
}
LlvmValue ge(const LlvmValue& a, const LlvmValue& b) {
  return compare(a, b, llvm::CmpInst::FCMP_OGE, llvm::CmpInst::ICMP_SGE, llvm::CmpInst::ICMP_UGE);
}
LlvmValue eq(const LlvmValue& a, const LlvmValue& b) {
  return compare(a, b, llvm::CmpInst::FCMP_OEQ, llvm::CmpInst::ICMP_EQ, llvm::CmpInst::ICMP_EQ);
}
LlvmValue ne(const LlvmValue& a, const LlvmValue& b) {
  return compare(a, b, llvm::CmpInst::FCMP_UNE, llvm::CmpInst::ICMP_NE, llvm::CmpInst::ICMP_NE);
}

namespace {

/// Whether LLVM might see `x < y ? x : y` here, for which x86 has an instruction. That flushes a denormal which it
/// returns, where a select only moves it. The operands are not looked at: equal ones may not be one value yet. Only
/// `x > 0 ? x : 0` is known to be harmless; it returns no denormal.
bool may_become_minimum(llvm::Value* condition, Pair p) {
  llvm::Value* negated = nullptr;
  if (llvm::PatternMatch::match(condition, llvm::PatternMatch::m_Not(llvm::PatternMatch::m_Value(negated)))) {
    condition = negated;
  }
  const auto* compare = llvm::dyn_cast<llvm::FCmpInst>(condition);
  if (compare == nullptr) return false;
  const auto predicate = compare->getPredicate();
  const bool strict = predicate == llvm::CmpInst::FCMP_OGT || predicate == llvm::CmpInst::FCMP_OLT;
  const bool with_zero = is_constant(p.b, 0.0) && is_constant(compare->getOperand(1), 0.0);
  return !(strict && with_zero && negated == nullptr && compare->getOperand(0) == p.a);
}

}  // namespace

LlvmValue select(const LlvmValue& condition, const LlvmValue& a, const LlvmValue& b) {
  Pair p = unify(a, b);
  Builder& builder = a.builder();
  const LlvmValue flag = condition.dtype() == DType::i1 ? condition : to_bool(condition);
  if (flag.is_varying()) p = {a.context().splat(p.a), a.context().splat(p.b)};
  if (!is_float(a.dtype()) || !may_become_minimum(flag.value(), p)) {
    return with(a, builder.CreateSelect(flag.value(), p.a, p.b));
  }
  llvm::Type* type = p.a->getType();
  llvm::Type* bits = bits_type(type);
  llvm::Value* chosen =
      builder.CreateSelect(flag.value(), builder.CreateBitCast(p.a, bits), builder.CreateBitCast(p.b, bits));
  return with(a, builder.CreateBitCast(chosen, type));
}

LlvmValue bit_and(const LlvmValue& a, const LlvmValue& b) {
  need_integer(a);
  const Pair p = unify(a, b);
  return with(a, a.builder().CreateAnd(p.a, p.b));
}
LlvmValue bit_or(const LlvmValue& a, const LlvmValue& b) {
  need_integer(a);
  const Pair p = unify(a, b);
  return with(a, a.builder().CreateOr(p.a, p.b));
}
LlvmValue bit_xor(const LlvmValue& a, const LlvmValue& b) {
  need_integer(a);
  const Pair p = unify(a, b);
  return with(a, a.builder().CreateXor(p.a, p.b));
}
LlvmValue bit_not(const LlvmValue& a) {
  need_integer(a);
  return with(a, a.builder().CreateNot(a.value()));
}

namespace {

/// True where an amount shifts everything out; a negative one does.
llvm::Value* shifts_out(Builder& b, DType dtype, llvm::Value* amount) {
  if (dtype == DType::i1) return amount;
  return b.CreateICmpUGE(amount, int_constant(amount->getType(), static_cast<std::uint64_t>(bit_width(dtype))));
}

}  // namespace

LlvmValue shl(const LlvmValue& a, const LlvmValue& b) {
  need_integer(a);
  const Pair p = unify(a, b);
  Builder& builder = a.builder();
  llvm::Constant* zero = int_constant(p.a->getType(), 0);
  llvm::Value* out = shifts_out(builder, a.dtype(), p.b);
  return with(a, builder.CreateSelect(out, zero, builder.CreateShl(p.a, builder.CreateSelect(out, zero, p.b))));
}

LlvmValue shr(const LlvmValue& a, const LlvmValue& b) {
  need_integer(a);
  const Pair p = unify(a, b);
  Builder& builder = a.builder();
  llvm::Type* type = p.a->getType();
  llvm::Value* out = shifts_out(builder, a.dtype(), p.b);
  if (is_signed_integer(a.dtype())) {
    llvm::Constant* most = int_constant(type, static_cast<std::uint64_t>(bit_width(a.dtype()) - 1));
    return with(a, builder.CreateAShr(p.a, builder.CreateSelect(out, most, p.b)));
  }
  llvm::Constant* zero = int_constant(type, 0);
  return with(a, builder.CreateSelect(out, zero, builder.CreateLShr(p.a, builder.CreateSelect(out, zero, p.b))));
}

LlvmValue convert(const LlvmValue& a, DType dtype) {
  if (dtype == a.dtype()) return a;
  if (dtype == DType::i1) return to_bool(a);
  if (is_integer(a.dtype())) return is_integer(dtype) ? integer_to_integer(a, dtype) : integer_to_float(a, dtype);
  return is_integer(dtype) ? float_to_integer(a, dtype) : float_to_float(a, dtype);
}

LlvmValue bitcast(const LlvmValue& a, DType dtype) {
  check(ir::size_of(a.dtype()) == ir::size_of(dtype), "bitcast between sizes");
  if (dtype == a.dtype()) return a;
  Builder& b = a.builder();
  if (is_half(dtype)) return with(a, dtype, half_from_bits(b, dtype, half_to_bits(b, a.dtype(), a.value())));
  if (dtype == DType::i1) return to_bool(a);
  if (dtype == DType::u8) return integer_to_integer(a, dtype);
  return with(a, dtype, b.CreateBitCast(a.value(), converted_type(a, dtype)));
}

LlvmValue mul_high(const LlvmValue& a, const LlvmValue& b) {
  check(a.dtype() == DType::u32 && b.dtype() == DType::u32, "mul_high needs u32");
  const Pair p = unify(a, b);
  Builder& builder = a.builder();
  llvm::Type* wide = shaped(builder.getInt64Ty(), p.a->getType());
  llvm::Value* product = builder.CreateMul(builder.CreateZExt(p.a, wide), builder.CreateZExt(p.b, wide));
  return with(a, builder.CreateTrunc(builder.CreateLShr(product, 32), p.a->getType()));
}

LlvmValue splat(const LlvmValue& a) { return with(a, a.context().splat(a.value())); }

// ---- Memory ----

namespace {

llvm::Align alignment_of(DType dtype, std::uint64_t promised) {
  const auto natural = static_cast<std::uint64_t>(std::min<std::int64_t>(ir::size_of(dtype), 4));
  return llvm::Align(std::max(natural, promised));
}

/// A vector of one element. Masked accesses of it become a branch: what a masked access of a scalar is.
llvm::Type* single(llvm::Type* element) { return llvm::FixedVectorType::get(element, 1); }
llvm::Value* in_single(Builder& b, llvm::Value* scalar) {
  return b.CreateInsertElement(llvm::PoisonValue::get(single(scalar->getType())), scalar, std::uint64_t{0});
}

}  // namespace

LlvmValue load_element(const EmitContext& context, DType dtype, llvm::Value* pointer, llvm::Value* mask,
                       std::uint64_t alignment) {
  Builder& b = context.builder;
  llvm::Type* type = context.memory_type(dtype);
  const llvm::Align align = alignment_of(dtype, alignment);
  if (mask == nullptr) return from_memory(context, dtype, b.CreateAlignedLoad(type, pointer, align));
  llvm::Constant* zero = llvm::Constant::getNullValue(single(type));
  llvm::Value* loaded = b.CreateMaskedLoad(single(type), pointer, align, in_single(b, mask), zero);
  return from_memory(context, dtype, b.CreateExtractElement(loaded, std::uint64_t{0}));
}

LlvmValue load_vector(const EmitContext& context, DType dtype, llvm::Value* pointer, llvm::Value* mask,
                      std::uint64_t alignment) {
  if (context.lanes == 1) return load_element(context, dtype, pointer, mask, alignment);
  Builder& b = context.builder;
  llvm::Type* type = context.varying_type(context.memory_type(dtype));
  const llvm::Align align = alignment_of(dtype, alignment);
  if (mask == nullptr) return from_memory(context, dtype, b.CreateAlignedLoad(type, pointer, align));
  llvm::Constant* zero = llvm::Constant::getNullValue(type);
  return from_memory(context, dtype, b.CreateMaskedLoad(type, pointer, align, context.splat(mask), zero));
}

LlvmValue gather(const EmitContext& context, DType dtype, llvm::Value* base, llvm::Value* offsets, llvm::Value* mask) {
  llvm::Value* pointers = context.address(dtype, base, offsets);
  if (context.lanes == 1) return load_element(context, dtype, pointers, mask);
  Builder& b = context.builder;
  llvm::Type* type = context.varying_type(context.memory_type(dtype));
  llvm::Value* lanes_on = mask == nullptr ? context.splat(b.getTrue()) : context.splat(mask);
  llvm::Constant* zero = llvm::Constant::getNullValue(type);
  const llvm::Align align = alignment_of(dtype, 0);
  return from_memory(context, dtype, b.CreateMaskedGather(type, context.splat(pointers), align, lanes_on, zero));
}

void store_element(const LlvmValue& value, llvm::Value* pointer, llvm::Value* mask, std::uint64_t alignment) {
  check(!value.is_varying(), "store_element of a vector");
  Builder& b = value.builder();
  llvm::Value* bits = to_memory(value.context(), value.dtype(), value.value());
  const llvm::Align align = alignment_of(value.dtype(), alignment);
  if (mask == nullptr) {
    b.CreateAlignedStore(bits, pointer, align);
  } else {
    b.CreateMaskedStore(in_single(b, bits), pointer, align, in_single(b, mask));
  }
}

void store_vector(const LlvmValue& value, llvm::Value* pointer, llvm::Value* mask, std::uint64_t alignment) {
  const EmitContext& context = value.context();
  if (context.lanes == 1) return store_element(value, pointer, mask, alignment);
  Builder& b = value.builder();
  llvm::Value* bits = context.splat(to_memory(context, value.dtype(), value.value()));
  const llvm::Align align = alignment_of(value.dtype(), alignment);
  if (mask == nullptr) {
    b.CreateAlignedStore(bits, pointer, align);
  } else {
    b.CreateMaskedStore(bits, pointer, align, context.splat(mask));
  }
}

void scatter(const LlvmValue& value, llvm::Value* base, llvm::Value* offsets, llvm::Value* mask) {
  const EmitContext& context = value.context();
  llvm::Value* pointers = context.address(value.dtype(), base, offsets);
  if (context.lanes == 1) return store_element(value, pointers, mask);
  Builder& b = value.builder();
  llvm::Value* bits = context.splat(to_memory(context, value.dtype(), value.value()));
  llvm::Value* lanes_on = mask == nullptr ? context.splat(b.getTrue()) : context.splat(mask);
  b.CreateMaskedScatter(bits, context.splat(pointers), alignment_of(value.dtype(), 0), lanes_on);
}

}  // namespace sinter::runtime
