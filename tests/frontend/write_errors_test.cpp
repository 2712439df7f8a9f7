// Full disks, missing permissions and links: a clear error, and the old file as it was.

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "frontend/files_for_tests.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using testing::contents_of;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

/// While it lives no file grows beyond so many bytes, as on a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    rlimit small = old_;
    small.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit old_{};
  void (*handler_)(int);
};

/// While it lives the process has the rights of nobody in particular. Not possible unless root runs the test, who may
/// write everywhere otherwise.
class Nobody {
 public:
  Nobody() {
    constexpr uid_t nobody = 65534;
    if (geteuid() == 0) changed_ = seteuid(nobody) == 0;
  }
  ~Nobody() {
    if (changed_ && seteuid(0) != 0) std::abort();
  }
  Nobody(const Nobody&) = delete;
  Nobody& operator=(const Nobody&) = delete;

 private:
  bool changed_ = false;
};

/// A model whose weights take 64 KiB.
Sequential large_model(std::uint64_t seed) {
  Sequential model(ModelOptions{.name = "m", .seed = seed}, Input({1}), Dense(128), Dense(128), Dense(1));
  model.compile("sgd", "mse", {}, testing::interpreted());
  return model;
}

/// Fits for some epochs with one callback; returns the error.
std::string fit_with(AnyCallback callback, int epochs = 3) {
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse", {}, testing::interpreted());
  return message_of([&] {
    model.fit(testing::line_x(), testing::line_y(),
              {.epochs = epochs, .verbose = 0, .callbacks = {std::move(callback)}});
  });
}

const std::vector<std::string> weight_files = {"w.safetensors", "w.weights.h5"};

}  // namespace

TEST_CASE("write errors: weights and checkpoints on a full disk", "[write_errors]") {
  const TemporaryFolder folder;
  const Sequential old = large_model(1), model = large_model(2);
  const auto check = [&](const std::string& name, auto save) {
    INFO(name);
    const std::string path = folder.file(name);
    save(old, path);
    const std::string before = contents_of(path);
    const std::size_t files = folder.files();
    std::string message;
    {
      const FullDisk disk(8192);
      message = message_of([&] { save(model, path); });
    }
    CHECK(message == path + ": cannot be written: File too large; a file that was there is as before");
    CHECK(contents_of(path) == before);
    CHECK(folder.files() == files);
  };
  for (const std::string& name : weight_files)
    check(name, [](const Sequential& m, const std::string& path) { m.save_weights(path); });
  check("c.safetensors", [](const Sequential& m, const std::string& path) { m.save_checkpoint(path); });
}

TEST_CASE("write errors: a device that is full", "[write_errors]") {
  if (!fs::is_character_file("/dev/full")) {
    WARN("skipped: there is no /dev/full");
    return;
  }
  const Sequential model = large_model(1);
  const std::string expected =
      "/dev/full: cannot be written: No space left on device; a file that was there is as before";
  CHECK(message_of([&] { model.save_checkpoint("/dev/full"); }) == expected);
  CHECK(message_of([&] { write_safetensors("/dev/full", {{{"a", Array(1.0)}}}); }) == expected);
  CHECK(message_of([&] { write_npy("/dev/full", Array(1.0)); }) == expected);
  CHECK(fit_with(CSVLogger("/dev/full")) ==
        "CSVLogger: /dev/full: cannot be written: No space left on device; a file that was there is as before");
  CHECK(fs::is_character_file("/dev/full"));  // written to, not replaced
  write_safetensors("/dev/null", {{{"a", Array(1.0)}}});
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("write errors: no permission", "[write_errors]") {
  const TemporaryFolder folder;
  const Sequential old = large_model(1), model = large_model(2);
  const auto refused = [&](const std::string& name, auto save) {
    INFO(name);
    const std::string path = folder.file(name), before = contents_of(path);
    std::string message;
    {
      const Nobody nobody;
      message = message_of([&] { save(path); });
    }
    CHECK(contents_of(path) == before);
    return message.starts_with(path) ? message.substr(path.size()) : message;
  };
  const auto save = [&](const std::string& path) { model.save_weights(path); };
  for (const std::string& name : weight_files) {
    old.save_weights(folder.file(name));
    fs::permissions(folder.file(name), fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  }
  old.save_checkpoint(folder.file("c.safetensors"));
  testing::write(folder.file("log.csv"), "epoch,loss\n0,1\n");
  fs::permissions(folder.file("log.csv"), fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  constexpr auto looked_at = static_cast<fs::perms>(0555);  // nothing new may be made in it
  fs::permissions(folder.file(""), looked_at);
  const std::string not_there = ": cannot be made in its folder: Permission denied; a file that was there is as before";
  const std::string protected_file = ": cannot be written: Permission denied; a file that was there is as before";
  for (const std::string& name : weight_files) CHECK(refused(name, save) == protected_file);
  CHECK(refused("new.safetensors", save) == not_there);
  CHECK_THAT(refused("c.safetensors", [&](const std::string& path) { model.save_checkpoint(path); }),
             Contains("Permission denied"));
  CHECK_THAT(refused("log.csv",
                     [&](const std::string& path) {
                       const std::string message = fit_with(CSVLogger(path));
                       if (message != "no error") user_error(message);
                     }),
             Contains("CSVLogger: ") && Contains("Permission denied"));
  CHECK_THAT(refused("logs",
                     [&](const std::string& path) {
                       const std::string message = fit_with(TensorBoard({.log_dir = path}));
                       if (message != "no error") user_error(message);
                     }),
             Contains("TensorBoard: ") && Contains("cannot be made: Permission denied"));
  fs::permissions(folder.file(""), fs::perms::owner_all);
}

TEST_CASE("write errors: CSVLogger on a full disk keeps whole lines", "[write_errors]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("log.csv");
  std::string message;
  {
    const FullDisk disk(40);
    message = fit_with(CSVLogger(path), 100);
  }
  CHECK(message == "CSVLogger: " + path + " cannot be written: File too large");
  const std::string rows = contents_of(path);
  CHECK(rows.starts_with("epoch,loss\n0,"));
  CHECK(rows.ends_with('\n'));
  // A log that is begun anew is replaced as a whole, or not at all.
  {
    const FullDisk disk(4);
    message = fit_with(CSVLogger(path));
  }
  CHECK_THAT(message, Contains("a file that was there is as before"));
  CHECK(contents_of(path) == rows);
}

TEST_CASE("write errors: TensorBoard on a full disk", "[write_errors]") {
  const TemporaryFolder folder;
  std::string message;
  {
    const FullDisk disk(100);
    message = fit_with(TensorBoard({.log_dir = folder.file("logs")}), 100);
  }
  CHECK_THAT(message, Contains("TensorBoard: ") && Contains("cannot be written: File too large"));
  {
    const FullDisk disk(4);
    message = fit_with(TensorBoard({.log_dir = folder.file("more")}));
  }
  CHECK_THAT(message, Contains("TensorBoard: ") && Contains("cannot be written: File too large"));
}

TEST_CASE("write errors: callbacks that save on a full disk end the training with the file's error", "[write_errors]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("w.safetensors");
  CHECK(fit_with(ModelCheckpoint({.filepath = path}), 1) == "no error");
  const std::string before = contents_of(path);
  const auto full = [&](AnyCallback callback) {
    const FullDisk disk(16);
    return fit_with(std::move(callback));
  };
  CHECK_THAT(full(ModelCheckpoint({.filepath = path})), Contains(path + ": cannot be written: File too large"));
  CHECK(contents_of(path) == before);
  CHECK_THAT(full(BackupAndRestore({.path = folder.file("c")})), Contains("cannot be written: File too large"));
  CHECK(folder.files() == 1);
}

TEST_CASE("a symbolic link stays one: what it leads to is replaced", "[write_errors]") {
  const TemporaryFolder folder;
  const auto value = [](const std::string& path) { return read_safetensors(path).tensor("a").item(); };
  const auto save = [](const std::string& path, double a) { write_safetensors(path, {{{"a", Array(a)}}}); };
  fs::create_directory(folder.file("store"));
  const std::string real = folder.file("store/real"), link = folder.file("link"), chain = folder.file("chain");
  save(real, 1.0);
  fs::create_symlink("store/real", link);
  fs::create_symlink(link, chain);
  save(link, 2.0);
  CHECK(fs::is_symlink(link));
  CHECK(value(real) == 2.0);
  save(chain, 3.0);
  CHECK(fs::is_symlink(chain));
  CHECK(value(real) == 3.0);
  fs::create_symlink("store/new", folder.file("dangling"));  // leads to nothing yet
  save(folder.file("dangling"), 4.0);
  CHECK(value(folder.file("store/new")) == 4.0);
  fs::create_symlink("b", folder.file("a"));
  fs::create_symlink("a", folder.file("b"));
  CHECK_THAT(message_of([&] { save(folder.file("a"), 5.0); }), Contains("its links lead in a circle"));
  CHECK(message_of([&] { save(folder.file("store"), 5.0); }) ==
        folder.file("store") + ": is a folder, so no file can be written there");
}
