#pragma once
// The files that fuzzing begins with.

#include <string>
#include <vector>

#include <sinter/frontend/sequential.h>

namespace sinter::fuzz {

std::vector<std::string> idx_seeds();
std::vector<std::string> csv_seeds();
std::vector<std::string> npy_seeds();
std::vector<std::string> npz_seeds();
std::vector<std::string> safetensors_seeds();
std::vector<std::string> checkpoint_seeds();
std::vector<std::string> graph_text_seeds();
std::vector<std::string> keras_seeds();

/// The models that the seeds are files of.
Sequential checkpointed_model();
Sequential keras_model();

}  // namespace sinter::fuzz
