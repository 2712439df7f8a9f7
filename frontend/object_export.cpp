#include "object_export.h"

#include <sinter/frontend/safetensors.h>
#include <sinter/ir/error.h>
#include <sinter/ir/near_matches.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/object_file.h>

#include <algorithm>
#include <filesystem>

#include "atomic_file.h"
#include "safetensors_begin.h"

namespace sinter {

namespace detail {

namespace {

constexpr std::size_t state_alignment = 64;

/// The largest power of two that divides the size, up to a cache line. With the largest first, every tensor of a blob
/// without holes begins at a multiple of it.
std::int64_t evenness(const Array& a) {
  std::int64_t most = 1;
  while (most < static_cast<std::int64_t>(state_alignment) && a.type().bytes() % (2 * most) == 0) most *= 2;
  return most;
}

/// The states in the order of the blob.
TensorFile state_file(const StateContents& states) {
  TensorFile file;
  file.metadata = {{"format", "sinter state"}};
  for (const auto& [name, contents] : states) file.tensors.emplace_back(name, contents);
  std::ranges::sort(file.tensors, {}, [](const auto& t) { return std::pair(-evenness(t.second), t.first); });
  return file;
}

runtime::StateImage image_of(const TensorFile& file) {
  runtime::StateImage image;
  image.bytes = safetensors_begin("export", file, state_alignment);
  image.header_bytes = static_cast<std::int64_t>(image.bytes.size());
  for (const auto& [name, contents] : file.tensors) {
    image.states.push_back({name, contents.type(), static_cast<std::int64_t>(image.bytes.size())});
    image.bytes.append(reinterpret_cast<const char*>(contents.bytes().data()), contents.bytes().size());
  }
  return image;
}

std::vector<runtime::ObjectStep> lowered(const std::vector<ExportedFunction>& functions,
                                         const std::vector<ir::Target>& targets,
                                         std::optional<std::int64_t> memory_budget) {
  std::vector<runtime::ObjectStep> steps;
  for (const ExportedFunction& function : functions) {
    runtime::ObjectStep step{function.name, {}, function.fixed, function.index_of};
    for (const ir::Target& target : targets) {
      passes::Options options;
      options.target = target;
      options.memory_budget = memory_budget;
      step.programs.push_back(passes::compile(function.graph, options));
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

/// "out/my-model.o" -> "my_model".
std::string prefix_of(const std::filesystem::path& path) {
  std::string prefix;
  for (const char c : path.stem().string()) prefix += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return prefix;
}

void write(const std::string& path, const std::string& text) {
  const std::span<const std::byte> parts[] = {std::as_bytes(std::span(text))};
  replace_file(path, parts);
}

}  // namespace

void write_object(const std::string& path, const std::vector<ExportedFunction>& functions, const StateContents& states,
                  const ExportOptions& options) {
  runtime::ObjectOptions object_options;
  object_options.prefix = options.prefix.empty() ? prefix_of(path) : options.prefix;
  object_options.threads = options.threads;
  for (const std::string& name : options.targets) object_options.targets.push_back(runtime::object_target(name));
  const runtime::StateImage image = image_of(state_file(states));
  const runtime::ObjectFile file = runtime::make_object_file(
      lowered(functions, object_options.targets, options.memory_budget), image, object_options);
  const std::string header =
      options.header.empty() ? std::filesystem::path(path).replace_extension(".h").string() : options.header;
  write(path, file.object);
  write(header, file.header);
}

}  // namespace detail

void export_graph(const std::string& path, const ir::Graph& graph, const std::map<std::string, Array>& states,
                  const ExportOptions& options) {
  detail::StateContents contents;
  std::vector<std::string_view> names;
  for (const ir::NodeId id : graph.states()) {
    const ir::TensorType& type = graph.node(id).results[0];
    const std::string& name = ir::name_of(graph.node(id));
    names.emplace_back(name);
    const auto given = states.find(name);
    contents[name] = given == states.end() ? Array::zeros(type.shape, type.dtype) : given->second;
    if (contents[name].type() != type)
      user_error("export: state '", name, "' is ", type, ", but its contents are ", contents[name].type());
  }
  for (const auto& [name, array] : states)
    if (!contents.contains(name))
      user_error("export: the graph has no state '", name, "'", ir::did_you_mean(name, names));
  detail::write_object(path, {{"step", graph, {}, {}}}, contents, options);
}

void put_weights(const std::string& state_file, const std::string& weights_file) {
  TensorFile state = read_safetensors(state_file);
  for (const auto& [name, weight] : read_safetensors(weights_file).tensors) {
    const auto place = std::ranges::find(state.tensors, name, [](const auto& t) { return t.first; });
    if (place == state.tensors.end())
      user_error(state_file, ": has no '", name, "' of ", weights_file, state.did_you_mean(name));
    if (place->second.type() != weight.type())
      user_error(state_file, ": '", name, "' is ", place->second.type(), ", but in ", weights_file, " it is ",
                 weight.type());
    place->second = weight;
  }
  write_safetensors(state_file, state, detail::state_alignment);
}

}  // namespace sinter
