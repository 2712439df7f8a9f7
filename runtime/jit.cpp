#include "jit.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include <llvm/Analysis/CGSCCPassManager.h>
#include <llvm/Analysis/LoopAnalysisManager.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/DiagnosticPrinter.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/VirtualFileSystem.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/Transforms/Scalar/ADCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>

#include <sinter/ir/error.h>

#include "checked.h"
#include "constant_offsets.h"
#include "llvm_compat.h"
#include "narrow_stores.h"

namespace sinter::runtime {

GeneratedModule::GeneratedModule() = default;
GeneratedModule::~GeneratedModule() = default;
GeneratedModule::GeneratedModule(GeneratedModule&& other) noexcept = default;
GeneratedModule& GeneratedModule::operator=(GeneratedModule&& other) noexcept {
  std::swap(module, other.module);  // the old module dies before its context
  std::swap(context, other.context);
  return *this;
}

namespace {

void check_error(llvm::Error error, const char* what) {
  if (error) internal_error(what, ": ", llvm::toString(std::move(error)));
}

template <class T>
T take(llvm::Expected<T> expected, const char* what) {
  if (!expected) internal_error(what, ": ", llvm::toString(expected.takeError()));
  return std::move(*expected);
}

void initialize_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();  // object files ask the processor through inline assembly
    llvm::vfs::getRealFileSystem();           // pass builders of several threads share it; made before there are any
  });
}

/// The others take a while, and only exports need them.
void initialize_all_targets() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
  });
}

/// A processor about which LLVM assumes nothing; the feature list says all. Names lie under hypervisors.
std::string plain_cpu(const std::string& triple) {
  return llvm::Triple(triple).getArch() == llvm::Triple::x86_64 ? "x86-64" : "generic";
}

std::string joined(const std::vector<std::string>& features) {
  std::string all;
  for (const std::string& feature : features) all += (all.empty() ? "" : ",") + feature;
  return all;
}

std::unique_ptr<llvm::TargetMachine> make_machine(const ir::Target& target, Sections sections = Sections::one) {
  initialize_llvm();
  std::string error;
  const llvm::Target* llvm_target = compat::find_target(target.triple, error);
  if (llvm_target == nullptr) internal_error("no code generator for ", target.triple, ": ", error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;  // an FMA is what the IR says is one
  options.FunctionSections = options.DataSections = sections == Sections::one_each;
  auto machine = compat::target_machine(*llvm_target, target.triple, plain_cpu(target.triple), joined(target.features),
                                        options, llvm::CodeGenOptLevel::Default);
  check(machine != nullptr, "no target machine for ", target.triple);
  return machine;
}

/// Sets what the module has to know of the machine, which it returns.
std::unique_ptr<llvm::TargetMachine> prepare(GeneratedModule& generated, const ir::Target& target) {
  auto machine = make_machine(target);
  compat::set_triple(*generated.module, target.triple);
  generated.module->setDataLayout(machine->createDataLayout());
  return machine;
}

bool wants_verification() {
#ifdef NDEBUG
  return std::getenv("SINTER_VERIFY_LLVM") != nullptr;
#else
  return true;
#endif
}

void verify_module(const llvm::Module& module) {
  std::string problems;
  llvm::raw_string_ostream out(problems);
  if (llvm::verifyModule(module, &out)) internal_error("invalid LLVM IR:\n", problems);
}

void add_attributes(llvm::Module& module, const ir::Target& target) {
  const std::string cpu = plain_cpu(target.triple);
  const std::string features = joined(target.features);
  const std::string bits = std::to_string(target.vector_bits);
  for (llvm::Function& function : module) {
    if (function.isDeclaration() || function.hasFnAttribute("target-cpu")) continue;
    function.addFnAttr("target-cpu", cpu);
    function.addFnAttr("target-features", features);
    // 512-bit registers are used only if asked for.
    function.addFnAttr("prefer-vector-width", bits);
    function.addFnAttr("min-legal-vector-width", bits);
    // Constants fold as the hardware computes: denormals are flushed (Session::run sees to it).
    function.addFnAttr("denormal-fp-math", "preserve-sign,preserve-sign");
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // Without a frame pointer the stack of a function without vectors of its own stays as the caller left it, and
    // whether the registers that the code generator puts there cross cache lines is a matter of luck: W8 took a fifth
    // longer.
    function.addFnAttr("frame-pointer", "all");
  }
}

/// The IR arrives blocked and vectorised. What is left: clean up what generating it naively left behind, and hoist what
/// does not change in a loop. No pass here may touch the order of float operations or turn selects into minima (which
/// flush denormals; so no InstCombine), and none does.
llvm::FunctionPassManager pass_list() {
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass());
  passes.addPass(llvm::SimplifyCFGPass());
  llvm::LoopPassManager loops;
  loops.addPass(llvm::LICMPass(llvm::LICMOptions()));
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(std::move(loops), /*UseMemorySSA=*/true));
  passes.addPass(llvm::EarlyCSEPass());
  passes.addPass(llvm::ADCEPass());
  return passes;
}

void run_passes(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  llvm::ModulePassManager all;
  all.addPass(llvm::createModuleToFunctionPassAdaptor(pass_list()));
  all.run(module, modules);
}

/// LLVM's default reaction to a complaint of its code generator is to end the process.
void collect_error(const llvm::DiagnosticInfo* info, void* messages) {
  if (info->getSeverity() != llvm::DS_Error) return;
  llvm::raw_string_ostream out(*static_cast<std::string*>(messages));
  llvm::DiagnosticPrinterRawOStream printer(out);
  info->print(printer);
  out << "\n";
}

/// Passes that find nothing in our code, or nothing that is worth its time. Other versions of LLVM may call them
/// otherwise; then they run.
bool left_out(llvm::StringRef pass) {
  // Took half of all compile time, and gains nothing once constants stand last in addresses (constant_offsets.h).
  if (pass == "Loop Strength Reduction") return true;
  // Only that pass needs it; computes scalar evolution.
  if (pass == "Canonicalize Freeze Instructions in Loops") return true;
  // No code of ours is changed by these: it compares no memory, calls no mathematics, and has few scalar branches.
  return pass == "X86 Domain Reassignment Pass" || pass == "Merge contiguous icmps into a memcmp" ||
         pass == "Expand memcmp() to load/stores" || pass == "Partially inline calls to library functions" ||
         pass == "Interleaved Access Pass" || pass == "Replace intrinsics with calls to vector library" ||
         pass == "Early If-Conversion" || pass == "X86 cmov Conversion";
}

/// The code generator's passes without those.
class CodePasses : public llvm::legacy::PassManager {
 public:
  void add(llvm::Pass* pass) override {
    if (left_out(pass->getPassName()))
      delete pass;  // the caller gives it away
    else
      llvm::legacy::PassManager::add(pass);
  }
};

std::string emit(GeneratedModule generated, const ir::Target& target, llvm::CodeGenFileType type, Sections sections) {
  const auto machine = make_machine(target, sections);
  std::string errors;
  generated.context->setDiagnosticHandlerCallBack(&collect_error, &errors);
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  CodePasses passes;
  const bool unable = machine->addPassesToEmitFile(passes, out, nullptr, type, /*DisableVerify=*/true);
  check(!unable, "the target cannot emit this kind of file");
  passes.run(*generated.module);
  if (!errors.empty()) internal_error("code generation failed: ", errors);
  return {bytes.data(), bytes.size()};
}

template <class Function>
llvm::orc::ExecutorSymbolDef exported(Function* function) {
  return {llvm::orc::ExecutorAddr::fromPtr(function), llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
}

/// Everything that compiled code may call. LLVM itself asks for the first group when it turns loads and stores into
/// calls, and for the second only on processors without the instruction.
llvm::orc::SymbolMap available_symbols(llvm::orc::ExecutionSession& session, const ExternAddresses& externs) {
  llvm::orc::SymbolMap symbols;
  const auto add = [&](const char* name, auto* function) { symbols[session.intern(name)] = exported(function); };
  add("memcpy", &std::memcpy);
  add("memmove", &std::memmove);
  add("memset", &std::memset);
  add("fma", static_cast<double (*)(double, double, double)>(&::fma));
  add("fmaf", &::fmaf);
  add("floor", static_cast<double (*)(double)>(&::floor));
  add("floorf", &::floorf);
  add("roundeven", static_cast<double (*)(double)>(&::nearbyint));  // in the rounding mode of steps
  add("roundevenf", &::nearbyintf);
  add(bounds_violation_symbol, &sinter_bounds_violation);
  for (const auto& [symbol, function] : externs) add(symbol.c_str(), function);
  return symbols;
}

}  // namespace

void prepare_module(GeneratedModule& generated, const ir::Target& target) { prepare(generated, target); }

void attach_target(GeneratedModule& generated, const ir::Target& target) { add_attributes(*generated.module, target); }

void optimize(GeneratedModule& generated, const ir::Target& target) {
  const auto machine = prepare(generated, target);
  add_attributes(*generated.module, target);
  if (wants_verification()) verify_module(*generated.module);
  separate_constant_offsets(*generated.module);
  run_passes(*generated.module, *machine);
  write_single_narrow_lanes(*generated.module);
  if (wants_verification()) verify_module(*generated.module);
}

std::string print_ir(const GeneratedModule& generated) {
  std::string text;
  llvm::raw_string_ostream out(text);
  generated.module->print(out, nullptr);
  return text;
}

std::string emit_object(GeneratedModule generated, const ir::Target& target, Sections sections) {
  return emit(std::move(generated), target, llvm::CodeGenFileType::ObjectFile, sections);
}

std::string emit_assembly(GeneratedModule generated, const ir::Target& target) {
  return emit(std::move(generated), target, llvm::CodeGenFileType::AssemblyFile, Sections::one);
}

struct LinkedCode::Impl {
  // Tasks run on the calling thread: LLVM's own pool would not survive a fork.
  Impl()
      : session(take(llvm::orc::SelfExecutorProcessControl::Create(
                         nullptr, std::make_unique<llvm::orc::InPlaceTaskDispatcher>()),
                     "JIT")),
        layer(session),
        library(session.createBareJITDylib("step")) {
    // The default reporter prints; what matters comes back as the error of a lookup too.
    session.setErrorReporter([this](llvm::Error error) { problems += llvm::toString(std::move(error)) + "\n"; });
  }
  ~Impl() {
    if (llvm::Error error = session.endSession()) llvm::consumeError(std::move(error));
  }

  std::string problems;  // reported beside the errors that were returned
  llvm::orc::ExecutionSession session;
  llvm::orc::ObjectLinkingLayer layer;
  llvm::orc::JITDylib& library;
};

LinkedCode::LinkedCode(const std::vector<std::string>& objects, const ExternAddresses& externs) {
  initialize_llvm();
  impl_ = std::make_unique<Impl>();
  check_error(impl_->library.define(llvm::orc::absoluteSymbols(available_symbols(impl_->session, externs))),
              "JIT symbols");
  for (const std::string& object : objects) {
    auto buffer = llvm::MemoryBuffer::getMemBufferCopy(object, "step");
    check_error(impl_->layer.add(impl_->library, std::move(buffer)), "linking");
  }
}

LinkedCode::~LinkedCode() = default;

void* LinkedCode::address(const std::string& symbol) const {
  auto found = impl_->session.lookup({&impl_->library}, symbol);
  if (!found) internal_error("linking: ", llvm::toString(found.takeError()), "\n", impl_->problems);
  return found->getAddress().toPtr<void*>();
}

std::unique_ptr<LinkedCode> compile_modules(std::vector<GeneratedModule> modules, const ir::Target& target,
                                            const ExternAddresses& externs) {
  std::vector<std::string> objects;
  for (GeneratedModule& generated : modules) {
    optimize(generated, target);
    objects.push_back(emit_object(std::move(generated), target));
  }
  return std::make_unique<LinkedCode>(objects, externs);
}

std::vector<std::string> undefined_symbols(const std::string& object) {
  const llvm::MemoryBufferRef buffer(object, "step");
  const auto file = take(llvm::object::ObjectFile::createObjectFile(buffer), "reading an object");
  std::vector<std::string> names;
  for (const llvm::object::SymbolRef& symbol : file->symbols()) {
    const std::uint32_t flags = take(symbol.getFlags(), "reading an object");
    if ((flags & llvm::object::SymbolRef::SF_Undefined) == 0) continue;
    const std::string name = take(symbol.getName(), "reading an object").str();
    if (!name.empty()) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool has_code_generator(const std::string& triple) {
  initialize_all_targets();
  std::string error;
  return compat::find_target(triple, error) != nullptr;
}

std::string host_triple() { return llvm::sys::getProcessTriple(); }

std::vector<std::string> host_features() {
  std::vector<std::string> features;
  for (const auto& feature : llvm::sys::getHostCPUFeatures()) {
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  }
  std::sort(features.begin(), features.end());
  return features;
}

}  // namespace sinter::runtime
