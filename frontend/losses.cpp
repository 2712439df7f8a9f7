#include <sinter/frontend/losses.h>

#include <algorithm>
#include <cmath>

#include <sinter/frontend/near_matches.h>
#include <sinter/ir/error.h>

namespace sinter {

Loss::~Loss() = default;

std::int64_t Loss::classes(const TensorType&) const { return 0; }

std::string_view to_string(Reduction reduction) {
  switch (reduction) {
    case Reduction::sum_over_batch_size: return "sum_over_batch_size";
    case Reduction::mean: return "mean";
    case Reduction::mean_with_sample_weight: return "mean_with_sample_weight";
    case Reduction::sum: return "sum";
    case Reduction::none: return "none";
  }
  return "?";
}

namespace {

/// The weights in the shape of the values: axes that the values have and they have not are added at the end.
Tensor spread_weights(const Tensor& weight, const Tensor& values) {
  Tensor w = cast(weight, values.dtype());
  while (w.rank() > values.rank() && w.dim(-1) == 1) w = squeeze(w, -1);
  while (w.rank() > 0 && w.rank() < values.rank()) w = expand_dims(w, -1);
  bool fits = w.rank() == 0 || w.rank() == values.rank();
  for (int axis = 0; fits && axis < w.rank(); ++axis)
    fits = w.shape()[axis] == 1 || w.shape()[axis] == values.shape()[axis];
  if (!fits)
    user_error("sample weights (or the mask) of shape ", weight.shape(), " do not fit loss values of shape ",
               values.shape());
  return broadcast_to(w, values.shape());
}

}  // namespace

Tensor apply_mask(const Tensor& sample_weight, const Tensor& y_pred, Reduction reduction) {
  const Tensor mask = y_pred.mask();
  if (mask.empty()) return sample_weight;
  Tensor weight = cast(mask, y_pred.dtype() == DType::f64 ? DType::f64 : DType::f32);
  if (reduction == Reduction::sum_over_batch_size || reduction == Reduction::mean)
    weight = weight * (static_cast<double>(mask.shape().elements()) / maximum(sum(weight), 1.0));
  if (sample_weight.empty()) return weight;
  Tensor given = cast(sample_weight, weight.dtype());
  while (given.rank() > weight.rank() && given.dim(-1) == 1) given = squeeze(given, -1);
  while (given.rank() < weight.rank()) given = expand_dims(given, -1);
  while (given.rank() > weight.rank()) weight = expand_dims(weight, -1);
  return weight * given;
}

Tensor reduce_loss(const Tensor& values, const Tensor& sample_weight, Reduction reduction) {
  if (sample_weight.empty()) {
    if (reduction == Reduction::none || values.rank() == 0) return values;
    return reduction == Reduction::sum ? sum(values) : mean(values);
  }
  const Tensor weight = spread_weights(sample_weight, values);
  const Tensor weighted = values * weight;
  if (reduction == Reduction::none) return weighted;
  const Tensor total = sum(weighted);
  if (reduction == Reduction::sum) return total;
  if (reduction == Reduction::mean_with_sample_weight) {
    const Tensor whole = sum(weight);
    return where(equal(whole, 0.0), 0.0, total / where(equal(whole, 0.0), 1.0, whole));
  }
  return total / static_cast<double>(values.shape().elements());
}

Tensor Loss::operator()(const Tensor& y_true, const Tensor& y_pred) const { return (*this)(y_true, y_pred, {}); }

Tensor Loss::operator()(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const {
  return reduce_loss(call(y_true, y_pred), apply_mask(sample_weight, y_pred, reduction_), reduction_);
}

Tensor match_labels(std::string_view who, const Tensor& y_true, const Tensor& y_pred) {
  const Tensor labels = cast(y_true, y_pred.dtype());
  if (labels.shape() == y_pred.shape()) return labels;
  const auto without_last = [](const Shape& s) { return Shape(ir::Ints(s.begin(), s.end() - 1)); };
  const bool lacks_axis = y_pred.rank() > 0 && y_pred.dim(-1) == 1 && labels.shape() == without_last(y_pred.shape());
  const bool has_axis = labels.rank() > 0 && labels.dim(-1) == 1 && without_last(labels.shape()) == y_pred.shape();
  if (lacks_axis || has_axis) return reshape(labels, y_pred.shape());
  const bool class_numbers = ir::is_integer(y_true.dtype()) && y_pred.rank() > 0 && y_pred.dim(-1) > 1 &&
                             y_true.shape().elements() == y_pred.shape().elements() / y_pred.dim(-1);
  user_error("loss ", who, ": expected labels of the output's shape ", y_pred.shape(), ", got ", y_true.shape(),
             class_numbers ? "; labels that are class numbers need sparse_categorical_crossentropy" : "");
}

namespace {

constexpr double epsilon = 1e-7;  // Keras's backend.epsilon()

/// x limited to [low, high]; on the border the gradient goes to x, as torch's clamp has it.
Tensor keep_within(const Tensor& x, double low, double high) { return minimum(high, maximum(low, x)); }

Tensor mean_of_last(const Tensor& x) { return x.rank() == 0 ? x : mean(x, -1); }

/// mean over the last axis of f(labels, predictions).
template <class F>
Tensor averaged(std::string_view who, const Tensor& y_true, const Tensor& y_pred, F f) {
  return mean_of_last(f(match_labels(who, y_true, y_pred), y_pred));
}

}  // namespace

Tensor mean_squared_error(const Tensor& y_true, const Tensor& y_pred) {
  return averaged("mean_squared_error", y_true, y_pred, [](const Tensor& t, const Tensor& p) { return square(p - t); });
}

Tensor mean_absolute_error(const Tensor& y_true, const Tensor& y_pred) {
  return averaged("mean_absolute_error", y_true, y_pred, [](const Tensor& t, const Tensor& p) { return abs(p - t); });
}

Tensor mean_absolute_percentage_error(const Tensor& y_true, const Tensor& y_pred) {
  return 100.0 * averaged("mean_absolute_percentage_error", y_true, y_pred,
                          [](const Tensor& t, const Tensor& p) { return abs((t - p) / maximum(abs(t), epsilon)); });
}

Tensor mean_squared_logarithmic_error(const Tensor& y_true, const Tensor& y_pred) {
  return averaged("mean_squared_logarithmic_error", y_true, y_pred, [](const Tensor& t, const Tensor& p) {
    return square(log(maximum(p, epsilon) + 1.0) - log(maximum(t, epsilon) + 1.0));
  });
}

Tensor huber(const Tensor& y_true, const Tensor& y_pred, double delta) {
  return averaged("huber", y_true, y_pred, [delta](const Tensor& t, const Tensor& p) {
    const Tensor error = p - t;
    const Tensor size = abs(error);
    return where(less_equal(size, delta), 0.5 * square(error), delta * size - 0.5 * delta * delta);
  });
}

Tensor log_cosh(const Tensor& y_true, const Tensor& y_pred) {
  return averaged("log_cosh", y_true, y_pred, [](const Tensor& t, const Tensor& p) {
    const Tensor error = p - t;
    return error + softplus(-2.0 * error) - std::log(2.0);
  });
}

namespace {

/// Labels 0 and 1 become -1 and 1, if there are no others.
Tensor signs(const Tensor& labels) {
  const Tensor is_bit = logical_or(equal(labels, 0.0), equal(labels, 1.0));
  const Tensor all_bits = min(where(is_bit, ones_like(labels), zeros_like(labels)));
  return where(equal(all_bits, 1.0), 2.0 * labels - 1.0, labels);
}

Tensor margins(const Tensor& t, const Tensor& p) { return maximum(1.0 - signs(t) * p, 0.0); }

}  // namespace

Tensor hinge(const Tensor& y_true, const Tensor& y_pred) { return averaged("hinge", y_true, y_pred, margins); }

Tensor squared_hinge(const Tensor& y_true, const Tensor& y_pred) {
  return averaged("squared_hinge", y_true, y_pred,
                  [](const Tensor& t, const Tensor& p) { return square(margins(t, p)); });
}

Tensor categorical_hinge(const Tensor& y_true, const Tensor& y_pred) {
  const Tensor t = match_labels("categorical_hinge", y_true, y_pred);
  const Tensor right = sum(t * y_pred, -1);
  const Tensor wrong = max((1.0 - t) * y_pred, -1);
  return maximum(wrong - right + 1.0, 0.0);
}

Tensor kl_divergence(const Tensor& y_true, const Tensor& y_pred) {
  const Tensor t = keep_within(match_labels("kl_divergence", y_true, y_pred), epsilon, 1.0);
  const Tensor p = keep_within(y_pred, epsilon, 1.0);
  return sum(t * log(t / p), -1);
}

Tensor poisson(const Tensor& y_true, const Tensor& y_pred) {
  return averaged("poisson", y_true, y_pred, [](const Tensor& t, const Tensor& p) { return p - t * log(p + epsilon); });
}

Tensor cosine_similarity(const Tensor& y_true, const Tensor& y_pred, Dim axis) {
  const auto normalised = [axis](const Tensor& x) {
    return x * rsqrt(maximum(sum(square(x), axis, {.keepdims = true}), epsilon * epsilon));
  };
  return sum(normalised(match_labels("cosine_similarity", y_true, y_pred)) * normalised(y_pred), axis);
}

}  // namespace sinter
