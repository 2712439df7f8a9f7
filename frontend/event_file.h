#pragma once
// Event files as TensorBoard reads them: records of a length, its checksum, a protobuf message and its checksum.

#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <sinter/frontend/history.h>

namespace sinter::detail {

/// CRC-32C (Castagnoli).
std::uint32_t crc32c(std::string_view bytes);

/// One record: length, masked checksum, bytes, masked checksum.
std::string event_record(std::string_view message);
/// The message that begins a file.
std::string version_event(double wall_time);
/// Scalars of one step.
std::string scalar_event(double wall_time, std::int64_t step, const Logs& scalars);

/// A file that grows.
class EventFile {
 public:
  /// Makes the folder and a file of a name of its own. Throws UserError when that cannot be done.
  explicit EventFile(const std::string& folder);
  /// Adds the scalars; they are in the file when this returns. Throws UserError when they cannot be written.
  void add(std::int64_t step, const Logs& scalars);
  const std::string& path() const { return path_; }

 private:
  void write(const std::string& message);

  std::string path_;
  std::ofstream out_;
};

}  // namespace sinter::detail
