// Training under a memory budget: the same weights, and a message where the budget cannot be kept.

#include <algorithm>
#include <iostream>

#include <sinter/sinter.h>

#include "frontend/captured.h"
#include "support/catch.h"

using namespace sinter;

namespace {

Sequential network() {
  return Sequential(Input({8, 8, 2}), Conv2D({.filters = 8, .kernel_size = {3}, .padding = "same", .use_bias = false}),
                    BatchNormalization(), Activation("relu"),
                    Conv2D({.filters = 8, .kernel_size = {3}, .padding = "same", .use_bias = false}),
                    BatchNormalization(), Activation("relu"), Dropout(0.25), GlobalAveragePooling2D(), Dense(3));
}

/// The weights after some steps on made-up numbers.
std::vector<Array> trained(const ExecutionOptions& execution) {
  Sequential model = network();
  model.compile(SGD({.learning_rate = 0.05, .momentum = 0.9}), SparseCategoricalCrossentropy({.from_logits = true}), {},
                execution);
  std::vector<float> x(std::size_t{32} * 128);
  for (std::size_t k = 0; k < x.size(); ++k) x[k] = static_cast<float>(k * 37 % 101) / 101.0F - 0.5F;
  std::vector<std::int32_t> y(32);
  for (std::size_t k = 0; k < y.size(); ++k) y[k] = static_cast<std::int32_t>(k % 3);
  model.fit(Array::from(x, {32, 8, 8, 2}), Array::from(y, {32}), {.batch_size = 8, .epochs = 2, .verbose = 0});
  return model.get_weights();
}

std::string message_of(const ExecutionOptions& execution) {
  try {
    (void)trained(execution);
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

/// The numbers of the column of arenas in what print_memory_curve prints, in bytes.
std::vector<std::int64_t> arenas_in(const std::string& table) {
  std::istringstream lines(table);
  std::vector<std::int64_t> arenas;
  double megabytes = 0.0;
  for (std::string line; std::getline(lines, line);)
    if (std::istringstream(line) >> megabytes) arenas.push_back(static_cast<std::int64_t>(megabytes * 1e6));
  return arenas;
}

}  // namespace

TEST_CASE("a model trains to the same bits under a memory budget", "[memory]") {
  std::vector<Array> expected;
  std::string table;
  {
    const testing::Captured output(std::cout);
    expected = trained({.print_memory_curve = true, .cache = false});
    table = output.text();
  }
  CHECK_THAT(table, Catch::Matchers::Contains("train_8") && Catch::Matchers::Contains("est. ms"));
  const std::vector<std::int64_t> arenas = arenas_in(table);
  REQUIRE(arenas.size() >= 2);
  for (const std::int64_t budget : {arenas[arenas.size() / 2], arenas.back() + 1000}) {
    INFO("budget " << budget);
    const std::vector<Array> got = trained({.memory_budget = budget, .cache = false});
    REQUIRE(got.size() == expected.size());
    for (std::size_t k = 0; k < got.size(); ++k) CHECK(std::ranges::equal(got[k].bytes(), expected[k].bytes()));
  }
}

TEST_CASE("a memory budget that cannot be kept names the least that can", "[memory]") {
  CHECK_THAT(message_of({.memory_budget = 1000, .cache = false}),
             Catch::Matchers::Contains("train_8': 1000 bytes are too few") &&
                 Catch::Matchers::Contains("the smallest arena found takes"));
  CHECK_THAT(message_of({.memory_budget = -5}),
             Catch::Matchers::Contains("memory_budget must not be negative, got -5"));
}

TEST_CASE("steps built by hand keep a memory budget", "[memory]") {
  const auto run = [](const ExecutionOptions& execution) {
    StepBuilder b;
    Tensor h = b.input("x", {64, 32});
    const Variable w = b.variable("w", Array::full({32, 32}, 0.05));
    for (int k = 0; k < 6; ++k) h = tanh(matmul(h, w));
    const Tensor loss = mean(h);
    b.update(w, w - 0.5 * b.gradients(loss, {w})[0]);
    b.output("loss", loss);
    Step step = b.compile(execution);
    step.run({{"x", Array::full({64, 32}, 0.3)}});
    return step.state("w").copy();
  };
  const Array whole = run({.cache = false}), less = run({.memory_budget = 60000, .cache = false});
  CHECK(std::ranges::equal(whole.bytes(), less.bytes()));
  const Array unbounded = run({.backend = Backend::interpreter, .memory_budget = 10});  // it has no arena
  CHECK(std::ranges::equal(whole.bytes(), unbounded.bytes()));
  CHECK_THROWS_WITH(run({.memory_budget = 10, .cache = false}), Catch::Matchers::Contains("10 bytes are too few"));
}
