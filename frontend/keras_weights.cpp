#include "keras_weights.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <sinter/ir/error.h>

#include "file_bytes.h"
#include "hdf5_file.h"
#include "model_state.h"
#include "zip_file.h"

namespace sinter::detail {

namespace {

constexpr std::string_view weights_member = "model.weights.h5";

/// How Keras calls the attributes of its layers that have weights: `own` stands before "vars", `parts` are the layers
/// within, in the order in which they are called here.
struct Attributes {
  std::string_view class_name;
  std::string_view own;
  std::vector<std::string_view> parts;
};

const Attributes* attributes_of(std::string_view class_name) {
  static const std::vector<Attributes> known = {
      {"SimpleRNN", "cell", {}},
      {"LSTM", "cell", {}},
      {"GRU", "cell", {}},
      {"Bidirectional", "", {"forward_layer", "backward_layer"}},
      {"TimeDistributed", "", {"layer"}},
      {"MultiHeadAttention", "", {"query_dense", "key_dense", "value_dense", "_dropout_layer", "output_dense"}}};
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const Attributes& a) { return a.class_name == class_name; });
  return found == known.end() ? nullptr : &*found;
}

/// The layers of a model, in Keras's groups.
class Walk {
 public:
  explicit Walk(const Model& model) {
    const LayerState& root = LayerAccess::checked(model);
    visit(root, model.class_name(), "");
  }
  std::vector<KerasPlace> places;
  std::vector<Hdf5Group> groups;

 private:
  static std::string below(const std::string& path, std::string_view name) {
    return path.empty() || name.empty() ? str(path, name) : str(path, "/", name);
  }

  void visit(const LayerState& layer, std::string_view class_name, const std::string& path) {
    if (!visited_.insert(&layer).second) return;
    const Attributes* attributes = attributes_of(class_name);
    const std::string own = below(path, attributes == nullptr ? "" : attributes->own);
    groups.push_back({below(path, "vars"), layer.name});
    if (own != path) groups.push_back({below(own, "vars"), layer.name + "_cell"});
    int count = 0;
    for (const bool trainable : {true, false})
      for (const Variable& v : layer.own_weights)
        if (v.state()->trainable == trainable) places.push_back({v, str(below(own, "vars/"), count++)});
    visit_parts(layer, attributes, layer.is_model && (class_name == "Sequential" || class_name == "Model"), path);
  }

  void visit_parts(const LayerState& layer, const Attributes* attributes, bool is_container, const std::string& path) {
    std::map<std::string, int> numbers;
    for (std::size_t k = 0; k < layer.children.size(); ++k) {
      const LayerState& part = *layer.children[k];
      std::string name = part.name;  // the attribute of a class of the user's, as far as can be known
      if (is_container) {
        name = part.class_name == "Model" ? "functional" : snake_case(part.class_name);
        const int number = numbers[name]++;
        name = str("layers/", name, number == 0 ? std::string() : str("_", number));
      } else if (attributes != nullptr && k < attributes->parts.size()) {
        name = attributes->parts[k];
      }
      visit(part, part.class_name, below(path, name));
    }
  }

  std::set<const LayerState*> visited_;
};

std::vector<std::string> lines_of(const TensorFile& file, const std::string& key) {
  std::vector<std::string> lines;
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) return lines;
  std::istringstream in(found->second);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The prefix of a Keras 2 file's groups; nothing for another file.
std::optional<std::string> legacy_root(const TensorFile& file) {
  for (const std::string root : {"", "model_weights"})
    if (file.metadata.contains(root + "@layer_names")) return root.empty() ? root : root + "/";
  return std::nullopt;
}

std::vector<KerasPlace> legacy_places(const Model& model, const TensorFile& file, const std::string& root,
                                      const std::string& path) {
  std::vector<std::string> datasets;
  const std::string whole = root.empty() ? root : root.substr(0, root.size() - 1);
  for (const std::string& layer : lines_of(file, whole + "@layer_names"))
    for (const std::string& weight : lines_of(file, str(root, layer, "@weight_names")))
      datasets.push_back(str(root, layer, '/', weight));
  const std::vector<Variable> weights = model.weights();
  if (datasets.size() != weights.size())
    user_error(path, ": holds ", datasets.size(), " weights, ", model.name(), " has ", weights.size(),
               "; files of Keras 2 are read in the order of the layers, so the models have to be the same");
  std::vector<KerasPlace> places;
  for (std::size_t k = 0; k < weights.size(); ++k) places.push_back({weights[k], datasets[k]});
  return places;
}

/// Files of Keras 2.13 to 2.15 call the group of the layers otherwise.
TensorFile with_present_names(TensorFile file) {
  constexpr std::string_view old_name = "_layer_checkpoint_dependencies/";
  for (auto& [name, array] : file.tensors)
    if (name.starts_with(old_name)) name = "layers/" + name.substr(old_name.size());
  return file;
}

}  // namespace

std::vector<KerasPlace> keras_places(const Model& model) { return Walk(model).places; }

std::vector<KerasPlace> keras_places(const Model& model, const TensorFile& file, const std::string& path) {
  const std::optional<std::string> root = legacy_root(file);
  return root ? legacy_places(model, file, *root, path) : keras_places(model);
}

std::optional<TensorFile> read_keras_weights(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string head(8, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  if (is_hdf5(head)) return with_present_names(read_hdf5(path, map_file(path).bytes));
  if (!head.starts_with("PK")) return std::nullopt;
  const ZipReader zip(path);
  for (std::uint64_t k = 0; k < zip.size(); ++k) {
    if (zip.name(k) != weights_member) continue;
    constexpr std::uint64_t most = std::uint64_t{4} << 30;  // as Keras guards itself
    const std::string bytes = zip.read(k, most);
    return with_present_names(read_hdf5(str(path, ": '", weights_member, "'"), std::as_bytes(std::span(bytes))));
  }
  user_error(path, ": holds no '", weights_member, "', so it is no model saved by Keras");
}

bool is_layer_weight(const std::string& dataset) {
  const bool outside = dataset.starts_with("optimizer") || dataset.starts_with("metrics/") ||
                       dataset.starts_with("compile_metrics/") || dataset.starts_with("_");
  return !outside && dataset.find("seed_generator") == std::string::npos;
}

std::string keras_weights_bytes(const Model& model, const std::string& path) {
  const Walk walk(model);
  TensorFile file;
  for (const KerasPlace& place : walk.places) file.tensors.emplace_back(place.dataset, place.weight.value());
  return hdf5_bytes(path, walk.groups, file);
}

}  // namespace sinter::detail
