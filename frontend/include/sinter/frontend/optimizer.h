#pragma once
// What every optimizer is: how one step changes the weights, described as tensors; everything becomes part of the
// compiled step. The order within a step is that of Keras 3 (keras/src/optimizers/base_optimizer.py): the mean of the
// accumulated gradients, clipping, weight decay (w -= w * weight_decay * learning_rate), update, moving average of the
// weights, constraint, count.
//
// A user's optimizer is one function:
//
//   struct MySGD : Optimizer {
//     MySGD() : Optimizer({.name = "my_sgd", .learning_rate = 0.1}) {}
//     void update(UpdateContext& c) const override { c.assign(c.value() - c.learning_rate() * c.gradient()); }
//   };

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sinter/frontend/constraints.h>
#include <sinter/frontend/schedules.h>
#include <sinter/frontend/tensor.h>

namespace sinter {

/// A state that an optimizer keeps between steps; it starts with `initial` in every element.
struct OptimizerState {
  std::string name;  // "adam/sequential/dense/kernel/momentum"
  TensorType type;
  double initial = 0.0;
  Tensor tensor;  // in the graph of the step
};

/// One weight in the graph of a step: a state node, its gradient, and what it has to satisfy.
struct Parameter {
  std::string path;
  Tensor value;
  Tensor gradient;
  Constraint constraint = {};
};

/// The states of one optimizer in one graph, in the order they are saved: iteration, learning_rate (unless it is a
/// schedule), average and gradient_accumulator of each weight in turn, its slots likewise, then those shared by all.
class SINTER_API OptimizerStates {
 public:
  explicit OptimizerStates(ir::Graph& graph) : graph_(graph) {}

  /// The state named `name`, made on first use. Shared ones are listed last.
  Tensor get(const std::string& name, const TensorType& type, double initial, bool shared = false);
  /// After the step `state` (a state node of the graph) holds `value`; a later call replaces an earlier one.
  void assign(const Tensor& state, const Tensor& value);
  ir::Graph& graph() const { return graph_; }

  std::vector<OptimizerState> list() const;

 private:
  ir::Graph& graph_;
  std::vector<OptimizerState> own_, shared_;
};

/// What `update` sees of one weight.
class SINTER_API UpdateContext {
 public:
  /// Context of `parameter`; made by Optimizer::apply.
  UpdateContext(OptimizerStates& states, const std::string& prefix, const Parameter& parameter, Tensor learning_rate,
                Tensor iterations);

  /// The weight (after decay) and its gradient (after clipping); one type.
  const Tensor& value() const { return value_; }
  const Tensor& gradient() const { return gradient_; }
  /// Scalar of the weight's dtype.
  const Tensor& learning_rate() const { return learning_rate_; }
  /// Updates made before this one, as a scalar of the weight's dtype. With gradient_accumulation_steps of n, every n
  /// steps are one update.
  const Tensor& iterations() const { return iterations_; }
  /// iterations() + 1, the t of most formulas.
  Tensor step() const { return iterations_ + 1.0; }

  /// A state of the weight's type that belongs to it, e.g. "momentum".
  Tensor slot(std::string_view name, double initial = 0.0);
  /// A scalar state shared by all weights.
  Tensor shared(std::string_view name, double initial = 0.0);
  /// The weight's new value.
  void assign(const Tensor& value);
  /// A slot's (or shared state's) new value. Steps that only accumulate gradients leave it as it is.
  void assign(const Tensor& slot, const Tensor& value);

 private:
  friend class Optimizer;
  OptimizerStates& states_;
  const std::string& prefix_;
  const Parameter& parameter_;
  Tensor value_, gradient_, learning_rate_, iterations_;
  Tensor next_;     // what the weight is to become
  Tensor updates_;  // i1: whether this step updates; empty: every one does
};

/// What every optimizer has.
struct OptimizerOptions {
  std::string name = "optimizer";
  LearningRate learning_rate = 0.001;
  std::optional<double> weight_decay = std::nullopt;     // decoupled: w -= w * weight_decay * learning_rate
  std::optional<double> clipnorm = std::nullopt;         // each gradient scaled to at most this norm
  std::optional<double> global_clipnorm = std::nullopt;  // all gradients scaled together
  std::optional<double> clipvalue = std::nullopt;        // elements limited to [-clipvalue, clipvalue]
  bool use_ema = false;        // keep an average of each weight: e = momentum e + (1-momentum) w
  double ema_momentum = 0.99;  // in [0, 1]; the first step makes the average the weight itself
  /// The weights become their averages every so many updates. Without it they do at the end of fit() alone; see also
  /// SwapEMAWeights (callbacks.h) and Model::swap_ema_weights().
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  /// Every so many (at least 2) steps are one update, by the mean of their gradients. A schedule of the learning rate
  /// counts steps, all else updates.
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
};

/// An immutable description; its states live with the model.
class SINTER_API Optimizer {
 public:
  /// Throws UserError for more than one of the three clips, and for options that are out of range.
  explicit Optimizer(OptimizerOptions options);
  virtual ~Optimizer();

  /// Emits the new value of one weight and of its slots.
  virtual void update(UpdateContext& c) const = 0;

  /// Emits the whole step, in the order above.
  void apply(std::span<const Parameter> parameters, OptimizerStates& states) const;

  const std::string& name() const { return options_.name; }
  const OptimizerOptions& options() const { return options_; }
  /// Names of the states that every optimizer has ("adam/iteration", i32; "adam/learning_rate", f32).
  std::string iteration_name() const { return name() + "/iteration"; }
  std::string learning_rate_name() const { return name() + "/learning_rate"; }
  /// The moving average of a weight ("adam/sequential/dense/kernel/average"), with use_ema.
  std::string average_name(std::string_view path) const;

 private:
  struct Plan;
  Plan begin(OptimizerStates& states) const;
  /// The gradients of this update: those of this step, or the mean of all steps since the last update.
  std::vector<Tensor> accumulated(std::span<const Parameter> parameters, const Plan& plan,
                                  OptimizerStates& states) const;
  /// Has the weight's average follow `value`; returns what the weight becomes.
  Tensor averaged(const Parameter& parameter, const Tensor& value, const Plan& plan, OptimizerStates& states) const;

  OptimizerOptions options_;
};

}  // namespace sinter
