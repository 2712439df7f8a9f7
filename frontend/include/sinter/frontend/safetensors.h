#pragma once
// safetensors, a file of named tensors (github.com/huggingface/safetensors): the length of a header as a little-endian
// u64, the header in JSON, then the elements without holes. Python's `safetensors` reads and writes the same files.

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sinter/frontend/array.h>

namespace sinter {

/// What such a file holds. Dtypes: f64, f32, f16, bf16, i64, i32, u32, u8 and i1.
struct SINTER_API TensorFile {
  std::vector<std::pair<std::string, Array>> tensors;  // in the order of the elements in the file
  std::map<std::string, std::string> metadata = {};

  /// The tensor of that name, or nullptr.
  const Array* find(std::string_view name) const;
  /// The same; throws UserError with near matches when there is none.
  const Array& tensor(std::string_view name) const;
  /// "; did you mean 'dense/kernel'?", or nothing: for the end of a message.
  std::string did_you_mean(std::string_view name) const;
};

/// Writes a file. It is written beside `path`, brought to the disk and renamed: at every moment `path` is the old file
/// or the whole new one. Throws UserError saying what went wrong; the old file then stays as it was.
/// The elements begin at a multiple of `alignment` bytes, which is a multiple of 8.
SINTER_API void write_safetensors(const std::string& path, const TensorFile& file, std::size_t alignment = 8);

/// Reads a file. Throws UserError naming the place for a file that cannot be opened, was cut off or damaged, or holds a
/// dtype that there is not here.
SINTER_API TensorFile read_safetensors(const std::string& path);

}  // namespace sinter
