// Compiled steps on disk: what is found again, and everything that must never be believed.

#include <sinter/runtime/code_cache.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sinter/ir/error.h>
#include <sinter/runtime/executable.h>

#include "frontend/files_for_tests.h"
#include "in_child.h"
#include "programs.h"
#include "support/catch.h"

namespace sinter::test {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using runtime::CodeCache;
using runtime::Executable;
using runtime::Image;
using testing::TemporaryFolder;

const std::string key(64, 'a');

ir::Program program() { return update_program(13, 37, 8); }

Image image() {
  runtime::CompileOptions options;
  options.target = runtime::host_target();
  return Executable::build(program(), options);
}

/// Whether the step of the image computes what the interpreter computes.
bool works(Image image) {
  runtime::Session session(Executable::link(std::move(image), {}));
  Tensors tensors(program(), 5);
  const std::vector<float> expected = tensors.interpreted(program());
  session.run(tensors.bindings());
  return same(tensors.results(), expected);
}

/// A cache with one entry.
struct Filled {
  TemporaryFolder folder;
  CodeCache cache{folder.file("cache")};
  fs::path entry = fs::path(cache.directory()) / (key + ".step");
  Filled() { REQUIRE(cache.keep(key, image()).empty()); }
};

std::string contents(const fs::path& path) { return testing::contents_of(path.string()); }

void write(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

/// Nothing is found, the warning names the entry and says why, and keeping the step again mends it.
void check_refused(const Filled& filled, const std::string& why) {
  const CodeCache::Found found = filled.cache.find(key);
  CHECK_FALSE(found.image);
  CHECK_THAT(found.warning, Contains(filled.entry.string()) && Contains(why));
  CHECK(filled.cache.keep(key, image()).empty());
  const CodeCache::Found mended = filled.cache.find(key);
  CHECK(mended.warning.empty());
  REQUIRE(mended.image);
  CHECK(works(*mended.image));
}

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  REQUIRE(lstat(path.c_str(), &status) == 0);
  return status.st_mode;
}

}  // namespace

TEST_CASE("an image keeps everything as bytes", "[cache]") {
  const Image before = image();
  const std::vector<std::byte> bytes = to_bytes(before);
  const Image after = runtime::image_from(bytes);
  CHECK(to_bytes(after) == bytes);
  CHECK(after.objects == before.objects);
  CHECK(after.arena_bytes == before.arena_bytes);
  CHECK(after.slots.size() == before.slots.size());
  CHECK(works(after));
}

TEST_CASE("a step is found again, in a directory for this user alone", "[cache]") {
  const Filled filled;
  CHECK((mode_of(filled.cache.directory()) & 0777) == 0700);
  CHECK((mode_of(filled.entry) & 0777) == 0600);
  const CodeCache::Found found = filled.cache.find(key);
  CHECK(found.warning.empty());
  REQUIRE(found.image);
  CHECK(works(*found.image));
  const CodeCache::Found other = filled.cache.find(std::string(64, 'b'));
  CHECK_FALSE(other.image);
  CHECK(other.warning.empty());
  CHECK(filled.folder.files() == 1);  // nothing unfinished stays behind
  CHECK(std::distance(fs::directory_iterator(filled.cache.directory()), fs::directory_iterator()) == 1);
}

TEST_CASE("no cache finds and keeps nothing", "[cache]") {
  const CodeCache none;
  CHECK_FALSE(none.enabled());
  CHECK(none.keep(key, image()).empty());
  const CodeCache::Found found = none.find(key);
  CHECK_FALSE(found.image);
  CHECK(found.warning.empty());
}

TEST_CASE("damaged entries are compiled again", "[cache]") {
  const Filled filled;
  const std::string good = contents(filled.entry);
  REQUIRE(good.size() > 1000);
  SECTION("a bit flipped anywhere") {
    for (const std::size_t at : {std::size_t{0}, std::size_t{20}, std::size_t{100}, good.size() / 2, good.size() - 1}) {
      CAPTURE(at);
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 4);
      write(filled.entry, bad);
      check_refused(filled, at == 0 ? "is no compiled step" : "is damaged");
    }
  }
  SECTION("cut short, or longer") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{79}, good.size() - 1}) {
      CAPTURE(size);
      write(filled.entry, good.substr(0, size));
      check_refused(filled, size < 79 ? "is no compiled step" : "is damaged");
    }
    write(filled.entry, good + "x");
    check_refused(filled, "is damaged");
  }
}

TEST_CASE("an entry of another key under this name is not believed", "[cache]") {
  const Filled filled;
  const std::string other(64, 'b');
  REQUIRE(filled.cache.keep(other, image()).empty());
  fs::copy_file(fs::path(filled.cache.directory()) / (other + ".step"), filled.entry,
                fs::copy_options::overwrite_existing);
  check_refused(filled, "is damaged");
}

TEST_CASE("entries that others may have written are not believed", "[cache]") {
  const Filled filled;
  SECTION("a symbolic link, even to a good entry; it is replaced, not followed") {
    const fs::path target = filled.folder.file("target");
    fs::rename(filled.entry, target);
    fs::create_symlink(target, filled.entry);
    const std::string before = contents(target);
    check_refused(filled, "is a symbolic link");
    CHECK(contents(target) == before);
    CHECK_FALSE(fs::is_symlink(filled.entry));
  }
  SECTION("writable by the group") {
    REQUIRE(chmod(filled.entry.c_str(), 0620) == 0);
    check_refused(filled, "may be written by others");
  }
  SECTION("writable by everybody") {
    REQUIRE(chmod(filled.entry.c_str(), 0602) == 0);
    check_refused(filled, "may be written by others");
  }
  SECTION("another user's") {
    if (chown(filled.entry.c_str(), 65534, 65534) == 0) check_refused(filled, "belongs to another user");
  }
  SECTION("a pipe: nobody waits for its writer") {
    fs::remove(filled.entry);
    REQUIRE(mkfifo(filled.entry.c_str(), 0600) == 0);
    check_refused(filled, "is no regular file");
  }
  SECTION("a directory") {
    fs::remove(filled.entry);
    fs::create_directory(filled.entry);
    CHECK_THAT(filled.cache.find(key).warning, Contains("is no regular file"));
    CHECK_THAT(filled.cache.keep(key, image()), Contains("cannot be kept"));
    CHECK(std::distance(fs::directory_iterator(filled.cache.directory()), fs::directory_iterator()) == 1);
  }
}

TEST_CASE("a directory that others may have filled is not used", "[cache]") {
  const Filled filled;
  const std::string& directory = filled.cache.directory();
  const auto check_unused = [&](const CodeCache& cache, const std::string& why) {
    const CodeCache::Found found = cache.find(key);
    CHECK_FALSE(found.image);
    CHECK_THAT(found.warning, Contains(cache.directory()) && Contains(why) && Contains("SINTER_CACHE"));
    CHECK_THAT(cache.keep(std::string(64, 'c'), image()), Contains(why));
    CHECK(std::distance(fs::directory_iterator(directory), fs::directory_iterator()) == 1);
  };
  SECTION("writable by others") {
    REQUIRE(chmod(directory.c_str(), 0777) == 0);
    check_unused(filled.cache, "may be written by others");
  }
  SECTION("another user's") {
    if (chown(directory.c_str(), 65534, 65534) == 0) check_unused(filled.cache, "belongs to another user");
  }
  SECTION("behind a symbolic link, with a slash at its end or without") {
    const std::string link = filled.folder.file("link");
    fs::create_symlink(directory, link);
    check_unused(CodeCache(link), "is a symbolic link");
    check_unused(CodeCache(link + "/"), "is a symbolic link");
  }
  SECTION("a file") {
    const std::string file = filled.folder.file("file");
    write(file, "no directory");
    check_unused(CodeCache(file), "cannot be opened");
    CHECK(contents(file) == "no directory");
  }
  SECTION("one that cannot be made") {
    const std::string file = filled.folder.file("file");
    write(file, "");
    CHECK_THAT(CodeCache(file + "/cache").keep(key, image()), Contains("cannot be"));
  }
}

TEST_CASE("the least recently used entries go when there are too many", "[cache]") {
  const TemporaryFolder folder;
  const Image one = image();
  const auto bytes = static_cast<std::int64_t>(to_bytes(one).size()) + 100;
  const CodeCache cache(folder.file("cache"), 3 * bytes);
  const auto name = [](int k) { return std::string(64, static_cast<char>('0' + k)); };
  const auto age = [&](int k, int hours) {
    fs::last_write_time(fs::path(cache.directory()) / (name(k) + ".step"),
                        fs::file_time_type::clock::now() - std::chrono::hours(hours));
  };
  for (int k = 0; k < 3; ++k) REQUIRE(cache.keep(name(k), one).empty());
  for (int k = 0; k < 3; ++k) age(k, 10 - k);
  REQUIRE(cache.find(name(0)).image);  // used just now
  REQUIRE(cache.keep(name(3), one).empty());
  CHECK(cache.find(name(0)).image);
  CHECK_FALSE(cache.find(name(1)).image);
  CHECK(cache.find(name(2)).image);
  CHECK(cache.find(name(3)).image);
}

TEST_CASE("the key knows everything that has a say in the code", "[cache]") {
  const ir::Target target = runtime::host_target();
  const std::vector<std::string> none, fuse{"fuse"};
  const std::string plain = runtime::cache_key("graph", target, none);
  CHECK(plain.size() == 64);
  CHECK(runtime::cache_key("graph", target, none) == plain);
  CHECK(runtime::cache_key("graph2", target, none) != plain);
  CHECK(runtime::cache_key("graph", target, fuse) != plain);
  CHECK(runtime::cache_key("graph", target, none, 4096) != plain);
  CHECK(runtime::cache_key("graph", target, none, 4096) != runtime::cache_key("graph", target, none, 8192));
  CHECK(runtime::cache_key("graph", runtime::restrict_target(target, "baseline"), none) != plain);
  ir::Target other = target;
  other.l2_bytes += 1;
  CHECK(runtime::cache_key("graph", other, none) != plain);
  CHECK_THAT(runtime::code_version(), Contains("LLVM") && Contains("sources"));
}

TEST_CASE("where the cache of this user is", "[cache]") {
  const auto directory_with = [](const char* chosen, const char* caches, const char* home) {
    const auto set = [](const char* name, const char* value) {
      return value == nullptr ? unsetenv(name) : setenv(name, value, 1);
    };
    REQUIRE(set("SINTER_CACHE", chosen) == 0);
    REQUIRE(set("XDG_CACHE_HOME", caches) == 0);
    REQUIRE(set("HOME", home) == 0);
    return CodeCache::standard().directory();
  };
  const auto saved = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::optional<std::string>() : value;
  };
  const std::optional<std::string> before[] = {saved("SINTER_CACHE"), saved("XDG_CACHE_HOME"), saved("HOME")};
  CHECK(directory_with("/there/steps/", "/c", "/h") == "/there/steps");
  CHECK(directory_with("off", "/c", "/h").empty());
  CHECK(directory_with("0", "/c", "/h").empty());
  CHECK(directory_with(nullptr, "/c", "/h") == "/c/sinter");
  CHECK(directory_with("", "relative", "/h") == "/h/.cache/sinter");
  CHECK(directory_with(nullptr, nullptr, "/h") == "/h/.cache/sinter");
  CHECK(directory_with(nullptr, nullptr, nullptr).empty());
  const auto text = [](const std::optional<std::string>& value) { return value ? value->c_str() : nullptr; };
  directory_with(text(before[0]), text(before[1]), text(before[2]));
}

TEST_CASE("several processes fill one cache at once", "[cache]") {
  if (!threads_survive_fork) return;  // compiling takes threads
  const TemporaryFolder folder;
  const CodeCache cache(folder.file("cache"));
  std::vector<pid_t> children;
  for (int k = 0; k < 8; ++k) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      bool good = true;
      for (int turn = 0; turn < 3; ++turn) {
        const CodeCache::Found found = cache.find(key);
        good = good && found.warning.empty() && (!found.image || works(*found.image));
        good = good && cache.keep(key, image()).empty();
      }
      _exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  }
  const CodeCache::Found found = cache.find(key);
  REQUIRE(found.image);
  CHECK(works(*found.image));
  CHECK(std::distance(fs::directory_iterator(cache.directory()), fs::directory_iterator()) == 1);
}

}  // namespace sinter::test
