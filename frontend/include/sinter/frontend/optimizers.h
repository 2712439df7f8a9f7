#pragma once
// The optimizers of Keras 3 (keras/src/optimizers): update rules and defaults are theirs. What they have in common, and
// how to write one of your own: optimizer.h.

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sinter/frontend/optimizer.h>

namespace sinter {

struct SGDOptions {
  LearningRate learning_rate = 0.01;
  double momentum = 0.0;
  bool nesterov = false;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "sgd";
};
/// w -= lr g. With momentum m = momentum m - lr g and w += m, or w += momentum m - lr g (Nesterov).
class SINTER_API SGD : public Optimizer {
 public:
  explicit SGD(const SGDOptions& options = {});
  void update(UpdateContext& c) const override;

 private:
  double momentum_;
  bool nesterov_;
};

struct RMSpropOptions {
  LearningRate learning_rate = 0.001;
  double rho = 0.9;
  double momentum = 0.0;
  double epsilon = 1e-7;
  bool centered = false;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "rmsprop";
};
/// v = rho v + (1 - rho) g^2; w -= lr g / sqrt(v + epsilon); centered: v minus the square of the mean gradient.
class SINTER_API RMSprop : public Optimizer {
 public:
  explicit RMSprop(const RMSpropOptions& options = {});
  void update(UpdateContext& c) const override;

 private:
  RMSpropOptions own_;
};

struct AdamOptions {
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "adam";
};
/// m += (1 - beta_1)(g - m); v += (1 - beta_2)(g^2 - v); w -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) +
/// epsilon); amsgrad: with the largest v so far (Kingma, Ba, 2014; Reddi et al., 2018).
class SINTER_API Adam : public Optimizer {
 public:
  explicit Adam(const AdamOptions& options = {});
  void update(UpdateContext& c) const override;

 private:
  AdamOptions own_;
};

struct AdamWOptions {
  LearningRate learning_rate = 0.001;
  double weight_decay = 0.004;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "adamw";
};
/// Adam with decoupled weight decay (Loshchilov, Hutter, 2019).
class SINTER_API AdamW : public Adam {
 public:
  explicit AdamW(const AdamWOptions& options = {});
};

struct AdagradOptions {
  LearningRate learning_rate = 0.001;
  double initial_accumulator_value = 0.1;
  double epsilon = 1e-7;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "adagrad";
};
/// a += g^2; w -= lr g / sqrt(a + epsilon).
class SINTER_API Adagrad : public Optimizer {
 public:
  explicit Adagrad(const AdagradOptions& options = {});
  void update(UpdateContext& c) const override;

 private:
  AdagradOptions own_;
};

struct AdadeltaOptions {
  LearningRate learning_rate = 0.001;
  double rho = 0.95;
  double epsilon = 1e-7;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "adadelta";
};
/// a = rho a + (1 - rho) g^2; d = -g sqrt(s + epsilon) / sqrt(a + epsilon); s = rho s + (1 - rho) d^2; w += lr d.
class SINTER_API Adadelta : public Optimizer {
 public:
  explicit Adadelta(const AdadeltaOptions& options = {});
  void update(UpdateContext& c) const override;

 private:
  AdadeltaOptions own_;
};

struct AdamaxOptions {
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "adamax";
};
/// m as Adam; u = max(beta_2 u, |g|); w -= lr m / ((1 - beta_1^t)(u + epsilon)).
class SINTER_API Adamax : public Optimizer {
 public:
  explicit Adamax(const AdamaxOptions& options = {});
  void update(UpdateContext& c) const override;

 private:
  AdamaxOptions own_;
};

struct NadamOptions {
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "nadam";
};
/// Adam with Nesterov momentum; u_t = beta_1 (1 - 0.96^t / 2), the product of all u so far is a shared state (Dozat,
/// 2015).
class SINTER_API Nadam : public Optimizer {
 public:
  explicit Nadam(const NadamOptions& options = {});
  void update(UpdateContext& c) const override;

 private:
  NadamOptions own_;
};

struct LionOptions {
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.99;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "lion";
};
/// w -= lr sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g (Chen et al., 2023).
class SINTER_API Lion : public Optimizer {
 public:
  explicit Lion(const LionOptions& options = {});
  void update(UpdateContext& c) const override;

 private:
  LionOptions own_;
};

struct FtrlOptions {
  LearningRate learning_rate = 0.001;
  double learning_rate_power = -0.5;
  double initial_accumulator_value = 0.1;
  double l1_regularization_strength = 0.0;
  double l2_regularization_strength = 0.0;
  double l2_shrinkage_regularization_strength = 0.0;
  double beta = 0.0;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "ftrl";
};
/// Follow the regularised leader (McMahan et al., 2013).
class SINTER_API Ftrl : public Optimizer {
 public:
  explicit Ftrl(const FtrlOptions& options = {});
  void update(UpdateContext& c) const override;

 private:
  FtrlOptions own_;
};

struct LambOptions {
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<std::int64_t> ema_overwrite_frequency = std::nullopt;
  std::optional<std::int64_t> gradient_accumulation_steps = std::nullopt;
  std::string name = "lamb";
};
/// Adam's direction scaled to the norm of the weight (You et al., 2020).
class SINTER_API Lamb : public Optimizer {
 public:
  explicit Lamb(const LambOptions& options = {});
  void update(UpdateContext& c) const override;

 private:
  LambOptions own_;
};

/// What `compile` takes as its optimizer: a name ("adam") or a typed one (`Adam({.learning_rate = 1e-4})`), ours or
/// yours. A value: cheap to copy.
class SINTER_API AnyOptimizer {
 public:
  /// Throws UserError with near matches for an unknown name.
  AnyOptimizer(std::string_view name);  // NOLINT: implicit, so that {.optimizer = "adam"} reads well
  AnyOptimizer(const char* name) : AnyOptimizer(std::string_view(name)) {}         // NOLINT: as above
  AnyOptimizer(const std::string& name) : AnyOptimizer(std::string_view(name)) {}  // NOLINT: as above
  AnyOptimizer(std::nullptr_t) = delete;
  AnyOptimizer(std::shared_ptr<const Optimizer> optimizer) : optimizer_(std::move(optimizer)) {}  // NOLINT: as above
  template <std::derived_from<Optimizer> O>
  AnyOptimizer(O optimizer) : optimizer_(std::make_shared<const O>(std::move(optimizer))) {}  // NOLINT: as above

  const Optimizer& operator*() const { return *optimizer_; }
  const Optimizer* operator->() const { return optimizer_.get(); }

  /// The names that the constructor knows.
  static const std::vector<std::string>& names();

 private:
  std::shared_ptr<const Optimizer> optimizer_;
};

}  // namespace sinter
