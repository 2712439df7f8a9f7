#pragma once
// The first part of a safetensors file.

#include <cstddef>
#include <string>

#include <sinter/frontend/safetensors.h>

namespace sinter::detail {

/// What stands before the elements: its length is a multiple of `alignment`. `who` is named when names or metadata are
/// not UTF-8.
std::string safetensors_begin(const std::string& who, const TensorFile& file, std::size_t alignment);

}  // namespace sinter::detail
