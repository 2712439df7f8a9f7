#include "llvm_fma.h"

#include <vector>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicInst.h>

#include <sinter/ir/error.h>

namespace sinter::runtime {

namespace {

using Builder = llvm::IRBuilder<>;
using llvm::Value;

/// f32, also vectors. In f64 the product is exact. The sum is rounded to odd there: when something is lost and the last
/// bit is 0, it goes one step towards what was lost. Rounding that to f32 gives what rounding the exact sum would give
/// (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
Value* single(Builder& b, Value* x, Value* y, Value* z) {
  llvm::Type* f32 = x->getType();
  llvm::Type* f64 = f32->getWithNewType(b.getDoubleTy());
  llvm::Type* i64 = f32->getWithNewType(b.getInt64Ty());
  Value* p = b.CreateFMul(b.CreateFPExt(x, f64), b.CreateFPExt(y, f64));
  Value* c = b.CreateFPExt(z, f64);
  Value* s = b.CreateFAdd(p, c);
  // What the sum lost, exactly (Knuth); NaN when the sum is no number.
  Value* of_c = b.CreateFSub(s, p);
  Value* lost = b.CreateFAdd(b.CreateFSub(p, b.CreateFSub(s, of_c)), b.CreateFSub(c, of_c));
  Value* bits = b.CreateBitCast(s, i64);
  llvm::Constant* one = llvm::ConstantInt::get(i64, 1);
  llvm::Constant* zero = llvm::Constant::getNullValue(i64);
  Value* even = b.CreateICmpEQ(b.CreateAnd(bits, one), zero);
  Value* inexact = b.CreateFCmpONE(lost, llvm::Constant::getNullValue(f64));
  Value* away = b.CreateICmpSGE(b.CreateXor(bits, b.CreateBitCast(lost, i64)), zero);  // the signs are equal
  Value* moved = b.CreateAdd(bits, b.CreateSelect(away, one, llvm::ConstantInt::getSigned(i64, -1)));
  Value* odd = b.CreateSelect(b.CreateAnd(inexact, even), moved, bits);
  return b.CreateFPTrunc(b.CreateBitCast(odd, f64), f32);
}

/// Emits double (double, double, double) in integers: significands of 126 bits, the smaller one shifted to the right
/// with a bit for all that falls off, one rounding.
class DoubleFma {
 public:
  explicit DoubleFma(llvm::Module& module)
      : b_(module.getContext()),
        i64_(b_.getInt64Ty()),
        i128_(b_.getInt128Ty()),
        f64_(b_.getDoubleTy()),
        function_(llvm::Function::Create(llvm::FunctionType::get(f64_, {f64_, f64_, f64_}, false),
                                         llvm::Function::InternalLinkage, "fma_of_doubles", module)) {}

  llvm::Function* emit() {
    llvm::BasicBlock* entry = block("entry");
    llvm::BasicBlock* usual = block("usual");
    llvm::BasicBlock* special = block("special");
    b_.SetInsertPoint(entry);
    const Parts x = parts(0), y = parts(1), z = parts(2);
    Value* all_normal = b_.CreateAnd(b_.CreateAnd(is_normal(x), is_normal(y)), is_normal(z));
    b_.CreateCondBr(all_normal, usual, special);
    b_.SetInsertPoint(special);
    b_.CreateRet(of_special(x, y, z));
    b_.SetInsertPoint(usual);
    b_.CreateRet(b_.CreateBitCast(of_normal(x, y, z), f64_));
    return function_;
  }

 private:
  struct Parts {
    Value* number;
    Value* sign;         // i64, the highest bit or 0
    Value* exponent;     // i64, biased
    Value* significand;  // i64, with the leading one
  };
  struct Sum {
    Value* sign;
    Value* exponent;
    Value* significand;  // i128
  };

  static constexpr int leading =
      125;  // place of the leading one in sums, below a bit for the carry and one for the sign

  llvm::BasicBlock* block(const char* name) { return llvm::BasicBlock::Create(b_.getContext(), name, function_); }
  llvm::ConstantInt* i64(std::uint64_t v) { return b_.getInt64(v); }
  Value* wide(Value* v) { return b_.CreateZExt(v, i128_); }

  Parts parts(unsigned k) {
    Value* number = function_->getArg(k);
    Value* bits = b_.CreateBitCast(number, i64_);
    Value* exponent = b_.CreateAnd(b_.CreateLShr(bits, 52), i64(0x7FF));
    Value* significand = b_.CreateOr(b_.CreateAnd(bits, i64((1ULL << 52U) - 1)), i64(1ULL << 52U));
    return {number, b_.CreateAnd(bits, i64(1ULL << 63U)), exponent, significand};
  }
  Value* is_normal(const Parts& x) { return b_.CreateICmpULT(b_.CreateSub(x.exponent, i64(1)), i64(0x7FE)); }
  Value* is_finite(const Parts& x) { return b_.CreateICmpNE(x.exponent, i64(0x7FF)); }

  /// Zeros (and denormals, which are zeros), infinities, NaN: the sum is exact or NaN, except that a product which
  /// overflows must not meet an infinite z, and one which is flushed to -0 not a zero z.
  Value* of_special(const Parts& x, const Parts& y, const Parts& z) {
    Value* product = b_.CreateFMul(x.number, y.number);
    Value* z_alone = b_.CreateAnd(b_.CreateAnd(is_finite(x), is_finite(y)), b_.CreateNot(is_finite(z)));
    Value* z_zero = b_.CreateICmpEQ(z.exponent, i64(0));
    Value* product_alone = b_.CreateAnd(b_.CreateAnd(is_normal(x), is_normal(y)), z_zero);
    Value* sum = b_.CreateSelect(product_alone, product, b_.CreateFAdd(product, z.number));
    return b_.CreateSelect(z_alone, z.number, sum);
  }

  Value* of_normal(const Parts& x, const Parts& y, const Parts& z) { return rounded(add(product(x, y), aligned(z))); }

  /// The leading one of the product of two significands is at 105 or 104.
  Sum product(const Parts& x, const Parts& y) {
    Value* p = b_.CreateShl(b_.CreateMul(wide(x.significand), wide(y.significand)), leading - 105);
    Value* low = b_.CreateICmpSGE(b_.CreateShl(p, 127 - leading), llvm::ConstantInt::get(i128_, 0));
    Value* exponent = b_.CreateSub(b_.CreateAdd(x.exponent, y.exponent), i64(1023 - 1));
    return {b_.CreateXor(x.sign, y.sign), b_.CreateSub(exponent, b_.CreateZExt(low, i64_)),
            b_.CreateSelect(low, b_.CreateShl(p, 1), p)};
  }
  Sum aligned(const Parts& z) { return {z.sign, z.exponent, b_.CreateShl(wide(z.significand), leading - 52)}; }

  Sum add(const Sum& p, const Sum& c) {
    Value* p_larger = b_.CreateICmpSGE(p.exponent, c.exponent);
    const auto larger = [&](Value* a, Value* other) { return b_.CreateSelect(p_larger, a, other); };
    Value* exponent = larger(p.exponent, c.exponent);
    Value* distance = b_.CreateSub(exponent, larger(c.exponent, p.exponent));
    Value* big = larger(p.significand, c.significand);
    Value* small = shifted(larger(c.significand, p.significand), distance);
    Value* same_sign = b_.CreateICmpEQ(p.sign, c.sign);
    Value* sum = b_.CreateSelect(same_sign, b_.CreateAdd(big, small), b_.CreateSub(big, small));
    Value* negative = b_.CreateICmpSLT(sum, llvm::ConstantInt::get(i128_, 0));
    Value* sign = b_.CreateXor(larger(p.sign, c.sign), b_.CreateSelect(negative, i64(1ULL << 63U), i64(0)));
    return {sign, exponent, b_.CreateSelect(negative, b_.CreateNeg(sum), sum)};
  }

  /// To the right; the last bit is set when a one falls off.
  Value* shifted(Value* significand, Value* distance) {
    Value* far = b_.CreateICmpUGT(distance, i64(127));
    Value* places = wide(b_.CreateSelect(far, i64(127), distance));
    Value* kept = b_.CreateLShr(significand, places);
    Value* fell_off = b_.CreateICmpNE(b_.CreateShl(kept, places), significand);
    return b_.CreateOr(kept, wide(fell_off));
  }

  /// Bits of the nearest double, ties to even. What is below the normal numbers after rounding is zero.
  Value* rounded(const Sum& sum) {
    llvm::Constant* none = llvm::ConstantInt::get(i128_, 0);
    Value* zeros = b_.CreateBinaryIntrinsic(llvm::Intrinsic::ctlz, sum.significand, b_.getFalse());
    Value* top = b_.CreateShl(sum.significand, b_.CreateAnd(zeros, llvm::ConstantInt::get(i128_, 127)));
    // The leading one is at 127 now: 53 bits are kept, 75 decide.
    Value* kept = b_.CreateTrunc(b_.CreateLShr(top, 75), i64_);
    Value* rest = b_.CreateShl(top, 53);
    llvm::Constant* half = llvm::ConstantInt::get(i128_, llvm::APInt::getOneBitSet(128, 127));
    Value* odd = b_.CreateTrunc(kept, b_.getInt1Ty());
    Value* up = b_.CreateOr(b_.CreateICmpUGT(rest, half), b_.CreateAnd(b_.CreateICmpEQ(rest, half), odd));
    Value* significand = b_.CreateAdd(kept, b_.CreateZExt(up, i64_));
    // A carry out of the significand counts the exponent up by itself when both are added.
    Value* before = b_.CreateSub(b_.CreateAdd(sum.exponent, i64(127 - leading - 1)), b_.CreateTrunc(zeros, i64_));
    Value* exponent = b_.CreateAdd(before, b_.CreateLShr(significand, 52));
    Value* bits = b_.CreateAdd(b_.CreateShl(before, 52), significand);
    Value* tiny = b_.CreateICmpSLT(exponent, i64(1));
    Value* huge = b_.CreateICmpSGE(exponent, i64(0x7FF));
    Value* magnitude = b_.CreateSelect(tiny, i64(0), b_.CreateSelect(huge, i64(0x7FFULL << 52U), bits));
    Value* result = b_.CreateOr(magnitude, sum.sign);
    return b_.CreateSelect(b_.CreateICmpEQ(sum.significand, none), i64(0), result);  // x - x is +0
  }

  Builder b_;
  llvm::Type* i64_;
  llvm::Type* i128_;
  llvm::Type* f64_;
  llvm::Function* function_;
};

class Expansion {
 public:
  explicit Expansion(llvm::Module& module) : module_(module) {}

  void replace(llvm::IntrinsicInst* call) {
    Builder b(call);
    Value* x = call->getArgOperand(0);
    Value* y = call->getArgOperand(1);
    Value* z = call->getArgOperand(2);
    llvm::Type* element = x->getType()->getScalarType();
    check(element->isFloatTy() || element->isDoubleTy(), "no fma without an instruction for this type");
    call->replaceAllUsesWith(element->isFloatTy() ? single(b, x, y, z) : twice(b, x, y, z));
    call->eraseFromParent();
  }

 private:
  /// f64: element by element.
  Value* twice(Builder& b, Value* x, Value* y, Value* z) {
    if (double_fma_ == nullptr) double_fma_ = DoubleFma(module_).emit();
    const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(x->getType());
    if (vector == nullptr) return b.CreateCall(double_fma_, {x, y, z});
    Value* result = llvm::PoisonValue::get(x->getType());
    for (std::uint64_t k = 0; k < vector->getNumElements(); ++k)
      result = b.CreateInsertElement(
          result,
          b.CreateCall(double_fma_,
                       {b.CreateExtractElement(x, k), b.CreateExtractElement(y, k), b.CreateExtractElement(z, k)}),
          k);
    return result;
  }

  llvm::Module& module_;
  llvm::Function* double_fma_ = nullptr;
};

}  // namespace

void expand_fma(llvm::Module& module) {
  std::vector<llvm::IntrinsicInst*> calls;
  for (llvm::Function& function : module) {
    if (function.hasFnAttribute("target-cpu")) continue;
    for (llvm::BasicBlock& block : function)
      for (llvm::Instruction& instruction : block)
        if (auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
            call != nullptr && call->getIntrinsicID() == llvm::Intrinsic::fma)
          calls.push_back(call);
  }
  Expansion expansion(module);
  for (llvm::IntrinsicInst* call : calls) expansion.replace(call);
}

}  // namespace sinter::runtime
