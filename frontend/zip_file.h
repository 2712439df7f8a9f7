#pragma once
// Zip files, by libzip.

#include <cstdint>
#include <memory>
#include <string>

struct zip;         // zip_t
struct zip_source;  // zip_source_t

namespace sinter::detail {

struct DiscardZip {
  void operator()(zip* archive) const;
  void operator()(zip_source* source) const;
};
using ZipArchive = std::unique_ptr<zip, DiscardZip>;

/// The members of a zip file.
class ZipReader {
 public:
  /// Throws UserError for a file that is none.
  explicit ZipReader(std::string path);
  std::uint64_t size() const;
  std::string name(std::uint64_t index) const;
  /// The uncompressed contents of one member. Memory grows as they come, not as the archive promises. Throws UserError
  /// for one that is damaged, and for more than `limit` bytes.
  std::string read(std::uint64_t index, std::uint64_t limit) const;

 private:
  std::string path_;
  ZipArchive archive_;
};

/// A zip archive that is made in memory: stored, without times, so that the bytes depend on the contents alone.
class ZipWriter {
 public:
  /// `path` is named in messages.
  explicit ZipWriter(std::string path);
  /// `contents` must live until finish().
  void add(const std::string& name, const std::string& contents);
  std::string finish();

 private:
  [[noreturn]] void fail(const std::string& why) const;

  std::string path_;
  std::unique_ptr<zip_source, DiscardZip> source_;
  ZipArchive archive_;
};

}  // namespace sinter::detail
