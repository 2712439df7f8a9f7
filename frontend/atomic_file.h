#pragma once
// Files that are replaced as a whole.

#include <cstddef>
#include <span>
#include <string>

namespace sinter::detail {

/// Writes the parts, one after the other, beside `path`, brings them to the disk, renames the new file to `path` and
/// brings the folder to the disk. A symbolic link stays one: what it leads to is replaced. What is there and no regular
/// file (a device, a pipe) is written to. Throws UserError and removes what was written when any of that fails.
void replace_file(const std::string& path, std::span<const std::span<const std::byte>> parts);

}  // namespace sinter::detail
