// Extern: a user's C function in layers, Lambdas, steps and loops, trained, differentiated and exported.

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sinter/ir/text.h>

#include "frontend/layer_gradient.h"
#include "frontend/layer_run.h"
#include "frontend/layers_for_tests.h"

using namespace sinter;
using Catch::Matchers::Contains;
namespace testing = sinter::testing;

extern "C" {

/// y = 3 x
static void extern_test_thrice(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
  const auto* x = static_cast<const float*>(inputs[0]);
  auto* y = static_cast<float*>(outputs[0]);
  for (std::int64_t k = 0; k < shapes[0].elements; ++k) y[k] = 3.0F * x[k];
}

/// Sums of the rows of a matrix, and the number of rows.
static void extern_test_rows(const void* const* inputs, void* const* outputs, const sinter_shape* shapes) {
  const auto* x = static_cast<const float*>(inputs[0]);
  auto* y = static_cast<float*>(outputs[0]);
  const std::int64_t rows = shapes[0].extents[0], columns = shapes[0].extents[1];
  for (std::int64_t r = 0; r < rows; ++r) {
    y[r] = 0.0F;
    for (std::int64_t c = 0; c < columns; ++c) y[r] += x[r * columns + c];
  }
  *static_cast<std::int32_t*>(outputs[1]) = static_cast<std::int32_t>(rows);
}
}

namespace {

using Vjp = std::function<Tensors(const Tensors&, const Tensors&, const Tensors&)>;

Extern thrice(Vjp vjp = [](const Tensors&, const Tensors&, const Tensors& dy) { return Tensors{3.0 * dy[0]}; }) {
  return Extern({.name = "extern_test_thrice", .function = &extern_test_thrice, .vjp = std::move(vjp)});
}

Extern rows() {
  return Extern({.name = "extern_test_rows",
                 .function = &extern_test_rows,
                 .results =
                     [](const std::vector<TensorType>& x) {
                       if (x.size() != 1 || x[0].rank() != 2 || x[0].dtype != DType::f32)
                         user_error("expected one f32 matrix, got ", x[0]);
                       return std::vector<TensorType>{{DType::f32, {x[0].shape[0]}}, {DType::i32, {}}};
                     },
                 .vjp = [](const Tensors& x, const Tensors&,
                           const Tensors& dy) { return Tensors{broadcast_to(expand_dims(dy[0], 1), x[0].shape())}; }});
}

std::string message(const std::function<void(StepBuilder&)>& work) {
  StepBuilder b;
  try {
    work(b);
  } catch (const UserError& e) {
    return e.what();
  }
  return "no error";
}

bool same(const Array& a, const Array& b) { return std::ranges::equal(a.bytes(), b.bytes()); }

/// Two dense layers with `middle` between them, after some training.
template <class F>
std::vector<Array> trained(F middle, const ExecutionOptions& execution = {}) {
  Sequential model(ModelOptions{.seed = 3}, Input({2}), Dense(8, "tanh"), Lambda(middle), Dense(3, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {}, execution);
  model.fit(testing::points(48), testing::classes(48), {.batch_size = 20, .epochs = 4, .verbose = 0});
  return model.get_weights();
}

}  // namespace

TEST_CASE("a user's function trains as the formula does, bit for bit", "[extern]") {
  const Extern f = thrice();
  const auto by_function = [f](Tensor x) { return f(x); };
  const std::vector<Array> expected = trained([](Tensor x) { return 3.0 * x; });
  for (const ExecutionOptions& execution :
       {ExecutionOptions{}, ExecutionOptions{.threads = 3}, ExecutionOptions{.disabled = {"fuse"}}}) {
    const std::vector<Array> got = trained(by_function, execution);
    REQUIRE(got.size() == expected.size());
    for (std::size_t k = 0; k < got.size(); ++k) CHECK(same(got[k], expected[k]));
  }
  const std::vector<Array> interpreted = trained(by_function, testing::interpreted());
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK(same(interpreted[k], expected[k]));
}

TEST_CASE("a function may have several results and stand in a layer", "[extern]") {
  class Sums : public Layer {
   public:
    Tensor call(Tensor x) override {
      const Tensors both = rows_.call_many({x});
      CHECK(both[1].type() == TensorType{DType::i32, {}});
      return expand_dims(both[0], 1) / cast(both[1], DType::f32);
    }

   private:
    Extern rows_ = rows();
  };
  Sums sums;
  const Array x = Array::from<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  for (const Backend backend : {Backend::jit, Backend::interpreter})
    sinter_test::check_values(sinter_test::run_layer(sums, {x}, {}, {.backend = backend}), {2, 1}, {3, 7.5});
  sinter_test::check_gradient(sums, {x},
                              {.wide = false, .h = 1.0 / 128.0, .tolerance = 1e-4});  // a C function of floats
}

TEST_CASE("a gradient may call another function, and be differentiated again", "[extern]") {
  const Extern plain = thrice();
  const Extern cube({.name = "extern_test_thrice",
                     .function = &extern_test_thrice,
                     .vjp = [plain](const Tensors& x, const Tensors&, const Tensors& dy) {
                       return Tensors{plain(x[0] * dy[0])};  // not its gradient, but easy to follow
                     }});
  StepBuilder b;
  const Tensor x = b.input("x", {2});
  const Tensor first = gradients(sum(cube(x)), {x})[0];
  b.output("first", first);
  b.output("second", gradients(sum(first * x), {x})[0]);
  const StepResult r = b.compile().run({{"x", Array::from<float>({1, -2})}});
  sinter_test::check_values(r["first"].copy(), {2}, {3, -6});
  sinter_test::check_values(r["second"].copy(), {2}, {6, -12});
}

TEST_CASE("functions work in loops, forwards and backwards", "[extern]") {
  const auto loop = [](const std::function<Tensor(const Tensor&)>& f, const ExecutionOptions& execution) {
    StepBuilder b;
    const Tensor x = b.input("x", {4, 2});
    const Variable w = b.variable("w", Array::from<float>({0.5, -0.25}));
    const Turn turn = scan({stop_gradient(0.0 * mean(x, 0))}, {x}, [&](const Tensors& c, const Tensors& s) -> Turn {
      const Tensor next = tanh(f(0.25 * c[0] + s[0]) * w);
      return {{next}, {next}};
    });
    const Tensor loss = sum(square(turn.outputs[0]));
    b.output("loss", loss);
    b.output("dw", b.gradients(loss, {w})[0]);
    const StepResult r = b.compile(execution).run({{"x", sinter_test::numbers({4, 2})}});
    return std::pair(r["loss"].copy(), r["dw"].copy());
  };
  const Extern f = thrice();
  const auto expected = loop([](const Tensor& t) { return 3.0 * t; }, {});
  for (const ExecutionOptions& execution : {ExecutionOptions{}, testing::interpreted()}) {
    const auto got = loop([&](const Tensor& t) { return f(t); }, execution);
    CHECK(same(got.first, expected.first));
    CHECK(same(got.second, expected.second));
  }
}

TEST_CASE("numbers and arrays may be operands", "[extern]") {
  StepBuilder b;
  const Extern f = thrice([](const Tensors&, const Tensors&, const Tensors&) { return Tensors{}; });
  const Tensor x = b.input("x", {2});
  b.output("y", f(Array::from<float>({1, 2})) + f(x) + f(2.0));
  sinter_test::check_values(b.compile().run({{"x", Array::from<float>({10, 20})}})["y"].copy(), {2}, {39, 72});
}

TEST_CASE("mistakes with functions are named", "[extern]") {
  CHECK_THROWS_WITH(Extern({.name = "no name", .function = &extern_test_thrice}), Contains("got 'no name'"));
  CHECK_THROWS_WITH(Extern({.name = "f"}), "extern 'f': its function is null");
  CHECK(message([](StepBuilder& b) {
          const ir::PathScope layer(b.graph(), "layer");
          (void)rows()(b.input("x", {2}));
        }) == "layer: extern 'extern_test_rows': expected one f32 matrix, got f32[2]");
  CHECK(message([](StepBuilder& b) {
          const ir::PathScope layer(b.graph(), "layer");
          (void)rows()(b.input("x", {2, 2}));
        }) == "layer: extern 'extern_test_rows' gives 2 tensors; call_many({...}) returns all of them");
  CHECK_THAT(message([](StepBuilder& b) {
               const Variable w = b.variable("w", Array::zeros({2}));
               (void)b.gradients(sum(thrice({})(w)), {w});
             }),
             Contains("extern 'extern_test_thrice' has no vjp, but the loss depends on parameters through it"));
  CHECK_THAT(message([](StepBuilder& b) {
               const Variable w = b.variable("w", Array::zeros({2}));
               const Extern f =
                   thrice([](const Tensors&, const Tensors&, const Tensors& dy) { return Tensors{sum(dy[0])}; });
               (void)b.gradients(sum(f(w)), {w});
             }),
             Contains("its vjp gives a gradient of type f32[] for operand 0 of type f32[2]"));
  CHECK_THROWS_WITH(thrice()(1.0), Contains("extern_test_thrice: no operand belongs to a graph"));
}

TEST_CASE("a graph that was read from a text gets its functions back", "[extern]") {
  StepBuilder b;
  const Extern f = thrice();
  b.output("y", f(b.input("x", {2})));
  const ir::Graph read = ir::parse_graph(ir::print(b.graph()));
  CHECK_THROWS_WITH(compile_step(read),
                    Contains("extern 'extern_test_thrice': no function of that name is registered"));
  Step step = compile_step(ir::bind_externs(read, std::vector{f.function()}));
  sinter_test::check_values(step.run({{"x", Array::from<float>({1, 2})}})["y"].copy(), {2}, {3, 6});
}

TEST_CASE("a model with a function is exported when it is linkable", "[extern][export]") {
  const auto folder = std::filesystem::temp_directory_path() / ("sinter_extern_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string object = (folder / "m.o").string();
  const auto model_with = [](bool linkable) {
    const Extern f({.name = "extern_test_thrice", .function = &extern_test_thrice, .linkable = linkable});
    return Sequential(Input({2}), Lambda([f](Tensor x) { return f(x); }), Dense(1));
  };
  CHECK_THROWS_WITH(model_with(false).export_object(object),
                    Contains("export: sequential/lambda: extern 'extern_test_thrice': it is not linkable"));
  CHECK_FALSE(std::filesystem::exists(object));
  model_with(true).export_object(object);
  std::ifstream in(folder / "m.h");
  std::ostringstream header;
  header << in.rdbuf();
  CHECK_THAT(header.str(), Contains("/* sequential/lambda: (f32[32,2]) -> (f32[32,2]) */\nvoid extern_test_thrice("));
  std::filesystem::remove_all(folder);
}
