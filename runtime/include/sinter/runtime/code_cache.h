#pragma once
// Compiled steps on disk, so that a program that starts again compiles nothing. An entry is used only by the very code
// that would make the same one again: the name of its file is the SHA-256 of the graph's text, the options, the target
// with all its features, and the versions of LLVM and of Sinter's own sources.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sinter/ir/export.h>
#include <sinter/ir/target.h>
#include <sinter/runtime/image.h>

namespace sinter::runtime {

/// A directory of entries, or none. Entries are machine code, so they are believed only where nobody else could have
/// written them: the directory and the file belong to this user, nobody else may write to them, and neither is a
/// symbolic link. Each holds a SHA-256 of its contents. Several processes may use one directory at once: entries are
/// written under a name of their own and then renamed. The least recently used entries go when there are too many.
class SINTER_API CodeCache {
 public:
  static constexpr std::int64_t default_limit = std::int64_t{512} << 20;

  /// Finds nothing and keeps nothing.
  CodeCache() = default;
  /// `limit`: bytes of all entries together.
  explicit CodeCache(std::string directory, std::int64_t limit = default_limit);
  /// The one of this user: the directory that the environment variable SINTER_CACHE names, none when it is "off" or
  /// "0"; else "sinter" in XDG_CACHE_HOME, else ".cache/sinter" in HOME; none when neither is an absolute path.
  /// Programs with more rights than their user get none.
  static CodeCache standard();

  const std::string& directory() const { return directory_; }
  bool enabled() const { return !directory_.empty(); }

  struct Found {
    std::optional<Image> image;
    std::string warning;  // why what was there was not taken; empty: nothing was there, or all is well
  };
  Found find(const std::string& key) const;
  /// Makes the directory where needed, for this user alone. What stands in the entry's place is replaced, a symbolic
  /// link itself and not what it leads to. Never throws; gives a warning when the image could not be kept.
  std::string keep(const std::string& key, const Image& image) const;

 private:
  void make_room() const;
  std::string directory_;
  std::int64_t limit_ = default_limit;
};

/// What find() and keep() want: 64 hexadecimal digits.
SINTER_API std::string cache_key(std::string_view graph, const ir::Target& target,
                                 std::span<const std::string> disabled_passes,
                                 std::optional<std::int64_t> memory_budget = {});

/// The versions of LLVM and of the sources that make code.
SINTER_API std::string code_version();

}  // namespace sinter::runtime
