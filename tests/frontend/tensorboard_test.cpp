// Event files. The bytes of a record are those that TensorFlow's and TensorBoard's own writers make.

#include <cstring>
#include <filesystem>

#include "frontend/event_file.h"
#include "frontend/files_for_tests.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using testing::TemporaryFolder;

namespace {

/// A reader of our own: fields of a protobuf message, as (number, contents).
std::vector<std::pair<int, std::string>> fields_of(const std::string& message) {
  std::vector<std::pair<int, std::string>> fields;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.at(at++));
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.size()) {
    const std::uint64_t key = varint();
    std::size_t length = 0;
    if ((key & 7) == 0) {
      fields.emplace_back(static_cast<int>(key >> 3), std::to_string(varint()));
      continue;
    }
    length = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : varint();
    fields.emplace_back(static_cast<int>(key >> 3), message.substr(at, length));
    at += length;
  }
  return fields;
}

std::string field(const std::string& message, int number) {
  for (const auto& [n, value] : fields_of(message))
    if (n == number) return value;
  return {};
}

template <class T>
T number(const std::string& bytes) {
  T value{};
  REQUIRE(bytes.size() == sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// "step tag=value" for every scalar of a file whose checksums are right.
std::vector<std::string> scalars_of(const std::string& path) {
  const std::string bytes = testing::contents_of(path);
  std::vector<std::string> result;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto length = number<std::uint64_t>(bytes.substr(at, 8));
    const std::string message = bytes.substr(at + 12, length);
    REQUIRE(bytes.substr(at, length + 16) == detail::event_record(message));
    at += length + 16;
    CHECK(number<double>(field(message, 1)) > 1.6e9);
    if (result.empty() && field(message, 3) == "brain.Event:2") continue;
    for (const auto& [n, value] : fields_of(field(message, 5)))
      result.push_back(field(message, 2) + " " + field(value, 1) + "=" +
                       std::to_string(number<float>(field(value, 2))));
  }
  return result;
}

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path().string());
  return paths;
}

}  // namespace

// keras-semantics 1.5: TensorBoard (bytes)
TEST_CASE("event files: checksums and bytes", "[tensorboard]") {
  CHECK(detail::crc32c("123456789") == 0xE3069283U);            // the check value of CRC-32C
  CHECK(detail::crc32c(std::string(32, '\0')) == 0x8A9136AAU);  // RFC 3720, B.4
  // Written by tensorboard.summary.writer.record_writer for b"abc".
  CHECK(detail::event_record("abc") == std::string("\x03\0\0\0\0\0\0\0\xb0\x99\x49\x0e"
                                                   "abc\x6e\x57\xf1\x21",
                                                   19));
  Logs logs;
  logs.set("loss", 0.5);
  CHECK(detail::scalar_event(1.0, 300, logs) ==
        std::string("\x09\0\0\0\0\0\0\xf0\x3f\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04"
                    "loss\x15\0\0\0\x3f",
                    27));
}

// keras-semantics 1.5: TensorBoard
TEST_CASE("TensorBoard: epochs of training and validation, batches", "[tensorboard]") {
  const TemporaryFolder folder;
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse", {}, testing::interpreted());
  const History h = model.fit(testing::line_x(), testing::line_y(),
                              {.batch_size = 2,
                               .epochs = 2,
                               .validation_data = {testing::line_x(), testing::line_y()},
                               .verbose = 0,
                               .callbacks = {TensorBoard({.log_dir = folder.file("logs"), .every_batches = 2}),
                                             ReduceLROnPlateau({.monitor = "loss"})}});
  const auto shown = [&](int epoch, const char* tag, const char* log) {
    return std::to_string(epoch) + " " + tag + "=" +
           std::to_string(static_cast<float>(h[log][static_cast<std::size_t>(epoch)]));
  };
  REQUIRE(files_in(folder.file("logs/train")).size() == 1);
  const std::string path = files_in(folder.file("logs/train")).front();
  CHECK(path.find("/events.out.tfevents.") != std::string::npos);
  CHECK(path.ends_with(".v2"));
  const std::vector<std::string> train = scalars_of(path);
  REQUIRE(train.size() == 5);
  CHECK(train[0].starts_with("2 batch_loss="));
  CHECK(train[1] == shown(0, "epoch_loss", "loss"));
  CHECK(train[2].starts_with("4 batch_loss="));
  CHECK(train[3].starts_with("6 batch_loss="));
  CHECK(train[4] == shown(1, "epoch_loss", "loss"));
  CHECK(scalars_of(files_in(folder.file("logs/validation")).front()) ==
        std::vector<std::string>{shown(0, "epoch_loss", "val_loss"), shown(1, "epoch_loss", "val_loss")});
}

// keras-semantics 1.5: TensorBoard (errors)
TEST_CASE("TensorBoard: folders and options that do not work", "[tensorboard]") {
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse", {}, testing::interpreted());
  CHECK(testing::message_of([&] {
          model.fit(testing::line_x(), testing::line_y(),
                    {.verbose = 0, .callbacks = {TensorBoard({.log_dir = "/proc/no"})}});
        }).starts_with("TensorBoard: /proc/no/train cannot be made: "));
  CHECK(testing::message_of([] { TensorBoard({.every_batches = -1}); }) ==
        "TensorBoard: every_batches must not be negative, got -1");
}
