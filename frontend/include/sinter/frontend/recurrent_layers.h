#pragma once
// Layers that read a sequence step by step. Defaults, gate orders and formulas are those of Keras 3.
//
// A layer states one step; the sequence is a loop (scan.h), so the time to compile does not depend on its length. What
// the input needs of all steps is computed before the loop, and gradients of weights behind it, each as one
// contraction.
//
// Where the input's mask (Tensor::mask, [n, steps]) is false a step is skipped: states stay, and the output is that of
// the step before (0 at the beginning), or 0 with zero_output_for_mask. The mask goes on with the output of every step.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sinter/frontend/activations.h>
#include <sinter/frontend/initializers.h>
#include <sinter/frontend/layer.h>

namespace sinter {

/// What all recurrent layers share. Weights: kernel [features, gates * units], recurrent_kernel [units, gates * units],
/// bias [gates * units] or [2, gates * units]. Input [n, steps, features], then (optionally) the initial states, each
/// [n, units]; without them states begin at zero. Result [n, units], or [n, steps, units] with return_sequences; behind
/// it the last states with return_state.
///
/// `dropout` drops features of the input and `recurrent_dropout` units of h where it meets the recurrent kernel; both
/// in training alone, and one draw serves all steps of a sequence. With recurrent_dropout every gate has draws of its
/// own.
///
/// With `stateful` a sequence begins with the states that the one in its place in the batch before ended with, in
/// training and inference alike; the batch is of one size then: Input({steps, features}, {.batch_size = 32}). The
/// states are weights that are not trained, state_0 and so on, behind the others; reset_states() makes them 0.
class SINTER_API Recurrent : public Layer {
 public:
  void build(const Shape& input) override;
  Tensors call_many(Tensors xs) override;
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }
  Tensors compute_mask(const Tensors& xs) const override;
  bool returns_sequences() const { return design_.return_sequences; }
  bool returns_state() const { return design_.return_state; }
  bool goes_backwards() const { return design_.go_backwards; }
  bool stateful() const { return design_.stateful; }
  /// How many states there are, each [n, units].
  int states() const { return design_.states; }
  /// The next sequence begins with states of 0. Throws UserError unless the layer is stateful.
  void reset_states();
  /// The same layer, not built, that reads the sequence in the other direction.
  virtual std::shared_ptr<Recurrent> reversed() const = 0;

 protected:
  /// What tells one kind of layer from another.
  struct Design {
    std::int64_t units = 1;
    int gates = 1;
    int states = 1;
    bool use_bias = true;
    bool two_biases = false;  // one for what comes from the input, one for what comes from the state
    WeightOptions kernel = {}, recurrent_kernel = {}, bias = {};
    double dropout = 0.0, recurrent_dropout = 0.0;
    bool return_sequences = false, return_state = false, go_backwards = false, stateful = false;
    bool zero_output_for_mask = false;
  };
  Recurrent(LayerOptions options, Design design);

  /// x times the columns of gates [from, to) of a kernel, with dropout in front.
  using Product = std::function<Tensor(const Tensor& x, int from, int to)>;
  /// One step: what comes from the input, x W + b [n, gates * units], the states [n, units], and the product with the
  /// recurrent kernel; the new states, the output first.
  virtual Tensors step(const Tensor& projected, const Tensors& states, const Product& recurrent) = 0;
  /// Bias `k` of a layer with two: [gates * units].
  Tensor bias(int k) const;

 private:
  friend class Bidirectional;
  /// Throws for an input of another rank.
  void check_input(const Shape& input) const;
  Product product(const Variable& kernel, double rate, std::int64_t n) const;
  Tensor project(const Tensor& x) const;
  /// As a sequence [steps, n, 1]; empty: every step counts.
  Tensor step_mask(const Tensor& x) const;
  Tensors initial_states(const Tensors& xs) const;
  Design design_;
  Variable kernel_, recurrent_kernel_, bias_;
  std::vector<Variable> states_;  // of a stateful layer
};

struct SimpleRNNOptions {
  Dim units = 1;
  ActivationFn activation = "tanh";
  bool use_bias = true;
  Initializer kernel_initializer = "glorot_uniform";
  Initializer recurrent_initializer = "orthogonal";
  Initializer bias_initializer = "zeros";
  Regularizer kernel_regularizer = {};
  Regularizer recurrent_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // of the result
  Constraint kernel_constraint = {};
  Constraint recurrent_constraint = {};
  Constraint bias_constraint = {};
  double dropout = 0.0;
  double recurrent_dropout = 0.0;
  bool return_sequences = false;      // the output of every step, not of the last one alone
  bool return_state = false;          // the last state as a second result
  bool go_backwards = false;          // from the last step to the first; outputs come in that order
  bool stateful = false;              // begins with the states that the batch before ended with
  bool zero_output_for_mask = false;  // masked steps give 0, not the output before them
  std::string name = {};
  bool trainable = true;
};

/// h = activation(x W + h U + b). Weights: kernel [features, units], recurrent_kernel [units, units], bias [units].
class SINTER_API SimpleRNN : public Recurrent {
 public:
  using Options = SimpleRNNOptions;
  explicit SimpleRNN(Dim units) : SimpleRNN(Options{.units = units}) {}
  explicit SimpleRNN(Options options);
  std::shared_ptr<Recurrent> reversed() const override;

 protected:
  Tensors step(const Tensor& projected, const Tensors& states, const Product& recurrent) override;

 private:
  Options options_;
};

struct LSTMOptions {
  Dim units = 1;
  ActivationFn activation = "tanh";
  ActivationFn recurrent_activation = "sigmoid";
  bool use_bias = true;
  Initializer kernel_initializer = "glorot_uniform";
  Initializer recurrent_initializer = "orthogonal";
  Initializer bias_initializer = "zeros";
  Regularizer kernel_regularizer = {};
  Regularizer recurrent_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // of the result
  Constraint kernel_constraint = {};
  Constraint recurrent_constraint = {};
  Constraint bias_constraint = {};
  bool unit_forget_bias = true;  // the bias of the forget gate starts at 1
  double dropout = 0.0;
  double recurrent_dropout = 0.0;
  bool return_sequences = false;
  bool return_state = false;  // h and c as further results
  bool go_backwards = false;
  bool stateful = false;
  bool zero_output_for_mask = false;
  std::string name = {};
  bool trainable = true;
};

/// Long short-term memory (Hochreiter and Schmidhuber, 1997), gates in the order i, f, c, o:
/// c = f * c + i * activation(z_c), h = o * activation(c). Weights: kernel [features, 4 units], recurrent_kernel
/// [units, 4 units], bias [4 units]. States: h, c.
class SINTER_API LSTM : public Recurrent {
 public:
  using Options = LSTMOptions;
  explicit LSTM(Dim units) : LSTM(Options{.units = units}) {}
  explicit LSTM(Options options);
  std::shared_ptr<Recurrent> reversed() const override;

 protected:
  Tensors step(const Tensor& projected, const Tensors& states, const Product& recurrent) override;

 private:
  Options options_;
};

struct GRUOptions {
  Dim units = 1;
  ActivationFn activation = "tanh";
  ActivationFn recurrent_activation = "sigmoid";
  bool use_bias = true;
  Initializer kernel_initializer = "glorot_uniform";
  Initializer recurrent_initializer = "orthogonal";
  Initializer bias_initializer = "zeros";
  Regularizer kernel_regularizer = {};
  Regularizer recurrent_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // of the result
  Constraint kernel_constraint = {};
  Constraint recurrent_constraint = {};
  Constraint bias_constraint = {};
  bool reset_after = true;  // the reset gate scales h U, not h
  double dropout = 0.0;
  double recurrent_dropout = 0.0;
  bool return_sequences = false;
  bool return_state = false;
  bool go_backwards = false;
  bool stateful = false;
  bool zero_output_for_mask = false;
  std::string name = {};
  bool trainable = true;
};

/// Gated recurrent unit (Cho et al., 2014), gates in the order z, r, h: h = z * h + (1 - z) * candidate, the candidate
/// activation(x_h + r * (h U_h + b_rh)), or activation(x_h + (r * h) U_h) without reset_after. Weights: kernel
/// [features, 3 units], recurrent_kernel [units, 3 units], bias [2, 3 units] (input, recurrent) or [3 units].
class SINTER_API GRU : public Recurrent {
 public:
  using Options = GRUOptions;
  explicit GRU(Dim units) : GRU(Options{.units = units}) {}
  explicit GRU(Options options);
  std::shared_ptr<Recurrent> reversed() const override;

 protected:
  Tensors step(const Tensor& projected, const Tensors& states, const Product& recurrent) override;

 private:
  Options options_;
};

struct BidirectionalOptions {
  std::string merge_mode = "concat";  // "concat", "sum", "mul", "ave", or "none": two results
  std::string name = {};
  bool trainable = true;
};

/// A recurrent layer and its mirror image, which reads from the end; their outputs merged, those of the same step
/// together. Weights: the forward layer's, then the backward layer's. Behind the input initial states may stand, and
/// behind the result the last ones (return_state): those of the forward layer, then of the backward layer. Skipped
/// steps give 0 in sequences of outputs.
class SINTER_API Bidirectional : public Layer {
 public:
  using Options = BidirectionalOptions;
  template <std::derived_from<Recurrent> L>
  explicit Bidirectional(L layer, Options options = {})
      : Bidirectional(std::shared_ptr<Recurrent>(std::make_shared<L>(std::move(layer))), std::move(options)) {}
  explicit Bidirectional(std::shared_ptr<Recurrent> forward, Options options = {});
  Tensor call(Tensor x) override;
  Tensors call_many(Tensors xs) override;
  bool supports_masking() const override { return true; }
  Tensors compute_mask(const Tensors& xs) const override;
  void reset_states();

 private:
  Tensors merged(const Tensor& ahead, const Tensor& back) const;
  Options options_;
  std::shared_ptr<Recurrent> forward_, backward_;
};

/// Applies a layer to every step alone: [n, steps, ...] -> [n, steps, ...]. A mask [n, steps, ...] is handed to the
/// layer step by step as well; the result has the mask that the layer gives, else says which steps have anything that
/// counts.
class SINTER_API TimeDistributed : public Layer {
 public:
  template <std::derived_from<Layer> L>
  explicit TimeDistributed(L layer) : layer_(std::make_shared<L>(std::move(layer))) {}
  explicit TimeDistributed(std::shared_ptr<Layer> layer) : layer_(std::move(layer)) {}
  Tensor call(Tensor x) override;
  bool supports_masking() const override { return true; }

 private:
  std::shared_ptr<Layer> layer_;
};

}  // namespace sinter
