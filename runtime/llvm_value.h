#pragma once
// The ScalarValue model over LLVM IR: op bodies written against ir/scalar_value.h emit instructions through it. Every
// operation gives the bits that ir::Num gives, provided that the code runs with denormals flushed (FTZ and DAZ).
//
// A value is *uniform* (a scalar of LLVM) or *varying* (a vector of EmitContext::lanes elements). Operations mix both:
// the uniform one is splatted. With lanes == 1 nothing is ever a vector, and masks are single i1 values.
//
// In registers f32, bf16 and f16 are `float` (the half types already rounded to storage), i32 and u32 are i32, u8 is i8
// and i1 is i1. In memory bf16 and f16 take 16 bits and i1 takes a byte.

#include <cstddef>
#include <cstdint>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <sinter/ir/scalar_value.h>
#include <sinter/ir/type.h>

namespace sinter::runtime {

using ir::DType;

/// Where instructions go, and how many elements a varying value has.
struct EmitContext {
  llvm::IRBuilder<>& builder;
  int lanes = 1;

  llvm::LLVMContext& llvm_context() const { return builder.getContext(); }
  /// The module that is being filled. The builder must have an insertion point.
  llvm::Module& module() const { return *builder.GetInsertBlock()->getModule(); }

  /// Type of one value in a register / of one element in memory.
  llvm::Type* register_type(DType dtype) const;
  llvm::Type* memory_type(DType dtype) const;
  /// `lanes` elements of `element`; `element` itself when lanes == 1.
  llvm::Type* varying_type(llvm::Type* element) const;

  llvm::Value* i64(std::int64_t value) const { return builder.getInt64(static_cast<std::uint64_t>(value)); }
  /// A scalar repeated in every lane; vectors pass through.
  llvm::Value* splat(llvm::Value* value) const;
  /// <0, 1, 2, ...> as i64.
  llvm::Value* lane_numbers() const;
  /// <base, base + 1, ...> for a scalar i64.
  llvm::Value* lane_indices(llvm::Value* base) const;
  /// Lane k is on when k < count (a scalar i64, of any sign).
  llvm::Value* lane_mask(llvm::Value* count) const;
  /// base + index * size, for a scalar or vector index in elements.
  llvm::Value* address(DType dtype, llvm::Value* base, llvm::Value* index) const;
};

/// One value of an op body.
class LlvmValue {
 public:
  LlvmValue() = default;
  LlvmValue(const EmitContext& context, DType dtype, llvm::Value* value)
      : context_(&context), dtype_(dtype), value_(value) {}

  const EmitContext& context() const { return *context_; }
  llvm::IRBuilder<>& builder() const { return context_->builder; }
  DType dtype() const { return dtype_; }
  llvm::Value* value() const { return value_; }
  bool is_varying() const { return value_->getType()->isVectorTy(); }

 private:
  const EmitContext* context_ = nullptr;  // outlives the value
  DType dtype_ = DType::f32;
  llvm::Value* value_ = nullptr;
};

inline DType dtype_of(const LlvmValue& a) { return a.dtype(); }
/// Uniform constants; see ir::Num::from_double and from_integer.
LlvmValue constant(const EmitContext& context, DType dtype, double value);
LlvmValue integer(const EmitContext& context, DType dtype, std::int64_t value);
/// The element stored at `bytes`, bit for bit, as a load would give it: denormals are kept.
LlvmValue stored_constant(const EmitContext& context, DType dtype, const std::byte* bytes);
inline LlvmValue constant_like(const LlvmValue& a, DType dtype, double v) { return constant(a.context(), dtype, v); }
inline LlvmValue integer_like(const LlvmValue& a, DType dtype, std::int64_t v) {
  return integer(a.context(), dtype, v);
}

LlvmValue operator+(const LlvmValue& a, const LlvmValue& b);
LlvmValue operator-(const LlvmValue& a, const LlvmValue& b);
LlvmValue operator*(const LlvmValue& a, const LlvmValue& b);
LlvmValue operator/(const LlvmValue& a, const LlvmValue& b);
LlvmValue operator-(const LlvmValue& a);
LlvmValue fma(const LlvmValue& a, const LlvmValue& b, const LlvmValue& c);
LlvmValue sqrt(const LlvmValue& a);
LlvmValue abs(const LlvmValue& a);
LlvmValue floor(const LlvmValue& a);
LlvmValue round_even(const LlvmValue& a);
LlvmValue lt(const LlvmValue& a, const LlvmValue& b);
LlvmValue le(const LlvmValue& a, const LlvmValue& b);
LlvmValue gt(const LlvmValue& a, const LlvmValue& b);
LlvmValue ge(const LlvmValue& a, const LlvmValue& b);
LlvmValue eq(const LlvmValue& a, const LlvmValue& b);
LlvmValue ne(const LlvmValue& a, const LlvmValue& b);
LlvmValue select(const LlvmValue& condition, const LlvmValue& a, const LlvmValue& b);
LlvmValue bit_and(const LlvmValue& a, const LlvmValue& b);
LlvmValue bit_or(const LlvmValue& a, const LlvmValue& b);
LlvmValue bit_xor(const LlvmValue& a, const LlvmValue& b);
LlvmValue bit_not(const LlvmValue& a);
LlvmValue shl(const LlvmValue& a, const LlvmValue& b);
LlvmValue shr(const LlvmValue& a, const LlvmValue& b);
LlvmValue convert(const LlvmValue& a, DType dtype);
LlvmValue bitcast(const LlvmValue& a, DType dtype);
LlvmValue mul_high(const LlvmValue& a, const LlvmValue& b);

/// The same value in every lane.
LlvmValue splat(const LlvmValue& a);
/// A start value 1 of a product that LLVM does not see: it would make x of 1 * x, and keep a denormal. Others pass
/// through.
LlvmValue opaque_one(const LlvmValue& a);

// Memory. Elements need no more alignment than min(size, 4), the promise of Bindings; `alignment` (bytes) may promise
// more. A null mask means all lanes; a lane that is off reads zero, writes nothing and may have any address. The scalar
// functions take an i1 as mask.

LlvmValue load_element(const EmitContext& context, DType dtype, llvm::Value* pointer, llvm::Value* mask = nullptr,
                       std::uint64_t alignment = 0);
/// `lanes` elements, one after the other.
LlvmValue load_vector(const EmitContext& context, DType dtype, llvm::Value* pointer, llvm::Value* mask = nullptr,
                      std::uint64_t alignment = 0);
/// Element k is at base[offsets[k]]; i64 offsets count elements.
LlvmValue gather(const EmitContext& context, DType dtype, llvm::Value* base, llvm::Value* offsets,
                 llvm::Value* mask = nullptr);
/// Stores a uniform value.
void store_element(const LlvmValue& value, llvm::Value* pointer, llvm::Value* mask = nullptr,
                   std::uint64_t alignment = 0);
/// Stores `lanes` elements; a uniform value is splatted.
void store_vector(const LlvmValue& value, llvm::Value* pointer, llvm::Value* mask = nullptr,
                  std::uint64_t alignment = 0);
/// Of equal offsets the highest lane wins.
void scatter(const LlvmValue& value, llvm::Value* base, llvm::Value* offsets, llvm::Value* mask = nullptr);

static_assert(ir::ScalarValue<LlvmValue>);

}  // namespace sinter::runtime
