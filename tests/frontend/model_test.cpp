// Training, evaluation and prediction.

#include <algorithm>
#include <atomic>
#include <thread>

#include "frontend/captured.h"
#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using sinter::testing::Captured;
using sinter::testing::SimpleDense;

namespace {

Sequential classifier(std::uint64_t seed = 0) {
  return Sequential(ModelOptions{.seed = seed}, Input({2}), Dense(8, "relu"), Dropout(0.2), Dense(3, "softmax"));
}

std::vector<float> bits(const Model& model) {
  std::vector<float> all;
  for (const Array& a : model.get_weights()) all.insert(all.end(), a.span<float>().begin(), a.span<float>().end());
  return all;
}

}  // namespace

// keras-semantics 1.5: quiz Q10
TEST_CASE("a line is learned", "[model]") {
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mean_squared_error");
  const double before = model.predict({10.0}).item();
  const History history = model.fit(testing::line_x(), testing::line_y(), {.epochs = 500, .verbose = 0});
  CHECK(std::abs(before - 19.0) > 1.0);
  CHECK(model.predict({10.0}).item() == Approx(19.0).margin(0.1));
  CHECK(history["loss"].size() == 500);
  CHECK(history["loss"].back() < 1e-3);
  CHECK(history.epochs().back() == 499);
}

// keras-semantics 1.5: quiz Q11
TEST_CASE("the notes' layer trains like ours", "[model][1.2:SimpleDense]") {
  const auto train = [](auto layer) {
    Sequential model(Input({1}), std::move(layer));
    model.set_weights({Array::from<float>({0.3F}, {1, 1}), Array::from<float>({0.1F})});
    model.compile("sgd", "mse");
    model.fit(testing::line_x(), testing::line_y(), {.epochs = 20, .verbose = 0});
    return bits(model);
  };
  CHECK(train(SimpleDense(1)) == train(Dense(1)));
}

TEST_CASE("machine code and interpreter give the same bits", "[model]") {
  const auto train = [](Backend backend) {
    Sequential model = classifier();
    model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"}, {.backend = backend});
    const History h =
        model.fit(testing::points(50), testing::classes(50), {.batch_size = 16, .epochs = 2, .verbose = 0});
    return std::pair(bits(model), h["loss"]);
  };
  CHECK(train(Backend::jit) == train(Backend::interpreter));
}

TEST_CASE("the same seed gives the same bits, another one others", "[model]") {
  const auto train = [](std::uint64_t seed) {
    Sequential model = classifier(seed);
    model.compile("adam", "sparse_categorical_crossentropy");
    model.fit(testing::points(40), testing::classes(40), {.batch_size = 16, .epochs = 2, .verbose = 0});
    return bits(model);
  };
  CHECK(train(1) == train(1));
  CHECK(train(1) != train(2));
}

// keras-semantics 1.5: partial last batch
TEST_CASE("the last, smaller batch counts by its samples", "[model]") {
  // Loss of one batch of all samples, and the mean over batches of 4 and 2 weighted by size, are the same number.
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse", {"mae"});
  const Logs whole = model.evaluate(testing::line_x(), testing::line_y(), {.batch_size = 6, .verbose = 0});
  const Logs parts = model.evaluate(testing::line_x(), testing::line_y(), {.batch_size = 4, .verbose = 0});
  CHECK(parts["loss"] == Approx(whole["loss"]).epsilon(1e-6));
  CHECK(parts["mae"] == Approx(whole["mae"]).epsilon(1e-6));
  CHECK(model.predict(testing::line_x(), {.batch_size = 4}).flat(5) == model.predict(testing::line_x()).flat(5));
}

TEST_CASE("one step of SGD is what the formula says", "[model]") {
  Sequential model(Input({1}), Dense(1));
  model.set_weights({Array::from<float>({0.5F}, {1, 1}), Array::from<float>({0.25F})});
  model.compile(SGD({.learning_rate = 0.1}), "mse");
  const double loss = model.train_on_batch({1.0, 3.0}, {2.0, 1.0})["loss"];
  // predictions 0.75, 1.75; errors -1.25, 0.75; dw = mean(2 e x) = 1, db = mean(2 e) = -0.5
  CHECK(loss == Approx(0.5 * (1.25 * 1.25 + 0.75 * 0.75)));
  CHECK(model.get_weights()[0].item() == Approx(0.4));
  CHECK(model.get_weights()[1].item() == Approx(0.3));
}

// keras-semantics 1.5: validation_split
TEST_CASE("validation_split takes the last samples", "[model]") {
  Sequential model(Input({1}), Dense(1));
  model.set_weights({Array::from<float>({0}, {1, 1}), Array::from<float>({0})});
  model.compile(SGD({.learning_rate = 0.0}), "mse");
  const std::vector<float> x{1, 2, 3, 4, 5}, y{0, 0, 0, 2, 4};
  const History h = model.fit(x, y, {.validation_split = 0.4, .verbose = 0});
  CHECK(h["loss"][0] == 0.0);
  CHECK(h["val_loss"][0] == Approx(10.0));
  CHECK(h.keys() == std::vector<std::string>{"loss", "val_loss"});
}

// keras-semantics 1.5: validation_data
TEST_CASE("validation data are evaluated, not learned", "[model]") {
  Sequential model = classifier();
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  const Array x = testing::points(20);
  const std::vector<std::int32_t> y = testing::classes(20);
  const History h =
      model.fit(testing::points(50), testing::classes(50), {.epochs = 2, .validation_data = {x, y}, .verbose = 0});
  CHECK(h.keys() == std::vector<std::string>{"loss", "accuracy", "val_loss", "val_accuracy"});
  const Logs after = model.evaluate(x, y, {.verbose = 0});
  CHECK(h["val_loss"].back() == after["loss"]);
  CHECK(h["val_accuracy"].back() == after["accuracy"]);
}

TEST_CASE("labels and images come in several dtypes", "[model][1.1:dtypes]") {
  const auto loss = [](const Data& x, const Data& y) {
    Sequential model(Input({2}), Dense(3, "softmax"));
    model.compile("sgd", "sparse_categorical_crossentropy");
    return model.evaluate(x, y, {.verbose = 0})["loss"];
  };
  const std::vector<std::uint8_t> pixels{0, 10, 200, 255, 3, 1};
  const Array x8 = Array::view(pixels, {3, 2});
  const Array y = Array::from({0, 2, 1});
  const double expected = loss(x8, y);
  CHECK(loss(x8.astype(DType::f32), y) == expected);
  CHECK(loss(x8.astype(DType::f64), y) == expected);
  CHECK(loss(x8.astype(DType::i32), y) == expected);
  for (const DType d : {DType::u8, DType::i64, DType::u32, DType::f32, DType::f64})
    CHECK(loss(x8, y.astype(d)) == expected);
  CHECK(loss(x8, y.reshape(Shape{3, 1})) == expected);
}

TEST_CASE("data are seen in place and left alone", "[model]") {
  const std::vector<float> x{1, 2, 3}, y{1, 3, 5};
  const Data data(x);
  CHECK(data.array().span<float>().data() == x.data());
  CHECK(Data(std::span<const float>(x)).array().span<float>().data() == x.data());
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse");
  model.fit(x, std::span(y), {.verbose = 0});
  CHECK(x == std::vector<float>{1, 2, 3});
}

// keras-semantics 1.5: shuffle
TEST_CASE("shuffling visits every sample and changes from epoch to epoch", "[model]") {
  // A batch of one sample and a learning rate of 0: the loss of each step is that sample's, so sums agree.
  const auto run = [](bool shuffle) {
    Sequential model(Input({1}), Dense({.units = 1, .kernel_initializer = "zeros"}));
    model.compile(SGD({.learning_rate = 0.01}), "mse", {}, testing::interpreted());
    return model.fit(testing::line_x(), testing::line_y(),
                     {.batch_size = 1, .epochs = 2, .shuffle = shuffle, .verbose = 0})["loss"];
  };
  CHECK(run(false) == run(false));
  CHECK(run(true) == run(true));
  CHECK(run(true) != run(false));
}

TEST_CASE("frozen layers stay as they are", "[model][1.1:trainable]") {
  Sequential model(Input({2}), Dense(4, "relu"), Dense(3, "softmax"));
  model.layer(0).set_trainable(false);
  CHECK(model.trainable_weights().size() == 2);
  CHECK(model.non_trainable_weights().size() == 2);
  model.compile("adam", "sparse_categorical_crossentropy");
  const std::vector<Array> before = model.get_weights();
  model.fit(testing::points(30), testing::classes(30), {.verbose = 0});
  const std::vector<Array> after = model.get_weights();
  CHECK(before[0].to_string() == after[0].to_string());
  CHECK(before[1].to_string() == after[1].to_string());
  CHECK(before[2].to_string() != after[2].to_string());
  for (const auto& [name, value] : model.optimizer_state()) CHECK(name.find("/dense/") == std::string::npos);
}

TEST_CASE("freezing after compile warns and waits for the next compile", "[model][1.1:trainable]") {
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse");
  model.set_trainable(false);
  const Captured cerr(std::cerr);
  const double before = model.get_weights()[0].item();
  model.fit(testing::line_x(), testing::line_y(), {.verbose = 0});
  CHECK(cerr.text() ==
        "sinter: warning: sequential: layers were frozen or unfrozen after compile(); call compile() again for it to "
        "take effect\n");
  const double between = model.get_weights()[0].item();
  CHECK(between != before);
  model.compile("sgd", "mse");
  model.fit(testing::line_x(), testing::line_y(), {.verbose = 0});
  CHECK(model.get_weights()[0].item() == between);
  CHECK(cerr.text().ends_with(
      "sinter: warning: sequential: the model has no trainable weights, so training changes nothing\n"));
}

// keras-semantics 1.4: learning rate
TEST_CASE("the learning rate is a state", "[model]") {
  Sequential model(Input({1}), Dense(1));
  model.compile(SGD({.learning_rate = 0.25}), "mse");
  CHECK(model.learning_rate() == 0.25);
  model.set_learning_rate(0.0);
  const double before = model.get_weights()[0].item();
  model.fit(testing::line_x(), testing::line_y(), {.verbose = 0});
  CHECK(model.get_weights()[0].item() == before);
  model.set_learning_rate(0.01);
  model.fit(testing::line_x(), testing::line_y(), {.verbose = 0});
  CHECK(model.get_weights()[0].item() != before);
  CHECK(model.optimizer_state()[0].second.item() == 2.0);  // iterations
}

TEST_CASE("a callback sees every epoch and may end the training", "[model]") {
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse");
  std::vector<double> losses;
  const History h = model.fit(testing::line_x(), testing::line_y(),
                              {.epochs = 10, .verbose = 0, .on_epoch_end = [&](int epoch, const Logs& logs) {
                                 losses.push_back(logs["loss"]);
                                 model.predict({1.0});
                                 return epoch < 2;
                               }});
  CHECK(losses.size() == 3);
  CHECK(h["loss"] == losses);
}

// keras-semantics 1.3: steps_per_execution
TEST_CASE("threads and steps_per_execution change no bit", "[model]") {
  // Large enough for kernels to be shared.
  std::vector<float> values(80 * 200);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>(k * 37 % 101) / 101.0F;
  const Array x = Array::from(std::move(values), {80, 200});
  struct Trained {
    std::vector<Array> weights;
    Array prediction;
    std::vector<double> loss;
  };
  const auto train = [&](ExecutionOptions execution, int threads) {
    Sequential model(Input({200}), Dense(256, "tanh"), Dense(1));
    model.compile("adam", "mse", {"mae"}, std::move(execution));
    const Array y = Array::full({80, 1}, 0.5);
    const History h = model.fit(x, y, {.batch_size = 32, .epochs = 2, .verbose = 0, .threads = threads});
    std::vector<double> loss = h["loss"];
    loss.push_back(model.evaluate(x, y, {.verbose = 0, .threads = threads})["mae"]);
    return Trained{model.get_weights(), model.predict(x, {.threads = threads}), loss};
  };
  const Trained one = train({}, 0);
  for (const Trained& other : {train({.threads = 3}, 0), train({}, 2), train({.threads = 2}, 1),
                               train({.threads = 2, .steps_per_execution = 2}, 0)}) {
    CHECK(other.loss == one.loss);
    CHECK(std::ranges::equal(other.prediction.bytes(), one.prediction.bytes()));
    for (std::size_t k = 0; k < one.weights.size(); ++k)
      CHECK(std::ranges::equal(other.weights[k].bytes(), one.weights[k].bytes()));
  }
}

// keras-semantics 1.3: logits (TF form)
TEST_CASE("softmax and cross-entropy stay exact where probabilities saturate", "[model]") {
  const auto loss = [](AnyLoss l) {
    Sequential model(Input({2}), Activation("softmax"));
    model.compile("sgd", std::move(l));
    return model.evaluate(Array::from<float>({0, 100}, {1, 2}), {0.0}, {.verbose = 0})["loss"];
  };
  CHECK(loss("sparse_categorical_crossentropy") == Approx(100.0));
  CHECK(loss(SparseCategoricalCrossentropy({.use_known_logits = false})) == Approx(-std::log(1e-7)));
}

// keras-semantics 1.5: summary
TEST_CASE("progress and summary are written as in Keras", "[model][1.1:no-input]") {
  Sequential model(Input({28, 28}), Flatten(), Dense(128, "relu"), Dropout(0.2), Dense(10, "softmax"));
  // FLOPs: 2 * 784 * 128 + bias + relu; 2 * 128 * 10 + bias + softmax (max, its stop_gradient, sub, exp, sum, div).
  // Activations: 4 (784 + 128 + 128 + 10) bytes.
  CHECK(model.summary_text() ==
        "Model: \"sequential\"\n"
        "_______________________________________________________________________________________\n"
        " Layer (type)                      Output Shape            Param #        FLOPs\n"
        "=======================================================================================\n"
        " flatten (Flatten)                 (None, 784)             0              0\n"
        " dense (Dense)                     (None, 128)             100,480        200,960\n"
        " dropout (Dropout)                 (None, 128)             0              0\n"
        " dense_1 (Dense)                   (None, 10)              1,290          2,621\n"
        "=======================================================================================\n"
        " Total params: 101,770 (397.54 KB)\n"
        " Trainable params: 101,770 (397.54 KB)\n"
        " Non-trainable params: 0 (0.00 B)\n"
        " Per sample, forward: 203,581 FLOPs, 4.10 KB of activations\n"
        "_______________________________________________________________________________________\n");
  const Sequential unbuilt{Dense(3)};
  CHECK(unbuilt.summary_text().find(" dense (Dense)                     ?                       0 (unbuilt)\n") !=
        std::string::npos);

  Sequential line(Input({1}), Dense(1));
  line.compile("sgd", "mse");
  const Captured cout(std::cout);
  line.fit(testing::line_x(), testing::line_y(), {.batch_size = 2, .epochs = 2});
  CHECK(cout.text().starts_with("Epoch 1/2\n3/3 [==============================] - 0s "));
  CHECK(cout.text().find("Epoch 2/2\n") != std::string::npos);
}

TEST_CASE("a model defined by a function, and models within models", "[model]") {
  Model inner(Input({2}), [](Tensor x) { return x | Dense(4, "relu"); }, {.name = "features"});
  Sequential model(Input({2}), std::move(inner), Dense(3, "softmax"));
  CHECK(model.weights().size() == 4);
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  const History h = model.fit(testing::points(60), testing::classes(60), {.epochs = 5, .verbose = 0});
  CHECK(h["loss"].back() < h["loss"].front());
}

TEST_CASE("a model of one's own overrides call()", "[model]") {
  struct Residual : Model {
    Dense first{4, "relu"}, second{2};
    Tensor call(Tensor x) override { return x + second(first(x)); }
  };
  Residual model;
  model.set_input(Input({2}));
  CHECK(model.count_params() == 22);
  CHECK(model.name() == "residual");
  CHECK(model.predict(testing::points(5)).shape() == Shape{5, 2});
}

TEST_CASE("the input may be known from the data", "[model][1.1:no-input]") {
  Sequential model(Dense(4), Dense(1));
  model.compile("sgd", "mse");
  model.fit(testing::points(8), Array::zeros({8, 1}), {.verbose = 0});
  CHECK(model.count_params() == 17);
  Sequential line{Dense(1)};
  CHECK(line.predict({1.0, 2.0}).shape() == Shape{2, 1});
}

TEST_CASE("taps show intermediates", "[model]") {
  Sequential model(Input({2}), Lambda([](Tensor x) { return tap(x * 2.0, "doubled") + 1.0; }),
                   Lambda([](Tensor x) { return tap(x, "out"); }));
  const auto values = model.trace_values(Array::from<float>({1, 2}, {1, 2}));
  REQUIRE(values.size() == 2);
  CHECK(values[0].first == "doubled");
  CHECK(values[0].second.at(0, 1) == 4.0);
  CHECK(values[1].second.at(0, 1) == 5.0);
}

TEST_CASE("add_loss joins the loss", "[model][1.1:add_loss]") {
  struct Penalty : Layer {
    Tensor call(Tensor x) override {
      add_loss(sum(square(x)));
      return x;
    }
  };
  Sequential model(Input({1}), Penalty(), Dense({.units = 1, .kernel_initializer = "ones"}));
  model.compile("sgd", "mse", {}, testing::interpreted());
  CHECK(model.evaluate({3.0}, {1.0}, {.verbose = 0})["loss"] == Approx(4.0 + 9.0));
}

TEST_CASE("threads may predict together", "[model]") {
  Sequential model = classifier();
  const Array x = testing::points(40);
  const Array expected = model.predict(x);
  std::vector<std::thread> threads;
  std::atomic<int> same = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int k = 0; k < 20; ++k) same += model.predict(x).at(39, 2) == expected.at(39, 2) ? 1 : 0;
    });
  for (std::thread& t : threads) t.join();
  CHECK(same == 80);
}

TEST_CASE("a step that trains is alone", "[model]") {
  Sequential model(Input({1}), Dense(1));
  model.compile("sgd", "mse");
  std::string message;
  model.fit(testing::line_x(), testing::line_y(), {.verbose = 0});
  // Entering fit() within fit()'s own layers cannot happen; from another thread it is refused or waits for the epoch's
  // end.
  std::atomic<bool> go = true;
  std::thread other([&] {
    while (go) {
      try {
        model.train_on_batch(testing::line_x(), testing::line_y());
      } catch (const UserError& e) {
        message = e.what();
      }
    }
  });
  int refused = 0;
  for (int k = 0; k < 2000; ++k) {
    try {
      model.train_on_batch(testing::line_x(), testing::line_y());
    } catch (const UserError&) {
      ++refused;
    }
  }
  go = false;
  other.join();
  INFO("refused here " << refused << " times");
  CHECK(std::isfinite(model.get_weights()[0].item()));
  if (!message.empty())
    CHECK(message ==
          "sequential: train_on_batch() while another thread uses the model; the weights change during training, so "
          "one call at a time");
}
