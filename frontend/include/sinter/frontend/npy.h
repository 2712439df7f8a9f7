#pragma once
// numpy's files: .npy holds one array, .npz is a zip of them (numpy.lib.format). Dtypes f2, f4, f8, i4, i8, u1, u4 and
// b1 are read as they are; i1, i2 and u2 become i32. Either byte order, C and Fortran order.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sinter/frontend/array.h>

namespace sinter {

struct NpyOptions {
  /// Arrays that say they hold more than this are refused before any memory is taken.
  std::int64_t max_bytes = std::int64_t{4} << 30;
};

/// Reads an array. Throws UserError naming the file, the place and the value for a file that cannot be read, is no .npy
/// file, holds another dtype, ends early or goes on after its elements.
SINTER_API Array read_npy(const std::string& path, const NpyOptions& options = {});
/// Sees the elements of a file in place, for data larger than memory: pages are read when a batch touches them. For
/// little-endian f4, f8, i4, i8, u1, u4, f2 in C order; throws UserError for others. The file must not change while the
/// array lives.
SINTER_API Array map_npy(const std::string& path);
/// Writes an array; the file is replaced as a whole. Throws UserError for bf16, which numpy has not.
SINTER_API void write_npy(const std::string& path, const Array& array);

using NamedArrays = std::vector<std::pair<std::string, Array>>;
/// The array of that name. Throws UserError with near matches when there is none.
SINTER_API const Array& array_named(const NamedArrays& arrays, std::string_view name);
/// Reads all arrays, compressed or not; `max_bytes` is for all of them together.
SINTER_API NamedArrays read_npz(const std::string& path, const NpyOptions& options = {});
/// Writes arrays without compression, as numpy.savez does; the same arrays give the same bytes.
SINTER_API void write_npz(const std::string& path, const NamedArrays& arrays);

}  // namespace sinter
