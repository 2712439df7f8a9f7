// The layer protocol: build once, call under the layer's path, weights only where they are kept.

#include <sinter/frontend/layer.h>

#include <algorithm>
#include <typeinfo>
#include <utility>

#include "layer_state.h"
#include "trace.h"
#include "warn.h"

namespace sinter {

using detail::LayerAccess;
using detail::LayerState;
using detail::Trace;

Layer::Layer() : Layer(LayerOptions{}) {}

Layer::Layer(LayerOptions options) : state_(std::make_shared<LayerState>()) {
  state_->explicit_name = !options.name.empty();
  state_->name = std::move(options.name);
  state_->trainable = options.trainable;
  state_->activity_regularizer = std::move(options.activity_regularizer);
}

Layer::~Layer() = default;
Layer::Layer(Layer&& other) noexcept = default;
Layer& Layer::operator=(Layer&& other) noexcept = default;

void Layer::build(const Shape&) {}
void Layer::build_many(const std::vector<Shape>& inputs) { build(inputs.front()); }

Tensor Layer::call(Tensor) {
  fail(str(class_name(), " has no call(): override `Tensor call(Tensor x)`, which computes the layer's result"));
}

Tensors Layer::call_many(Tensors xs) {
  if (xs.size() != 1)
    fail(str(class_name(), " takes one tensor, got ", xs.size(),
             "; a layer with several inputs overrides `Tensors call_many(Tensors xs)`"));
  return {call(xs.front())};
}

bool Layer::supports_masking() const { return false; }
Tensors Layer::compute_mask(const Tensors& xs) const { return {xs.front().mask()}; }

const std::string& Layer::name() const {
  LayerState& state = LayerAccess::checked(*this);
  if (state.name.empty()) state.name = detail::snake_case(class_name());
  return state.name;
}

bool Layer::built() const { return LayerAccess::checked(*this).built; }
bool Layer::trainable() const { return LayerAccess::checked(*this).trainable; }
bool Layer::training() const { return Trace::current() != nullptr && Trace::current()->training(); }

namespace {

/// "[*,128]": the batch is not part of the promise.
std::string without_batch(const Shape& shape) {
  if (shape.rank() == 0) return "[]";
  std::string text = "[*";
  for (int k = 1; k < shape.rank(); ++k) text += str(",", shape[k]);
  return text + "]";
}

bool same_but_batch(const Shape& a, const Shape& b) {
  return a.rank() == b.rank() &&
         std::equal(a.begin() + std::min(a.rank(), 1), a.end(), b.begin() + std::min(b.rank(), 1));
}

void check_spec(const LayerState& state, const Tensor& x) {
  const InputSpec& spec = state.spec;
  if (spec.rank && x.rank() != *spec.rank)
    user_error(state.path, ": expected inputs of rank ", *spec.rank, " (with the batch), got ", x.type());
  if (x.rank() < spec.min_rank)
    user_error(state.path, ": expected inputs of rank ", spec.min_rank, " or more (with the batch), got ", x.type());
  for (const auto& [axis, extent] : spec.extents) {
    if (x.dim(axis) == extent) continue;
    user_error(state.path, ": expected inputs with ", axis == -1 ? std::string("last axis") : str("axis ", axis), " ",
               extent, ", got ", x.type());
  }
}

/// Puts a layer on the stack of the trace and its name into the path of the nodes.
class Entered {
 public:
  Entered(Trace& trace, const std::shared_ptr<LayerState>& state) : trace_(trace), path_(trace.graph(), state->name) {
    trace_.frames().push_back({state});
  }
  ~Entered() { trace_.frames().pop_back(); }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  Trace& trace_;
  ir::PathScope path_;
};

/// Tells a layer and the weights it has where they are; their contents follow from that.
void place(LayerState& state, Trace& trace) {
  state.path = trace.graph().path();
  state.placed = !trace.is_sketch();
  for (const Variable& v : state.own_weights) {
    v.state()->path = str(state.path, "/", v.name());
    if (state.placed) v.state()->initialize(trace.seed());
  }
}

void build_once(Layer& layer, LayerState& state, const Tensors& xs, Trace& trace) {
  if (!state.placed && (!state.built || !trace.is_sketch())) place(state, trace);
  if (state.built) return;
  std::vector<Shape> shapes;
  for (const Tensor& x : xs) shapes.push_back(x.shape());
  state.building = true;
  try {
    layer.build_many(shapes);
  } catch (...) {
    state.building = false;
    state.placed = false;
    state.own_weights.clear();  // so that the mistake may be mended and the layer built again
    throw;
  }
  state.building = false;
  state.built = true;
  state.built_for = std::move(shapes);
}

/// Runs the body and, when it fails on inputs unlike those of build(), says so.
template <class F>
Tensors run_call(const LayerState& state, const Tensors& xs, F body) {
  const bool as_built = state.built_for.size() == xs.size() &&
                        std::equal(xs.begin(), xs.end(), state.built_for.begin(),
                                   [](const Tensor& x, const Shape& s) { return same_but_batch(x.shape(), s); });
  if (as_built || state.is_model) return body();
  try {
    return body();
  } catch (const UserError& error) {
    const std::string before = state.built_for.empty() ? "no inputs" : without_batch(state.built_for.front());
    user_error(error.what(), "\n  ", state.path, " was built for inputs ", before, " and is now called with ",
               without_batch(xs.front().shape()), "; a layer keeps the shapes of its first call");
  }
}

bool is_masked(const Tensors& xs) {
  return std::any_of(xs.begin(), xs.end(), [](const Tensor& x) { return !x.mask().empty(); });
}

/// Masks of the results, where call() gave none. What parts of the layer did with a mask is known by them.
void pass_masks(const Layer& layer, LayerState& state, const Tensors& xs, Tensors& results) {
  if (!layer.supports_masking()) {
    const bool ends = is_masked(xs) && !is_masked(results) && state.children.empty() && !state.is_model;
    if (ends && !std::exchange(state.warned_of_mask, true))
      detail::warn(str(state.path, ": the mask of its input ends here, ", layer.class_name(),
                       " does not support masking; layers behind it see every position"));
    return;
  }
  const Tensors masks = layer.compute_mask(xs);
  for (std::size_t k = 0; k < std::min(masks.size(), results.size()); ++k)
    if (!masks[k].empty() && results[k].mask().empty()) results[k] = results[k].with_mask(masks[k]);
}

template <class F>
Tensors invoke(Layer& layer, const Tensors& xs, F body) {
  const std::shared_ptr<LayerState>& state = LayerAccess::state(layer);
  Trace* trace = Trace::current();
  (void)LayerAccess::checked(layer);
  if (trace == nullptr)
    user_error(layer.name(),
               ": a layer is called inside a model, another layer's call() or a StepBuilder; to compute numbers use "
               "Sequential(...) and predict()");
  if (xs.empty()) user_error(layer.name(), ": called with no tensors");
  for (const Tensor& x : xs) (void)Operand(x).in(trace->graph());
  if (!trace->frames().empty()) detail::adopt(trace->innermost(), layer);
  (void)layer.name();
  const Entered entered(*trace, state);
  build_once(layer, *state, xs, *trace);
  for (const Tensor& x : xs) check_spec(*state, x);
  Tensors results = run_call(*state, xs, body);
  state->outputs.clear();
  for (const Tensor& r : results) {
    if (r.empty()) user_error(state->path, ": call() returned an empty Tensor");
    state->outputs.push_back(r.type());
  }
  if (state->activity_regularizer.given())
    for (const Tensor& r : results) trace->add_loss(state->activity_regularizer(r));
  pass_masks(layer, *state, xs, results);
  return results;
}

}  // namespace

Tensor Layer::operator()(const Tensor& x) {
  return invoke(*this, {x}, [&] { return Tensors{call(x)}; }).front();
}

Tensors Layer::operator()(const Tensors& xs) {
  return invoke(*this, xs, [&] { return call_many(xs); });
}

void Layer::expect_inputs(InputSpec spec) { LayerAccess::checked(*this).spec = std::move(spec); }

void Layer::add_loss(const Tensor& term) {
  if (Trace* trace = Trace::current()) trace->add_loss(term);
}

void Layer::fail(const std::string& message) const {
  const LayerState& state = LayerAccess::checked(*this);
  user_error(state.path.empty() ? name() : state.path, ": ", message);
}

Tensor detail::only_result(Layer& layer, const Tensors& xs) {
  const Tensors results = layer(xs);
  if (results.size() != 1)
    user_error(layer.name(), ": gives ", results.size(),
               " tensors where one is expected; call the layer with a list: auto results = layer(Tensors{x})");
  return results.front();
}

Layer& detail::at_call_site(std::shared_ptr<Layer> fresh) {
  Trace* trace = Trace::current();
  if (trace == nullptr || trace->frames().empty())
    user_error(fresh->name(), ": `x | Layer(...)` works inside a layer's call(), a functional model or a StepBuilder");
  Trace::Frame& frame = trace->frames().back();
  auto& kept = frame.layer->call_sites;
  const std::size_t site = frame.next_site++;
  if (site == kept.size()) {
    if (frame.layer->sealed) adopt(frame.layer, *fresh);  // throws: the model is built
    kept.push_back(std::move(fresh));
  } else if (kept[site]->class_name() != fresh->class_name()) {
    user_error(frame.layer->path, ": call() makes a ", fresh->class_name(), " where it made a ",
               kept[site]->class_name(), " before; it has to do the same for every batch size and mode");
  }
  return *kept[site];
}

}  // namespace sinter
