#include "atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <sinter/ir/error.h>

namespace sinter::detail {

namespace {

/// A file under a name of its own in the folder of the one that it will replace; it gets that one's permissions.
class NewFile {
 public:
  explicit NewFile(const std::string& path) : path_(path) {
    for (int attempt = 0; descriptor_ < 0; ++attempt) {
      name_ = str(path, '.', getpid(), '.', attempt, ".new");
      descriptor_ = open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ < 0 && (errno != EEXIST || attempt == most_attempts)) fail("cannot be made in its folder");
    }
  }
  ~NewFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!in_place_) unlink(name_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("cannot be written");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void put_in_place() {
    struct stat old{};
    if (stat(path_.c_str(), &old) == 0 && fchmod(descriptor_, old.st_mode & 0777) != 0) fail("cannot be put in place");
    if (fsync(descriptor_) != 0) fail("cannot be brought to the disk");
    const int closed = close(descriptor_);
    descriptor_ = -1;
    if (closed != 0) fail("cannot be brought to the disk");
    if (rename(name_.c_str(), path_.c_str()) != 0) fail("cannot be put in place");
    in_place_ = true;
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    user_error(path_, ": ", what, ": ", std::generic_category().message(errno), "; a file that was there is as before");
  }

  static constexpr int most_attempts = 1000;  // names that a process of the same number may have left behind
  const std::string& path_;
  std::string name_;
  int descriptor_ = -1;
  bool in_place_ = false;
};

/// The new name is safe only when the folder is on the disk; some file systems cannot do that, and need not.
void sync_folder(const std::filesystem::path& path) {
  const std::string folder = path.has_parent_path() ? path.parent_path().string() : ".";
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace

void replace_file(const std::string& path, std::span<const std::span<const std::byte>> parts) {
  NewFile file(path);
  for (const std::span<const std::byte> part : parts) file.write(part);
  file.put_in_place();
  sync_folder(path);
}

}  // namespace sinter::detail
