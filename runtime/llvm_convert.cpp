// Conversions between dtypes; ir/num.cpp is what they must agree with.

#include <cmath>

#include <llvm/IR/Constants.h>

#include <sinter/ir/error.h>

#include "llvm_float.h"
#include "llvm_value.h"

namespace sinter::runtime {

namespace {

using ir::bit_width;
using ir::is_float;
using ir::is_half;
using ir::is_integer;
using ir::is_signed_integer;
using Builder = llvm::IRBuilder<>;

LlvmValue with(const LlvmValue& like, DType dtype, llvm::Value* value) { return {like.context(), dtype, value}; }

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

}  // namespace sinter::runtime
