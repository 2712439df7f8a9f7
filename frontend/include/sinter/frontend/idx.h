#pragma once
// IDX files, the format of MNIST and its kin: magic 0 0 TYPE RANK, RANK big-endian 32-bit extents, big-endian elements.
// TYPE: 08 u8, 09 i8, 0B i16, 0C i32, 0D f32, 0E f64. i8 and i16 become i32.

#include <cstdint>
#include <string>

#include <sinter/frontend/array.h>

namespace sinter {

struct IdxOptions {
  /// Files that say they hold more than this are refused before any memory is taken.
  std::int64_t max_bytes = std::int64_t{4} << 30;
};

/// Reads a file, plain or compressed with gzip (known by its first bytes, not by its name). Throws UserError naming the
/// file, the place and the value for a file that cannot be read, is no IDX file, ends early or goes on after its data.
SINTER_API Array read_idx(const std::string& path, const IdxOptions& options = {});
/// Sees the elements of a file of bytes (type 08, not compressed) in place, for data larger than memory: pages are read
/// when a batch touches them. The file must not change while the array lives. Throws UserError as read_idx does, and
/// for other types.
SINTER_API Array map_idx(const std::string& path);

}  // namespace sinter
