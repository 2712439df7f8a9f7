#include <sinter/frontend/classification_metrics.h>
#include <sinter/frontend/losses.h>

namespace sinter {
namespace {

std::string name_or(const std::string& name, const char* usual) { return name.empty() ? usual : name; }
double ratio(double part, double whole) { return whole == 0.0 ? 0.0 : part / whole; }

enum Counted : std::uint8_t { true_positives, false_positives, false_negatives, true_negatives };

}  // namespace

Tensors DecisionMetric::accumulate(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const {
  const Tensor right = not_equal(match_labels(name(), y_true, y_pred), 0.0), said = greater(y_pred, threshold_);
  const auto count = [&](const Tensor& condition) {
    const Tensor ones = cast(condition, y_pred.dtype());
    return reduce_loss(ones.rank() <= 1 ? ones : sum(ones, -1), sample_weight, Reduction::sum);
  };
  return {count(logical_and(right, said)), count(logical_and(logical_not(right), said)),
          count(logical_and(right, logical_not(said))), count(logical_not(logical_or(right, said)))};
}

Precision::Precision(const DecisionOptions& o) : DecisionMetric(name_or(o.name, "precision"), o.threshold) {}
double Precision::result(std::span<const double> s) const {
  return ratio(s[true_positives], s[true_positives] + s[false_positives]);
}
Recall::Recall(const DecisionOptions& o) : DecisionMetric(name_or(o.name, "recall"), o.threshold) {}
double Recall::result(std::span<const double> s) const {
  return ratio(s[true_positives], s[true_positives] + s[false_negatives]);
}
F1Score::F1Score(const DecisionOptions& o) : DecisionMetric(name_or(o.name, "f1_score"), o.threshold) {}
double F1Score::result(std::span<const double> s) const {
  return ratio(2.0 * s[true_positives], 2.0 * s[true_positives] + s[false_positives] + s[false_negatives]);
}
TruePositives::TruePositives(const DecisionOptions& o)
    : DecisionMetric(name_or(o.name, "true_positives"), o.threshold) {}
double TruePositives::result(std::span<const double> s) const { return s[true_positives]; }
FalsePositives::FalsePositives(const DecisionOptions& o)
    : DecisionMetric(name_or(o.name, "false_positives"), o.threshold) {}
double FalsePositives::result(std::span<const double> s) const { return s[false_positives]; }
FalseNegatives::FalseNegatives(const DecisionOptions& o)
    : DecisionMetric(name_or(o.name, "false_negatives"), o.threshold) {}
double FalseNegatives::result(std::span<const double> s) const { return s[false_negatives]; }
TrueNegatives::TrueNegatives(const DecisionOptions& o)
    : DecisionMetric(name_or(o.name, "true_negatives"), o.threshold) {}
double TrueNegatives::result(std::span<const double> s) const { return s[true_negatives]; }

namespace {

/// `right` holds in one place of the last axis.
Tensor among_best(const Tensor& right, const Tensor& y_pred, Dim k) {
  const Tensor its = sum(where(right, y_pred, 0.0), -1, {.keepdims = true});
  const Tensor larger = sum(cast(greater(y_pred, its), DType::i32), -1);
  return cast(less(larger, k.value()), y_pred.dtype());
}

void expect_classes(const char* who, const Tensor& labels, const Shape& wanted, const Tensor& y_pred) {
  if (labels.shape() != wanted)
    user_error("metric ", who, ": expected labels of shape ", wanted, " for predictions ", y_pred.shape(), ", got ",
               labels.shape());
}

}  // namespace

Tensor top_k_categorical_accuracy(const Tensor& y_true, const Tensor& y_pred, Dim k) {
  expect_classes("top_k_categorical_accuracy", y_true, y_pred.shape(), y_pred);
  return among_best(one_hot(argmax(y_true), y_pred.dim(-1), DType::i1), y_pred, k);
}

Tensor sparse_top_k_categorical_accuracy(const Tensor& y_true, const Tensor& y_pred, Dim k) {
  Tensor labels = cast(y_true, DType::i32);
  if (labels.rank() == y_pred.rank() && labels.dim(-1) == 1) labels = squeeze(labels, -1);
  const Shape wanted(ir::Ints(y_pred.shape().begin(), y_pred.shape().end() - 1));
  expect_classes("sparse_top_k_categorical_accuracy", labels, wanted, y_pred);
  return among_best(one_hot(labels, y_pred.dim(-1), DType::i1), y_pred, k);
}

TopKCategoricalAccuracy::TopKCategoricalAccuracy(const TopKOptions& o)
    : MeanMetric(name_or(o.name, "top_k_categorical_accuracy"),
                 [k = o.k](const Tensor& t, const Tensor& p) { return top_k_categorical_accuracy(t, p, k); }) {}
SparseTopKCategoricalAccuracy::SparseTopKCategoricalAccuracy(const TopKOptions& o)
    : MeanMetric(name_or(o.name, "sparse_top_k_categorical_accuracy"),
                 [k = o.k](const Tensor& t, const Tensor& p) { return sparse_top_k_categorical_accuracy(t, p, k); }) {}

}  // namespace sinter
