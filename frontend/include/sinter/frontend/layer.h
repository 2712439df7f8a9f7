#pragma once
// The layer protocol. A layer is a move-only object: hyperparameters come through its constructor, weights are made in
// build(), and call() says what it computes.
//
//   class SimpleDense : public Layer {
//    public:
//     explicit SimpleDense(Dim units = 32, ActivationFn activation = {}) : units_(units), activation_(activation) {}
//     void build(const Shape& input) override {
//       w_ = add_weight("kernel", {input[-1], units_}, {.initializer = "random_normal"});
//       b_ = add_weight("bias", {units_}, {.initializer = "zeros"});
//     }
//     Tensor call(Tensor x) override { return activation_(matmul(x, w_) + b_); }
//
//    private:
//     Dim units_;
//     ActivationFn activation_;
//     Variable w_, b_;
//   };

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/constraints.h>
#include <sinter/frontend/initializers.h>
#include <sinter/frontend/regularizers.h>
#include <sinter/frontend/tensor.h>
#include <sinter/frontend/variable.h>

namespace sinter {

class Symbol;  // symbol.h: a tensor of a functional model
using Symbols = std::vector<Symbol>;

namespace detail {
struct LayerState;
struct LayerAccess;
}  // namespace detail

/// What every layer has.
struct LayerOptions {
  std::string name;                       // "" : snake_case of the class, numbered within the model
  bool trainable = true;                  // false freezes every weight of the layer
  Regularizer activity_regularizer = {};  // a term of the loss from each result
};

/// How a weight is made.
struct WeightOptions {
  std::optional<Initializer> initializer = std::nullopt;  // "glorot_uniform" for floats, else "zeros"
  DType dtype = DType::f32;
  bool trainable = true;
  Regularizer regularizer = {};  // a term of the loss, while the weight is trainable
  Constraint constraint = {};    // what the weight satisfies after every update
};

/// What a layer accepts at every call after its build(); see Layer::expect_inputs.
struct InputSpec {
  struct Extent {
    int axis = -1;
    std::int64_t extent = 0;
  };
  std::optional<int> rank = std::nullopt;
  int min_rank = 0;
  std::vector<Extent> extents = {};
};

class SINTER_API Layer {
 public:
  virtual ~Layer();
  Layer(Layer&& other) noexcept;
  Layer& operator=(Layer&& other) noexcept;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  /// Applies the layer: build() at the first call, then call(). Works inside a model, another layer's call(), or a
  /// StepBuilder.
  Tensor operator()(const Tensor& x);
  /// The same for a layer with several inputs or results, through call_many().
  Tensors operator()(const Tensors& xs);

  /// Makes the weights. Runs once; `input` has the batch as its first axis.
  virtual void build(const Shape& input);
  /// build() of a layer with several inputs; calls build() with the first shape.
  virtual void build_many(const std::vector<Shape>& inputs);
  /// The computation. It is traced once per batch size and mode, so it must not change the layer.
  virtual Tensor call(Tensor x);
  /// call() of a layer with several inputs or results.
  virtual Tensors call_many(Tensors xs);

  /// Whether masks (Tensor::mask) go on behind the layer. If not they end here, with a warning: what call() computes
  /// may have no such positions any more. Inside call() the mask is x.mask(), and a result gets one by y.with_mask(m).
  virtual bool supports_masking() const;
  /// Of a layer that supports masking: a mask for each result; empty ones and those left out mean none. A result that
  /// got its mask in call() keeps it. By default the first result has the mask of the first input.
  virtual Tensors compute_mask(const Tensors& xs) const;

  /// "dense_1": the name it was given, or got when it was added to a model.
  const std::string& name() const;
  /// "SimpleDense": the class, as summaries show it.
  virtual std::string class_name() const;
  bool built() const;
  /// Whether the weights may be trained; see also Variable::trainable().
  bool trainable() const;
  /// Freezes or unfreezes the layer and all its sub-layers. After compile(), compile again for it to take effect.
  void set_trainable(bool trainable);

  /// Weights of the layer and its sub-layers: the trainable ones, then the others, each in order of creation.
  std::vector<Variable> weights() const;
  std::vector<Variable> trainable_weights() const;
  std::vector<Variable> non_trainable_weights() const;
  /// The weight named `name` ("kernel", or "dense/kernel" of a sub-layer). Throws UserError listing near matches.
  Variable weight(std::string_view name) const;
  /// Number of elements of all weights. Throws UserError before the layer is built.
  std::int64_t count_params() const;
  /// Contents, in the order of weights().
  std::vector<Array> get_weights() const;
  void set_weights(const std::vector<Array>& values);

 protected:
  Layer();
  explicit Layer(LayerOptions options);

  /// Makes a weight; in the constructor or in build() only. Throws UserError later on, for a name used twice and for a
  /// negative extent.
  Variable add_weight(std::string name, const Dims& shape = {}, const WeightOptions& options = {});
  /// In build(): what later inputs must look like. Checked before every call().
  void expect_inputs(InputSpec spec);
  /// True while a training step is traced.
  bool training() const;
  /// A term added to the loss of the training step (regularisation).
  void add_loss(const Tensor& term);
  /// Throws a UserError that begins with the layer's path.
  [[noreturn]] void fail(const std::string& message) const;

 private:
  friend struct detail::LayerAccess;
  std::shared_ptr<detail::LayerState> state_;
};

/// Shared ownership of a layer, for using one layer in two places: `auto shared = make<Dense>(64);`.
template <std::derived_from<Layer> L>
class Ref {
 public:
  explicit Ref(std::shared_ptr<L> layer) : layer_(std::move(layer)) {}
  template <std::derived_from<L> D>
  Ref(const Ref<D>& other) : layer_(other.pointer()) {}  // NOLINT: as pointers convert

  L* operator->() const { return layer_.get(); }
  L& operator*() const { return *layer_; }
  Tensor operator()(const Tensor& x) const { return (*layer_)(x); }
  Tensors operator()(const Tensors& xs) const { return (*layer_)(xs); }
  // In a functional model; defined in symbol.h.
  Symbol operator()(const Symbol& x) const;
  Symbols operator()(const Symbols& xs) const;
  const std::shared_ptr<L>& pointer() const { return layer_; }

 private:
  std::shared_ptr<L> layer_;
};

/// A layer in shared ownership.
template <std::derived_from<Layer> L, class... Args>
Ref<L> make(Args&&... args) {
  return Ref<L>(std::make_shared<L>(std::forward<Args>(args)...));
}
/// The same for option structs, which deduce no template argument: make<Dense>({.units = 64}).
template <std::derived_from<Layer> L, class Options = typename L::Options>
Ref<L> make(Options options) {
  return Ref<L>(std::make_shared<L>(std::move(options)));
}

namespace detail {

template <class T>
struct IsRef : std::false_type {};
template <class L>
struct IsRef<Ref<L>> : std::true_type {};

template <class T>
inline constexpr bool is_layer = std::derived_from<std::remove_cvref_t<T>, Layer>;
template <class T>
inline constexpr bool is_ref = IsRef<std::remove_cvref_t<T>>::value;

/// Moves a layer into shared ownership; the static type is known, so nothing is sliced.
template <class T>
std::shared_ptr<Layer> own(T&& layer) {
  if constexpr (is_ref<T>) {
    return layer.pointer();
  } else {
    static_assert(is_layer<T>, "expected a layer: an object derived from sinter::Layer, or a sinter::Ref of one");
    static_assert(
        !std::is_lvalue_reference_v<T>,
        "a layer is moved into its model: write add(Dense(64)) or add(std::move(layer)); to use one layer in two "
        "places, make it with sinter::make<Dense>(64) and pass the Ref");
    return std::make_shared<std::remove_cvref_t<T>>(std::forward<T>(layer));
  }
}

/// The layer that stands at this place of the caller's call(): `fresh` the first time, the one kept since then.
SINTER_API Layer& at_call_site(std::shared_ptr<Layer> fresh);
/// The result of a layer that has to have one.
SINTER_API Tensor only_result(Layer& layer, const Tensors& xs);

}  // namespace detail

/// x | Dense(64) | Dense(10): layers made on the spot. Inside call() or a functional model, the layer made at the first
/// tracing is kept and found again by its position, so its weights stay.
template <class L>
  requires(detail::is_layer<L> || detail::is_ref<L>)
Tensor operator|(const Tensor& x, L&& layer) {
  if constexpr (std::is_lvalue_reference_v<L> || detail::is_ref<L>)
    return layer(x);
  else
    return detail::at_call_site(detail::own(std::forward<L>(layer)))(x);
}

/// Tensors{a, b} | Concatenate(): the same for layers of several inputs with one result.
template <class L>
  requires(detail::is_layer<L> || detail::is_ref<L>)
Tensor operator|(const Tensors& xs, L&& layer) {
  if constexpr (detail::is_ref<L>)
    return detail::only_result(*layer, xs);
  else if constexpr (std::is_lvalue_reference_v<L>)
    return detail::only_result(layer, xs);
  else
    return detail::only_result(detail::at_call_site(detail::own(std::forward<L>(layer))), xs);
}

}  // namespace sinter
