#pragma once
// Whole files: read into memory, or seen in place.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace sinter::detail {

/// The contents of a file, plain or compressed with gzip (known by its first bytes). Throws UserError for one that
/// cannot be read, is damaged, or has more than `limit` bytes.
std::string read_whole(const std::string& path, std::int64_t limit);

/// A file mapped into memory: pages come when they are touched. The bytes live as long as the owner does; the file must
/// not become shorter meanwhile.
struct MappedFile {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
};
/// Throws UserError for a file that cannot be opened or mapped.
MappedFile map_file(const std::string& path);

}  // namespace sinter::detail
