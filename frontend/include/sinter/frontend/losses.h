#pragma once
// Losses. A loss gives one value per sample; a reduction makes them one number. Formulas, defaults and clipping are
// those of Keras 3 (keras/src/losses), with two differences: shapes that do not fit are an error, never broadcast, and
// a cross-entropy of softmax(x) or sigmoid(x) starts from x, so that nothing saturates (as Keras does on TensorFlow).

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/tensor.h>

namespace sinter {

/// How the values of the samples become one number. With weights w: sum(w v) / n for sum_over_batch_size and mean,
/// sum(w v) / sum(w) for mean_with_sample_weight, sum(w v) for sum; none keeps w v.
enum class Reduction : std::uint8_t { sum_over_batch_size, mean, mean_with_sample_weight, sum, none };
SINTER_API std::string_view to_string(Reduction reduction);

/// What a loss of your own derives from. Lambdas of two tensors do as well, see AnyLoss.
class SINTER_API Loss {
 public:
  explicit Loss(std::string name, Reduction reduction = Reduction::sum_over_batch_size)
      : name_(std::move(name)), reduction_(reduction) {}
  virtual ~Loss();

  /// One value per sample (and per further axis but the last). The labels come as they were given.
  virtual Tensor call(const Tensor& y_true, const Tensor& y_pred) const = 0;
  /// For labels that are class numbers: how many classes there are, so that labels are checked where data enter; else
  /// 0.
  virtual std::int64_t classes(const TensorType& y_pred) const;

  /// The reduced loss; weights broadcast over the axes that the values have and they have not. Positions that the mask
  /// of y_pred hides do not count.
  Tensor operator()(const Tensor& y_true, const Tensor& y_pred) const;
  Tensor operator()(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const;

  const std::string& name() const { return name_; }
  Reduction reduction() const { return reduction_; }

 private:
  std::string name_;
  Reduction reduction_;
};

/// The weights of samples and what the prediction's mask (Tensor::mask) leaves out, as one: hidden positions weigh 0,
/// and for a mean the others weigh total / valid, so that it is one over those. Without a mask it is `sample_weight`.
SINTER_API Tensor apply_mask(const Tensor& sample_weight, const Tensor& y_pred, Reduction reduction);
/// The mean over samples and so on of per-sample values; `sample_weight` may be empty.
SINTER_API Tensor reduce_loss(const Tensor& values, const Tensor& sample_weight, Reduction reduction);
/// y_true in the dtype and shape of y_pred: an axis of extent 1 at the end is added or dropped, anything else throws
/// UserError naming `who`.
SINTER_API Tensor match_labels(std::string_view who, const Tensor& y_true, const Tensor& y_pred);

// The values per sample. Labels and predictions have one shape (see match_labels); the last axis disappears.
SINTER_API Tensor mean_squared_error(const Tensor& y_true, const Tensor& y_pred);
SINTER_API Tensor mean_absolute_error(const Tensor& y_true, const Tensor& y_pred);
/// 100 |t - p| / max(|t|, 1e-7).
SINTER_API Tensor mean_absolute_percentage_error(const Tensor& y_true, const Tensor& y_pred);
/// Squared difference of log(max(., 1e-7) + 1).
SINTER_API Tensor mean_squared_logarithmic_error(const Tensor& y_true, const Tensor& y_pred);
/// e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2.
SINTER_API Tensor huber(const Tensor& y_true, const Tensor& y_pred, double delta = 1.0);
/// log(cosh(e)), computed as e + softplus(-2 e) - log 2.
SINTER_API Tensor log_cosh(const Tensor& y_true, const Tensor& y_pred);
/// max(1 - t p, 0) with labels -1 and 1; when all labels are 0 or 1 they are mapped to these.
SINTER_API Tensor hinge(const Tensor& y_true, const Tensor& y_pred);
SINTER_API Tensor squared_hinge(const Tensor& y_true, const Tensor& y_pred);
/// max(max((1 - t) p) - sum(t p) + 1, 0).
SINTER_API Tensor categorical_hinge(const Tensor& y_true, const Tensor& y_pred);
/// sum(t log(t / p)), both limited to [1e-7, 1].
SINTER_API Tensor kl_divergence(const Tensor& y_true, const Tensor& y_pred);
/// p - t log(p + 1e-7).
SINTER_API Tensor poisson(const Tensor& y_true, const Tensor& y_pred);
/// The cosine of the angle, 1 for the same direction. The loss CosineSimilarity is its negative.
SINTER_API Tensor cosine_similarity(const Tensor& y_true, const Tensor& y_pred, Dim axis = -1);

struct CrossentropyOptions {
  /// y_pred holds logits; otherwise probabilities, clipped to [1e-7, 1 - 1e-7].
  bool from_logits = false;
  /// Labels t become t (1 - s) + s / classes (binary: s / 2). Not for sparse labels.
  double label_smoothing = 0.0;
  /// When y_pred is softmax(x) or sigmoid(x), start from x. false: clip probabilities always, as Keras does on torch.
  bool use_known_logits = true;
  Reduction reduction = Reduction::sum_over_batch_size;
  std::string name = {};  // empty: the usual one
};
/// -(t log p + (1 - t) log(1 - p)), mean over the last axis.
SINTER_API Tensor binary_crossentropy(const Tensor& y_true, const Tensor& y_pred, const CrossentropyOptions& o = {});
/// -sum(t log p) with p divided by its row sum first.
SINTER_API Tensor categorical_crossentropy(const Tensor& y_true, const Tensor& y_pred,
                                           const CrossentropyOptions& o = {});
/// -log p[label]; labels are class numbers [n...] or [n..., 1] for predictions [n..., classes].
SINTER_API Tensor sparse_categorical_crossentropy(const Tensor& y_true, const Tensor& y_pred,
                                                  const CrossentropyOptions& o = {});

struct FocalOptions {
  double alpha = 0.25;
  double gamma = 2.0;
  bool apply_class_balancing = false;  // binary only; weights alpha for label 1 and 1 - alpha for label 0
  bool from_logits = false;
  double label_smoothing = 0.0;
  Reduction reduction = Reduction::sum_over_batch_size;
  std::string name = {};
};
/// Binary cross-entropy times (1 - p_t)^gamma, mean over the last axis (Lin et al., 2018).
SINTER_API Tensor binary_focal_crossentropy(const Tensor& y_true, const Tensor& y_pred, const FocalOptions& o = {});
/// -sum(alpha (1 - p)^gamma t log p).
SINTER_API Tensor categorical_focal_crossentropy(const Tensor& y_true, const Tensor& y_pred,
                                                 const FocalOptions& o = {});

struct LossOptions {
  Reduction reduction = Reduction::sum_over_batch_size;
  std::string name = {};
};

/// A loss made of a function of labels and predictions.
class SINTER_API FunctionLoss : public Loss {
 public:
  using Function = std::function<Tensor(const Tensor& y_true, const Tensor& y_pred)>;
  FunctionLoss(std::string name, Function function, Reduction reduction = Reduction::sum_over_batch_size)
      : Loss(std::move(name), reduction), function_(std::move(function)) {}
  Tensor call(const Tensor& y_true, const Tensor& y_pred) const override { return function_(y_true, y_pred); }

 private:
  Function function_;
};

struct SINTER_API MeanSquaredError : FunctionLoss {
  explicit MeanSquaredError(const LossOptions& options = {});
};
struct SINTER_API MeanAbsoluteError : FunctionLoss {
  explicit MeanAbsoluteError(const LossOptions& options = {});
};
struct SINTER_API MeanAbsolutePercentageError : FunctionLoss {
  explicit MeanAbsolutePercentageError(const LossOptions& options = {});
};
struct SINTER_API MeanSquaredLogarithmicError : FunctionLoss {
  explicit MeanSquaredLogarithmicError(const LossOptions& options = {});
};
struct HuberOptions {
  double delta = 1.0;
  Reduction reduction = Reduction::sum_over_batch_size;
  std::string name = {};
};
struct SINTER_API Huber : FunctionLoss {
  explicit Huber(const HuberOptions& options = {});
};
struct SINTER_API LogCosh : FunctionLoss {
  explicit LogCosh(const LossOptions& options = {});
};
struct SINTER_API Hinge : FunctionLoss {
  explicit Hinge(const LossOptions& options = {});
};
struct SINTER_API SquaredHinge : FunctionLoss {
  explicit SquaredHinge(const LossOptions& options = {});
};
struct SINTER_API CategoricalHinge : FunctionLoss {
  explicit CategoricalHinge(const LossOptions& options = {});
};
struct SINTER_API KLDivergence : FunctionLoss {
  explicit KLDivergence(const LossOptions& options = {});
};
struct SINTER_API Poisson : FunctionLoss {
  explicit Poisson(const LossOptions& options = {});
};
struct CosineSimilarityOptions {
  std::int64_t axis = -1;
  Reduction reduction = Reduction::sum_over_batch_size;
  std::string name = {};
};
struct SINTER_API CosineSimilarity : FunctionLoss {
  explicit CosineSimilarity(const CosineSimilarityOptions& options = {});
};
struct SINTER_API BinaryCrossentropy : FunctionLoss {
  explicit BinaryCrossentropy(const CrossentropyOptions& options = {});
};
struct SINTER_API CategoricalCrossentropy : FunctionLoss {
  explicit CategoricalCrossentropy(const CrossentropyOptions& options = {});
};
struct SINTER_API SparseCategoricalCrossentropy : FunctionLoss {
  explicit SparseCategoricalCrossentropy(const CrossentropyOptions& options = {});
  std::int64_t classes(const TensorType& y_pred) const override;
};
struct SINTER_API BinaryFocalCrossentropy : FunctionLoss {
  explicit BinaryFocalCrossentropy(const FocalOptions& options = {});
};
struct SINTER_API CategoricalFocalCrossentropy : FunctionLoss {
  explicit CategoricalFocalCrossentropy(const FocalOptions& options = {});
};

/// What `compile` takes as its loss: a name ("mse", "sparse_categorical_crossentropy"), a typed loss
/// (`SparseCategoricalCrossentropy({.from_logits = true})`), or a callable `Tensor(const Tensor& y_true, const Tensor&
/// y_pred)` that returns one value per sample (or a scalar). A value: cheap to copy.
class SINTER_API AnyLoss {
 public:
  /// Throws UserError with near matches for an unknown name.
  AnyLoss(std::string_view name);  // NOLINT: implicit, so that {.loss = "mse"} reads well
  AnyLoss(const char* name) : AnyLoss(std::string_view(name)) {}         // NOLINT: as above
  AnyLoss(const std::string& name) : AnyLoss(std::string_view(name)) {}  // NOLINT: as above
  AnyLoss(std::nullptr_t) = delete;
  AnyLoss(std::shared_ptr<const Loss> loss) : loss_(std::move(loss)) {}  // NOLINT: as above
  template <std::derived_from<Loss> L>
  AnyLoss(L loss) : loss_(std::make_shared<const L>(std::move(loss))) {}  // NOLINT: as above
  template <class Function>
    requires(!std::same_as<std::remove_cvref_t<Function>, AnyLoss> &&
             !std::derived_from<std::remove_cvref_t<Function>, Loss> &&
             std::is_invocable_r_v<Tensor, const std::remove_cvref_t<Function>&, const Tensor&, const Tensor&>)
  AnyLoss(Function&& function)  // NOLINT: as above
      : loss_(std::make_shared<const FunctionLoss>("loss", std::forward<Function>(function))) {}

  const Loss& operator*() const { return *loss_; }
  const Loss* operator->() const { return loss_.get(); }
  Tensor operator()(const Tensor& y_true, const Tensor& y_pred) const { return (*loss_)(y_true, y_pred); }
  Tensor operator()(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const {
    return (*loss_)(y_true, y_pred, sample_weight);
  }

  /// The names that the constructor knows.
  static const std::vector<std::string>& names();

 private:
  std::shared_ptr<const Loss> loss_;
};

}  // namespace sinter
