// Loads and stores of LlvmValues. In memory bf16 and f16 take 16 bits and i1 a byte.

#include <algorithm>

#include <llvm/IR/Constants.h>

#include <sinter/ir/error.h>

#include "llvm_float.h"
#include "llvm_value.h"

namespace sinter::runtime {

namespace {

using ir::is_half;
using Builder = llvm::IRBuilder<>;

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
