// The tree of layers: names, ownership, and which weights are trainable.

#include "layer_state.h"

#include <cxxabi.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <typeinfo>

namespace sinter {
namespace detail {

const std::shared_ptr<LayerState>& LayerAccess::state(const Layer& layer) { return layer.state_; }

LayerState& LayerAccess::checked(const Layer& layer) {
  if (layer.state_ == nullptr)
    user_error(
        "a layer was used after it had been moved away (into a model?); keep a handle with make<L>(...) instead");
  return *layer.state_;
}

namespace {

void add_once(std::vector<Variable>& into, const Variable& v) {
  const bool known = std::any_of(into.begin(), into.end(), [&](const Variable& k) { return k.state() == v.state(); });
  if (!known) into.push_back(v);
}

}  // namespace

void LayerState::set_trainable(bool value) {
  trainable = value;
  for (const auto& child : children) child->set_trainable(value);
}

void LayerState::collect(std::vector<Variable>& into) const {
  for (const bool trainable_ones : {true, false})
    for (const Variable& v : own_weights)
      if (v.state()->trainable == trainable_ones) add_once(into, v);
  for (const auto& child : children) child->collect(into);
}

void LayerState::collect_trainable(std::vector<Variable>& into) const {
  if (!trainable) return;
  for (const Variable& v : own_weights)
    if (v.state()->trainable) add_once(into, v);
  for (const auto& child : children) child->collect_trainable(into);
}

std::string snake_case(std::string_view class_name) {
  std::string out;
  const auto upper = [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; };
  const auto lower = [](char c) { return std::islower(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t i = 0; i < class_name.size(); ++i) {
    const char c = class_name[i];
    // A word starts at a capital after a small letter, and at a capital before one: as in Keras, "PReLU" is p_re_lu and
    // "Conv2DTranspose" is conv2d_transpose.
    const bool starts =
        upper(c) && i > 0 && (lower(class_name[i - 1]) || (i + 1 < class_name.size() && lower(class_name[i + 1])));
    if (starts) out += '_';
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

namespace {

bool taken(const LayerState& parent, const std::string& name) {
  return std::any_of(parent.children.begin(), parent.children.end(), [&](const auto& c) { return c->name == name; });
}

void give_name(const LayerState& parent, LayerState& child) {
  if (child.explicit_name) {
    if (taken(parent, child.name))
      user_error(parent.name, ": two layers are named '", child.name, "'; names are unique within a model");
    return;
  }
  const std::string base = snake_case(child.class_name);
  child.name = base;
  for (int k = 1; taken(parent, child.name); ++k) child.name = str(base, "_", k);
}

}  // namespace

void adopt(const std::shared_ptr<LayerState>& parent, const Layer& child) {
  const std::shared_ptr<LayerState>& state = LayerAccess::state(child);
  if (std::find(parent->children.begin(), parent->children.end(), state) != parent->children.end()) return;
  if (state->class_name.empty()) state->class_name = child.class_name();
  if (parent->sealed)
    user_error(parent->path, ": call() used the new layer '", state->class_name,
               "' after the model was built; make layers in the constructor or keep them as members, so that every "
               "call uses the same ones");
  if (state->parent.expired()) {
    give_name(*parent, *state);
    state->parent = parent;
    if (!parent->trainable) state->set_trainable(false);  // frozen before it had parts
  }
  parent->children.push_back(state);
}

void seal(LayerState& state) {
  state.sealed = true;
  for (const auto& child : state.children) seal(*child);
}

}  // namespace detail

std::string Layer::class_name() const {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status), std::free);
  std::string name = status == 0 ? text.get() : "Layer";
  if (const auto arguments = name.find('<'); arguments != std::string::npos) name.erase(arguments);
  if (const auto scope = name.rfind(':'); scope != std::string::npos) name.erase(0, scope + 1);
  return name;
}

}  // namespace sinter
