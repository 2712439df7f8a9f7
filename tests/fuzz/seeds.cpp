#include "fuzz/seeds.h"

#include <zlib.h>

#include <filesystem>

#include <sinter/ir/text.h>
#include <sinter/passes/pipeline.h>
#include <sinter/sinter.h>

#include "frontend/files_for_tests.h"

namespace sinter::fuzz {

namespace {

/// What an action writes to a path.
template <class Write>
std::string written(const std::string& name, Write write) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.file(name);
  write(path);
  return testing::contents_of(path);
}

std::string compressed(const std::string& bytes) {
  return written("x.gz", [&](const std::string& path) {
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    gzclose(file);
  });
}

Array numbers(const Shape& shape, DType dtype) {
  Array array = Array::zeros(shape, DType::f32);
  for (std::int64_t k = 0; k < array.size(); ++k)
    array.mutable_span<float>()[static_cast<std::size_t>(k)] = static_cast<float>(k) - 1.0F;
  return array.astype(dtype);
}

}  // namespace

std::vector<std::string> idx_seeds() {
  const std::string bytes = std::string("\0\0\x08\x02\0\0\0\x02\0\0\0\x03", 12) + "abcdef";
  const std::string floats = std::string("\0\0\x0D\x01\0\0\0\x02", 8) + std::string("\x3F\x80\0\0\xBF\x80\0\0", 8);
  const std::string shorts = std::string("\0\0\x0B\x01\0\0\0\x01", 8) + "ab";
  const std::string doubles = std::string("\0\0\x0E\x03\0\0\0\x01\0\0\0\x01\0\0\0\x01", 16) + "12345678";
  return {bytes, floats, shorts, doubles, compressed(bytes)};
}

std::vector<std::string> csv_seeds() {
  return {"a,b,c\n1,2,x\n3,,y\n", "1,2\n3,4\n", "\"a\"\"b\",c\r\n\"1\n2\",NA\r\n", "\xEF\xBB\xBFname;value\nq;1e-3\n",
          compressed("a,b\n1,2\n")};
}

std::vector<std::string> npy_seeds() {
  std::vector<std::string> seeds;
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::i32, DType::i64, DType::u8, DType::i1})
    seeds.push_back(written("x.npy", [&](const std::string& path) { write_npy(path, numbers(Shape{2, 3}, dtype)); }));
  const auto with_dictionary = [](std::string dictionary, const std::string& elements) {
    dictionary.resize(118, ' ');
    return std::string("\x93NUMPY\x01\0\x76\0", 10) + dictionary.replace(117, 1, "\n") + elements;
  };
  seeds.push_back(with_dictionary("{'descr': '>i4', 'fortran_order': True, 'shape': (2, 1), }", "12345678"));
  seeds.push_back(with_dictionary("{'descr': '<u2', 'fortran_order': False, 'shape': (), }", "12"));
  return seeds;
}

std::vector<std::string> npz_seeds() {
  const auto zipped = [](const NamedArrays& arrays) {
    return written("x.npz", [&](const std::string& path) { write_npz(path, arrays); });
  };
  std::vector<std::string> seeds = {zipped({{"x", numbers(Shape{2}, DType::f32)}}),
                                    zipped({{"x", numbers(Shape{3}, DType::u8)}, {"y", Array(1.0)}}), zipped({})};
  for (const auto& entry : std::filesystem::directory_iterator(std::string(SINTER_TEST_DATA) + "/npy"))
    if (entry.path().extension() == ".npz") seeds.push_back(testing::contents_of(entry.path().string()));
  return seeds;
}

std::vector<std::string> safetensors_seeds() {
  const auto file = [](const TensorFile& contents) {
    return written("x.safetensors", [&](const std::string& path) { write_safetensors(path, contents); });
  };
  return {file({{{"a", numbers(Shape{2, 2}, DType::f32)}}, {{"format", "pt"}}}),
          file({{{"h", numbers(Shape{3}, DType::bf16)}, {"b", numbers(Shape{2}, DType::i1)}, {"e", Array(2.0)}}}),
          file({})};
}

Sequential checkpointed_model() {
  Sequential model(ModelOptions{.name = "m"}, Input({2}), Dense(2, "relu"), Dense(1));
  model.compile(Adam({.use_ema = true, .gradient_accumulation_steps = 2}), "mse", {"mae"},
                {.backend = Backend::interpreter});
  return model;
}

std::vector<std::string> checkpoint_seeds() {
  const std::string plain = written("c", [](const std::string& path) { checkpointed_model().save_checkpoint(path); });
  const std::string within = written("c", [](const std::string& path) {
    Sequential model = checkpointed_model();
    model.fit(Array::zeros({4, 2}), Array::zeros({4, 1}),
              {.batch_size = 2,
               .epochs = 2,
               .verbose = 0,
               .callbacks = {LambdaCallback({.on_batch_end = [&](Training& t, std::int64_t batch, const Logs&) {
                 if (batch == 0) t.save_checkpoint(path);
               }})}});
  });
  return {plain, within};
}

std::vector<std::string> graph_text_seeds() {
  Sequential model = checkpointed_model();
  const ir::Graph graph = model.graph("train", 2, {DType::f32, {1}});
  std::vector<std::string> seeds = {ir::print(graph), ir::print(passes::optimize(graph, {}))};
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::string(SINTER_SOURCE_DIR) + "/tests/golden")) {
    constexpr std::uintmax_t largest = 2048;
    if (entry.path().extension() == ".sir" && entry.file_size() < largest)
      seeds.push_back(testing::contents_of(entry.path().string()));
  }
  return seeds;
}

Sequential keras_model() { return Sequential(ModelOptions{.name = "m"}, Input({3}), Dense(2)); }

std::vector<std::string> keras_seeds() {
  std::vector<std::string> seeds = {
      written("w.weights.h5", [](const std::string& path) { keras_model().save_weights(path); })};
  for (const auto& entry : std::filesystem::directory_iterator(std::string(SINTER_TEST_DATA) + "/keras-weights"))
    if (entry.path().extension() != ".npz") seeds.push_back(testing::contents_of(entry.path().string()));
  return seeds;
}

}  // namespace sinter::fuzz
