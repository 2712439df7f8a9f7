// The tutorial of frontend/README.md: its snippets, in order, with what has to come out.

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <sinter/sinter.h>

#include "frontend/files_for_tests.h"
#include "support/catch.h"

using namespace sinter;

// clang-format off: the snippets stand as they do in the tutorial

namespace {

class SimpleDense : public Layer {
 public:
  explicit SimpleDense(Dim units, ActivationFn f = {}) : units_(units), f_(std::move(f)) {}
  void build(const Shape& input) override {
    w_ = add_weight("w", {input[-1], units_}, {.initializer = "random_normal"});
    b_ = add_weight("b", {units_}, {.initializer = "zeros"});
  }
  Tensor call(Tensor x) override { return f_(matmul(x, w_) + b_); }

 private:
  Dim units_;
  ActivationFn f_;
  Variable w_, b_;
};

}  // namespace

TEST_CASE("tutorial: layers and functions", "[tutorial]") {
  Sequential one(Input({3}), Dense({.units = 2, .activation = "relu", .kernel_initializer = "ones"}));
  const Array rows = one.predict(Array::from<float>({1, 2, 3, -1, -2, -3}, {2, 3}));  // [[6, 6], [0, 0]]
  CHECK(rows.at(0, 1) == 6.0);
  CHECK(rows.at(1, 0) == 0.0);

  const Array xs = Array::from<float>({-1, 0, 1, 2, 3, 4}, {6, 1});
  const Array ys = Array::from<float>({-3, -1, 1, 3, 5, 7}, {6, 1});
  Sequential line(Input({1}), SimpleDense(1));
  line.compile("sgd", "mean_squared_error");
  line.fit(xs, ys, {.epochs = 500, .verbose = 0});
  const double at_ten = line.predict({10.0}).item();  // about 18.98
  CHECK(at_ten == Approx(18.98).margin(0.03));

  const auto my_relu = [](const Tensor& x) { return maximum(0.5, x); };
  Sequential functions(Input({4}), Dense(8), Lambda([](Tensor x) { return abs(x); }), Dense(8, my_relu), Dense(8), LeakyReLU(),
                       Dense(3, "softmax"));
  CHECK(functions.predict(Array::zeros({2, 4})).shape() == Shape{2, 3});
}

TEST_CASE("tutorial: models", "[tutorial]") {
  Input image({8, 8});
  Symbol code = image | Flatten() | Dense(6, "relu");
  Symbol digit = code | Dense({.units = 3, .activation = "softmax", .name = "digit"});
  Symbol again = code | Dense(64, "sigmoid") | Reshape({.target_shape = {8, 8}, .name = "again"});
  Model both(image, {digit, again});
  both.compile({.optimizer = "adam",
                .losses = {{"digit", "sparse_categorical_crossentropy"}, {"again", "mse"}},
                .loss_weights = {{"again", 0.1}},
                .output_metrics = {{"digit", {"accuracy"}}}});
  const History h = both.fit(Array::zeros({4, 8, 8}), {Array::zeros({4}, DType::i32), Array::zeros({4, 8, 8})}, {.epochs = 2, .verbose = 0});
  CHECK(h["loss"][1] < h["loss"][0]);
  CHECK(h.contains("digit_accuracy"));
}

TEST_CASE("tutorial: data and training", "[tutorial]") {
  const testing::TemporaryFolder temporary;
  const std::string folder = temporary.file("");
  std::string table = "length,width,species\n";
  for (int k = 0; k < 40; ++k) table += str(k % 2 + 0.01 * k, ',', 1 - k % 2, k % 2 == 0 ? ",setosa\n" : ",versicolor\n");
  testing::write(folder + "/flowers.csv", table);

  const CsvTable flowers = read_csv(folder + "/flowers.csv");
  const Array features = flowers.numbers({"length", "width"});
  const Array species = flowers.classes("species");  // numbers; flowers.class_names("species") are the texts
  write_npz(folder + "/flowers.npz", {{"x", features}, {"y", species}});
  const Array x_again = array_named(read_npz(folder + "/flowers.npz"), "x");
  CHECK(x_again.shape() == Shape{40, 2});
  CHECK(flowers.class_names("species") == std::vector<std::string>{"setosa", "versicolor"});

  Sequential model(ModelOptions{.seed = 7}, Input({2}), Dense(16, "relu"), Dropout(0.1), Dense(2, "softmax"));
  model.compile(Adam({.learning_rate = 0.02}), "sparse_categorical_crossentropy", {"accuracy"});
  EarlyStopping stopping({.patience = 5, .restore_best_weights = true});
  const History history = model.fit(features, species,
                                    {.batch_size = 4,
                                     .epochs = 40,
                                     .validation_split = 0.25,
                                     .class_weight = {{1, 2.0}},
                                     .verbose = 0,
                                     .callbacks = {stopping, ReduceLROnPlateau({.factor = 0.5, .patience = 2}),
                                                   CSVLogger(folder + "/log.csv"), TensorBoard({.log_dir = folder + "/logs"}),
                                                   BackupAndRestore({.path = folder + "/run.safetensors"})}});
  const Logs quality = model.evaluate(features, species, {.verbose = 0});
  model.save_weights(folder + "/weights.safetensors");
  CHECK(history["loss"].size() <= 40);
  CHECK(quality["accuracy"] > 0.9);
  CHECK(std::filesystem::exists(folder + "/weights.safetensors"));
  CHECK_FALSE(std::filesystem::exists(folder + "/run.safetensors"));

  for (int step = 0; step < 20; ++step) {
    const Logs logs = model.train_on_batch(features, species);
    if (logs["loss"] < 0.05) break;
    if (step == 9) model.set_learning_rate(0.001);  // a state: nothing is compiled again
  }
  CHECK(model.learning_rate() <= 0.02);
}

// clang-format on

TEST_CASE("tutorial: every snippet is in this file", "[tutorial]") {
  const auto lines_of = [](const std::string& text) {  // without the blanks around them
    std::string result = "\n";
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
      result += line.substr(std::min(line.size(), line.find_first_not_of(' '))) + "\n";
    return result;
  };
  const std::string root = SINTER_SOURCE_DIR;
  const std::string here = lines_of(testing::contents_of(root + "/tests/frontend/tutorial_test.cpp"));
  std::string readme = testing::contents_of(root + "/frontend/README.md");
  readme.erase(0, readme.find("## Tutorial"));
  int snippets = 0;
  const std::string fence = "```cpp\n";
  for (std::size_t at = readme.find(fence); at != std::string::npos; at = readme.find(fence, at)) {
    at += fence.size();
    const std::string snippet = readme.substr(at, readme.find("```", at) - at);
    INFO(snippet);
    CHECK(here.find(lines_of(snippet)) != std::string::npos);
    ++snippets;
  }
  CHECK(snippets == 8);
}
