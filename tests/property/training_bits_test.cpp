// The weights after some steps of a model have the same bits in every way of running it.

#include <optional>
#include <set>

#include <sinter/ir/text.h>
#include <sinter/passes/pipeline.h>
#include <sinter/passes/registry.h>
#include <sinter/passes/rematerialise.h>
#include <sinter/runtime/executable.h>
#include <sinter/sinter.h>

#include "support/catch.h"
#include "support/compare.h"
#include "support/random_values.h"
#include "support/shared_kernels.h"

namespace sinter::test {

namespace {

constexpr int steps = 2;

/// Contents for what the step reads: positive, so that they may be a variance or a slot as well.
ir::Environment contents(const ir::Graph& graph) {
  Random random(7);
  ir::Environment environment;
  const auto give = [&](ir::NodeId id) {
    const TensorType& type = graph.node(id).results[0];
    const bool number = ir::is_float(type.dtype);
    const Domain domain = number ? Domain{Domain::Kind::positive, 0} : Domain{Domain::Kind::inside, 3};
    ir::NumArray value = ir::NumArray::from(random_data(type, domain, random));
    const double scale = type.shape.rank() == 0 ? 0.01 : type.shape.rank() > 1 ? 0.1 : 1.0;
    for (ir::Num& v : value.values)
      if (number) v = ir::Num::from_double(type.dtype, scale * (v.as_double() - (type.shape.rank() > 1 ? 1.0 : 0.0)));
    environment[name_of(graph.node(id))] = std::move(value);
  };
  for (const ir::NodeId id : graph.inputs()) give(id);
  for (const ir::NodeId id : graph.states()) give(id);
  return environment;
}

struct Way {
  std::string level = {};     // of the instruction set; "": the host's
  std::string disabled = {};  // a pass that is left out
  int threads = 1;
  std::optional<std::int64_t> memory_budget = {};
  std::int64_t l2_bytes = 0;  // of the target, if not the host's: less makes strips of smaller tensors
  bool checked = false;       // every access is compared with the bounds of its buffer
};

ir::Program compiled(const ir::Graph& graph, const Way& way) {
  passes::Options options;
  options.target = runtime::host_target();
  if (!way.level.empty()) options.target = runtime::restrict_target(options.target, way.level);
  if (way.l2_bytes > 0) options.target.l2_bytes = way.l2_bytes;
  if (!way.disabled.empty()) options.disabled = {way.disabled};
  options.memory_budget = way.memory_budget;
  options.verify = true;
  return passes::compile(graph, options);
}

/// What the last of some steps gives.
ir::InterpreterResult train(const ir::Graph& graph, ir::Environment environment, const Way& way) {
  ir::Target target = runtime::host_target();
  if (!way.level.empty()) target = runtime::restrict_target(target, way.level);
  ir::Program program = compiled(graph, way);
  if (way.threads > 1) program.items = shared_items(program.items);  // the models are too small for that to pay
  ir::InterpreterResult last;
  for (int k = 0; k < steps; ++k) {
    last = run_compiled(program, environment, {target, way.checked, way.threads});
    for (const auto& [name, value] : last.states) environment[name] = value;
  }
  return last;
}

/// Budgets: the middle and the end of the curve of memory against time, if there is one.
std::vector<std::int64_t> arenas(const ir::Graph& graph) {
  passes::Options options;
  options.target = runtime::host_target();
  const std::vector<passes::MemoryPoint> curve = passes::memory_curve(passes::optimize(graph, options), options.target);
  if (curve.size() < 2) return {};
  return {curve[curve.size() / 2].arena_bytes, curve.back().arena_bytes};
}

void check_bits(const ir::Graph& graph, const std::vector<Way>& more = {}) {
  const ir::Environment begin = contents(graph);
  const ir::InterpreterResult first = train(graph, begin, {});
  CHECK(first.states.size() > 5);
  std::vector<Way> ways = {{"", "", 2},     {"", "", 3},         {"", "", 8},        {"avx2", "", 1},
                           {"avx2", "", 8}, {"avx2", "fuse", 3}, {"baseline", "", 1}};
  const std::span<const std::string_view> passes = passes::default_passes();
  for (const std::string_view pass : std::set(passes.begin(), passes.end())) ways.push_back({"", std::string(pass), 1});
  ways.insert(ways.end(), more.begin(), more.end());
  for (const std::int64_t arena : arenas(graph)) ways.push_back({"", "", 2, arena});
  for (const Way& way : ways) {
    INFO("target '" << way.level << "', without '" << way.disabled << "', " << way.threads << " threads, "
                    << way.memory_budget.value_or(0) << " bytes");
    CHECK(difference(first, train(graph, begin, way), begin) == "");
  }
  // The oracle.
  ir::Environment environment = begin;
  ir::InterpreterResult last;
  for (int k = 0; k < steps; ++k) {
    last = ir::interpret(graph, environment);
    for (const auto& [name, value] : last.states) environment[name] = value;
  }
  CHECK(difference(last, first, begin) == "");
}

const TensorType label{DType::i32, {}};

}  // namespace

TEST_CASE("training bits: a CNN with batch normalisation", "[bits]") {
  Sequential model(Input({12, 12, 2}), Conv2D({.filters = 8, .kernel_size = {3}, .use_bias = false}),
                   BatchNormalization(), Activation("relu"), MaxPooling2D(2),
                   Conv2D({.filters = 12, .kernel_size = {3}, .padding = "same"}), BatchNormalization(), LeakyReLU(),
                   GlobalAveragePooling2D(), Dropout(0.25), Dense(3, "softmax"));
  model.compile(SGD({.learning_rate = 0.01, .momentum = 0.9}), "sparse_categorical_crossentropy", {"accuracy"});
  check_bits(model.graph("train", 4, label));
}

TEST_CASE("training bits: a CNN with dropout, in less memory", "[bits]") {
  const auto convolution = [] {
    return Conv2D({.filters = 4, .kernel_size = {3}, .padding = "same", .use_bias = false});
  };
  Sequential model(Input({6, 6, 2}), convolution(), BatchNormalization(), Activation("relu"), convolution(),
                   BatchNormalization(), Activation("relu"), Dropout(0.25), convolution(), BatchNormalization(),
                   Activation("tanh"), GlobalAveragePooling2D(), Dense(3, "softmax"));
  model.compile(SGD({.learning_rate = 0.01, .momentum = 0.9}), "sparse_categorical_crossentropy");
  const ir::Graph graph = model.graph("train", 4, label);
  CHECK(arenas(graph).size() == 2);
  check_bits(graph);
}

/// Kernels of the program that run strip by strip, how many of them sum over strips, and buffers of a strip each.
struct InStrips {
  std::size_t kernels = 0, sums = 0, buffers = 0, ahead = 0;
};
InStrips in_strips(const ir::Program& program) {
  InStrips found;
  ir::for_each_kernel(program.items, [&](const ir::Kernel& k) {
    found.kernels += k.schedule.strips > 1 ? 1 : 0;
    found.sums += k.schedule.strip_terms ? 1 : 0;
    found.ahead += k.ahead.size();
  });
  found.buffers = program.of_kind(ir::BufferKind::strip).size();
  return found;
}

TEST_CASE("training bits: a CNN in strips", "[bits]") {
  Sequential model(Input({20, 20, 3}),
                   Conv2D({.filters = 16, .kernel_size = {3}, .padding = "same", .use_bias = false}),
                   BatchNormalization(), Activation("relu"),
                   DepthwiseConv2D({.kernel_size = {3}, .padding = "same", .use_bias = false}), BatchNormalization(),
                   Activation("relu"), Conv2D({.filters = 32, .kernel_size = {1}}), BatchNormalization(),
                   Activation("relu"), MaxPooling2D(2), Conv2D({.filters = 16, .kernel_size = {3}}), Activation("tanh"),
                   GlobalAveragePooling2D(), Dense(3, "softmax"));
  model.compile(SGD({.learning_rate = 0.01, .momentum = 0.9}), "sparse_categorical_crossentropy");
  const ir::Graph graph = model.graph("train", 4, label);
  constexpr std::int64_t small = 32768;
  const InStrips found = in_strips(compiled(graph, {.l2_bytes = small}));
  CHECK(found.kernels >= 16);
  CHECK(found.sums >= 6);
  CHECK(found.buffers >= 2);
  // Fetching ahead takes a cache that holds more than a strip.
  CHECK(in_strips(compiled(graph, {.l2_bytes = 4 * small})).ahead > 0);
  check_bits(graph, {{.threads = 1, .l2_bytes = small},
                     {.threads = 2, .l2_bytes = small},
                     {.threads = 3, .l2_bytes = small},
                     {.threads = 8, .l2_bytes = 2 * small},
                     {.level = "avx2", .threads = 3, .l2_bytes = small},
                     {.level = "baseline", .l2_bytes = small},
                     {.disabled = "fuse", .threads = 2, .l2_bytes = small},
                     {.threads = 2, .l2_bytes = 4 * small},
                     {.threads = 2, .l2_bytes = small, .checked = true}});
}

TEST_CASE("training bits: attention", "[bits]") {
  // Its products have rows and columns of several axes, some of which lie apart.
  const Input x({32, 24});
  const Symbol looked = x + (x | MultiHeadAttention({.num_heads = 2, .key_dim = 16}));
  Model model(x, looked | GlobalAveragePooling1D() | Dense(3, "softmax"));
  model.compile(SGD({.learning_rate = 0.01}), "sparse_categorical_crossentropy");
  check_bits(model.graph("train", 4, label));
}

TEST_CASE("strips of a product whose rows lie apart", "[bits]") {
  // What stands in front keeps heads outside places: the rows of an image are at equal distances, those of a batch not.
  const ir::Graph graph = ir::parse_graph(R"(graph @heads {
  %0 = input "x" : f32[8,2,64,16]
  %1 = input "w" : f32[2,16,48]
  %2 = tanh %0 : f32[8,2,64,16]
  %3 = dot %2, %1 {batch_a = [], batch_b = [], contract_a = [1,3], contract_b = [0,1]} : f32[8,64,48]
  %4 = tanh %3 : f32[8,64,48]
  %5 = mul %2, %2 : f32[8,2,64,16]
  return %4 "y", %5 "squares"
})");
  const ir::Environment environment = contents(graph);
  const ir::InterpreterResult expected = ir::interpret(graph, environment);
  constexpr std::int64_t small = 16384;
  const ir::Program program = compiled(graph, {.l2_bytes = small});
  CHECK(in_strips(program).kernels >= 2);
  for (const int threads : {1, 3})
    CHECK(difference(expected, run_compiled(program, environment, {runtime::host_target(), false, threads}),
                     environment) == "");
}

TEST_CASE("training bits: an LSTM, padding and dropout in it", "[bits]") {
  Sequential model(Input({6}, {.dtype = DType::i32}), Embedding({.input_dim = 5, .output_dim = 16, .mask_zero = true}),
                   LSTM({.units = 17, .dropout = 0.2, .recurrent_dropout = 0.2, .return_sequences = true}), GRU(16),
                   Dense(3, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  check_bits(model.graph("train", 8, label));
}

TEST_CASE("training bits: a plain LSTM", "[bits]") {
  Sequential model(Input({7, 5}), LSTM(24), Dense(3, "softmax"));
  model.compile("adam", "sparse_categorical_crossentropy");
  check_bits(model.graph("train", 16, label));
}

}  // namespace sinter::test
