// Model::save_weights and load_weights: weights by their paths in a safetensors file, or in a file of Keras.

#include <cmath>
#include <cstring>
#include <set>

#include <sinter/frontend/model.h>
#include <sinter/frontend/safetensors.h>
#include <sinter/ir/error.h>
#include <sinter/ir/near_matches.h>

#include "atomic_file.h"
#include "keras_weights.h"
#include "one_line.h"

namespace sinter {

namespace {

Array transposed(const Array& a) {
  if (a.rank() != 2) user_error("only matrices can be transposed, got ", a.shape());
  const std::int64_t rows = a.shape()[0], columns = a.shape()[1];
  const auto size = static_cast<std::int64_t>(ir::size_of(a.dtype()));
  std::vector<std::byte> bytes(a.bytes().size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      std::memcpy(bytes.data() + (j * rows + i) * size, a.bytes().data() + (i * columns + j) * size,
                  static_cast<std::size_t>(size));
  return Array::from_bytes({a.dtype(), Shape{columns, rows}}, bytes);
}

std::vector<Variable> weights_of(const Model& model) {
  std::vector<Variable> weights = model.weights();
  if (weights.empty())
    user_error("'", model.name(), "' has no weights, or does not know its input yet: call set_input() first");
  return weights;
}

/// The tensor that a weight takes from the file, checked.
Array contents_for(const Variable& weight, const WeightSource& source, const TensorFile& file,
                   const std::string& path) {
  const Array* found = file.find(source.tensor);
  if (found == nullptr)
    user_error(path, ": holds no tensor '", source.tensor, "' for weight '", weight.path(), "'",
               file.did_you_mean(source.tensor));
  const Array contents = source.transpose ? transposed(*found) : *found;
  const bool both_floats = ir::is_float(contents.dtype()) && ir::is_float(weight.dtype());
  if (contents.shape() != weight.shape() || (contents.dtype() != weight.dtype() && !both_floats))
    user_error(path, ": weight '", weight.path(), "' is ", weight.type(), ", but tensor '", source.tensor, "' is ",
               contents.type(), source.transpose ? " (transposed)" : "");
  const Array converted = contents.astype(weight.dtype());
  if (ir::size_of(contents.dtype()) > ir::size_of(weight.dtype()) || ir::is_half(weight.dtype()))
    for (std::int64_t k = 0; k < contents.size(); ++k)
      if (std::isfinite(contents.flat(k)) && !std::isfinite(converted.flat(k)))
        user_error(path, ": element ", k, " of tensor '", source.tensor, "' is ", contents.flat(k),
                   ", which is out of range for weight '", weight.path(), "' of ", weight.dtype());
  return converted;
}

/// Where each weight is found when nothing else was said: the tensor's name by the weight's path.
std::map<std::string, std::string> usual_sources(const Model& model, const TensorFile& file, bool of_keras,
                                                 const std::string& path) {
  std::map<std::string, std::string> names;
  if (of_keras)
    for (const detail::KerasPlace& place : detail::keras_places(model, file, path))
      names[place.weight.path()] = place.dataset;
  else
    for (const Variable& v : model.weights()) names[v.path()] = v.path();
  return names;
}

}  // namespace

void Model::save_weights(const std::string& path) const {
  const std::vector<Variable> weights = weights_of(*this);
  if (path.ends_with(".weights.h5")) {
    const std::string bytes = detail::keras_weights_bytes(*this, path);
    const std::span<const std::byte> parts[] = {std::as_bytes(std::span(bytes))};
    return detail::replace_file(path, parts);
  }
  if (path.ends_with(".h5") || path.ends_with(".keras"))
    user_error(path, ": weights are saved in .safetensors or, for Keras, in .weights.h5 files");
  TensorFile file;
  for (const Variable& v : weights) file.tensors.emplace_back(v.path(), v.value());
  file.metadata = {{"format", "sinter"}};
  write_safetensors(path, file);
}

void Model::load_weights(const std::string& path, const LoadWeightsOptions& options) {
  const std::vector<Variable> weights = weights_of(*this);
  const std::optional<TensorFile> keras = detail::read_keras_weights(path);
  const TensorFile file = keras ? *keras : read_safetensors(path);
  const std::map<std::string, std::string> usual = usual_sources(*this, file, keras.has_value(), path);
  std::vector<Array> contents;
  std::set<std::string> taken, paths;
  for (const Variable& v : weights) {
    const auto listed = options.sources.find(v.path());
    const WeightSource source = listed == options.sources.end() ? WeightSource{usual.at(v.path())} : listed->second;
    contents.push_back(contents_for(v, source, file, path));
    taken.insert(source.tensor);
    paths.insert(v.path());
  }
  for (const auto& [weight, source] : options.sources) {
    const std::vector<std::string_view> known(paths.begin(), paths.end());
    if (!paths.contains(weight))
      user_error("load_weights: there is no weight '", weight, "'", ir::did_you_mean(weight, known));
  }
  for (const auto& [name, array] : file.tensors)
    if (!options.ignore_others && !taken.contains(name) && (!keras || detail::is_layer_weight(name)))
      user_error(path, ": no weight takes tensor '", detail::one_line(name), "'; set ignore_others if that is meant");
  // Nothing is assigned before everything was found to fit.
  for (std::size_t k = 0; k < weights.size(); ++k) weights[k].assign(contents[k]);
}

}  // namespace sinter
