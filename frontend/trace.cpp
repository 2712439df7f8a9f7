#include "trace.h"

#include <sinter/ir/ops/source.h>

#include <algorithm>
#include <atomic>

#include "random.h"

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

Trace::~Trace() { current_trace = outer_; }

Trace* Trace::current() { return current_trace; }

bool Trace::is_live(std::uint64_t number) {
  for (const Trace* trace = current_trace; trace != nullptr; trace = trace->outer_)
    if (trace->number_ == number) return true;
  return false;
}

ir::Expr Trace::read(const std::shared_ptr<VariableState>& variable) {
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
  graph_.set_update(read(variable).value().node, value.value());
}

ir::Expr Trace::random_bits(const Shape& shape) {
  if (random_.seed == nullptr) user_error(where(&graph_, "random numbers"), ": this graph has no random state");
  if (!first_row_) first_row_ = ir::input(graph_, "first_row", TensorType{DType::u32, Shape{}});
  const ir::Expr step = read(random_.step);
  if (training_) update(random_.step, step + 1.0);
  const LayerState* layer = frames_.empty() ? nullptr : innermost().get();
  const std::uint64_t hash = hash_name(str(graph_.path(), "#", draws_[layer]++));
  const auto site = static_cast<std::int64_t>((hash ^ (hash >> 32)) & 0xFFFFFFFFU);
  return ir::rng_bits(read(random_.seed), step, first_row_, shape, site);
}

void Trace::expect_indices(const ir::Expr& indices, std::int64_t count) {
  for (const auto& [name, x] : inputs_)
    if (x.value() == indices.value()) index_ranges_.push_back({name, count, graph_.path()});
}

void Trace::add_tap(const std::string& name, const Tensor& value) {
  const auto taken = [&](const std::string& wanted) {
    return std::any_of(taps_.begin(), taps_.end(), [&](const auto& known) { return known.first == wanted; });
  };
  std::string shown =
      taken(name) ? str(graph_.path(), "/", name) : name;  // of two equal names the second shows its layer
  for (int k = 2; taken(shown); ++k) shown = str(graph_.path(), "/", name, "#", k);
  taps_.emplace_back(std::move(shown), value);
}

}  // namespace sinter::detail
