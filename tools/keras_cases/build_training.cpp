// Losses, metrics, optimizers and schedules from configs.

#include <algorithm>
#include <cctype>
#include <map>

#include <sinter/frontend/classification_metrics.h>
#include <sinter/ir/error.h>

#include "builders.h"

namespace keras_cases {

using namespace sinter;

namespace {

/// "MeanSquaredError" -> "mean_squared_error"; other spellings stay.
std::string snake_case(const std::string& name) {
  std::string result;
  for (std::size_t k = 0; k < name.size(); ++k) {
    const bool upper = std::isupper(static_cast<unsigned char>(name[k])) != 0;
    const bool starts = upper && k > 0 && std::islower(static_cast<unsigned char>(name[k - 1])) != 0;
    if (starts) result += '_';
    result += static_cast<char>(std::tolower(static_cast<unsigned char>(name[k])));
  }
  return result;
}

Reduction reduction_of(const Config& c) {
  const Json* given = c.value("reduction");
  if (given != nullptr && given->is_null()) return Reduction::none;
  const std::string name = c.text("reduction", "sum_over_batch_size");
  for (const Reduction r : {Reduction::sum_over_batch_size, Reduction::mean, Reduction::mean_with_sample_weight,
                            Reduction::sum, Reduction::none})
    if (to_string(r) == name) return r;
  throw Unsupported("reduction '" + name + "'");
}

CrossentropyOptions crossentropy_options(const Config& c) {
  c.refuse({"ignore_class"});
  if (c.integer("axis", -1) != -1) throw Unsupported("cross-entropy over another axis than the last");
  return {.from_logits = c.flag("from_logits", false),
          .label_smoothing = c.number("label_smoothing", 0.0),
          .use_known_logits = false,
          .reduction = reduction_of(c)};
}

FocalOptions focal_options(const Config& c) {
  if (c.integer("axis", -1) != -1) throw Unsupported("cross-entropy over another axis than the last");
  return {.alpha = c.number("alpha", 0.25),
          .gamma = c.number("gamma", 2.0),
          .apply_class_balancing = c.flag("apply_class_balancing", false),
          .from_logits = c.flag("from_logits", false),
          .label_smoothing = c.number("label_smoothing", 0.0),
          .reduction = reduction_of(c)};
}

template <class L>
AnyLoss plain_loss(const Config& c) {
  return L(LossOptions{.reduction = reduction_of(c)});
}

using LossBuilder = AnyLoss (*)(const Config&);

const std::map<std::string, LossBuilder>& loss_builders() {
  static const std::map<std::string, LossBuilder> all = {
      {"mean_squared_error", plain_loss<MeanSquaredError>},
      {"mean_absolute_error", plain_loss<MeanAbsoluteError>},
      {"mean_absolute_percentage_error", plain_loss<MeanAbsolutePercentageError>},
      {"mean_squared_logarithmic_error", plain_loss<MeanSquaredLogarithmicError>},
      {"log_cosh", plain_loss<LogCosh>},
      {"hinge", plain_loss<Hinge>},
      {"squared_hinge", plain_loss<SquaredHinge>},
      {"categorical_hinge", plain_loss<CategoricalHinge>},
      {"kldivergence", plain_loss<KLDivergence>},
      {"kl_divergence", plain_loss<KLDivergence>},
      {"poisson", plain_loss<Poisson>},
      {"huber",
       [](const Config& c) -> AnyLoss {
         return Huber({.delta = c.number("delta", 1.0), .reduction = reduction_of(c)});
       }},
      {"cosine_similarity",
       [](const Config& c) -> AnyLoss {
         return CosineSimilarity({.axis = c.integer("axis", -1), .reduction = reduction_of(c)});
       }},
      {"binary_crossentropy", [](const Config& c) -> AnyLoss { return BinaryCrossentropy(crossentropy_options(c)); }},
      {"categorical_crossentropy",
       [](const Config& c) -> AnyLoss { return CategoricalCrossentropy(crossentropy_options(c)); }},
      {"sparse_categorical_crossentropy",
       [](const Config& c) -> AnyLoss { return SparseCategoricalCrossentropy(crossentropy_options(c)); }},
      {"binary_focal_crossentropy",
       [](const Config& c) -> AnyLoss { return BinaryFocalCrossentropy(focal_options(c)); }},
      {"categorical_focal_crossentropy",
       [](const Config& c) -> AnyLoss { return CategoricalFocalCrossentropy(focal_options(c)); }}};
  return all;
}

std::string full_loss_name(const std::string& name) {
  static const std::map<std::string, std::string> aliases = {{"mse", "mean_squared_error"},
                                                             {"mae", "mean_absolute_error"},
                                                             {"mape", "mean_absolute_percentage_error"},
                                                             {"msle", "mean_squared_logarithmic_error"},
                                                             {"huber_loss", "huber"},
                                                             {"bce", "binary_crossentropy"},
                                                             {"kld", "kl_divergence"},
                                                             {"logcosh", "log_cosh"}};
  const std::string snake = snake_case(name);
  const auto found = aliases.find(snake);
  return found == aliases.end() ? snake : found->second;
}

}  // namespace

AnyLoss make_loss(const std::string& name, const Config& config) {
  const auto found = loss_builders().find(full_loss_name(name));
  if (found == loss_builders().end()) throw Unsupported("loss '" + name + "'");
  return found->second(config);
}

AnyMetric make_metric(const std::string& name, const Config& config) {
  if (name == "Accuracy") return Accuracy();
  const std::string snake = snake_case(name);
  if (snake == "binary_accuracy") return BinaryAccuracy({.threshold = config.number("threshold", 0.5)});
  const DecisionOptions decision{.threshold = config.number("thresholds", 0.5)};
  if (snake == "precision") return Precision(decision);
  if (snake == "recall") return Recall(decision);
  if (snake == "top_kcategorical_accuracy") return TopKCategoricalAccuracy({.k = config.integer("k", 5)});
  if (snake == "sparse_top_kcategorical_accuracy") return SparseTopKCategoricalAccuracy({.k = config.integer("k", 5)});
  const auto& known = AnyMetric::names();
  if (std::ranges::find(known, snake) == known.end()) throw Unsupported("metric '" + name + "'");
  return snake;
}

namespace {

/// The options that every optimizer has.
template <class Options>
Options common_options(const Config& c) {
  c.refuse({"loss_scale_factor"});
  Options o;
  o.use_ema = c.flag("use_ema", false);
  o.ema_momentum = c.number("ema_momentum", o.ema_momentum);
  if (o.use_ema && c.has("ema_overwrite_frequency")) o.ema_overwrite_frequency = c.integer("ema_overwrite_frequency");
  if (c.has("gradient_accumulation_steps")) o.gradient_accumulation_steps = c.integer("gradient_accumulation_steps");
  o.learning_rate = c.number("learning_rate", o.learning_rate.value());
  o.clipnorm = c.maybe("clipnorm");
  o.global_clipnorm = c.maybe("global_clipnorm");
  o.clipvalue = c.maybe("clipvalue");
  if constexpr (requires { o.weight_decay.has_value(); })
    o.weight_decay = c.maybe("weight_decay");
  else
    o.weight_decay = c.number("weight_decay", o.weight_decay);
  if constexpr (requires { o.epsilon; }) o.epsilon = c.number("epsilon", o.epsilon);
  if constexpr (requires { o.beta_1; }) o.beta_1 = c.number("beta_1", o.beta_1);
  if constexpr (requires { o.beta_2; }) o.beta_2 = c.number("beta_2", o.beta_2);
  if constexpr (requires { o.rho; }) o.rho = c.number("rho", o.rho);
  if constexpr (requires { o.momentum; }) o.momentum = c.number("momentum", o.momentum);
  if constexpr (requires { o.nesterov; }) o.nesterov = c.flag("nesterov", o.nesterov);
  if constexpr (requires { o.centered; }) o.centered = c.flag("centered", o.centered);
  if constexpr (requires { o.amsgrad; }) o.amsgrad = c.flag("amsgrad", o.amsgrad);
  if constexpr (requires { o.initial_accumulator_value; })
    o.initial_accumulator_value = c.number("initial_accumulator_value", o.initial_accumulator_value);
  return o;
}

FtrlOptions ftrl_options(const Config& c) {
  auto o = common_options<FtrlOptions>(c);
  o.learning_rate_power = c.number("learning_rate_power", o.learning_rate_power);
  o.l1_regularization_strength = c.number("l1_regularization_strength", 0.0);
  o.l2_regularization_strength = c.number("l2_regularization_strength", 0.0);
  o.l2_shrinkage_regularization_strength = c.number("l2_shrinkage_regularization_strength", 0.0);
  o.beta = c.number("beta", 0.0);
  return o;
}

template <class O, class Options>
AnyOptimizer plain_optimizer(const Config& c) {
  return O(common_options<Options>(c));
}

using OptimizerBuilder = AnyOptimizer (*)(const Config&);

const std::map<std::string, OptimizerBuilder>& optimizer_builders() {
  static const std::map<std::string, OptimizerBuilder> all = {
      {"sgd", plain_optimizer<SGD, SGDOptions>},
      {"rmsprop", plain_optimizer<RMSprop, RMSpropOptions>},
      {"adam", plain_optimizer<Adam, AdamOptions>},
      {"adamw", plain_optimizer<AdamW, AdamWOptions>},
      {"adagrad", plain_optimizer<Adagrad, AdagradOptions>},
      {"adadelta", plain_optimizer<Adadelta, AdadeltaOptions>},
      {"adamax", plain_optimizer<Adamax, AdamaxOptions>},
      {"nadam", plain_optimizer<Nadam, NadamOptions>},
      {"lion", plain_optimizer<Lion, LionOptions>},
      {"lamb", plain_optimizer<Lamb, LambOptions>},
      {"ftrl", [](const Config& c) -> AnyOptimizer { return Ftrl(ftrl_options(c)); }}};
  return all;
}

}  // namespace

AnyOptimizer make_optimizer(const std::string& name, const Config& config) {
  std::string plain;
  for (const char c : name)
    if (c != '_') plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto found = optimizer_builders().find(plain);
  if (found == optimizer_builders().end()) throw Unsupported("optimizer '" + name + "'");
  return found->second(config);
}

LearningRate make_schedule(const std::string& name, const Config& c) {
  const double initial = c.number("initial_learning_rate", 0.01);
  const double steps = c.number("decay_steps", 1.0);
  if (name == "ExponentialDecay")
    return ExponentialDecay{initial, steps, c.number("decay_rate", 0.9), c.flag("staircase", false)};
  if (name == "PiecewiseConstantDecay" || name == "PiecewiseConstant")
    return PiecewiseConstantDecay{c.numbers("boundaries"), c.numbers("values")};
  if (name == "PolynomialDecay")
    return PolynomialDecay{initial, steps, c.number("end_learning_rate", 0.0001), c.number("power", 1.0),
                           c.flag("cycle", false)};
  if (name == "InverseTimeDecay")
    return InverseTimeDecay{initial, steps, c.number("decay_rate", 0.9), c.flag("staircase", false)};
  if (name == "CosineDecay") {
    const bool warms = c.has("warmup_target");
    return CosineDecay{initial, steps, c.number("alpha", 0.0), c.number("warmup_target", 0.0),
                       warms ? c.number("warmup_steps", 0.0) : 0.0};
  }
  if (name == "CosineDecayRestarts" || name == "SGDRDecay")
    return CosineDecayRestarts{initial, c.number("first_decay_steps", 1.0), c.number("t_mul", 2.0),
                               c.number("m_mul", 1.0), c.number("alpha", 0.0)};
  throw Unsupported("schedule '" + name + "'");
}

}  // namespace keras_cases
