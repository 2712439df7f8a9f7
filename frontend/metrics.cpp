#include <sinter/frontend/classification_metrics.h>
#include <sinter/frontend/metrics.h>

#include <cmath>

#include <sinter/frontend/near_matches.h>
#include <sinter/ir/error.h>

namespace sinter {

Metric::~Metric() = default;

Tensors MeanMetric::accumulate(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const {
  const Tensor values = values_(y_true, y_pred);
  const Tensor total = reduce_loss(values, sample_weight, Reduction::sum);
  const Tensor ones = ones_like(values);
  const Tensor count = sample_weight.empty() ? full_like(total, static_cast<double>(values.shape().elements()))
                                             : reduce_loss(ones, sample_weight, Reduction::sum);
  return {total, count};
}

double MeanMetric::result(std::span<const double> sums) const { return sums[1] == 0.0 ? 0.0 : sums[0] / sums[1]; }

namespace {

/// 1 where the i1 tensor holds, else 0.
Tensor as_number(const Tensor& condition, DType dtype) { return cast(condition, dtype); }

Tensor mean_of_last(const Tensor& x) { return x.rank() <= 1 ? x : mean(x, -1); }

}  // namespace

Tensor accuracy(const Tensor& y_true, const Tensor& y_pred) {
  return mean_of_last(as_number(equal(match_labels("accuracy", y_true, y_pred), y_pred), y_pred.dtype()));
}

Tensor binary_accuracy(const Tensor& y_true, const Tensor& y_pred, double threshold) {
  const Tensor labels = match_labels("binary_accuracy", y_true, y_pred);
  const Tensor decided = as_number(greater(y_pred, threshold), y_pred.dtype());
  return mean_of_last(as_number(equal(labels, decided), y_pred.dtype()));
}

Tensor categorical_accuracy(const Tensor& y_true, const Tensor& y_pred) {
  const Tensor labels = match_labels("categorical_accuracy", y_true, y_pred);
  return as_number(equal(argmax(labels), argmax(y_pred)), y_pred.dtype());
}

Tensor sparse_categorical_accuracy(const Tensor& y_true, const Tensor& y_pred) {
  const Tensor best = argmax(y_pred);
  Tensor labels = cast(y_true, best.dtype());
  if (labels.rank() == y_pred.rank() && labels.dim(-1) == 1) labels = squeeze(labels, -1);
  if (labels.shape() != best.shape())
    user_error("metric sparse_categorical_accuracy: expected class numbers of shape ", best.shape(),
               " for predictions ", y_pred.shape(), ", got labels of shape ", y_true.shape());
  return as_number(equal(labels, best), y_pred.dtype());
}

namespace {

std::string name_or(const std::string& name, const char* usual) { return name.empty() ? usual : name; }

}  // namespace

Accuracy::Accuracy(const MetricOptions& o) : MeanMetric(name_or(o.name, "accuracy"), accuracy) {}
BinaryAccuracy::BinaryAccuracy(const BinaryAccuracyOptions& o)
    : MeanMetric(name_or(o.name, "binary_accuracy"), [threshold = o.threshold](const Tensor& t, const Tensor& p) {
        return binary_accuracy(t, p, threshold);
      }) {}
CategoricalAccuracy::CategoricalAccuracy(const MetricOptions& o)
    : MeanMetric(name_or(o.name, "categorical_accuracy"), categorical_accuracy) {}
SparseCategoricalAccuracy::SparseCategoricalAccuracy(const MetricOptions& o)
    : MeanMetric(name_or(o.name, "sparse_categorical_accuracy"), sparse_categorical_accuracy) {}

RootMeanSquaredError::RootMeanSquaredError(const MetricOptions& o)
    : Metric(name_or(o.name, "root_mean_squared_error")) {}
Tensors RootMeanSquaredError::accumulate(const Tensor& y_true, const Tensor& y_pred, const Tensor& weight) const {
  const MeanMetric squares(name(), mean_squared_error);
  return squares.accumulate(y_true, y_pred, weight);
}
double RootMeanSquaredError::result(std::span<const double> sums) const {
  return sums[1] == 0.0 ? 0.0 : std::sqrt(sums[0] / sums[1]);
}

namespace {

/// Which of the three forms of accuracy and cross-entropy fits the shapes (Keras's compile_utils.get_metric).
enum class Form : std::uint8_t { binary, sparse, categorical };

Form form_of(const TensorType& y_true, const TensorType& y_pred) {
  const auto last = [](const TensorType& t) { return t.rank() == 0 ? std::int64_t{1} : t.shape[-1]; };
  if (last(y_pred) == 1) return Form::binary;
  const bool fewer_axes = y_true.rank() < y_pred.rank();
  return fewer_axes || (last(y_true) == 1 && last(y_pred) > 1) ? Form::sparse : Form::categorical;
}

MeanMetric::Function accuracy_of(Form form) {
  switch (form) {
    case Form::binary: return [](const Tensor& t, const Tensor& p) { return binary_accuracy(t, p); };
    case Form::sparse: return sparse_categorical_accuracy;
    case Form::categorical: break;
  }
  return categorical_accuracy;
}

MeanMetric::Function loss_values(const AnyLoss& loss) {
  return [loss](const Tensor& t, const Tensor& p) { return loss->call(t, p); };
}

MeanMetric::Function crossentropy_of(Form form) {
  switch (form) {
    case Form::binary: return loss_values("binary_crossentropy");
    case Form::sparse: return loss_values("sparse_categorical_crossentropy");
    case Form::categorical: break;
  }
  return loss_values("categorical_crossentropy");
}

using Named = std::pair<std::string, MeanMetric::Function>;

/// Metrics by name that are not losses; those with several forms have none here.
const std::vector<Named>& known_metrics() {
  static const std::vector<Named> known = {
      {"accuracy", nullptr},
      {"acc", nullptr},
      {"crossentropy", nullptr},
      {"ce", nullptr},
      {"binary_accuracy", [](const Tensor& t, const Tensor& p) { return binary_accuracy(t, p); }},
      {"categorical_accuracy", categorical_accuracy},
      {"sparse_categorical_accuracy", sparse_categorical_accuracy},
      {"top_k_categorical_accuracy", [](const Tensor& t, const Tensor& p) { return top_k_categorical_accuracy(t, p); }},
      {"sparse_top_k_categorical_accuracy",
       [](const Tensor& t, const Tensor& p) { return sparse_top_k_categorical_accuracy(t, p); }},
      {"root_mean_squared_error", nullptr},
      {"precision", nullptr},
      {"recall", nullptr},
      {"f1_score", nullptr},
      {"cosine_similarity", [](const Tensor& t, const Tensor& p) { return cosine_similarity(t, p); }}};
  return known;
}

}  // namespace

const std::vector<std::string>& AnyMetric::names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const Named& k : known_metrics()) result.push_back(k.first);
    for (const std::string& loss : AnyLoss::names())
      if (loss != "cosine_similarity") result.push_back(loss);
    return result;
  }();
  return names;
}

AnyMetric::AnyMetric(std::string_view name) : name_(name) {
  for (const std::string& known : names())
    if (known == name) return;
  unknown_name("metric", name, names());
}

AnyMetric::AnyMetric(std::shared_ptr<const Metric> metric) : name_(metric->name()), metric_(std::move(metric)) {}

AnyMetric::AnyMetric(std::string name, MeanMetric::Function values)
    : name_(name), metric_(std::make_shared<const MeanMetric>(std::move(name), std::move(values))) {}

std::shared_ptr<const Metric> AnyMetric::resolve(const TensorType& y_true, const TensorType& y_pred) const {
  if (metric_ != nullptr) return metric_;
  const auto mean_of = [this](MeanMetric::Function f) {
    return std::make_shared<const MeanMetric>(name_, std::move(f));
  };
  if (name_ == "accuracy" || name_ == "acc") return mean_of(accuracy_of(form_of(y_true, y_pred)));
  if (name_ == "crossentropy" || name_ == "ce") return mean_of(crossentropy_of(form_of(y_true, y_pred)));
  if (name_ == "root_mean_squared_error") return std::make_shared<const RootMeanSquaredError>();
  if (name_ == "precision") return std::make_shared<const Precision>();
  if (name_ == "recall") return std::make_shared<const Recall>();
  if (name_ == "f1_score") return std::make_shared<const F1Score>();
  for (const Named& k : known_metrics())
    if (k.first == name_) return mean_of(k.second);
  return mean_of(loss_values(name_));
}

}  // namespace sinter
