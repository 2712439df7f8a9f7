// Cross-entropies. From logits everything is computed on shifted logits, which neither overflow nor cancel; from
// probabilities Keras's clipping is followed.

#include <sinter/frontend/losses.h>
#include <sinter/ir/error.h>

namespace sinter {

namespace {

constexpr double epsilon = 1e-7;  // Keras's backend.epsilon()

/// Probabilities limited to [epsilon, 1 - epsilon]; on the border the gradient goes to p, as torch's clamp has it.
Tensor clipped(const Tensor& p) { return minimum(1.0 - epsilon, maximum(epsilon, p)); }

struct Prediction {
  Tensor values;
  bool logits = false;
};

/// y_pred as logits where they are given or known, else as it is.
Prediction prediction(const Tensor& y_pred, const CrossentropyOptions& o, Tensor::Probabilities kind) {
  if (o.from_logits) return {y_pred, true};
  if (o.use_known_logits && y_pred.probabilities() == kind) return {y_pred.logits(), true};
  return {y_pred, false};
}

/// log p over the last axis as a - b: logits minus their maximum, and the log of the sum of the exponentials.
struct LogSoftmax {
  Tensor shifted;
  Tensor log_sum;  // keeps the last axis
};

LogSoftmax log_softmax_parts(const Tensor& logits) {
  const Tensor shifted = logits - stop_gradient(max(logits, -1, {.keepdims = true}));
  return {shifted, log(sum(exp(shifted), -1, {.keepdims = true}))};
}

/// log of probabilities that are divided by their sum and clipped.
Tensor log_normalised(const Tensor& p) { return log(clipped(p / sum(p, -1, {.keepdims = true}))); }

void expect_classes(std::string_view who, const Tensor& y_pred) {
  if (y_pred.rank() == 0 || y_pred.dim(-1) < 1)
    user_error("loss ", who, ": expected predictions with one value per class on the last axis, got ", y_pred.type());
}

Tensor smoothed(const Tensor& labels, double smoothing, double share) {
  return smoothing == 0.0 ? labels : labels * (1.0 - smoothing) + smoothing * share;
}

}  // namespace

Tensor binary_crossentropy(const Tensor& y_true, const Tensor& y_pred, const CrossentropyOptions& o) {
  const Tensor t = smoothed(match_labels("binary_crossentropy", y_true, y_pred), o.label_smoothing, 0.5);
  const Prediction given = prediction(y_pred, o, Tensor::Probabilities::sigmoid);
  Tensor values;
  if (given.logits) {
    values = t * softplus(-given.values) + (1.0 - t) * softplus(given.values);
  } else {
    const Tensor p = clipped(given.values);
    values = -(t * log(p) + (1.0 - t) * log(1.0 - p));
  }
  return values.rank() == 0 ? values : mean(values, -1);
}

Tensor categorical_crossentropy(const Tensor& y_true, const Tensor& y_pred, const CrossentropyOptions& o) {
  expect_classes("categorical_crossentropy", y_pred);
  const double share = 1.0 / static_cast<double>(y_pred.dim(-1));
  const Tensor t = smoothed(match_labels("categorical_crossentropy", y_true, y_pred), o.label_smoothing, share);
  const Prediction given = prediction(y_pred, o, Tensor::Probabilities::softmax);
  if (!given.logits) return -sum(t * log_normalised(given.values), -1);
  const LogSoftmax parts = log_softmax_parts(given.values);
  return sum(t * (parts.log_sum - parts.shifted), -1);
}

namespace {

/// Class numbers in the shape of the predictions without their last axis.
Tensor class_numbers(const Tensor& y_true, const Tensor& y_pred) {
  const Shape expected(ir::Ints(y_pred.shape().begin(), y_pred.shape().end() - 1));
  const bool wide = y_true.dtype() == DType::i32 || y_true.dtype() == DType::i64;
  const Tensor labels = wide ? y_true : cast(y_true, DType::i32);
  if (labels.shape() == expected) return labels;
  if (labels.rank() == y_pred.rank() && labels.dim(-1) == 1 && squeeze(labels, -1).shape() == expected)
    return squeeze(labels, -1);
  user_error("loss sparse_categorical_crossentropy: expected class numbers of shape ", expected, " for predictions ",
             y_pred.shape(), ", got labels of shape ", y_true.shape(),
             y_true.shape() == y_pred.shape() ? "; one-hot labels need categorical_crossentropy" : "");
}

/// The element of each row that the label names.
Tensor pick(const Tensor& rows, const Tensor& labels) {
  return sum(where(one_hot(labels, rows.dim(-1), DType::i1), rows, 0.0), -1);
}

}  // namespace

Tensor sparse_categorical_crossentropy(const Tensor& y_true, const Tensor& y_pred, const CrossentropyOptions& o) {
  expect_classes("sparse_categorical_crossentropy", y_pred);
  if (o.label_smoothing != 0.0)
    user_error("loss sparse_categorical_crossentropy: label smoothing needs categorical_crossentropy");
  const Tensor labels = class_numbers(y_true, y_pred);
  const Prediction given = prediction(y_pred, o, Tensor::Probabilities::softmax);
  if (!given.logits) return -pick(log_normalised(given.values), labels);
  const LogSoftmax parts = log_softmax_parts(given.values);
  return squeeze(parts.log_sum, -1) - pick(parts.shifted, labels);
}

namespace {

/// x^gamma for x in [0, 1]; small whole powers without pow().
Tensor power(const Tensor& x, double gamma) {
  if (gamma == 1.0) return x;
  if (gamma == 2.0) return square(x);
  return pow(x, gamma);
}

}  // namespace

Tensor binary_focal_crossentropy(const Tensor& y_true, const Tensor& y_pred, const FocalOptions& o) {
  const Tensor t = smoothed(match_labels("binary_focal_crossentropy", y_true, y_pred), o.label_smoothing, 0.5);
  const Tensor p = clipped(o.from_logits ? sigmoid(y_pred) : y_pred);
  const Tensor entropy = -(t * log(p) + (1.0 - t) * log(1.0 - p));
  const Tensor likely = t * p + (1.0 - t) * (1.0 - p);
  Tensor focal = power(1.0 - likely, o.gamma) * entropy;
  if (o.apply_class_balancing) focal = (t * o.alpha + (1.0 - t) * (1.0 - o.alpha)) * focal;
  return focal.rank() == 0 ? focal : mean(focal, -1);
}

Tensor categorical_focal_crossentropy(const Tensor& y_true, const Tensor& y_pred, const FocalOptions& o) {
  expect_classes("categorical_focal_crossentropy", y_pred);
  const double share = 1.0 / static_cast<double>(y_pred.dim(-1));
  const Tensor t = smoothed(match_labels("categorical_focal_crossentropy", y_true, y_pred), o.label_smoothing, share);
  const Tensor given = o.from_logits ? softmax(y_pred) : y_pred;
  const Tensor p = clipped(given / sum(given, -1, {.keepdims = true}));
  return -sum(o.alpha * power(1.0 - p, o.gamma) * (t * log(p)), -1);
}

}  // namespace sinter
