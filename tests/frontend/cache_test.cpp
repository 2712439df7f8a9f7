// Steps that are found on disk instead of being compiled.

#include <cstdlib>
#include <filesystem>

#include <sinter/ir/text.h>
#include <sinter/passes/pipeline.h>
#include <sinter/runtime/code_cache.h>
#include <sinter/runtime/executable.h>
#include <sinter/sinter.h>

#include "frontend/captured.h"
#include "frontend/files_for_tests.h"
#include "support/catch.h"

using namespace sinter;
using sinter::testing::TemporaryFolder;

namespace {

/// SINTER_CACHE for the time of a test.
class Cached {
 public:
  Cached() {
    if (const char* value = std::getenv("SINTER_CACHE"); value != nullptr) before_ = value;
    setenv("SINTER_CACHE", directory().c_str(), 1);
  }
  ~Cached() {
    if (before_)
      setenv("SINTER_CACHE", before_->c_str(), 1);
    else
      unsetenv("SINTER_CACHE");
  }
  Cached(const Cached&) = delete;
  Cached& operator=(const Cached&) = delete;
  std::string directory() const { return folder_.file("cache"); }
  std::ptrdiff_t entries() const {
    if (!std::filesystem::exists(directory())) return 0;
    return std::distance(std::filesystem::directory_iterator(directory()), std::filesystem::directory_iterator());
  }

 private:
  TemporaryFolder folder_;
  std::optional<std::string> before_;
};

/// y = x * factor.
ir::Graph scaled(double factor) {
  StepBuilder builder;
  builder.output("y", builder.input("x", {3}) * factor);
  return builder.graph();
}

Array run(const ir::Graph& graph, const ExecutionOptions& options = {}) {
  return compile_step(graph, options).run({{"x", {1.0, 2.0, 3.0}}})["y"].copy();
}

/// The weights of a small model after training.
std::vector<Array> trained(bool cache) {
  Sequential model(Input({4}), Dense(8, "tanh"), Dropout(0.25), Dense(1));
  model.compile("adam", "mse", {}, {.cache = cache});
  std::vector<float> x(40), y(10);
  for (std::size_t k = 0; k < x.size(); ++k) x[k] = static_cast<float>(k % 7) / 7.0F;
  for (std::size_t k = 0; k < y.size(); ++k) y[k] = x[4 * k];
  model.fit(Array::from(x, {10, 4}), Array::from(y, {10, 1}), {.batch_size = 5, .epochs = 3, .verbose = 0});
  return model.get_weights();
}

}  // namespace

TEST_CASE("a model trains the same whether its steps are compiled, kept or found", "[cache]") {
  const Cached cached;
  const std::vector<Array> expected = trained(false);
  CHECK(cached.entries() == 0);
  for (int turn = 0; turn < 2; ++turn) {
    const std::vector<Array> got = trained(true);
    CHECK(cached.entries() == 1);
    REQUIRE(got.size() == expected.size());
    for (std::size_t k = 0; k < got.size(); ++k)
      CHECK(std::equal(got[k].bytes().begin(), got[k].bytes().end(), expected[k].bytes().begin()));
  }
}

TEST_CASE("what is found is run, not compiled again", "[cache]") {
  const Cached cached;
  const ir::Target target = runtime::host_target();
  passes::Options pass_options;
  pass_options.target = target;
  runtime::CompileOptions code_options;
  code_options.target = target;
  // Another program's code under this one's key: only a cache that is used shows it.
  const runtime::CodeCache cache(cached.directory());
  REQUIRE(cache
              .keep(runtime::cache_key(ir::print(scaled(2.0)), target, {}),
                    runtime::Executable::build(passes::compile(scaled(5.0), pass_options), code_options))
              .empty());
  CHECK(run(scaled(2.0)).flat(2) == 15.0);
  CHECK(run(scaled(2.0), {.cache = false}).flat(2) == 6.0);
  CHECK(run(scaled(2.0), {.disabled = {"fuse"}}).flat(2) == 6.0);  // another key
  CHECK(run(scaled(3.0)).flat(2) == 9.0);
}

TEST_CASE("a damaged entry is told of once and replaced", "[cache]") {
  const Cached cached;
  CHECK(run(scaled(2.0)).flat(0) == 2.0);
  REQUIRE(cached.entries() == 1);
  const std::string entry = std::filesystem::directory_iterator(cached.directory())->path().string();
  std::filesystem::resize_file(entry, std::filesystem::file_size(entry) / 2);
  const testing::Captured errors(std::cerr);
  CHECK(run(scaled(2.0)).flat(0) == 2.0);
  CHECK(run(scaled(2.0)).flat(0) == 2.0);
  const std::string said = errors.text();
  CHECK_THAT(said, Catch::Matchers::Contains(entry + " is damaged; it is compiled again"));
  CHECK(said.find("damaged") == said.rfind("damaged"));
}
