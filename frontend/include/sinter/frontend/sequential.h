#pragma once
// A model that is a chain of layers.

#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/model.h>

namespace sinter {

class Sequential;

namespace detail {
template <class T>
concept ChainPart = is_layer<T> || is_ref<T> || std::same_as<std::remove_cvref_t<T>, Input>;
}

/// Sequential(Input({28, 28}), Flatten(), Dense(128, "relu"), Dense(10, "softmax")). Layers are moved in; to keep a
/// handle, make one with make<Dense>(128) and pass it.
class SINTER_API Sequential : public Model {
 public:
  Sequential() : Sequential(ModelOptions{}) {}
  explicit Sequential(ModelOptions options) : Model(std::move(options)) {}
  template <detail::ChainPart First, detail::ChainPart... Rest>
    requires(sizeof...(Rest) > 0 || !std::same_as<std::remove_cvref_t<First>, Sequential>)
  explicit Sequential(First&& first, Rest&&... rest)
      : Sequential(ModelOptions{}, std::forward<First>(first), std::forward<Rest>(rest)...) {}
  template <detail::ChainPart... Parts>
    requires(sizeof...(Parts) > 0)
  Sequential(ModelOptions options, Parts&&... parts) : Model(std::move(options)) {
    (take(std::forward<Parts>(parts)), ...);
    finish();
  }

  /// Appends a layer; its weights are made at once if the model began with an Input. Throws UserError for a name used
  /// twice, an Input that is not the first, a layer that does not fit, and after compile(), fit() or predict().
  template <detail::ChainPart Part>
  void add(Part&& part) {
    if constexpr (std::same_as<std::remove_cvref_t<Part>, Input>)
      add_input(part);
    else
      add_layer(detail::own(std::forward<Part>(part)));
  }

  std::size_t size() const { return layers_.size(); }
  /// The k-th layer; negative numbers count from the end.
  template <std::integral T>
  Layer& layer(T index) const {
    return layer_at(Dim(index));
  }
  using Model::layer;  // by name

  Tensor call(Tensor x) override;

 protected:
  std::vector<std::shared_ptr<Layer>> parts() const override { return layers_; }

 private:
  template <class Part>
  void take(Part&& part) {
    if constexpr (std::same_as<std::remove_cvref_t<Part>, Input>)
      add_input(part);
    else
      append(detail::own(std::forward<Part>(part)));
  }
  Layer& layer_at(Dim index) const;
  void add_input(const Input& input);
  void append(std::shared_ptr<Layer> layer);
  void finish();  // makes the weights, if the input is known
  void drop_last();
  void add_layer(std::shared_ptr<Layer> layer);
  std::vector<std::shared_ptr<Layer>> layers_;
};

}  // namespace sinter
