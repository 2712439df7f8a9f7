// Model::export_object, export_graph and put_weights: files, names, errors. That exported code runs and gives the bits
// of the JIT is tested in tests/runtime/object_file_test.cpp and tests/export.

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <sinter/sinter.h>

#include "support/catch.h"

using namespace sinter;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// A folder that is gone after the test.
class Folder {
 public:
  Folder()
      : path_(fs::temp_directory_path() /
              ("sinter_export_" + std::to_string(::getpid()) + "_" + std::to_string(++count_))) {
    fs::create_directory(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  static inline int count_ = 0;
  fs::path path_;
};

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Sequential classifier() {
  Sequential model(Input({6}), Dense(5, "relu"), Dropout(0.5), Dense(3, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  return model;
}

/// The state in an object file with predict alone, where it lies in one piece; its tensors have `bytes` bytes.
std::string state_in(const std::string& object, std::size_t bytes) {
  const std::string text = text_of(object);
  const std::size_t json = text.find("{\"__metadata__\"");
  REQUIRE(json != std::string::npos);
  std::uint64_t length = 0;
  std::memcpy(&length, text.data() + json - sizeof length, sizeof length);
  return text.substr(json - sizeof length, sizeof length + length + bytes);
}

}  // namespace

TEST_CASE("a compiled model is exported with all its steps", "[export]") {
  const Folder folder;
  Sequential model = classifier();
  model.export_object(folder.file("net-1.o"), {.threads = 2, .batch_size = 4});
  CHECK(text_of(folder.file("net-1.o")).substr(1, 3) == "ELF");
  const std::string header = text_of(folder.file("net-1.h"));
  CHECK_THAT(header, Contains("int net_1_train_step(const net_1_train_step_args* args);") &&
                         Contains("int net_1_train_step_team(") && Contains("int net_1_evaluate_step(") &&
                         Contains("int net_1_predict(") && Contains("#define NET_1_THREADS 2"));
  CHECK_THAT(header, Contains("const float* x; /* f32[4,6] */") && Contains("const int32_t* y; /* i32[4] */"));
  CHECK_THAT(header, !Contains("first_row"));  // always 0, so callers need not give it
}

TEST_CASE("a model that was not compiled is exported for prediction", "[export]") {
  const Folder folder;
  Sequential model(Input({6}), Dense(3));
  model.export_object(folder.file("m.o"));
  const std::string header = text_of(folder.file("m.h"));
  CHECK_THAT(header, Contains("int m_predict(") && !Contains("train_step") && Contains("m_initial_state"));
  CHECK_THROWS_WITH(model.export_object(folder.file("m.o"), {.functions = {"train_step"}}), Contains("compile()"));
}

TEST_CASE("labels, functions and places of files can be chosen", "[export]") {
  const Folder folder;
  Sequential model = classifier();
  model.export_object(folder.file("m.o"), {.header = folder.file("other.h"),
                                           .prefix = "step",
                                           .functions = {"train_step"},
                                           .labels = ir::TensorType{DType::u8, {}}});
  CHECK_FALSE(fs::exists(folder.file("m.h")));
  const std::string header = text_of(folder.file("other.h"));
  CHECK_THAT(header, Contains("const uint8_t* y; /* u8[32] */") && Contains("int step_train_step(") &&
                         !Contains("evaluate_step") && !Contains("predict"));
}

TEST_CASE("exports say what does not fit in a model", "[export]") {
  const Folder folder;
  const std::string path = folder.file("m.o");
  Sequential model = classifier();
  CHECK_THROWS_WITH(model.export_object(path, {.functions = {"train"}}),
                    Contains("unknown function to export 'train'; did you mean 'train_step'?"));
  CHECK_THROWS_WITH(model.export_object(path, {.batch_size = 0}), Contains("batch_size must be positive, got 0"));
  CHECK_THROWS_WITH(model.export_object(path, {.targets = {"avx2"}}), Contains("unknown target 'avx2'"));
  CHECK_THROWS_WITH(model.export_object(folder.file("none/m.o")), Contains("none/m.o"));
  Sequential shapeless(Dense(3));
  CHECK_THROWS_WITH(shapeless.export_object(path), Contains("begin the model with an Input"));
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("a model is not exported while it is trained", "[export]") {
  const Folder folder;
  Model* trained = nullptr;
  std::string message;
  const auto from_another_thread = [&] {
    try {
      trained->export_object(folder.file("m.o"));
    } catch (const UserError& error) {
      message = error.what();
    }
  };
  // fit() traces the layers while it has the model alone.
  Sequential model(Input({1}), Lambda([&](Tensor x) {
                     if (trained != nullptr) std::thread(from_another_thread).join();
                     return x;
                   }),
                   Dense(1));
  model.compile("sgd", "mse");
  trained = &model;
  model.fit(Array::zeros({4, 1}), Array::zeros({4, 1}), {.verbose = 0});
  trained = nullptr;
  CHECK(message ==
        "sequential: export_object() while another thread uses the model; the weights change during training, so one "
        "call at a time");
  CHECK_NOTHROW(model.export_object(folder.file("m.o")));
}

TEST_CASE("the state of an export is a file of weights", "[export]") {
  const Folder folder;
  Sequential model = classifier();
  model.export_object(folder.file("m.o"), {.functions = {"predict"}});
  const std::string exact = state_in(folder.file("m.o"), sizeof(float) * (6 * 5 + 5 + 5 * 3 + 3));
  std::ofstream(folder.file("state"), std::ios::binary) << exact;

  Sequential other(ModelOptions{.seed = 7}, Input({6}), Dense(5, "relu"), Dropout(0.5), Dense(3, "softmax"));
  const auto same = [](const Array& a, const Array& b) { return std::ranges::equal(a.bytes(), b.bytes()); };
  CHECK_FALSE(same(other.weight("dense/kernel").value(), model.weight("dense/kernel").value()));
  other.load_weights(folder.file("state"), {.ignore_others = true});
  for (const char* name : {"dense/kernel", "dense_1/kernel", "dense_1/bias"})
    CHECK(same(other.weight(name).value(), model.weight(name).value()));

  // And back: weights of another model, in the same form.
  Sequential third(ModelOptions{.seed = 9}, Input({6}), Dense(5, "relu"), Dropout(0.5), Dense(3, "softmax"));
  third.save_weights(folder.file("weights"));
  put_weights(folder.file("state"), folder.file("weights"));
  const std::string put = text_of(folder.file("state"));
  REQUIRE(put.size() == exact.size());
  const std::size_t header = exact.find("}}") + 2;
  CHECK(put.substr(0, header) == exact.substr(0, header));
  CHECK(same(read_safetensors(folder.file("state")).tensor("sequential/dense/kernel"),
             third.weight("dense/kernel").value()));
}

TEST_CASE("weights that a state has not are refused", "[export]") {
  const Folder folder;
  const Array four = Array::zeros({4}), five = Array::zeros({5});
  write_safetensors(folder.file("state"), {.tensors = {{"w", four}}}, 64);
  const std::string before = text_of(folder.file("state"));
  write_safetensors(folder.file("other"), {.tensors = {{"v", four}}});
  CHECK_THROWS_WITH(put_weights(folder.file("state"), folder.file("other")), Contains("has no 'v' of"));
  write_safetensors(folder.file("other"), {.tensors = {{"w", five}}});
  CHECK_THROWS_WITH(put_weights(folder.file("state"), folder.file("other")), Contains("'w' is f32[4], but in"));
  CHECK(text_of(folder.file("state")) == before);
}

TEST_CASE("elements of a file can begin at a multiple of 64 bytes", "[export]") {
  const Folder folder;
  const Array numbers = Array::from<float>({1, 2, 3});
  write_safetensors(folder.file("f"), {.tensors = {{"a tensor", numbers}}}, 64);
  CHECK((text_of(folder.file("f")).size() - 12) % 64 == 0);
  CHECK(read_safetensors(folder.file("f")).tensor("a tensor").at(2) == 3.0);
}

TEST_CASE("a graph is exported as one step", "[export]") {
  const Folder folder;
  StepBuilder b;
  const Tensor x = b.input("int", {4});  // no name that C takes
  const Variable w = b.variable("w", Array::zeros({4}));
  b.update(w, w + x);
  b.output("sum", sum(w * x));
  export_graph(folder.file("m.o"), b.graph(), {{"w", Array::from<float>({1, 2, 3, 4})}});
  CHECK_THAT(text_of(folder.file("m.h")),
             Contains("int m_step(const m_step_args* args);") && Contains("const float* v_int;"));
  CHECK_THROWS_WITH(export_graph(folder.file("m.o"), b.graph(), {{"v", Array::zeros({4})}}),
                    Contains("the graph has no state 'v'"));
  CHECK_THROWS_WITH(export_graph(folder.file("m.o"), b.graph(), {{"w", Array::zeros({5})}}),
                    Contains("state 'w' is f32[4], but its contents are f32[5]"));
}
