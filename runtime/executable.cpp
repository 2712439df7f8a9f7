#include <sinter/runtime/executable.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <new>

#include <sinter/ir/error.h>
#include <sinter/ir/extern.h>

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

/// Compiled code reads constants at an address of its own choosing: aligned, and apart from the program's life.
ir::AlignedBytes copy_constant(const ir::Buffer& buffer) {
  check(buffer.data.bytes != nullptr, "constant buffer '", buffer.name, "' has no contents");
  ir::AlignedBytes copy = ir::allocate_aligned(buffer.type.bytes());
  std::copy(buffer.data.bytes->begin(), buffer.data.bytes->end(), copy.get());  // may be empty
  return copy;
}

void add_slots(const ir::Program& program, Executable::Impl& impl) {
  std::size_t counts[static_cast<std::size_t>(ir::BufferKind::slice) + 1] = {};
  for (const ir::Buffer& buffer : program.buffers) {
    std::size_t& count = counts[static_cast<std::size_t>(buffer.kind)];
    Executable::Impl::Slot slot{buffer.kind, count++, buffer.offset, buffer.type.bytes(), nullptr};
    if (buffer.kind == ir::BufferKind::constant) {
      impl.constants.push_back(copy_constant(buffer));
      slot.constant = impl.constants.back().get();
    }
    impl.slots.push_back(slot);
  }
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

/// What the program calls, by symbol.
ExternAddresses addresses_of(const ir::Program& program) {
  ExternAddresses addresses;
  for (const auto& [name, function] : ir::bound_externs(ir::extern_calls(program)))
    addresses[extern_symbol(name)] = function->address;
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

/// NAME.ll and NAME.s. Generating again keeps the common path free of dumping.
void dump(const ir::Program& program, const CompileOptions& options) {
  const std::filesystem::path directory(options.dump_directory);
  std::filesystem::create_directories(directory);
  write_file(directory / (program.name + ".ll"), Executable::llvm_ir(program, options));
  write_file(directory / (program.name + ".s"), Executable::assembly(program, options));
}

}  // namespace

std::shared_ptr<const Executable> Executable::compile(const ir::Program& program, const CompileOptions& options) {
  check_runs_here(options.target);
  const ExternAddresses externs = addresses_of(program);
  const auto start = std::chrono::steady_clock::now();
  auto impl = std::make_unique<Impl>();
  impl->signature = signature_of(program);
  impl->arena_bytes = program.arena_bytes;
  impl->workspace_bytes = step_workspace_bytes(program);
  impl->shared_bytes = step_shared_bytes(program);
  impl->parallel = program.is_parallel();
  impl->checked = options.checked;
  add_slots(program, *impl);
  impl->code = std::make_unique<LinkedCode>(step_objects(program, options, entry_name), externs);
  impl->step = reinterpret_cast<StepFunction>(impl->code->address(entry_name));
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  impl->compile_milliseconds = elapsed.count();
  if (!options.dump_directory.empty()) dump(program, options);
  return std::shared_ptr<const Executable>(new Executable(std::move(impl)));
}

Executable::Executable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Executable::~Executable() = default;

const Signature& Executable::signature() const { return impl_->signature; }
std::int64_t Executable::arena_bytes() const { return impl_->arena_bytes; }
double Executable::compile_milliseconds() const { return impl_->compile_milliseconds; }

std::string Executable::llvm_ir(const ir::Program& program, const CompileOptions& options) {
  return print_ir(generate_optimized(program, options));
}

std::string Executable::assembly(const ir::Program& program, const CompileOptions& options) {
  return emit_assembly(generate_optimized(program, options), options.target);
}

}  // namespace sinter::runtime
