#include "llvm_float.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>

namespace sinter::runtime {

using ir::DType;
using Builder = llvm::IRBuilder<>;

llvm::Type* shaped(llvm::Type* element, llvm::Type* like) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(like);
  return vector == nullptr ? element : llvm::FixedVectorType::get(element, vector->getNumElements());
}

llvm::Type* bits_type(llvm::Type* like) {
  return shaped(llvm::IntegerType::get(like->getContext(), like->getScalarSizeInBits()), like);
}

llvm::Constant* int_constant(llvm::Type* type, std::uint64_t value) { return llvm::ConstantInt::get(type, value); }

// ---- Denormals ----

namespace {

/// The float that is this constant, or splatted in it.
const llvm::APFloat* float_constant(llvm::Value* v) {
  auto* constant = llvm::dyn_cast<llvm::Constant>(v);
  if (constant == nullptr) return nullptr;
  if (constant->getType()->isVectorTy()) constant = constant->getSplatValue();
  const auto* scalar = llvm::dyn_cast_or_null<llvm::ConstantFP>(constant);
  return scalar == nullptr ? nullptr : &scalar->getValueAPF();
}

/// True for zero and denormals.
llvm::Value* is_tiny(Builder& b, llvm::Value* v) {
  llvm::Type* type = bits_type(v->getType());
  const std::uint64_t exponent = type->getScalarSizeInBits() == 32 ? 0x7F800000U : 0x7FF0000000000000U;
  llvm::Value* bits = b.CreateAnd(b.CreateBitCast(v, type), int_constant(type, exponent));
  return b.CreateICmpEQ(bits, int_constant(type, 0));
}

}  // namespace

llvm::Value* flush_constant(llvm::Value* v) {
  const llvm::APFloat* f = float_constant(v);
  if (f == nullptr || !f->isDenormal()) return v;
  return llvm::ConstantFP::getZero(v->getType(), f->isNegative());
}

llvm::Value* flush(Builder& b, llvm::Value* v) {
  if (llvm::isa<llvm::Constant>(v)) return flush_constant(v);
  llvm::Type* type = bits_type(v->getType());
  const unsigned width = type->getScalarSizeInBits();
  llvm::Value* bits = b.CreateBitCast(v, type);
  llvm::Value* sign = b.CreateAnd(bits, int_constant(type, std::uint64_t{1} << (width - 1)));
  return b.CreateBitCast(b.CreateSelect(is_tiny(b, v), sign, bits), v->getType());
}

llvm::Value* plus_positive_zero(Builder& b, llvm::Value* v) {
  return b.CreateSelect(is_tiny(b, v), llvm::Constant::getNullValue(v->getType()), v);
}

bool is_constant(llvm::Value* v, double expected) {
  const llvm::APFloat* f = float_constant(v);
  return f != nullptr && f->isExactlyValue(expected);
}

llvm::Value* fabs(Builder& b, llvm::Value* v) { return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, v); }
llvm::Value* is_nan(Builder& b, llvm::Value* v) { return b.CreateFCmpUNO(v, v); }

// ---- The half types ----

namespace {

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

}  // namespace

llvm::Value* round_to(Builder& b, DType dtype, llvm::Value* v) {
  if (dtype == DType::bf16) return round_to_bf16(b, v);
  if (dtype == DType::f16) return round_to_f16(b, v);
  return v;
}

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

}  // namespace sinter::runtime
