#pragma once
// Metrics that count decisions. Formulas and defaults are those of Keras 3 (keras/src/metrics).

#include <cstdint>
#include <span>
#include <string>

#include <sinter/frontend/metrics.h>

namespace sinter {

struct DecisionOptions {
  double threshold = 0.5;  // positive: strictly above
  std::string name = {};   // empty: the usual one
};

/// Counts over all elements of labels (positive: not 0) and predictions (positive: above the threshold). The base of
/// the metrics below; sums are true positives, false positives, false negatives and true negatives, weighted.
class SINTER_API DecisionMetric : public Metric {
 public:
  Tensors accumulate(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const override;

 protected:
  DecisionMetric(std::string name, double threshold) : Metric(std::move(name)), threshold_(threshold) {}

 private:
  double threshold_;
};

/// True positives / all predicted positive; 0 when there are none.
class SINTER_API Precision : public DecisionMetric {
 public:
  explicit Precision(const DecisionOptions& options = {});
  double result(std::span<const double> sums) const override;
};
/// True positives / all that are positive; 0 when there are none.
class SINTER_API Recall : public DecisionMetric {
 public:
  explicit Recall(const DecisionOptions& options = {});
  double result(std::span<const double> sums) const override;
};
/// The harmonic mean of the two, over all elements (Keras: F1Score with average = "micro").
class SINTER_API F1Score : public DecisionMetric {
 public:
  explicit F1Score(const DecisionOptions& options = {});
  double result(std::span<const double> sums) const override;
};
class SINTER_API TruePositives : public DecisionMetric {
 public:
  explicit TruePositives(const DecisionOptions& options = {});
  double result(std::span<const double> sums) const override;
};
class SINTER_API FalsePositives : public DecisionMetric {
 public:
  explicit FalsePositives(const DecisionOptions& options = {});
  double result(std::span<const double> sums) const override;
};
class SINTER_API FalseNegatives : public DecisionMetric {
 public:
  explicit FalseNegatives(const DecisionOptions& options = {});
  double result(std::span<const double> sums) const override;
};
class SINTER_API TrueNegatives : public DecisionMetric {
 public:
  explicit TrueNegatives(const DecisionOptions& options = {});
  double result(std::span<const double> sums) const override;
};

/// 1 where fewer than k classes have a larger prediction than the right one, which is the largest label.
SINTER_API Tensor top_k_categorical_accuracy(const Tensor& y_true, const Tensor& y_pred, Dim k = 5);
/// The same for labels that are class numbers, [n] or [n, 1].
SINTER_API Tensor sparse_top_k_categorical_accuracy(const Tensor& y_true, const Tensor& y_pred, Dim k = 5);

struct TopKOptions {
  Dim k = 5;
  std::string name = {};
};
struct SINTER_API TopKCategoricalAccuracy : MeanMetric {
  explicit TopKCategoricalAccuracy(const TopKOptions& options = {});
};
struct SINTER_API SparseTopKCategoricalAccuracy : MeanMetric {
  explicit SparseTopKCategoricalAccuracy(const TopKOptions& options = {});
};

}  // namespace sinter
