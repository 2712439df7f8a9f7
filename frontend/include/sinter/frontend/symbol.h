#pragma once
// Functional models: what an Input or a layer gives, before there is a model.
//
//   Input x({784});
//   auto code = x | Dense(32, "relu");
//   auto y = code | Dense(784, "sigmoid");
//   Model encoder(x, code), autoencoder(x, y);   // both use the same layers
//
// A Symbol is a recipe: it names the layer that makes it and what that layer gets. Shapes are checked at once, weights
// are made when a model is. Layers made on the spot are owned by the symbols; a layer in two places is made with
// make<L>(...).

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/layer.h>

namespace sinter {

namespace detail {
struct SymbolNode;
/// Records the use of a layer. Throws the UserError that the layer would throw inside a model.
SINTER_API Symbols recorded(std::shared_ptr<Layer> layer, const Symbols& inputs);
/// The same for a layer that has to have one result.
SINTER_API Symbol recorded_one(std::shared_ptr<Layer> layer, const Symbols& inputs);
}  // namespace detail

/// One tensor of a functional model. Cheap to copy; copies are the same tensor.
class SINTER_API Symbol {
 public:
  Symbol(std::shared_ptr<const detail::SymbolNode> node, std::size_t result)
      : node_(std::move(node)), result_(result) {}

  /// Without the batch.
  const Shape& shape() const { return type().shape; }
  DType dtype() const { return type().dtype; }
  const TensorType& type() const;

  /// A tensor is symbolic: it has no truth value.
  explicit operator bool() const = delete;

  const std::shared_ptr<const detail::SymbolNode>& node() const { return node_; }
  std::size_t result() const { return result_; }
  friend bool operator==(const Symbol&, const Symbol&) = default;

 private:
  std::shared_ptr<const detail::SymbolNode> node_;
  std::size_t result_ = 0;
};

/// One symbol or several: what a Model takes as its inputs and outputs.
class SymbolList {
 public:
  SymbolList(const Symbol& symbol) : symbols_{symbol} {}                    // NOLINT: implicit by design
  SymbolList(std::initializer_list<Symbol> symbols) : symbols_(symbols) {}  // NOLINT: as above
  SymbolList(Symbols symbols) : symbols_(std::move(symbols)) {}             // NOLINT: as above
  const Symbols& symbols() const { return symbols_; }

 private:
  Symbols symbols_;
};

/// x | Dense(64) | Dense(10). A layer with a name of its own is moved in or made with make<L>().
template <class L>
  requires(detail::is_layer<L> || detail::is_ref<L>)
Symbol operator|(const Symbol& x, L&& layer) {
  return detail::recorded_one(detail::own(std::forward<L>(layer)), {x});
}
/// Symbols{a, b} | Concatenate().
template <class L>
  requires(detail::is_layer<L> || detail::is_ref<L>)
Symbol operator|(const Symbols& xs, L&& layer) {
  return detail::recorded_one(detail::own(std::forward<L>(layer)), xs);
}
/// x | relu, with any function of tensor.h or activations.h that takes one tensor.
SINTER_API Symbol operator|(const Symbol& x, Tensor (*function)(const Operand&));
/// x | [](Tensor t) { return t * sigmoid(t); }.
template <class F>
  requires(!detail::is_layer<F> && !detail::is_ref<F> && !std::is_convertible_v<F, Tensor (*)(const Operand&)> &&
           std::is_invocable_r_v<Tensor, std::remove_cvref_t<F>&, const Tensor&>)
Symbol operator|(const Symbol& x, F&& function);

/// A function of several tensors: apply([](Tensors t) { return t[0] * sigmoid(t[1]); }, {a, b}). It has no weights.
SINTER_API Symbol apply(std::function<Tensor(const Tensors&)> function, const Symbols& xs);

SINTER_API Symbol operator+(const Symbol& a, const Symbol& b);
SINTER_API Symbol operator-(const Symbol& a, const Symbol& b);
SINTER_API Symbol operator*(const Symbol& a, const Symbol& b);
SINTER_API Symbol operator/(const Symbol& a, const Symbol& b);
SINTER_API Symbol operator+(const Symbol& a, double b);
SINTER_API Symbol operator-(const Symbol& a, double b);
SINTER_API Symbol operator*(const Symbol& a, double b);
SINTER_API Symbol operator/(const Symbol& a, double b);
SINTER_API Symbol operator+(double a, const Symbol& b);
SINTER_API Symbol operator-(double a, const Symbol& b);
SINTER_API Symbol operator*(double a, const Symbol& b);
SINTER_API Symbol operator/(double a, const Symbol& b);
SINTER_API Symbol operator-(const Symbol& x);

template <std::derived_from<Layer> L>
Symbol Ref<L>::operator()(const Symbol& x) const {
  return detail::recorded_one(layer_, {x});
}
template <std::derived_from<Layer> L>
Symbols Ref<L>::operator()(const Symbols& xs) const {
  return detail::recorded(layer_, xs);
}

}  // namespace sinter
