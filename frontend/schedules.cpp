#include <sinter/frontend/schedules.h>

#include <cmath>
#include <numbers>

#include <sinter/ir/error.h>

namespace sinter {

namespace {

/// The smallest integer not below x.
Tensor ceiling(const Tensor& x) { return -floor(-x); }

/// From 1 to alpha along half a cosine, for done in [0, 1].
Tensor cosine(const Tensor& done, double alpha) {
  const Tensor wave = 0.5 * (1.0 + cos(std::numbers::pi * done));
  return (1.0 - alpha) * wave + alpha;
}

void expect_positive(double value, const char* what) {
  if (!(value > 0.0)) user_error("learning rate schedule: ", what, " must be positive, got ", value);
}

}  // namespace

Tensor ExponentialDecay::operator()(const Tensor& step) const {
  expect_positive(decay_steps, "decay_steps");
  const Tensor power = staircase ? floor(step / decay_steps) : step / decay_steps;
  return initial_learning_rate * pow(decay_rate, power);
}

Tensor PiecewiseConstantDecay::operator()(const Tensor& step) const {
  if (values.size() != boundaries.size() + 1)
    user_error("PiecewiseConstantDecay: expected one value more than boundaries, got ", values.size(), " values and ",
               boundaries.size(), " boundaries");
  Tensor rate = full_like(step, values.back());
  for (std::size_t k = boundaries.size(); k-- > 0;) rate = where(less_equal(step, boundaries[k]), values[k], rate);
  return rate;
}

Tensor PolynomialDecay::operator()(const Tensor& step) const {
  expect_positive(decay_steps, "decay_steps");
  Tensor length = full_like(step, decay_steps);
  Tensor at = step;
  if (cycle) {
    length = length * maximum(ceiling(step / decay_steps), 1.0);
  } else {
    at = minimum(step, decay_steps);
  }
  return (initial_learning_rate - end_learning_rate) * pow(1.0 - at / length, power) + end_learning_rate;
}

Tensor InverseTimeDecay::operator()(const Tensor& step) const {
  expect_positive(decay_steps, "decay_steps");
  const Tensor passed = staircase ? floor(step / decay_steps) : step / decay_steps;
  return initial_learning_rate / (1.0 + decay_rate * passed);
}

Tensor CosineDecay::operator()(const Tensor& step) const {
  expect_positive(decay_steps, "decay_steps");
  const double top = warmup_steps > 0.0 ? warmup_target : initial_learning_rate;
  const Tensor done = minimum(maximum(step - warmup_steps, 0.0), decay_steps) / decay_steps;
  const Tensor decayed = top * cosine(done, alpha);
  if (!(warmup_steps > 0.0)) return decayed;
  const Tensor warm = (warmup_target - initial_learning_rate) * (step / warmup_steps) + initial_learning_rate;
  return where(less(step, warmup_steps), warm, decayed);
}

Tensor CosineDecayRestarts::operator()(const Tensor& step) const {
  expect_positive(first_decay_steps, "first_decay_steps");
  const Tensor passed = step / first_decay_steps;
  Tensor restart, done;
  if (t_mul == 1.0) {
    restart = floor(passed);
    done = passed - restart;
  } else {
    // Periods grow as a geometric series: after n of them (1 - t^n) / (1 - t) first periods have passed.
    restart = floor(log(1.0 - passed * (1.0 - t_mul)) / std::log(t_mul));
    const Tensor longer = pow(t_mul, restart);
    done = (passed - (1.0 - longer) / (1.0 - t_mul)) / longer;
  }
  return initial_learning_rate * pow(m_mul, restart) * cosine(done, alpha);
}

}  // namespace sinter
