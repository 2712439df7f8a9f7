#include <sinter/runtime/executable.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include <sinter/ir/error.h>
#include <sinter/ir/extern.h>

#include "compiler_pages.h"
#include "executable_impl.h"
#include "step_objects.h"

namespace sinter::runtime {

namespace {

constexpr const char* entry_name = "sinter_step";

Signature signature_of(const ir::Program& program) {
  Signature signature;
  for (const ir::Buffer& buffer : program.buffers) {
    const Port port{buffer.name, buffer.type};
    if (buffer.kind == ir::BufferKind::input) signature.inputs.push_back(port);
    if (buffer.kind == ir::BufferKind::state) signature.states.push_back(port);
    if (buffer.kind == ir::BufferKind::output) signature.outputs.push_back(port);
  }
  return signature;
}

void add_slots(const ir::Program& program, Image& image) {
  std::size_t counts[static_cast<std::size_t>(ir::BufferKind::strip) + 1] = {};
  for (const ir::Buffer& buffer : program.buffers) {
    std::size_t& count = counts[static_cast<std::size_t>(buffer.kind)];
    image.slots.push_back({buffer.kind, count++, buffer.offset, buffer.type.bytes()});
    if (buffer.kind != ir::BufferKind::constant) continue;
    check(buffer.data.bytes != nullptr, "constant buffer '", buffer.name, "' has no contents");
    image.constants.push_back(buffer.data);
  }
}

/// Compiled code reads constants at an address of its own choosing: aligned, and apart from the program's life.
ir::AlignedBytes aligned_copy(const ir::TensorData& constant) {
  ir::AlignedBytes copy = ir::allocate_aligned(constant.type.bytes());
  std::copy(constant.bytes->begin(), constant.bytes->end(), copy.get());  // may be empty
  return copy;
}

/// Code for another processor would compile well and end the process when run.
void check_runs_here(const ir::Target& target) {
  static const std::vector<std::string> host = host_features();
  if (target.triple.empty())
    user_error("compile: the options name no target; set CompileOptions::target = host_target()");
  for (const std::string& feature : target.features) {
    if (feature.front() != '+' || std::binary_search(host.begin(), host.end(), feature)) continue;
    user_error("compile: the target has ", feature.substr(1), ", but this processor has not; use host_target()");
  }
}

ExternAddresses addresses_of(const std::map<std::string, ir::ExternPointer>& externs) {
  ExternAddresses addresses;
  for (const auto& [name, function] : externs) addresses[extern_symbol(name)] = function->address;
  return addresses;
}

GeneratedModule generate_optimized(const ir::Program& program, const CompileOptions& options) {
  GeneratedModule generated = generate(program, options, entry_name);
  optimize(generated, options.target);
  return generated;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush()) user_error("cannot write ", path.string());
}

class Stopwatch {
 public:
  double milliseconds() const {
    const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start_;
    return elapsed.count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// NAME.ll and NAME.s. Generating again keeps the common path free of dumping.
void dump(const ir::Program& program, const CompileOptions& options) {
  const std::filesystem::path directory(options.dump_directory);
  std::filesystem::create_directories(directory);
  write_file(directory / (program.name + ".ll"), Executable::llvm_ir(program, options));
  write_file(directory / (program.name + ".s"), Executable::assembly(program, options));
}

}  // namespace

Image Executable::build(const ir::Program& program, const CompileOptions& options) {
  check_runs_here(options.target);
  Image image;
  image.signature = signature_of(program);
  image.arena_bytes = program.arena_bytes;
  image.workspace_bytes = step_workspace_bytes(program);
  image.shared_bytes = step_shared_bytes(program);
  image.parallel = program.is_parallel();
  image.checked = options.checked;
  add_slots(program, image);
  image.objects = step_objects(program, options, entry_name);
  if (!options.dump_directory.empty()) dump(program, options);
  return image;
}

std::shared_ptr<const Executable> Executable::link(Image image,
                                                   const std::map<std::string, ir::ExternPointer>& externs) {
  const Stopwatch stopwatch;
  auto impl = std::make_unique<Impl>();
  const auto constants = std::count_if(image.slots.begin(), image.slots.end(),
                                       [](const Image::Slot& slot) { return slot.kind == ir::BufferKind::constant; });
  check(static_cast<std::size_t>(constants) == image.constants.size(), "an image without its constants");
  for (const ir::TensorData& constant : image.constants) impl->constants.push_back(aligned_copy(constant));
  impl->code = std::make_unique<LinkedCode>(image.objects, addresses_of(externs));
  impl->step = reinterpret_cast<StepFunction>(impl->code->address(entry_name));
  give_back_compiler_pages();
  image.objects.clear();
  image.constants.clear();
  impl->image = std::move(image);
  impl->compile_milliseconds = stopwatch.milliseconds();
  return std::shared_ptr<const Executable>(new Executable(std::move(impl)));
}

std::shared_ptr<const Executable> Executable::compile(const ir::Program& program, const CompileOptions& options) {
  const auto externs = ir::bound_externs(ir::extern_calls(program));
  const Stopwatch stopwatch;
  std::shared_ptr<const Executable> executable = link(build(program, options), externs);
  executable->impl_->compile_milliseconds = stopwatch.milliseconds();
  return executable;
}

Executable::Executable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Executable::~Executable() = default;

const Signature& Executable::signature() const { return impl_->image.signature; }
std::int64_t Executable::arena_bytes() const { return impl_->image.arena_bytes; }
double Executable::compile_milliseconds() const { return impl_->compile_milliseconds; }

std::string Executable::llvm_ir(const ir::Program& program, const CompileOptions& options) {
  return print_ir(generate_optimized(program, options));
}

std::string Executable::assembly(const ir::Program& program, const CompileOptions& options) {
  return emit_assembly(generate_optimized(program, options), options.target);
}

}  // namespace sinter::runtime
