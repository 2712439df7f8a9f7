#include <sinter/frontend/classification_metrics.h>
#include <sinter/frontend/metrics.h>
#include <sinter/ir/error.h>

#include "frontend/evaluate.h"
#include "support/catch.h"

using namespace sinter;
using sinter_test::evaluate;

namespace {

TensorType floats(Shape shape) { return {DType::f32, std::move(shape)}; }
TensorType ints(Shape shape) { return {DType::i32, std::move(shape)}; }

std::vector<double> sums_of(const Metric& metric, const Array& t, const Array& p) {
  std::vector<double> result;
  for (std::size_t k = 0; k < 2; ++k)
    result.push_back(
        evaluate([&](const Tensors& xs) { return metric.accumulate(xs[0], xs[1], {})[k]; }, {t, p}).item());
  return result;
}

double value_of(const AnyMetric& any, const Array& t, const Array& p) {
  const auto metric = any.resolve(t.type(), p.type());
  return metric->result(sums_of(*metric, t, p));
}

}  // namespace

// keras-semantics 1.3: accuracy resolution
TEST_CASE("accuracy becomes the form that fits the shapes", "[metrics]") {
  const Array probabilities = Array::from({0.1f, 0.8f, 0.1f, 0.6f, 0.2f, 0.2f}, {2, 3});
  CHECK(value_of("accuracy", Array::from({1, 2}), probabilities) == 0.5);
  CHECK(value_of("accuracy", Array::from({1, 2}, {2, 1}), probabilities) == 0.5);
  CHECK(value_of("accuracy", Array::from({0.0f, 1.0f, 0.0f, 1.0f, 0.0f, 0.0f}, {2, 3}), probabilities) == 1.0);
  CHECK(value_of("accuracy", Array::from({1, 0, 1}, {3, 1}), Array::from({0.9f, 0.5f, 0.4f}, {3, 1})) ==
        Approx(2.0 / 3));
  CHECK(value_of("accuracy", Array::from({1, 0, 1}), Array::from({0.9f, 0.5f, 0.4f}, {3, 1})) == Approx(2.0 / 3));
}

// keras-semantics 1.3: logged name
TEST_CASE("the name given is the name logged", "[metrics]") {
  CHECK(AnyMetric("acc").name() == "acc");
  CHECK(AnyMetric("acc").resolve(ints({4}), floats({4, 3}))->name() == "acc");
  CHECK(AnyMetric("mae").name() == "mae");
  CHECK(AnyMetric(SparseCategoricalAccuracy()).name() == "sparse_categorical_accuracy");
  CHECK(AnyMetric(SparseCategoricalAccuracy({.name = "right"})).name() == "right");
}

// keras-semantics 1.3: names of metrics
TEST_CASE("losses are metrics, cosine similarity with its own sign", "[metrics]") {
  const Array t = Array::from({1.0f, 0.0f}, {1, 2});
  const Array p = Array::from({2.0f, 1.0f}, {1, 2});
  CHECK(value_of("mse", t, p) == 1.0);
  CHECK(value_of("mae", t, p) == 1.0);
  CHECK(value_of("cosine_similarity", t, p) == Approx(2.0 / std::sqrt(5.0)));
  CHECK(value_of("root_mean_squared_error", t, p) == 1.0);
}

// keras-semantics 1.3: metrics (precision, recall, F1)
TEST_CASE("precision, recall, F1 and the counts they are made of", "[metrics]") {
  // Positive: 0.9 (right), 0.6 (wrong); negative: 0.5 (a miss, the threshold is exceeded strictly), 0.1 (right), 0.2.
  const Array t = Array::from({1.0f, 0.0f, 1.0f, 0.0f, 0.0f}, {5, 1}),
              p = Array::from({0.9f, 0.6f, 0.5f, 0.1f, 0.2f}, {5, 1});
  const auto counts = [&](const Metric& metric, const Array& labels, const Array& predictions) {
    std::vector<double> sums;
    for (std::size_t k = 0; k < 4; ++k)
      sums.push_back(
          evaluate([&](const Tensors& xs) { return metric.accumulate(xs[0], xs[1], {})[k]; }, {labels, predictions})
              .item());
    return metric.result(sums);
  };
  CHECK(counts(TruePositives(), t, p) == 1.0);
  CHECK(counts(FalsePositives(), t, p) == 1.0);
  CHECK(counts(FalseNegatives(), t, p) == 1.0);
  CHECK(counts(TrueNegatives(), t, p) == 2.0);
  CHECK(counts(Precision(), t, p) == 0.5);
  CHECK(counts(Precision({.threshold = 0.7}), t, p) == 1.0);
  CHECK(counts(Precision({.threshold = 0.95}), t, p) == 0.0);
  CHECK(counts(Recall(), t, p) == 0.5);
  CHECK(counts(Recall({.threshold = 0.05}), t, p) == 1.0);
  CHECK(counts(F1Score(), t, p) == 0.5);
  CHECK(AnyMetric("precision").resolve(floats({5, 1}), floats({5, 1}))->name() == "precision");
  CHECK_THROWS_AS(counts(Recall(), Array::from({1.0f, 0.0f, 1.0f}, {3, 1}), p), UserError);
}

// keras-semantics 1.3: metrics (top-k)
TEST_CASE("top-k accuracy: fewer than k predictions are larger", "[metrics]") {
  const Array p = Array::from({0.1f, 0.2f, 0.3f, 0.4f, 0.4f, 0.3f, 0.2f, 0.1f}, {2, 4});
  const Array numbers = Array::from({1, 1}), column = Array::from({1, 1}, {2, 1});
  CHECK(value_of(SparseTopKCategoricalAccuracy({.k = 2}), numbers, p) == 0.5);
  CHECK(value_of(SparseTopKCategoricalAccuracy({.k = 3}), column, p) == 1.0);
  CHECK(value_of("sparse_top_k_categorical_accuracy", numbers, p) == 1.0);  // k = 5
  const Array hot = Array::from({0.0f, 1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f, 0.0f}, {2, 4});
  CHECK(value_of(TopKCategoricalAccuracy({.k = 2}), hot, p) == 0.5);
  CHECK_THROWS_WITH(value_of(TopKCategoricalAccuracy(), numbers, p),
                    "metric top_k_categorical_accuracy: expected labels of shape [2,4] for predictions [2,4], got [2]");
}

// keras-semantics 1.3: BinaryAccuracy (strictly greater)
TEST_CASE("a threshold is exceeded strictly", "[metrics]") {
  const Array p = Array::from({0.5f, 0.6f}, {2, 1});
  CHECK(value_of(BinaryAccuracy(), Array::from({0.0f, 1.0f}, {2, 1}), p) == 1.0);
  CHECK(value_of(BinaryAccuracy({.threshold = 0.7}), Array::from({0.0f, 1.0f}, {2, 1}), p) == 0.5);
}

// keras-semantics 1.3: metric state
TEST_CASE("batches add up by samples", "[metrics]") {
  const auto metric = AnyMetric("mse").resolve(floats({2, 1}), floats({2, 1}));
  const auto first = sums_of(*metric, Array::zeros({2, 1}), Array::from({1.0f, 1.0f}, {2, 1}));
  const auto last = sums_of(*metric, Array::zeros({1, 1}), Array::from({4.0f}, {1, 1}));
  const std::vector<double> total = {first[0] + last[0], first[1] + last[1]};
  CHECK(metric->result(total) == Approx(6.0));
  CHECK(metric->result(std::vector<double>{0.0, 0.0}) == 0.0);
}

TEST_CASE("a metric of one's own is a name and a function", "[metrics]") {
  const AnyMetric mine("worst", [](const Tensor& t, const Tensor& p) { return max(abs(t - p), -1); });
  CHECK(mine.name() == "worst");
  CHECK(value_of(mine, Array::zeros({1, 2}), Array::from({1.0f, -3.0f}, {1, 2})) == 3.0);
}

// keras-semantics 1.3: metrics (error)
TEST_CASE("metrics refuse labels that do not fit", "[metrics]") {
  CHECK_THROWS_AS(value_of(SparseCategoricalAccuracy(), Array::zeros({2, 3}), Array::zeros({2, 3})), UserError);
  CHECK_THROWS_WITH(AnyMetric("acuracy"), Catch::Contains("did you mean 'accuracy'"));
}
