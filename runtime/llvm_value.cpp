// Emission of each ScalarValue operation; ir/num.cpp is what it must agree with.

#include "llvm_value.h"

#include <cstring>

#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/PatternMatch.h>

#include <sinter/ir/error.h>
#include <sinter/ir/num.h>

#include "llvm_float.h"

namespace sinter::runtime {

namespace {

using ir::bit_width;
using ir::is_float;
using ir::is_half;
using ir::is_integer;
using ir::is_signed_integer;
using ir::to_string;
using Builder = llvm::IRBuilder<>;

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

/// The result of float arithmetic, rounded to the dtype of `like`.
LlvmValue rounded(const LlvmValue& like, llvm::Value* v) {
  return with(like, round_to(like.builder(), like.dtype(), flush_constant(v)));
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

namespace {

const llvm::fltSemantics& semantics_of(DType dtype) {
  if (dtype == DType::f64) return llvm::APFloat::IEEEdouble();
  if (dtype == DType::bf16) return llvm::APFloat::BFloat();
  return dtype == DType::f16 ? llvm::APFloat::IEEEhalf() : llvm::APFloat::IEEEsingle();
}

}  // namespace

LlvmValue stored_constant(const EmitContext& context, DType dtype, const std::byte* bytes) {
  if (!is_float(dtype)) return integer(context, dtype, ir::Num::load(dtype, bytes).as_integer());
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes, static_cast<std::size_t>(ir::size_of(dtype)));
  llvm::APFloat value(semantics_of(dtype), llvm::APInt(static_cast<unsigned>(8 * ir::size_of(dtype)), bits));
  bool inexact = false;
  if (is_half(dtype)) value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &inexact);
  return {context, dtype, llvm::ConstantFP::get(context.llvm_context(), value)};
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

/// The result of an operation that flushes denormals (not a constant), or its magnitude.
bool is_arithmetic(llvm::Value* v) {
  llvm::Value* inner = nullptr;
  if (llvm::PatternMatch::match(v, llvm::PatternMatch::m_FAbs(llvm::PatternMatch::m_Value(inner)))) v = inner;
  const auto* instruction = llvm::dyn_cast<llvm::Instruction>(v);
  if (instruction == nullptr) return false;
  switch (instruction->getOpcode()) {
    case llvm::Instruction::FAdd:
    case llvm::Instruction::FSub:
    case llvm::Instruction::FMul:
    case llvm::Instruction::FDiv: return true;
    default: break;
  }
  const auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(instruction);
  return call != nullptr &&
         (call->getIntrinsicID() == llvm::Intrinsic::fma || call->getIntrinsicID() == llvm::Intrinsic::sqrt);
}

bool is_plain_constant(llvm::Value* v) {
  const llvm::APFloat* value = nullptr;
  return llvm::PatternMatch::match(v, llvm::PatternMatch::m_APFloat(value)) && !value->isDenormal();
}

/// Whether LLVM might see `x < y ? x : y` here, for which x86 has an instruction, and it matters: that flushes a
/// denormal which it returns, where a select only moves it. What is selected is not looked for in the comparison: equal
/// values may not be one yet. Harmless is what cannot return a denormal: two results of arithmetic or constants; one of
/// arithmetic, where the comparison is with a constant, because the other could only be that; and `x > 0 ? x : 0`.
bool may_become_minimum(llvm::Value* condition, Pair p) {
  llvm::Value* negated = nullptr;
  if (llvm::PatternMatch::match(condition, llvm::PatternMatch::m_Not(llvm::PatternMatch::m_Value(negated)))) {
    condition = negated;
  }
  const auto* compare = llvm::dyn_cast<llvm::FCmpInst>(condition);
  if (compare == nullptr) return false;
  const bool a = is_arithmetic(p.a), b = is_arithmetic(p.b);
  if ((a || is_plain_constant(p.a)) && (b || is_plain_constant(p.b))) return false;
  if ((a || b) && is_plain_constant(compare->getOperand(1))) return false;
  const auto predicate = compare->getPredicate();
  const bool strict = predicate == llvm::CmpInst::FCMP_OGT || predicate == llvm::CmpInst::FCMP_OLT;
  const bool with_zero = is_constant(p.b, 0.0) && is_constant(compare->getOperand(1), 0.0);
  const bool harmless = strict && with_zero && negated == nullptr && compare->getOperand(0) == p.a;
  return !harmless;
}

}  // namespace

LlvmValue select(const LlvmValue& condition, const LlvmValue& a, const LlvmValue& b) {
  Pair p = unify(a, b);
  Builder& builder = a.builder();
  const LlvmValue flag = convert(condition, DType::i1);
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
namespace {

/// `x > c or x is NaN` for a constant c that is none: one comparison instead of two. Null for all else.
llvm::Value* unordered_comparison(Builder& builder, Pair p) {
  const auto* ordered = llvm::dyn_cast<llvm::FCmpInst>(p.a);
  const auto* nan = llvm::dyn_cast<llvm::FCmpInst>(p.b);
  if (ordered == nullptr || nan == nullptr || !llvm::FCmpInst::isOrdered(ordered->getPredicate())) return nullptr;
  llvm::Value* x = ordered->getOperand(0);
  if (nan->getPredicate() != llvm::CmpInst::FCMP_UNE || nan->getOperand(0) != x || nan->getOperand(1) != x)
    return nullptr;
  const llvm::APFloat* limit = nullptr;
  if (!llvm::PatternMatch::match(ordered->getOperand(1), llvm::PatternMatch::m_APFloat(limit)) || limit->isNaN())
    return nullptr;
  return builder.CreateFCmp(llvm::FCmpInst::getUnorderedPredicate(ordered->getPredicate()), x, ordered->getOperand(1));
}

}  // namespace

LlvmValue bit_or(const LlvmValue& a, const LlvmValue& b) {
  need_integer(a);
  const Pair p = unify(a, b);
  if (llvm::Value* one = unordered_comparison(a.builder(), p)) return with(a, one);
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

LlvmValue mul_high(const LlvmValue& a, const LlvmValue& b) {
  check(a.dtype() == DType::u32 && b.dtype() == DType::u32, "mul_high needs u32");
  const Pair p = unify(a, b);
  Builder& builder = a.builder();
  llvm::Type* wide = shaped(builder.getInt64Ty(), p.a->getType());
  llvm::Value* product = builder.CreateMul(builder.CreateZExt(p.a, wide), builder.CreateZExt(p.b, wide));
  llvm::Value* high = builder.CreateTrunc(builder.CreateLShr(product, 32), p.a->getType());
  if (!high->getType()->isVectorTy()) return with(a, high);
  // Random bits are long chains of these, and instruction selection asks of each product which bits of its operands are
  // known, through all that is before it. The fence, which is no instruction, ends that: W3's selection took 72 ms,
  // not 79.
  llvm::Type* opaque = shaped(builder.getFloatTy(), high->getType());
  llvm::Value* fenced = builder.CreateArithmeticFence(builder.CreateBitCast(high, opaque), opaque);
  return with(a, builder.CreateBitCast(fenced, high->getType()));
}

LlvmValue splat(const LlvmValue& a) { return with(a, a.context().splat(a.value())); }

LlvmValue opaque_one(const LlvmValue& a) {
  if (!is_float(a.dtype()) || !is_constant(a.value(), 1.0)) return a;
  return with(a, a.builder().CreateArithmeticFence(a.value(), a.value()->getType()));
}

}  // namespace sinter::runtime
