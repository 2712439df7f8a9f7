// A layer's weights: making, finding, listing, freezing.

#include <sinter/frontend/layer.h>
#include <sinter/frontend/near_matches.h>

#include <algorithm>

#include "layer_state.h"
#include "trace.h"

namespace sinter {

using detail::LayerAccess;
using detail::LayerState;
using detail::Trace;

void Layer::set_trainable(bool trainable) { LayerAccess::checked(*this).set_trainable(trainable); }

std::vector<Variable> Layer::weights() const {
  std::vector<Variable> all;
  LayerAccess::checked(*this).collect(all);
  return all;
}

std::vector<Variable> Layer::trainable_weights() const {
  std::vector<Variable> result;
  LayerAccess::checked(*this).collect_trainable(result);
  return result;
}

std::vector<Variable> Layer::non_trainable_weights() const {
  const std::vector<Variable> trained = trainable_weights();
  std::vector<Variable> result;
  for (const Variable& v : weights())
    if (std::none_of(trained.begin(), trained.end(), [&](const Variable& t) { return t.state() == v.state(); }))
      result.push_back(v);
  return result;
}

Variable Layer::weight(std::string_view name) const {
  std::vector<std::string> known;
  const std::string prefix = LayerAccess::checked(*this).path + "/";
  for (const Variable& v : weights()) {
    const std::string& path = v.path();
    known.push_back(path.starts_with(prefix) ? path.substr(prefix.size()) : path);
    if (known.back() == name || path == name) return v;
  }
  unknown_name(str("weight of ", this->name()), name, known);
}

namespace {

void expect_built(const Layer& layer) {
  if (layer.built()) return;
  user_error(
      layer.name(),
      ": there are no weights yet, they are made when the input shape is known: begin the model with an Input, or call "
      "fit() or predict() first");
}

}  // namespace

std::int64_t Layer::count_params() const {
  expect_built(*this);
  std::int64_t n = 0;
  for (const Variable& v : weights()) n += v.shape().elements();
  return n;
}

std::vector<Array> Layer::get_weights() const {
  expect_built(*this);
  std::vector<Array> values;
  for (const Variable& v : weights()) values.push_back(v.value());
  return values;
}

void Layer::set_weights(const std::vector<Array>& values) {
  expect_built(*this);
  const std::vector<Variable> all = weights();
  if (all.size() != values.size()) fail(str("set_weights: expected ", all.size(), " arrays, got ", values.size()));
  for (std::size_t k = 0; k < all.size(); ++k)
    if (values[k].shape() != all[k].shape())
      fail(str("set_weights: array ", k, " is for ", all[k].path(), ": expected shape ", all[k].shape(), ", got ",
               values[k].shape()));
  for (std::size_t k = 0; k < all.size(); ++k) all[k].assign(values[k]);
}

Variable Layer::add_weight(std::string name, const Dims& shape, const WeightOptions& options) {
  LayerState& state = LayerAccess::checked(*this);
  const std::string at = state.path.empty() ? this->name() : state.path;
  if (state.built)
    user_error(at, ": weight '", name,
               "' is added after build(); a weight made in call() would be new at every step, so make it in build() "
               "and keep the Variable as a member");
  for (const Variable& v : state.own_weights)
    if (v.name() == name)
      user_error(at, ": two weights are named '", name, "'",
                 state.building ? "" : "; build() is called by Sinter, not by hand");
  auto variable = std::make_shared<detail::VariableState>();
  variable->type = {options.dtype, shape.shape(str(at, ": weight '", name, "'"))};
  variable->path = str(at, "/", name);
  variable->name = std::move(name);
  variable->trainable = options.trainable;
  variable->regularizer = options.regularizer;
  variable->constraint = options.constraint;
  variable->initializer =
      options.initializer.value_or(Initializer(ir::is_float(options.dtype) ? "glorot_uniform" : "zeros"));
  variable->layer = state_;
  if (state.building && state.placed) variable->initialize(Trace::current()->seed());
  state.own_weights.emplace_back(std::move(variable));
  return state.own_weights.back();
}

}  // namespace sinter
