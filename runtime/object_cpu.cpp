#include "object_cpu.h"

#include <algorithm>
#include <array>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>

#include <sinter/ir/error.h>
#include <sinter/ir/near_matches.h>
#include <sinter/runtime/object_file.h>

#include "jit.h"
#include "target.h"

namespace sinter::runtime {

namespace {

/// What is asked: registers of three leaves of CPUID, and what the system saves of the registers.
enum Answer : std::uint8_t { leaf1_c, leaf7_b, leaf7_c, leaf7_d, leaf7_1_a, extended_c, saved_registers, answers };

/// Parts of the control register XCR0 that have to be on.
constexpr std::uint32_t saves_ymm = 0x06;
constexpr std::uint32_t saves_zmm = 0xE6;

struct Feature {
  std::string_view name;  // LLVM's
  Answer answer;
  unsigned bit;
  std::uint32_t saved = 0;
};

// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, CPUID.
constexpr Feature x86_features[] = {
    {"sse3", leaf1_c, 0},
    {"pclmul", leaf1_c, 1},
    {"ssse3", leaf1_c, 9},
    {"fma", leaf1_c, 12, saves_ymm},
    {"cx16", leaf1_c, 13},
    {"sse4.1", leaf1_c, 19},
    {"sse4.2", leaf1_c, 20},
    {"movbe", leaf1_c, 22},
    {"popcnt", leaf1_c, 23},
    {"avx", leaf1_c, 28, saves_ymm},
    {"f16c", leaf1_c, 29, saves_ymm},
    {"bmi", leaf7_b, 3},
    {"avx2", leaf7_b, 5, saves_ymm},
    {"bmi2", leaf7_b, 8},
    {"avx512f", leaf7_b, 16, saves_zmm},
    {"avx512dq", leaf7_b, 17, saves_zmm},
    {"avx512ifma", leaf7_b, 21, saves_zmm},
    {"avx512cd", leaf7_b, 28, saves_zmm},
    {"avx512bw", leaf7_b, 30, saves_zmm},
    {"avx512vl", leaf7_b, 31, saves_zmm},
    {"avx512vbmi", leaf7_c, 1, saves_zmm},
    {"avx512vbmi2", leaf7_c, 6, saves_zmm},
    {"gfni", leaf7_c, 8},
    {"vaes", leaf7_c, 9, saves_ymm},
    {"vpclmulqdq", leaf7_c, 10, saves_ymm},
    {"avx512vnni", leaf7_c, 11, saves_zmm},
    {"avx512bitalg", leaf7_c, 12, saves_zmm},
    {"avx512vpopcntdq", leaf7_c, 14, saves_zmm},
    {"avx512fp16", leaf7_d, 23, saves_zmm},
    {"avxvnni", leaf7_1_a, 4, saves_ymm},
    {"avx512bf16", leaf7_1_a, 5, saves_zmm},
    {"sahf", extended_c, 0},
    {"lzcnt", extended_c, 5},
};

const Feature* find_feature(std::string_view name) {
  const auto* found = std::ranges::find(x86_features, name, &Feature::name);
  return found == std::end(x86_features) ? nullptr : found;
}

/// LLVM's permission to use 512-bit registers, which is no property of the processor.
bool is_permission(std::string_view feature) { return feature == "+evex512"; }

using Masks = std::array<std::uint32_t, answers>;

Masks masks_of(const ir::Target& target) {
  Masks masks{};
  for (const std::string& feature : target.features) {
    if (feature.front() != '+' || is_permission(feature)) continue;
    const Feature* known = find_feature(std::string_view(feature).substr(1));
    if (known == nullptr)
      user_error("export: code cannot ask a processor for '", feature.substr(1), "'; use object_target()");
    masks[known->answer] |= 1U << known->bit;
    masks[saved_registers] |= known->saved;
  }
  return masks;
}

class Asker {
 public:
  explicit Asker(llvm::Module& module)
      : b_(module.getContext()),
        function_(llvm::Function::Create(llvm::FunctionType::get(b_.getInt32Ty(), false),
                                         llvm::Function::InternalLinkage, "choose_target", module)) {
    b_.SetInsertPoint(block("entry"));
  }

  llvm::Function* choose(std::span<const ir::Target> targets) {
    if (is_x86(targets.front())) {
      const std::array<llvm::Value*, answers> words = ask();
      for (std::size_t k = 0; k < targets.size(); ++k) return_if_has(words, masks_of(targets[k]), number(k));
      b_.CreateRet(number(targets.size()));
    } else {
      b_.CreateRet(number(0));  // such targets have no feature beyond the architecture's least
    }
    return function_;
  }

 private:
  llvm::BasicBlock* block(const char* name) { return llvm::BasicBlock::Create(b_.getContext(), name, function_); }
  llvm::ConstantInt* number(std::size_t k) { return b_.getInt32(static_cast<std::uint32_t>(k)); }

  std::array<llvm::Value*, answers> ask() {
    llvm::Value* none = b_.getInt32(0);
    llvm::Value* most = register_of(cpuid(0, 0), 0);
    llvm::Value* leaf1 = cpuid(1, 0);
    // Of a leaf that is not there the processor answers anything.
    const auto known = [&](llvm::Value* last, std::uint32_t leaf, llvm::Value* word) {
      return b_.CreateSelect(b_.CreateICmpUGE(last, b_.getInt32(leaf)), word, none);
    };
    llvm::Value* leaf7 = cpuid(7, 0);
    const auto of_leaf7 = [&](unsigned r) { return known(most, 7, register_of(leaf7, r)); };
    llvm::Value* sublevels = of_leaf7(0);
    llvm::Value* leaf7_1 = known(sublevels, 1, register_of(cpuid(7, 1), 0));
    llvm::Value* most_extended = register_of(cpuid(0x80000000U, 0), 0);
    llvm::Value* extended = known(most_extended, 0x80000001U, register_of(cpuid(0x80000001U, 0), 2));
    llvm::Value* c = register_of(leaf1, 2);
    llvm::Value* saved = saves(c);
    return {c, of_leaf7(1), of_leaf7(2), of_leaf7(3), leaf7_1, extended, saved};
  }

  llvm::Value* cpuid(std::uint32_t leaf, std::uint32_t sublevel) {
    llvm::Type* i32 = b_.getInt32Ty();
    auto* type = llvm::FunctionType::get(llvm::StructType::get(i32, i32, i32, i32), {i32, i32}, false);
    auto* code = llvm::InlineAsm::get(type, "cpuid", "={ax},={bx},={cx},={dx},{ax},{cx}", /*hasSideEffects=*/true);
    return b_.CreateCall(type, code, {b_.getInt32(leaf), b_.getInt32(sublevel)});
  }
  /// 0 to 3: eax, ebx, ecx, edx.
  llvm::Value* register_of(llvm::Value* answer, unsigned r) { return b_.CreateExtractValue(answer, r); }

  /// XCR0, or 0 where the instruction that reads it is not permitted.
  llvm::Value* saves(llvm::Value* leaf1_ecx) {
    constexpr std::uint32_t osxsave = 1U << 27U;
    llvm::BasicBlock* before = b_.GetInsertBlock();
    llvm::BasicBlock* permitted = block("permitted");
    llvm::BasicBlock* next = block("asked");
    b_.CreateCondBr(b_.CreateICmpNE(b_.CreateAnd(leaf1_ecx, osxsave), b_.getInt32(0)), permitted, next);
    b_.SetInsertPoint(permitted);
    llvm::Type* i32 = b_.getInt32Ty();
    auto* type = llvm::FunctionType::get(llvm::StructType::get(i32, i32), {i32}, false);
    auto* code = llvm::InlineAsm::get(type, ".byte 0x0f, 0x01, 0xd0", "={ax},={dx},{cx}", /*hasSideEffects=*/true);
    llvm::Value* read = register_of(b_.CreateCall(type, code, {b_.getInt32(0)}), 0);
    b_.CreateBr(next);
    b_.SetInsertPoint(next);
    llvm::PHINode* saved = b_.CreatePHI(i32, 2);
    saved->addIncoming(b_.getInt32(0), before);
    saved->addIncoming(read, permitted);
    return saved;
  }

  void return_if_has(const std::array<llvm::Value*, answers>& words, const Masks& masks, llvm::Value* result) {
    llvm::Value* has = b_.getTrue();
    for (std::size_t k = 0; k < masks.size(); ++k) {
      if (masks[k] == 0) continue;
      llvm::Value* mask = b_.getInt32(masks[k]);
      has = b_.CreateAnd(has, b_.CreateICmpEQ(b_.CreateAnd(words[k], mask), mask));
    }
    llvm::BasicBlock* yes = block("has");
    llvm::BasicBlock* no = block("has_not");
    b_.CreateCondBr(has, yes, no);
    b_.SetInsertPoint(yes);
    b_.CreateRet(result);
    b_.SetInsertPoint(no);
  }

  llvm::IRBuilder<> b_;
  llvm::Function* function_;
};

constexpr std::string_view target_names[] = {"host", "x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"};

/// The levels of the x86-64 psABI; each has what the one before has.
std::vector<std::string> level_features(std::string_view level) {
  std::vector<std::string> features = {"+cx16", "+popcnt", "+sahf", "+sse3", "+sse4.1", "+sse4.2", "+ssse3"};
  const auto add = [&](std::initializer_list<const char*> more) {
    features.insert(features.end(), more.begin(), more.end());
  };
  if (level != "x86-64-v2") add({"+avx", "+avx2", "+bmi", "+bmi2", "+f16c", "+fma", "+lzcnt", "+movbe"});
  if (level == "x86-64-v4") add({"+avx512bw", "+avx512cd", "+avx512dq", "+avx512f", "+avx512vl"});
  std::ranges::sort(features);
  return features;
}

bool can_be_asked(const ir::Target& target, const std::string& feature) {
  return feature.front() == '+' && is_x86(target) &&
         (is_permission(feature) || find_feature(std::string_view(feature).substr(1)) != nullptr);
}

}  // namespace

bool is_x86(const ir::Target& target) { return target.triple.starts_with("x86_64"); }

llvm::Function* emit_cpu_choice(llvm::Module& module, std::span<const ir::Target> targets) {
  return Asker(module).choose(targets);
}

ir::Target least_target(const ir::Target& target) {
  ir::Target least = target;
  least.features.clear();
  set_vector_properties(least);
  return least;
}

std::string checked_features(const ir::Target& target) {
  std::string text;
  for (const std::string& feature : target.features)
    if (feature.front() == '+' && !is_permission(feature)) text += (text.empty() ? "" : ",") + feature.substr(1);
  return text;
}

ir::Target object_target(std::string_view name) {
  if (std::ranges::find(target_names, name) == std::end(target_names))
    user_error("export: unknown target '", name, "'", ir::did_you_mean(name, target_names),
               "; targets are host, x86-64-v2, x86-64-v3, x86-64-v4 and aarch64");
  ir::Target target;
  if (name == "host") {
    target = host_target();
    std::erase_if(target.features, [&](const std::string& f) { return !can_be_asked(target, f); });
  } else if (name == "aarch64") {
    target.triple = "aarch64-unknown-linux-gnu";
  } else {
    target.triple = "x86_64-unknown-linux-gnu";
    target.features = level_features(name);
  }
  if (!has_code_generator(target.triple))
    user_error("export: this LLVM was built without a code generator for ", target.triple, "; target '", name,
               "' needs one that has it");
  set_vector_properties(target);
  return target;
}

}  // namespace sinter::runtime
