#pragma once
// The bytes of .npy files.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <sinter/frontend/array.h>

namespace sinter::detail {

/// What the header says.
struct NpyHeader {
  std::string descr;  // "<f4"
  bool fortran_order = false;
  Shape shape;
  DType dtype = DType::f32;       // of the array here
  std::int64_t element_size = 0;  // in the file
  std::size_t data_offset = 0;
  bool is_native() const;  // elements are stored as we have them
};

/// Reads the header and checks that the elements fill the rest exactly. `where` begins the messages.
NpyHeader parse_npy(const std::string& where, std::span<const std::byte> file, std::int64_t max_bytes);
/// The same when only the beginning of a file of `file_size` bytes is at hand.
NpyHeader parse_npy_head(const std::string& where, std::span<const std::byte> head, std::size_t file_size,
                         std::int64_t max_bytes);
Array decode_npy(const NpyHeader& header, std::span<const std::byte> file);
/// Everything before the elements of an array of this type.
std::string npy_preamble(const std::string& where, const ir::TensorType& type);

}  // namespace sinter::detail
