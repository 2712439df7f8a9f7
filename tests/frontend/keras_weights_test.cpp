// Weights in Keras's own files. tests/data/keras-weights was written by Keras 3.15.1 (torch); beside each model lie
// inputs and what it predicted for them. What is written here was read by the same Keras once.

#include <algorithm>
#include <filesystem>

#include "frontend/files_for_tests.h"
#include "frontend/hdf5_file.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using Catch::Matchers::Contains;
using testing::contents_of;
using testing::message_of;
using testing::TemporaryFolder;

namespace {

const std::string folder_of_keras = std::string(SINTER_TEST_DATA) + "/keras-weights/";

Sequential recurrent_model(std::uint64_t seed = 0) {
  return Sequential(ModelOptions{.seed = seed}, Input({5, 4}), LSTM({.units = 3, .return_sequences = true}),
                    Bidirectional(GRU({.units = 2, .return_sequences = true})), TimeDistributed(Dense(2)),
                    SimpleRNN({.units = 6}), Sequential(Dense(4, "relu"), BatchNormalization()), Dense(3), Dense(2));
}

Model attention_model() {
  Input a({4, 6});
  Symbol h = Symbols{a, a} | MultiHeadAttention({.num_heads = 2, .key_dim = 3});
  h = Symbols{a, h} | Add();
  h = h | LayerNormalization() | Conv1D({.filters = 3, .kernel_size = {2}}) | GlobalAveragePooling1D();
  return Model(a, h | Dense(2));
}

Sequential dense_model(std::uint64_t seed = 0) {
  return Sequential(ModelOptions{.name = "m", .seed = seed}, Input({3}), Dense(4, "relu"), Dense(2));
}

void check_predicts(Model& model, const std::string& name) {
  const NamedArrays data = read_npz(folder_of_keras + name + ".npz");
  const Array got = model.predict(array_named(data, "x"));
  const Array& expected = array_named(data, "y");
  REQUIRE(got.shape() == expected.shape());
  for (std::int64_t k = 0; k < got.size(); ++k)
    CHECK(got.flat(k) == Approx(expected.flat(k)).epsilon(1e-4).margin(1e-5));
}

bool same(const std::vector<Array>& a, const std::vector<Array>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Array& x, const Array& y) {
    return x.type() == y.type() && std::equal(x.bytes().begin(), x.bytes().end(), y.bytes().begin());
  });
}

/// The message for weights in a file of these datasets.
std::string refusal(Model& model, const TensorFile& file) {
  const TemporaryFolder folder;
  const std::string path = folder.file("x.weights.h5");
  testing::write(path, detail::hdf5_bytes(path, {}, file));
  const std::vector<Array> before = model.get_weights();
  const std::string message = message_of([&] { model.load_weights(path); });
  CHECK(same(model.get_weights(), before));
  return message.starts_with(path + ": ") ? message.substr(path.size() + 2) : message;
}

}  // namespace

TEST_CASE("keras weights: models that Keras saved predict what they did there", "[keras_weights]") {
  Sequential recurrent = recurrent_model();
  recurrent.load_weights(folder_of_keras + "recurrent.weights.h5");
  check_predicts(recurrent, "recurrent");
  Model attention = attention_model();
  attention.load_weights(folder_of_keras + "attention.keras");  // with an optimizer's states, which are left out
  check_predicts(attention, "attention");
  Sequential dense = dense_model();
  dense.load_weights(folder_of_keras + "dense.h5");  // the layout of Keras 2: in the order of the layers
  check_predicts(dense, "dense");
}

TEST_CASE("keras weights: the golden models' files", "[keras_weights]") {
  const std::string folder = std::string(SINTER_TEST_DATA) + "/keras-golden/";
  Sequential from_keras(Input({1}), Dense(1)), from_h5(Input({1}), Dense(1));
  from_keras.load_weights(folder + "seed_line.keras");
  from_h5.load_weights(folder + "seed_line.h5");
  CHECK(same(from_keras.get_weights(), from_h5.get_weights()));
}

TEST_CASE("keras weights: other floats convert, wider ones exactly", "[keras_weights]") {
  for (const char* name : {"bfloat16", "float16", "float64"}) {
    INFO(name);
    Sequential model(Input({3}), Dense(2));
    model.load_weights(folder_of_keras + name + ".weights.h5");
    const NamedArrays expected = read_npz(folder_of_keras + name + ".npz");
    CHECK(same({model.get_weights()[0]}, {array_named(expected, "kernel")}));
  }
  const TemporaryFolder folder;
  const std::string path = folder.file("w.safetensors");
  Sequential model(ModelOptions{.name = "m"}, Input({1}), Dense({.units = 1, .use_bias = false}));
  const auto load = [&](const Array& kernel) {
    write_safetensors(path, {{{"m/dense/kernel", kernel}}});
    return message_of([&] { model.load_weights(path); });
  };
  CHECK(load(Array::full({1, 1}, 0.1, DType::f64)) == "no error");
  CHECK(model.get_weights()[0].item() == static_cast<double>(0.1F));
  CHECK(load(Array::full({1, 1}, -1.5, DType::bf16)) == "no error");
  CHECK(model.get_weights()[0].item() == -1.5);
  CHECK(
      load(Array::full({1, 1}, 1e300, DType::f64)) ==
      path +
          ": element 0 of tensor 'm/dense/kernel' is 1e+300, which is out of range for weight 'm/dense/kernel' of f32");
  CHECK(model.get_weights()[0].item() == -1.5);
  CHECK(load(Array::full({1, 1}, 1.0, DType::i32)) ==
        path + ": weight 'm/dense/kernel' is f32[1,1], but tensor 'm/dense/kernel' is i32[1,1]");
}

TEST_CASE("keras weights: written as Keras writes them, and read back", "[keras_weights]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("w.weights.h5");
  Sequential first = recurrent_model(1), second = recurrent_model(2);
  first.save_weights(path);
  second.load_weights(path);
  CHECK(same(second.get_weights(), first.get_weights()));
  // The same datasets as in the file that Keras wrote of this model.
  const auto names = [](const std::string& file) {
    const std::string bytes = contents_of(file);
    std::vector<std::string> result;
    for (const auto& [name, array] : detail::read_hdf5(file, std::as_bytes(std::span(bytes))).tensors)
      result.push_back(name);
    return result;
  };
  CHECK(names(path) == names(folder_of_keras + "recurrent.weights.h5"));
  CHECK(folder.files() == 1);
  CHECK(message_of([&] { first.save_weights(folder.file("w.keras")); }) ==
        folder.file("w.keras") + ": weights are saved in .safetensors or, for Keras, in .weights.h5 files");
}

TEST_CASE("keras weights: what does not fit is refused, and nothing changes", "[keras_weights]") {
  Sequential model = dense_model();
  const Array kernel = Array::zeros({3, 4}), bias = Array::zeros({4}), kernel_1 = Array::zeros({4, 2}),
              bias_1 = Array::zeros({2});
  const TensorFile good{{{"layers/dense/vars/0", kernel},
                         {"layers/dense/vars/1", bias},
                         {"layers/dense_1/vars/0", kernel_1},
                         {"layers/dense_1/vars/1", bias_1}}};
  TensorFile file = good;
  file.tensors[1].second = Array::zeros({5});
  CHECK(refusal(model, file) == "weight 'm/dense/bias' is f32[4], but tensor 'layers/dense/vars/1' is f32[5]");
  file = good;
  file.tensors.erase(file.tensors.begin() + 2);
  CHECK_THAT(refusal(model, file),
             Contains("holds no tensor 'layers/dense_1/vars/0' for weight 'm/dense_1/kernel'; did "
                      "you mean 'layers/dense_1/vars/1'"));
  file = good;
  file.tensors.emplace_back("layers/dense_2/vars/0", bias);
  CHECK(refusal(model, file) == "no weight takes tensor 'layers/dense_2/vars/0'; set ignore_others if that is meant");
  file = good;
  file.tensors[0].second = Array::full({3, 4}, 1.0, DType::i32);
  CHECK(refusal(model, file) == "weight 'm/dense/kernel' is f32[3,4], but tensor 'layers/dense/vars/0' is i32[3,4]");
  for (const char* other : {"optimizer/vars/0", "layers/dropout/seed_generator/vars/0"}) {
    TensorFile more = good;
    more.tensors.emplace_back(other, Array(1.0));
    const TemporaryFolder folder;
    const std::string path = folder.file("x.weights.h5");
    testing::write(path, detail::hdf5_bytes(path, {}, more));
    CHECK(message_of([&] { model.load_weights(path); }) == "no error");
  }
  Sequential fewer(Input({3}), Dense(4));
  CHECK_THAT(
      message_of([&] { fewer.load_weights(folder_of_keras + "dense.h5"); }),
      Contains("dense.h5: holds 4 weights, sequential has 2; files of Keras 2 are read in the order of the layers"));
}

TEST_CASE("keras weights: layers within a layer of one's own are listed by hand", "[keras_weights]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("block.weights.h5");
  TensorFile file{{{"layers/block/inner/vars/0", Array::full({2, 3}, 1.0)},
                   {"layers/block/inner/vars/1", Array::full({3}, 2.0)},
                   {"layers/block/outer/vars/0", Array::full({3, 2}, 3.0)},
                   {"layers/block/outer/vars/1", Array::full({2}, 4.0)}}};
  testing::write(path, detail::hdf5_bytes(path, {}, file));
  Sequential model(ModelOptions{.name = "m"}, Input({2}), testing::Block());
  CHECK_THAT(message_of([&] { model.load_weights(path); }), Contains("holds no tensor 'layers/block/dense/vars/0'"));
  model.load_weights(path, {.sources = {{"m/block/dense/kernel", {"layers/block/inner/vars/0"}},
                                        {"m/block/dense/bias", {"layers/block/inner/vars/1"}},
                                        {"m/block/dense_1/kernel", {"layers/block/outer/vars/0"}},
                                        {"m/block/dense_1/bias", {"layers/block/outer/vars/1"}}}});
  CHECK(model.get_weights()[3].at(1) == 4.0);
}

TEST_CASE("keras weights: damaged files are refused with one line", "[keras_weights]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("bad.weights.h5"), good = contents_of(folder_of_keras + "float64.weights.h5");
  Sequential model(Input({3}), Dense(2));
  const auto refused = [&](const std::string& bytes) {
    testing::write(path, bytes);
    const std::vector<Array> before = model.get_weights();
    const std::string message = message_of([&] { model.load_weights(path); });
    CHECK(message.starts_with(path + ": "));
    CHECK(message.find('\n') == std::string::npos);
    CHECK(same(model.get_weights(), before));
    return message;
  };
  CHECK_THAT(refused(good.substr(0, good.size() / 2)), Contains("is no HDF5 file, or is damaged"));
  CHECK_THAT(refused(good.substr(0, 9)), Contains("is no HDF5 file, or is damaged"));
  CHECK_THAT(refused("PK\x03\x04 no zip"), Contains("cannot be read as a zip file"));
  write_npz(path, {{"x", Array(1.0)}});
  CHECK_THAT(message_of([&] { model.load_weights(path); }),
             Contains("holds no 'model.weights.h5', so it is no model saved by Keras"));
  TensorFile texts{{{"layers/dense/vars/0", Array::full({3, 2}, 1.0, DType::i64)}}};
  CHECK_THAT(refusal(model, texts), Contains("is i64[3,2]"));
}
