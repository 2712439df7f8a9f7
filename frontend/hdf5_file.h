#pragma once
// HDF5 files, by the HDF5 library: the datasets of a file by their paths.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sinter/frontend/safetensors.h>

namespace sinter::detail {

/// Whether these are the first bytes of an HDF5 file.
bool is_hdf5(std::string_view bytes);

/// All datasets ("layers/dense/vars/0"), in the order of their paths. Lists of texts that groups have as attributes
/// "layer_names" and "weight_names" come as metadata, "path@weight_names": one text a line. `where` begins the
/// messages. Throws UserError for a damaged file, for links out of the file, for element types that there are not here,
/// and for datasets that claim more than 100 times what they take in the file.
TensorFile read_hdf5(const std::string& where, std::span<const std::byte> bytes);

/// A group, and the text of its attribute "name" (none when empty).
struct Hdf5Group {
  std::string path;
  std::string name = {};
};
/// The bytes of a file with these groups and datasets; the groups above them are made as well.
std::string hdf5_bytes(const std::string& where, const std::vector<Hdf5Group>& groups, const TensorFile& file);

}  // namespace sinter::detail
