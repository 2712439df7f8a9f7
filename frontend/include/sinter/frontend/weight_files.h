#pragma once
// Weights of a model in a file.

#include <map>
#include <string>

namespace sinter {

/// Where in a file a weight is found.
struct WeightSource {
  std::string tensor;
  bool transpose = false;  // the file has it as [out, in], as PyTorch's Linear does
};

struct LoadWeightsOptions {
  /// By the path of the weight, for files with names of their own:
  ///   {.sources = {{"sequential/dense/kernel", {"fc1.weight", true}}, {"sequential/dense/bias", {"fc1.bias"}}}}
  /// Weights that are not listed are sought under their own path; in files of Keras where Keras keeps them, which for
  /// layers within a layer of your own it may take such a list to say: {"m/block/dense/kernel",
  /// {"layers/block/inner/vars/0"}}.
  std::map<std::string, WeightSource> sources = {};
  bool ignore_others = false;  // the file may hold tensors that no weight takes
};

}  // namespace sinter
