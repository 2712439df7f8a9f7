// The functions of an object file that look after memory: init, check_state and prepare. And its tables.

#include <algorithm>

#include <llvm/IR/Constants.h>

#include "object_glue.h"

namespace sinter::runtime {

namespace {

/// A part of the state blob that does not begin as zeros.
struct Segment {
  std::size_t begin = 0, end = 0;
};

/// Optimizer slots begin as zeros: only what lies between long runs of zeros is kept.
std::vector<Segment> segments_of(const std::string& bytes) {
  constexpr std::size_t long_run = 256;
  std::vector<Segment> segments;
  for (std::size_t k = bytes.find_first_not_of('\0'); k != std::string::npos; k = bytes.find_first_not_of('\0', k)) {
    if (segments.empty() || k - segments.back().end >= long_run) segments.push_back({k, k});
    k = std::min(bytes.find('\0', k), bytes.size());
    segments.back().end = k;
  }
  return segments;
}

/// The name of a dtype or tensor in an array of fixed length, closed by zeros.
llvm::Constant* text(llvm::LLVMContext& context, std::string contents, std::size_t length) {
  contents.resize(length, '\0');
  return llvm::ConstantDataArray::getString(context, contents, /*AddNull=*/false);
}

/// An entry of a table: PREFIX_tensor of the header.
struct Entry {
  std::string name;
  ir::TensorType type;
  std::int64_t offset = 0;
};

class Tables {
 public:
  explicit Tables(ObjectModule& object)
      : object_(object),
        i64_(llvm::Type::getInt64Ty(object.context())),
        i32_(llvm::Type::getInt32Ty(object.context())) {}

  void emit(const std::string& name, const std::vector<Entry>& entries) {
    if (entries.empty()) return;
    std::vector<llvm::Constant*> rows;
    for (const Entry& entry : entries) rows.push_back(row(entry));
    auto* type = llvm::ArrayType::get(rows.front()->getType(), rows.size());
    object_.visible(object_.plan().symbol(name), llvm::ConstantArray::get(type, rows), 8);
  }

 private:
  llvm::Constant* row(const Entry& entry) {
    std::vector<std::uint64_t> shape(object_.plan().most_axes(), 1);
    std::ranges::copy(entry.type.shape, shape.begin());
    return llvm::ConstantStruct::getAnon(
        {text(object_.context(), entry.name, object_.plan().name_bytes()),
         text(object_.context(), std::string(to_string(entry.type.dtype)), 8),
         llvm::ConstantInt::get(i32_, static_cast<std::uint64_t>(entry.type.shape.rank())),
         llvm::ConstantDataArray::get(object_.context(), shape),
         llvm::ConstantInt::get(i64_, static_cast<std::uint64_t>(entry.offset)),
         llvm::ConstantInt::get(i64_, static_cast<std::uint64_t>(entry.type.bytes()))});
  }

  ObjectModule& object_;
  llvm::Type* i64_;
  llvm::Type* i32_;
};

std::vector<Entry> entries_of(const PlannedStep& planned, bool outputs) {
  std::vector<Entry> entries;
  std::int64_t place = 2;  // state and work come first
  for (const ObjectArgument& argument : planned.arguments) {
    if (argument.output == outputs) entries.push_back({argument.name, argument.type, place * 8});
    ++place;
  }
  return entries;
}

}  // namespace

llvm::Function* emit_init(ObjectModule& object) {
  const ObjectPlan& plan = object.plan();
  const std::string& image = plan.image->bytes;
  GlueFunction f(object, plan.symbol("init"), Visibility::visible, {llvm::PointerType::get(object.context(), 0)});
  llvm::Value* state = f.argument(0);
  f.return_if(f.is_wrong(state, object_alignment), object_error_argument);
  if (!plan.writes_state()) {  // nothing ever changes it, so it can be used where it lies
    llvm::Constant* whole = llvm::ConstantDataArray::getString(object.context(), image, /*AddNull=*/false);
    f.copy(state, object.visible(plan.symbol("initial_state"), whole, object_alignment), plan.state_bytes());
  } else {
    f.clear(state, plan.state_bytes());
    for (const Segment& segment : segments_of(image))
      f.copy(f.at(state, static_cast<std::int64_t>(segment.begin)),
             object.bytes(std::string_view(image).substr(segment.begin, segment.end - segment.begin)),
             static_cast<std::int64_t>(segment.end - segment.begin));
  }
  f.return_code(object_ok);
  return f.function();
}

llvm::Function* emit_check_state(ObjectModule& object) {
  const ObjectPlan& plan = object.plan();
  GlueFunction f(object, plan.symbol("check_state"), Visibility::visible,
                 {llvm::PointerType::get(object.context(), 0)});
  llvm::IRBuilder<>& b = f.builder();
  f.return_if(f.is_wrong(f.argument(0), object_alignment), object_error_argument);
  const auto bytes = static_cast<std::size_t>(plan.image->header_bytes);
  llvm::Value* expected = object.bytes(std::string_view(plan.image->bytes).substr(0, bytes));
  if (bytes > 0) {
    f.repeat(f.i64(bytes), [&](llvm::Value* index) {
      const auto byte = [&](llvm::Value* base) {
        return b.CreateLoad(b.getInt8Ty(), b.CreateGEP(b.getInt8Ty(), base, index));
      };
      f.return_if(b.CreateICmpNE(byte(f.argument(0)), byte(expected)), object_error_state);
    });
  }
  f.return_code(object_ok);
  return f.function();
}

llvm::Function* emit_prepare(ObjectModule& object, llvm::Function* choose_target) {
  const ObjectPlan& plan = object.plan();
  GlueFunction f(object, plan.symbol("prepare"), Visibility::visible, {llvm::PointerType::get(object.context(), 0)});
  llvm::IRBuilder<>& b = f.builder();
  llvm::Value* work = f.argument(0);
  f.return_if(f.is_wrong(work, object_alignment), object_error_argument);
  f.clear(work, plan.arena_begin);
  llvm::Value* choice = b.CreateCall(choose_target);
  b.CreateStore(f.i64(plan.identity), work);
  b.CreateStore(choice, f.at(work, 8));
  f.return_if(b.CreateICmpEQ(choice, f.i32(static_cast<std::int64_t>(plan.options->targets.size()))), object_error_cpu);
  f.return_code(object_ok);
  return f.function();
}

void emit_tables(ObjectModule& object) {
  Tables tables(object);
  std::vector<Entry> states;
  for (const ObjectState& state : object.plan().image->states) states.push_back({state.name, state.type, state.offset});
  tables.emit("states", states);
  for (const PlannedStep& planned : object.plan().steps) {
    tables.emit(planned.step->name + "_inputs", entries_of(planned, false));
    tables.emit(planned.step->name + "_outputs", entries_of(planned, true));
  }
}

}  // namespace sinter::runtime
