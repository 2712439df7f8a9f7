#include <sinter/frontend/near_matches.h>
#include <sinter/frontend/sequential.h>

#include "model_state.h"

namespace sinter {

void Sequential::add_input(const Input& input) {
  if (!layers_.empty()) user_error(name(), ": an Input comes before all layers, it says what the first one gets");
  detail::define_inputs(*this, *model_, detail::ports_of(*this, std::span(&input, 1)));
}

void Sequential::append(std::shared_ptr<Layer> layer) {
  if (detail::LayerAccess::checked(*this).sealed)
    user_error(name(), ": '", layer->name(),
               "' is added to a model that is in use; add all layers before compile(), fit() and predict()");
  (void)name();
  detail::adopt(detail::LayerAccess::state(*this), *layer);
  layers_.push_back(std::move(layer));
}

void Sequential::finish() {
  if (!layers_.empty() && !model_->inputs.empty()) detail::build_model(*this, *model_);
}

void Sequential::drop_last() {
  auto& children = detail::LayerAccess::checked(*this).children;
  const auto& last = detail::LayerAccess::state(*layers_.back());
  std::erase(children, last);
  layers_.pop_back();
}

void Sequential::add_layer(std::shared_ptr<Layer> layer) {
  append(std::move(layer));
  try {
    finish();
  } catch (...) {
    drop_last();  // the model stays as it was
    throw;
  }
}

Layer& Sequential::layer_at(Dim index) const {
  const auto n = static_cast<std::int64_t>(layers_.size());
  const std::int64_t k = index < 0 ? index + n : index.value();
  if (k < 0 || k >= n) user_error(name(), ": layer ", index.value(), " does not exist; the model has ", n);
  return *layers_[static_cast<std::size_t>(k)];
}

Tensor Sequential::call(Tensor x) {
  if (layers_.empty()) fail("the model has no layers; add some, as in Sequential(Dense(1))");
  for (const auto& layer : layers_) x = (*layer)(x);
  return x;
}

}  // namespace sinter
