// What fusion makes of whole training steps: which work meets in one kernel, and what must stay outside.

#include <algorithm>
#include <sstream>

#include <sinter/ir/ops.h>
#include <sinter/passes/pipeline.h>
#include <sinter/sinter.h>

#include "frontend/layers_for_tests.h"
#include "support/catch.h"

using namespace sinter;

namespace {

constexpr std::int64_t batch = 8;

ir::Graph fused_step(Model& model, const TensorType& label) {
  return passes::optimize(model.graph("train", batch, label), {});
}

bool holds(const ir::Node& kernel, ir::Form form) {
  if (!kernel.body) return ir::info(kernel.kind).form == form;
  return std::any_of(kernel.body->nodes().begin(), kernel.body->nodes().end(),
                     [&](const ir::Node& n) { return ir::info(n.kind).form == form; });
}

bool holds(const ir::Node& kernel, std::string_view op) {
  if (!kernel.body) return ir::info(kernel.kind).name == op;
  return std::any_of(kernel.body->nodes().begin(), kernel.body->nodes().end(),
                     [&](const ir::Node& n) { return ir::info(n.kind).name == op; });
}

std::int64_t contractions(const ir::Graph& graph) {
  return std::count_if(graph.nodes().begin(), graph.nodes().end(),
                       [](const ir::Node& n) { return holds(n, ir::Form::contract); });
}

/// The kernel that computes the next value of a state, seen through views; null when the state has no update.
const ir::Node* kernel_that_updates(const ir::Graph& graph, std::string_view state) {
  for (const ir::Update& u : graph.updates()) {
    if (name_of(graph.node(u.state)) != state) continue;
    const ir::Node* node = &graph.node(u.value.node);
    while (!node->body && ir::info(node->kind).form == ir::Form::map) node = &graph.node(node->operands[0].node);
    return node;
  }
  return nullptr;
}

/// The kernel of the first contraction at a layer's path.
const ir::Node& kernel_at(const ir::Graph& graph, std::string_view path) {
  const auto found = std::find_if(graph.nodes().begin(), graph.nodes().end(),
                                  [&](const ir::Node& n) { return n.path == path && holds(n, ir::Form::contract); });
  REQUIRE(found != graph.nodes().end());
  return *found;
}

/// The ops that a kernel's name lists; "3 more" stands for the rest.
std::vector<std::string> members_of(const std::string& name) {
  std::vector<std::string> members;
  std::istringstream parts(name);
  for (std::string part; std::getline(parts, part, '+');)
    if (!part.ends_with(" more")) members.push_back(part);
  return members;
}

Sequential seed_model() {
  return Sequential(Input({28, 28}), Flatten(), Dense(128, "relu"), Dropout(0.2), Dense(10, "softmax"));
}

const TensorType class_label{ir::DType::u8, {}};
constexpr std::string_view first_kernel = "sequential/dense/kernel";

/// All of weight and slots are written by one kernel with a contraction: the gradient never reaches memory.
void check_updated_in_contraction(const ir::Graph& graph, const std::vector<std::string>& states) {
  const ir::Node* kernel = kernel_that_updates(graph, states.front());
  REQUIRE(kernel != nullptr);
  CHECK(holds(*kernel, ir::Form::contract));
  for (const std::string& state : states) CHECK(kernel_that_updates(graph, state) == kernel);
}

std::vector<std::string> states_with(const ir::Graph& graph, std::string_view part) {
  std::vector<std::string> names;
  for (const ir::NodeId id : graph.states())
    if (const std::string& name = name_of(graph.node(id)); name.find(part) != std::string::npos) names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("seed model: matmul, bias, relu and dropout are one kernel, loss and its gradient another") {
  Sequential model = seed_model();
  model.compile("adam", "sparse_categorical_crossentropy", {"accuracy"});
  const ir::Graph graph = fused_step(model, class_label);
  const ir::Node& first = kernel_at(graph, "sequential/dense");
  for (const char* op : {"dot", "add", "max", "rng_bits", "select"}) CHECK(holds(first, op));
  // Softmax, cross-entropy and the gradient of both visit each row once.
  const auto rows = std::count_if(graph.nodes().begin(), graph.nodes().end(), [](const ir::Node& n) {
    return holds(n, "reduce_max") && holds(n, "exp") && holds(n, "reduce_sum") && holds(n, "log");
  });
  CHECK(rows == 1);
  CHECK(contractions(graph) == 5);  // two forward, dx of the second layer, two of weights
}

TEST_CASE("seed model: weight and both slots are updated in the kernel that makes the gradient") {
  Sequential model = seed_model();
  model.compile("adam", "sparse_categorical_crossentropy");
  const ir::Graph graph = fused_step(model, class_label);
  for (const char* layer : {"sequential/dense/kernel", "sequential/dense_1/kernel"}) {
    const std::vector<std::string> states = states_with(graph, layer);
    REQUIRE(states.size() == 3);
    check_updated_in_contraction(graph, states);
  }
}

TEST_CASE("global norm: all gradients are needed first, so updates stand outside the contractions") {
  Sequential model = seed_model();
  model.compile(Adam({.global_clipnorm = 1.0}), "sparse_categorical_crossentropy");
  const ir::Graph graph = fused_step(model, class_label);
  int states = 0;
  for (const std::string& state : states_with(graph, "sequential/dense")) {
    const ir::Node* kernel = kernel_that_updates(graph, state);
    REQUIRE(kernel != nullptr);
    CHECK(!holds(*kernel, ir::Form::contract));
    ++states;
  }
  CHECK(states == 12);  // two kernels, two biases, and both slots of each
}

TEST_CASE("clipvalue and weight decay stay in the contraction's kernel") {
  Sequential model = seed_model();
  model.compile(Adam({.weight_decay = 0.01, .clipvalue = 0.5}), "sparse_categorical_crossentropy");
  const ir::Graph graph = fused_step(model, class_label);
  check_updated_in_contraction(graph, states_with(graph, first_kernel));
}

TEST_CASE("the moving average and the accumulated gradient stay in the contraction's kernel") {
  Sequential model = seed_model();
  model.compile(Adam({.use_ema = true, .ema_overwrite_frequency = 10}), "sparse_categorical_crossentropy");
  std::vector<std::string> states = states_with(fused_step(model, class_label), first_kernel);
  CHECK(states.size() == 4);  // weight, average, both slots
  check_updated_in_contraction(fused_step(model, class_label), states);
  model.compile(Adam({.weight_decay = 0.01, .use_ema = true, .gradient_accumulation_steps = 4}),
                "sparse_categorical_crossentropy");
  states = states_with(fused_step(model, class_label), first_kernel);
  CHECK(states.size() == 5);  // and the accumulator
  check_updated_in_contraction(fused_step(model, class_label), states);
}

TEST_CASE("the penalty and the sign constraint of a weight stay in the contraction's kernel") {
  struct Constrained : Layer {
    Variable w;
    void build(const Shape& input) override {
      w = add_weight("w", {input[-1], 32}, {.regularizer = "l2", .constraint = "non_neg"});
    }
    Tensor call(Tensor x) override { return relu(matmul(x, w)); }
  };
  Sequential model(Input({16}), Constrained(), Dense(1));
  model.compile("adam", "mse");
  const ir::Graph graph = fused_step(model, {ir::DType::f32, {1}});
  check_updated_in_contraction(graph, states_with(graph, "sequential/constrained/w"));
}

namespace {

/// The study notes' update, loss and metric, as a user writes them.
struct MyMomentum : Optimizer {
  MyMomentum() : Optimizer({.name = "my_momentum", .learning_rate = 0.01}) {}
  void update(UpdateContext& c) const override {
    const Tensor old = c.slot("speed");
    const Tensor speed = 0.9 * old - c.learning_rate() * c.gradient();
    c.assign(old, speed);
    c.assign(c.value() + speed);
  }
};

}  // namespace

TEST_CASE("seed model: a user's optimizer, loss and metric fuse as the built-in ones do") {
  const auto compiled = [](AnyOptimizer optimizer, AnyLoss loss, AnyMetric metric) {
    Sequential model = seed_model();
    model.compile(std::move(optimizer), std::move(loss), {std::move(metric)});
    return fused_step(model, {ir::DType::f32, {10}});
  };
  const AnyLoss my_loss = [](const Tensor& y, const Tensor& p) { return mean(-sum(y * log(clip(p, 1e-7, 1.0)), -1)); };
  const AnyMetric my_metric =
      AnyMetric("hits", [](const Tensor& y, const Tensor& p) { return cast(equal(argmax(y), argmax(p)), DType::f32); });
  const ir::Graph mine = compiled(MyMomentum(), my_loss, my_metric);
  const ir::Graph built_in = compiled(SGD({.momentum = 0.9}), "categorical_crossentropy", "categorical_accuracy");
  // The update is in the register tile of the gradient's contraction, as with SGD.
  for (const char* layer : {"sequential/dense/kernel", "sequential/dense_1/kernel"}) {
    const std::vector<std::string> states = states_with(mine, layer);
    REQUIRE(states.size() == 2);
    check_updated_in_contraction(mine, states);
    check_updated_in_contraction(built_in, states_with(built_in, layer));
  }
  const auto kernels = [](const ir::Graph& graph) {
    return std::count_if(graph.nodes().begin(), graph.nodes().end(), [](const ir::Node& n) { return bool(n.body); });
  };
  CHECK(contractions(mine) == contractions(built_in));
  CHECK(kernels(mine) <= kernels(built_in) + 1);
  // Softmax, the loss of the user and its gradient visit each row in one kernel.
  CHECK(std::any_of(mine.nodes().begin(), mine.nodes().end(), [](const ir::Node& n) {
    return n.body && holds(n, "reduce_max") && holds(n, "exp") && holds(n, "log") && holds(n, "reduce_sum");
  }));
}

TEST_CASE("a frozen layer has no gradient, no slots and no update") {
  Sequential model(Input({28, 28}), Flatten(), Dense(16, "relu"), Dense(10));
  model.layer("dense").set_trainable(false);
  model.compile("adam", "sparse_categorical_crossentropy");
  const ir::Graph graph = fused_step(model, class_label);
  CHECK(states_with(graph, "sequential/dense/kernel").size() == 1);
  CHECK(kernel_that_updates(graph, "sequential/dense/kernel") == nullptr);
  CHECK(kernel_that_updates(graph, "sequential/dense_1/kernel") != nullptr);
  CHECK(contractions(graph) == 3);  // two forward, the gradient of the trained weight
}

TEST_CASE("a user's layer and a Lambda fuse as the built-in layers do") {
  const auto mine = [] {
    Sequential model(Input({16}), testing::SimpleDense(32, "tanh"), Lambda([](Tensor x) { return abs(x); }),
                     testing::SimpleDense(1));
    model.compile(SGD({.learning_rate = 0.01, .momentum = 0.9}), "mse");
    return fused_step(model, {ir::DType::f32, {1}});
  }();
  const ir::Node& first = kernel_at(mine, "sequential/simple_dense");
  for (const char* op : {"dot", "add", "tanh", "abs"}) CHECK(holds(first, op));
  for (const char* layer : {"sequential/simple_dense/kernel", "sequential/simple_dense_1/kernel"})
    check_updated_in_contraction(mine, states_with(mine, layer));
}

TEST_CASE("every fused kernel of a step names its members, and says why they are one kernel") {
  Sequential model = seed_model();
  model.compile("adam", "sparse_categorical_crossentropy");
  const ir::Graph graph = fused_step(model, class_label);
  int kernels = 0;
  for (const ir::Node& n : graph.nodes()) {
    if (!n.body) continue;
    ++kernels;
    const auto attrs = ir::unpack<ir::Fused::Attrs>(n.attributes);
    INFO(attrs.name << ": " << attrs.note);
    for (const std::string& member : members_of(attrs.name)) CHECK(holds(n, member));
    const auto computed = std::count_if(n.body->nodes().begin(), n.body->nodes().end(), [](const ir::Node& m) {
      return ir::info(m.kind).form == ir::Form::pointwise || ir::info(m.kind).accumulators > 0;
    });
    if (computed > 1) CHECK((!attrs.note.empty() && !attrs.note.starts_with("stops at ")));
  }
  CHECK(kernels >= 6);
}
