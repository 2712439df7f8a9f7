#include <sinter/frontend/optimizers.h>

#include <sinter/frontend/near_matches.h>

namespace sinter {

namespace {

template <class Options>
OptimizerOptions common(const Options& o) {
  return {.name = o.name,
          .learning_rate = o.learning_rate,
          .weight_decay = o.weight_decay,
          .clipnorm = o.clipnorm,
          .global_clipnorm = o.global_clipnorm,
          .clipvalue = o.clipvalue,
          .use_ema = o.use_ema,
          .ema_momentum = o.ema_momentum,
          .ema_overwrite_frequency = o.ema_overwrite_frequency,
          .gradient_accumulation_steps = o.gradient_accumulation_steps};
}

AdamOptions adam_options(const AdamWOptions& o) {
  return {.learning_rate = o.learning_rate,
          .beta_1 = o.beta_1,
          .beta_2 = o.beta_2,
          .epsilon = o.epsilon,
          .amsgrad = o.amsgrad,
          .weight_decay = o.weight_decay,
          .clipnorm = o.clipnorm,
          .global_clipnorm = o.global_clipnorm,
          .clipvalue = o.clipvalue,
          .use_ema = o.use_ema,
          .ema_momentum = o.ema_momentum,
          .ema_overwrite_frequency = o.ema_overwrite_frequency,
          .gradient_accumulation_steps = o.gradient_accumulation_steps,
          .name = o.name};
}

/// old + (1 - beta) (sample - old): an average that forgets.
Tensor follow(const Tensor& old, const Tensor& sample, double beta) { return old + (sample - old) * (1.0 - beta); }

}  // namespace

SGD::SGD(const SGDOptions& o) : Optimizer(common(o)), momentum_(o.momentum), nesterov_(o.nesterov) {
  const bool in_range = momentum_ >= 0.0 && momentum_ <= 1.0;  // NaN is not
  if (!in_range) user_error("SGD: momentum must lie in [0, 1], got ", momentum_);
}

void SGD::update(UpdateContext& c) const {
  const Tensor step = c.learning_rate() * c.gradient();
  if (momentum_ == 0.0) return c.assign(c.value() - step);
  const Tensor old = c.slot("momentum");
  const Tensor m = momentum_ * old - step;
  c.assign(old, m);
  c.assign(c.value() + (nesterov_ ? momentum_ * m - step : m));
}

RMSprop::RMSprop(const RMSpropOptions& o) : Optimizer(common(o)), own_(o) {}

void RMSprop::update(UpdateContext& c) const {
  const Tensor g = c.gradient();
  const Tensor old = c.slot("velocity");
  const Tensor v = own_.rho * old + (1.0 - own_.rho) * square(g);
  c.assign(old, v);
  Tensor spread = v;
  const Tensor momentum = own_.momentum > 0.0 ? c.slot("momentum") : Tensor();
  if (own_.centered) {
    const Tensor old_mean = c.slot("average_gradient");
    const Tensor mean_gradient = own_.rho * old_mean + (1.0 - own_.rho) * g;
    c.assign(old_mean, mean_gradient);
    spread = v - square(mean_gradient);
  }
  Tensor step = c.learning_rate() * g / sqrt(spread + own_.epsilon);
  if (own_.momentum > 0.0) {
    step = own_.momentum * momentum + step;
    c.assign(momentum, step);
  }
  c.assign(c.value() - step);
}

Adam::Adam(const AdamOptions& o) : Optimizer(common(o)), own_(o) {}
AdamW::AdamW(const AdamWOptions& o) : Adam(adam_options(o)) {}

void Adam::update(UpdateContext& c) const {
  const Tensor old_m = c.slot("momentum");
  const Tensor old_v = c.slot("velocity");
  const Tensor m = follow(old_m, c.gradient(), own_.beta_1);
  const Tensor v = follow(old_v, square(c.gradient()), own_.beta_2);
  c.assign(old_m, m);
  c.assign(old_v, v);
  Tensor spread = v;
  if (own_.amsgrad) {
    const Tensor old_largest = c.slot("velocity_hat");
    spread = maximum(old_largest, v);
    c.assign(old_largest, spread);
  }
  const Tensor t = c.step();
  const Tensor alpha = c.learning_rate() * sqrt(1.0 - pow(own_.beta_2, t)) / (1.0 - pow(own_.beta_1, t));
  c.assign(c.value() - m * alpha / (sqrt(spread) + own_.epsilon));
}

Adagrad::Adagrad(const AdagradOptions& o) : Optimizer(common(o)), own_(o) {}

void Adagrad::update(UpdateContext& c) const {
  const Tensor old = c.slot("accumulator", own_.initial_accumulator_value);
  const Tensor sum_of_squares = old + square(c.gradient());
  c.assign(old, sum_of_squares);
  c.assign(c.value() - c.learning_rate() * c.gradient() / sqrt(sum_of_squares + own_.epsilon));
}

Adadelta::Adadelta(const AdadeltaOptions& o) : Optimizer(common(o)), own_(o) {}

void Adadelta::update(UpdateContext& c) const {
  const auto average = [this](const Tensor& old, const Tensor& x) {
    return own_.rho * old + (1.0 - own_.rho) * square(x);
  };
  const Tensor old_gradients = c.slot("accumulated_grad");
  const Tensor old_deltas = c.slot("accumulated_delta_var");
  const Tensor gradients = average(old_gradients, c.gradient());
  const Tensor delta = -(sqrt(old_deltas + own_.epsilon) * c.gradient()) / sqrt(gradients + own_.epsilon);
  c.assign(old_gradients, gradients);
  c.assign(old_deltas, average(old_deltas, delta));
  c.assign(c.value() + c.learning_rate() * delta);
}

Adamax::Adamax(const AdamaxOptions& o) : Optimizer(common(o)), own_(o) {}

void Adamax::update(UpdateContext& c) const {
  const Tensor old_m = c.slot("momentum");
  const Tensor old_u = c.slot("norm");
  const Tensor m = follow(old_m, c.gradient(), own_.beta_1);
  const Tensor u = maximum(own_.beta_2 * old_u, abs(c.gradient()));
  c.assign(old_m, m);
  c.assign(old_u, u);
  const Tensor correction = 1.0 - pow(own_.beta_1, c.step());
  c.assign(c.value() - c.learning_rate() * m / (correction * (u + own_.epsilon)));
}

Nadam::Nadam(const NadamOptions& o) : Optimizer(common(o)), own_(o) {}

void Nadam::update(UpdateContext& c) const {
  const Tensor g = c.gradient();
  const auto weight_at = [this](const Tensor& t) { return own_.beta_1 * (1.0 - 0.5 * pow(0.96, t)); };
  const Tensor old_m = c.slot("momentum");
  const Tensor old_v = c.slot("velocity");
  const Tensor old_product = c.shared("u_product", 1.0);
  const Tensor now = weight_at(c.step());
  const Tensor next = weight_at(c.step() + 1.0);
  const Tensor product = old_product * now;
  const Tensor m = follow(old_m, g, own_.beta_1);
  const Tensor v = follow(old_v, square(g), own_.beta_2);
  c.assign(old_m, m);
  c.assign(old_v, v);
  c.assign(old_product, product);
  const Tensor m_hat = next * m / (1.0 - product * next) + (1.0 - now) * g / (1.0 - product);
  const Tensor v_hat = v / (1.0 - pow(own_.beta_2, c.step()));
  c.assign(c.value() - m_hat * c.learning_rate() / (sqrt(v_hat) + own_.epsilon));
}

Lion::Lion(const LionOptions& o) : Optimizer(common(o)), own_(o) {}

void Lion::update(UpdateContext& c) const {
  const Tensor old = c.slot("momentum");
  const Tensor direction = sign(old * own_.beta_1 + c.gradient() * (1.0 - own_.beta_1));
  c.assign(old, old * own_.beta_2 + c.gradient() * (1.0 - own_.beta_2));
  c.assign(c.value() - c.learning_rate() * direction);
}

Ftrl::Ftrl(const FtrlOptions& o) : Optimizer(common(o)), own_(o) {}

void Ftrl::update(UpdateContext& c) const {
  const Tensor g = c.gradient();
  const Tensor w = c.value();
  const Tensor lr = c.learning_rate();
  const auto scale = [this](const Tensor& a) {
    return own_.learning_rate_power == -0.5 ? sqrt(a) : pow(a, -own_.learning_rate_power);
  };
  const Tensor old_squares = c.slot("accumulator", own_.initial_accumulator_value);
  const Tensor old_linear = c.slot("linear");
  const Tensor shrunk =
      own_.l2_shrinkage_regularization_strength == 0.0 ? g : g + 2.0 * own_.l2_shrinkage_regularization_strength * w;
  const Tensor squares = old_squares + square(g);
  const Tensor linear = old_linear + shrunk - (scale(squares) - scale(old_squares)) / lr * w;
  const Tensor l2 = own_.l2_regularization_strength + own_.beta / (2.0 * lr);
  const Tensor quadratic = scale(squares) / lr + 2.0 * l2;
  const double l1 = own_.l1_regularization_strength;
  c.assign(old_squares, squares);
  c.assign(old_linear, linear);
  c.assign((clip(linear, -l1, l1) - linear) / quadratic);
}

Lamb::Lamb(const LambOptions& o) : Optimizer(common(o)), own_(o) {}

void Lamb::update(UpdateContext& c) const {
  const Tensor old_m = c.slot("momentum");
  const Tensor old_v = c.slot("velocity");
  const Tensor m = follow(old_m, c.gradient(), own_.beta_1);
  const Tensor v = follow(old_v, square(c.gradient()), own_.beta_2);
  c.assign(old_m, m);
  c.assign(old_v, v);
  const Tensor m_hat = m / (1.0 - pow(own_.beta_1, c.step()));
  const Tensor v_hat = v / (1.0 - pow(own_.beta_2, c.step()));
  const Tensor direction = m_hat / (sqrt(v_hat) + own_.epsilon);
  const Tensor weight_norm = sqrt(sum(square(c.value())));
  const Tensor direction_norm = sqrt(sum(square(direction)));
  const Tensor both = logical_and(greater(weight_norm, 0.0), greater(direction_norm, 0.0));
  const Tensor ratio = where(both, weight_norm / direction_norm, 1.0);
  c.assign(c.value() - ratio * c.learning_rate() * direction);
}

namespace {

template <class O>
std::shared_ptr<const Optimizer> make_optimizer() {
  return std::make_shared<const O>();
}

struct Known {
  std::string name;        // "adam"
  std::string class_name;  // "Adam"
  std::shared_ptr<const Optimizer> (*make)();
};

const std::vector<Known>& known_optimizers() {
  static const std::vector<Known> known = {{"sgd", "SGD", make_optimizer<SGD>},
                                           {"rmsprop", "RMSprop", make_optimizer<RMSprop>},
                                           {"adam", "Adam", make_optimizer<Adam>},
                                           {"adamw", "AdamW", make_optimizer<AdamW>},
                                           {"adagrad", "Adagrad", make_optimizer<Adagrad>},
                                           {"adadelta", "Adadelta", make_optimizer<Adadelta>},
                                           {"adamax", "Adamax", make_optimizer<Adamax>},
                                           {"nadam", "Nadam", make_optimizer<Nadam>},
                                           {"lion", "Lion", make_optimizer<Lion>},
                                           {"ftrl", "Ftrl", make_optimizer<Ftrl>},
                                           {"lamb", "Lamb", make_optimizer<Lamb>}};
  return known;
}

}  // namespace

const std::vector<std::string>& AnyOptimizer::names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const Known& k : known_optimizers()) result.push_back(k.name);
    return result;
  }();
  return names;
}

AnyOptimizer::AnyOptimizer(std::string_view name) {
  for (const Known& k : known_optimizers()) {
    if (k.name != name && k.class_name != name) continue;
    optimizer_ = k.make();
    return;
  }
  unknown_name("optimizer", name, names());
}

}  // namespace sinter
