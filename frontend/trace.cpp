#include "trace.h"

#include <sinter/ir/hash.h>
#include <sinter/ir/ops/source.h>

#include <algorithm>
#include <atomic>

namespace sinter::detail {
namespace {

thread_local Trace* current_trace = nullptr;

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace

RandomState RandomState::make(std::uint64_t seed) {
  const Array words =
      Array::from<std::uint32_t>({static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return {seed, make_variable("random/seed", words), make_variable("random/step", Array::zeros({}, DType::u32))};
}

Trace::Trace(ir::Graph& graph, bool training, RandomState random, const std::shared_ptr<LayerState>& root)
    : graph_(graph), training_(training), random_(std::move(random)), outer_(current_trace), number_(next_number()) {
  if (root != nullptr) frames_.push_back({root});
  current_trace = this;
}

Trace::Trace(ir::Graph& body, Trace& enclosing)
    : graph_(body),
      training_(enclosing.training_),
      sketch_(enclosing.sketch_),
      random_(enclosing.random_),
      outer_(current_trace),
      enclosing_(&enclosing),
      number_(next_number()) {
  body.set_path(enclosing.graph().path());
  current_trace = this;
}

Trace::~Trace() { current_trace = outer_; }

Trace* Trace::current() { return current_trace; }

bool Trace::is_live(std::uint64_t number) {
  for (const Trace* trace = current_trace; trace != nullptr; trace = trace->outer_)
    if (trace->number_ == number) return true;
  return false;
}

ir::Expr Trace::captured(const ir::Expr& value) {
  if (enclosing_ == nullptr || &value.graph() == &graph_) return value;
  const ir::Expr outside = enclosing_->captured(value);
  if (&outside.graph() != &enclosing_->graph()) return value;  // of no graph around: whoever uses it complains
  for (const auto& [input, known] : captures_)
    if (known.value() == outside.value()) return {graph_, ir::Value{input}};
  const ir::Expr input = ir::input(graph_, str("outer", captures_.size()), outside.type());
  captures_.emplace_back(input.value().node, outside);
  return input;
}

void Trace::refuse_in_body(std::string_view function) const {
  if (enclosing_ == nullptr) return;
  user_error(where(&graph_, function),
             ": it happens once in a step, but this is one of many turns of a loop; hand the value out as a result of "
             "scan() and use it behind the loop");
}

void Trace::add_loss(const Tensor& term) {
  refuse_in_body("add_loss");
  losses_.push_back(term);
}

ir::Expr Trace::read(const std::shared_ptr<VariableState>& variable) {
  if (enclosing_ != nullptr) return captured(enclosing_->read(variable));
  if (const auto known = reads_.find(variable.get()); known != reads_.end()) return known->second;
  if (variable->contents.data() == nullptr && !sketch_) variable->initialize(random_.seed_value);
  std::string name = variable->path;
  for (int k = 2; variables_.contains(name); ++k) name = str(variable->path, "@", k);  // two models may share a name
  const ir::Expr expr = ir::state(graph_, name, variable->type);
  variables_.emplace(std::move(name), variable);
  reads_.emplace(variable.get(), expr);
  return expr;
}

void Trace::update(const std::shared_ptr<VariableState>& variable, const ir::Expr& value) {
  refuse_in_body("update");
  graph_.set_update(read(variable).value().node, value.value());
}

ir::Expr Trace::random_bits(const Shape& shape) {
  return bits_for(shape, graph_.path(), frames().empty() ? nullptr : innermost().get());
}

ir::Expr Trace::bits_for(const Shape& shape, const std::string& path, const LayerState* layer) {
  if (enclosing_ != nullptr) return captured(enclosing_->bits_for(shape, path, layer));
  if (random_.seed == nullptr) user_error(where(&graph_, "random numbers"), ": this graph has no random state");
  if (!first_row_) first_row_ = ir::input(graph_, "first_row", TensorType{DType::u32, Shape{}});
  const ir::Expr step = read(random_.step);
  if (training_) update(random_.step, step + 1.0);
  const std::uint64_t hash = ir::fnv(str(path, "#", draws_[layer]++));
  const auto site = static_cast<std::int64_t>((hash ^ (hash >> 32)) & 0xFFFFFFFFU);
  return ir::rng_bits(read(random_.seed), step, first_row_, shape, site);
}

void Trace::expect_indices(const ir::Expr& indices, std::int64_t count) {
  for (const auto& [name, x] : inputs_)
    if (x.value() == indices.value()) index_ranges_.push_back({name, count, graph_.path()});
}

void Trace::add_tap(const std::string& name, const Tensor& value) {
  refuse_in_body("tap");
  const auto taken = [&](const std::string& wanted) {
    return std::any_of(taps_.begin(), taps_.end(), [&](const auto& known) { return known.first == wanted; });
  };
  std::string shown =
      taken(name) ? str(graph_.path(), "/", name) : name;  // of two equal names the second shows its layer
  for (int k = 2; taken(shown); ++k) shown = str(graph_.path(), "/", name, "#", k);
  taps_.emplace_back(std::move(shown), value);
}

}  // namespace sinter::detail
