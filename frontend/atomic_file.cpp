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

[[noreturn]] void fail(const std::string& shown, const char* what) {
  user_error(shown, ": ", what, ": ", std::generic_category().message(errno), "; a file that was there is as before");
}

void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& shown) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(shown, "cannot be written");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

/// A file under a name of its own in the folder of the one that it will replace; it gets that one's permissions.
class NewFile {
 public:
  /// `shown` is named in messages.
  NewFile(const std::string& path, const std::string& shown) : path_(path), shown_(shown) {
    // The folder's rights alone would let a file be replaced that is protected from being written.
    if (faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0 && errno != ENOENT) fail(shown_, "cannot be written");
    for (int attempt = 0; descriptor_ < 0; ++attempt) {
      name_ = str(path, '.', getpid(), '.', attempt, ".new");
      descriptor_ = open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ < 0 && (errno != EEXIST || attempt == most_attempts))
        fail(shown_, "cannot be made in its folder");
    }
  }
  ~NewFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!in_place_) unlink(name_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::span<const std::byte> bytes) { write_all(descriptor_, bytes, shown_); }

  void put_in_place() {
    struct stat old{};
    if (stat(path_.c_str(), &old) == 0 && fchmod(descriptor_, old.st_mode & 0777) != 0)
      fail(shown_, "cannot be put in place");
    if (fsync(descriptor_) != 0) fail(shown_, "cannot be brought to the disk");
    const int closed = close(descriptor_);
    descriptor_ = -1;
    if (closed != 0) fail(shown_, "cannot be brought to the disk");
    if (rename(name_.c_str(), path_.c_str()) != 0) fail(shown_, "cannot be put in place");
    in_place_ = true;
  }

 private:
  static constexpr int most_attempts = 1000;  // names that a process of the same number may have left behind
  const std::string& path_;
  const std::string& shown_;
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

/// What a symbolic link leads to, there or not; other paths as they are.
std::string behind_links(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  std::filesystem::path target = path;
  constexpr int most_links = 40;  // as the kernel follows
  for (int link = 0; std::filesystem::is_symlink(target, error); ++link) {
    if (link == most_links) user_error(path, ": its links lead in a circle");
    const std::filesystem::path next = std::filesystem::read_symlink(target, error);
    if (error) user_error(path, ": its link cannot be read: ", error.message());
    target = target.parent_path() / next;  // an absolute one stands alone
  }
  return target.string();
}

}  // namespace

namespace {

/// Devices and pipes are written to, never replaced.
void write_to_device(const std::string& path, std::span<const std::span<const std::byte>> parts) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, "cannot be opened for writing");
  try {
    for (const std::span<const std::byte> part : parts) write_all(descriptor, part, path);
  } catch (...) {
    close(descriptor);
    throw;
  }
  if (close(descriptor) != 0) fail(path, "cannot be written");
}

}  // namespace

void replace_file(const std::string& path, std::span<const std::span<const std::byte>> parts) {
  std::error_code error;
  const std::filesystem::file_status present = std::filesystem::status(path, error);
  if (std::filesystem::is_other(present)) return write_to_device(path, parts);
  if (std::filesystem::is_directory(present)) user_error(path, ": is a folder, so no file can be written there");
  const std::string target = behind_links(path);
  NewFile file(target, path);
  for (const std::span<const std::byte> part : parts) file.write(part);
  file.put_in_place();
  sync_folder(target);
}

}  // namespace sinter::detail
