#include "bound_program.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <sinter/ir/error.h>
#include <sinter/ir/extern.h>
#include <sinter/ir/text.h>
#include <sinter/passes/debug.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/code_cache.h>
#include <sinter/runtime/digest.h>

#include "protocol.h"

namespace sinter::bench {

namespace {

runtime::CompileOptions code_options(const CompileChoices& choices) {
  runtime::CompileOptions options;
  options.target = choices.target();
  options.dump_directory = passes::dump_directory();
  return options;
}

}  // namespace

std::byte* Storage::get(const std::string& name, std::int64_t bytes) {
  ir::AlignedBytes& block = blocks_[name];
  if (block == nullptr) block = ir::allocate_zeros(bytes);
  return block.get();
}

void Storage::fill(const std::string& name, const Array& contents) {
  const auto bytes = contents.bytes();
  std::memcpy(get(name, static_cast<std::int64_t>(bytes.size())), bytes.data(), bytes.size());
}

std::string input_block(std::size_t batch, const std::string& name) { return str("input ", batch, ' ', name); }
std::string state_block(const std::string& name) { return "state " + name; }
std::string output_block(const std::string& name) { return "output " + name; }

ir::Target CompileChoices::target() const {
  const ir::Target host = runtime::host_target();
  return level.empty() ? host : runtime::restrict_target(host, level);
}

ir::Program compile_program(const ir::Graph& graph, const CompileChoices& choices) {
  passes::Options options;
  options.target = choices.target();
  options.disabled = choices.disabled;
  options.memory_budget = choices.memory_budget;
  return passes::compile(graph, options);
}

BoundProgram::BoundProgram(const ir::Program& program, Storage& storage, const CompileChoices& choices,
                           std::size_t batches)
    : session_(runtime::Executable::compile(program, code_options(choices)), choices.threads), inputs_(batches) {
  for (std::size_t k = 0; k < batches; ++k)
    for (const runtime::Port& p : signature().inputs)
      inputs_[k].push_back(storage.get(input_block(k, p.name), p.type.bytes()));
  for (const runtime::Port& p : signature().states) states_.push_back(storage.get(state_block(p.name), p.type.bytes()));
  for (const runtime::Port& p : signature().outputs)
    outputs_.push_back(storage.get(output_block(p.name), p.type.bytes()));
}

std::string states_digest(Storage& storage, const runtime::Signature& signature) {
  std::vector<std::span<const std::byte>> parts;
  for (const runtime::Port& p : signature.states)
    parts.emplace_back(storage.get(state_block(p.name), p.type.bytes()), static_cast<std::size_t>(p.type.bytes()));
  return runtime::sha256(parts);
}

double milliseconds_from_cache(const ir::Graph& graph, const CompileChoices& choices) {
  std::string directory = (std::filesystem::temp_directory_path() / "sinter-bench-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) user_error("cannot make a directory like ", directory);
  const runtime::CodeCache cache(directory);
  const auto key = [&] {
    return runtime::cache_key(ir::print(graph), choices.target(), choices.disabled, choices.memory_budget);
  };
  const std::string trouble =
      cache.keep(key(), runtime::Executable::build(compile_program(graph, choices), code_options(choices)));
  if (!trouble.empty()) user_error(trouble);
  std::vector<double> times;
  for (int k = 0; k < 9; ++k) {
    const double start = now();
    runtime::CodeCache::Found found = cache.find(key());
    runtime::Executable::link(std::move(found.image).value(), ir::bound_externs(ir::extern_calls(graph)));
    times.push_back(1e3 * (now() - start));
  }
  std::filesystem::remove_all(directory);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void fill_storage(Storage& storage, const std::vector<Batch>& batches, TrainingGraph& graph) {
  for (std::size_t k = 0; k < batches.size(); ++k)
    for (const auto& [name, array] : batches[k]) storage.fill(input_block(k, name), array);
  for (const auto& [name, array] : graph.scalars) storage.fill(state_block(name), array);
  for (auto& [name, variable] : graph.weights) {
    storage.fill(state_block(name), variable.value());
    variable = Variable();
  }
}

}  // namespace sinter::bench
