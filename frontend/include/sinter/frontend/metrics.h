#pragma once
// Metrics: what fit and evaluate report beside the loss. A metric turns a batch into a few sums; sums of batches are
// added, and the metric's value is worked out from them. Formulas, defaults and names are those of Keras 3.

#include <concepts>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sinter/frontend/losses.h>
#include <sinter/frontend/tensor.h>

namespace sinter {

/// What a metric of your own derives from; most derive from MeanMetric.
class SINTER_API Metric {
 public:
  explicit Metric(std::string name) : name_(std::move(name)) {}
  virtual ~Metric();

  /// The sums of one batch: scalars, always the same number of them. `sample_weight` may be empty.
  virtual Tensors accumulate(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const = 0;
  /// The value from the sums of all batches so far.
  virtual double result(std::span<const double> sums) const = 0;

  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

/// The mean over all samples of a value per sample: sums are sum(w v) and sum(w).
class SINTER_API MeanMetric : public Metric {
 public:
  using Function = std::function<Tensor(const Tensor& y_true, const Tensor& y_pred)>;
  MeanMetric(std::string name, Function values) : Metric(std::move(name)), values_(std::move(values)) {}

  Tensors accumulate(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const override;
  /// 0 before the first batch.
  double result(std::span<const double> sums) const override;

 private:
  Function values_;
};

// Values per sample.
/// 1 where the two are equal.
SINTER_API Tensor accuracy(const Tensor& y_true, const Tensor& y_pred);
/// Mean over the last axis of "prediction > threshold" (1 or 0) equals the label.
SINTER_API Tensor binary_accuracy(const Tensor& y_true, const Tensor& y_pred, double threshold = 0.5);
/// 1 where the largest prediction is at the largest label.
SINTER_API Tensor categorical_accuracy(const Tensor& y_true, const Tensor& y_pred);
/// 1 where the largest prediction is at the label; labels [n...] or [n..., 1].
SINTER_API Tensor sparse_categorical_accuracy(const Tensor& y_true, const Tensor& y_pred);

struct MetricOptions {
  std::string name = {};  // empty: the usual one
};
struct SINTER_API Accuracy : MeanMetric {
  explicit Accuracy(const MetricOptions& options = {});
};
struct BinaryAccuracyOptions {
  double threshold = 0.5;
  std::string name = {};
};
struct SINTER_API BinaryAccuracy : MeanMetric {
  explicit BinaryAccuracy(const BinaryAccuracyOptions& options = {});
};
struct SINTER_API CategoricalAccuracy : MeanMetric {
  explicit CategoricalAccuracy(const MetricOptions& options = {});
};
struct SINTER_API SparseCategoricalAccuracy : MeanMetric {
  explicit SparseCategoricalAccuracy(const MetricOptions& options = {});
};
/// sqrt of the mean squared error over all elements seen.
class SINTER_API RootMeanSquaredError : public Metric {
 public:
  explicit RootMeanSquaredError(const MetricOptions& options = {});
  Tensors accumulate(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const override;
  double result(std::span<const double> sums) const override;
};

/// What `compile` takes among its metrics: a name, a typed metric, or a name with a callable that returns one value per
/// sample. "accuracy" (or "acc") and "crossentropy" ("ce") mean the binary, categorical or sparse form that fits the
/// shapes, as Keras chooses. The value is logged under the name given. Names of losses ("mse") work as well.
class SINTER_API AnyMetric {
 public:
  /// Throws UserError with near matches for an unknown name.
  AnyMetric(std::string_view name);  // NOLINT: implicit, so that {.metrics = {"accuracy"}} reads well
  AnyMetric(const char* name) : AnyMetric(std::string_view(name)) {}         // NOLINT: as above
  AnyMetric(const std::string& name) : AnyMetric(std::string_view(name)) {}  // NOLINT: as above
  AnyMetric(std::nullptr_t) = delete;
  AnyMetric(std::shared_ptr<const Metric> metric);  // NOLINT: as above
  template <std::derived_from<Metric> M>
  AnyMetric(M metric)
      : AnyMetric(std::shared_ptr<const Metric>(std::make_shared<const M>(std::move(metric)))) {}  // NOLINT
  AnyMetric(std::string name, MeanMetric::Function values);

  /// The name it is logged under.
  const std::string& name() const { return name_; }
  /// The metric for labels and predictions of these types.
  std::shared_ptr<const Metric> resolve(const TensorType& y_true, const TensorType& y_pred) const;

  /// The names that the constructor knows.
  static const std::vector<std::string>& names();

 private:
  std::string name_;
  std::shared_ptr<const Metric> metric_;  // null: resolved by name
};

}  // namespace sinter
