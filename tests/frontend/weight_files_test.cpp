// safetensors, and the weights of a model in such files.

#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include <sinter/sinter.h>

#include "frontend/files_for_tests.h"
#include "support/catch.h"

using namespace sinter;
namespace fs = std::filesystem;
using sinter::testing::contents_of;
using sinter::testing::message_of;
using sinter::testing::TemporaryFolder;
using sinter::testing::write;

namespace {

/// A file with this header, padded as the format wants, and these elements.
std::string file_of(std::string header, const std::string& elements) {
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string length(8, '\0');
  for (std::size_t k = 0; k < 8; ++k) length[k] = static_cast<char>(header.size() >> (8 * k) & 0xFF);
  return length + header + elements;
}

/// The message for a file of these bytes, without its path.
std::string refusal(const std::string& bytes) {
  const TemporaryFolder folder;
  const std::string path = folder.file("x.safetensors");
  write(path, bytes);
  const std::string message = message_of([&] { read_safetensors(path); });
  return message.starts_with(path + ": ") ? message.substr(path.size() + 2) : message;
}

Sequential small_model(std::uint64_t seed) {
  return Sequential(ModelOptions{.name = "small", .seed = seed}, Input({3}), Dense(4, "relu"), Dense(2));
}

void check_equal(const std::vector<Array>& a, const std::vector<Array>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t k = 0; k < a.size(); ++k)
    CHECK(std::equal(a[k].bytes().begin(), a[k].bytes().end(), b[k].bytes().begin(), b[k].bytes().end()));
}

const std::string four_floats = {0, 0, '\x80', '?', 0, 0, 0, '@', 0, 0, '@', '@', 0, 0, '\x80', '@'};  // 1, 2, 3, 4

}  // namespace

TEST_CASE("safetensors: the bytes of a file, as the format describes them") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.safetensors");
  write_safetensors(path, {{{"a", Array::from<float>({1, 2, 3, 4}, {2, 2})}}, {{"format", "pt"}}});
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}})";
  CHECK(contents_of(path) == file_of(header, four_floats));
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  write_safetensors(path, {{{"a", Array(1.0)}}});
  CHECK(fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(folder.files() == 1);
}

TEST_CASE("safetensors: every dtype, scalars and empty tensors come back as they went") {
  const TemporaryFolder folder;
  const std::string path = folder.file("all.safetensors");
  TensorFile file;
  for (const DType d :
       {DType::f64, DType::f32, DType::f16, DType::bf16, DType::i64, DType::i32, DType::u32, DType::u8}) {
    const ir::TensorType type{d, Shape{2, 3}};
    std::vector<std::byte> bytes(static_cast<std::size_t>(type.bytes()));
    for (std::size_t k = 0; k < bytes.size(); ++k) bytes[k] = static_cast<std::byte>(k * 7 + 1);
    file.tensors.emplace_back(std::string(ir::to_string(d)), Array::from_bytes(type, bytes));
  }
  file.tensors.emplace_back("scalar", Array(2.5));
  file.tensors.emplace_back("empty", Array::zeros(Shape{0, 4}));
  file.tensors.emplace_back("flags", Array::full(Shape{3}, 1.0, DType::i1));
  file.metadata = {{"note", "says \"hello\"\n"}};
  write_safetensors(path, file);
  const TensorFile back = read_safetensors(path);
  CHECK(back.metadata == file.metadata);
  REQUIRE(back.tensors.size() == file.tensors.size());
  for (std::size_t k = 0; k < file.tensors.size(); ++k) {
    CHECK(back.tensors[k].first == file.tensors[k].first);
    CHECK(back.tensors[k].second.type() == file.tensors[k].second.type());
    check_equal({back.tensors[k].second}, {file.tensors[k].second});
  }
}

TEST_CASE("safetensors: damaged files are refused with what is wrong") {
  const std::string good = R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})";
  CHECK(refusal(file_of(good, four_floats)) == "no error");
  using Catch::Matchers::Contains;
  CHECK_THAT(refusal("abc"), Contains("is no safetensors file: it has 3 bytes"));
  CHECK_THAT(refusal(std::string(8, '\xFF') + "{}"), Contains("was cut off"));
  CHECK_THAT(refusal(file_of(good, four_floats).substr(0, 30)), Contains("was cut off"));
  CHECK_THAT(refusal(file_of(good, four_floats.substr(1))), Contains("ends at byte 79 within tensor 'a'"));
  CHECK_THAT(refusal(file_of(good, four_floats + "x")), Contains("cut off or damaged"));
  CHECK_THAT(refusal(file_of("[1, 2]", "")), Contains("no JSON object"));
  CHECK_THAT(refusal(file_of("{\"a\":", "")), Contains("no JSON object"));
  CHECK_THAT(refusal(file_of(R"({"a":{"dtype":"F32","shape":[4]}})", four_floats)),
             Contains("'a' has no data_offsets"));
  CHECK_THAT(refusal(file_of(R"({"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}})", four_floats)),
             Contains("not described by"));
  CHECK_THAT(refusal(file_of(R"({"a":{"dtype":"F8_E4M3","shape":[16],"data_offsets":[0,16]}})", four_floats)),
             Contains("dtype F8_E4M3, which Sinter has not"));
  CHECK_THAT(refusal(file_of(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}})", four_floats)),
             Contains("has 12 bytes, but its data_offsets say 0 to 16"));
  CHECK_THAT(
      refusal(file_of(R"({"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,16]}})", four_floats)),
      Contains("larger than the file"));
  CHECK_THAT(refusal(file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", four_floats)),
             Contains("leave a hole"));
  CHECK_THAT(refusal(file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}})",
                             four_floats)),
             Contains("elements overlap"));
  CHECK_THAT(refusal(file_of(R"({"a":{"dtype":"BOOL","shape":[16],"data_offsets":[0,16]}})", four_floats)),
             Contains("booleans"));
}

TEST_CASE("save_weights and load_weights: the bits come back, into a model of another seed") {
  const TemporaryFolder folder;
  const Sequential first = small_model(1);
  Sequential second = small_model(2);
  first.save_weights(folder.file("w.safetensors"));
  second.load_weights(folder.file("w.safetensors"));
  check_equal(second.get_weights(), first.get_weights());
  const TensorFile file = read_safetensors(folder.file("w.safetensors"));
  CHECK(file.tensors.front().first == "small/dense/kernel");
  check_equal({file.tensor("small/dense/kernel")}, {first.get_weights()[0]});
  CHECK(message_of([&] { file.tensor("small/dense/kernal"); }) ==
        "there is no tensor 'small/dense/kernal'; did you mean 'small/dense/kernel', 'small/dense_1/kernel' or "
        "'small/dense/bias'?");
}

TEST_CASE("load_weights: what does not fit is refused, and nothing changes") {
  using Catch::Matchers::Contains;
  const TemporaryFolder folder;
  const std::string path = folder.file("w.safetensors");
  Sequential model = small_model(1);
  model.save_weights(path);
  const auto refused = [&](Sequential other, const LoadWeightsOptions& options = {}) {
    const std::vector<Array> before = other.get_weights();
    const std::string message = message_of([&] { other.load_weights(path, options); });
    check_equal(other.get_weights(), before);
    return message;
  };
  const auto named = [](Dim units, const char* layer) {
    return Sequential(ModelOptions{.name = "small", .seed = 9}, Input({3}), Dense({.units = units, .name = layer}));
  };
  CHECK_THAT(refused(named(4, "dense")), Contains("no weight takes tensor 'small/dense_1/kernel'; set ignore_others"));
  CHECK_THAT(refused(named(5, "dense")),
             Contains("'small/dense/kernel' is f32[3,5], but tensor 'small/dense/kernel' is f32[3,4]"));
  CHECK_THAT(refused(named(4, "dense_")), Contains("no tensor 'small/dense_/kernel'") && Contains("did you mean"));
  CHECK_THAT(refused(small_model(3), {.sources = {{"small/dens/kernel", {"x"}}}}),
             Contains("there is no weight 'small/dens/kernel'"));
  Sequential part = named(4, "dense");
  part.load_weights(path, {.ignore_others = true});
  check_equal({part.get_weights()[0]}, {model.get_weights()[0]});
  Sequential no_input(Dense(2));
  CHECK_THAT(message_of([&] { no_input.save_weights(folder.file("no")); }), Contains("set_input()"));
}

TEST_CASE("load_weights: PyTorch's names and its transposed Linear") {
  const TemporaryFolder folder;
  const std::string path = folder.file("torch.safetensors");
  write_safetensors(
      path, {{{"fc.weight", Array::from<float>({1, 2, 3, 4, 5, 6}, {2, 3})}, {"fc.bias", Array::from<float>({7, 8})}},
             {{"format", "pt"}}});
  Sequential model(ModelOptions{.name = "m"}, Input({3}), Dense(2));
  model.load_weights(path, {.sources = {{"m/dense/kernel", {"fc.weight", true}}, {"m/dense/bias", {"fc.bias"}}}});
  const Array y = model.predict(Array::from<float>({1, 0, 0, 0, 1, 0}, {2, 3}));
  CHECK(std::vector<float>(y.span<float>().begin(), y.span<float>().end()) == std::vector<float>{8, 12, 9, 13});
}

TEST_CASE("a file that cannot be written leaves the old one, and nothing beside it") {
  const TemporaryFolder folder;
  const std::string path = folder.file("w.safetensors");
  write_safetensors(path, {{{"a", Array(1.0)}}});
  const std::string before = contents_of(path);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  rlimit small = old;
  small.rlim_cur = 4096;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = message_of([&] { write_safetensors(path, {{{"a", Array::zeros(Shape{4096})}}}); });
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK_THAT(message,
             Catch::Matchers::Contains("cannot be written: File too large; a file that was there is as before"));
  CHECK(contents_of(path) == before);
  CHECK(folder.files() == 1);
  CHECK_THAT(message_of([&] { write_safetensors(folder.file("no/such/w"), {{{"a", Array(1.0)}}}); }),
             Catch::Matchers::Contains("cannot be made in its folder: No such file or directory"));
}
