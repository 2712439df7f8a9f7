#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <sinter/frontend/idx.h>
#include <sinter/ir/error.h>

#include "support/catch.h"

using namespace sinter;

namespace {

/// A file that is gone after the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::vector<int>& bytes, bool compressed = false)
      : path_(std::filesystem::temp_directory_path() /
              ("sinter_idx_" + std::to_string(++count_) + "_" + std::to_string(::getpid()))) {
    const std::string text(bytes.begin(), bytes.end());
    if (!compressed) {
      std::ofstream(path_, std::ios::binary) << text;
      return;
    }
    gzFile file = gzopen(path_.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  static inline int count_ = 0;
  std::filesystem::path path_;
};

std::string message_of(const std::vector<int>& bytes, const IdxOptions& options = {}) {
  const TemporaryFile file(bytes);
  try {
    read_idx(file.path(), options);
  } catch (const UserError& e) {
    const std::string text = e.what();
    CHECK(text.starts_with(file.path() + ": "));
    CHECK(text.find('\n') == std::string::npos);
    return text.substr(file.path().size() + 2);
  }
  return "no error";
}

}  // namespace

TEST_CASE("images and labels, plain and compressed", "[idx]") {
  const std::vector<int> images = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255};
  for (const bool compressed : {false, true}) {
    const TemporaryFile file(images, compressed);
    const Array a = read_idx(file.path());
    CHECK(a.dtype() == DType::u8);
    CHECK(a.shape() == Shape{2, 1, 3});
    CHECK(a.at(1, 0, 2) == 255.0);
    CHECK(a.at(0, 0, 0) == 1.0);
  }
}

TEST_CASE("every element type is read", "[idx]") {
  const auto first = [](const std::vector<int>& bytes) {
    const TemporaryFile file(bytes);
    return read_idx(file.path());
  };
  CHECK(first({0, 0, 9, 1, 0, 0, 0, 1, 0xFE}).at(0) == -2.0);
  CHECK(first({0, 0, 9, 1, 0, 0, 0, 1, 0xFE}).dtype() == DType::i32);
  CHECK(first({0, 0, 0xB, 1, 0, 0, 0, 1, 0xFF, 0x00}).at(0) == -256.0);
  CHECK(first({0, 0, 0xC, 1, 0, 0, 0, 1, 0, 1, 0, 2}).at(0) == 65538.0);
  CHECK(first({0, 0, 0xD, 1, 0, 0, 0, 1, 0x3F, 0xC0, 0, 0}).at(0) == 1.5);
  CHECK(first({0, 0, 0xE, 1, 0, 0, 0, 1, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0}).at(0) == 1.5);
  CHECK(first({0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 5}).size() == 0);
}

TEST_CASE("a damaged file says what is wrong and where", "[idx]") {
  CHECK(message_of({}) == "ends at byte 0 within the magic: expected 4 bytes of it, got 0");
  CHECK(message_of({0, 0, 8}) == "ends at byte 3 within the magic: expected 4 bytes of it, got 3");
  CHECK(message_of({'P', 'K', 3, 4}) ==
        "is no IDX file: expected a magic of 0x0000TTRR with type TT of 08, 09, 0b, 0c, 0d or 0e, got 0x504b0304");
  CHECK(message_of({0, 0, 7, 1, 0, 0, 0, 0}).find("got 0x00000701") != std::string::npos);
  CHECK(message_of({0, 0, 8, 0}) == "expected 1 to 8 axes (byte 3), got 0");
  CHECK(message_of({0, 0, 8, 2, 0, 0, 0, 1, 0}) ==
        "ends at byte 9 within the extent of axis 1: expected 4 bytes of it, got 1");
  CHECK(message_of({0, 0, 8, 1, 0, 0, 0, 3, 1, 2}) ==
        "ends at byte 10 within the elements: expected 3 bytes of it, got 2");
  CHECK(message_of({0, 0, 8, 1, 0, 0, 0, 1, 1, 2}) == "goes on after its elements, at byte 9");
}

TEST_CASE("extents that overflow or exceed the limit are refused", "[idx]") {
  const std::vector<int> huge = {0, 0, 14, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
  CHECK(message_of(huge).find("axis 0 has extent 4294967295 (byte 4), so that the elements take more than the limit") ==
        0);
  const std::vector<int> product = {0, 0, 8, 4, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255};
  CHECK(message_of(product).find("axis 2 has extent 65535") == 0);
  CHECK(message_of({0, 0, 8, 1, 0, 0, 0, 9}, {.max_bytes = 8}).find("limit of 8 bytes") != std::string::npos);
  // An extent of 0 must not hide a product that overflows.
  CHECK(message_of({0, 0, 8, 3, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255}).find("axis 2") == 0);
  // Promises 2 GiB and holds nothing: no memory is taken for it.
  CHECK(message_of({0, 0, 8, 1, 128, 0, 0, 0}).find("ends at byte 8") == 0);
}

TEST_CASE("compressed data that are cut off or damaged", "[idx]") {
  std::vector<int> bytes = {0, 0, 8, 1, 0, 0, 16, 0};
  for (int k = 0; k < 4096; ++k) bytes.push_back(k * k % 251);
  const TemporaryFile whole(bytes, true);
  std::ifstream in(whole.path(), std::ios::binary);
  const std::string packed((std::istreambuf_iterator<char>(in)), {});
  const auto as_ints = [](const std::string& text) {
    std::vector<int> result;
    for (const char c : text) result.push_back(static_cast<unsigned char>(c));
    return result;
  };
  CHECK(message_of(as_ints(packed.substr(0, packed.size() / 2))).find("compressed data end early") !=
        std::string::npos);
  std::string broken = packed;
  broken[broken.size() / 2] = static_cast<char>(broken[broken.size() / 2] ^ 0x55);
  CHECK(message_of(as_ints(broken)).find("cannot be read at byte") == 0);
}

TEST_CASE("a file that is not there", "[idx]") {
  CHECK_THROWS_WITH(read_idx("/nonexistent/file.idx"),
                    "/nonexistent/file.idx: cannot be opened: No such file or directory");
  CHECK_THROWS_AS(read_idx("/"), UserError);
}
