#pragma once
// The weights of a model as Keras writes them: .weights.h5, the same inside .keras (keras/src/saving/saving_lib.py),
// and the .h5 of Keras 2.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sinter/frontend/model.h>
#include <sinter/frontend/safetensors.h>

namespace sinter::detail {

/// A weight and the dataset that Keras keeps it in: "layers/dense_1/vars/0", numbered by the classes of the layers.
struct KerasPlace {
  Variable weight;
  std::string dataset;
};
/// In the order of the layers.
std::vector<KerasPlace> keras_places(const Model& model);

/// The datasets of such a file, known by its first bytes; nothing for a file of another kind. Throws UserError for one
/// that is damaged.
std::optional<TensorFile> read_keras_weights(const std::string& path);
/// Where in the file each weight of the model is; files of Keras 2 have them in the order of the layers alone.
std::vector<KerasPlace> keras_places(const Model& model, const TensorFile& file, const std::string& path);
/// Whether it is a weight of a layer, not the optimizer's or a metric's.
bool is_layer_weight(const std::string& dataset);

/// The bytes of a .weights.h5 file.
std::string keras_weights_bytes(const Model& model, const std::string& path);

}  // namespace sinter::detail
