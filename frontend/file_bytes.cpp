#include "file_bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <system_error>

#include <sinter/ir/error.h>

namespace sinter::detail {

namespace {

std::string reason() { return std::generic_category().message(errno); }

/// Why zlib gave up, in words.
std::string reason(gzFile file) {
  int code = Z_OK;
  const char* message = gzerror(file, &code);
  if (code == Z_ERRNO) return reason();
  return code == Z_BUF_ERROR ? "the compressed data end early" : std::string(message);
}

}  // namespace

std::string read_whole(const std::string& path, std::int64_t limit) {
  const gzFile opened = gzopen(path.c_str(), "rb");
  if (opened == nullptr) user_error(path, ": cannot be opened: ", reason());
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(opened, gzclose);
  constexpr std::size_t block = 1 << 18;
  std::string contents;
  for (;;) {
    const std::size_t before = contents.size();
    contents.resize(before + block);
    const int got = gzread(file.get(), contents.data() + before, block);
    contents.resize(before + static_cast<std::size_t>(std::max(got, 0)));
    int code = Z_OK;
    if (got <= 0) gzerror(file.get(), &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
      user_error(path, ": cannot be read at byte ", contents.size(), ": ", reason(file.get()));
    if (static_cast<std::int64_t>(contents.size()) > limit)
      user_error(path, ": has more than the limit of ", limit, " bytes");
    if (got == 0) return contents;
  }
}

MappedFile map_file(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) user_error(path, ": cannot be opened: ", reason());
  struct stat status{};
  const bool regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = static_cast<std::size_t>(regular ? status.st_size : 0);
  void* const address = size > 0 ? mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0) : nullptr;
  const std::string why = reason();
  close(descriptor);
  if (!regular) user_error(path, ": is no regular file, so it cannot be mapped");
  if (size == 0) return {nullptr, {}};
  if (address == MAP_FAILED) user_error(path, ": cannot be mapped: ", why);
  std::shared_ptr<const void> owner(address, [size](void* mapped) { munmap(mapped, size); });
  return {std::move(owner), {static_cast<const std::byte*>(address), size}};
}

}  // namespace sinter::detail
