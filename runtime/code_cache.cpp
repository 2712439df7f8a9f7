#include <sinter/runtime/code_cache.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include <sinter/ir/error.h>
#include <sinter/runtime/digest.h>

#include "descriptor.h"

namespace sinter::runtime {

namespace {

namespace fs = std::filesystem;

using Bytes = std::span<const std::byte>;

constexpr std::string_view entry_ending = ".step";
constexpr std::string_view unfinished_ending = ".new";
constexpr std::string_view first_line = "sinter step 1\n";
constexpr std::size_t digest_length = 64;
constexpr std::size_t header_length = first_line.size() + digest_length + 1;

constexpr std::string_view advice = " (the environment variable SINTER_CACHE names another, or off)";

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string error_text() { return std::generic_category().message(errno); }

/// Why nothing that it holds may be believed; empty when all is well.
std::string distrust(const struct stat& status) {
  if (status.st_uid != geteuid()) return "belongs to another user";
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "may be written by others";
  return {};
}

/// An open directory that only this user can have filled, or why there is none.
struct Directory {
  Descriptor descriptor;
  bool missing = false;
  std::string warning;
};

Directory open_directory(const std::string& path) {
  Directory result{Descriptor(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)), false, {}};
  const auto refuse = [&](const std::string& why) {
    result.warning = str("the cache of compiled steps, ", path, ", ", why, "; it is not used", advice);
    result.descriptor = Descriptor();
  };
  struct stat status{};
  if (!result.descriptor) {
    result.missing = errno == ENOENT;
    // ELOOP or ENOTDIR: a symbolic link, or something else of that name
    if (!result.missing)
      refuse(lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode) ? "is a symbolic link"
                                                                          : "cannot be opened: " + error_text());
  } else if (fstat(*result.descriptor, &status) != 0) {
    refuse("cannot be examined: " + error_text());
  } else if (const std::string why = distrust(status); !why.empty()) {
    refuse(why);
  }
  return result;
}

std::optional<std::vector<std::byte>> read_all(int descriptor, std::int64_t size) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(descriptor, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

bool write_all(int descriptor, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// An entry's file holds a line that says what it is, this digest of key and image, and the image.
std::string digest_of(const std::string& key, Bytes image) {
  const Bytes parts[] = {bytes_of(key), image};
  return sha256(parts);
}

/// The image in an entry's bytes. Throws UserError that says what is wrong with them.
Image parse_entry(const std::string& key, Bytes bytes) {
  const auto text = [&](std::size_t from, std::size_t count) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()) + from, count);
  };
  if (bytes.size() < header_length || text(0, first_line.size()) != first_line) user_error("is no compiled step");
  const Bytes image = bytes.subspan(header_length);
  if (text(first_line.size(), digest_length) != digest_of(key, image)) user_error("is damaged");
  return image_from(image);
}

struct Entry {
  fs::path path;
  std::int64_t bytes = 0;
  fs::file_time_type used;
};

std::vector<Entry> entries_of(const std::string& directory) {
  std::vector<Entry> entries;
  std::error_code error;  // entries come and go while we look
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const fs::path ending = it->path().extension();
    if (ending != entry_ending && ending != unfinished_ending) continue;
    std::error_code gone;
    Entry entry{it->path(), static_cast<std::int64_t>(it->file_size(gone)), {}};
    if (!gone) entry.used = it->last_write_time(gone);
    if (!gone) entries.push_back(std::move(entry));
  }
  return entries;
}

std::string from_environment(const char* name) {
  const char* value = secure_getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

CodeCache::CodeCache(std::string directory, std::int64_t limit) : directory_(std::move(directory)), limit_(limit) {
  while (directory_.size() > 1 && directory_.back() == '/') directory_.pop_back();  // it would lead through a link
}

CodeCache CodeCache::standard() {
  const std::string chosen = from_environment("SINTER_CACHE");
  if (chosen == "off" || chosen == "0") return {};
  if (!chosen.empty()) return CodeCache(chosen);
  const fs::path caches = from_environment("XDG_CACHE_HOME"), home = from_environment("HOME");
  if (caches.is_absolute()) return CodeCache((caches / "sinter").string());
  if (home.is_absolute()) return CodeCache((home / ".cache" / "sinter").string());
  return {};
}

CodeCache::Found CodeCache::find(const std::string& key) const {
  if (!enabled()) return {};
  const Directory directory = open_directory(directory_);
  if (!directory.descriptor) return {{}, directory.warning};
  const std::string name = key + std::string(entry_ending);
  const auto refuse = [&](const std::string& why) {
    return Found{{}, str("the compiled step ", directory_, '/', name, ' ', why, "; it is compiled again")};
  };
  // A pipe of that name would wait for a writer.
  const Descriptor file(openat(*directory.descriptor, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return {};
  if (!file) return refuse(errno == ELOOP ? "is a symbolic link" : "cannot be opened: " + error_text());
  struct stat status{};
  if (fstat(*file, &status) != 0) return refuse("cannot be examined: " + error_text());
  if (!S_ISREG(status.st_mode)) return refuse("is no regular file");
  if (const std::string why = distrust(status); !why.empty()) return refuse(why);
  if (status.st_size > limit_) return refuse("is too large");
  const auto bytes = read_all(*file, status.st_size);
  if (!bytes) return refuse("cannot be read: " + error_text());
  try {
    Found found{parse_entry(key, *bytes), {}};
    futimens(*file, nullptr);  // when it was used; a cache that cannot be written to still serves
    return found;
  } catch (const std::exception& e) {
    return refuse(e.what());
  }
}

std::string CodeCache::keep(const std::string& key, const Image& image) const {
  if (!enabled()) return {};
  Directory directory = open_directory(directory_);
  if (directory.missing) {
    std::error_code error;
    fs::create_directories(fs::path(directory_).parent_path(), error);
    mkdir(directory_.c_str(), 0700);  // whether it is there now, whoever made it, shows when it is opened
    directory = open_directory(directory_);
    if (directory.missing)
      directory.warning = str("the cache of compiled steps, ", directory_, ", cannot be made", advice);
  }
  if (!directory.descriptor) return directory.warning;
  static std::atomic<unsigned> count = 0;  // names for the threads of one process
  const std::string name = key + std::string(entry_ending);
  const std::string unfinished = str(key, '.', getpid(), '.', count++, unfinished_ending);
  const auto fail = [&] {
    const std::string why = error_text();
    unlinkat(*directory.descriptor, unfinished.c_str(), 0);
    return str("the compiled step ", directory_, '/', name, " cannot be kept: ", why);
  };
  const std::vector<std::byte> bytes = to_bytes(image);
  const std::string header = str(first_line, digest_of(key, bytes), '\n');
  Descriptor file(openat(*directory.descriptor, unfinished.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file || !write_all(*file, bytes_of(header)) || !write_all(*file, bytes) || !file.close()) return fail();
  if (renameat(*directory.descriptor, unfinished.c_str(), *directory.descriptor, name.c_str()) != 0) return fail();
  make_room();
  return {};
}

void CodeCache::make_room() const {
  std::vector<Entry> entries = entries_of(directory_);
  std::int64_t total = 0;
  for (const Entry& entry : entries) total += entry.bytes;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& entry : entries) {
    if (total <= limit_) return;
    std::error_code error;
    if (fs::remove(entry.path, error)) total -= entry.bytes;
  }
}

std::string cache_key(std::string_view graph, const ir::Target& target, std::span<const std::string> disabled_passes,
                      std::optional<std::int64_t> memory_budget) {
  std::string text = str(code_version(), '\n', target.triple, '\n');
  for (const std::string& feature : target.features) text += feature + ",";
  text += str('\n', target.vector_bits, ' ', target.vector_registers, ' ', target.masked_memory, ' ', target.l1_bytes,
              ' ', target.l2_bytes, ' ', target.l1_ways, ' ', target.cache_line, '\n');
  for (const std::string& pass : disabled_passes) text += pass + ",";
  if (memory_budget) text += str(" in ", *memory_budget);
  text += '\n';
  const Bytes parts[] = {bytes_of(text), bytes_of(graph)};
  return sha256(parts);
}

}  // namespace sinter::runtime
