// The typed losses and the losses by name.

#include <sinter/frontend/losses.h>
#include <sinter/frontend/near_matches.h>

namespace sinter {

namespace {

std::string name_or(const std::string& name, const char* usual) { return name.empty() ? usual : name; }

}  // namespace

MeanSquaredError::MeanSquaredError(const LossOptions& o)
    : FunctionLoss(name_or(o.name, "mean_squared_error"), mean_squared_error, o.reduction) {}
MeanAbsoluteError::MeanAbsoluteError(const LossOptions& o)
    : FunctionLoss(name_or(o.name, "mean_absolute_error"), mean_absolute_error, o.reduction) {}
MeanAbsolutePercentageError::MeanAbsolutePercentageError(const LossOptions& o)
    : FunctionLoss(name_or(o.name, "mean_absolute_percentage_error"), mean_absolute_percentage_error, o.reduction) {}
MeanSquaredLogarithmicError::MeanSquaredLogarithmicError(const LossOptions& o)
    : FunctionLoss(name_or(o.name, "mean_squared_logarithmic_error"), mean_squared_logarithmic_error, o.reduction) {}
Huber::Huber(const HuberOptions& o)
    : FunctionLoss(
          name_or(o.name, "huber_loss"),
          [delta = o.delta](const Tensor& t, const Tensor& p) { return huber(t, p, delta); }, o.reduction) {}
LogCosh::LogCosh(const LossOptions& o) : FunctionLoss(name_or(o.name, "log_cosh"), log_cosh, o.reduction) {}
Hinge::Hinge(const LossOptions& o) : FunctionLoss(name_or(o.name, "hinge"), hinge, o.reduction) {}
SquaredHinge::SquaredHinge(const LossOptions& o)
    : FunctionLoss(name_or(o.name, "squared_hinge"), squared_hinge, o.reduction) {}
CategoricalHinge::CategoricalHinge(const LossOptions& o)
    : FunctionLoss(name_or(o.name, "categorical_hinge"), categorical_hinge, o.reduction) {}
KLDivergence::KLDivergence(const LossOptions& o)
    : FunctionLoss(name_or(o.name, "kl_divergence"), kl_divergence, o.reduction) {}
Poisson::Poisson(const LossOptions& o) : FunctionLoss(name_or(o.name, "poisson"), poisson, o.reduction) {}
CosineSimilarity::CosineSimilarity(const CosineSimilarityOptions& o)
    : FunctionLoss(
          name_or(o.name, "cosine_similarity"),
          [axis = o.axis](const Tensor& t, const Tensor& p) { return -cosine_similarity(t, p, axis); }, o.reduction) {}
BinaryCrossentropy::BinaryCrossentropy(const CrossentropyOptions& o)
    : FunctionLoss(
          name_or(o.name, "binary_crossentropy"),
          [o](const Tensor& t, const Tensor& p) { return binary_crossentropy(t, p, o); }, o.reduction) {}
CategoricalCrossentropy::CategoricalCrossentropy(const CrossentropyOptions& o)
    : FunctionLoss(
          name_or(o.name, "categorical_crossentropy"),
          [o](const Tensor& t, const Tensor& p) { return categorical_crossentropy(t, p, o); }, o.reduction) {}
SparseCategoricalCrossentropy::SparseCategoricalCrossentropy(const CrossentropyOptions& o)
    : FunctionLoss(
          name_or(o.name, "sparse_categorical_crossentropy"),
          [o](const Tensor& t, const Tensor& p) { return sparse_categorical_crossentropy(t, p, o); }, o.reduction) {}
std::int64_t SparseCategoricalCrossentropy::classes(const TensorType& y_pred) const {
  return y_pred.rank() == 0 ? 0 : y_pred.shape[-1];
}
BinaryFocalCrossentropy::BinaryFocalCrossentropy(const FocalOptions& o)
    : FunctionLoss(
          name_or(o.name, "binary_focal_crossentropy"),
          [o](const Tensor& t, const Tensor& p) { return binary_focal_crossentropy(t, p, o); }, o.reduction) {}
CategoricalFocalCrossentropy::CategoricalFocalCrossentropy(const FocalOptions& o)
    : FunctionLoss(
          name_or(o.name, "categorical_focal_crossentropy"),
          [o](const Tensor& t, const Tensor& p) { return categorical_focal_crossentropy(t, p, o); }, o.reduction) {}

namespace {

using Make = std::shared_ptr<const Loss> (*)();

template <class L>
std::shared_ptr<const Loss> make_loss() {
  return std::make_shared<const L>();
}

struct Known {
  std::string name;
  Make make;
};

/// Aliases stand after the name of a loss; class names are known too.
const std::vector<Known>& known_losses() {
  static const std::vector<Known> known = {
      {"mean_squared_error", make_loss<MeanSquaredError>},
      {"mse", make_loss<MeanSquaredError>},
      {"MeanSquaredError", make_loss<MeanSquaredError>},
      {"mean_absolute_error", make_loss<MeanAbsoluteError>},
      {"mae", make_loss<MeanAbsoluteError>},
      {"MeanAbsoluteError", make_loss<MeanAbsoluteError>},
      {"mean_absolute_percentage_error", make_loss<MeanAbsolutePercentageError>},
      {"mape", make_loss<MeanAbsolutePercentageError>},
      {"MeanAbsolutePercentageError", make_loss<MeanAbsolutePercentageError>},
      {"mean_squared_logarithmic_error", make_loss<MeanSquaredLogarithmicError>},
      {"msle", make_loss<MeanSquaredLogarithmicError>},
      {"MeanSquaredLogarithmicError", make_loss<MeanSquaredLogarithmicError>},
      {"huber", make_loss<Huber>},
      {"huber_loss", make_loss<Huber>},
      {"Huber", make_loss<Huber>},
      {"log_cosh", make_loss<LogCosh>},
      {"logcosh", make_loss<LogCosh>},
      {"LogCosh", make_loss<LogCosh>},
      {"hinge", make_loss<Hinge>},
      {"Hinge", make_loss<Hinge>},
      {"squared_hinge", make_loss<SquaredHinge>},
      {"SquaredHinge", make_loss<SquaredHinge>},
      {"categorical_hinge", make_loss<CategoricalHinge>},
      {"CategoricalHinge", make_loss<CategoricalHinge>},
      {"kl_divergence", make_loss<KLDivergence>},
      {"kld", make_loss<KLDivergence>},
      {"KLDivergence", make_loss<KLDivergence>},
      {"poisson", make_loss<Poisson>},
      {"Poisson", make_loss<Poisson>},
      {"cosine_similarity", make_loss<CosineSimilarity>},
      {"CosineSimilarity", make_loss<CosineSimilarity>},
      {"binary_crossentropy", make_loss<BinaryCrossentropy>},
      {"bce", make_loss<BinaryCrossentropy>},
      {"BinaryCrossentropy", make_loss<BinaryCrossentropy>},
      {"categorical_crossentropy", make_loss<CategoricalCrossentropy>},
      {"CategoricalCrossentropy", make_loss<CategoricalCrossentropy>},
      {"sparse_categorical_crossentropy", make_loss<SparseCategoricalCrossentropy>},
      {"SparseCategoricalCrossentropy", make_loss<SparseCategoricalCrossentropy>},
      {"binary_focal_crossentropy", make_loss<BinaryFocalCrossentropy>},
      {"BinaryFocalCrossentropy", make_loss<BinaryFocalCrossentropy>},
      {"categorical_focal_crossentropy", make_loss<CategoricalFocalCrossentropy>},
      {"CategoricalFocalCrossentropy", make_loss<CategoricalFocalCrossentropy>}};
  return known;
}

}  // namespace

const std::vector<std::string>& AnyLoss::names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const Known& k : known_losses())
      if (k.name[0] >= 'a') result.push_back(k.name);
    return result;
  }();
  return names;
}

AnyLoss::AnyLoss(std::string_view name) {
  for (const Known& k : known_losses()) {
    if (k.name != name) continue;
    loss_ = k.make();
    return;
  }
  unknown_name("loss", name, names());
}

}  // namespace sinter
